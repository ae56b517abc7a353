// Percent-decoding, dot segments and path bases: each rule at its edges.
#include "server/protocol/path_decoder.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace owind::protocol;
using namespace std::string_literals;
using namespace std::string_view_literals;

namespace {

std::string decoded(std::string_view raw, EncodedSlash slash = EncodedSlash::kDecode) {
  std::string to(raw.size(), '\xee');
  const DecodedPath result = decode_path(raw, slash, to.data());
  if (result.error == PathError::kNul) return "NUL";
  if (result.error == PathError::kEncodedSlash) return "SLASH";
  REQUIRE(result.length <= raw.size());
  to.resize(result.length);
  // In place it is the same.
  std::string same(raw);
  CHECK(decode_path(same, slash, same.data()).length == to.size());
  CHECK(same.substr(0, to.size()) == to);
  return to;
}

std::string without_dots(std::string path) {
  path.resize(remove_dot_segments(path.data(), path.size()));
  return path;
}

/// The three escapes, four letters and so on of `bytes`.
std::string escape(std::string_view bytes) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text += {'%', kHex[byte >> 4], kHex[byte & 15]};
  }
  return text;
}

}  // namespace

TEST_CASE("decode_path: escapes of ASCII become their byte, hexadecimal of either case [RFC 3986 2.1]") {
  CHECK(decoded("/a%20b") == "/a b");
  CHECK(decoded("/%41%7e%7E%2b") == "/A~~+");
  CHECK(decoded("/a+b") == "/a+b");
  CHECK(decoded("") == "");
  CHECK(decoded("/%0d%0A%09%7f") == "/\r\n\t\x7f");
  for (int byte = 1; byte < 0x80; ++byte) {
    const std::string one(1, static_cast<char>(byte));
    CHECK(decoded(escape(one)) == one);
  }
}

TEST_CASE("decode_path: nothing is decoded twice [OWIN 1.0.1 5.5]") {
  CHECK(decoded("/%2541") == "/%41");
  CHECK(decoded("/%252F") == "/%2F");
  CHECK(decoded("/%2500") == "/%00");
  CHECK(decoded("/%25252e") == "/%252e");
}

TEST_CASE("decode_path: a malformed escape stays as it stands") {
  for (const auto* path : {"/%", "/%4", "/%g1", "/%1g", "/%%", "/% 41", "/%u0041", "/a%"})
    CHECK(decoded(path) == path);
  CHECK(decoded("/%%41") == "/%A");
  CHECK(decoded("/%4%41") == "/%4A");
}

TEST_CASE("decode_path: escaped UTF-8 of every length is decoded [RFC 3629 4]") {
  for (const auto text : {"\u0080"sv, "\u00e4"sv, "\u07ff"sv, "\u0800"sv, "\ud7ff"sv, "\ue000"sv, "\uffff"sv,
                          "\U00010000"sv, "\U0010ffff"sv, "\u20ac\u00fc\U0001f600x"sv})
    CHECK(decoded("/" + escape(text)) == "/" + std::string(text));
}

TEST_CASE(
    "decode_path: what is not UTF-8 stays encoded: overlong, surrogates, beyond Unicode, cut short [RFC 3629 "
    "3]") {
  for (const auto bytes :
       {"\xc0\x80"sv, "\xc0\xaf"sv, "\xc1\xbf"sv, "\xe0\x80\xaf"sv, "\xe0\x9f\xbf"sv, "\xf0\x80\x80\xaf"sv,
        "\xf0\x8f\xbf\xbf"sv, "\xed\xa0\x80"sv, "\xed\xbf\xbf"sv, "\xf4\x90\x80\x80"sv, "\xf5\x80\x80\x80"sv,
        "\xff"sv, "\xfe"sv, "\x80"sv, "\xbf"sv, "\xc3"sv, "\xe2\x82"sv, "\xf0\x9f\x98"sv})
    CHECK(decoded("/" + escape(bytes) + "z") == "/" + escape(bytes) + "z");
  // What follows a broken sequence is read on its own.
  CHECK(decoded("/%E2%82%41") == "/%E2%82A");
  CHECK(decoded("/%C3%C3%A4") == "/%C3\xc3\xa4");
  CHECK(decoded("/%E2%C3%A4") == "/%E2\xc3\xa4");
  CHECK(decoded("/%c3") == "/%c3");
}

TEST_CASE("decode_path: every escaped pair of bytes decodes exactly when it is UTF-8 [RFC 3629 4]") {
  for (int first = 0x80; first < 0x100; ++first)
    for (int second = 0x80; second < 0x100; ++second) {
      const std::string bytes{static_cast<char>(first), static_cast<char>(second)};
      const bool valid = first >= 0xc2 && first <= 0xdf && second <= 0xbf;
      if (decoded(escape(bytes)) != (valid ? bytes : escape(bytes))) FAIL(escape(bytes));
    }
}

TEST_CASE("decode_path: bytes that were not encoded are kept, and complete no escaped sequence") {
  CHECK(decoded("/\xc3\xa4") == "/\xc3\xa4");
  CHECK(decoded("/\xff\x80") == "/\xff\x80");
  CHECK(decoded("/%C3\xa4") == "/%C3\xa4");
  CHECK(decoded("/\xc3%A4") == "/\xc3%A4");
}

TEST_CASE("decode_path: NUL is an error, encoded or not") {
  CHECK(decoded("/a%00b") == "NUL");
  CHECK(decoded("/a\0b"s) == "NUL");
  CHECK(decoded("%00") == "NUL");
  CHECK(decoded("/%0") == "/%0");
}

TEST_CASE("decode_path: an encoded slash is decoded, kept as it was sent, or an error, as chosen") {
  CHECK(decoded("/a%2Fb%2fc") == "/a/b/c");
  CHECK(decoded("/a%2Fb%2fc%20", EncodedSlash::kKeep) == "/a%2Fb%2fc ");
  CHECK(decoded("/a%2Fb", EncodedSlash::kReject) == "SLASH");
  CHECK(decoded("/a%2f", EncodedSlash::kReject) == "SLASH");
  CHECK(decoded("/a/b%5C%252F", EncodedSlash::kReject) == "/a/b\\%2F");
}

TEST_CASE("remove_dot_segments: the examples of the specification [RFC 3986 5.2.4]") {
  CHECK(without_dots("/a/b/c/./../../g") == "/a/g");
  CHECK(without_dots("/") == "/");
  CHECK(without_dots("") == "");
  CHECK(without_dots("/.") == "/");
  CHECK(without_dots("/./") == "/");
  CHECK(without_dots("/a/.") == "/a/");
  CHECK(without_dots("/a/..") == "/");
  CHECK(without_dots("/a/b/..") == "/a/");
  CHECK(without_dots("/a/b/../") == "/a/");
  CHECK(without_dots("/a/./b") == "/a/b");
}

TEST_CASE("remove_dot_segments: never above the root") {
  CHECK(without_dots("/..") == "/");
  CHECK(without_dots("/../") == "/");
  CHECK(without_dots("/../../../etc") == "/etc");
  CHECK(without_dots("/a/../../b") == "/b");
  CHECK(without_dots("/a/../..") == "/");
}

TEST_CASE("remove_dot_segments: slashes are not merged, an empty segment is one segment") {
  CHECK(without_dots("//") == "//");
  CHECK(without_dots("//a//b//") == "//a//b//");
  CHECK(without_dots("/a//../b") == "/a/b");
  CHECK(without_dots("//..") == "/");
  CHECK(without_dots("//../a") == "/a");
  CHECK(without_dots("/.//a") == "//a");
}

TEST_CASE("remove_dot_segments: other segments with dots are names") {
  for (const auto* path : {"/...", "/..a", "/a..", "/.a", "/a.", "/a/.../b", "/. /", "/a.b/..c"})
    CHECK(without_dots(path) == path);
}

TEST_CASE("is_plain_path: true exactly when decoding and removing would change nothing") {
  for (const auto path : {""sv, "/"sv, "/a.b/c"sv, "//"sv, "/\xc3\xa4"sv, "/a..b"sv})
    CHECK(is_plain_path(path));
  for (const auto path : {"/%41"sv, "/."sv, "/a/../b"sv, "/.a"sv, "/a/.b"sv, "/a\0"sv, "%"sv})
    CHECK(!is_plain_path(path));
}

TEST_CASE("match_path_base: whole segments, either case of ASCII letters [OWIN 1.0.1 5.3]") {
  CHECK(match_path_base("/app/x", "/app") == 4);
  CHECK(match_path_base("/APP", "/app") == 4);
  CHECK(match_path_base("/app/", "/aPp") == 4);
  CHECK(match_path_base("/application", "/app") == 0);
  CHECK(match_path_base("/ap", "/app") == 0);
  CHECK(match_path_base("/x/app", "/app") == 0);
  CHECK(match_path_base("/app", "") == 0);
  CHECK(match_path_base("", "/app") == 0);
  // Lengths that change with the case of other letters must not matter (CVE-2026-24895).
  CHECK(match_path_base("/\u023a/x", "/\u2c65") == 0);
  CHECK(match_path_base("/\u00c4/x", "/\u00e4") == 0);
  CHECK(match_path_base("/\u00e4/x", "/\u00e4") == 3);
}
