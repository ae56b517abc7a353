// Reads /proc/thread-self/stat (proc(5)).
#include "server/runner/thread_stat.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstddef>

namespace owind::runner {

ThreadActivity activity_of(std::string_view stat) noexcept {
  const std::size_t name_end = stat.rfind(')');
  if (name_end == std::string_view::npos || name_end + 2 >= stat.size()) return ThreadActivity::kUnknown;
  switch (stat[name_end + 2]) {
    case 'S':
    case 'D':
      return ThreadActivity::kSleeping;
    case 'R':
      return ThreadActivity::kRunning;
    default:  // stopped, traced, dying: nothing that a spare thread could help
      return ThreadActivity::kUnknown;
  }
}

void ThreadStat::open_for_this_thread() noexcept {
  const std::lock_guard lock(mutex_);
  if (file_ >= 0) ::close(file_);
  file_ = ::open("/proc/thread-self/stat", O_RDONLY | O_CLOEXEC);
}

void ThreadStat::close() noexcept {
  const std::lock_guard lock(mutex_);
  if (file_ >= 0) ::close(file_);
  file_ = -1;
}

ThreadActivity ThreadStat::activity() const noexcept {
  std::array<char, 512> text;
  const std::lock_guard lock(mutex_);
  if (file_ < 0) return ThreadActivity::kUnknown;
  const ssize_t length = ::pread(file_, text.data(), text.size(), 0);
  if (length <= 0) return ThreadActivity::kUnknown;
  return activity_of({text.data(), static_cast<std::size_t>(length)});
}

}  // namespace owind::runner
