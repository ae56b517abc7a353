// Requests as visitors send them and what OWIN has of each (OWIN 1.0.1 §3.2.1, §5): one collection for all
// protocols. A case is true whether the request comes by HTTP, or through nginx by FastCGI.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace owind::protocol::testing {

struct RequestCase {
  std::string name;
  std::string method = "GET";
  std::string target = "/";
  std::string version = "HTTP/1.1";
  std::vector<std::pair<std::string, std::string>> fields = {{"Host", "example.com"}};
  std::string remote_ip = "192.0.2.7";
  std::string remote_port = "51234";
  std::string local_ip = "198.51.100.2";
  std::string local_port = "80";
  std::vector<std::string> trusted = {};  ///< Proxies (--trust-forwarded).

  int status = 0;  ///< What it is refused with; nothing else is looked at then.
  std::string path = "/";
  std::string query = "";
  /// Names in small letters, in the order of arrival; `:` and the value.
  std::vector<std::string> seen = {"host: example.com"};
  long long content_length = -1;
  bool is_head = false;
  bool is_local = false;
  std::string scheme = "http";
  /// Of the visitor; empty: who connected.
  std::string visitor_ip = "";
  std::string visitor_port = "0";
};

inline std::vector<RequestCase> request_cases() {
  std::vector<RequestCase> cases;
  const auto add = [&](RequestCase one) { cases.push_back(std::move(one)); };
  add({.name = "the root"});
  add({.name = "a path and a query",
       .target = "/items/list?a=1&b=%20",
       .path = "/items/list",
       .query = "a=1&b=%20"});
  add({.name = "escapes are decoded once", .target = "/a%20b/%2541", .path = "/a b/%41"});
  add({.name = "UTF-8", .target = "/%C3%A4", .path = "/\xc3\xa4"});
  add({.name = "what is no UTF-8 stays as it was sent", .target = "/%c3%28", .path = "/%c3("});
  add({.name = "dot segments", .target = "/a/./b/../../c", .path = "/c"});
  add({.name = "encoded dot segments", .target = "/a/%2e%2E/%2e%2e/etc", .path = "/etc"});
  add({.name = "an encoded slash", .target = "/a%2Fb", .path = "/a/b"});
  add({.name = "two slashes", .target = "//host/path", .path = "//host/path"});
  add({.name = "NUL", .target = "/a%00b", .status = 400});
  add({.name = "line ends in a path", .target = "/x%0d%0aSet-Cookie:a", .path = "/x\r\nSet-Cookie:a"});
  add({.name = "a question mark in the query", .target = "/a??b?c", .path = "/a", .query = "?b?c"});
  add({.name = "an empty query", .target = "/a?", .path = "/a"});
  add({.name = "the query is not decoded", .target = "/?%41+b", .query = "%41+b"});
  add({.name = "all of the server", .method = "OPTIONS", .target = "*", .path = "/"});
  add({.name = "HEAD", .method = "HEAD", .is_head = true});
  add({.name = "HTTP/1.0", .version = "HTTP/1.0"});
  add({.name = "fields in their order, repeated ones apart",
       .fields = {{"Host", "example.com"}, {"Accept", "a"}, {"X-One", "1"}, {"Accept", "b"}},
       .seen = {"host: example.com", "accept: a", "x-one: 1", "accept: b"}});
  add({.name = "an empty field",
       .fields = {{"Host", "example.com"}, {"X-Empty", ""}},
       .seen = {"host: example.com", "x-empty: "}});
  add({.name = "cookies become one",
       .fields = {{"Host", "example.com"}, {"Cookie", "a=1"}, {"Accept", "*/*"}, {"Cookie", "b=2"}},
       .seen = {"host: example.com", "cookie: a=1; b=2", "accept: */*"}});
  add({.name = "Proxy is dropped", .fields = {{"Host", "example.com"}, {"Proxy", "http://evil"}}});
  add({.name = "a body with a length",
       .method = "POST",
       .fields = {{"Host", "example.com"}, {"Content-Type", "text/plain"}, {"Content-Length", "5"}},
       .seen = {"host: example.com", "content-type: text/plain", "content-length: 5"},
       .content_length = 5});
  add({.name = "a host with a port",
       .fields = {{"Host", "example.com:8080"}},
       .seen = {"host: example.com:8080"}});
  add({.name = "an address as the host",
       .fields = {{"Host", "[2001:db8::1]:81"}},
       .seen = {"host: [2001:db8::1]:81"}});
  add({.name = "IPv6", .remote_ip = "2001:db8::7", .local_ip = "2001:db8::1"});
  add({.name = "a visitor on this machine",
       .remote_ip = "127.0.0.1",
       .local_ip = "127.0.0.1",
       .is_local = true});
  add({.name = "a visitor at this machine's own address", .remote_ip = "198.51.100.2", .is_local = true});
  add({.name = "a visitor on this machine by IPv6", .remote_ip = "::1", .local_ip = "::1", .is_local = true});
  const auto forwarded = [](std::string name, std::string value) {
    return std::vector<std::pair<std::string, std::string>>{{"Host", "example.com"}, {name, value}};
  };
  add({.name = "a proxy that is trusted tells the visitor",
       .fields = {{"Host", "example.com"},
                  {"X-Forwarded-For", "203.0.113.9, 192.0.2.8"},
                  {"X-Forwarded-Proto", "https"}},
       .trusted = {"192.0.2.0/24"},
       .seen = {"host: example.com", "x-forwarded-for: 203.0.113.9, 192.0.2.8", "x-forwarded-proto: https"},
       .scheme = "https",
       .visitor_ip = "203.0.113.9"});
  add({.name = "the standard field does as well",
       .fields = forwarded("Forwarded", "for=\"[2001:db8::9]:4711\";proto=https"),
       .trusted = {"192.0.2.7"},
       .seen = {"host: example.com", "forwarded: for=\"[2001:db8::9]:4711\";proto=https"},
       .scheme = "https",
       .visitor_ip = "2001:db8::9",
       .visitor_port = "4711"});
  add({.name = "whoever is not trusted tells nothing",
       .fields = forwarded("X-Forwarded-For", "203.0.113.9"),
       .seen = {"host: example.com", "x-forwarded-for: 203.0.113.9"}});
  add({.name = "what a trusted proxy passes on and nobody can read is refused",
       .fields = forwarded("Forwarded", "for="),
       .trusted = {"192.0.2.7"},
       .status = 400});
  add({.name = "a visitor behind a proxy on this machine is not local",
       .fields = forwarded("X-Forwarded-For", "203.0.113.9"),
       .remote_ip = "127.0.0.1",
       .seen = {"host: example.com", "x-forwarded-for: 203.0.113.9"}});
  add({.name = "a local visitor behind a trusted proxy is local",
       .fields = forwarded("X-Forwarded-For", "127.0.0.1"),
       .trusted = {"192.0.2.7"},
       .seen = {"host: example.com", "x-forwarded-for: 127.0.0.1"},
       .is_local = true,
       .visitor_ip = "127.0.0.1"});
  return cases;
}

}  // namespace owind::protocol::testing
