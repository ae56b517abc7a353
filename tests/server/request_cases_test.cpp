// The same request gives the same environment by HTTP and through nginx by FastCGI.
#include "tests/server/request_cases.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "server/protocol/http/http_protocol.hpp"
#include "tests/server/mapped_request.hpp"

namespace owind::protocol::testing {
namespace {

using middleware::Slot;

std::string small(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  return text;
}

/// The request as nginx's fastcgi_params say it. It passes each field on as HTTP_*.
Params cgi_of(const RequestCase& one) {
  const std::size_t mark = one.target.find('?');
  const auto field = [&](std::string_view name) -> std::string {
    for (const auto& [n, value] : one.fields)
      if (small(n) == name) return value;
    return "";
  };
  Params params{{"QUERY_STRING", mark == std::string::npos ? "" : one.target.substr(mark + 1)},
                {"REQUEST_METHOD", one.method},
                {"CONTENT_TYPE", field("content-type")},
                {"CONTENT_LENGTH", field("content-length")},
                {"REQUEST_URI", one.target},
                {"SERVER_PROTOCOL", one.version},
                {"REQUEST_SCHEME", "http"},
                {"REMOTE_ADDR", one.remote_ip},
                {"REMOTE_PORT", one.remote_port},
                {"SERVER_ADDR", one.local_ip},
                {"SERVER_PORT", one.local_port},
                {"SERVER_NAME", "example.com"}};
  for (const auto& [name, value] : one.fields) {
    std::string variable = "HTTP_";
    for (const char c : name)
      variable += c == '-' ? '_' : c >= 'a' && c <= 'z' ? static_cast<char>(c - ('a' - 'A')) : c;
    params.emplace_back(variable, value);
  }
  return params;
}

std::string http_of(const RequestCase& one) {
  std::string text = one.method + " " + one.target + " " + one.version + "\r\n";
  for (const auto& [name, value] : one.fields) text += name + ": " + value + "\r\n";
  return text + "\r\n";
}

/// A request through HttpCodec and HttpMapper, as a connection does it.
class HttpRequest final : private HeadSink {
 public:
  explicit HttpRequest(std::string_view bytes, Peer peer, PathOptions options = {}, ForwardedTrust trust = {})
      : protocol_({}, std::move(options), std::move(trust)), codec_(protocol_.make_codec(std::move(peer))) {
    REQUIRE(block.begin());
    while (true) {
      const Fed fed = codec_->feed(std::as_bytes(std::span(bytes)), *this);
      bytes.remove_prefix(fed.consumed);
      if (fed.event.kind == Event::Kind::kHeadRefused) {
        verdict.status = fed.event.status;
        return;
      }
      if (fed.event.kind == Event::Kind::kHeadEnd) break;
      if (fed.event.kind == Event::Kind::kNeedMore) return;
    }
    verdict = protocol_.mapper().end(block, state_);
    if (verdict.status == 0) CHECK(block.seal());
  }
  ~HttpRequest() { block.close(); }

  middleware::BlockPool pool;
  middleware::RequestBlock block{pool};
  HeadVerdict verdict{999, "the head is not complete"};

 private:
  void head_parts(StreamId, std::span<const HeadPart> parts) noexcept override {
    protocol_.mapper().parts(block, state_, parts);
  }

  HttpProtocol protocol_;
  std::unique_ptr<Codec> codec_;
  HeadState state_;
};

std::vector<std::string> fields_of(middleware::RequestBlock& block) {
  std::vector<std::string> lines;
  for (const auto& field : block.fields())
    lines.push_back(small(std::string(block.view(field.name))) + ": " + std::string(block.view(field.value)));
  return lines;
}

void check(const RequestCase& one, middleware::RequestBlock& block, const HeadVerdict& verdict,
           bool in_order) {
  CHECK(verdict.status == one.status);
  if (one.status != 0 || verdict.status != 0) return;
  CHECK(block.get(Slot::kMethod) == one.method);
  CHECK(block.get(Slot::kScheme) == one.scheme);
  CHECK(block.get(Slot::kPathBase) == "");
  CHECK(block.get(Slot::kPath) == one.path);
  CHECK(block.get(Slot::kQueryString) == one.query);
  CHECK(block.get(Slot::kProtocol) == one.version);
  CHECK(block.get(Slot::kRawTarget) == one.target);
  CHECK(block.get(Slot::kRemoteIp) == (one.visitor_ip.empty() ? one.remote_ip : one.visitor_ip));
  CHECK(block.get(Slot::kRemotePort) == (one.visitor_ip.empty() ? one.remote_port : one.visitor_port));
  CHECK(block.get(Slot::kLocalIp) == one.local_ip);
  CHECK(block.get(Slot::kLocalPort) == one.local_port);
  CHECK(block.content_length() == one.content_length);
  CHECK(((block.flags() & middleware::kRequestHead) != 0) == one.is_head);
  CHECK(((block.flags() & middleware::kRequestIsLocal) != 0) == one.is_local);
  CHECK(((block.flags() & middleware::kRequestHttp10) != 0) == (one.version == "HTTP/1.0"));
  auto seen = fields_of(block);
  auto expected = one.seen;
  if (!in_order) {
    // Content-Type and Content-Length are variables of their own in CGI, and have no place among the fields.
    std::sort(seen.begin(), seen.end());
    std::sort(expected.begin(), expected.end());
  }
  CHECK(seen == expected);
}

ForwardedTrust trust_of(const std::vector<std::string>& networks) {
  std::vector<IpNetwork> parsed;
  for (const auto& text : networks) parsed.push_back(parse_ip_network(text).value());
  return ForwardedTrust(std::move(parsed));
}

HttpRequest http(std::string_view bytes) {
  return HttpRequest(bytes, {"192.0.2.7", "51234", "198.51.100.2", "80"});
}

std::string host_of(HttpRequest& request) {
  std::string all;
  for (const auto& line : fields_of(request.block))
    if (line.starts_with("host: ")) all += line.substr(6) + "|";
  return request.verdict.status ? std::to_string(request.verdict.status) : all;
}
std::string host_of(std::string_view bytes) {
  auto request = http(bytes);
  return host_of(request);
}

}  // namespace

TEST_CASE("a request has the same environment by HTTP and through nginx [OWIN 1.0.1 3.2.1]") {
  for (const RequestCase& one : request_cases()) {
    SUBCASE(one.name.c_str()) {
      MappedRequest fastcgi(cgi_of(one), {}, trust_of(one.trusted));
      check(one, fastcgi.block, fastcgi.verdict, one.content_length < 0);
      HttpRequest direct(http_of(one), {one.remote_ip, one.remote_port, one.local_ip, one.local_port}, {},
                         trust_of(one.trusted));
      check(one, direct.block, direct.verdict, true);
    }
  }
}

TEST_CASE("HttpMapper: the host of an absolute target replaces the field [RFC 9112 3.2.2]") {
  CHECK(host_of("GET http://b.example:81/x HTTP/1.1\r\nHost: a\r\n\r\n") == "b.example:81|");
  CHECK(host_of("GET http://user:secret@b.example?q HTTP/1.1\r\nHost: a\r\n\r\n") == "b.example|");
  CHECK(host_of("GET http://b.example/ HTTP/1.0\r\n\r\n") == "b.example|");
  auto request = http("GET http://b.example?q HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(request.block.get(Slot::kPath) == "/");
  CHECK(request.block.get(Slot::kQueryString) == "q");
}

TEST_CASE("HttpMapper: without a Host it is the address of the connection [OWIN 1.0.1 5.2]") {
  CHECK(host_of("GET / HTTP/1.0\r\n\r\n") == "198.51.100.2|");
  CHECK(host_of("GET / HTTP/1.1\r\nHost:\r\n\r\n") == "198.51.100.2|");
  HttpRequest port("GET / HTTP/1.0\r\n\r\n", {"::1", "1", "::1", "5000"});
  CHECK(host_of(port) == "[::1]:5000|");
  HttpRequest nowhere("GET / HTTP/1.0\r\n\r\n", {});
  CHECK(host_of(nowhere) == "localhost|");
}

TEST_CASE("HttpMapper: a Host that is none is a 400 [RFC 9110 7.2]") {
  for (const auto* host : {"a b", "a/b", "a\"b", "a<b", "a@b", "a\\b", "a#b", "\xc3\xa4", "a?b", "a{b"})
    CHECK(host_of("GET / HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n") == "400");
  CHECK(host_of("GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n") == "400");
}

TEST_CASE("HttpMapper: only OPTIONS may ask for *, and other targets are paths [RFC 9112 3.2]") {
  CHECK(http("GET * HTTP/1.1\r\nHost: a\r\n\r\n").verdict.status == 400);
  CHECK(http("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n").verdict.status == 0);
  CHECK(http("GET example.com:80 HTTP/1.1\r\nHost: a\r\n\r\n").verdict.status == 400);
}

TEST_CASE("HttpMapper: over a Unix socket both ends are 127.0.0.1 and nobody is local") {
  HttpRequest request("GET / HTTP/1.1\r\nHost: a\r\n\r\n", {});
  CHECK(request.block.get(Slot::kRemoteIp) == "127.0.0.1");
  CHECK(request.block.get(Slot::kRemotePort) == "0");
  CHECK(request.block.get(Slot::kLocalIp) == "127.0.0.1");
  CHECK(request.block.get(Slot::kLocalPort) == "0");
  CHECK((request.block.flags() & middleware::kRequestIsLocal) == 0);
  // A proxy there may be trusted as what it is taken for.
  HttpRequest told(
      "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\n\r\n", {}, {},
      trust_of({"127.0.0.1"}));
  CHECK(told.block.get(Slot::kRemoteIp) == "203.0.113.9");
  CHECK(told.block.get(Slot::kScheme) == "https");
  CHECK((told.block.flags() & middleware::kRequestIsLocal) == 0);
}

TEST_CASE("HttpMapper: a path base is split off, an encoded slash treated as asked") {
  HttpRequest based("GET /App/x HTTP/1.1\r\nHost: a\r\n\r\n", {}, {.path_base = "app/"});
  CHECK(based.block.get(Slot::kPathBase) == "/App");
  CHECK(based.block.get(Slot::kPath) == "/x");
  HttpRequest kept("GET /a%2Fb HTTP/1.1\r\nHost: a\r\n\r\n", {}, {.encoded_slash = EncodedSlash::kKeep});
  CHECK(kept.block.get(Slot::kPath) == "/a%2Fb");
  // Ways that need a front end's variables do not count.
  HttpRequest script("GET /a HTTP/1.1\r\nHost: a\r\n\r\n", {}, {.mapping = PathOptions::Mapping::kScript});
  CHECK(script.block.get(Slot::kPath) == "/a");
}

TEST_CASE("HttpMapper: a chunked request has no length and says so") {
  auto request = http("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  CHECK(request.block.content_length() == -1);
  CHECK(fields_of(request.block) == std::vector<std::string>{"host: a", "transfer-encoding: chunked"});
}

}  // namespace owind::protocol::testing
