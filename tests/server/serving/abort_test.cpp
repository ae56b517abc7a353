// The front end goes away, or takes a request back, at every moment of it: nothing is left over, and no other
// connection notices.
#include <doctest/doctest.h>

#include "tests/fastcgi/conversation.hpp"
#include "tests/support/server_rig.hpp"

namespace owind::testing {
namespace {

namespace wire = fastcgi::testing;
using Transport = ServerRig::Transport;

/// How a front end takes its request back.
enum class How { kAbortRequest, kClose, kHalfClose };

void take_back(Client& client, How how, int id = 1) {
  switch (how) {
    case How::kAbortRequest:
      client.send(wire::abort_request(id));
      return;
    case How::kClose:
      client.close();
      return;
    case How::kHalfClose:
      client.shutdown_write();
      return;
  }
}

/// After an ABORT_REQUEST there is an answer, and the connection is as good as new.
void check_afterwards(ServerRig& rig, Client& client, How how) {
  if (how == How::kAbortRequest) {
    CHECK(client.response().ended);
    CHECK(client.send(get(1, "/hello")).response().body() == "Hello, World!");
  } else {
    rig.wait_connections(1);
  }
  rig.wait_all_free();
}

/// A rig with one more connection, that must not notice anything.
struct Watched {
  explicit Watched(RigOptions options = {}) : rig(options) {
    rig.add("/hello", hello());
    other = rig.connect();
    CHECK(other.send(get(1, "/hello")).response().status() == 200);
  }
  ~Watched() {
    CHECK(other.send(get(1, "/hello")).response().status() == 200);
    CHECK(rig.runtime.alive() == 0);
  }
  ServerRig rig;
  Client other;
};

TEST_CASE("a request taken back while its head is half read never reaches the application [fcgi 5.4]") {
  for (const How how : {How::kAbortRequest, How::kClose, How::kHalfClose}) {
    Watched w;
    Client client = w.rig.connect();
    client.send(wire::begin(1) + wire::params(1, encode_params(request_params("GET", "/hello"))));
    w.rig.wait_read(client);
    CHECK(w.rig.slots_in_use() == 1);
    take_back(client, how);
    check_afterwards(w.rig, client, how);
    CHECK(w.rig.runtime.aborted() == 0);
  }
}

TEST_CASE("a request taken back while the application runs cancels it [fcgi 5.4]") {
  for (const How how : {How::kAbortRequest, How::kClose, How::kHalfClose}) {
    Watched w;
    Gate started, aborted;
    SharedRequest held;
    w.rig.add("/hold", [&](const SharedRequest& request) {
      request->when_aborted([&](FakeRequest& r, int reason) {
        CHECK(reason == OWIND_ABORT_DISCONNECTED);
        CHECK(r.read().status == OWIND_ABORTED);
        CHECK(r.head(200) == OWIND_ABORTED);
        CHECK(r.write("x").status == OWIND_ABORTED);
        CHECK(r.flush() == OWIND_ABORTED);
        aborted.open();
      });
      held = request;
      started.open();
    });
    Client client = w.rig.connect();
    client.send(get(1, "/hold"));
    started.wait();
    take_back(client, how);
    aborted.wait();
    // The request lives until the application has completed it.
    CHECK(w.rig.slots_in_use() == 1);
    CHECK(held->block_is_mine());
    CHECK(held->path() == "/hold");
    CHECK(held->complete() == OWIND_OK);
    CHECK(held->complete() == OWIND_CLOSED);
    check_afterwards(w.rig, client, how);
    CHECK_FALSE(held->block_is_mine());
    CHECK(held->read().status == OWIND_CLOSED);
    CHECK(held->aborts == 1);
  }
}

TEST_CASE("a request taken back while the application waits for its body ends the wait [fcgi 5.4]") {
  for (const How how : {How::kAbortRequest, How::kClose, How::kHalfClose}) {
    Watched w;
    w.rig.add("/echo", echo_collecting());
    Client client = w.rig.connect();
    client.send(head_of(1, "POST", "/echo") + wire::stdin_record(1, "half"));
    w.rig.wait_read(client);
    CHECK(w.rig.runtime.started() == 2);
    take_back(client, how);
    check_afterwards(w.rig, client, how);
    CHECK(w.rig.runtime.aborted() == 1);
  }
}

TEST_CASE("a body that is cut never looks complete to the application [fcgi 5.3]") {
  Watched w;
  std::atomic<bool> complete{false};
  w.rig.add("/read", [&](const SharedRequest& request) {
    const auto read = [&](FakeRequest& r) {
      while (true) {
        const auto moved = r.read(3);
        if (moved.status == OWIND_OK) continue;
        if (moved.status == OWIND_WAIT) return;
        if (moved.status == OWIND_END) complete = true;
        r.complete(OWIND_OUTCOME_FAULTED);
        return;
      }
    };
    request->on_readable = read;
    read(*request);
  });
  const auto body = wire::stdin_record(1, "0123456789");
  for (std::size_t cut = 0; cut < body.size(); ++cut) {
    Client client = w.rig.connect();
    client.send(head_of(1, "POST", "/read") + body.substr(0, cut));
    client.close();
    w.rig.wait_connections(1);
    w.rig.wait_all_free();
  }
  CHECK_FALSE(complete);
}

TEST_CASE("a request taken back while the application waits to write ends the wait [fcgi 5.4]") {
  for (const How how : {How::kAbortRequest, How::kClose}) {
    Watched w;
    w.rig.add("/much", source(50'000'000));
    Client client = w.rig.connect();
    client.send(get(1, "/much"));
    w.rig.wait_read(client);
    CHECK(client.receive_out(1, 1).status() == 200);
    CHECK(w.rig.runtime.alive() == 1);
    take_back(client, how);
    check_afterwards(w.rig, client, how);
    CHECK(w.rig.runtime.aborted() == 1);
  }
}

TEST_CASE("a connection lost when the response is complete but unsent frees everything") {
  // Fits the pipe, not the socket: the application completes long before all is sent.
  RigOptions options;
  options.pipe_limits = {64 * 1024 * 1024, 32 * 1024 * 1024};
  ServerRig rig(options);
  rig.add("/much", source(20'000'000));
  Client client = rig.connect();
  client.send(get(1, "/much"));
  rig.wait_read(client);
  eventually([&] { return rig.runtime.started() == 1 && rig.runtime.alive() == 0; });
  CHECK(client.receive_out(1, 1).status() == 200);
  client.close();
  rig.wait_connections(0);
  rig.wait_all_free();
  CHECK(rig.runtime.aborted() == 0);
}

TEST_CASE("a reset is a disconnect as well") {
  Watched w;
  w.rig.add("/much", source(50'000'000));
  Client client = w.rig.connect(Transport::kTcp);
  client.send(get(1, "/much"));
  CHECK(client.receive_out(1, 1).status() == 200);
  client.close_with_reset();
  w.rig.wait_connections(1);
  w.rig.wait_all_free();
}

TEST_CASE("ABORT_REQUEST of one request leaves the others of its connection alone [fcgi 5.4]") {
  Watched w;
  w.rig.add("/echo", echo_collecting());
  Client client = w.rig.connect();
  client.send(head_of(1, "POST", "/echo") + head_of(2, "POST", "/echo") + head_of(3, "POST", "/echo"));
  client.send(wire::stdin_record(1, "one") + wire::stdin_record(2, "two") + wire::stdin_record(3, "three"));
  client.send(wire::abort_request(2));
  CHECK(client.response(2).ended);
  // Late records of the ended id, and a second abort, are ignored.
  client.send(wire::stdin_record(2, "late") + wire::stdin_record(2) + wire::abort_request(2));
  client.send(wire::stdin_record(1) + wire::stdin_record(3));
  CHECK(client.response(1).body() == "one");
  CHECK(client.response(3).body() == "three");
  CHECK(client.so_far(2).out.empty());
}

TEST_CASE("an ABORT_REQUEST that comes with its whole request in one read is answered once") {
  Watched w;
  Client client = w.rig.connect();
  client.send(get(1, "/hello") + wire::abort_request(1) + get(1, "/hello"));
  CHECK(client.response().out.empty());
  CHECK(client.response().body() == "Hello, World!");
  w.rig.wait_all_free();
}

TEST_CASE("a conversation cut at any byte leaves nothing behind") {
  Watched w;
  w.rig.add("/echo", echo_collecting());
  w.rig.add("/stream", echo_streaming());
  const std::string bytes =
      wire::record(9, 0, wire::pair("FCGI_MAX_REQS", "")) + wire::begin(1) + wire::begin(2) +
      wire::params(1, encode_params(request_params("POST", "/echo")), 5) +
      wire::params(2, encode_params(request_params("POST", "/stream")), 1) + wire::params(2) +
      wire::stdin_record(2, "early") + wire::params(1) + wire::stdin_record(1, "some body", 7) +
      wire::begin(3, 9) + wire::stdin_record(2, "late") + wire::stdin_record(1) + wire::abort_request(2);
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    Client client = w.rig.connect();
    client.send(std::string_view(bytes).substr(0, cut));
    // Half of them so that the server has read what there is, half so that it finds bytes and end at once.
    if (cut % 2 == 0) w.rig.wait_read(client);
    client.close();
  }
  w.rig.wait_connections(1);
  w.rig.wait_all_free();
}

TEST_CASE("a queued request that is taken back never runs, and frees its place at once") {
  RigOptions options;
  options.runner.dispatch = runner::Dispatch::kSteal;
  options.runner.max_app_threads = 3;  // a leader, its successor, and one that a stalled call may hold
  Watched w(options);
  Gate release;
  std::atomic<int> blocked{0};
  w.rig.add("/block", [&](const SharedRequest& request) {
    request->blocking();
    blocked.fetch_add(1);
    release.wait();
    request->complete(OWIND_OUTCOME_FAULTED);
  });
  std::vector<Client> clients;
  for (int i = 0; i < 6; ++i) {
    clients.push_back(w.rig.connect());
    clients.back().send(get(1, "/block"));
    w.rig.wait_read(clients.back());
  }
  eventually([&] { return w.rig.slots_in_use() == 6 && blocked == 2; });
  const auto in_flight = w.rig.admission.in_flight();
  CHECK(in_flight == 6);
  for (auto& client : clients) client.close();
  w.rig.wait_connections(1);
  // The two that run are the application's; of the four that wait nothing is left.
  eventually([&] { return w.rig.slots_in_use() == 2; });
  CHECK(w.rig.runtime.started() == 3);
  release.open();
  w.rig.wait_all_free();
  CHECK(w.rig.runtime.started() == 3);
}

TEST_CASE("an abort that comes while start() waits for a collection reaches the application") {
  RigOptions options;
  options.runner.dispatch = runner::Dispatch::kSteal;
  Watched w(options);
  std::atomic<int> reason{0};
  Gate told;
  w.rig.add("/hold", [&](const SharedRequest& request) {
    request->when_aborted([&](FakeRequest& r, int why) {
      reason = why;
      r.complete(OWIND_OUTCOME_CANCELLED);
      told.open();
    });
  });
  Gate collection, waits;
  w.rig.runtime.note_waiting_start(&waits);
  w.rig.runtime.collect(&collection);
  Client client = w.rig.connect();
  client.send(get(1, "/hold"));
  waits.wait();
  client.close();
  w.rig.wait_connections(1);
  collection.open();
  w.rig.runtime.collect(nullptr);
  told.wait();
  CHECK(reason == OWIND_ABORT_DISCONNECTED);
  w.rig.wait_all_free();
}

}  // namespace
}  // namespace owind::testing
