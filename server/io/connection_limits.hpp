// What a connection may take of time and memory. Set once at start-up from the options
// (server/config/server_options.hpp has the origins of the defaults), shared by all connections.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace owind::io {

struct ConnectionLimits {
  using Duration = std::chrono::milliseconds;

  std::uint64_t max_body_bytes = 0;  ///< 0: none.
  Duration request_timeout{0};       ///< 0: none.

  /// An upload that goes on behind its response is read and dropped, so that the response is not lost in a reset:
  /// up to so many bytes, for so long, with no longer silence than the last.
  std::size_t unread_body_bytes = std::size_t{1} << 30;
  Duration unread_body_timeout = std::chrono::seconds(30);
  Duration unread_body_idle_timeout = std::chrono::seconds(5);

  Duration idle_timeout = std::chrono::seconds(90);
  Duration first_record_timeout = std::chrono::seconds(5);
  /// For how long a connection on which nothing has come yet may still bring a request when the server drains: who
  /// has just connected means to, and would see it end without an answer.
  Duration fresh_grace = std::chrono::seconds(1);
  Duration head_timeout = std::chrono::seconds(30);
  Duration body_timeout = std::chrono::seconds(60);
  std::uint64_t min_body_rate = 0;  ///< Bytes a second while the application waits for them; 0: none.
  /// For how long a body may be slower: time to get going. As Kestrel's grace period.
  Duration body_rate_grace = std::chrono::seconds(5);
  Duration write_timeout = std::chrono::seconds(60);

  /// The same while output waits for who takes it.
  std::uint64_t min_response_rate = 0;

  /// An application that reads although the front end has the response head and sends no more: measured,
  /// nginx stops sending then and never goes on.
  Duration stall_timeout = std::chrono::seconds(10);
  /// A multiplexed connection whose buffers are full of bodies that nobody reads.
  Duration cap_timeout = std::chrono::seconds(30);
  /// A response that has failed, and cannot be shown to have while others run on its connection.
  Duration failure_timeout = std::chrono::seconds(30);

  /// Request bodies buffered on one connection: above it its reading stops. Kestrel's MaxRequestBufferSize.
  std::size_t max_buffered_bytes = 1024 * 1024;
  /// Output encoded but not sent; responses are not taken from their pipes above it.
  std::size_t output_high_bytes = 128 * 1024;
  /// Bytes one stream sends before the next one has its turn.
  std::size_t stream_quota_bytes = 64 * 1024;
};

}  // namespace owind::io
