// The forms of a request target.
#include "server/protocol/request_target.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace owind::protocol;

namespace {

/// Path and query, `?` between them where there is a query; "none" for no target.
std::string split(std::string_view target) {
  const auto parts = split_request_target(target);
  if (!parts) return "none";
  return std::string(parts->path) + (parts->query ? "?" + std::string(*parts->query) : "");
}

}  // namespace

TEST_CASE("split_request_target: origin-form, the query from the first question mark on [RFC 9112 3.2.1]") {
  CHECK(split("/") == "/");
  CHECK(split("/a%20b?c=d") == "/a%20b?c=d");
  CHECK(split("/a?") == "/a?");
  CHECK(split("/a??b?c") == "/a??b?c");
  CHECK(split("//a//b") == "//a//b");
  CHECK(split("/a://b") == "/a://b");
  CHECK(!split_request_target("/a")->query);
  CHECK(split_request_target("/a?")->query == "");
}

TEST_CASE("split_request_target: absolute-form without scheme and authority [RFC 9112 3.2.2]") {
  CHECK(split("http://example.com/a?b") == "/a?b");
  CHECK(split("HTTPS://user@[::1]:8443//x") == "//x");
  CHECK(split("http://example.com") == "");
  CHECK(split("http://example.com?b/c") == "?b/c");
  CHECK(split("http:///a") == "/a");
  CHECK(split("http://") == "");
  CHECK(split("a+b-c.1://h/x") == "/x");
}

TEST_CASE("split_request_target: asterisk-form is the root [RFC 9112 3.2.4]") {
  CHECK(split("*") == "");
  CHECK(split("*#x") == "");
}

TEST_CASE("split_request_target: a fragment is dropped") {
  CHECK(split("/a#b?c") == "/a");
  CHECK(split("/a?b#c") == "/a?b");
  CHECK(split("http://h#/f") == "");
}

TEST_CASE("split_request_target: everything else is none") {
  for (const auto* target : {"", "#", "#/a", "h:443", "path", "?x", "://h/", " /", "h ttp://x/", "\\a",
                             "%2Fa", "*x", "**", "http:/a"})
    CHECK(split(target) == "none");
}
