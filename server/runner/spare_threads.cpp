// Creation, reservation and return of threads. The lock is never held while a thread is created or a shard is
// woken.
#include "server/runner/spare_threads.hpp"

#include <pthread.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <new>
#include <system_error>

#include "server/runner/shard.hpp"

namespace owind::runner {

SpareThreads::SpareThreads(const RunnerOptions& options, const RunnerSeams& seams)
    : options_(options), seams_(seams) {}

SpareThreads::~SpareThreads() {
  const std::lock_guard lock(mutex_);
  assert(threads_ == 0);
}

void SpareThreads::set_up(std::size_t limit) {
  const std::lock_guard lock(mutex_);
  limit_ = limit;
  // So that taking a thread in never allocates.
  workers_.reserve(limit);
  free_.reserve(limit);
  spares_.reserve(limit);
  waiting_.reserve(limit);
  ::pthread_sigmask(SIG_SETMASK, nullptr, &signals_);
}

Worker& SpareThreads::create() {
  std::unique_lock lock(mutex_);
  int error = 0;
  Worker* const worker = spawn(lock, error);
  if (worker == nullptr) {
    throw std::system_error(error, std::generic_category(), "cannot create an application thread");
  }
  return *worker;
}

Worker* SpareThreads::reserve(Shard& shard) noexcept {
  std::unique_lock lock(mutex_);
  bool may_create = true;
  while (!stopping_) {
    if (!spares_.empty()) {
      Worker* const worker = spares_.back();
      spares_.pop_back();
      return worker;
    }
    if (may_create && threads_ < limit_) {
      int error = 0;
      if (Worker* const worker = spawn(lock, error)) return worker;
      may_create = false;  // but one may have come back while the lock was open
      continue;
    }
    waiting_.push_back(&shard);
    break;
  }
  return nullptr;
}

void SpareThreads::withdraw(Shard& shard) noexcept {
  const std::lock_guard lock(mutex_);
  std::erase(waiting_, &shard);
}

// Gives `worker` to who needs it most. Under the lock. @return the shard that has to be told, after the lock
Shard* SpareThreads::place(Worker& worker) noexcept {
  if (stopping_) {
    worker.dismiss();
    return nullptr;
  }
  if (waiting_.empty()) {
    spares_.push_back(&worker);
    return nullptr;
  }
  const auto neediest =
      std::min_element(waiting_.begin(), waiting_.end(),
                       [](const Shard* one, const Shard* other) { return one->held() < other->held(); });
  Shard* const shard = *neediest;
  waiting_.erase(neediest);
  shard->grant(worker);
  return shard;
}

void SpareThreads::give_back(Worker& worker) noexcept {
  Shard* shard = nullptr;
  {
    const std::lock_guard lock(mutex_);
    shard = place(worker);
  }
  if (shard != nullptr) shard->attend();
}

// Under the lock.
bool SpareThreads::is_short() const noexcept {
  return !stopping_ && threads_ < limit_ && (spares_.empty() || !waiting_.empty());
}

bool SpareThreads::replenish(Clock::time_point now) noexcept {
  Shard* shard = nullptr;
  bool again = false;
  {
    std::unique_lock lock(mutex_);
    if (!is_short()) return false;
    if (now < next_try_) return true;
    int error = 0;
    Worker* const worker = spawn(lock, error);
    if (worker == nullptr) {
      next_try_ = now + options_.create_retry;
      return true;
    }
    shard = place(*worker);
    again = is_short();
  }
  if (shard != nullptr) shard->attend();
  return again;
}

// A new thread, counted before it exists; the lock is open while the kernel works. Null, and why, when there
// is none.
Worker* SpareThreads::spawn(std::unique_lock<std::mutex>& lock, int& error) noexcept {
  if (stopping_ || threads_ >= limit_) {
    error = EAGAIN;
    return nullptr;
  }
  if (free_.empty()) {
    try {
      workers_.push_back(std::make_unique<Worker>(*this));
    } catch (const std::bad_alloc&) {
      error = ENOMEM;
      return nullptr;
    }
    free_.push_back(workers_.back().get());
  }
  Worker* const worker = free_.back();
  free_.pop_back();
  ++threads_;
  threads_peak_ = std::max(threads_peak_, threads_);
  lock.unlock();
  error = seams_.create_fault ? seams_.create_fault() : 0;
  if (error == 0) error = start_thread(*worker);
  lock.lock();
  if (error == 0) return worker;
  free_.push_back(worker);
  if (--threads_ == 0) all_ended_.notify_all();
  return nullptr;
}

int SpareThreads::start_thread(Worker& worker) noexcept {
  pthread_attr_t attributes;
  if (const int error = ::pthread_attr_init(&attributes)) return error;
  int error = ::pthread_attr_setstacksize(&attributes, options_.stack_bytes);
  if (error == 0) error = ::pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_t thread;
  if (error == 0) error = ::pthread_create(&thread, &attributes, &SpareThreads::thread_main, &worker);
  ::pthread_attr_destroy(&attributes);
  return error;
}

void* SpareThreads::thread_main(void* worker) noexcept {
  Worker& me = *static_cast<Worker*>(worker);
  me.owner().work(me);
  return nullptr;
}

void SpareThreads::work(Worker& me) noexcept {
  // Here and below: an application may have changed its thread's mask, and whoever made this thread may come
  // from one.
  ::pthread_sigmask(SIG_SETMASK, &signals_, nullptr);
  me.bind();
  Worker::name_thread("owind-spare");
  while (take_order(me)) {
    me.assigned().lead(me);
    ::pthread_sigmask(SIG_SETMASK, &signals_, nullptr);
    Worker::name_thread("owind-spare");
    give_back(me);
  }
  me.unbind();
  const std::lock_guard lock(mutex_);
  free_.push_back(&me);
  // Under the lock, because join() may be followed by the end of this object.
  if (--threads_ == 0) all_ended_.notify_all();
}

// @return whether there is a shard to lead; else the thread ends
bool SpareThreads::take_order(Worker& me) noexcept {
  for (;;) {
    switch (me.await(options_.spare_linger)) {
      case Worker::Order::kLead:
        return true;
      case Worker::Order::kLeave:
        return false;
      case Worker::Order::kNone:
        if (leave(me)) return false;
    }
  }
}

// Whether the thread, idle for long, can go: it is not reserved, and another spare stays.
bool SpareThreads::leave(Worker& me) noexcept {
  const std::lock_guard lock(mutex_);
  if (spares_.size() < 2) return false;
  return std::erase(spares_, &me) != 0;
}

void SpareThreads::stop() noexcept {
  const std::lock_guard lock(mutex_);
  stopping_ = true;
  waiting_.clear();
  for (Worker* const spare : spares_) spare->dismiss();
  spares_.clear();
}

void SpareThreads::join() noexcept {
  std::unique_lock lock(mutex_);
  all_ended_.wait(lock, [this] { return threads_ == 0; });
}

void SpareThreads::report(RunnerStats& stats) const {
  const std::lock_guard lock(mutex_);
  stats.threads = threads_;
  stats.threads_peak = threads_peak_;
  stats.spares = spares_.size();
}

}  // namespace owind::runner
