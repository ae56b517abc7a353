#include "server/dev/terminal.hpp"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

namespace owind::dev {

Terminal::Terminal(int fd) : fd_(fd) {
  const char* term = std::getenv("TERM");
  const char* no_color = std::getenv("NO_COLOR");
  interactive_ = ::isatty(fd) == 1 && term != nullptr && std::string_view(term) != "dumb";
  colours_ = interactive_ && (no_color == nullptr || *no_color == '\0');
}

std::string Terminal::paint(Colour colour, std::string_view text) const {
  static constexpr std::array<const char*, 7> kCodes = {"", "2", "1", "31", "32", "33", "36"};
  if (!colours_ || colour == Colour::kPlain) return std::string(text);
  return "\033[" + std::string(kCodes[static_cast<std::size_t>(colour)]) + "m" + std::string(text) +
         "\033[0m";
}

void Terminal::write(std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(fd_, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;  // nobody reads it any more
    text.remove_prefix(static_cast<std::size_t>(n));
  }
}

void Terminal::clear_progress() {
  if (!progress_shown_) return;
  progress_shown_ = false;
  write("\r\033[K");
}

void Terminal::line(std::string_view text) { pass_on(std::string(text) + "\n"); }

void Terminal::pass_on(std::string_view text) {
  clear_progress();
  write(text);
}

void Terminal::progress(std::string_view what, std::chrono::milliseconds elapsed) {
  if (!interactive_) return;
  static constexpr std::array<const char*, 10> kFrames = {"⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"};
  write("\r" + paint(Colour::kCyan, kFrames[frame_++ % kFrames.size()]) + " " + std::string(what) + " " +
        paint(Colour::kDim, seconds_text(elapsed)) + "\033[K");
  progress_shown_ = true;
}

std::string seconds_text(std::chrono::milliseconds duration) {
  char text[32];
  const double seconds = static_cast<double>(duration.count()) / 1000;
  std::snprintf(text, sizeof text, seconds < 10 ? "%.2f s" : "%.1f s", seconds);
  return text;
}

}  // namespace owind::dev
