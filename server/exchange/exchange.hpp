// One request from its begin to its end: what the application sees as its environment, and what the
// connection sees as the source of a response. Lives in a slot of its shard and is never freed, only used
// again.
//
// Two sides meet here. The *leader* side is called by the shard's leader only. The *application* side
// (middleware::Environment) is called by any thread under a pin of the token. They share the two pipes, the
// head (published once), and a few atomics; every change on the application side ends in Shard::dirty(), so
// that the leader looks again.
//
// A request lives until its application has completed, even if its connection is gone: abort() closes both
// pipes and tells the application; the slot is free again only when the application has completed, no
// application call is on its way, and no pin is left (try_retire).
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "middleware/body_pipe.hpp"
#include "middleware/environment.hpp"
#include "middleware/response_rules.hpp"
#include "middleware/token_table.hpp"
#include "middleware/trace_sink.hpp"
#include "server/exchange/admission.hpp"
#include "server/protocol/codec.hpp"
#include "server/protocol/mapper.hpp"
#include "server/runner/call.hpp"
#include "server/runner/effect.hpp"
#include "server/runner/runner.hpp"

namespace owind::exchange {

class Exchange;

/// Where a request came from. Leader only.
class ExchangeOwner {
 public:
  /// The application did something: head, bytes, end, or it made room in the request body.
  virtual void on_progress(Exchange& exchange) noexcept = 0;

 protected:
  ~ExchangeOwner() = default;
};

/// What all exchanges of a shard share.
struct ShardContext {
  std::uint32_t index;
  runner::Shard& runner;
  middleware::TokenTable& tokens;
  middleware::BlockPool& blocks;
  middleware::TraceSink& trace;
  Admission& admission;
  middleware::AppFunc app;
  middleware::PipeLimits pipe_limits{};
};

class Exchange final : public middleware::Environment, public runner::Effect {
 public:
  explicit Exchange(ShardContext& shard);
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  /// How the request stands on the application's side.
  enum class End : std::uint8_t {
    kNotYet,
    kComplete,  ///< The response is whole once the pipe is drained.
    kNoHead,    ///< The application ended without a head: answer 500.
    kFailed,    ///< It ended badly after its head, or with fewer bytes than it announced.
  };

  // ---- leader side ----

  /// Takes the slot for a new request. False: no memory.
  [[nodiscard]] bool begin(protocol::StreamId stream, ExchangeOwner& owner);
  middleware::RequestBlock& block() { return block_; }
  protocol::HeadState& head_state() { return head_state_; }
  protocol::StreamId stream() const { return stream_; }
  ExchangeOwner* owner() const { return owner_; }

  /// The head is sealed: puts the request into the ready list.
  void submit();
  /// Bytes of the request body. False: there is no memory for them.
  [[nodiscard]] bool request_body(std::span<const std::byte> bytes);
  void request_body_end();
  /// The body came to its end, or nobody reads it any more.
  bool request_body_over() const { return body_over_; }
  std::uint64_t request_body_bytes() const { return request_.total_in(); }
  /// Buffered and unread.
  std::size_t request_body_buffered() const { return request_.size(); }
  bool request_body_over_mark() const { return request_.over_high(); }
  /// The application waits for bytes that have not come.
  bool application_reads() const { return request_.consumer_waits(); }
  /// From now on on_progress() follows also when the application waits for bytes of its body. Before submit().
  void tell_when_reading() { tells_reading_ = true; }
  bool application_writes() const { return response_.producer_waits(); }
  /// From now on parts of files are taken as they are. Before submit().
  void take_files() { takes_files_ = true; }
  /// The part that is to be sent when the response's pipe is empty; null when there is none. Lasts until
  /// file_sent(), abort() or finish().
  const middleware::FilePart* file() const {
    return file_state_.load(std::memory_order_acquire) == kFileQueued ? &file_ : nullptr;
  }
  /// All of it was sent: lets the application go on.
  void file_sent();
  /// The application has completed: nobody reads what is left of the body, nor what still comes of it.
  void drop_request_body();
  /// Ends a reader's waiting with this status (kStalled, kTimeout); the token fires as well.
  void fail_request_body(middleware::Status status);

  /// Runs the completion of a parked request, when it has asked for it. Call first on every progress.
  void settle();
  bool head_given() const { return head_state_atomic_.load(std::memory_order_acquire) == kHeadGiven; }
  const middleware::ResponseHead& response_head() const { return response_head_; }
  middleware::BodyPipe& response_body() { return response_; }
  /// The consumer made room: lets a waiting writer go on.
  void wake_writer();
  End end() const { return end_; }
  /// Takes the right to give the head away from the application: it gets kAborted. False: it has given one.
  bool take_head();

  /// The request is given up: detaches from the owner, closes the pipes, tells the application.
  void abort(middleware::AbortReason reason);
  /// The response has ended in good order: detaches from the owner. What the application still does goes
  /// nowhere.
  void finish();
  /// Counts an aborted request that does not end as an orphan. False: it is one already, or has ended.
  bool make_orphan();
  bool orphaned() const { return orphaned_; }
  bool started() const { return started_; }
  bool in_use() const { return in_use_; }
  /// The application has been told to run and has not completed.
  bool application_runs() const { return started_ && end_ == End::kNotYet; }

  /// Frees the slot when nothing refers to the request any more; true when it did. Call after finish() or
  /// abort(), and whenever a detached exchange makes progress.
  bool try_retire();

  // ---- application side: middleware::Environment ----

  middleware::Token token() const override { return token_; }
  const middleware::RequestBlock& request() const override { return block_; }
  middleware::CallEntry entry() const override { return entry_; }
  middleware::Transfer read(std::span<std::byte> buffer) noexcept override;
  middleware::Transfer write(std::span<const std::byte> bytes) noexcept override;
  middleware::Status flush() noexcept override;
  bool sends_files() const noexcept override { return takes_files_; }
  middleware::Status send_file(middleware::FilePart file) noexcept override;
  middleware::Status head(const middleware::ResponseHeadView& head, std::string& error) noexcept override;
  middleware::Status blocking() noexcept override;
  middleware::Status next() noexcept override { return middleware::Status::kUnsupported; }
  void park(middleware::Completion completion, middleware::Suspended& suspended) noexcept override;
  middleware::Status complete(middleware::Outcome outcome) noexcept override;
  void last_pin_dropped() noexcept override { shard_.runner.dirty(*this); }

  std::uint32_t slot() const { return slot_; }

 private:
  friend class SlotTable;

  /// Of file_: the application fills it, the leader empties it.
  enum FileState : std::uint8_t { kNoFile, kFileChanges, kFileQueued };
  enum HeadProgress : std::uint8_t { kNoHead, kHeadBeingGiven, kHeadGiven, kHeadTaken };

  struct StartCall final : runner::Call {
    Exchange* exchange;
    void run(runner::Entry entry, std::atomic<std::int32_t>& entered) noexcept override;
  };
  struct ResumeCall final : runner::Call {
    Exchange* exchange;
    void run(runner::Entry entry, std::atomic<std::int32_t>& entered) noexcept override;
  };
  struct AbortCall final : runner::Call {
    Exchange* exchange;
    void run(runner::Entry entry, std::atomic<std::int32_t>& entered) noexcept override;
  };

  void forget_buffered() noexcept;
  bool drop_file() noexcept;
  void call(runner::Call& what);
  bool never_start();
  void send_abort(middleware::AbortReason reason);
  void leave_call() noexcept;
  void resume(middleware::Ready ready);
  void deliver_abort(middleware::CallEntry entry) noexcept;
  static void on_completed(void* context, middleware::Outcome outcome) noexcept;
  void conclude(middleware::Outcome outcome);
  void leave_flight();
  bool is_same_head(const middleware::ResponseHeadView& head,
                    const middleware::ResponseContext& context) const noexcept;
  bool check_head(const middleware::ResponseHeadView& head, const middleware::ResponseContext& context,
                  std::string& error);

  static constexpr std::size_t kKeptHeadBytes = 1024;

  ShardContext& shard_;
  std::uint32_t slot_ = 0;

  // Leader only.
  ExchangeOwner* owner_ = nullptr;
  protocol::StreamId stream_ = 0;
  End end_ = End::kNotYet;
  bool in_use_ = false;
  bool started_ = false;
  bool body_over_ = false;
  bool abort_sent_ = false;
  bool orphaned_ = false;
  bool counted_ = false;  ///< Holds a place among the requests in flight.
  bool token_closed_ = false;
  bool tells_reading_ = false;  ///< Not written once the application runs.
  bool takes_files_ = false;    ///< The same.
  protocol::HeadState head_state_;

  // Written before the request is published to the application, or by it alone.
  middleware::Token token_;
  middleware::RequestBlock block_;
  middleware::CallEntry entry_;
  middleware::ResponseHead response_head_;
  /// The bytes that response_head_ was made of, if it is valid and they are few.
  std::vector<std::byte> checked_head_;
  bool checked_for_head_request_ = false;
  middleware::Completion parked_;
  middleware::Outcome outcome_ = middleware::Outcome::kAbandoned;

  // Shared.
  middleware::BodyPipe request_;
  middleware::BodyPipe response_;
  std::atomic<std::size_t> buffered_{0};  ///< This request's part of Admission::buffered().
  std::atomic<std::uint8_t> head_state_atomic_{kNoHead};
  middleware::FilePart file_;
  std::atomic<std::uint8_t> file_state_{kNoFile};
  std::atomic<bool> aborted_{false};
  std::atomic<bool> complete_called_{false};
  std::atomic<bool> outcome_ready_{false};  ///< parked_ may be run by the leader
  std::atomic<bool> completed_{false};      ///< the outermost completion was called
  std::atomic<middleware::Suspended*> suspended_{nullptr};
  std::atomic<bool> abort_missed_{false};
  std::atomic<std::int32_t> abort_reason_{0};
  std::atomic<std::int32_t> resume_bits_{0};
  /// Application calls on their way; kRetireWaits: the leader waits for the last of them.
  static constexpr std::uint32_t kRetireWaits = std::uint32_t{1} << 31;
  std::atomic<std::uint32_t> calls_{0};

  StartCall start_call_;
  ResumeCall resume_call_;
  AbortCall abort_call_;
};

}  // namespace owind::exchange
