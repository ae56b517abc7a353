// Everything at once, on a real runner that steals at every opportunity: applications that block, complete on
// threads of their own, fail or wait, and front ends that leave at random. What must hold: every answer that
// comes is the right one, and in the end every request is gone. Meant for ThreadSanitizer; under
// AddressSanitizer it finds uses after reuse.
#include <doctest/doctest.h>

#include <random>

#include "tests/fastcgi/conversation.hpp"
#include "tests/support/server_rig.hpp"

namespace owind::testing {
namespace {

namespace wire = fastcgi::testing;
using std::chrono::microseconds;

RigOptions stealing(std::size_t shards = 1) {
  RigOptions options;
  options.shards = shards;
  options.runner.dispatch = runner::Dispatch::kSteal;
  // A call that is seen twice loses its shard, whatever its thread does.
  options.runner.look_interval = microseconds(20);
  options.runner.running_grace = microseconds(20);
  options.runner.quick_call = microseconds(20);
  options.runner.predictor_decay = std::chrono::milliseconds(1);
  options.runner.max_app_threads = 24;
  return options;
}

TEST_CASE("a slot comes back when the application completes while its call returns, on another thread") {
  // The leader learns of the completion while the call is on its last instructions: of the two, the last one
  // must free the slot.
  ServerRig rig(stealing());
  rig.add("/", [](const SharedRequest& request) {
    request->blocking();  // from here on another thread leads
    request->head(200, {{"Content-Length", "2"}});
    request->write("ok");
    request->complete();
  });
  Client client = rig.connect();
  for (int i = 0; i < 5000; ++i) REQUIRE(client.send(get(1, "/")).response().body() == "ok");
  rig.wait_all_free();
  CHECK(rig.slots_made() < 24);
}

TEST_CASE("a slot comes back when the application completes on a thread of its own while its call returns") {
  ServerRig rig(stealing());
  rig.add("/", [&](const SharedRequest& request) {
    request->blocking();
    rig.runtime.queue([request] {
      request->head(200, {{"Content-Length", "2"}});
      request->write("ok");
      request->complete();
    });
  });
  Client client = rig.connect();
  for (int i = 0; i < 5000; ++i) REQUIRE(client.send(get(1, "/")).response().body() == "ok");
  rig.wait_all_free();
}

TEST_CASE("an abort meets a request at every moment of its start") {
  ServerRig rig(stealing());
  rig.add("/", [](const SharedRequest& request) {
    request->blocking();
    std::this_thread::yield();
    // Whether told or not: it ends by itself.
    request->read();
    request->head(200);
    request->complete();
  });
  std::mt19937 random(7);
  for (int i = 0; i < 1500; ++i) {
    Client client = rig.connect();
    client.send(head_of(1, "POST", "/"));
    for (auto spins = random() % 4000; spins > 0; --spins)
      std::atomic_signal_fence(std::memory_order_seq_cst);
    if (i % 3 == 0) {
      client.send(wire::abort_request(1));
      client.response();
    }
    client.close();
  }
  rig.wait_connections(0);
  rig.wait_all_free();
}

/// One front end: sends requests of all kinds, checks the answers that come, and leaves when it likes.
class FrontEnd {
 public:
  FrontEnd(ServerRig& rig, std::uint32_t seed, std::size_t shard) : rig_(rig), random_(seed), shard_(shard) {}

  void run(int rounds) {
    for (int round = 0; round < rounds; ++round) {
      Client client =
          rig_.connect(chance(4) ? ServerRig::Transport::kTcp : ServerRig::Transport::kUnix, shard_);
      for (int i = 0; i < 8; ++i)
        if (!one_request(client)) break;
    }
  }
  int wrong = 0;

 private:
  bool chance(unsigned one_in) { return random_() % one_in == 0; }

  bool one_request(Client& client) {
    static constexpr const char* kPaths[] = {"/hello", "/block", "/thread",  "/echo",  "/stream",
                                             "/much",  "/fail",  "/failing", "/twice", "/sync"};
    const std::string path = kPaths[random_() % std::size(kPaths)];
    const bool has_body = path == "/echo" || path == "/stream" || path == "/sync";
    const std::string body(has_body ? 1 + random_() % 40'000 : 0, static_cast<char>('a' + random_() % 26));
    const int id = static_cast<int>(1 + random_() % 3);
    std::string bytes = has_body ? post(id, path, body) : get(id, path);
    if (chance(6)) {
      client.send(std::string_view(bytes).substr(0, random_() % bytes.size()));
      return false;
    }
    // Everything is sent before anything is read: bodies are smaller than the buffers between.
    client.send(bytes);
    if (chance(6)) return false;
    if (chance(8)) client.send(wire::abort_request(id));
    const auto response = client.response(id);
    if (!response.ended) {
      if (path != "/failing") ++wrong;
      return false;
    }
    if (response.out.empty()) return true;  // aborted
    const auto status = response.status();
    // Overloaded; where its body was still to come the connection ends.
    if (status == 503) return false;
    const auto got = response.body();
    const bool may_fail = path == "/fail" || path == "/twice";
    const bool may_succeed = path != "/fail";
    if (!(may_fail && status == 500) && !(may_succeed && status == 200)) ++wrong;
    if (has_body && got != body && !(got.size() < body.size() && body.starts_with(got))) ++wrong;
    if (path == "/hello" && !std::string_view("Hello, World!").starts_with(got)) ++wrong;
    return true;
  }

  ServerRig& rig_;
  std::mt19937 random_;
  const std::size_t shard_;
};

void add_applications(ServerRig& rig) {
  rig.add("/hello", hello());
  rig.add("/echo", echo_collecting());
  rig.add("/stream", echo_streaming());
  rig.add("/much", source(400'000));
  rig.add("/fail", [](const SharedRequest& r) { r->complete(OWIND_OUTCOME_FAULTED); });
  rig.add("/failing", [](const SharedRequest& r) {
    r->head(200);
    r->write("some");
    r->complete(OWIND_OUTCOME_FAULTED);
  });
  rig.add("/twice", [&rig](const SharedRequest& r) {
    rig.runtime.queue([r] { r->complete(); });
    r->head(200);
    r->complete();
  });
  rig.add("/thread", [&rig](const SharedRequest& r) {
    rig.runtime.queue([r] {
      r->head(200, {{"Content-Length", "1"}});
      r->write("t");
      r->complete();
    });
  });
  // Computes, or lets go of its shard, long enough to be stolen from.
  rig.add("/block", [](const SharedRequest& r) {
    if (r->token & 1) r->blocking();
    const auto until = std::chrono::steady_clock::now() + microseconds(100);
    while (std::chrono::steady_clock::now() < until) std::this_thread::yield();
    r->head(200, {{"Content-Length", "1"}});
    r->write("b");
    r->complete();
  });
  // Reads its body as a synchronous stream does: blocks its thread until on_ready or on_abort.
  rig.add("/sync", [](const SharedRequest& r) {
    struct Wake {
      std::mutex mutex;
      std::condition_variable changed;
      int count = 0;
      void ring() {
        {
          const std::lock_guard lock(mutex);
          ++count;
        }
        changed.notify_all();
      }
      void wait() {
        std::unique_lock lock(mutex);
        changed.wait(lock, [this] { return count > 0; });
        count = 0;
      }
    };
    const auto wake = std::make_shared<Wake>();
    r->on_readable = [wake](FakeRequest&) { wake->ring(); };
    r->on_writable = r->on_readable;
    r->when_aborted([wake](FakeRequest&, int) { wake->ring(); });
    std::string body;
    while (true) {
      const auto moved = r->read(1000);
      body += moved.bytes;
      if (moved.status == OWIND_OK) continue;
      if (moved.status != OWIND_WAIT) break;
      r->blocking();
      wake->wait();
    }
    r->head(200);
    while (!body.empty()) {
      const auto moved = r->write(body);
      body.erase(0, moved.taken);
      if (moved.status == OWIND_WAIT) {
        r->blocking();
        wake->wait();
      } else if (moved.status != OWIND_OK) {
        break;
      }
    }
    r->complete();
  });
}

TEST_CASE("applications of every kind, and front ends that leave at random, leave nothing behind") {
  for (const auto dispatch : {runner::Dispatch::kSteal, runner::Dispatch::kPool}) {
    RigOptions options = stealing(2);
    options.runner.dispatch = dispatch;
    options.max_in_flight = 16;
    ServerRig rig(options);
    add_applications(rig);
    // The runtime's pool is small: what blocks on it would hold up those that it waits for.
    if (dispatch == runner::Dispatch::kPool) rig.add("/sync", echo_streaming());
    rig.start();
    std::atomic<bool> over{false};
    std::thread heart([&] {
      // Timeouts are looked at all the time; the clock stands still.
      while (!over) rig.beat();
    });
    std::vector<std::unique_ptr<FrontEnd>> front_ends;
    std::vector<std::thread> threads;
    for (std::uint32_t i = 0; i < 6; ++i) {
      front_ends.push_back(std::make_unique<FrontEnd>(rig, 100 + i, i % 2));
      threads.emplace_back([&front = *front_ends.back()] { front.run(40); });
    }
    for (auto& thread : threads) thread.join();
    over = true;
    heart.join();
    for (const auto& front : front_ends) CHECK(front->wrong == 0);
    rig.wait_connections(0);
    rig.wait_all_free();
    CHECK(rig.runtime.alive() == 0);
  }
}

}  // namespace
}  // namespace owind::testing
