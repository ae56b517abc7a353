// One event loop: an io_context, the connections that it serves, the requests on them, and one heartbeat for
// all of their timeouts. Exactly one thread, the leader, runs it at any time; which one that is, the runner
// decides.
#pragma once

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <thread>
#include <vector>

#include "middleware/block.hpp"
#include "middleware/trace_sink.hpp"
#include "server/exchange/slot_table.hpp"
#include "server/io/allow_list.hpp"
#include "server/io/connection.hpp"
#include "server/io/connection_limits.hpp"
#include "server/io/socket_watch.hpp"
#include "server/runner/io_loop.hpp"
#include "server/runner/runner.hpp"

namespace owind::io {

/// What all shards of a process share; outlives them.
struct ServerContext {
  Service fastcgi;
  Service http;
  middleware::PipeLimits pipe_limits;
  middleware::TokenTable& tokens;
  exchange::Admission& admission;
  middleware::TraceSink& trace;
  middleware::TraceSink& visitor_trace;  ///< For lines that a visitor can cause: rate-limited.
  middleware::AppFunc app;
  std::size_t max_connections = 10'000;
  /// FCGI_WEB_SERVER_ADDRS, where it is set: who else connects, or not over TCP, is closed (FastCGI 1.0 §3.2).
  std::optional<AllowList> web_servers{};
  std::size_t max_orphans = 256;
  /// A request that was given up and does not end is an orphan after this.
  std::chrono::milliseconds orphan_after = std::chrono::seconds(60);
  /// The time that timeouts are measured by, and how often they are looked at. Tests step both by hand: an
  /// interval of zero means that only beat() looks.
  std::chrono::steady_clock::time_point (*clock)() = std::chrono::steady_clock::now;
  std::chrono::milliseconds heartbeat{250};
  std::atomic<std::size_t> connections{0};
};

class Shard final : public runner::IoLoop {
 public:
  Shard(std::uint32_t index, ServerContext& server, runner::Runner& runner);
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;
  /// For tests; a server never destroys its shards.
  ~Shard();

  boost::asio::io_context& context() { return context_; }
  std::uint32_t index() const { return index_; }

  /// Takes over a connected, non-blocking socket. Any thread. The descriptor is the shard's from here on.
  void adopt(int fd, bool is_tcp, const Service& service);
  /// Connections that the shard has or was given; any thread. For choosing the least loaded.
  std::size_t load() const { return load_.load(std::memory_order_relaxed); }

  /// Closes idle connections now and the others after their last response. Any thread.
  void drain();
  /// Gives up every request (Connection::shut_down). Any thread.
  void abort_all();
  /// Runs `task` on the leader. Any thread.
  void post(std::function<void()> task);
  /// Looks at every timeout. Leader only; the heartbeat does it by itself (ServerContext::heartbeat).
  void beat();

  // ---- for the connections of the shard; leader only ----

  exchange::SlotTable& slots() { return slots_; }
  middleware::TraceSink& visitor_trace() { return server_.visitor_trace; }
  Tick now() const { return now_; }
  /// The process holds as many unread body bytes as it may.
  bool buffers_full() const { return server_.admission.buffers_full(); }
  /// One buffer for whoever reads next; its content ends with the handler.
  std::span<std::byte> read_buffer() { return {read_buffer_.get(), kReadBufferBytes}; }
  protocol::Output lend_output();
  void return_output(protocol::Output output);
  /// The response is over, or was one of the server's own: the request goes on alone, if it goes on at all.
  void detach(exchange::Exchange& exchange);
  /// The request is given up.
  void abandon(exchange::Exchange& exchange, middleware::AbortReason reason, bool orphan_now);
  /// The connection has output: flushed with that of the others of its batch. Answers to a batch of requests
  /// go out together, so that the front end is woken once for them and not once for each.
  void flush_later(Connection& connection);
  /// Destroys the connection when it is closed.
  void release_if_closed(Connection& connection);
  SocketWatch& watch() { return watch_; }

  // ---- runner::IoLoop ----

  void run_one() noexcept override;
  bool poll_one() noexcept override;
  void wake() noexcept override;
  void on_effect(runner::Effect& effect) noexcept override;
  void flush(bool calls_follow) noexcept override;

 private:
  static constexpr std::size_t kReadBufferBytes = 128 * 1024;
  static constexpr std::size_t kMostToFlush = 64;
  static constexpr std::size_t kKeptOutputs = 64;
  static constexpr std::size_t kKeptOutputBytes = 256 * 1024;

  void arm_heartbeat();
  void tell_time();
  void flush_all();
  void watch(exchange::Exchange& exchange);
  void make_orphan(exchange::Exchange& exchange);

  const std::uint32_t index_;
  ServerContext& server_;
  boost::asio::io_context context_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  boost::asio::steady_timer heartbeat_;
  SocketWatch watch_;
  const std::chrono::steady_clock::time_point started_;
  Tick now_ = 1;
  bool heartbeat_armed_ = false;
  bool draining_ = false;
  middleware::BlockPool blocks_;
  exchange::ShardContext exchange_context_;
  exchange::SlotTable slots_;
  std::unique_ptr<std::byte[]> read_buffer_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::vector<protocol::Output> outputs_;
  std::vector<Connection*> to_flush_;
  std::thread::id leader_;      ///< As of the last flush().
  std::int64_t queued_at_ = 0;  ///< When the oldest of to_flush_ was queued, by the coarse clock.
  /// Requests without a connection whose application has not completed, and since when.
  struct Abandoned {
    exchange::Exchange* exchange;
    middleware::Token token;
    Tick since;
  };
  std::vector<Abandoned> abandoned_;
  std::atomic<std::size_t> load_{0};
  std::atomic<bool> wake_posted_{false};
};

}  // namespace owind::io
