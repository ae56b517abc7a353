// Memory that runs out when a test says so: the n-th operator new of a thread that is armed throws. Works in
// executables that link failing_memory.cpp; in others nothing fails.
#pragma once

#include <atomic>

namespace owind::testing {

/// Whether allocations of this thread count.
inline thread_local bool memory_may_fail = false;
/// How many succeed before one fails; that one sets it to -1, and all later ones succeed.
inline std::atomic<long> allocations_left{-1};

/// Of the thread, where test code runs on it meanwhile.
inline thread_local bool memory_may_fail_outside = false;

/// Test code that runs on an armed thread: its own allocations do not count.
class MemoryIsFine {
 public:
  MemoryIsFine() noexcept : before_(memory_may_fail), outside_(memory_may_fail_outside) {
    memory_may_fail_outside = before_ || outside_;
    memory_may_fail = false;
  }
  ~MemoryIsFine() {
    memory_may_fail = before_;
    memory_may_fail_outside = outside_;
  }
  MemoryIsFine(const MemoryIsFine&) = delete;
  MemoryIsFine& operator=(const MemoryIsFine&) = delete;

 private:
  const bool before_;
  const bool outside_;
};

/// Code under test that test code calls: its allocations count again.
class MemoryMayFail {
 public:
  MemoryMayFail() noexcept : before_(memory_may_fail) {
    memory_may_fail = before_ || memory_may_fail_outside;
  }
  ~MemoryMayFail() { memory_may_fail = before_; }
  MemoryMayFail(const MemoryMayFail&) = delete;
  MemoryMayFail& operator=(const MemoryMayFail&) = delete;

 private:
  const bool before_;
};

}  // namespace owind::testing
