// A failure that ends the start of the server: caught once in main and shown as it is. Says what was sought,
// where, and what to do. Never thrown on the request path.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace owind::io {

class StartupError : public std::runtime_error {
 public:
  /// `problem` is one line without a full stop: what was sought, where, and what stood in the way. `way_out`
  /// is a sentence that says what to do; it follows on a line of its own.
  StartupError(std::string_view problem, std::string_view way_out)
      : std::runtime_error(std::string(problem).append("\n  ").append(way_out)) {}
};

}  // namespace owind::io
