// Applications that break the rules, fail, or end at odd moments: what the front end sees, and what the
// application is told.
#include <doctest/doctest.h>

#include <cstring>

#include "tests/fastcgi/conversation.hpp"
#include "tests/support/server_rig.hpp"

namespace owind::testing {
namespace {

namespace wire = fastcgi::testing;
using Transport = ServerRig::Transport;
using std::chrono::seconds;

TEST_CASE("an application that fails before its head is a 500, and the connection goes on") {
  ServerRig rig;
  for (const int outcome :
       {OWIND_OUTCOME_COMPLETED, OWIND_OUTCOME_FAULTED, OWIND_OUTCOME_CANCELLED, OWIND_OUTCOME_ABANDONED})
    rig.add("/" + std::to_string(outcome), [outcome](const SharedRequest& r) { r->complete(outcome); });
  Client client = rig.connect();
  for (const char* path : {"/0", "/1", "/2", "/3"}) {
    const auto response = client.send(get(1, path)).response();
    CHECK(response.status() == 500);
    CHECK(response.field("Content-Length") == std::to_string(response.body().size()));
    CHECK(response.app_status == 0);
  }
  CHECK(rig.log.count("dropped the request") == 1);
}

TEST_CASE("a start that the runtime refuses is a 500") {
  ServerRig rig;
  rig.runtime.fail_starts(OWIND_FAILED);
  Client client = rig.connect();
  CHECK(client.send(get(1, "/")).response().status() == 500);
  rig.wait_all_free();
}

TEST_CASE("an application that completes twice, or does anything afterwards, is told that it is over") {
  ServerRig rig;
  SharedRequest kept;
  Gate done;
  rig.add("/", [&](const SharedRequest& r) {
    CHECK(r->write("x").status == OWIND_INVALID);  // no head yet
    CHECK(r->head(200) == OWIND_OK);
    CHECK(r->head(200) == OWIND_HEADERS_SENT);
    CHECK(r->write("once").status == OWIND_OK);
    CHECK(r->complete() == OWIND_OK);
    CHECK(r->complete() == OWIND_CLOSED);
    CHECK(r->write("twice").status == OWIND_CLOSED);
    CHECK(r->read().status == OWIND_CLOSED);
    CHECK(r->head(200) == OWIND_CLOSED);
    CHECK(r->flush() == OWIND_CLOSED);
    kept = r;
    done.open();
  });
  Client client = rig.connect();
  CHECK(client.send(get(1, "/")).response().body() == "once");
  done.wait();
  // The next request in the same slot is none of its business.
  CHECK(client.send(get(1, "/")).response().body() == "once");
  rig.wait_all_free();
  CHECK(kept->write("late").status == OWIND_CLOSED);
  CHECK(kept->blocking() == OWIND_CLOSED);
  kept.reset();
}

TEST_CASE("a head that breaks a rule is refused with the reason, and a better one may follow") {
  ServerRig rig;
  rig.add("/", [&](const SharedRequest& r) {
    CHECK(r->head(200, {{"X", "a\r\nSet-Cookie: b"}}) == OWIND_INVALID);
    CHECK(r->error.find("CR, LF or NUL") != std::string::npos);
    CHECK(r->head(99) == OWIND_INVALID);
    CHECK(r->head(101) == OWIND_INVALID);
    CHECK(r->head(200, {{"Bad Name", "x"}}) == OWIND_INVALID);
    CHECK(r->head(200, {{"Content-Length", "1"}, {"Content-Length", "2"}}) == OWIND_INVALID);
    CHECK(r->head(200, {{"X", std::string(70'000, 'x')}}) == OWIND_INVALID);
    CHECK(r->head(200, {{"Connection", "close"}, {"Transfer-Encoding", "chunked"}, {"X", "y"}}) == OWIND_OK);
    r->complete();
  });
  Client client = rig.connect();
  const auto response = client.send(get(1, "/")).response();
  CHECK(response.status() == 200);
  CHECK(response.field("X") == "y");
  CHECK(response.field("Connection").empty());
  CHECK(response.field("Transfer-Encoding").empty());
}

TEST_CASE("a head whose lengths lead out of it is refused, whatever they say") {
  ServerRig rig;
  rig.add("/", [&](const SharedRequest& r) {
    const auto head = [](std::uint32_t size, std::uint32_t reason, std::uint32_t fields, std::string rest) {
      const owind_response_head fixed{size, 200, reason, fields, 0};
      std::string bytes(sizeof fixed, '\0');
      std::memcpy(bytes.data(), &fixed, sizeof fixed);
      return bytes + rest;
    };
    const std::string field("\1\0\0\0\1\0\0\0XY", 10);
    for (const auto& bytes :
         {std::string(), std::string(19, 'x'), head(20, 1, 0, ""), head(20, 0xffffffffu, 0, ""),
          head(20, 0, 1, ""), head(20, 0, 0xffffffffu, ""), head(28, 0, 1, std::string(8, '\xff')),
          head(30, 0, 2, field), head(31, 0, 1, field + "z"), head(29, 0, 1, field),
          head(0xffffffffu, 0, 0, "")})
      CHECK(r->raw_head(bytes) == OWIND_INVALID);
    CHECK(r->raw_head(head(30, 0, 1, field)) == OWIND_OK);
    r->complete();
  });
  Client client = rig.connect();
  CHECK(client.send(get(1, "/")).response().field("X") == "Y");
}

TEST_CASE("more bytes than Content-Length are refused; the response stays whole") {
  ServerRig rig;
  rig.add("/", [&](const SharedRequest& r) {
    r->head(200, {{"Content-Length", "5"}});
    CHECK(r->write("123456").status == OWIND_TOO_MANY_BYTES);
    CHECK(r->write("123").status == OWIND_OK);
    CHECK(r->write("456").status == OWIND_TOO_MANY_BYTES);
    CHECK(r->write("45").status == OWIND_OK);
    CHECK(r->write("6").status == OWIND_TOO_MANY_BYTES);
    CHECK(r->write("").status == OWIND_OK);
    r->complete();
  });
  Client client = rig.connect();
  CHECK(client.send(get(1, "/")).response().body() == "12345");
  CHECK_FALSE(client.failed());
}

// ---- failures after the head: never a whole response

TEST_CASE("a failure after the head is a record of version 0 behind what was written, then the end") {
  for (const Transport transport : {Transport::kUnix, Transport::kTcp}) {
    ServerRig rig;
    rig.add("/", [](const SharedRequest& r) {
      r->head(200);
      r->write("partial");
      r->complete(OWIND_OUTCOME_FAULTED);
    });
    Client client = rig.connect(transport);
    client.send(get(1, "/"));
    const auto records = client.receive_all();
    REQUIRE(records.size() == 2);
    CHECK(records[0].content.ends_with("partial"));
    CHECK(records[1].version == 0);
    CHECK_FALSE(client.so_far().ended);
    CHECK((transport == Transport::kTcp ? client.reset() : client.ended()));
    rig.wait_connections(0);
  }
}

TEST_CASE("fewer bytes than Content-Length are a failure, though the application says that all is well") {
  ServerRig rig;
  rig.add("/", [](const SharedRequest& r) {
    r->head(200, {{"Content-Length", "10"}});
    r->write("123456789");
    r->complete();
  });
  Client client = rig.connect();
  client.send(get(1, "/"));
  client.receive_all();
  CHECK(client.failed());
  CHECK(rig.log.count("9 of 10 bytes") == 1);
}

TEST_CASE("a failure with other live streams ends early where a length was announced [fcgi 5.5]") {
  ServerRig rig;
  SharedRequest held;
  Gate started;
  rig.add("/hold", [&](const SharedRequest& request) {
    held = request;
    started.open();
  });
  rig.add("/fail", [](const SharedRequest& r) {
    r->head(200, {{"Content-Length", "10"}});
    r->write("12345");
    r->complete(OWIND_OUTCOME_FAULTED);
  });
  rig.add("/", hello());
  Client client = rig.connect();
  client.send(get(1, "/hold"));
  started.wait();
  // Once with its body complete, once while it is still sent.
  client.send(get(3, "/fail"));
  CHECK(client.response(3).body() == "12345");
  client.send(head_of(5, "POST", "/fail"));
  const auto cut = client.response(5);
  CHECK(cut.ended);
  CHECK(cut.body() == "12345");
  client.send(wire::stdin_record(5, "late") + wire::stdin_record(5));
  CHECK(client.send(get(7, "/")).response(7).status() == 200);
  held->head(200);
  held->complete();
  held.reset();
  CHECK(client.response(1).status() == 200);
  CHECK(client.send(get(9, "/")).response(9).status() == 200);
  CHECK_FALSE(client.failed());
}

TEST_CASE("a failure with other live streams and no length lets them end, takes no new ones, then fails") {
  ServerRig rig;
  SharedRequest held;
  Gate started;
  rig.add("/hold", [&](const SharedRequest& request) {
    held = request;
    started.open();
  });
  rig.add("/fail", [](const SharedRequest& r) {
    r->head(200);
    r->write("12345");
    r->complete(OWIND_OUTCOME_FAULTED);
  });
  rig.add("/", hello());
  Client client = rig.connect(ServerRig::Transport::kTcp);
  client.send(get(1, "/hold"));
  started.wait();
  client.send(get(3, "/fail"));
  CHECK(client.receive_out(3, 20).body() == "12345");
  rig.wait_all_free_but(1);
  CHECK(client.send(get(5, "/")).response(5).status() == 503);
  held->head(200);
  held->write("whole");
  held->complete();
  held.reset();
  CHECK(client.response(1).body() == "whole");
  client.receive_all();
  CHECK(client.failed());
  CHECK_FALSE(client.so_far(3).ended);
  // A reset would take what is still on its way to the others.
  CHECK(client.ended());
}

TEST_CASE("a failure with other live streams and no length waits for them for 30 s, then all of them fail") {
  ServerRig rig;
  SharedRequest held;
  Gate started;
  std::atomic<int> aborts{0};
  rig.add("/hold", [&](const SharedRequest& request) {
    held = request;
    request->when_aborted([&](FakeRequest&, int) { ++aborts; });
    started.open();
  });
  rig.add("/fail", [](const SharedRequest& r) {
    r->head(200);
    r->write("12345");
    r->complete(OWIND_OUTCOME_FAULTED);
  });
  Client client = rig.connect(Transport::kTcp);
  client.send(get(1, "/hold"));
  started.wait();
  client.send(get(3, "/fail"));
  CHECK(client.receive_out(3, 20).body() == "12345");
  rig.wait_all_free_but(1);
  rig.advance(seconds(29));
  CHECK(aborts == 0);
  rig.advance(seconds(2));
  client.receive_all();
  CHECK(client.failed());
  CHECK(client.ended());
  eventually([&] { return aborts == 1; });
  held->complete();
  held.reset();
}

TEST_CASE("a failure takes nothing along of the response before it, whose end is still on its way") {
  ServerRig rig;
  rig.add("/large", source(300'000));
  rig.add("/fail", [](const SharedRequest& r) {
    r->head(200);
    r->write("12345");
    r->complete(OWIND_OUTCOME_FAULTED);
  });
  // Over TCP, where there is a reset. The first response has ended in the server, not in the client.
  Client client = rig.connect(Transport::kTcp);
  client.set_receive_buffer(16 * 1024);
  client.send(wire::record(9, 0, wire::pair("FCGI_MPXS_CONNS", "")) + get(1, "/large"));
  CHECK(client.receive_out(1, 200'000).status() == 200);
  rig.wait_all_free();
  client.send(get(3, "/fail"));
  rig.wait_read(client);
  rig.wait_all_free();
  client.receive_all();
  CHECK(client.so_far(1).ended);
  CHECK(client.so_far(1).body().size() == 300'000);
  CHECK(client.failed());
  CHECK_FALSE(client.so_far(3).ended);

  HttpClient pipelining = rig.connect_http(Transport::kTcp);
  pipelining.send(
      "GET /large HTTP/1.1\r\nHost: a\r\n\r\n"
      "GET /fail HTTP/1.1\r\nHost: a\r\n\r\n");
  for (int i = 0; i < 4; ++i) rig.on_leader([] {});
  CHECK(pipelining.response().body.size() == 300'000);
  CHECK_FALSE(pipelining.response().whole);
}

TEST_CASE("two writers at once: one gets BUSY or both take turns, the length holds, no byte is lost") {
  RigOptions options;
  options.runner.dispatch = runner::Dispatch::kSteal;
  ServerRig rig(options);
  constexpr std::size_t kLength = 200'000;
  rig.add("/", [&](const SharedRequest& request) {
    request->head(200, {{"Content-Length", std::to_string(kLength)}});
    request->blocking();
    // Both want to write all of it.
    const auto write = [request] {
      const std::string piece(997, 'x');
      while (true) {
        const auto moved = request->write(piece);
        if (moved.status == OWIND_TOO_MANY_BYTES || moved.status == OWIND_ABORTED) return;
      }
    };
    std::thread one(write), two(write);
    one.join();
    two.join();
    // The last bytes, one by one: the length is exact.
    while (true) {
      const auto moved = request->write("y");
      if (moved.status == OWIND_TOO_MANY_BYTES || moved.status == OWIND_ABORTED) break;
    }
    request->complete();
  });
  Client client = rig.connect();
  for (int i = 0; i < 10; ++i) CHECK(client.send(get(1, "/")).response().body().size() == kLength);
}

TEST_CASE("a second read while one waits is told to be busy only while one is inside") {
  ServerRig rig;
  rig.add("/", [](const SharedRequest& r) {
    CHECK(r->read(0).status == OWIND_INVALID);
    CHECK(r->read().status == OWIND_WAIT);
    r->on_readable = [](FakeRequest& again) {
      const auto moved = again.read();
      if (moved.status == OWIND_WAIT) return;
      again.head(200);
      again.write(moved.bytes);
      again.complete();
    };
  });
  Client client = rig.connect();
  client.send(head_of(1, "POST", "/"));
  rig.wait_read(client);
  client.send(wire::stdin_record(1, "abc") + wire::stdin_record(1));
  CHECK(client.response().body() == "abc");
}

TEST_CASE("an application may complete on a thread of its own, at any time") {
  ServerRig rig;
  rig.add("/", [&](const SharedRequest& request) {
    rig.runtime.queue([request] {
      request->head(200, {{"Content-Length", "5"}});
      request->write("there");
      request->complete();
    });
  });
  Client client = rig.connect();
  for (int i = 0; i < 200; ++i) CHECK(client.send(get(1, "/")).response().body() == "there");
}

TEST_CASE("with --dispatch pool everything runs on the runtime's threads") {
  RigOptions options;
  options.runner.dispatch = runner::Dispatch::kPool;
  ServerRig rig(options);
  rig.add("/", hello());
  rig.add("/echo", echo_collecting());
  Client client = rig.connect();
  for (int i = 0; i < 50; ++i) {
    CHECK(client.send(get(1, "/")).response().status() == 200);
    client.send(head_of(1, "POST", "/echo"));
    client.send(wire::stdin_record(1, "body") + wire::stdin_record(1));
    CHECK(client.response().body() == "body");
  }
}

TEST_CASE("with --dispatch inline a blocking call is refused") {
  ServerRig rig;
  rig.add("/", [](const SharedRequest& r) {
    CHECK(r->blocking() == OWIND_REFUSED);
    r->head(200);
    r->complete();
  });
  Client client = rig.connect();
  CHECK(client.send(get(1, "/")).response().status() == 200);
}

// ---- native middleware

class Dropping final : public middleware::Middleware {
 public:
  void invoke(middleware::Environment&, middleware::Completion,
              const middleware::AppFunc&) noexcept override {}
};

TEST_CASE("a native middleware that drops its completion is a 500 with a log line") {
  RigOptions options;
  options.middleware.push_back([](middleware::TokenTable&) { return std::make_unique<Dropping>(); });
  ServerRig rig(options);
  rig.add("/", hello());
  Client client = rig.connect();
  CHECK(client.send(get(1, "/")).response().status() == 500);
  CHECK(client.send(get(1, "/")).response().status() == 500);
  CHECK(rig.log.count("dropped the request") == 2);
  CHECK(rig.runtime.started() == 0);
}

}  // namespace
}  // namespace owind::testing
