// How serving ends: a drain, a stop at once, and what the front end sees of each.
#include <doctest/doctest.h>

#include "tests/fastcgi/conversation.hpp"
#include "tests/support/server_rig.hpp"

namespace owind::testing {
namespace {

namespace wire = fastcgi::testing;
using Transport = ServerRig::Transport;

struct Held {
  explicit Held(RigOptions options = {}) : rig(options) {
    rig.add("/hold", [this](const SharedRequest& r) {
      request = r;
      started.open();
    });
    rig.add("/", hello());
  }
  ServerRig rig;
  SharedRequest request;
  Gate started;
};

TEST_CASE("a drain closes idle connections at once") {
  Held h;
  Client client = h.rig.connect();
  CHECK(client.send(get(1, "/")).response().status() == 200);
  h.rig.shard().drain();
  CHECK_FALSE(client.receive());
  CHECK(client.ended());
  h.rig.wait_connections(0);
}

TEST_CASE("a drain gives a connection on which nothing has come yet a second for its request") {
  Held h;
  Client silent = h.rig.connect();
  Client late = h.rig.connect();
  HttpClient http = h.rig.connect_http();
  h.rig.shard().drain();
  h.rig.on_leader([] {});
  h.rig.advance(std::chrono::milliseconds(900));
  CHECK(h.rig.connections() == 3);
  CHECK(late.send(get(1, "/")).response().status() == 200);
  const auto response = http.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").response();
  CHECK(response.status() == 200);
  CHECK(response.field("Connection") == "close");
  CHECK(http.rest().empty());
  http.close();
  CHECK_FALSE(late.receive());
  h.rig.wait_connections(1);
  h.rig.advance(std::chrono::milliseconds(200));
  CHECK_FALSE(silent.receive());
  CHECK(silent.ended());
  h.rig.wait_connections(0);
}

TEST_CASE("a drain closes a busy connection after its last response") {
  Held h;
  Client client = h.rig.connect();
  client.send(get(1, "/hold"));
  h.started.wait();
  h.rig.shard().drain();
  h.rig.on_leader([] {});
  CHECK(h.rig.connections() == 1);
  // Another stream of the same connection is served as well.
  CHECK(client.send(get(2, "/")).response(2).status() == 200);
  CHECK(h.rig.connections() == 1);
  h.request->head(200);
  h.request->write("last");
  h.request->complete();
  h.request.reset();
  CHECK(client.response(1).body() == "last");
  CHECK_FALSE(client.receive());
  CHECK(client.ended());
  h.rig.wait_connections(0);
}

TEST_CASE("a request that has arrived when the drain begins is served") {
  Held h;
  Client client = h.rig.connect();
  CHECK(client.send(get(1, "/")).response().status() == 200);
  // The leader is kept while the request arrives, and finds the drain first.
  Gate go, busy;
  h.rig.shard().post([&] {
    busy.open();
    go.wait();
  });
  busy.wait();
  h.rig.shard().drain();
  client.send(get(1, "/"));
  go.open();
  CHECK(client.response().status() == 200);
  CHECK_FALSE(client.receive());
  CHECK(client.ended());
}

TEST_CASE("a request that arrives behind another one during the drain is served") {
  Held h;
  Client client = h.rig.connect();
  client.send(get(1, "/hold"));
  h.started.wait();
  h.rig.shard().drain();
  h.rig.on_leader([] {});
  Gate go, busy;
  h.rig.shard().post([&] {
    busy.open();
    go.wait();
  });
  busy.wait();
  // Both before the leader looks again: the end of the one, and the other.
  h.request->head(200);
  h.request->complete();
  h.request.reset();
  client.send(get(2, "/"));
  go.open();
  CHECK(client.response(1).status() == 200);
  CHECK(client.response(2).status() == 200);
  CHECK_FALSE(client.receive());
  CHECK(client.ended());
}

TEST_CASE("a connection on which only half a request had arrived is drained when that is served") {
  Held h;
  Client client = h.rig.connect();
  const auto bytes = get(1, "/");
  client.send(bytes.substr(0, 5));
  h.rig.wait_read(client);
  h.rig.shard().drain();
  h.rig.on_leader([] {});
  CHECK(h.rig.connections() == 1);
  client.send(bytes.substr(5));
  CHECK(client.response().status() == 200);
  CHECK_FALSE(client.receive());
  CHECK(client.ended());
}

TEST_CASE("a connection that was only asked for values during the drain is closed afterwards") {
  Held h;
  Client client = h.rig.connect();
  const auto ask = wire::record(9, 0, wire::pair("FCGI_MAX_REQS", ""));
  client.send(ask.substr(0, 5));
  h.rig.wait_read(client);
  h.rig.shard().drain();
  h.rig.on_leader([] {});
  client.send(ask.substr(5));
  REQUIRE(client.receive());
  CHECK_FALSE(client.receive());
  CHECK(client.ended());
}

TEST_CASE("a stop at once cancels what runs, and no response looks whole") {
  for (const Transport transport : {Transport::kUnix, Transport::kTcp}) {
    Held h;
    Client client = h.rig.connect(transport);
    client.send(get(1, "/hold"));
    h.started.wait();
    h.request->head(200);
    h.request->write("some");
    CHECK(client.receive_out(1, 20).body() == "some");
    int reason = 0;
    Gate told;
    h.request->when_aborted([&](FakeRequest& r, int why) {
      reason = why;
      r.complete(OWIND_OUTCOME_CANCELLED);
      told.open();
    });
    h.rig.shard().abort_all();
    told.wait();
    CHECK(reason == OWIND_ABORT_SHUTDOWN);
    client.receive_all();
    if (transport == Transport::kUnix) CHECK(client.failed());
    if (transport == Transport::kTcp) CHECK(client.reset());
    CHECK_FALSE(client.so_far(1).ended);
    h.request.reset();
    h.rig.wait_all_free();
  }
}

TEST_CASE("a stop at once answers 503 to a request whose application has given no head") {
  for (const Transport transport : {Transport::kUnix, Transport::kTcp}) {
    Held h;
    Client idle = h.rig.connect(transport);
    CHECK(idle.send(get(1, "/")).response().status() == 200);
    Client client = h.rig.connect(transport);
    client.send(get(1, "/hold"));
    h.started.wait();
    std::atomic<int> reason{0};
    h.request->when_aborted([&](FakeRequest&, int why) { reason = why; });
    h.rig.shard().abort_all();
    const Response response = client.response();
    CHECK(response.status() == 503);
    CHECK(response.ended);
    CHECK_FALSE(client.receive());
    CHECK(client.ended());
    CHECK_FALSE(idle.receive());
    CHECK(idle.ended());
    client.close();
    h.rig.wait_connections(0);
    CHECK(h.rig.admission.in_flight() == 1);
    CHECK(reason == OWIND_ABORT_SHUTDOWN);
    CHECK(h.request->head(200) == OWIND_ABORTED);
    h.request->complete();
    h.request.reset();
    h.rig.wait_all_free();
  }
}

TEST_CASE("a stop at once answers 503 to a request whose parameters have not all come") {
  for (const std::size_t cut : {16, 24, 60}) {
    Held h;
    Client client = h.rig.connect(Transport::kTcp);
    client.send(get(1, "/").substr(0, cut));
    h.rig.wait_read(client);
    h.rig.shard().abort_all();
    CHECK(client.response().status() == 503);
    CHECK_FALSE(client.receive());
    CHECK(client.ended());
    client.close();
    h.rig.wait_connections(0);
    CHECK(h.rig.runtime.started() == 0);
  }
}

TEST_CASE("a stop at once answers 503 to a request that has arrived and was not read") {
  Held h;
  Client client = h.rig.connect(Transport::kTcp);
  CHECK(client.send(get(1, "/")).response().status() == 200);
  Gate go, busy;
  h.rig.shard().post([&] {
    busy.open();
    go.wait();
  });
  busy.wait();
  h.rig.shard().abort_all();
  client.send(get(1, "/"));
  go.open();
  const Response again = client.response();
  CHECK(again.status() == 503);
  CHECK_FALSE(client.receive());
  CHECK(client.ended());
}

TEST_CASE("a stop at once closes a connection on which not even a begin has come, without an answer") {
  Held h;
  Client client = h.rig.connect(Transport::kTcp);
  client.send(get(1, "/").substr(0, 5));
  h.rig.wait_read(client);
  h.rig.shard().abort_all();
  CHECK_FALSE(client.receive());
  CHECK(client.ended());
}

TEST_CASE("a stop at once tells the requests of one connection apart: 503 without a head, a failure behind one") {
  Held h;
  h.rig.add("/begun", [](const SharedRequest& r) {
    r->head(200);
    r->write("some");
    r->when_aborted([](FakeRequest& request, int) { request.complete(OWIND_OUTCOME_CANCELLED); });
  });
  Client client = h.rig.connect(Transport::kTcp);
  client.send(get(1, "/hold"));
  h.started.wait();
  client.send(get(3, "/begun"));
  CHECK(client.receive_out(3, 20).body() == "some");
  h.rig.shard().abort_all();
  client.receive_all();
  CHECK(client.so_far(1).status() == 503);
  CHECK(client.so_far(1).ended);
  CHECK_FALSE(client.so_far(3).ended);
  CHECK(client.failed());
  h.request->complete();
  h.request.reset();
  h.rig.wait_all_free();
}

}  // namespace
}  // namespace owind::testing
