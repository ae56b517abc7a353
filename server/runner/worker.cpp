// Parking, and what a thread does first and last.
#include "server/runner/worker.hpp"

#include <pthread.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cstdio>
#include <utility>

namespace owind::runner {

void Worker::order(Order order, Shard* shard) noexcept {
  {
    const std::lock_guard lock(mutex_);
    assert(order_ == Order::kNone);
    order_ = order;
    assigned_ = shard;
  }
  wake_.notify_one();
}

void Worker::assign(Shard& shard) noexcept { order(Order::kLead, &shard); }

void Worker::dismiss() noexcept { order(Order::kLeave, nullptr); }

Worker::Order Worker::await(Clock::duration longest) noexcept {
  std::unique_lock lock(mutex_);
  // An hour at most: Clock::now() plus the largest duration would overflow.
  wake_.wait_for(lock, std::min<Clock::duration>(longest, std::chrono::hours(1)),
                 [this] { return order_ != Order::kNone; });
  return std::exchange(order_, Order::kNone);
}

void Worker::bind() noexcept {
  current_ = this;
  stat_.open_for_this_thread();
}

void Worker::unbind() noexcept {
  stat_.close();
  current_ = nullptr;
}

void Worker::name_thread(const char* role, std::size_t index) noexcept {
  std::array<char, 16> name;
  std::snprintf(name.data(), name.size(), "%s-%zu", role, index);
  ::pthread_setname_np(::pthread_self(), name.data());
}

void Worker::name_thread(const char* role) noexcept { ::pthread_setname_np(::pthread_self(), role); }

}  // namespace owind::runner
