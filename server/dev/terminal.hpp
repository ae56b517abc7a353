// What the developer sees in the terminal: lines with some colour, and one line of progress that is written
// over. Plain text where the output is no terminal or NO_COLOR is set (no-color.org).
#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace owind::dev {

enum class Colour : unsigned char { kPlain, kDim, kBold, kRed, kGreen, kYellow, kCyan };

class Terminal {
 public:
  /// Decides by `fd`, $NO_COLOR and $TERM.
  explicit Terminal(int fd);

  bool interactive() const { return interactive_; }
  std::string paint(Colour colour, std::string_view text) const;
  void line(std::string_view text);
  /// Lines that a child process has written, as they are; may end without a line end.
  void pass_on(std::string_view text);
  /// One more look at what goes on for `elapsed`; nothing where lines cannot be written over.
  void progress(std::string_view what, std::chrono::milliseconds elapsed);

 private:
  void clear_progress();
  void write(std::string_view text);

  const int fd_;
  bool interactive_ = false;
  bool colours_ = false;
  bool progress_shown_ = false;
  unsigned frame_ = 0;
};

/// "0.23 s", "12 s".
std::string seconds_text(std::chrono::milliseconds duration);

}  // namespace owind::dev
