// A bounded queue of body bytes between one producer and one consumer, one of which is the shard's leader and
// the other the application on some thread. No pointer into it ever reaches managed code: bytes are copied in
// and out inside the calls.
//
// The lock is held for bookkeeping only, never while more than a few bytes are copied or anything else is
// called, so that the leader never waits for a long copy. One call at a time in each direction: a second one
// is answered kBusy.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>

#include "middleware/limits.hpp"
#include "middleware/status.hpp"

namespace owind::middleware {

class BodyPipe {
 public:
  static constexpr std::uint64_t kNoLimit = ~std::uint64_t{0};

  explicit BodyPipe(PipeLimits limits = {}) : limits_(limits) {}
  ~BodyPipe();
  BodyPipe(const BodyPipe&) = delete;
  BodyPipe& operator=(const BodyPipe&) = delete;

  /// What an operation asks its caller to do for the other side.
  struct Moved {
    Status status = Status::kOk;
    std::size_t bytes = 0;
    /// The other side was told kWait and may now go on: tell it, once.
    bool wake_other = false;
  };

  /// Producer: takes bytes up to the high mark. kOk: all taken. kWait: `bytes` were, and a wake-up follows
  /// below the low mark. kAborted after close(); kBusy.
  /// kTooManyBytes: nothing was taken, because it would have made more than `most_in_all` bytes since
  /// reset().
  Moved push(std::span<const std::byte> bytes, std::uint64_t most_in_all = kNoLimit) noexcept;

  /// Producer: bytes that do not go through the pipe are part of the body, and count like the others. kOk,
  /// kTooManyBytes (nothing was counted), kBusy, or why the pipe is closed.
  Status count_past(std::uint64_t bytes, std::uint64_t most_in_all = kNoLimit) noexcept;

  /// Producer that cannot wait (the leader with bytes from the wire): takes all of them, whatever the marks
  /// say; over_high() then says to stop reading. kAborted when they were dropped; kFailed when there is no
  /// memory for them.
  Moved push_all(std::span<const std::byte> bytes) noexcept;

  /// Producer: no more bytes follow; behind the last one the consumer is told `end` (kEnd, or kCut). True: the
  /// consumer waits and must be told.
  bool finish(Status end = Status::kEnd) noexcept;

  /// The same while there is no consumer yet.
  void finish_unread(Status end = Status::kEnd) noexcept;

  /// Consumer: copies bytes out. kOk: bytes >= 1. kWait: none there, a wake-up follows. kEnd: complete, or what
  /// finish() was given.
  /// kAborted, kBusy. `wake_other` when the producer waits and the low mark is reached.
  Moved pull(std::span<std::byte> buffer) noexcept;

  /// Consumer (the leader): views of what is there, oldest first, at most `limit_bytes` in all. Returns how
  /// many views were written; 0 also while a pull() is inside. They stay valid until consume(), whatever the
  /// other side does, and until then pull() is kBusy: always follow with consume(), if only of 0 bytes.
  std::size_t peek(std::span<std::span<const std::byte>> views, std::size_t limit_bytes) noexcept;
  /// Consumer: drops the oldest `bytes`. True: the producer waits and may go on.
  bool consume(std::size_t bytes) noexcept;

  /// Either side gives up: contents are dropped, later operations answer `status` (kAborted, kStalled,
  /// kTimeout). Bits of who waits and must be told.
  Ready close(Status status) noexcept;

  // How the pipe stands, as of some moment during the call; these take no lock.

  std::size_t size() const noexcept;
  bool over_high() const noexcept;
  /// No more bytes follow and none are left.
  bool drained() const noexcept;
  bool finished() const noexcept;
  bool closed() const noexcept;
  /// The consumer was told kWait and has not been woken yet.
  bool consumer_waits() const noexcept;
  bool producer_waits() const noexcept;
  /// All bytes that ever went in.
  std::uint64_t total_in() const noexcept;

  /// Back to new, for the next request. Nobody is inside, and whoever was before happened before this.
  void reset() noexcept;

 private:
  struct Chunk {
    Chunk* next = nullptr;
    std::byte* data = nullptr;
    std::size_t capacity = 0;
    std::size_t begin = 0;  ///< First byte that was not consumed.
    std::size_t end = 0;    ///< Behind the last byte that was produced.
  };
  static constexpr std::size_t kFirstBytes = 4096;
  static constexpr std::size_t kChunkBytes = 32 * 1024;
  /// To let go of the lock and take it again costs about as much as copying this.
  static constexpr std::size_t kCopiedUnderLock = 1024;

  Chunk* make_chunk() noexcept;
  static void free_chunk(Chunk* chunk) noexcept;
  static void copy_for(std::unique_lock<std::mutex>& lock, std::byte* to, const std::byte* from,
                       std::size_t bytes) noexcept;
  void drop_contents() noexcept;
  /// After close(): whoever is the last inside drops the contents.
  void drop_if_unused() noexcept;
  enum class Marks : bool { kKeep, kIgnore };
  Moved push_some(std::span<const std::byte> bytes, Marks marks, std::uint64_t most_in_all) noexcept;

  /// A value that is written under the lock and read without it: the leader asks for each request how a pipe
  /// stands.
  template <typename T>
  class Published {
   public:
    explicit Published(T value) : value_(value) {}
    operator T() const noexcept { return value_.load(std::memory_order_acquire); }
    Published& operator=(T value) noexcept {
      value_.store(value, std::memory_order_release);
      return *this;
    }

   private:
    std::atomic<T> value_;
  };

  const PipeLimits limits_;
  std::mutex mutex_;
  Chunk first_;  ///< Kept from request to request, so that a small body costs no allocation.
  std::unique_ptr<std::byte[]> first_memory_;
  Chunk* head_ = nullptr;
  Chunk* tail_ = nullptr;
  Published<std::size_t> size_{0};
  Published<std::uint64_t> total_in_{0};
  Published<Status> closed_{Status::kOk};
  Published<bool> finished_{false};
  Status end_ = Status::kEnd;  ///< What finish() said.
  bool pushing_ = false;
  bool pulling_ = false;
  bool viewed_ = false;  ///< Views that peek() gave out have not been consumed.
  Published<bool> producer_waits_{false};
  Published<bool> consumer_waits_{false};
};

}  // namespace owind::middleware
