// HTTP over real sockets: keep-alive, pipelining, bodies in both directions, refusals, time.
#include <doctest/doctest.h>

#include <sys/socket.h>

#include "tests/support/server_rig.hpp"

namespace owind::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::string http_get(std::string_view path, std::string_view more = "") {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: a\r\n" + std::string(more) + "\r\n";
}
std::string http_post(std::string_view path, std::string_view body, std::string_view more = "") {
  return "POST " + std::string(path) +
         " HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
         std::string(more) + "\r\n" + std::string(body);
}
std::string chunk(std::string_view bytes) {
  char size[20];
  std::snprintf(size, sizeof size, "%zx\r\n", bytes.size());
  return size + std::string(bytes) + "\r\n";
}

TEST_CASE("http: a kept connection serves request after request, and the slot is used again [RFC 9112 9.3]") {
  ServerRig rig;
  rig.add("/", hello());
  rig.add("/echo", echo_collecting());
  HttpClient client = rig.connect_http();
  for (int i = 0; i < 50; ++i) {
    if (i % 2 == 0) {
      const auto response = client.send(http_get("/")).response();
      CHECK(response.status() == 200);
      CHECK(response.body == "Hello, World!");
    } else {
      const auto body = "nonce " + std::to_string(i);
      CHECK(client.send(http_post("/echo", body)).response().body == body);
    }
  }
  CHECK(rig.slots_made() == 1);
}

TEST_CASE("http: a request in pieces is the same") {
  ServerRig rig;
  rig.add("/echo", echo_collecting());
  HttpClient client = rig.connect_http();
  const std::string bytes = http_post("/echo", "some body");
  for (const char& byte : bytes) {
    client.send({&byte, 1});
    rig.wait_read(client);
  }
  CHECK(client.response().body == "some body");
}

TEST_CASE("http: pipelined requests are answered in their order, whatever they hold [RFC 9112 9.3.2]") {
  ServerRig rig;
  rig.add("/", hello());
  rig.add("/echo", echo_collecting());
  rig.add("/large", source(300'000, Announce::kNo));
  HttpClient client = rig.connect_http();
  std::string bytes;
  for (int i = 0; i < 200; ++i)
    bytes += http_get("/") + http_post("/echo", std::to_string(i)) + (i % 50 == 0 ? http_get("/large") : "");
  client.send(bytes);
  for (int i = 0; i < 200; ++i) {
    REQUIRE(client.response().body == "Hello, World!");
    REQUIRE(client.response().body == std::to_string(i));
    if (i % 50 == 0) REQUIRE(client.response().body == std::string(300'000, 'x'));
  }
  CHECK(client.empty());
  rig.wait_all_free();
}

TEST_CASE("http: pipelined requests wait for one that takes its time") {
  ServerRig rig;
  Gate may_end;
  rig.add("/", hello());
  rig.add("/slow", [&](const SharedRequest& request) {
    rig.runtime.queue([&, request] {
      may_end.wait();
      request->head(200, {{"Content-Length", "4"}});
      request->write("slow");
      request->complete();
    });
  });
  HttpClient client = rig.connect_http();
  client.send(http_get("/slow") + http_get("/") + http_get("/"));
  rig.wait_read(client);
  CHECK(rig.runtime.started() == 1);
  may_end.open();
  CHECK(client.response().body == "slow");
  CHECK(client.response().body == "Hello, World!");
  CHECK(client.response().body == "Hello, World!");
}

TEST_CASE("http: bodies of any size stream, chunked both ways [RFC 9112 7.1]") {
  ServerRig rig;
  rig.add("/echo", echo_streaming());
  HttpClient client = rig.connect_http();
  std::string body;
  for (int i = 0; i < 60'000; ++i) body += std::to_string(i) + ",";
  std::string bytes = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (std::size_t at = 0; at < body.size(); at += 7000)
    bytes += chunk(std::string_view(body).substr(at, 7000));
  std::thread sender([&] { client.send(bytes + "0\r\n\r\n"); });
  const auto response = client.response();
  sender.join();
  CHECK(response.chunked);
  CHECK(response.whole);
  CHECK(response.body == body);
}

TEST_CASE("http: request and response run side by side on one connection") {
  ServerRig rig;
  rig.add("/echo", echo_streaming());
  HttpClient client = rig.connect_http();
  client.send("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk("one"));
  CHECK(client.starts_with("HTTP/1.1 200 OK\r\n"));
  client.send(chunk("two"));
  rig.advance(seconds(11));  // FastCGI gives up here: nginx would not send more.
  client.send(chunk("three") + "0\r\n\r\n");
  const auto response = client.response();
  CHECK(response.whole);
  CHECK(response.body == "onetwothree");
}

TEST_CASE("http: the application's first read lets a waiting visitor send its body [RFC 9110 10.1.1]") {
  ServerRig rig;
  rig.add("/echo", echo_collecting());
  rig.add("/refuse", [](const SharedRequest& request) {
    request->head(403, {{"Content-Length", "2"}});
    request->write("no");
    request->complete();
  });
  HttpClient client = rig.connect_http();
  client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
  CHECK(client.response().status() == 100);
  client.send("body");
  CHECK(client.response().body == "body");
  // One that does not read: the answer is final, and the connection ends with it.
  client.send("POST /refuse HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
  const auto refused = client.response();
  CHECK(refused.status() == 403);
  CHECK(refused.field("Connection") == "close");
  CHECK(client.rest().empty());
}

TEST_CASE("http: a visitor that does not wait for 100 gets none") {
  ServerRig rig;
  rig.add("/echo", echo_collecting());
  HttpClient client = rig.connect_http();
  client.send(http_post("/echo", "body", "Expect: 100-continue\r\n"));
  const auto response = client.response();
  CHECK(response.status() == 200);
  CHECK(response.body == "body");
}

TEST_CASE("http: HEAD has the head of GET and no body [RFC 9110 9.3.2]") {
  ServerRig rig;
  rig.add("/", hello());
  HttpClient client = rig.connect_http();
  client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n" + http_get("/"));
  const auto head = client.response("HEAD");
  CHECK(head.field("Content-Length") == "13");
  CHECK(client.response().body == "Hello, World!");
}

TEST_CASE("http: HTTP/1.0 is closed after the response, unless it asks to be kept [RFC 9112 9.3]") {
  ServerRig rig;
  rig.add("/", hello());
  rig.add("/open", source(100, Announce::kNo));
  HttpClient client = rig.connect_http();
  client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  CHECK(client.response().body == "Hello, World!");
  client.send("GET /open HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  const auto response = client.response();
  CHECK_FALSE(response.chunked);
  CHECK(response.body == std::string(100, 'x'));
  CHECK(client.ended());
  rig.wait_connections(0);
}

TEST_CASE("http: a refusal is a short page, and the connection ends behind it [RFC 9112 6.3]") {
  ServerRig rig;
  rig.add("/", hello());
  const auto refused = [&](std::string_view bytes) {
    HttpClient client = rig.connect_http();
    client.send(bytes).send(http_get("/"));
    const auto response = client.response();
    CHECK(response.whole);
    CHECK(response.body.size() < 300);
    CHECK(response.field("Connection") == "close");
    CHECK(client.rest().empty());
    return response.status();
  };
  CHECK(refused("nonsense\r\n\r\n") == 400);
  CHECK(refused("GET / HTTP/1.1\r\n\r\n") == 400);
  CHECK(refused("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n") ==
        400);
  CHECK(refused("GET /" + std::string(9000, 'x') + " HTTP/1.1\r\nHost: a\r\n\r\n") == 414);
  CHECK(refused(http_get("/", "X: " + std::string(40'000, 'x') + "\r\n")) == 431);
  CHECK(refused("BREW / HTTP/1.1\r\nHost: a\r\n\r\n") == 501);
  CHECK(refused("GET / HTTP/3.0\r\nHost: a\r\n\r\n") == 505);
  CHECK(rig.runtime.started() == 0);
}

TEST_CASE("http: a request that is refused by its target alone leaves the connection as it is") {
  ServerRig rig;
  rig.add("/", hello());
  HttpClient client = rig.connect_http();
  client.send(http_get("/%00") + http_get("/"));
  CHECK(client.response().status() == 400);
  CHECK(client.response().body == "Hello, World!");
}

TEST_CASE("http: a malformed chunk is a 400 while there is no response yet, and a cut one after that") {
  ServerRig rig;
  rig.add("/collect", echo_collecting());
  rig.add("/stream", echo_streaming());
  const std::string head = " HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  HttpClient one = rig.connect_http();
  one.send("POST /collect" + head + chunk("abc"));
  rig.wait_read(one);
  one.send("nonsense\r\n");
  CHECK(one.response().status() == 400);
  CHECK(one.rest().empty());
  HttpClient two = rig.connect_http();
  two.send("POST /stream" + head + chunk("abc"));
  CHECK(two.starts_with("HTTP/1.1 200"));
  two.send("nonsense\r\n");
  const auto response = two.response();
  CHECK(response.status() == 200);
  CHECK_FALSE(response.whole);
  rig.wait_all_free();
}

TEST_CASE("http: a body above the limit is a 413, announced or not [RFC 9110 15.5.14]") {
  RigOptions options;
  options.limits.max_body_bytes = 10;
  ServerRig rig(options);
  rig.add("/echo", echo_collecting());
  HttpClient one = rig.connect_http();
  CHECK(one.send(http_post("/echo", "0123456789")).response().status() == 200);
  CHECK(one.send(http_post("/echo", "0123456789a")).response().status() == 413);
  HttpClient two = rig.connect_http();
  two.send("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk("0123456") +
           chunk("789a"));
  CHECK(two.response().status() == 413);
  rig.wait_all_free();
}

TEST_CASE(
    "http: a response that fails after its head is cut: no last chunk, fewer bytes than announced [RFC 9112 "
    "8]") {
  ServerRig rig;
  const auto fail_after = [](Fields fields) {
    return [fields](const SharedRequest& request) {
      request->head(200, fields);
      request->write("half");
      request->complete(OWIND_OUTCOME_FAULTED);
    };
  };
  rig.add("/chunked", fail_after({}));
  rig.add("/length", fail_after({{"Content-Length", "8"}}));
  for (const auto transport : {ServerRig::Transport::kUnix, ServerRig::Transport::kTcp}) {
    for (const auto* path : {"/chunked", "/length"}) {
      HttpClient client = rig.connect_http(transport);
      const auto response = client.send(http_get(path)).response();
      CHECK(response.status() == 200);
      CHECK_FALSE(response.whole);
    }
    HttpClient old = rig.connect_http(transport);
    old.send("GET /chunked HTTP/1.0\r\n\r\n");
    const auto response = old.response();
    if (transport == ServerRig::Transport::kTcp) CHECK_FALSE(response.whole);
  }
}

TEST_CASE("http: an application that fails before its head is a 500, and the connection goes on") {
  ServerRig rig;
  rig.add("/", hello());
  rig.add("/fail", [](const SharedRequest& request) { request->complete(OWIND_OUTCOME_FAULTED); });
  HttpClient client = rig.connect_http();
  CHECK(client.send(http_get("/fail")).response().status() == 500);
  CHECK(client.send(http_get("/")).response().status() == 200);
}

TEST_CASE("http: when all places are taken a request is a 503, and a HEAD has no page [RFC 9110 15.6.4]") {
  RigOptions options;
  options.max_in_flight = 1;
  ServerRig rig(options);
  SharedRequest held;
  rig.add("/hold", [&](const SharedRequest& request) { held = request; });
  rig.add("/", hello());
  HttpClient first = rig.connect_http();
  first.send(http_get("/hold"));
  rig.wait_all_free_but(1);
  HttpClient second = rig.connect_http();
  second.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n" + http_get("/"));
  CHECK(second.response("HEAD").status() == 503);
  const auto response = second.response();
  CHECK(response.status() == 503);
  CHECK(response.field("Retry-After") == "1");
  eventually([&] { return held != nullptr; });
  held->head(200);
  held->complete();
  CHECK(first.response().status() == 200);
}

TEST_CASE("http: a visitor without a whole head takes no place") {
  RigOptions options;
  options.max_in_flight = 1;
  ServerRig rig(options);
  rig.add("/", hello());
  std::vector<HttpClient> slow;
  for (int i = 0; i < 5; ++i) {
    slow.push_back(rig.connect_http());
    slow.back().send("GET / HTTP/1.1\r\nHo");
    rig.wait_read(slow.back());
  }
  HttpClient client = rig.connect_http();
  CHECK(client.send(http_get("/")).response().status() == 200);
}

TEST_CASE("http: a visitor that leaves aborts its request") {
  ServerRig rig;
  SharedRequest held;
  Gate aborted;
  rig.add("/hold", [&](const SharedRequest& request) {
    held = request;
    request->when_aborted([&](FakeRequest&, int) { aborted.open(); });
  });
  HttpClient client = rig.connect_http();
  client.send(http_get("/hold"));
  rig.wait_all_free_but(1);
  client.close();
  aborted.wait();
  held->complete(OWIND_OUTCOME_CANCELLED);
}

TEST_CASE("http: a visitor that leaves behind pipelined requests aborts the one that runs") {
  ServerRig rig;
  SharedRequest held;
  Gate aborted;
  rig.add("/hold", [&](const SharedRequest& request) {
    held = request;
    request->when_aborted([&](FakeRequest&, int) { aborted.open(); });
  });
  HttpClient client = rig.connect_http();
  client.send(http_get("/hold") + http_get("/hold"));
  rig.wait_all_free_but(1);
  client.close();
  aborted.wait();
  held->complete(OWIND_OUTCOME_CANCELLED);
}

// ---- time

TEST_CASE("http: a head that does not come in time is a 408; a connection without one ends without a word") {
  RigOptions options;
  // Browsers connect ahead of their requests.
  options.limits.first_record_timeout = seconds(130);
  ServerRig rig(options);
  rig.add("/", hello());
  HttpClient half = rig.connect_http();
  half.send("GET / HTTP/1.1\r\nHost: a\r\n");
  rig.wait_read(half);
  rig.advance(seconds(29));
  half.send("X: y\r\n");
  rig.wait_read(half);
  char byte;
  CHECK(::recv(half.fd(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0);
  rig.advance(seconds(2));
  CHECK(half.response().status() == 408);
  CHECK(half.rest().empty());
  HttpClient idle = rig.connect_http();
  CHECK(idle.send(http_get("/")).response().status() == 200);
  rig.advance(seconds(91));
  CHECK(idle.rest().empty());
  CHECK(idle.ended());
}

TEST_CASE("http: after an early response the time for the next head begins, not that of the upload goes on") {
  ServerRig rig;
  SharedRequest held;
  Gate started;
  rig.add("/hold", [&](const SharedRequest& request) {
    held = request;
    started.open();
  });
  rig.add("/", hello());
  HttpClient client = rig.connect_http();
  client.send("POST /hold HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n0123456789");
  started.wait();
  rig.advance(seconds(40));
  held->head(200);
  held->complete();
  held.reset();
  CHECK(client.response().field("Connection") == "");
  // A heartbeat.
  rig.advance(seconds(1));
  client.send(std::string(90, 'x') + http_get("/"));
  CHECK(client.response().status() == 200);
}

TEST_CASE(
    "a response whose request is done is sent for as long as its reader reads, however short the idle "
    "timeout") {
  RigOptions options;
  options.limits.idle_timeout = seconds(2);
  ServerRig rig(options);
  for (std::size_t bytes = 220'000; bytes <= 500'000; bytes += 20'000)
    rig.add("/" + std::to_string(bytes), source(bytes));
  for (std::size_t bytes = 220'000; bytes <= 500'000; bytes += 20'000) {
    INFO(bytes);
    HttpClient client = rig.connect_http();
    client.send(http_get("/" + std::to_string(bytes)));
    rig.wait_read(client);
    for (int i = 0; i < 4; ++i) rig.on_leader([] {});
    rig.advance(seconds(5));
    CHECK(client.response().body.size() == bytes);
  }
}

TEST_CASE(
    "http: a body that comes too slowly is a 408, and one that stops as well [Kestrel "
    "MinRequestBodyDataRate]") {
  RigOptions options;
  options.limits.min_body_rate = 240;
  ServerRig rig(options);
  rig.add("/echo", echo_collecting());
  HttpClient slow = rig.connect_http();
  slow.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nx");
  rig.wait_read(slow);
  const std::string second(300, 'x');
  for (int i = 0; i < 10; ++i) {
    slow.send(second);
    rig.wait_read(slow);
    rig.advance(seconds(1));
  }
  CHECK(rig.runtime.alive() == 1);
  rig.advance(seconds(1));
  rig.advance(seconds(1));
  rig.advance(seconds(1));
  CHECK(slow.response().status() == 408);
}

TEST_CASE("http: a response that is taken too slowly ends [Kestrel MinResponseDataRate]") {
  RigOptions options;
  options.limits.min_response_rate = 240;
  ServerRig rig(options);
  rig.add("/large", source(50'000'000));
  HttpClient client = rig.connect_http();
  client.send(http_get("/large"));
  CHECK(client.starts_with("HTTP/1.1 200"));
  eventually([&] {
    rig.advance(seconds(10'000));
    return rig.connections() == 0;
  });
  CHECK_FALSE(client.response().whole);
}

// ---- the end

TEST_CASE("http: a drain lets what runs end, says so, and closes what is idle") {
  ServerRig rig;
  SharedRequest held;
  rig.add("/hold", [&](const SharedRequest& request) { held = request; });
  rig.add("/", hello());
  HttpClient idle = rig.connect_http();
  CHECK(idle.send(http_get("/")).response().status() == 200);
  HttpClient busy = rig.connect_http();
  busy.send(http_get("/hold"));
  rig.wait_all_free_but(1);
  rig.shard().drain();
  CHECK(idle.rest().empty());
  eventually([&] { return held != nullptr; });
  held->head(200, {{"Content-Length", "2"}});
  held->write("ok");
  held->complete();
  const auto response = busy.response();
  CHECK(response.body == "ok");
  CHECK(response.field("Connection") == "close");
  CHECK(busy.rest().empty());
  CHECK(busy.ended());
}

}  // namespace
}  // namespace owind::testing
