// The head of a CGI response.
#include "fastcgi/cgi_response.hpp"

#include <doctest/doctest.h>

#include <string>

#include "fastcgi/reason_phrase.hpp"

using namespace owind::fastcgi;

namespace {

std::string format(const CgiHead& head) {
  std::vector<std::byte> out(3, std::byte{'>'});
  append_cgi_head(out, head);
  CHECK(out.size() == 3 + cgi_head_size(head));
  return {reinterpret_cast<const char*>(out.data()), out.size()};
}

}  // namespace

TEST_CASE("CgiHead: the status comes first, then the fields in their order [RFC 3875 6.3]") {
  const CgiField fields[] = {
      {"Content-Type", "text/plain"}, {"Set-Cookie", "a=1"}, {"Set-Cookie", "b=2"}, {"X-Empty", ""}};
  CHECK(format({.status = 201, .reason = "Made", .fields = fields}) ==
        ">>>Status: 201 Made\r\nContent-Type: text/plain\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-Empty: "
        "\r\n\r\n");
}

TEST_CASE("CgiHead: a status is always written, 200 and without fields too [RFC 3875 6.3.3]") {
  CHECK(format({}) == ">>>Status: 200 OK\r\n\r\n");
}

TEST_CASE(
    "CgiHead: a redirect keeps its status behind Location, where HAProxy takes it for one [RFC 3875 6.2.3]") {
  const CgiField fields[] = {{"X-First", "1"}, {"locAtion", "/there"}, {"Locations", "2"}};
  CHECK(format({.status = 307, .reason = {}, .fields = fields}) ==
        ">>>locAtion: /there\r\nStatus: 307 Temporary Redirect\r\nX-First: 1\r\nLocations: 2\r\n\r\n");
}

TEST_CASE("CgiHead: a missing reason is filled in and never empty [RFC 9110 15]") {
  CHECK(format({.status = 404, .reason = {}, .fields = {}}) == ">>>Status: 404 Not Found\r\n\r\n");
  CHECK(format({.status = 499, .reason = {}, .fields = {}}) == ">>>Status: 499 Client Error\r\n\r\n");
  CHECK(format({.status = 999, .reason = {}, .fields = {}}) == ">>>Status: 999 Unknown\r\n\r\n");
  for (unsigned status = 0; status <= 65535; ++status) {
    if (reason_phrase(static_cast<std::uint16_t>(status)).empty()) FAIL(status);
  }
}

TEST_CASE("CgiHead: a field named Status does not make a second one, in any case [RFC 3875 6.3]") {
  const CgiField fields[] = {
      {"Status", "500 No"}, {"sTATUS", "302"}, {"Statuses", "kept"}, {"X-Status", "kept"}};
  CHECK(format({.status = 200, .reason = {}, .fields = fields}) ==
        ">>>Status: 200 OK\r\nStatuses: kept\r\nX-Status: kept\r\n\r\n");
}
