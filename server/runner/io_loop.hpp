// What a shard's leader drives: the IO of the shard. Implemented by server/io (on Boost.Asio) and by fakes in tests.
#pragma once

#include "server/runner/effect.hpp"

namespace owind::runner {

/// All functions but wake() are called by the shard's current leader only; leadership moves between threads with
/// acquire/release semantics, so an implementation needs no locks for its own state.
class IoLoop {
 public:
  /// Runs at most one IO handler; blocks until there was one or wake() was called (before or during the call).
  /// Handlers append to the ready list (Shard::ready) and never call the application.
  virtual void run_one() noexcept = 0;

  /// Makes a run_one() that runs, or the next one, return soon. Any thread; cheap when called repeatedly.
  virtual void wake() noexcept = 0;

  /// An effect was taken off the dirty list; look at its state now.
  virtual void on_effect(Effect& effect) noexcept = 0;

  /// Called once the leader has drained everything that was dirty and ready, before it may sleep in run_one(): flush what
  /// on_effect() gathered.
  virtual void before_sleep() noexcept = 0;

 protected:
  ~IoLoop() = default;
};

}  // namespace owind::runner
