// What one HTTP connection may send, in bytes and numbers. Visitors connect here directly, so the limits are
// those of Kestrel (KestrelServerLimits), not those of a front end.
#pragma once

#include <cstddef>

namespace owind::protocol {

struct HttpLimits {
  std::size_t max_request_line_bytes = 8 * 1024;  ///< Without its CRLF; 414 above it.
  std::size_t max_fields_bytes = 32 * 1024;       ///< All field lines, with their CRLFs; 431 above it.
  std::size_t max_fields = 100;                   ///< 431 above it.
  /// Between two pieces of data of a chunked body: sizes, extensions, trailers. 400 above it.
  std::size_t max_chunk_overhead_bytes = 32 * 1024;
  /// A body that goes on after its response has ended is read and dropped up to this; then the connection is
  /// closed.
  std::size_t max_unread_bytes = 1024 * 1024;
};

}  // namespace owind::protocol
