#include "server/io/shard.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <ctime>
#include <new>
#include <system_error>

namespace owind::io {

using exchange::Exchange;
using middleware::AbortReason;
using middleware::Severity;

namespace {

/// Some nanoseconds to read; moves every 1 to 10 ms.
std::int64_t coarse_now() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

void discard_pages(void* start, std::size_t length) { ::madvise(start, length, MADV_DONTNEED); }

}  // namespace

// The concurrency hint is 2 although one thread at a time runs the loop: with 1, what is started inside a
// handler goes into a queue that belongs to the thread, and is lost when another thread takes the loop over.
Shard::Shard(std::uint32_t index, ServerContext& server, runner::Runner& runner)
    : index_(index),
      server_(server),
      context_(2),
      work_(boost::asio::make_work_guard(context_)),
      heartbeat_(context_),
      watch_(context_),
      started_(server.clock()),
      blocks_(discard_pages),
      exchange_context_{index,        runner.add_shard(*this), server.tokens, blocks_,
                        server.trace, server.admission,        server.app,    server.pipe_limits},
      slots_(exchange_context_),
      read_buffer_(new std::byte[kReadBufferBytes]) {
  outputs_.reserve(kKeptOutputs);
}

Shard::~Shard() = default;

// ---- from any thread ----

void Shard::adopt(int fd, bool is_tcp, const Service& service) {
  load_.fetch_add(1, std::memory_order_relaxed);
  boost::asio::post(context_, [this, fd, is_tcp, &service] {
    arm_heartbeat();
    try {
      UniqueFd socket(fd);
      connections_.emplace_back();
      connections_.back() = std::make_unique<Connection>(*this, std::move(socket), is_tcp, service);
    } catch (const std::bad_alloc&) {
      if (!connections_.empty() && !connections_.back()) connections_.pop_back();
      server_.visitor_trace.record(Severity::kError, {}, "connection closed: no memory for it");
      load_.fetch_sub(1, std::memory_order_relaxed);
      server_.connections.fetch_sub(1, std::memory_order_relaxed);
      return;
    }
    Connection& connection = *connections_.back();
    connection.index_ = connections_.size() - 1;
    if (const int error = connection.start(); error != 0) {
      server_.visitor_trace.record(Severity::kError, {},
                                   "cannot watch a connection: " + std::generic_category().message(error));
      connection.abort(AbortReason::kDisconnected);
    } else if (draining_) {
      connection.drain();
    }
    release_if_closed(connection);
  });
}

void Shard::drain() {
  post([this] {
    draining_ = true;
    for (std::size_t i = connections_.size(); i-- > 0;) {
      Connection& connection = *connections_[i];
      connection.drain();
      release_if_closed(connection);
    }
  });
}

void Shard::abort_all() {
  post([this] {
    draining_ = true;
    for (std::size_t i = connections_.size(); i-- > 0;) {
      Connection& connection = *connections_[i];
      connection.shut_down();
      release_if_closed(connection);
    }
  });
}

void Shard::post(std::function<void()> task) { boost::asio::post(context_, std::move(task)); }

void Shard::wake() noexcept {
  if (wake_posted_.exchange(true, std::memory_order_acq_rel)) return;
  boost::asio::post(context_, [this] { wake_posted_.store(false, std::memory_order_release); });
}

// ---- leader ----

void Shard::run_one() noexcept {
  if (!watch_.hand_out()) context_.run_one();
}

bool Shard::poll_one() noexcept { return watch_.hand_out() || context_.poll_one() > 0; }

void Shard::flush_later(Connection& connection) {
  if (std::exchange(connection.flush_queued_, true)) return;
  if (to_flush_.empty()) queued_at_ = coarse_now();
  to_flush_.push_back(&connection);
}

void Shard::flush(bool calls_follow) noexcept {
  if (to_flush_.empty()) return;
  const auto me = std::this_thread::get_id();
  // Answers wait for the other requests of their batch, but not for long ones: not past a call that kept its
  // thread (a new leader sends first), nor past a tick of the coarse clock, nor for many.
  if (calls_follow && to_flush_.size() < kMostToFlush && leader_ == me && queued_at_ == coarse_now()) return;
  leader_ = me;
  flush_all();
}

void Shard::flush_all() {
  // A flush may queue another one (it never does for its own connection), and may close its connection.
  for (std::size_t i = 0; i < to_flush_.size(); ++i) {
    Connection* connection = to_flush_[i];
    if (!connection) continue;
    connection->flush_queued_ = false;
    connection->flush_output();
    release_if_closed(*connection);
  }
  to_flush_.clear();
}

void Shard::on_effect(runner::Effect& effect) noexcept {
  auto& exchange = static_cast<Exchange&>(effect);
  if (auto* owner = exchange.owner())
    owner->on_progress(exchange);
  else
    slots_.retire(exchange);
}

protocol::Output Shard::lend_output() {
  if (!outputs_.empty()) {
    protocol::Output output = std::move(outputs_.back());
    outputs_.pop_back();
    return output;
  }
  protocol::Output output;
  output.reserve(4096);
  return output;
}

void Shard::return_output(protocol::Output output) {
  output.clear();
  if (outputs_.size() < kKeptOutputs && output.capacity() <= kKeptOutputBytes)
    outputs_.push_back(std::move(output));
}

void Shard::detach(Exchange& exchange) {
  if (exchange.application_runs()) {
    abandon(exchange, AbortReason::kFailed, false);
    return;
  }
  exchange.finish();
  slots_.retire(exchange);
}

void Shard::abandon(Exchange& exchange, AbortReason reason, bool orphan_now) {
  exchange.abort(reason);
  if (slots_.retire(exchange) || !exchange.application_runs()) return;
  if (orphan_now)
    make_orphan(exchange);
  else
    watch(exchange);
}

void Shard::watch(Exchange& exchange) {
  try {
    abandoned_.push_back({&exchange, exchange.token(), now_});
  } catch (const std::bad_alloc&) {
    make_orphan(exchange);  // sooner than it would have become one
  }
}

void Shard::make_orphan(Exchange& exchange) {
  if (!exchange.make_orphan()) return;
  server_.visitor_trace.record(
      Severity::kWarning, exchange.token(),
      "the request was given up and its application still runs; it no longer counts as in flight");
  if (server_.admission.orphans() > server_.max_orphans)
    server_.visitor_trace.record(Severity::kError, {},
                                 "more than " + std::to_string(server_.max_orphans) +
                                     " requests were given up and never completed: replace this process");
}

void Shard::release_if_closed(Connection& connection) {
  if (!connection.closed()) return;
  const std::size_t index = connection.index_;
  if (index >= connections_.size() || connections_[index].get() != &connection) return;
  if (connection.flush_queued_)
    std::replace(to_flush_.begin(), to_flush_.end(), &connection, static_cast<Connection*>(nullptr));
  if (index + 1 != connections_.size()) {
    std::swap(connections_[index], connections_.back());
    connections_[index]->index_ = index;
  }
  connections_.pop_back();
  load_.fetch_sub(1, std::memory_order_relaxed);
  server_.connections.fetch_sub(1, std::memory_order_relaxed);
}

void Shard::tell_time() {
  now_ = static_cast<Tick>(
             std::chrono::duration_cast<std::chrono::milliseconds>(server_.clock() - started_).count()) +
         1;
}

void Shard::arm_heartbeat() {
  tell_time();
  if (heartbeat_armed_ || server_.heartbeat.count() == 0) return;
  heartbeat_armed_ = true;
  heartbeat_.expires_after(server_.heartbeat);
  heartbeat_.async_wait([this](const boost::system::error_code&) {
    heartbeat_armed_ = false;
    beat();
  });
}

void Shard::beat() {
  tell_time();
  for (std::size_t i = connections_.size(); i-- > 0;) {
    Connection& connection = *connections_[i];
    connection.on_heartbeat();
    release_if_closed(connection);
  }
  std::erase_if(abandoned_, [this](const Abandoned& entry) {
    Exchange& exchange = *entry.exchange;
    // The slot may have been freed and used again since.
    if (!exchange.in_use() || exchange.token() != entry.token || !exchange.application_runs()) return true;
    if (now_ - entry.since < static_cast<Tick>(server_.orphan_after.count())) return false;
    make_orphan(exchange);
    return true;
  });
  // An idle server sleeps.
  if (!connections_.empty() || !abandoned_.empty()) arm_heartbeat();
}

}  // namespace owind::io
