// What an operation on a request answers. The values are those of owind_status in hosting/bridge_abi.h
// (checked there).
#pragma once

#include <cstddef>
#include <cstdint>

namespace owind::middleware {

enum class Status : std::int32_t {
  kOk = 0,
  kWait = 1,           ///< Would block; Suspended::on_ready() follows, once for this direction.
  kEnd = 2,            ///< read: the body is complete.
  kClosed = -1,        ///< The request is over.
  kAborted = -2,       ///< The peer is gone or the request was given up.
  kBusy = -3,          ///< Another call in this direction is not finished.
  kInvalid = -4,       ///< A response rule is broken; there is a text that says which.
  kHeadersSent = -5,   ///< The head was given before.
  kStalled = -6,       ///< read: the front end stopped sending because it has the response head.
  kTooManyBytes = -7,  ///< write: more than the Content-Length that was given.
  kTimeout = -8,       ///< A body or write timeout.
  kRefused = -9,       ///< blocking: waiting on this thread would stop its shard.
  kUnsupported = -10,
  kFailed = -11,
  kCut = -12,  ///< read: the body ended before the length that was announced.
};

/// Answer of a read or write: `bytes` were moved, whatever the status says.
struct Transfer {
  Status status = Status::kOk;
  std::size_t bytes = 0;
};

/// How an application ended. Values of OWIND_OUTCOME_*.
enum class Outcome : std::int32_t { kCompleted = 0, kFaulted = 1, kCancelled = 2, kAbandoned = 3 };

/// Why a request was given up. Values of OWIND_ABORT_*.
enum class AbortReason : std::int32_t { kDisconnected = 1, kTimeout = 2, kShutdown = 3, kFailed = 4 };

/// Directions that may go on. Bits; values of OWIND_READY_*.
enum class Ready : std::int32_t { kNone = 0, kRead = 1, kWrite = 2, kBoth = 3 };
constexpr Ready operator|(Ready a, Ready b) {
  return static_cast<Ready>(static_cast<int>(a) | static_cast<int>(b));
}

}  // namespace owind::middleware
