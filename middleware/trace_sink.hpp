// Where rooms that know no logger say what an operator should read. Implemented by server/observe.
#pragma once

#include <cstdint>
#include <string_view>

#include "middleware/token.hpp"

namespace owind::middleware {

enum class Severity : std::uint8_t { kDebug, kInfo, kWarning, kError };

/// Any thread may call; nothing is thrown; a sink that cannot write drops the record and counts it.
class TraceSink {
 public:
  /// One record. `text` may hold bytes from a visitor: the sink escapes control characters and invalid UTF-8.
  /// `request` names the request that it is about; an empty token when there is none.
  virtual void record(Severity severity, Token request, std::string_view text) noexcept = 0;

  /// Whether a record of this severity would be kept: ask before formatting one that costs something.
  virtual bool wants(Severity severity) const noexcept = 0;

 protected:
  ~TraceSink() = default;
};

}  // namespace owind::middleware
