#include "middleware/builtin/file_transfers.hpp"

#include <algorithm>
#include <array>
#include <new>

#include "middleware/builtin/native_response.hpp"

namespace owind::middleware {
namespace {

/// What a pipe that has just been drained to its low mark takes.
constexpr std::size_t kPieceBytes = 32 * 1024;

}  // namespace

class FileTransfers::Transfer final : private Suspended {
 public:
  explicit Transfer(FileTransfers& transfers) : transfers_(transfers) {}

  void start(Environment& environment, Completion completion, OpenFile file, std::uint64_t offset,
             std::uint64_t count) noexcept {
    {
      const std::lock_guard lock(mutex_);
      token_ = environment.token();
      file_ = std::move(file);
      offset_ = offset;
      left_ = count;
    }
    environment.park(std::move(completion), *this);
    {
      const std::lock_guard lock(mutex_);
      past_the_pipe_ = true;
      const Status status = environment.send_file({file_.descriptor(), offset, count});
      if (status == Status::kWait) return;
      if (status == Status::kUnsupported) past_the_pipe_ = false;
    }
    go_on(environment);
  }

 private:
  void on_ready(Environment& environment, Ready, CallEntry entry) noexcept override {
    enter(entry);
    go_on(environment);
  }
  // The writes fail from now on, and who waits to write is told to go on: it ends there.
  void on_abort(Environment&, AbortReason, CallEntry entry) noexcept override { enter(entry); }

  void go_on(Environment& environment) noexcept {
    std::unique_lock lock(mutex_);
    // Of a request that has ended.
    if (!file_ || environment.token() != token_) return;
    Status status = past_the_pipe_ ? environment.flush() : Status::kOk;
    while (!past_the_pipe_ && left_ > 0 && status == Status::kOk) {
      std::array<std::byte, kPieceBytes> buffer;
      const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), left_));
      const std::int64_t got = file_.read(std::span(buffer).first(wanted), offset_);
      if (got <= 0) {
        status = Status::kFailed;
        break;
      }
      const auto moved = environment.write(std::span(buffer).first(static_cast<std::size_t>(got)));
      offset_ += moved.bytes;
      left_ -= moved.bytes;
      status = moved.status;
    }
    if (status == Status::kWait || status == Status::kBusy) return;
    file_.close();
    lock.unlock();
    environment.complete(status == Status::kOk       ? Outcome::kCompleted
                         : status == Status::kFailed ? Outcome::kFaulted
                                                     : Outcome::kCancelled);
    transfers_.give_back(*this);
  }

  FileTransfers& transfers_;
  std::mutex mutex_;
  Token token_;
  OpenFile file_;
  std::uint64_t offset_ = 0;
  std::uint64_t left_ = 0;
  bool past_the_pipe_ = false;  ///< The file is sent without us.
};

FileTransfers::FileTransfers() = default;
FileTransfers::~FileTransfers() = default;

FileTransfers::Transfer* FileTransfers::take() noexcept try {
  const std::lock_guard lock(mutex_);
  if (!free_.empty()) {
    Transfer* transfer = free_.back();
    free_.pop_back();
    return transfer;
  }
  // Room to give it back first: that must not fail.
  free_.reserve(all_.size() + 1);
  all_.push_back(std::make_unique<Transfer>(*this));
  return all_.back().get();
} catch (const std::bad_alloc&) {
  return nullptr;
}

void FileTransfers::give_back(Transfer& transfer) noexcept {
  const std::lock_guard lock(mutex_);
  free_.push_back(&transfer);
}

void FileTransfers::send(Environment& environment, Completion completion, OpenFile file, std::uint64_t offset,
                         std::uint64_t count) noexcept {
  Transfer* transfer = take();
  if (!transfer) return completion(Outcome::kFaulted);
  transfer->start(environment, std::move(completion), std::move(file), offset, count);
}

}  // namespace owind::middleware
