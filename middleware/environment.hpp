// One request as native code sees it: the block, the two bodies, the head, the end. Implemented by
// server/exchange; called by native middleware and, through tokens, by the managed bridge.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "middleware/app_func.hpp"
#include "middleware/file_part.hpp"
#include "middleware/request_block.hpp"
#include "middleware/response_head.hpp"
#include "middleware/status.hpp"
#include "middleware/token.hpp"

namespace owind::middleware {

/// How the current application call was entered; see server/runner/call.hpp.
struct CallEntry {
  bool queue = false;                            ///< Queue the work elsewhere and return at once.
  std::atomic<std::int32_t>* entered = nullptr;  ///< The callee stores 1 as its first act.
};

/// What an application that has parked a request wants to hear. Called in application calls (may block, may
/// be stolen).
class Suspended {
 public:
  /// A read or write that answered kWait may go on.
  virtual void on_ready(Environment& environment, Ready ready, CallEntry entry) noexcept = 0;
  /// The request was given up: reads and writes fail from now on. Once a request, never after complete().
  virtual void on_abort(Environment& environment, AbortReason reason, CallEntry entry) noexcept = 0;

 protected:
  ~Suspended() = default;
};

/// Lives until the request's application has completed, even if its connection is gone (then operations
/// answer kAborted). read(), write(), flush(), head(), blocking(), complete() may be called by any thread
/// that holds a pin on the token; the rest in application calls only.
class Environment {
 public:
  virtual Token token() const = 0;
  virtual const RequestBlock& request() const = 0;
  /// Of the application call that is running on this thread.
  virtual CallEntry entry() const = 0;

  /// Copies request body bytes into `buffer` (not empty).
  virtual Transfer read(std::span<std::byte> buffer) noexcept = 0;
  /// Copies response body bytes out of `bytes`; the head must have been given. kWait: the rest is offered
  /// again after on_ready(kWrite).
  virtual Transfer write(std::span<const std::byte> bytes) noexcept = 0;
  /// kWait: part of a file is still being sent.
  virtual Status flush() noexcept = 0;
  /// Whether send_file() can do anything for this request.
  virtual bool sends_files() const noexcept = 0;
  /// Sends part of a file behind what was written, without copying it through this process. The head must have
  /// been given. kWait: taken; on_ready(kWrite) follows when it has been sent, and flush() says how that went;
  /// writes wait until then. kOk: nothing of it has to be sent. kUnsupported: write() the bytes. Nothing was
  /// taken also with kTooManyBytes, kBusy, kInvalid, kAborted, kClosed.
  virtual Status send_file(FilePart file) noexcept = 0;
  /// Checks the head against the response rules and takes a copy. kInvalid: nothing was taken, `error` says
  /// why.
  virtual Status head(const ResponseHeadView& head, std::string& error) noexcept = 0;
  /// The calling thread is about to wait for this request's bytes.
  virtual Status blocking() noexcept = 0;
  /// Calls on into the native handler behind the managed application.
  virtual Status next() noexcept = 0;

  /// Keeps the completion until complete() is called, and names who hears of readiness and aborts. Once a
  /// request.
  virtual void park(Completion completion, Suspended& suspended) noexcept = 0;
  /// Ends a parked request; its completion runs on the shard's leader. kClosed when it was ended before.
  virtual Status complete(Outcome outcome) noexcept = 0;

  /// The token is closed and its last pin was dropped; any thread. See TokenTable.
  virtual void last_pin_dropped() noexcept = 0;

 protected:
  ~Environment() = default;
};

}  // namespace owind::middleware
