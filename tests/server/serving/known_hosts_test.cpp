// Who may ask a development server.
#include "middleware/builtin/known_hosts.hpp"

#include <doctest/doctest.h>

#include "tests/support/server_rig.hpp"

namespace owind::testing {

TEST_CASE("KnownHosts: this machine's own names, and those that are given [RFC 9110 15.5.20]") {
  const middleware::KnownHosts hosts({"app.test"});
  for (const char* host : {"localhost", "LOCALHOST:5000", "localhost.", "a.localhost:1", "127.0.0.1",
                           "127.1.2.3:80", "[::1]", "[::1]:5000", "app.test", "App.Test:5000"})
    CHECK_MESSAGE(hosts.knows(host), host);
  for (const char* host :
       {"", "evil.example", "localhost.evil.example", "notlocalhost", "127.0.0.1.evil.example",
        "127.evil.example", "192.0.2.1", "[::2]", "[", "[::1].evil.example", "x.app.test"})
    CHECK_FALSE_MESSAGE(hosts.knows(host), host);
}

TEST_CASE("KnownHosts: a request for another site gets a 421 and nothing of the application's") {
  RigOptions options;
  options.middleware.push_back([](middleware::TokenTable&) {
    return std::make_unique<middleware::KnownHosts>(std::vector<std::string>{"app.test"});
  });
  ServerRig rig(options);
  rig.add("/", hello());
  HttpClient client = rig.connect_http();
  CHECK(client.send("GET / HTTP/1.1\r\nHost: app.test:81\r\n\r\n").response().body == "Hello, World!");
  const auto refused = client.send("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n").response();
  CHECK(refused.status() == 421);
  CHECK(refused.body.find("--host NAME") != std::string::npos);
  // An absolute target counts, not the field (RFC 9112 3.2.2).
  client.send("GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\n\r\n");
  CHECK(client.response().status() == 421);
  CHECK(client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").response().status() == 200);
}

}  // namespace owind::testing
