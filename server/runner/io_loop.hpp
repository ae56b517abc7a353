// What a shard's leader drives: the IO of the shard. Implemented by server/io (on Boost.Asio) and by fakes in
// tests.
#pragma once

#include "server/runner/effect.hpp"

namespace owind::runner {

/// All functions but wake() are called by the shard's current leader only; leadership moves between threads
/// with acquire/release semantics, so an implementation needs no locks for its own state (but must not keep
/// any of it in thread-local queues: an io_context needs a concurrency hint of 2).
class IoLoop {
 public:
  /// Runs one IO handler, or a few of one kind; blocks until there was one or wake() was called (before or
  /// during the call). Handlers append to the ready list (Shard::ready) and never call the application.
  virtual void run_one() noexcept = 0;

  /// As run_one(), but never blocks. Used while calls are ready. @return whether a handler ran
  virtual bool poll_one() noexcept = 0;

  /// Makes a run_one() that runs, or the next one, return soon. Any thread. The shard calls it at most once
  /// per announced sleep of the leader, so it may be a plain post or a write to an eventfd. Must not call
  /// into the shard.
  virtual void wake() noexcept = 0;

  /// An effect was taken off the dirty list; look at its state now.
  virtual void on_effect(Effect& effect) noexcept = 0;

  /// Called after on_effect()s, before the leader enters the application again or goes back to IO: send what
  /// they gathered. With `calls_follow` it may wait for the answers of the calls that are ready, which are
  /// sent more cheaply together: flush() is called after each of them, and by the next leader first if one of
  /// them keeps its thread. Called often: cheap when nothing was gathered.
  virtual void flush(bool calls_follow) noexcept = 0;

 protected:
  ~IoLoop() = default;
};

}  // namespace owind::runner
