// The leader's loop, the ways into a call, and the change of leadership. Whoever runs it leads the shard,
// or has just ended its lease, unless the comment says any thread.
#include "server/runner/shard.hpp"

#include <cassert>
#include <utility>

#include "server/runner/monitor.hpp"
#include "server/runner/spare_threads.hpp"
#include "server/runner/stop_latch.hpp"

namespace owind::runner {
namespace {

// Calls between two looks at the IO: enough to make the look cheap, few enough that an answer waits for 16
// fast calls only.
constexpr int kCallsPerTurn = 16;
// Batches of effects between two looks at the IO: an effect that pushes itself again must not keep the
// leader.
constexpr int kBatchesPerTurn = 4;

// One writer at a time: no read-modify-write needed.
template <typename Number>
void increment(std::atomic<Number>& counter) noexcept {
  counter.store(counter.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

}  // namespace

Shard::Shard(std::size_t index, IoLoop& io, const Surroundings& surroundings) noexcept
    : index_(index),
      io_(io),
      around_(surroundings),
      predictor_(surroundings.options.predictor_decay,
                 surroundings.seams.now ? surroundings.seams.now() : Clock::now()) {}

Clock::time_point Shard::now() const { return around_.seams.now ? around_.seams.now() : Clock::now(); }

// ---- What handlers and other threads call.

void Shard::ready(Call& call) noexcept {
  assert(loops_here());
  (call.kind == CallKind::kResume ? resumes_ : starts_).push(call, ticket_++);
  publish_ready_count();
}

bool Shard::remove(Call& call) noexcept {
  assert(loops_here());
  const bool removed =
      call.kind == CallKind::kResume ? resumes_.remove(call) : starts_.remove(call) || deferred_.remove(call);
  publish_ready_count();
  return removed;
}

void Shard::dirty(Effect& effect) noexcept {
  if (!dirty_.push(effect)) return;
  // The leader that is in a handler drains when the handler has returned. Anybody else, also a thread in a
  // call, which may have lost the shard meanwhile, looks whether the leader sleeps: the push and this load
  // against the announcement and the last look at the list in turn_to_io(), all sequentially consistent. A
  // leader that is awake, or inside a call, drains before it sleeps; so does who steals from it.
  if (loops_here()) return;
  wake_if_asleep();
}

bool Shard::on_leader() const noexcept {
  const Worker* const me = Worker::current();
  if (me == nullptr) return false;
  return me->loops == this || (me->leased == this && lease_.load() == me->lease);
}

bool Shard::loops_here() const noexcept {
  const Worker* const me = Worker::current();
  return me != nullptr && me->loops == this;
}

void Shard::attend() noexcept {
  attention_.store(true, std::memory_order_seq_cst);
  wake_if_asleep();
}

void Shard::wake_if_asleep() noexcept {
  if (sleeping_.load(std::memory_order_seq_cst) && sleeping_.exchange(false, std::memory_order_seq_cst))
    io_.wake();
}

bool Shard::take_entry_wanted() noexcept {
  return entry_wanted_.load(std::memory_order_relaxed) &&
         entry_wanted_.exchange(false, std::memory_order_seq_cst);
}

ShardStats Shard::stats() const noexcept {
  ShardStats stats;
  stats.ready = ready_now_.load(std::memory_order_relaxed);
  stats.held = held();
  stats.calls = calls_.load(std::memory_order_relaxed);
  stats.steals = steals_.load(std::memory_order_relaxed);
  stats.hand_overs = hand_overs_.load(std::memory_order_relaxed);
  stats.blocking = blocking_.load(std::memory_order_relaxed);
  stats.queued = queued_.load(std::memory_order_relaxed);
  return stats;
}

// ---- The leader's loop.

void Shard::prepare(Worker& leader, Worker* successor) noexcept {
  leader_.store(&leader, std::memory_order_release);
  successor_ = successor;
}

void Shard::lead(Worker& me) noexcept {
  me.loops = this;
  Worker::name_thread("owind-lead", index_);
  while (!around_.latch.stopping()) {
    // Whatever it was about is looked at below.
    if (attention_.load(std::memory_order_relaxed)) attention_.exchange(false, std::memory_order_seq_cst);
    settle();
    Turn turn = Turn::kEntered;
    for (int calls = 0; calls < kCallsPerTurn && turn == Turn::kEntered; ++calls) {
      turn = enter_next(me);
      if (turn == Turn::kLost) return;
      if (turn == Turn::kEntered) settle();
    }
    // Calls that are ready and may not be entered: they are not waited for.
    if (turn == Turn::kNothing) io_.flush(false);
    turn_to_io(turn == Turn::kNothing);
  }
  leave(me);
}

// Looks at what others have changed, and sends what came of it.
void Shard::settle() noexcept {
  for (int batch = 0; batch < kBatchesPerTurn; ++batch) {
    if (!dirty_.drain([this](Effect& effect) { io_.on_effect(effect); })) break;
  }
  // Without stealing, nobody would send the answers while a call blocks.
  io_.flush(ready_count() > 0 && around_.options.dispatch == Dispatch::kSteal);
}

void Shard::turn_to_io(bool may_sleep) noexcept {
  release_surplus();
  // To announce a sleep costs the next thread with an effect a system call. Where that has happened lately,
  // look first whether there is IO at hand.
  if ((!may_sleep || others_push_) && io_.poll_one()) return;
  if (!may_sleep) return;
  sleeping_.store(true, std::memory_order_seq_cst);
  const bool sleeps =
      dirty_.empty() && !attention_.load(std::memory_order_seq_cst) && !around_.latch.stopping();
  if (sleeps) {
    io_.run_one();
    others_push_ = !sleeping_.load(std::memory_order_relaxed);
  }
  sleeping_.store(false, std::memory_order_relaxed);
  // Effects that push themselves again would keep the leader from ever sleeping, and so from its IO.
  if (!sleeps && !others_push_) io_.poll_one();
}

void Shard::leave(Worker& me) noexcept {
  me.loops = nullptr;
  around_.threads.withdraw(*this);
  for (Worker* const worker : {std::exchange(successor_, nullptr), std::exchange(second_, nullptr),
                               granted_.exchange(nullptr, std::memory_order_acq_rel)}) {
    if (worker != nullptr) around_.threads.give_back(*worker);
  }
  around_.latch.leader_left();
}

// ---- Calls.

Shard::Turn Shard::enter_next(Worker& me) noexcept {
  take_grant();
  if (ready_count() == 0) return Turn::kNothing;
  switch (around_.options.dispatch) {
    case Dispatch::kSteal:
      break;
    case Dispatch::kInline:
      return call_in_loop(me, *oldest(), Entry::kInline);
    case Dispatch::kPool:
      return call_in_loop(me, *oldest(), Entry::kQueue);
  }
  return enter_by_steal(me);
}

Shard::Turn Shard::enter_by_steal(Worker& me) noexcept {
  // A collection: the next call would wait too, and be stolen too, and so on, a thread each. Queueing enters
  // the runtime as well.
  if (runtime_wait_.waits_for_runtime()) return Turn::kNothing;
  runtime_wait_ = {};
  if (!have_successor()) {
    // Nobody could take the shard from a call that blocks. What waits for a body to arrive must go on all the
    // same, or the threads that wait for it never come back.
    Call* const resume = resumes_.pop();
    return resume == nullptr ? Turn::kNothing : call_in_loop(me, *resume, Entry::kQueue);
  }
  if (!deferred_.empty() && may_hand_over()) return hand_over(me, *deferred_.pop());
  while (Call* const call = oldest()) {
    if (!expects_stall(call->key)) return call_under_lease(me, *call);
    if (may_hand_over()) return hand_over(me, *call);
    if (call->kind == CallKind::kResume) return call_in_loop(me, *call, Entry::kQueue);
    // The shard's last reserve is for calls that are expected to return.
    deferred_.push(*call, ticket_++);
  }
  return Turn::kNothing;
}

Shard::Turn Shard::call_under_lease(Worker& me, Call& call) noexcept {
  publish_ready_count();
  leased_key_ = call.key;
  const Lease::Word word = lease_.next();
  me.loops = nullptr;
  me.leased = this;
  me.lease = word;
  me.begin_call();
  increment(calls_);
  lease_.publish(word);
  around_.monitor.published();

  call.run(Entry::kInline, me.entered);

  me.end_call();
  me.leased = nullptr;
  if (!lease_.end(word)) {
    // Another thread leads. Of the shard, only what any thread may touch is left to this one.
    held_.fetch_sub(1, std::memory_order_relaxed);
    return Turn::kLost;
  }
  me.loops = this;
  return Turn::kEntered;
}

// Without a lease: nobody can take the shard meanwhile.
Shard::Turn Shard::call_in_loop(Worker& me, Call& call, Entry entry) noexcept {
  publish_ready_count();
  increment(entry == Entry::kQueue ? queued_ : calls_);
  me.begin_call();
  call.run(entry, me.entered);
  me.end_call();
  return Turn::kEntered;
}

// Gives the shard away, then runs the call.
Shard::Turn Shard::hand_over(Worker& me, Call& call) noexcept {
  publish_ready_count();
  increment(hand_overs_);
  const std::uint32_t key = call.key;
  me.loops = nullptr;
  me.leased = nullptr;
  handed_over_ = me.begin_call();
  succeed({});
  Worker::name_thread("owind-app", index_);

  const Clock::time_point begun = now();
  call.run(Entry::kInline, me.entered);
  const bool quick = now() - begun < around_.options.quick_call;

  me.end_call();
  if (quick) predictor_.was_quick(key);
  held_.fetch_sub(1, std::memory_order_relaxed);
  return Turn::kLost;
}

// ---- Leadership.

Shard::Theft Shard::steal(Lease::Word word, CallMark runtime_wait) noexcept {
  if (!lease_.end(word)) return {};
  const Theft theft{true, leased_key_};
  increment(steals_);
  succeed(runtime_wait);
  return theft;
}

bool Shard::give_away(Lease::Word word) noexcept {
  if (!lease_.end(word)) return false;
  increment(blocking_);
  succeed({});
  return true;
}

// The calling thread owns the shard and is not going to lead it: the successor is.
void Shard::succeed(CallMark runtime_wait) noexcept {
  Worker* const next = std::exchange(successor_, std::exchange(second_, nullptr));
  assert(next != nullptr);
  if (runtime_wait.worker != nullptr) runtime_wait_ = runtime_wait;
  held_.fetch_add(1, std::memory_order_relaxed);
  leader_.store(next, std::memory_order_release);
  next->assign(*this);
}

// ---- What decides.

Call* Shard::oldest() noexcept {
  if (starts_.empty()) return resumes_.pop();
  if (resumes_.empty()) return starts_.pop();
  return starts_.first_ticket() < resumes_.first_ticket() ? starts_.pop() : resumes_.pop();
}

bool Shard::expects_stall(std::uint32_t key) noexcept {
  if (!predictor_.expects_stall(key)) return false;
  if (deferred_.empty()) {
    predictor_.decay(now());
    return predictor_.expects_stall(key);
  }
  // What is known of these keys would fade while they wait for a thread, and then they would be tried on the
  // last one.
  predictor_.hold(now());
  return true;
}

// Whether there is a thread to lead after this one, and one more to follow that.
bool Shard::may_hand_over() noexcept {
  if (handed_over_.waits_for_runtime()) {
    // Perhaps a collection: one thread is enough to wait for its end. The monitor calls when it is over.
    entry_wanted_.store(true, std::memory_order_seq_cst);
    around_.monitor.published();
    return false;
  }
  if (second_ == nullptr) second_ = reserve();
  return second_ != nullptr;
}

bool Shard::have_successor() noexcept {
  if (successor_ == nullptr) successor_ = reserve();
  return successor_ != nullptr;
}

Worker* Shard::reserve() noexcept {
  if (asked_) return nullptr;
  Worker* const worker = around_.threads.reserve(*this);
  asked_ = worker == nullptr;
  around_.monitor.nudge();  // one spare shall be parked
  return worker;
}

void Shard::take_grant() noexcept {
  if (!asked_) return;
  Worker* const worker = granted_.exchange(nullptr, std::memory_order_acquire);
  if (worker == nullptr) return;
  asked_ = false;
  (successor_ == nullptr ? successor_ : second_) = worker;
}

// A thread that was granted for a call that is gone meanwhile.
void Shard::release_surplus() noexcept {
  if (second_ != nullptr && deferred_.empty()) around_.threads.give_back(*std::exchange(second_, nullptr));
}

void Shard::publish_ready_count() noexcept { ready_now_.store(ready_count(), std::memory_order_relaxed); }

}  // namespace owind::runner
