// Every timeout, by a clock that is moved by hand.
#include <doctest/doctest.h>

#include "tests/fastcgi/conversation.hpp"
#include "tests/support/server_rig.hpp"

namespace owind::testing {
namespace {

namespace wire = fastcgi::testing;
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST_CASE("an idle kept connection is closed after the idle timeout, not before") {
  ServerRig rig;
  rig.add("/", hello());
  Client client = rig.connect();
  CHECK(client.send(get(1, "/")).response().status() == 200);
  rig.advance(seconds(90));
  CHECK(rig.connections() == 1);
  CHECK(client.send(get(1, "/")).response().status() == 200);
  rig.advance(seconds(90));
  CHECK(rig.connections() == 1);
  rig.advance(milliseconds(1));
  CHECK(rig.connections() == 0);
  CHECK_FALSE(client.receive());
  CHECK(client.ended());
}

TEST_CASE("a connection is idle from the end of its last response on, however long that took") {
  ServerRig rig;
  SharedRequest held;
  Gate started;
  rig.add("/slow", [&](const SharedRequest& request) {
    held = request;
    started.open();
  });
  Client client = rig.connect();
  client.send(get(1, "/slow"));
  started.wait();
  rig.advance(seconds(600));
  held->head(200);
  held->complete();
  held.reset();
  CHECK(client.response().status() == 200);
  rig.advance(seconds(1));
  CHECK(rig.connections() == 1);
  rig.advance(seconds(90));
  CHECK(rig.connections() == 0);
}

TEST_CASE("a connection that never sends a record is closed after 5 s") {
  ServerRig rig;
  Client client = rig.connect();
  rig.advance(seconds(5));
  CHECK(rig.connections() == 1);
  rig.advance(milliseconds(1));
  CHECK(rig.connections() == 0);
}

TEST_CASE("a first record that comes byte by byte does not keep its connection") {
  ServerRig rig;
  Client client = rig.connect();
  const auto bytes = get(1, "/");
  for (int i = 0; i < 5; ++i) {
    client.send(bytes.substr(static_cast<std::size_t>(i), 1));
    rig.wait_read(client);
    rig.advance(seconds(1));
  }
  CHECK(rig.connections() == 1);
  rig.advance(milliseconds(1));
  CHECK(rig.connections() == 0);
}

TEST_CASE("a management record that comes byte by byte does not keep its connection") {
  ServerRig rig;
  rig.add("/", hello());
  Client client = rig.connect();
  CHECK(client.send(get(1, "/")).response().status() == 200);
  const auto bytes = wire::record(9, 0, std::string(200, '\0'));
  client.send(bytes.substr(0, 8));
  rig.wait_read(client);
  for (std::size_t i = 8; i < 38; ++i) {
    client.send(bytes.substr(i, 1));
    rig.wait_read(client);
    rig.advance(seconds(1));
  }
  CHECK(rig.connections() == 1);
  rig.advance(milliseconds(1));
  CHECK(rig.connections() == 0);
}

TEST_CASE("a front end that asks for values first has its connection kept [fcgi 4.1]") {
  ServerRig rig;
  Client client = rig.connect();
  client.send(wire::record(9, 0, wire::pair("FCGI_MAX_REQS", "")));
  CHECK(client.receive());
  rig.advance(seconds(80));
  CHECK(rig.connections() == 1);
  rig.advance(seconds(11));
  CHECK(rig.connections() == 0);
}

TEST_CASE("parameters that do not arrive within 30 s are answered with 408, however they trickle") {
  ServerRig rig;
  Client client = rig.connect();
  const auto bytes = head_of(1, "GET", "/");
  client.send(bytes.substr(0, 40));
  rig.wait_read(client);
  for (int i = 0; i < 30; ++i) {
    client.send(bytes.substr(40 + static_cast<std::size_t>(i), 1));
    rig.wait_read(client);
    rig.advance(seconds(1));
  }
  CHECK(rig.slots_in_use() == 1);
  rig.advance(milliseconds(1));
  CHECK(client.response().status() == 408);
  CHECK_FALSE(client.receive());
  client.close();
  rig.wait_connections(0);
  rig.wait_all_free();
}

TEST_CASE("a body that stops for 60 s while the application reads is answered with 408") {
  ServerRig rig;
  rig.add("/echo", echo_collecting());
  Client client = rig.connect();
  client.send(head_of(1, "POST", "/echo") + wire::stdin_record(1, "a"));
  rig.wait_read(client);
  rig.advance(seconds(59));
  client.send(wire::stdin_record(1, "b"));
  rig.wait_read(client);
  rig.advance(seconds(60));
  CHECK(rig.slots_in_use() == 1);
  rig.advance(milliseconds(1));
  CHECK(client.response().status() == 408);
  rig.wait_all_free();
  CHECK(rig.runtime.aborted() == 1);
}

TEST_CASE("a body that stops while the application does not read has time") {
  ServerRig rig;
  SharedRequest held;
  Gate started;
  rig.add("/hold", [&](const SharedRequest& request) {
    held = request;
    started.open();
  });
  Client client = rig.connect();
  client.send(head_of(1, "POST", "/hold"));
  started.wait();
  rig.advance(seconds(600));
  CHECK(held->aborts == 0);
  client.send(wire::stdin_record(1, "x") + wire::stdin_record(1));
  rig.wait_read(client);
  CHECK(held->read().bytes == "x");
  CHECK(held->read().status == OWIND_END);
  held->head(200);
  held->complete();
  held.reset();
  CHECK(client.response().status() == 200);
}

TEST_CASE("an application that reads behind its own head gets STALLED after 10 s, and the token fires") {
  ServerRig rig;
  std::atomic<int> last{0};
  rig.add("/duplex", [&](const SharedRequest& request) {
    request->head(200);
    const auto read = [&](FakeRequest& r) {
      const auto moved = r.read();
      if (moved.status == OWIND_OK) {
        CHECK(r.write(moved.bytes).status == OWIND_OK);
        if (r.read().status == OWIND_WAIT) return;
      }
      if (moved.status == OWIND_WAIT) return;
      last = moved.status;
      r.complete(OWIND_OUTCOME_FAULTED);
    };
    request->on_readable = read;
    read(*request);
  });
  Client client = rig.connect();
  client.send(head_of(1, "POST", "/duplex") + wire::stdin_record(1, "half"));
  CHECK(client.receive_out(1, 20).body() == "half");
  rig.advance(seconds(10));
  CHECK(last == 0);
  rig.advance(milliseconds(1));
  client.response();
  CHECK(client.failed());
  CHECK(last == OWIND_STALLED);
  rig.wait_all_free();
  CHECK(rig.runtime.aborted() == 1);
  CHECK(rig.log.count("after it has sent the response head") == 1);
}

TEST_CASE("output that nobody takes for 60 s closes the connection and cancels its requests") {
  ServerRig rig;
  rig.add("/much", source(50'000'000));
  Client client = rig.connect();
  client.send(get(1, "/much"));
  rig.wait_read(client);
  CHECK(client.receive_out(1, 1).status() == 200);
  rig.advance(seconds(59));
  // Enough room for the server to send again.
  const auto so_far = client.so_far().out.size();
  CHECK(client.receive_out(1, so_far + 2'000'000).out.size() >= so_far + 2'000'000);
  rig.on_leader([] {});
  rig.advance(seconds(59));
  CHECK(rig.connections() == 1);
  rig.advance(seconds(2));
  CHECK(rig.connections() == 0);
  rig.wait_all_free();
  CHECK(rig.runtime.aborted() == 1);
}

TEST_CASE("a response that is written slowly by its application is no write stall") {
  ServerRig rig;
  SharedRequest held;
  Gate started;
  rig.add("/slow", [&](const SharedRequest& request) {
    request->head(200);
    held = request;
    started.open();
  });
  Client client = rig.connect();
  client.send(get(1, "/slow"));
  started.wait();
  for (int i = 0; i < 3; ++i) {
    rig.advance(seconds(100));
    CHECK(held->write("x").status == OWIND_OK);
  }
  held->complete();
  held.reset();
  CHECK(client.response().body() == "xxx");
}

// ---- the request timeout

struct Never {
  explicit Never(RigOptions options = {}) : rig(with_timeout(options)) {
    rig.add("/never", [this](const SharedRequest& request) {
      held = request;
      started.open();
    });
    rig.add("/", hello());
  }
  static RigOptions with_timeout(RigOptions options) {
    options.limits.request_timeout = seconds(20);
    return options;
  }
  ServerRig rig;
  SharedRequest held;
  Gate started;
};

TEST_CASE("the request timeout answers 504, cancels, and frees the place of an application that never ends") {
  RigOptions options;
  options.max_in_flight = 1;
  Never n(options);
  Client client = n.rig.connect();
  client.send(get(1, "/never"));
  n.started.wait();
  n.rig.advance(seconds(20));
  CHECK(n.held->aborts == 0);
  n.rig.advance(milliseconds(1));
  CHECK(client.response().status() == 504);
  eventually([&] { return n.held->aborts == 1; });
  // An orphan: not in flight, not gone.
  CHECK(n.rig.admission.in_flight() == 0);
  CHECK(n.rig.admission.orphans() == 1);
  CHECK(n.rig.slots_in_use() == 1);
  CHECK(n.held->path() == "/never");
  CHECK(n.rig.log.count("still runs") == 1);
  CHECK(client.send(get(1, "/")).response().status() == 200);
  CHECK(n.held->write("late").status == OWIND_ABORTED);
  CHECK(n.held->complete() == OWIND_OK);
  n.rig.wait_all_free();
  CHECK(n.rig.admission.orphans() == 0);
  n.held.reset();
}

TEST_CASE("the request timeout after the head fails the connection") {
  Never n;
  Client client = n.rig.connect();
  client.send(get(1, "/never"));
  n.started.wait();
  n.held->head(200);
  n.held->write("some");
  n.rig.wait_read(client);
  CHECK(client.receive_out(1, 20).body() == "some");
  n.rig.advance(seconds(21));
  client.receive_all();
  CHECK(client.failed());
  CHECK(client.ended());
  n.held->complete();
  n.rig.wait_all_free();
  n.held.reset();
}

TEST_CASE("more orphans than the process may have are reported once too many") {
  RigOptions options;
  options.max_orphans = 1;
  options.limits.request_timeout = seconds(20);
  ServerRig rig(options);
  std::mutex mutex;
  std::vector<SharedRequest> held;
  rig.add("/never", [&](const SharedRequest& request) {
    const std::lock_guard lock(mutex);
    held.push_back(request);
  });
  Client client = rig.connect();
  client.send(get(1, "/never") + get(2, "/never"));
  rig.wait_read(client);
  rig.advance(seconds(21));
  CHECK(client.response(1).status() == 504);
  CHECK(client.response(2).status() == 504);
  CHECK(rig.admission.orphans() == 2);
  CHECK(rig.log.count("replace this process") == 1);
  for (auto& request : held) request->complete();
  held.clear();
  rig.wait_all_free();
}

TEST_CASE("a request that was given up becomes an orphan after 60 s, not before") {
  ServerRig rig;
  SharedRequest held;
  Gate started;
  rig.add("/never", [&](const SharedRequest& request) {
    held = request;
    started.open();
  });
  Client client = rig.connect();
  client.send(get(1, "/never"));
  started.wait();
  client.close();
  rig.wait_connections(0);
  CHECK(rig.admission.in_flight() == 1);
  rig.advance(milliseconds(59'999));
  CHECK(rig.admission.in_flight() == 1);
  rig.advance(milliseconds(1));
  CHECK(rig.admission.in_flight() == 0);
  CHECK(rig.admission.orphans() == 1);
  rig.advance(seconds(600));
  CHECK(rig.admission.orphans() == 1);
  held->complete();
  held.reset();
  rig.wait_all_free();
}

TEST_CASE("the request timeout of a request that waits for its turn leaves nothing behind") {
  RigOptions options;
  options.runner.dispatch = runner::Dispatch::kSteal;
  options.runner.max_app_threads = 3;
  options.limits.request_timeout = seconds(20);
  ServerRig rig(options);
  Gate release;
  std::atomic<int> blocked{0};
  rig.add("/block", [&](const SharedRequest& request) {
    request->blocking();
    blocked.fetch_add(1);
    release.wait();
    request->complete(OWIND_OUTCOME_FAULTED);
  });
  Client client = rig.connect();
  for (const int id : {1, 2, 3}) client.send(get(id, "/block"));
  rig.wait_read(client);
  eventually([&] { return blocked == 2; });
  rig.advance(seconds(21));
  for (const int id : {1, 2, 3}) CHECK(client.response(id).status() == 504);
  CHECK(rig.admission.orphans() == 2);
  CHECK(rig.admission.in_flight() == 0);
  CHECK(rig.slots_in_use() == 2);
  release.open();
  rig.wait_all_free();
  CHECK(rig.runtime.started() == 2);
}

}  // namespace
}  // namespace owind::testing
