#include "server/exchange/exchange.hpp"

#include <cstring>

#include "middleware/response_rules.hpp"

namespace owind::exchange {

using middleware::AbortReason;
using middleware::CallEntry;
using middleware::Outcome;
using middleware::Ready;
using middleware::Severity;
using middleware::Status;
using middleware::Transfer;

namespace {

std::uint32_t predictor_key(const middleware::RequestBlock& block) {
  // FNV-1a over method and path: cheap, and all that is needed to tell paths apart in 256 counters.
  std::uint32_t hash = 2166136261u;
  for (const auto slot : {middleware::Slot::kMethod, middleware::Slot::kPath})
    for (const char c : block.get(slot)) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
  return hash ^ (hash >> 16);
}

CallEntry entry_of(runner::Entry entry, std::atomic<std::int32_t>& entered) {
  return {entry == runner::Entry::kQueue, &entered};
}

}  // namespace

Exchange::Exchange(ShardContext& shard)
    : shard_(shard), block_(shard.blocks), request_(shard.pipe_limits), response_(shard.pipe_limits) {
  start_call_.exchange = this;
  start_call_.kind = runner::CallKind::kStart;
  resume_call_.exchange = this;
  resume_call_.kind = runner::CallKind::kResume;
  abort_call_.exchange = this;
  abort_call_.kind = runner::CallKind::kResume;
}

// ---- leader side ----

bool Exchange::begin(protocol::StreamId stream, ExchangeOwner& owner) {
  if (!block_.begin()) return false;
  stream_ = stream;
  owner_ = &owner;
  end_ = End::kNotYet;
  in_use_ = counted_ = true;
  started_ = body_over_ = abort_sent_ = orphaned_ = token_closed_ = tells_reading_ = takes_files_ = false;
  head_state_ = {};
  head_state_atomic_.store(kNoHead, std::memory_order_relaxed);
  aborted_.store(false, std::memory_order_relaxed);
  complete_called_.store(false, std::memory_order_relaxed);
  outcome_ready_.store(false, std::memory_order_relaxed);
  completed_.store(false, std::memory_order_relaxed);
  suspended_.store(nullptr, std::memory_order_relaxed);
  abort_missed_.store(false, std::memory_order_relaxed);
  resume_bits_.store(0, std::memory_order_relaxed);
  token_ = shard_.tokens.open(shard_.index, slot_);
  return true;
}

void Exchange::submit() {
  started_ = true;
  start_call_.key = resume_call_.key = abort_call_.key = predictor_key(block_);
  call(start_call_);
}

bool Exchange::request_body(std::span<const std::byte> bytes) {
  // Counted before anybody can read them.
  buffered_.fetch_add(bytes.size(), std::memory_order_relaxed);
  shard_.admission.buffer(bytes.size());
  const auto moved = request_.push_all(bytes);
  if (moved.wake_other) resume(Ready::kRead);
  if (request_.closed()) forget_buffered();
  return moved.status != Status::kFailed;
}

/// The pipe was closed: nothing of it counts any more.
void Exchange::forget_buffered() noexcept {
  if (buffered_.load(std::memory_order_relaxed) == 0) return;
  if (const auto bytes = buffered_.exchange(0, std::memory_order_relaxed)) shard_.admission.unbuffer(bytes);
}

void Exchange::request_body_end() {
  body_over_ = true;
  // Fewer bytes than announced are no whole body. More are one: HAProxy announces what it happens to hold of
  // an upload without a length. An Authorizer has none, and may be told the length of the visitor's
  // (FastCGI 1.0 §6.3).
  const bool cut = block_.content_length() > 0 &&
                   request_.total_in() < static_cast<std::uint64_t>(block_.content_length()) &&
                   block_.get(middleware::Slot::kGatewayRole) != "Authorizer";
  // Nothing came at all: said in the block, so that no read has to cross. Only while nobody can read the
  // block yet.
  if (request_.total_in() == 0 && !started_ && !cut) block_.set_flags(middleware::kRequestHasNoBody);
  const Status end = cut ? Status::kCut : Status::kEnd;
  // Nobody reads before the request is submitted.
  if (!started_)
    request_.finish_unread(end);
  else if (request_.finish(end))
    resume(Ready::kRead);
}

void Exchange::drop_request_body() {
  body_over_ = true;
  request_.close(Status::kAborted);
  forget_buffered();
}

void Exchange::fail_request_body(Status status) {
  body_over_ = true;
  const Ready who = request_.close(status);
  forget_buffered();
  send_abort(AbortReason::kTimeout);
  if (who != Ready::kNone) resume(who);
}

void Exchange::settle() {
  if (outcome_ready_.load(std::memory_order_acquire)) {
    outcome_ready_.store(false, std::memory_order_relaxed);
    std::exchange(parked_, middleware::Completion())(outcome_);
  }
  if (end_ == End::kNotYet && completed_.load(std::memory_order_acquire)) conclude(outcome_);
}

void Exchange::conclude(Outcome outcome) {
  if (!head_given()) {
    end_ = End::kNoHead;
    if (outcome == Outcome::kAbandoned && !aborted_.load(std::memory_order_relaxed))
      shard_.trace.record(Severity::kError, token_,
                          "the application dropped the request without completing it: 500");
    return;
  }
  const bool cut = response_head_.content_length >= 0 && !response_head_.body_swallowed &&
                   response_.total_in() < static_cast<std::uint64_t>(response_head_.content_length);
  if (outcome == Outcome::kCompleted && !cut) {
    end_ = End::kComplete;
    return;
  }
  end_ = End::kFailed;
  if (outcome == Outcome::kCompleted && !aborted_.load(std::memory_order_relaxed))
    shard_.trace.record(Severity::kError, token_,
                        "the response ended after " + std::to_string(response_.total_in()) + " of " +
                            std::to_string(response_head_.content_length) +
                            " bytes that Content-Length announced");
}

void Exchange::wake_writer() { resume(Ready::kWrite); }

void Exchange::file_sent() {
  if (drop_file()) resume(Ready::kWrite);
}

/// Whether there was one, which somebody waits for.
bool Exchange::drop_file() noexcept {
  std::uint8_t queued = kFileQueued;
  if (!file_state_.compare_exchange_strong(queued, kFileChanges, std::memory_order_seq_cst)) return false;
  file_ = {};
  file_state_.store(kNoFile, std::memory_order_release);
  return true;
}

bool Exchange::take_head() {
  std::uint8_t expected = kNoHead;
  return head_state_atomic_.compare_exchange_strong(expected, kHeadTaken, std::memory_order_acq_rel);
}

void Exchange::abort(AbortReason reason) {
  owner_ = nullptr;
  body_over_ = true;
  aborted_.store(true, std::memory_order_seq_cst);
  Ready who = request_.close(Status::kAborted) | response_.close(Status::kAborted);
  if (drop_file()) who = who | Ready::kWrite;
  forget_buffered();
  if (never_start()) return;
  send_abort(reason);
  if (who != Ready::kNone) resume(who);
}

/// A request that still waits for its turn is over at once: with every thread held by others it would keep
/// its place for as long as they like.
bool Exchange::never_start() {
  if (!application_runs() || !shard_.runner.remove(start_call_)) return false;
  calls_.fetch_sub(1, std::memory_order_relaxed);
  outcome_ = Outcome::kCancelled;
  completed_.store(true, std::memory_order_release);
  return true;
}

/// Before anything that waits is woken: who fails for the abort finds the token cancelled already.
void Exchange::send_abort(AbortReason reason) {
  if (!application_runs() || abort_sent_) return;
  abort_sent_ = true;
  abort_reason_.store(static_cast<std::int32_t>(reason), std::memory_order_relaxed);
  call(abort_call_);
}

void Exchange::finish() {
  owner_ = nullptr;
  body_over_ = true;
  if (!application_runs()) {
    // Before the last bytes are sent: who has the answer may ask again at once. The pipes need no closing:
    // later calls are told that the request is over.
    leave_flight();
    return;
  }
  request_.close(Status::kAborted);
  response_.close(Status::kAborted);
  drop_file();
  forget_buffered();
}

bool Exchange::make_orphan() {
  if (orphaned_ || !in_use_ || !application_runs()) return false;
  orphaned_ = true;
  counted_ = false;
  shard_.admission.orphan();
  return true;
}

void Exchange::leave_flight() {
  if (!std::exchange(counted_, false)) return;
  shard_.admission.leave();
}

void Exchange::call(runner::Call& what) {
  calls_.fetch_add(1, std::memory_order_relaxed);
  shard_.runner.ready(what);
}

void Exchange::resume(Ready ready) {
  if (!started_) return;
  if (resume_bits_.fetch_or(static_cast<std::int32_t>(ready), std::memory_order_acq_rel) == 0)
    call(resume_call_);
}

// ---- application calls: on whatever thread the runner chose ----

void Exchange::leave_call() noexcept {
  // The last touch: from here on the leader may free the slot. One word for "how many are inside" and "the
  // leader waits for the last of them", so that neither can miss the other.
  runner::Shard& runner = shard_.runner;
  if (calls_.fetch_sub(1, std::memory_order_acq_rel) == (kRetireWaits | 1)) runner.dirty(*this);
}

void Exchange::StartCall::run(runner::Entry entry, std::atomic<std::int32_t>& entered) noexcept {
  Exchange& x = *exchange;
  x.entry_ = entry_of(entry, entered);
  if (x.aborted_.load(std::memory_order_acquire)) {
    // The visitor left before the application saw the request: it never does.
    entered.store(1, std::memory_order_relaxed);
    on_completed(&x, Outcome::kCancelled);
  } else {
    x.shard_.app(x, middleware::Completion(&Exchange::on_completed, &x));
  }
  x.leave_call();
}

void Exchange::ResumeCall::run(runner::Entry entry, std::atomic<std::int32_t>& entered) noexcept {
  Exchange& x = *exchange;
  const auto ready = static_cast<Ready>(x.resume_bits_.exchange(0, std::memory_order_acq_rel));
  middleware::Suspended* suspended = x.suspended_.load(std::memory_order_acquire);
  if (suspended && !x.complete_called_.load(std::memory_order_acquire))
    suspended->on_ready(x, ready, entry_of(entry, entered));
  else
    entered.store(1, std::memory_order_relaxed);
  x.leave_call();
}

void Exchange::AbortCall::run(runner::Entry entry, std::atomic<std::int32_t>& entered) noexcept {
  Exchange& x = *exchange;
  // Says first that it wants to deliver, then looks for whom: park() does the opposite, so that one of the
  // two sees the other.
  x.abort_missed_.store(true, std::memory_order_seq_cst);
  if (x.suspended_.load(std::memory_order_seq_cst) &&
      x.abort_missed_.exchange(false, std::memory_order_acq_rel))
    x.deliver_abort(entry_of(entry, entered));
  entered.store(1, std::memory_order_relaxed);
  x.leave_call();
}

void Exchange::deliver_abort(CallEntry entry) noexcept {
  if (complete_called_.load(std::memory_order_acquire)) return;
  suspended_.load(std::memory_order_acquire)
      ->on_abort(*this, static_cast<AbortReason>(abort_reason_.load(std::memory_order_relaxed)), entry);
}

void Exchange::on_completed(void* context, Outcome outcome) noexcept {
  auto& x = *static_cast<Exchange*>(context);
  x.outcome_ = outcome;
  x.completed_.store(true, std::memory_order_release);
  // On the leader, inside settle(), this only marks what is looked at next; elsewhere it makes the leader
  // look.
  x.shard_.runner.dirty(x);
}

// ---- application side ----

Transfer Exchange::read(std::span<std::byte> buffer) noexcept {
  if (complete_called_.load(std::memory_order_acquire)) return {Status::kClosed, 0};
  const auto moved = request_.pull(buffer);
  if (moved.bytes > 0) {
    const bool full = shard_.admission.buffers_full();
    // Not more than is counted: the pipe may be closed, and all of it forgotten, meanwhile.
    std::size_t counted = buffered_.load(std::memory_order_relaxed);
    std::size_t taken = 0;
    do
      taken = std::min(counted, moved.bytes);
    while (!buffered_.compare_exchange_weak(counted, counted - taken, std::memory_order_relaxed));
    shard_.admission.unbuffer(taken);
    // Its connection may have been stopped for what the process holds.
    if (full) shard_.runner.dirty(*this);
  }
  if (tells_reading_ && moved.status == Status::kWait) shard_.runner.dirty(*this);
  // The mark may have stopped the connection's reading.
  if (moved.bytes > 0 && request_.size() <= shard_.pipe_limits.low_mark_bytes &&
      request_.size() + moved.bytes > shard_.pipe_limits.low_mark_bytes)
    shard_.runner.dirty(*this);
  return {moved.status, moved.bytes};
}

Transfer Exchange::write(std::span<const std::byte> bytes) noexcept {
  if (complete_called_.load(std::memory_order_acquire)) return {Status::kClosed, 0};
  switch (head_state_atomic_.load(std::memory_order_acquire)) {
    case kHeadGiven:
      break;
    case kHeadTaken:
      return {Status::kAborted, 0};
    default:
      return {Status::kInvalid, 0};
  }
  // Its bytes come first.
  if (file_state_.load(std::memory_order_acquire) != kNoFile) return {Status::kWait, 0};
  if (response_head_.body_swallowed)
    return {aborted_.load(std::memory_order_acquire) ? Status::kAborted : Status::kOk, bytes.size()};
  const auto moved = response_.push(bytes, response_head_.content_length >= 0
                                               ? static_cast<std::uint64_t>(response_head_.content_length)
                                               : middleware::BodyPipe::kNoLimit);
  if (moved.bytes > 0) shard_.runner.dirty(*this);
  return {moved.status, moved.bytes};
}

Status Exchange::flush() noexcept {
  if (complete_called_.load(std::memory_order_acquire)) return Status::kClosed;
  if (aborted_.load(std::memory_order_acquire)) return Status::kAborted;
  if (file_state_.load(std::memory_order_acquire) != kNoFile) return Status::kWait;
  shard_.runner.dirty(*this);
  return Status::kOk;
}

Status Exchange::send_file(middleware::FilePart file) noexcept {
  if (complete_called_.load(std::memory_order_acquire)) return Status::kClosed;
  switch (head_state_atomic_.load(std::memory_order_acquire)) {
    case kHeadGiven:
      break;
    case kHeadTaken:
      return Status::kAborted;
    default:
      return Status::kInvalid;
  }
  if (!takes_files_) return Status::kUnsupported;
  if (response_head_.body_swallowed || file.bytes == 0)
    return aborted_.load(std::memory_order_acquire) ? Status::kAborted : Status::kOk;
  std::uint8_t none = kNoFile;
  if (!file_state_.compare_exchange_strong(none, kFileChanges, std::memory_order_acq_rel)) return Status::kBusy;
  const Status counted = response_.count_past(file.bytes, response_head_.content_length >= 0
                                                              ? static_cast<std::uint64_t>(response_head_.content_length)
                                                              : middleware::BodyPipe::kNoLimit);
  if (counted != Status::kOk) {
    file_state_.store(kNoFile, std::memory_order_release);
    return counted;
  }
  file_ = std::move(file);
  // First the file, then the question whether the request was given up; abort() does the opposite, so that one
  // of the two sees the other.
  file_state_.store(kFileQueued, std::memory_order_seq_cst);
  if (aborted_.load(std::memory_order_seq_cst) && drop_file()) return Status::kAborted;
  shard_.runner.dirty(*this);
  return Status::kWait;
}

Status Exchange::head(const middleware::ResponseHeadView& head, std::string& error) noexcept try {
  if (complete_called_.load(std::memory_order_acquire)) return Status::kClosed;
  std::uint8_t expected = kNoHead;
  if (!head_state_atomic_.compare_exchange_strong(expected, kHeadBeingGiven, std::memory_order_acq_rel))
    return expected == kHeadTaken ? Status::kAborted : Status::kHeadersSent;
  const middleware::ResponseContext context{(block_.flags() & middleware::kRequestHead) != 0, false};
  bool valid = false;
  try {
    valid = is_same_head(head, context) || check_head(head, context, error);
  } catch (const std::bad_alloc&) {
    error = "out of memory";
  }
  head_state_atomic_.store(valid ? kHeadGiven : kNoHead, std::memory_order_release);
  if (!valid) return Status::kInvalid;
  shard_.runner.dirty(*this);
  return aborted_.load(std::memory_order_acquire) ? Status::kAborted : Status::kOk;
} catch (...) {
  return Status::kFailed;
}

/// Whether response_head_ is what this head would become: an application gives the same one again and again.
bool Exchange::is_same_head(const middleware::ResponseHeadView& head,
                            const middleware::ResponseContext& context) const noexcept {
  return !head.bytes.empty() && context.is_head_request == checked_for_head_request_ &&
         head.bytes.size() == checked_head_.size() &&
         std::memcmp(head.bytes.data(), checked_head_.data(), checked_head_.size()) == 0;
}

bool Exchange::check_head(const middleware::ResponseHeadView& head,
                          const middleware::ResponseContext& context, std::string& error) {
  checked_head_.clear();
  if (!middleware::check_response_head(head, context, response_head_, error)) return false;
  if (head.bytes.size() > kKeptHeadBytes) return true;
  checked_head_.assign(head.bytes.begin(), head.bytes.end());
  checked_for_head_request_ = context.is_head_request;
  return true;
}

Status Exchange::blocking() noexcept {
  return runner::Runner::blocking() == runner::Blocking::kRefused ? Status::kRefused : Status::kOk;
}

void Exchange::park(middleware::Completion completion, middleware::Suspended& suspended) noexcept {
  parked_ = std::move(completion);
  suspended_.store(&suspended, std::memory_order_seq_cst);
  // An abort that came before there was anybody to tell: told now, in this application call.
  if (abort_missed_.load(std::memory_order_seq_cst) &&
      abort_missed_.exchange(false, std::memory_order_acq_rel))
    deliver_abort(entry_);
}

Status Exchange::complete(Outcome outcome) noexcept {
  if (complete_called_.exchange(true, std::memory_order_acq_rel)) return Status::kClosed;
  outcome_ = outcome;
  outcome_ready_.store(true, std::memory_order_release);
  shard_.runner.dirty(*this);
  return Status::kOk;
}

bool Exchange::try_retire() {
  if (!in_use_ || owner_) return false;
  settle();
  if (started_ && end_ == End::kNotYet) return false;
  if (calls_.load(std::memory_order_acquire) != 0 &&
      (calls_.fetch_or(kRetireWaits, std::memory_order_acq_rel) & ~kRetireWaits) != 0)
    return false;
  calls_.store(0, std::memory_order_relaxed);
  if (!token_closed_) {
    token_closed_ = true;
    if (!shard_.tokens.close(token_)) return false;
  } else if (!shard_.tokens.unpinned(token_)) {
    return false;
  }
  drop_file();
  block_.close();
  forget_buffered();
  request_.reset();
  response_.reset();
  in_use_ = false;
  if (orphaned_) shard_.admission.orphan_ended();
  leave_flight();
  return true;
}

}  // namespace owind::exchange
