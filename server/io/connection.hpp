// One connection of a front end: its socket, its codec, the streams on it, and all of their timeouts. Owned
// by its shard, used by the shard's leader only. It never calls the application: requests go to the ready
// list, and what the application did comes back through on_progress().
//
// What it does is in connection_input.cpp, connection_output.cpp and connection_timeouts.cpp; how it begins,
// ends and stays whole between steps in connection.cpp.
//
// Memory: reading goes through a buffer of the shard, output into a buffer that is lent while something waits
// to be sent, so an idle connection holds its socket and its codec only.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/exchange/exchange.hpp"
#include "server/io/connection_limits.hpp"
#include "server/io/service.hpp"
#include "server/io/socket_watch.hpp"
#include "server/io/unique_fd.hpp"
#include "server/protocol/codec.hpp"
#include "server/protocol/mapper.hpp"

namespace owind::io {

class Shard;

/// Milliseconds since the shard's start, as of the last heartbeat: coarse, and free to read.
using Tick = std::uint64_t;

/// More than `limit` has passed since `since`. A limit of 0 is none.
inline bool over(Tick now, Tick since, ConnectionLimits::Duration limit) {
  return limit.count() > 0 && now > since && now - since > static_cast<Tick>(limit.count());
}

class Connection final : public exchange::ExchangeOwner,
                         public SocketWatch::Watched,
                         private protocol::HeadSink {
 public:
  /// `socket` does not block. `service` outlives the connection.
  Connection(Shard& shard, UniqueFd socket, bool is_tcp, const Service& service);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Begins to read. @return 0 or an errno: it cannot be watched.
  int start();

  // What the shard and its loop call. Where there is no memory for a step the connection is over, and no
  // other one is touched.

  void on_events(std::uint32_t events) noexcept override;

  void on_progress(exchange::Exchange& exchange) noexcept override;

  /// Sends what there is. See Shard::flush_later().
  void flush_output() noexcept;

  /// Looks at every timeout. May close the connection.
  void on_heartbeat() noexcept;

  /// No new requests: closes now when idle, else after the last response.
  void drain() noexcept;

  /// Gives up every request and closes at once.
  void abort(middleware::AbortReason reason);

  /// The process stops and waits for nobody: 503 for what has no head yet, a visible failure for what has
  /// one. Closes now, or when the answers are sent and the peer has closed.
  void shut_down() noexcept;

  /// The shard may destroy it.
  bool closed() const { return closed_; }

 private:
  friend class Shard;

  /// How much went in how long, of the time in which something could have gone.
  struct Rate {
    Tick busy = 0;
    std::uint64_t bytes = 0;
    bool below(std::uint64_t bytes_per_second, ConnectionLimits::Duration grace) const {
      return busy > static_cast<Tick>(grace.count()) && bytes * 1000 < bytes_per_second * busy;
    }
  };

  struct Stream {
    protocol::StreamId id = 0;
    exchange::Exchange* exchange = nullptr;  ///< Null: refused; only the rest of its bytes is expected.
    Tick since = 0;                          ///< Begin of the head, then of the application's work.
    Tick last_body = 0;
    Tick last_look = 0;     ///< Of the heartbeat.
    Tick waited = 0;        ///< For the body, by an application that reads it, as far as heartbeats saw.
    int refuse_status = 0;  ///< Answer this at the end of the input at hand.
    bool head_complete = false;
    bool head_sent = false;
    bool submit = false;
    bool is_head_request = false;
    bool expect_continue = false;  ///< The peer is to be told when the application reads the body.
  };

  enum class Closing : std::uint8_t {
    kNo,
    kAfterFlush,
    kFailAfterFlush,  ///< With a reset on TCP.
    kDrainAfterFlush,
    kDraining,
  };

  /// Runs one of the steps above.
  template <typename Step>
  void guarded(Step step) noexcept;
  void handle_events(std::uint32_t events);
  void look_at_timeouts();
  void stop_now();

  // Input.
  void on_readable();
  void head_parts(protocol::StreamId stream, std::span<const protocol::HeadPart> parts) noexcept override;
  void feed(std::span<const std::byte> input);
  void resume_input();
  std::size_t feed_while_idle(std::span<const std::byte> input);
  std::size_t feed_some(std::span<const std::byte> all);
  void on_event(const protocol::Event& event);
  void on_begin(const protocol::Event& event);
  void on_head_end(Stream& stream);
  void on_body(Stream& stream, std::span<const std::byte> bytes);
  void refuse_body(Stream& stream, int status, std::string_view reason);
  void after_input();
  std::size_t buffered_bodies() const;
  bool should_pause() const;
  bool bodies_fill_memory() const;
  /// Tells the watch what is waited for, when that has changed.
  void update_interest();
  void discard(std::size_t bytes);
  bool input_waits() const;

  // Output.
  protocol::Output& out();
  void service(Stream& stream);
  void pump_all();
  void flush();
  void wait_writable();
  void on_writable();
  void answer(Stream& stream, int status);
  void end_stream(Stream& stream, protocol::After after);
  void fail_stream(Stream& stream, middleware::AbortReason reason = middleware::AbortReason::kFailed,
                   bool orphan_now = false);
  void remove_stream(const Stream& stream);
  std::size_t unsent() const { return output_.size() - sent_; }
  /// Something is to be sent.
  bool has_output() const { return unsent() > 0 || file_source_; }
  /// How sending a part of a file went.
  enum class Sent : std::uint8_t { kAll, kSome, kWait, kGone };
  Sent send_file_part();
  bool copy_file_part();

  // Ends.
  void peer_gone();
  void close(bool reset);
  void begin_drain();
  bool dropped_enough(Tick now) const;
  void start_drain();
  void close_if_drained();
  void send_failure();
  void fail_all();
  void give_up(Stream& stream, middleware::AbortReason reason, bool orphan_now);
  void check_stream(Stream& stream, Tick now);
  void give_up_fullest();

  Stream* find(protocol::StreamId id);
  void log(middleware::Severity severity, const Stream* stream, std::string_view text);

  Shard& shard_;
  const ConnectionLimits& limits_;
  UniqueFd socket_;
  std::unique_ptr<protocol::Codec> codec_;
  const protocol::Mapper& mapper_;
  std::vector<Stream> streams_;
  protocol::Output output_;
  std::size_t sent_ = 0;
  exchange::Exchange* file_source_ = nullptr;  ///< Behind output_ a part of a file is to be sent.
  std::uint64_t file_sent_ = 0;                ///< Of that part.
  protocol::Output
      kept_;  ///< Input that waits for the response before it, from kept_at_ on. Not read on meanwhile.
  std::size_t kept_at_ = 0;
  std::size_t discarded_ = 0;
  const Tick opened_;
  Tick last_input_;
  Tick last_output_ = 0;
  Tick last_beat_;
  Rate sending_;             ///< Since output had to wait.
  Tick message_since_ = 0;   ///< When the unfinished record began to come; 0: there is none.
  Tick dropping_since_ = 0;  ///< What comes has been dropped, behind a response; 0: it is not.
  Tick paused_since_ = 0;
  Tick draining_since_ = 0;
  Tick failed_since_ = 0;  ///< Of fail_when_idle_.
  std::uint64_t messages_ = 0;
  std::uint32_t interest_ = 0;
  bool is_tcp_;
  bool writing_ = false;
  bool any_message_ = false;
  bool fail_when_idle_ = false;
  bool draining_ = false;
  bool closed_ = false;
  bool flushing_ = false;
  Closing closing_ = Closing::kNo;
  std::size_t index_ = 0;      ///< The shard's: where it keeps this.
  bool flush_queued_ = false;  ///< The shard's: it will call flush_output().
};

}  // namespace owind::io
