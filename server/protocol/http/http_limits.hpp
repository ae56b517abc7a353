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
  /// A connection is kept for the next request where no more than this of a body is left behind its response: it
  /// is read and dropped, which costs no more than a new connection. With more to come the response, if that is
  /// known by then, says that the connection closes.
  std::size_t max_unread_bytes = 1024 * 1024;
};

}  // namespace owind::protocol
