// The visitor behind proxies (RFC 7239, X-Forwarded-*): believed of those who are trusted, and of nobody else.
#include "server/protocol/forwarded.hpp"

#include <doctest/doctest.h>

#include "tests/server/mapped_request.hpp"

using namespace owind::middleware;
using namespace owind::protocol;
using namespace owind::protocol::testing;

namespace {

ForwardedTrust trust(const std::vector<std::string>& networks = {"192.0.2.0/24", "2001:db8::/32", "127.0.0.1"}) {
  std::vector<IpNetwork> parsed;
  for (const auto& text : networks) parsed.push_back(parse_ip_network(text).value());
  return ForwardedTrust(parsed);
}

/// Address, port and scheme of the visitor, and whether he is local; the status when the request is refused. The
/// connection comes from 192.0.2.7:51234 to 198.51.100.2, by http.
std::string seen(const Params& fields, const ForwardedTrust& who = trust(), const Params& changes = {}) {
  Params params = with(nginx_params(), changes);
  params.insert(params.end(), fields.begin(), fields.end());
  MappedRequest request(params, {}, who);
  if (request.verdict.status != 0) return std::to_string(request.verdict.status);
  return std::string(request.get(Slot::kRemoteIp)) + " " + std::string(request.get(Slot::kRemotePort)) + " " +
         std::string(request.scheme()) + (request.has_flag(kRequestIsLocal) ? " local" : "");
}

constexpr auto kPeer = "192.0.2.7 51234 http";

}  // namespace

TEST_CASE("forwarded: nobody is trusted unless he is named") {
  CHECK(seen({{"HTTP_X_FORWARDED_FOR", "203.0.113.9"}, {"HTTP_X_FORWARDED_PROTO", "https"}}, {}) == kPeer);
  CHECK(seen({{"HTTP_FORWARDED", "for=203.0.113.9;proto=https"}}, {}) == kPeer);
  CHECK(seen({{"HTTP_FORWARDED", "for=203.0.113.9"}}, trust({"192.0.3.0/24"})) == kPeer);
  CHECK(seen({{"HTTP_FORWARDED", "\"\"garbage"}}, {}) == kPeer);
}

TEST_CASE("forwarded: the visitor is the first address from the right that is not trusted") {
  const auto xff = [](const char* list) { return seen({{"HTTP_X_FORWARDED_FOR", list}}); };
  CHECK(xff("203.0.113.9") == "203.0.113.9 0 http");
  CHECK(xff("10.6.6.6, 203.0.113.9") == "203.0.113.9 0 http");  // what the visitor himself sent is not read
  CHECK(xff("10.6.6.6, 203.0.113.9, 192.0.2.1,192.0.2.2") == "203.0.113.9 0 http");
  CHECK(xff("192.0.2.1, 192.0.2.2") == "192.0.2.1 0 http");
  CHECK(xff(" ,, 203.0.113.9 , ") == "203.0.113.9 0 http");
  CHECK(xff("") == kPeer);
  CHECK(xff("203.0.113.9:4711") == "203.0.113.9 4711 http");
  CHECK(xff("2001:db9::1") == "2001:db9::1 0 http");
  CHECK(xff("[2001:db9::1]:443, 2001:db8::7") == "2001:db9::1 443 http");
  CHECK(seen({{"HTTP_X_FORWARDED_FOR", "203.0.113.9"}, {"HTTP_X_FORWARDED_FOR", "192.0.2.1"}}) == "203.0.113.9 0 http");
}

TEST_CASE("forwarded: a hop that does not say who it was leaves the visitor unknown, and never local") {
  CHECK(seen({{"HTTP_X_FORWARDED_FOR", "203.0.113.9, unknown"}}) == kPeer);
  CHECK(seen({{"HTTP_X_FORWARDED_FOR", "127.0.0.1, nonsense"}}, trust(), {{"REMOTE_ADDR", "127.0.0.1"}}) ==
        "127.0.0.1 51234 http");
  CHECK(seen({{"HTTP_FORWARDED", "for=_hidden;proto=https"}}) == "192.0.2.7 51234 https");
}

TEST_CASE("forwarded: Forwarded is read as RFC 7239 writes it") {
  const auto forwarded = [](const char* value) { return seen({{"HTTP_FORWARDED", value}}); };
  CHECK(forwarded("for=203.0.113.9") == "203.0.113.9 0 http");
  CHECK(forwarded("For=\"[2001:db9:cafe::17]:4711\"") == "2001:db9:cafe::17 4711 http");
  CHECK(forwarded("for=203.0.113.43, for=192.0.2.60;proto=http;by=203.0.113.43") == "203.0.113.43 0 http");
  CHECK(forwarded("for=203.0.113.43;proto=HTTPS;host=\"a,b;c\", for=192.0.2.60") == "203.0.113.43 0 https");
  CHECK(forwarded("for=\"203.0.113.\\43\"") == "203.0.113.43 0 http");
  CHECK(forwarded("for=10.6.6.6,, for=203.0.113.9 ; proto=https ,") == "203.0.113.9 0 https");
  CHECK(forwarded("proto=https") == "192.0.2.7 51234 https");
}

TEST_CASE("forwarded: what cannot be read is a 400, so that nobody chooses his address by it") {
  for (const char* value : {"for", "for=", "for=\"203.0.113.9", "for=\"x\\", "for=1 2", "=x", "for=a;for=b", "for=a b=c"}) {
    CAPTURE(value);
    const auto found = seen({{"HTTP_FORWARDED", value}});
    CHECK((found == "400" || (std::string(value) == "=x" && found == kPeer)));
  }
  std::string many;
  for (int i = 0; i < 65; ++i) many += "192.0.2.1,";
  CHECK(seen({{"HTTP_X_FORWARDED_FOR", many}}) == "400");
}

TEST_CASE("forwarded: two families that name different visitors are a 400: one of them is the visitor's own") {
  CHECK(seen({{"HTTP_FORWARDED", "for=127.0.0.1"}, {"HTTP_X_FORWARDED_FOR", "203.0.113.9"}}) == "400");
  CHECK(seen({{"HTTP_FORWARDED", "for=unknown"}, {"HTTP_X_FORWARDED_FOR", "203.0.113.9"}}) == "400");
  CHECK(seen({{"HTTP_FORWARDED", "for=203.0.113.9"}, {"HTTP_X_FORWARDED_FOR", "203.0.113.9"}, {"HTTP_X_FORWARDED_PROTO", "https"}}) ==
        "203.0.113.9 0 https");
}

TEST_CASE("forwarded: the scheme is that of the visitor's hop, http or https and nothing else") {
  const auto scheme = [](const char* addresses, const char* schemes) {
    return seen({{"HTTP_X_FORWARDED_FOR", addresses}, {"HTTP_X_FORWARDED_PROTO", schemes}});
  };
  CHECK(scheme("203.0.113.9", "https") == "203.0.113.9 0 https");
  CHECK(scheme("203.0.113.9, 192.0.2.1", "https, http") == "203.0.113.9 0 https");
  CHECK(scheme("203.0.113.9, 192.0.2.1", "https") == "203.0.113.9 0 https");
  CHECK(scheme("203.0.113.9", "javascript") == "203.0.113.9 0 http");
  CHECK(seen({{"HTTP_X_FORWARDED_PROTO", "https"}}) == "192.0.2.7 51234 https");
}

TEST_CASE("forwarded: local is the visitor, not his proxy, and nobody behind a proxy that is not trusted") {
  const Params beside{{"REMOTE_ADDR", "127.0.0.1"}};
  CHECK(seen({}, {}, beside) == "127.0.0.1 51234 http local");
  CHECK(seen({{"HTTP_X_FORWARDED_FOR", "203.0.113.9"}}, {}, beside) == "127.0.0.1 51234 http");
  CHECK(seen({{"HTTP_FORWARDED", "for=127.0.0.1"}}, {}, beside) == "127.0.0.1 51234 http");
  CHECK(seen({{"HTTP_X_FORWARDED_FOR", "203.0.113.9"}}, trust(), beside) == "203.0.113.9 0 http");
  CHECK(seen({{"HTTP_X_FORWARDED_FOR", "127.0.0.1"}}, trust(), beside) == "127.0.0.1 0 http local");
}

TEST_CASE("IpNetwork: contains by bits, and keeps the families apart") {
  const auto in = [](const char* network, const char* address) {
    return parse_ip_network(network).value().contains(parse_ip_address(address).value());
  };
  CHECK(in("10.0.0.0/8", "10.255.0.1"));
  CHECK_FALSE(in("10.0.0.0/8", "11.0.0.1"));
  CHECK(in("10.0.0.0/31", "10.0.0.1"));
  CHECK_FALSE(in("10.0.0.0/31", "10.0.0.2"));
  CHECK(in("10.0.0.1", "::ffff:10.0.0.1"));
  CHECK(in("0.0.0.0/0", "1.2.3.4"));
  CHECK_FALSE(in("0.0.0.0/0", "::1"));
  CHECK_FALSE(in("::/0", "1.2.3.4"));
  CHECK(in("::/0", "2001:db8::1"));
  CHECK(in("2001:db8::/33", "2001:db8:7fff::"));
  CHECK_FALSE(in("2001:db8::/33", "2001:db8:8000::"));
  for (const char* text : {"", "x", "10.0.0.0/", "10.0.0.0/33", "::/129", "10.0.0.0/1x", "10.0.0.0/0008"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_ip_network(text));
  }
}
