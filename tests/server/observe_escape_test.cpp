#include "server/observe/escape.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace std::string_literals;
using owind::observe::escape;

TEST_CASE("escape: printable text of every language stays as it is") {
  CHECK(escape("") == "");
  CHECK(escape("GET /a?b=c HTTP/1.1 \"x\" ~") == "GET /a?b=c HTTP/1.1 \"x\" ~");
  CHECK(escape("Grüße, 世界 🙂") == "Grüße, 世界 🙂");
}

TEST_CASE("escape: control characters cannot begin a line or move a terminal") {
  CHECK(escape("a\r\nb") == "a\\x0d\\x0ab");
  CHECK(escape("\x1b[31m") == "\\x1b[31m");
  CHECK(escape("a\0b"s) == "a\\x00b");
  CHECK(escape("\t\x7f") == "\\x09\\x7f");
  CHECK(escape("\xc2\x9b") == "\\xc2\\x9b");           // CSI as one character of C1
  CHECK(escape("\xe2\x80\xa8") == "\\xe2\\x80\\xa8");  // line separator
  CHECK(escape("\xe2\x80\xae") == "\\xe2\\x80\\xae");  // right-to-left override
  for (int byte = 0; byte < 0x20; ++byte) {
    CAPTURE(byte);
    CHECK(escape(std::string(1, static_cast<char>(byte))).size() == 4);
  }
}

TEST_CASE("escape: a backslash cannot pretend to be an escape") { CHECK(escape("\\x0a") == "\\\\x0a"); }

TEST_CASE("escape: bytes that are not UTF-8 are shown one by one [RFC 3629 3]") {
  CHECK(escape("\xff") == "\\xff");
  CHECK(escape("\x80") == "\\x80");
  CHECK(escape("\xc0\xaf") == "\\xc0\\xaf");                    // overlong slash
  CHECK(escape("\xe0\x80\xaf") == "\\xe0\\x80\\xaf");           // the same in three bytes
  CHECK(escape("\xed\xa0\x80") == "\\xed\\xa0\\x80");           // surrogate
  CHECK(escape("\xf4\x90\x80\x80") == "\\xf4\\x90\\x80\\x80");  // above U+10FFFF
  CHECK(escape("\xf5\x80\x80\x80") == "\\xf5\\x80\\x80\\x80");
  CHECK(escape("\xc3") == "\\xc3");  // cut
  CHECK(escape("\xe4\xb8") == "\\xe4\\xb8");
  CHECK(escape("\xc3(") == "\\xc3(");
  CHECK(escape("\xf4\x8f\xbf\xbf") == "\xf4\x8f\xbf\xbf");  // U+10FFFF itself
}

TEST_CASE("escape: a long text is cut between characters and says how much is left out") {
  CHECK(escape("abcd", 4) == "abcd");
  CHECK(escape("abcde", 4) == "abcd... (1 bytes more)");
  CHECK(escape("abc\n", 4) == "abc... (1 bytes more)");
  CHECK(escape("abcü", 4) == "abc... (2 bytes more)");
  CHECK(escape("x", 0) == "... (1 bytes more)");
  const std::string line(20'000, 'x');
  CHECK(escape(line) == std::string(owind::observe::kMaxLineBytes, 'x') + "... (11808 bytes more)");
}
