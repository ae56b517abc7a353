// From the names of CGI variables back to those of fields.
#include "server/protocol/header_name.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace owind::protocol;

namespace {

std::string restored(std::string_view variable) {
  std::string name(variable.size(), '?');
  return restore_header_name(variable, name.data()) ? name : "dropped";
}

}  // namespace

TEST_CASE(
    "restore_header_name: a dash for each underscore, a capital at the start of each word [RFC 3875 "
    "4.1.18]") {
  CHECK(restored("ACCEPT_LANGUAGE") == "Accept-Language");
  CHECK(restored("HOST") == "Host");
  CHECK(restored("X_REQUEST_ID2") == "X-Request-Id2");
  CHECK(restored("SEC_CH_UA") == "Sec-Ch-Ua");
  CHECK(restored("already_small") == "Already-Small");
  CHECK(restored("X-DASHED") == "X-Dashed");
}

TEST_CASE("restore_header_name: empty words and other characters of tokens are kept") {
  CHECK(restored("A__B") == "A--B");
  CHECK(restored("_A") == "-A");
  CHECK(restored("A_") == "A-");
  CHECK(restored("_") == "-");
  CHECK(restored("A.B!C") == "A.b!c");
  CHECK(restored("1A") == "1a");
}

TEST_CASE("restore_header_name: what is no token cannot have been a field [RFC 9110 5.6.2]") {
  CHECK(restored("") == "dropped");
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    const bool token = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                       (c != '\0' && std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos);
    CAPTURE(byte);
    CHECK((restored(std::string("X") + c + "Y") != "dropped") == token);
    CHECK((restored(std::string(1, c)) != "dropped") == token);
    CHECK(is_token(std::string("x") + c) == token);
  }
  CHECK(!is_token(""));
}
