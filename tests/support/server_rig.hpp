// Shards over a real runner and real sockets, with a fake runtime behind and a clock that is moved by hand.
// Leaves nothing to chance: what a test waits for is signalled by what it waits for, or looked at on the
// leader until it is so; a test that waits in vain hangs, and ctest ends it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "hosting/managed_app.hpp"
#include "middleware/pipeline.hpp"
#include "server/exchange/admission.hpp"
#include "server/io/shard.hpp"
#include "server/protocol/fastcgi_protocol.hpp"
#include "server/protocol/http/http_protocol.hpp"
#include "server/runner/runner.hpp"
#include "tests/support/failing_memory.hpp"
#include "tests/support/fake_runtime.hpp"
#include "tests/support/fastcgi_client.hpp"
#include "tests/support/http_client.hpp"

namespace owind::testing {

/// Waits for what another thread is about to do and cannot signal.
template <typename Condition>
void eventually(Condition&& condition) {
  while (!condition()) std::this_thread::yield();
}

class LogLines final : public middleware::TraceSink {
 public:
  void record(middleware::Severity severity, middleware::Token, std::string_view text) noexcept override {
    const MemoryIsFine its_own;
    const std::lock_guard lock(mutex_);
    lines_.push_back(std::to_string(static_cast<int>(severity)) + " " + std::string(text));
  }
  bool wants(middleware::Severity) const noexcept override { return true; }
  /// How many lines contain this.
  std::size_t count(std::string_view text) const {
    const std::lock_guard lock(mutex_);
    std::size_t n = 0;
    for (const auto& line : lines_) n += line.find(text) != std::string::npos;
    return n;
  }
  std::string all() const {
    const std::lock_guard lock(mutex_);
    std::string text;
    for (const auto& line : lines_) text += line + "\n";
    return text;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
};

struct RigOptions {
  /// Inline: every application call on the one leader, in order; it must not block.
  runner::RunnerOptions runner{.dispatch = runner::Dispatch::kInline};
  std::size_t shards = 1;
  io::ConnectionLimits limits{};
  fastcgi::Limits fastcgi_limits{};
  /// The clock of Date stands still.
  protocol::HttpSettings http{.limits = {}, .server_name = "owind", .html_suffix = "", .clock = [] {
                                return std::time_t{784111777};
                              }};
  middleware::PipeLimits pipe_limits{};
  std::size_t max_in_flight = 1024;
  std::size_t max_buffered = ~std::size_t{0};
  std::size_t max_orphans = 256;
  /// What stands in front of the managed application.
  std::vector<std::function<std::unique_ptr<middleware::Middleware>(middleware::TokenTable&)>> middleware{};
};

class ServerRig {
 public:
  using Milliseconds = std::chrono::milliseconds;
  enum class Transport { kUnix, kTcp };

  explicit ServerRig(RigOptions options = {});
  /// Stops, gives everything up, and fails the test when a request is left over.
  ~ServerRig();
  ServerRig(const ServerRig&) = delete;
  ServerRig& operator=(const ServerRig&) = delete;

  void add(const std::string& path, Application what) { runtime.add(path, std::move(what)); }

  /// Starts the threads; connect() does it, if it was not done.
  void start();
  /// A connection that speaks FastCGI.
  Client connect(Transport transport = Transport::kUnix, std::size_t shard = 0) {
    return Client(connect_to(context.fastcgi, transport, shard));
  }
  /// One that speaks HTTP.
  HttpClient connect_http(Transport transport = Transport::kUnix, std::size_t shard = 0) {
    return HttpClient(connect_to(context.http, transport, shard));
  }

  /// Runs `task` on the leader and waits for its end. Not while the leader is in a call.
  template <typename Task>
  auto on_leader(Task task, std::size_t shard = 0) {
    std::promise<decltype(task())> done;
    shards_[shard]->post([&] {
      if constexpr (std::is_void_v<decltype(task())>) {
        task();
        done.set_value();
      } else {
        done.set_value(task());
      }
    });
    return done.get_future().get();
  }

  /// Moves the time on, and lets every shard look at its timeouts.
  void advance(Milliseconds by);
  /// Lets every shard look, and waits until all have.
  void beat();
  /// The server has taken every byte that was sent to it on this connection.
  void wait_read(const Client& client) { wait_read(client.fd()); }
  void wait_read(const HttpClient& client) { wait_read(client.fd()); }

  /// No request holds a slot, is counted, or can be reached by its token.
  bool all_free();
  void wait_all_free() {
    eventually([this] { return all_free(); });
  }
  /// As many requests as that hold a slot.
  void wait_all_free_but(std::size_t count) {
    eventually([&] { return slots_in_use() == count; });
  }
  std::size_t slots_in_use(std::size_t shard = 0) {
    return on_leader([this, shard] { return shards_[shard]->slots().in_use(); }, shard);
  }
  /// Slots that were ever made.
  std::size_t slots_made(std::size_t shard = 0) {
    return on_leader([this, shard] { return shards_[shard]->slots().slots().size(); }, shard);
  }
  io::Shard& shard(std::size_t index = 0) { return *shards_[index]; }
  std::size_t connections() const { return context.connections.load(); }
  void wait_connections(std::size_t count) {
    eventually([&] { return connections() == count; });
  }

  LogLines log;
  middleware::TokenTable tokens;
  exchange::Admission admission;
  FakeRuntime runtime;
  hosting::ManagedApp application;
  middleware::Pipeline pipeline;
  protocol::FastCgiProtocol wire;
  protocol::HttpProtocol http;
  io::ServerContext context;
  runner::Runner runner;

 private:
  std::vector<std::unique_ptr<io::Shard>> shards_;
  int connect_to(const io::Service& service, Transport transport, std::size_t shard);
  void wait_read(int fd);

  bool started_ = false;
};

}  // namespace owind::testing
