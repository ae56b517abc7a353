// Pages that follow their application: the script at their end, the stream that it listens to.
#include "middleware/builtin/page_refresh.hpp"

#include <doctest/doctest.h>

#include "middleware/builtin/fixed_page.hpp"
#include "tests/support/server_rig.hpp"

namespace owind::testing {
namespace {

std::string ask(std::string_view path) { return "GET " + std::string(path) + " HTTP/1.1\r\nHost: a\r\n\r\n"; }

Application page(Fields fields, std::string body) {
  return [fields, body](const SharedRequest& request) {
    request->head(200, fields);
    request->write(body);
    request->complete();
  };
}

}  // namespace

TEST_CASE("http: the suffix goes to the end of HTML pages, and of nothing else") {
  RigOptions options;
  options.http.html_suffix = "<script></script>";
  ServerRig rig(options);
  rig.add("/chunked", page({{"Content-Type", "text/html; charset=utf-8"}}, "<p>"));
  rig.add("/length", page({{"Content-Type", "Text/HTML"}, {"Content-Length", "3"}}, "<p>"));
  rig.add("/text", page({{"Content-Type", "text/plain"}, {"Content-Length", "3"}}, "<p>"));
  rig.add("/gzip", page({{"Content-Type", "text/html"}, {"Content-Encoding", "gzip"}}, "<p>"));
  rig.add("/none", page({}, "<p>"));
  HttpClient client = rig.connect_http();
  CHECK(client.send(ask("/chunked")).response().body == "<p><script></script>");
  const auto length = client.send(ask("/length")).response();
  CHECK(length.body == "<p><script></script>");
  CHECK(length.field("Content-Length") == "20");
  CHECK(client.send(ask("/text")).response().body == "<p>");
  CHECK(client.send(ask("/gzip")).response().body == "<p>");
  CHECK(client.send(ask("/none")).response().body == "<p>");
  client.send("HEAD /length HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(client.response("HEAD").status() == 200);
  CHECK(client.send(ask("/text")).response().body == "<p>");
}

TEST_CASE("PageRefresh: the stream says its generation, and ends with a reload when another one takes over") {
  middleware::PageRefresh* refresh = nullptr;
  RigOptions options;
  options.middleware.push_back([&](middleware::TokenTable& tokens) {
    auto made = std::make_unique<middleware::PageRefresh>(tokens, "g1");
    refresh = made.get();
    return made;
  });
  ServerRig rig(options);
  rig.add("/", hello());
  HttpClient client = rig.connect_http();
  CHECK(client.send(ask("/")).response().body == "Hello, World!");
  const auto script = client.send(ask("/_owind/refresh.js?g=g1")).response();
  CHECK(script.field("Content-Type") == "text/javascript; charset=utf-8");
  CHECK(script.body.find("EventSource") != std::string::npos);
  client.send(ask("/_owind/refresh"));
  const std::string head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n";
  CHECK(client.starts_with(head));
  rig.wait_all_free_but(1);
  // One that leaves by itself.
  HttpClient other = rig.connect_http();
  other.send(ask("/_owind/refresh"));
  CHECK(other.starts_with(head));
  rig.wait_all_free_but(2);
  other.close();
  rig.wait_all_free_but(1);
  refresh->stop();
  const auto stream = client.response();
  CHECK(stream.whole);
  CHECK(stream.body == "retry: 200\nevent: generation\ndata: g1\n\nevent: reload\ndata:\n\n");
  // Too late to be told: told at once.
  CHECK(client.send(ask("/_owind/refresh")).response().body.ends_with("event: reload\ndata:\n\n"));
  rig.wait_all_free();
}

TEST_CASE("FixedPage: every request is answered with the page and a 503") {
  middleware::FixedPage page("<p>building</p>");
  struct Only final : middleware::Middleware {
    explicit Only(middleware::FixedPage& to) : target(to) {}
    void invoke(middleware::Environment& environment, middleware::Completion completion,
                const middleware::AppFunc&) noexcept override {
      target.invoke(environment, std::move(completion));
    }
    middleware::FixedPage& target;
  };
  RigOptions options;
  options.middleware.push_back([&](middleware::TokenTable&) { return std::make_unique<Only>(page); });
  ServerRig rig(options);
  HttpClient client = rig.connect_http();
  for (const auto* path : {"/", "/any?thing"}) {
    const auto response = client.send(ask(path)).response();
    CHECK(response.status() == 503);
    CHECK(response.body == "<p>building</p>");
    CHECK(response.field("Cache-Control") == "no-store");
  }
}

}  // namespace owind::testing
