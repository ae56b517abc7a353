// What OWIN sees of the variables of a FastCGI request (RFC 3875 §4.1; OWIN 1.0.1 §3.2.1, §5).
#include "server/protocol/fastcgi_mapper.hpp"

#include <doctest/doctest.h>

#include "tests/server/mapped_request.hpp"

using namespace owind::middleware;
using namespace owind::protocol;
using namespace owind::protocol::testing;
using namespace std::string_literals;

namespace {

using Lines = std::vector<std::string>;

/// A variable or two changed in what nginx sends.
MappedRequest nginx(const Params& changes, PathOptions options = {}) {
  return MappedRequest(with(nginx_params(), changes), std::move(options));
}

constexpr auto kScript = PathOptions::Mapping::kScript;
constexpr auto kPathInfo = PathOptions::Mapping::kPathInfo;

/// PathBase and Path, a `|` between them; the status when the request is refused.
std::string paths(const Params& params, PathOptions options = {}) {
  MappedRequest request(params, std::move(options));
  if (request.verdict.status != 0) return std::to_string(request.verdict.status);
  return std::string(request.path_base()) + "|" + std::string(request.path());
}
std::string target(std::string uri, PathOptions options = {}) {
  return paths({{"REQUEST_METHOD", "GET"}, {"REQUEST_URI", std::move(uri)}}, std::move(options));
}
std::string query_of(std::string uri) {
  return std::string(
      MappedRequest(Params{{"REQUEST_METHOD", "GET"}, {"REQUEST_URI", std::move(uri)}}).query());
}
std::string path_info(std::string script, std::string info, std::string base = "") {
  return paths(
      {{"REQUEST_METHOD", "GET"}, {"SCRIPT_NAME", std::move(script)}, {"PATH_INFO", std::move(info)}},
      {.mapping = kPathInfo, .path_base = std::move(base)});
}

}  // namespace

TEST_CASE("FastCgiMapper: a usual request of nginx gives every slot and its fields in order") {
  MappedRequest request(nginx_params());
  REQUIRE(request.verdict.status == 0);
  CHECK(request.get(Slot::kMethod) == "GET");
  CHECK(request.scheme() == "http");
  CHECK(request.path_base() == "");
  CHECK(request.path() == "/items/list");
  CHECK(request.query() == "a=1&b=%20");
  CHECK(request.get(Slot::kProtocol) == "HTTP/1.1");
  CHECK(request.get(Slot::kRemoteIp) == "192.0.2.7");
  CHECK(request.get(Slot::kRemotePort) == "51234");
  CHECK(request.get(Slot::kLocalIp) == "198.51.100.2");
  CHECK(request.get(Slot::kLocalPort) == "80");
  CHECK(request.get(Slot::kRawTarget) == "/items/list?a=1&b=%20");
  for (const Slot slot : {Slot::kRequestId, Slot::kClientCertificate, Slot::kRemoteUser, Slot::kGatewayRole})
    CHECK(!request.block.has(slot));
  for (const Slot slot :
       {Slot::kMethod, Slot::kScheme, Slot::kPathBase, Slot::kPath, Slot::kQueryString, Slot::kProtocol,
        Slot::kRemoteIp, Slot::kRemotePort, Slot::kLocalIp, Slot::kLocalPort})
    CHECK(request.block.has(slot));
  CHECK(request.block.flags() == kRequestFastCgi);
  CHECK(request.block.content_length() == -1);
  CHECK(request.fields() ==
        Lines{"Host: example.com",
              "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
              "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
              "Accept-Language: en-US,en;q=0.5", "Accept-Encoding: gzip, deflate, br",
              "Connection: keep-alive", "Cookie: session=0123456789abcdef0123456789abcdef"});
}

TEST_CASE("FastCgiMapper: a method alone is a request for the root [OWIN 1.0.1 3.2.1]") {
  MappedRequest request(Params{{"REQUEST_METHOD", "GET"}});
  REQUIRE(request.verdict.status == 0);
  CHECK(request.path() == "/");
  CHECK(request.path_base() == "");
  CHECK(request.query() == "");
  CHECK(request.scheme() == "http");
  CHECK(request.get(Slot::kProtocol) == "HTTP/1.0");
  CHECK(request.has_flag(kRequestHttp10));
  CHECK(request.get(Slot::kRemoteIp) == "127.0.0.1");
  CHECK(request.get(Slot::kRemotePort) == "0");
  CHECK(request.get(Slot::kLocalIp) == "127.0.0.1");
  CHECK(request.get(Slot::kLocalPort) == "0");
  CHECK(!request.has_flag(kRequestIsLocal));
  CHECK(!request.block.has(Slot::kRawTarget));
  CHECK(request.fields() == Lines{"Host: localhost"});
}

TEST_CASE(
    "FastCgiMapper: the method is passed as it was sent; none, or one that is no token, is a 400 [RFC 9110 "
    "9.1]") {
  for (const auto* method : {"GET", "get", "PROPFIND", "M-SEARCH", "X"})
    CHECK(nginx({{"REQUEST_METHOD", method}}).get(Slot::kMethod) == method);
  for (const auto& method : {""s, "GE T"s, "GET\r\n"s, "G\0"s, "\xc3\xa4"s})
    CHECK(nginx({{"REQUEST_METHOD", method}}).verdict.status == 400);
  CHECK(MappedRequest(without(nginx_params(), "REQUEST_METHOD")).verdict.status == 400);
  CHECK(!MappedRequest(Params{}).verdict.reason.empty());
}

TEST_CASE("FastCgiMapper: HEAD is flagged, by its exact name") {
  CHECK(nginx({{"REQUEST_METHOD", "HEAD"}}).has_flag(kRequestHead));
  CHECK(!nginx({{"REQUEST_METHOD", "head"}}).has_flag(kRequestHead));
  CHECK(!nginx({}).has_flag(kRequestHead));
}

TEST_CASE("FastCgiMapper: the protocol is passed on; 1.0 is flagged and stands in for none") {
  for (const auto* protocol : {"HTTP/1.1", "HTTP/2.0", "HTTP/3.0", "INCLUDED"}) {
    const MappedRequest request = nginx({{"SERVER_PROTOCOL", protocol}});
    CHECK(request.get(Slot::kProtocol) == protocol);
    CHECK(!request.has_flag(kRequestHttp10));
  }
  CHECK(nginx({{"SERVER_PROTOCOL", "HTTP/1.0"}}).has_flag(kRequestHttp10));
  CHECK(nginx({{"SERVER_PROTOCOL", ""}}).get(Slot::kProtocol) == "HTTP/1.0");
}

TEST_CASE(
    "FastCgiMapper: the scheme is REQUEST_SCHEME in small letters, else what HTTPS says, else http [OWIN "
    "1.0.1 5.1]") {
  CHECK(nginx({{"REQUEST_SCHEME", "https"}}).scheme() == "https");
  CHECK(nginx({{"REQUEST_SCHEME", "HTTPS"}}).scheme() == "https");
  CHECK(nginx({{"REQUEST_SCHEME", "http"}, {"HTTPS", "on"}}).scheme() == "http");
  for (const auto* scheme : {"", "ws", "httpsx"}) {
    CHECK(nginx({{"REQUEST_SCHEME", scheme}, {"HTTPS", "on"}}).scheme() == "https");
    CHECK(nginx({{"REQUEST_SCHEME", scheme}, {"HTTPS", "ON"}}).scheme() == "https");
    CHECK(nginx({{"REQUEST_SCHEME", scheme}, {"HTTPS", "1"}}).scheme() == "https");
    CHECK(nginx({{"REQUEST_SCHEME", scheme}, {"HTTPS", "off"}}).scheme() == "http");
    CHECK(nginx({{"REQUEST_SCHEME", scheme}, {"HTTPS", ""}}).scheme() == "http");
    CHECK(nginx({{"REQUEST_SCHEME", scheme}}).scheme() == "http");
  }
  // A field named "Https" is no variable of the front end.
  CHECK(nginx({{"REQUEST_SCHEME", ""}, {"HTTP_HTTPS", "on"}}).scheme() == "http");
}

// ---- the path
// -----------------------------------------------------------------------------------------------------------

TEST_CASE("FastCgiMapper: the path is that of REQUEST_URI, decoded once [OWIN 1.0.1 5.5]") {
  CHECK(target("/") == "|/");
  CHECK(target("/plain/path.txt") == "|/plain/path.txt");
  CHECK(target("/a%20b?q") == "|/a b");
  CHECK(target("/a%2Fb/%2541/c//e") == "|/a/b/%41/c//e");
  CHECK(target("/%C3%A4%c3%28") == "|/\xc3\xa4%c3(");
  CHECK(target("/x%0ay") == "|/x\ny");
  CHECK(target("/x%0d%0aSet-Cookie:a") == "|/x\r\nSet-Cookie:a");
  CHECK(target("//host/path") == "|//host/path");
}

TEST_CASE("FastCgiMapper: other forms of a request target [RFC 9112 3.2]") {
  CHECK(target("*") == "|/");
  CHECK(target("http://example.com/a%20b?x=1") == "|/a b");
  CHECK(target("HTTPS://user@[::1]:8443//x") == "|//x");
  CHECK(target("http://example.com") == "|/");
  CHECK(target("http://example.com?x=/1") == "|/");
  CHECK(query_of("http://example.com?x=/1") == "x=/1");
  CHECK(target("http://example.com#/frag") == "|/");
  for (const auto* invalid :
       {"example.com:443", "path", "?x", "#", "://x/", "h ttp://x/", "\\path", "%2Fpath", "*x"})
    CHECK(target(invalid) == "400");
}

TEST_CASE("FastCgiMapper: a fragment is no part of path or query") {
  CHECK(target("/a#b?c") == "|/a");
  CHECK(query_of("/a#b?c") == "");
  CHECK(query_of("/a?b#c") == "b");
  CHECK(target("/a%23b") == "|/a#b");
}

TEST_CASE(
    "FastCgiMapper: dot segments go after decoding, never above the root, and slashes stay [RFC 3986 "
    "5.2.4]") {
  CHECK(target("/a/../b") == "|/b");
  CHECK(target("/../../etc/passwd") == "|/etc/passwd");
  CHECK(target("/a/%2e%2E/b/.%2e") == "|/");
  CHECK(target("/a/%2e/b") == "|/a/b");
  CHECK(target("/a/..%2f..%2fb") == "|/b");
  CHECK(target("/a//./b") == "|/a//b");
  CHECK(target("/a/%252e%252e/b") == "|/a/%2e%2e/b");
  CHECK(target("/a/.hidden") == "|/a/.hidden");
  CHECK(target("/a?x=/../b") == "|/a");
}

TEST_CASE("FastCgiMapper: NUL in the path is a 400, in the query it is not read") {
  CHECK(target("/a%00b") == "400");
  CHECK(target("/a\0b"s) == "400");
  CHECK(target("/a?%00") == "|/a");
  for (const auto mapping : {PathOptions::Mapping::kRequestUri, kScript, kPathInfo}) {
    CHECK(paths({{"REQUEST_METHOD", "GET"}, {"SCRIPT_NAME", "/a\0b"s}}, {.mapping = mapping}) == "400");
    CHECK(paths({{"REQUEST_METHOD", "GET"}, {"PATH_INFO", "/a\0b"s}}, {.mapping = mapping}) == "400");
  }
}

TEST_CASE("FastCgiMapper: an encoded slash by --encoded-slash") {
  CHECK(target("/a%2Fb", {.encoded_slash = EncodedSlash::kDecode}) == "|/a/b");
  CHECK(target("/a%2Fb%20", {.encoded_slash = EncodedSlash::kKeep}) == "|/a%2Fb ");
  CHECK(target("/a/..%2f../b", {.encoded_slash = EncodedSlash::kKeep}) == "|/a/..%2f../b");
  CHECK(target("/a%2fb", {.encoded_slash = EncodedSlash::kReject}) == "400");
  CHECK(target("/a?x=%2f", {.encoded_slash = EncodedSlash::kReject}) == "|/a");
}

TEST_CASE(
    "FastCgiMapper: without REQUEST_URI the path is DOCUMENT_URI, else SCRIPT_NAME and PATH_INFO, decoded "
    "already") {
  const Params get{{"REQUEST_METHOD", "GET"}};
  CHECK(paths(with(get, {{"DOCUMENT_URI", "/d%41"}, {"SCRIPT_NAME", "/s"}, {"PATH_INFO", "/p"}})) ==
        "|/d%41");
  CHECK(paths(with(get, {{"REQUEST_URI", ""}, {"DOCUMENT_URI", "/d"}})) == "|/d");
  CHECK(paths(with(get, {{"SCRIPT_NAME", "/s%20"}, {"PATH_INFO", "/p"}})) == "|/s%20/p");
  CHECK(paths(with(get, {{"DOCUMENT_URI", ""}, {"SCRIPT_NAME", "/s"}})) == "|/s");
  CHECK(paths(with(get, {{"SCRIPT_NAME", ""}, {"PATH_INFO", "/p"}})) == "|/p");
  CHECK(paths(with(get, {{"SCRIPT_NAME", "/a/.."}, {"PATH_INFO", "/../p"}})) == "|/p");
  CHECK(paths(with(get, {{"SCRIPT_NAME", "s"}})) == "|/s");
  CHECK(paths(with(get, {{"DOCUMENT_URI", "/a?b"}})) == "|/a?b");
}

TEST_CASE(
    "FastCgiMapper: a rewritten DOCUMENT_URI or SCRIPT_NAME does not change the path, unless --path-mapping "
    "script asks") {
  const Params index =
      with(nginx_params(),
           {{"REQUEST_URI", "/"}, {"SCRIPT_NAME", "/Default.aspx"}, {"DOCUMENT_URI", "/Default.aspx"}});
  CHECK(paths(index) == "|/");
  CHECK(paths(index, {.mapping = kScript}) == "|/Default.aspx");
}

TEST_CASE("FastCgiMapper: --path-mapping script takes SCRIPT_NAME as it is decoded") {
  const auto script = [](std::string name) {
    return paths({{"REQUEST_METHOD", "GET"}, {"REQUEST_URI", "/other"}, {"SCRIPT_NAME", std::move(name)}},
                 {.mapping = kScript});
  };
  CHECK(script("/a%20b") == "|/a%20b");
  CHECK(script("/x\xc8\xba") == "|/x\xc8\xba");
  CHECK(script("") == "|/");
  CHECK(script("/a/../b") == "|/b");
}

TEST_CASE("FastCgiMapper: --path-mapping path-info splits as the front end did [RFC 3875 4.1.5, 4.1.13]") {
  CHECK(path_info("/app", "/x/y") == "/app|/x/y");
  CHECK(path_info("/app", "") == "/app|");
  CHECK(path_info("", "/x") == "|/x");
  CHECK(path_info("", "") == "|/");
  CHECK(path_info("/", "") == "|/");
  CHECK(path_info("/", "/x") == "|/x");
  CHECK(path_info("/", "x") == "|/x");
  CHECK(path_info("/app/", "") == "/app|/");
  CHECK(path_info("/app/", "x") == "/app|/x");
  CHECK(path_info("/app//", "/x") == "/app|/x");
  CHECK(path_info("app", "x") == "/app|/x");
  CHECK(path_info("/app", "/../x%41") == "/app|/x%41");
  CHECK(path_info("/a/..", "/x") == "|/x");
}

TEST_CASE(
    "FastCgiMapper: a PATH_INFO that is no end of SCRIPT_NAME, or is longer, is only joined "
    "(CVE-2019-11043)") {
  CHECK(path_info("/x\ny", "") == "/x\ny|");
  CHECK(path_info("/a", "/longer/than/the/script/name") == "/a|/longer/than/the/script/name");
  const Params odd{
      {"REQUEST_METHOD", "GET"}, {"REQUEST_URI", "/x%0ay"}, {"SCRIPT_NAME", "/x"}, {"PATH_INFO", ""}};
  CHECK(paths(odd) == "|/x\ny");
  CHECK(paths(with(odd, {{"PATH_INFO", "/longer/than/all/others"}})) == "|/x\ny");
}

TEST_CASE(
    "FastCgiMapper: --path-base is split off where it matches, in the casing of the request [OWIN 1.0.1 "
    "5.3]") {
  const PathOptions base{.path_base = "/My/App"};
  CHECK(target("/my/APP/x", base) == "/my/APP|/x");
  CHECK(target("/My/App", base) == "/My/App|");
  CHECK(target("/My/App/", base) == "/My/App|/");
  CHECK(target("/My/Apple", base) == "|/My/Apple");
  CHECK(target("/My", base) == "|/My");
  CHECK(target("/", base) == "|/");
  CHECK(target("*", base) == "|/");
  CHECK(target("/My%2FApp/a%20b", base) == "/My/App|/a b");
  CHECK(target("/x/../My/App/y", base) == "/My/App|/y");
  CHECK(target("/My/App/../x", base) == "|/My/x");
  CHECK(target("/\xc3\xa4/x", {.path_base = "/\xc3\xa4"}) == "/\xc3\xa4|/x");
  CHECK(paths({{"REQUEST_METHOD", "GET"}, {"SCRIPT_NAME", "/my/app/x"}},
              {.mapping = kScript, .path_base = "/My/App"}) == "/my/app|/x");
}

TEST_CASE("FastCgiMapper: --path-base may lack its first slash and have one at its end") {
  for (const auto* base : {"app", "/app", "/app/", "app//"}) {
    CHECK(FastCgiMapper({.path_base = base}).options().path_base == "/app");
    CHECK(target("/app/x", {.path_base = base}) == "/app|/x");
  }
  for (const auto* none : {"", "/", "//"}) CHECK(target("/app/x", {.path_base = none}) == "|/app/x");
}

TEST_CASE("FastCgiMapper: under path-info the front end's base counts, --path-base where it gives none") {
  CHECK(path_info("/app", "/app/x", "/app") == "/app|/app/x");
  CHECK(path_info("", "/app/x", "/app") == "/app|/x");
  CHECK(path_info("/", "/app/x", "/app") == "/app|/x");
}

// ---- the query
// ----------------------------------------------------------------------------------------------------------

TEST_CASE(
    "FastCgiMapper: the query is QUERY_STRING where it was sent, else that of the target, still encoded") {
  CHECK(query_of("/a?b=%20+%2F?c") == "b=%20+%2F?c");
  CHECK(query_of("/a") == "");
  CHECK(query_of("/a?") == "");
  CHECK(query_of("*") == "");
  CHECK(nginx({{"QUERY_STRING", "rewritten=1"}}).query() == "rewritten=1");
  CHECK(nginx({{"QUERY_STRING", ""}}).query() == "");
}

TEST_CASE(
    "FastCgiMapper: the query has no leading question mark, unless the target has two [OWIN 1.0.1 3.2.1]") {
  CHECK(nginx({{"QUERY_STRING", "?a=1"}}).query() == "a=1");
  CHECK(nginx({{"QUERY_STRING", "?"}}).query() == "");
  CHECK(nginx({{"QUERY_STRING", "?a"}, {"REQUEST_URI", "/p?a"}}).query() == "a");
  CHECK(nginx({{"QUERY_STRING", "?a"}, {"REQUEST_URI", "/p??a"}}).query() == "?a");
  CHECK(query_of("/p??a") == "?a");
}

// ---- addresses
// ----------------------------------------------------------------------------------------------------------

TEST_CASE("FastCgiMapper: addresses come without brackets, ports as 1 to 5 digits") {
  const MappedRequest request = nginx({{"REMOTE_ADDR", "[2001:db8::7]"},
                                       {"SERVER_ADDR", "[::1]"},
                                       {"REMOTE_PORT", "65535"},
                                       {"SERVER_PORT", "8443"}});
  CHECK(request.get(Slot::kRemoteIp) == "2001:db8::7");
  CHECK(request.get(Slot::kLocalIp) == "::1");
  CHECK(request.get(Slot::kRemotePort) == "65535");
  CHECK(request.get(Slot::kLocalPort) == "8443");
  for (const auto* port : {"", "x", "-1", "123456", "8 "}) {
    CHECK(nginx({{"REMOTE_PORT", port}}).get(Slot::kRemotePort) == "0");
    CHECK(nginx({{"SERVER_PORT", port}}).get(Slot::kLocalPort) == "0");
  }
}

TEST_CASE(
    "FastCgiMapper: a Unix socket's or a missing address is 127.0.0.1, port 0, and says nothing of the "
    "visitor") {
  for (const auto* addr : {"unix:", "unix:/run/nginx.sock", ""}) {
    const MappedRequest request =
        nginx({{"REMOTE_ADDR", addr}, {"REMOTE_PORT", "1"}, {"SERVER_ADDR", addr}, {"SERVER_PORT", "1"}});
    CHECK(request.get(Slot::kRemoteIp) == "127.0.0.1");
    CHECK(request.get(Slot::kRemotePort) == "0");
    CHECK(request.get(Slot::kLocalIp) == "127.0.0.1");
    CHECK(request.get(Slot::kLocalPort) == "0");
    CHECK(!request.has_flag(kRequestIsLocal));
  }
}

TEST_CASE("FastCgiMapper: a visitor is local by loopback, or by the address that the front end has itself") {
  for (const auto* addr :
       {"127.0.0.1", "127.8.9.10", "::1", "[::1]", "::ffff:127.0.0.1", "198.51.100.2", "::ffff:198.51.100.2"})
    CHECK(nginx({{"REMOTE_ADDR", addr}}).has_flag(kRequestIsLocal));
  for (const auto* addr :
       {"192.0.2.7", "198.51.100.20", "127.0.0.1.evil.example", "2001:db8::1", "::", "127.0.0.1, 10.0.0.1"})
    CHECK(!nginx({{"REMOTE_ADDR", addr}}).has_flag(kRequestIsLocal));
  CHECK(nginx({{"REMOTE_ADDR", "2001:db8::1"}, {"SERVER_ADDR", "2001:DB8:0::1"}}).has_flag(kRequestIsLocal));
  CHECK(!nginx({{"REMOTE_ADDR", "garbage"}, {"SERVER_ADDR", "garbage"}}).has_flag(kRequestIsLocal));
}

// ---- fields
// -------------------------------------------------------------------------------------------------------------

TEST_CASE("FastCgiMapper: Host is synthesised when it is missing or empty [OWIN 1.0.1 5.2]") {
  const auto host = [](Params changes) {
    changes.emplace_back("HTTP_HOST", "");
    MappedRequest request = nginx(changes);
    CHECK(MappedRequest(without(with(nginx_params(), changes), "HTTP_HOST")).values("Host") ==
          request.values("Host"));
    return request.values("Host");
  };
  CHECK(host({}) == "|example.com");
  CHECK(host({{"SERVER_PORT", "8080"}}) == "|example.com:8080");
  CHECK(host({{"SERVER_PORT", "443"}}) == "|example.com:443");
  CHECK(host({{"SERVER_PORT", "443"}, {"REQUEST_SCHEME", "https"}}) == "|example.com");
  CHECK(host({{"SERVER_PORT", "80"}, {"REQUEST_SCHEME", "https"}}) == "|example.com:80");
  for (const auto* port : {"", "0", "x", "123456", "80\r\n"})
    CHECK(host({{"SERVER_PORT", port}}) == "|example.com");
  CHECK(host({{"SERVER_NAME", ""}}) == "|198.51.100.2");
  CHECK(host({{"SERVER_NAME", ""}, {"SERVER_PORT", "81"}}) == "|198.51.100.2:81");
  CHECK(host({{"SERVER_NAME", ""}, {"SERVER_ADDR", "2001:db8::1"}}) == "|[2001:db8::1]");
  CHECK(host({{"SERVER_NAME", ""}, {"SERVER_ADDR", "[2001:db8::1]"}, {"SERVER_PORT", "81"}}) ==
        "|[2001:db8::1]:81");
  CHECK(host({{"SERVER_NAME", "::1"}, {"SERVER_PORT", "81"}}) == "|[::1]:81");
  CHECK(host({{"SERVER_NAME", "[::1]"}}) == "|[::1]");
  CHECK(host({{"SERVER_NAME", ""}, {"SERVER_ADDR", "unix:/run/nginx.sock"}, {"SERVER_PORT", "81"}}) ==
        "|localhost");
  CHECK(host({{"SERVER_NAME", ""}, {"SERVER_ADDR", ""}}) == "|localhost");
}

TEST_CASE("FastCgiMapper: a server name that names no host does not become one") {
  for (const auto* name :
       {"_", "*.example.com", ".example.com", "~^(www\\.)?(.+)$", "a b", "x\r\nY: z", "a:b", "-x", "a/b"}) {
    MappedRequest request = nginx({{"HTTP_HOST", ""}, {"SERVER_NAME", name}});
    CHECK(request.values("Host") == "|198.51.100.2");
  }
}

TEST_CASE("FastCgiMapper: of several Host fields the first that is not empty counts [RFC 9112 3.2]") {
  Params params = without(nginx_params(), "HTTP_HOST");
  params.insert(params.end(), {{"HTTP_HOST", ""}, {"HTTP_HOST", "first:81"}, {"HTTP_HOST", "second"}});
  CHECK(MappedRequest(params).values("Host") == "|first:81");
}

TEST_CASE("FastCgiMapper: Proxy is dropped, however it is spelt (CVE-2016-5385)") {
  MappedRequest request =
      nginx({{"HTTP_PROXY", "http://evil"}, {"HTTP_proxy", "http://evil"}, {"HTTP_PROXY_CONNECTION", "x"}});
  CHECK(request.values("Proxy") == "");
  CHECK(request.values("Proxy-Connection") == "|x");
}

TEST_CASE("FastCgiMapper: names that are no tokens are dropped, and what comes after them is not disturbed") {
  Params params = nginx_params();
  params.insert(params.begin() + 10, {{"HTTP_", "empty"},
                                      {"HTTP_A B", "1"},
                                      {"HTTP_A:", "2"},
                                      {"HTTP_\xc3\xa4", "3"},
                                      {"HTTP_X\r\nY", "4"}});
  MappedRequest request(params);
  CHECK(request.fields() == MappedRequest(nginx_params()).fields());
  CHECK(request.path() == "/items/list");
}

TEST_CASE("FastCgiMapper: Content-Type and Content-Length stand once, from the CGI variables first") {
  MappedRequest both = nginx({{"CONTENT_TYPE", "text/a"},
                              {"CONTENT_LENGTH", "5"},
                              {"HTTP_CONTENT_TYPE", "text/b"},
                              {"HTTP_CONTENT_LENGTH", "6"}});
  CHECK(both.values("Content-Type") == "|text/a");
  CHECK(both.values("Content-Length") == "|5");
  CHECK(both.block.content_length() == 5);

  MappedRequest fields = nginx({{"HTTP_CONTENT_TYPE", "text/b"}, {"HTTP_CONTENT_LENGTH", "6"}});
  CHECK(fields.values("Content-Type") == "|text/b");
  CHECK(fields.values("Content-Length") == "|6");
  CHECK(fields.block.content_length() == 6);

  Params late = without(without(nginx_params(), "CONTENT_TYPE"), "CONTENT_LENGTH");
  late.insert(late.end(), {{"HTTP_CONTENT_TYPE", "text/b"},
                           {"HTTP_CONTENT_LENGTH", "6"},
                           {"CONTENT_TYPE", "text/a"},
                           {"CONTENT_LENGTH", "5"}});
  CHECK(MappedRequest(late).values("Content-Type") == "|text/a");
  CHECK(MappedRequest(late).values("Content-Length") == "|5");

  MappedRequest none = nginx({{"HTTP_CONTENT_TYPE", ""}, {"HTTP_CONTENT_LENGTH", ""}});
  CHECK(none.values("Content-Type") == "");
  CHECK(none.values("Content-Length") == "");
  CHECK(none.block.content_length() == -1);
}

TEST_CASE(
    "FastCgiMapper: repeated HTTP_CONTENT_TYPE and HTTP_CONTENT_LENGTH count once, the first that is not "
    "empty") {
  Params params = nginx_params();
  params.insert(params.end(), {{"HTTP_CONTENT_TYPE", ""},
                               {"HTTP_CONTENT_TYPE", "text/b"},
                               {"HTTP_CONTENT_TYPE", "text/c"},
                               {"HTTP_CONTENT_LENGTH", "6"},
                               {"HTTP_CONTENT_LENGTH", "7"},
                               {"HTTP_CONTENT-LENGTH", "8"}});
  MappedRequest request(params);
  CHECK(request.values("Content-Type") == "|text/b");
  CHECK(request.values("Content-Length") == "|6");
}

TEST_CASE("FastCgiMapper: a length is a number of 1 to 18 digits, anything else is none") {
  const auto length = [](std::string text) {
    MappedRequest request = nginx({{"CONTENT_LENGTH", text}, {"HTTP_CONTENT_LENGTH", "7"}});
    CHECK(request.values("Content-Length") == (request.block.content_length() < 0 ? "" : "|" + text));
    return request.block.content_length();
  };
  CHECK(length("0") == 0);
  CHECK(length("007") == 7);
  CHECK(length("4294967296") == 4294967296);
  CHECK(length("999999999999999999") == 999999999999999999);
  for (const auto* text :
       {"-1", "+1", "1000000000000000000", "99999999999999999999", "1 ", " 1", "0x10", "1,1", "1.0", "abc"})
    CHECK(length(text) == -1);
}

TEST_CASE("FastCgiMapper: Transfer-Encoding stays only where no length is known") {
  MappedRequest streamed = nginx({{"HTTP_TRANSFER_ENCODING", "chunked"}});
  CHECK(streamed.values("Transfer-Encoding") == "|chunked");
  CHECK(streamed.block.content_length() == -1);
  MappedRequest buffered = nginx({{"HTTP_TRANSFER_ENCODING", "chunked"}, {"CONTENT_LENGTH", "300000"}});
  CHECK(buffered.values("Transfer-Encoding") == "");
  CHECK(buffered.values("Content-Length") == "|300000");
  CHECK(buffered.fields().size() == MappedRequest(nginx_params()).fields().size() + 1);
}

TEST_CASE(
    "FastCgiMapper: the visitor's own Content-Length does not count beside Transfer-Encoding [RFC 9112 "
    "6.3]") {
  for (const bool length_first : {true, false}) {
    Params params = nginx_params();
    if (length_first) params.emplace_back("HTTP_CONTENT_LENGTH", "5");
    params.emplace_back("HTTP_TRANSFER_ENCODING", "chunked");
    if (!length_first) params.emplace_back("HTTP_CONTENT_LENGTH", "5");
    MappedRequest request(params);
    CHECK(request.values("Content-Length") == "");
    CHECK(request.values("Transfer-Encoding") == "|chunked");
    CHECK(request.block.content_length() == -1);
  }
}

TEST_CASE("FastCgiMapper: repeated Cookie fields are one value, in the place of the first [RFC 9113 8.2.3]") {
  Params params = nginx_params();
  params.insert(
      params.end(),
      {{"HTTP_X_LAST", "1"}, {"HTTP_COOKIE", "b=2"}, {"HTTP_COOKIE", ""}, {"HTTP_COOKIE", "c=3; d=4"}});
  MappedRequest request(params);
  CHECK(request.values("Cookie") == "|session=0123456789abcdef0123456789abcdef; b=2; c=3; d=4");
  CHECK(request.fields().back() == "X-Last: 1");
  CHECK(nginx({{"HTTP_COOKIE", ""}}).values("Cookie") == "|");
  Params empty = nginx_params();
  empty.back().second.clear();
  empty.insert(empty.end(), 2, {"HTTP_COOKIE", ""});
  CHECK(MappedRequest(empty).values("Cookie") == "|");
  empty.emplace_back("HTTP_COOKIE", "x");
  CHECK(MappedRequest(empty).values("Cookie") == "|x");
}

TEST_CASE("FastCgiMapper: a thousand Cookie fields take memory in proportion to their bytes") {
  Params params{{"REQUEST_METHOD", "GET"}};
  std::string expected = "|";
  for (int i = 0; i < 1000; ++i) {
    params.emplace_back("HTTP_COOKIE", std::string(200, 'c'));
    expected += (i ? "; " : "") + std::string(200, 'c');
  }
  MappedRequest request(params);
  CHECK(request.values("Cookie") == expected);
  CHECK(request.block.size_bytes() < 2 * expected.size() + 100'000);
}

TEST_CASE("FastCgiMapper: other repeated fields stay apart, in the order of arrival") {
  Params params = nginx_params();
  params.insert(params.end(), {{"HTTP_X_M", "1"}, {"HTTP_VIA", "a"}, {"HTTP_X_M", ""}, {"HTTP_X_M", "1"}});
  CHECK(MappedRequest(params).values("X-M") == "|1||1");
}

TEST_CASE(
    "FastCgiMapper: of a variable that the front end sets the first occurrence counts (CVE-2007-4727)") {
  Params params = nginx_params();
  for (const auto& [name, value] : nginx_params())
    if (!name.starts_with("HTTP_")) params.emplace_back(name, "/smuggled");
  MappedRequest twice(params);
  MappedRequest once(nginx_params());
  REQUIRE(twice.verdict.status == 0);
  for (std::size_t slot = 0; slot < static_cast<std::size_t>(Slot::kCount); ++slot)
    CHECK(twice.get(static_cast<Slot>(slot)) == once.get(static_cast<Slot>(slot)));
  CHECK(twice.fields() == once.fields());
  CHECK(twice.block.content_length() == -1);
}

TEST_CASE("FastCgiMapper: names are compared whole and by case, as the front end writes them") {
  MappedRequest request(Params{{"REQUEST_METHOD", "GET"},
                               {"request_uri", "/no"},
                               {"REQUEST_URIX", "/no"},
                               {"XREQUEST_URI", "/no"},
                               {"REQUEST_UR", "/no"},
                               {"", "/no"},
                               {"REDIRECT_URI", "/no"},
                               {"SCRIPT_NAMF", "/no"}});
  CHECK(request.path() == "/");
  CHECK(request.fields() == Lines{"Host: localhost"});
}

TEST_CASE("FastCgiMapper: user, id and certificate where the front end sends them, not as empty values") {
  MappedRequest request = nginx({{"REMOTE_USER", "alice"},
                                 {"REQUEST_ID", "f00d"},
                                 {"SSL_CLIENT_CERT", "-----BEGIN%20CERTIFICATE-----"},
                                 {"SSL_CLIENT_VERIFY", "FAILED:expired"}});
  CHECK(request.get(Slot::kRemoteUser) == "alice");
  CHECK(request.get(Slot::kRequestId) == "f00d");
  CHECK(request.get(Slot::kClientCertificate) == "-----BEGIN%20CERTIFICATE-----");
  CHECK(request.get(Slot::kClientVerification) == "FAILED:expired");
  MappedRequest empty =
      nginx({{"REMOTE_USER", ""}, {"REQUEST_ID", ""}, {"SSL_CLIENT_CERT", ""}, {"SSL_CLIENT_VERIFY", ""}});
  for (const Slot slot :
       {Slot::kRemoteUser, Slot::kRequestId, Slot::kClientCertificate, Slot::kClientVerification})
    CHECK(!empty.block.has(slot));
  for (const char* const fine : {"SUCCESS", "NONE"})
    CHECK(!nginx({{"SSL_CLIENT_VERIFY", fine}}).block.has(Slot::kClientVerification));
  // The visitor's fields of such names are fields.
  MappedRequest fields = nginx({{"HTTP_REMOTE_USER", "root"}, {"HTTP_SSL_CLIENT_CERT", "x"}});
  CHECK(!fields.block.has(Slot::kRemoteUser));
  CHECK(!fields.block.has(Slot::kClientCertificate));
  CHECK(fields.values("Remote-User") == "|root");
}

TEST_CASE("FastCgiMapper: values that overflow the first block move with it, and read the same") {
  Params params{{"REQUEST_METHOD", "POST"}, {"REQUEST_URI", "/" + std::string(5000, 'u') + "%20"}};
  Lines expected;
  for (int i = 0; i < 300; ++i) {
    const std::string value(static_cast<std::size_t>(i * 7), static_cast<char>('a' + i % 26));
    params.emplace_back("HTTP_X_" + std::to_string(i), value);
    expected.push_back("X-" + std::to_string(i) + ": " + value);
  }
  expected.emplace_back("Host: localhost");
  MappedRequest request(params);
  REQUIRE(request.verdict.status == 0);
  CHECK(request.path() == "/" + std::string(5000, 'u') + " ");
  CHECK(request.fields() == expected);
}

TEST_CASE(
    "FastCgiMapper: a warm block maps request after request without more memory, and without traces of the "
    "last") {
  Params large = nginx_params();
  for (int i = 0; i < 30; ++i) large.emplace_back("HTTP_X_" + std::to_string(i), "secret");
  MappedRequest request(large);
  request.map(nginx_params());
  CHECK(request.fields() == MappedRequest(nginx_params()).fields());
  const std::size_t bytes = request.pool.allocated_bytes();
  const std::size_t fields = request.block.fields().capacity();
  for (int i = 0; i < 100; ++i) request.map(i % 2 ? nginx_params() : large);
  CHECK(request.pool.allocated_bytes() == bytes);
  CHECK(request.block.fields().capacity() == fields);
  request.map({{"REQUEST_METHOD", "GET"}});
  CHECK(request.query() == "");
  CHECK(request.fields() == Lines{"Host: localhost"});
}
