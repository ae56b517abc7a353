#include "server/observe/line_writer.hpp"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

namespace owind::observe {
namespace {

/// A pipe that poll() calls writable takes this much without blocking (PIPE_BUF, pipe(7)).
constexpr std::size_t kChunkBytes = 4096;

std::uint64_t count_lines(std::string_view text) {
  return static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '\n'));
}

}  // namespace

/// Shared with the thread, which keeps it alive should a write never return.
class LineWriter::State {
 public:
  State(int fd, std::size_t max_queued_bytes, Hooks hooks)
      : fd_(fd),
        max_queued_bytes_(max_queued_bytes),
        hooks_(std::move(hooks)),
        closing_event_(::eventfd(0, EFD_CLOEXEC)) {
    if (closing_event_ < 0) throw std::system_error(errno, std::generic_category(), "cannot make an eventfd");
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() { ::close(closing_event_); }

  void run() noexcept;
  void push(std::string_view line) noexcept;
  void count_lost(std::uint64_t lines) noexcept {
    const std::lock_guard lock(mutex_);
    lost_ += lines;
  }
  void wake() noexcept;
  bool flush(std::chrono::milliseconds timeout) noexcept;
  /// @return whether the thread has ended.
  bool close(std::chrono::milliseconds timeout) noexcept;
  std::uint64_t lost() const noexcept {
    const std::lock_guard lock(mutex_);
    return lost_;
  }

  std::thread thread;

 private:
  /// Writes `text`, or what can be written of it. @return the number of lines that were not, or not wholly,
  /// written.
  std::uint64_t write(std::string_view text) noexcept;
  void write_lost_note() noexcept;
  enum class Ready { kYes, kFailed, kClosing };
  /// Waits until the descriptor takes more; while closing only as long as the deadline allows.
  Ready wait_writable() noexcept;

  const int fd_;
  const std::size_t max_queued_bytes_;
  const Hooks hooks_;
  const int closing_event_;

  mutable std::mutex mutex_;
  std::condition_variable work_;
  std::condition_variable done_;
  std::string queue_;
  std::uint64_t lost_ = 0;
  std::uint64_t rounds_begun_ = 0;
  std::uint64_t rounds_ended_ = 0;
  bool woken_ = false;
  bool closing_ = false;
  bool in_tick_ = false;
  bool ended_ = false;
  Clock::time_point close_deadline_;

  // Of the thread only.
  std::uint64_t told_lost_ = 0;
  bool mid_line_ = false;  ///< The last write was cut inside a line.
};

void LineWriter::State::push(std::string_view line) noexcept {
  const std::lock_guard lock(mutex_);
  if (closing_ || queue_.size() + line.size() > max_queued_bytes_) {
    ++lost_;
    return;
  }
  try {
    queue_.append(line);
  } catch (const std::exception&) {
    ++lost_;
    return;
  }
  work_.notify_one();
}

void LineWriter::State::wake() noexcept {
  const std::lock_guard lock(mutex_);
  woken_ = true;
  work_.notify_one();
}

bool LineWriter::State::flush(std::chrono::milliseconds timeout) noexcept {
  std::unique_lock lock(mutex_);
  // What is queued is written by the next round; what was queued before, by the one that runs.
  const std::uint64_t round = queue_.empty() ? rounds_begun_ : rounds_begun_ + 1;
  return done_.wait_for(lock, timeout, [&] { return rounds_ended_ >= round; });
}

bool LineWriter::State::close(std::chrono::milliseconds timeout) noexcept {
  std::unique_lock lock(mutex_);
  closing_ = true;
  close_deadline_ = Clock::now() + timeout;
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(closing_event_, &one, sizeof one);
  work_.notify_one();
  // Whoever owns what the hook uses may be gone after this function; no tick begins after `closing_`.
  done_.wait(lock, [&] { return !in_tick_; });
  // A little longer than the thread takes for itself: only a write(2) that blocks in spite of poll(2) exceeds
  // it.
  return done_.wait_for(lock, timeout + std::chrono::seconds(1), [&] { return ended_; });
}

LineWriter::State::Ready LineWriter::State::wait_writable() noexcept {
  for (;;) {
    int timeout = -1;
    nfds_t watched = 2;
    {
      const std::lock_guard lock(mutex_);
      if (closing_) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(close_deadline_ - Clock::now());
        timeout = static_cast<int>(std::clamp<std::chrono::milliseconds::rep>(left.count(), 0, 60'000));
        watched = 1;  // the event stays readable
      }
    }
    pollfd polled[2] = {{fd_, POLLOUT, 0}, {closing_event_, POLLIN, 0}};
    const int count = ::poll(polled, watched, timeout);
    if (count < 0 && errno != EINTR) return Ready::kFailed;
    if (count == 0 && watched == 1) return Ready::kClosing;
    if (count <= 0) continue;
    if (polled[0].revents & POLLNVAL) return Ready::kFailed;
    if (polled[0].revents != 0) return Ready::kYes;  // an error is told by the write
  }
}

std::uint64_t LineWriter::State::write(std::string_view text) noexcept {
  while (!text.empty()) {
    if (wait_writable() != Ready::kYes) break;
    const ssize_t taken = ::write(fd_, text.data(), std::min(text.size(), kChunkBytes));
    if (taken < 0) {
      if (errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK) continue;
      break;
    }
    mid_line_ = taken > 0 ? text[static_cast<std::size_t>(taken) - 1] != '\n' : mid_line_;
    text.remove_prefix(static_cast<std::size_t>(taken));
  }
  return count_lines(text);
}

void LineWriter::State::write_lost_note() noexcept {
  const std::uint64_t total = lost();
  if (total == told_lost_) return;
  try {
    if (write(hooks_.lost_note(total - told_lost_)) == 0) told_lost_ = total;
  } catch (const std::exception&) {
    // No memory for the note: it is due again after the next line.
  }
}

void LineWriter::State::run() noexcept {
  std::string batch;
  Clock::time_point next_tick = Clock::time_point::max();
  std::unique_lock lock(mutex_);
  for (;;) {
    const auto has_work = [&] { return !queue_.empty() || woken_ || closing_; };
    if (next_tick == Clock::time_point::max()) {
      work_.wait(lock, has_work);
    } else {
      work_.wait_until(lock, next_tick, has_work);
    }
    woken_ = false;
    const bool last = closing_ && queue_.empty();
    batch.clear();
    batch.swap(queue_);
    ++rounds_begun_;
    lock.unlock();

    if (!batch.empty()) {
      // The tail of a line that was cut by an error stays where it is; the next line begins a new one.
      if (mid_line_) write("\n");
      count_lost(write(batch));
      write_lost_note();
    }

    lock.lock();
    if (!closing_) {
      in_tick_ = true;
      lock.unlock();
      next_tick = hooks_.tick(Clock::now());
      lock.lock();
      in_tick_ = false;
    }
    ++rounds_ended_;
    if (last) ended_ = true;
    done_.notify_all();
    if (last) return;
  }
}

LineWriter::LineWriter(int fd, std::size_t max_queued_bytes, Hooks hooks)
    : state_(std::make_shared<State>(fd, max_queued_bytes, std::move(hooks))) {
  state_->thread = std::thread([state = state_] {
    ::pthread_setname_np(::pthread_self(), "owind-log");
    // A reader that left is an error of write(2), whatever the process does about the signal.
    sigset_t pipe;
    ::sigemptyset(&pipe);
    ::sigaddset(&pipe, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
    state->run();
  });
}

LineWriter::~LineWriter() { close(std::chrono::milliseconds(0)); }

void LineWriter::push(std::string_view line) noexcept { state_->push(line); }
void LineWriter::count_lost() noexcept { state_->count_lost(1); }
void LineWriter::wake() noexcept { state_->wake(); }
bool LineWriter::flush(std::chrono::milliseconds timeout) noexcept { return state_->flush(timeout); }
std::uint64_t LineWriter::lost() const noexcept { return state_->lost(); }

void LineWriter::close(std::chrono::milliseconds timeout) noexcept {
  if (!state_->thread.joinable()) return;
  if (state_->close(timeout)) {
    state_->thread.join();
  } else {
    state_->thread.detach();
  }
}

}  // namespace owind::observe
