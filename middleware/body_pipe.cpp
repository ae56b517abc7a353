#include "middleware/body_pipe.hpp"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

namespace owind::middleware {

BodyPipe::~BodyPipe() { drop_contents(); }

BodyPipe::Chunk* BodyPipe::make_chunk() noexcept {
  if (!head_) {
    if (!first_memory_) first_memory_.reset(new (std::nothrow) std::byte[kFirstBytes]);
    if (!first_memory_) return nullptr;
    first_ = Chunk{nullptr, first_memory_.get(), kFirstBytes, 0, 0};
    return &first_;
  }
  // Header and bytes in one allocation of a size class that malloc keeps at hand.
  void* memory = ::operator new(sizeof(Chunk) + kChunkBytes, std::nothrow);
  if (!memory) return nullptr;
  auto* chunk = new (memory) Chunk;
  chunk->data = static_cast<std::byte*>(memory) + sizeof(Chunk);
  chunk->capacity = kChunkBytes;
  return chunk;
}

void BodyPipe::free_chunk(Chunk* chunk) noexcept { ::operator delete(static_cast<void*>(chunk)); }

void BodyPipe::drop_contents() noexcept {
  while (head_) {
    Chunk* next = head_->next;
    if (head_ != &first_) free_chunk(head_);
    head_ = next;
  }
  tail_ = nullptr;
  size_ = 0;
}

void BodyPipe::drop_if_unused() noexcept {
  if (!pushing_ && !pulling_ && !viewed_) drop_contents();
}

BodyPipe::Moved BodyPipe::push(std::span<const std::byte> bytes, std::uint64_t most_in_all) noexcept {
  return push_some(bytes, Marks::kKeep, most_in_all);
}
BodyPipe::Moved BodyPipe::push_all(std::span<const std::byte> bytes) noexcept {
  return push_some(bytes, Marks::kIgnore, kNoLimit);
}

/// Copies outside the lock, unless that takes longer than the copying.
void BodyPipe::copy_for(std::unique_lock<std::mutex>& lock, std::byte* to, const std::byte* from,
                        std::size_t bytes) noexcept {
  if (bytes <= kCopiedUnderLock) {
    std::memcpy(to, from, bytes);
    return;
  }
  lock.unlock();
  std::memcpy(to, from, bytes);
  lock.lock();
}

Status BodyPipe::count_past(std::uint64_t bytes, std::uint64_t most_in_all) noexcept {
  const std::lock_guard lock(mutex_);
  if (closed_ != Status::kOk) return closed_;
  if (pushing_) return Status::kBusy;
  if (bytes > most_in_all - std::min<std::uint64_t>(most_in_all, total_in_)) return Status::kTooManyBytes;
  total_in_ = total_in_ + bytes;
  return Status::kOk;
}

BodyPipe::Moved BodyPipe::push_some(std::span<const std::byte> bytes, Marks marks,
                                    std::uint64_t most_in_all) noexcept {
  const bool all = marks == Marks::kIgnore;
  Moved moved;
  std::unique_lock lock(mutex_);
  if (pushing_) {
    moved.status = Status::kBusy;
    return moved;
  }
  // Under the lock, and after the question whether another producer is inside: two of them must not both find
  // room for what only one may add.
  if (closed_ == Status::kOk &&
      bytes.size() > most_in_all - std::min<std::uint64_t>(most_in_all, total_in_)) {
    moved.status = Status::kTooManyBytes;
    return moved;
  }
  pushing_ = true;
  producer_waits_ = false;
  while (true) {
    if (closed_ != Status::kOk) {
      moved.status = closed_;
      break;
    }
    if (bytes.empty()) break;
    if (!all && size_ >= limits_.high_mark_bytes) {
      producer_waits_ = true;
      moved.status = Status::kWait;
      break;
    }
    Chunk* chunk = tail_;
    if (!chunk || chunk->end == chunk->capacity) {
      chunk = make_chunk();
      if (!chunk) {
        moved.status = Status::kFailed;
        break;
      }
      (tail_ ? tail_->next : head_) = chunk;
      tail_ = chunk;
    }
    std::size_t room = chunk->capacity - chunk->end;
    if (!all) room = std::min<std::size_t>(room, limits_.high_mark_bytes - size_);
    const std::size_t n = std::min(room, bytes.size());
    std::byte* to = chunk->data + chunk->end;
    copy_for(lock, to, bytes.data(), n);  // the tail is freed by nobody while pushing_ is set
    chunk->end += n;
    size_ = size_ + n;
    total_in_ = total_in_ + n;
    moved.bytes += n;
    bytes = bytes.subspan(n);
  }
  pushing_ = false;
  if (closed_ != Status::kOk) {
    drop_if_unused();
  } else if (moved.bytes && consumer_waits_) {
    consumer_waits_ = false;
    moved.wake_other = true;
  }
  return moved;
}

bool BodyPipe::finish(Status end) noexcept {
  const std::lock_guard lock(mutex_);
  end_ = end;
  finished_ = true;
  const bool waits = consumer_waits_;
  consumer_waits_ = false;
  return waits;
}

void BodyPipe::finish_unread(Status end) noexcept {
  end_ = end;
  finished_ = true;
}

BodyPipe::Moved BodyPipe::pull(std::span<std::byte> buffer) noexcept {
  Moved moved;
  std::unique_lock lock(mutex_);
  if (pulling_ || viewed_) {
    moved.status = Status::kBusy;
    return moved;
  }
  consumer_waits_ = false;
  if (closed_ != Status::kOk) {
    moved.status = closed_;
    return moved;
  }
  if (size_ == 0) {
    if (finished_) {
      moved.status = end_;
    } else {
      consumer_waits_ = true;
      moved.status = Status::kWait;
    }
    return moved;
  }
  pulling_ = true;
  while (!buffer.empty() && size_ > 0 && closed_ == Status::kOk) {
    Chunk* chunk = head_;
    const std::size_t n = std::min(chunk->end - chunk->begin, buffer.size());
    const std::byte* from = chunk->data + chunk->begin;
    copy_for(lock, buffer.data(), from, n);
    buffer = buffer.subspan(n);
    moved.bytes += n;
    chunk->begin += n;
    if (closed_ != Status::kOk) break;
    size_ = size_ - n;
    if (chunk->begin == chunk->end && chunk != tail_) {
      head_ = chunk->next;
      if (chunk != &first_) free_chunk(chunk);
    } else if (chunk->begin == chunk->end && !pushing_) {
      chunk->begin = chunk->end = 0;
    }
  }
  pulling_ = false;
  if (closed_ != Status::kOk) {
    // What was copied out before is delivered; the next call learns of the end.
    drop_if_unused();
    if (moved.bytes == 0) moved.status = closed_;
  } else if (producer_waits_ && size_ <= limits_.low_mark_bytes) {
    producer_waits_ = false;
    moved.wake_other = true;
  }
  return moved;
}

std::size_t BodyPipe::peek(std::span<std::span<const std::byte>> views, std::size_t limit_bytes) noexcept {
  const std::lock_guard lock(mutex_);
  if (closed_ != Status::kOk || pulling_) return 0;
  std::size_t count = 0;
  for (Chunk* chunk = head_; chunk && count < views.size() && limit_bytes > 0; chunk = chunk->next) {
    const std::size_t n = std::min(chunk->end - chunk->begin, limit_bytes);
    if (n == 0) continue;
    views[count++] = {chunk->data + chunk->begin, n};
    limit_bytes -= n;
  }
  if (count > 0) viewed_ = true;
  return count;
}

bool BodyPipe::consume(std::size_t bytes) noexcept {
  const std::lock_guard lock(mutex_);
  viewed_ = false;
  if (closed_ != Status::kOk) {
    drop_if_unused();
    return false;
  }
  while (bytes > 0) {
    Chunk* chunk = head_;
    const std::size_t n = std::min(chunk->end - chunk->begin, bytes);
    chunk->begin += n;
    size_ = size_ - n;
    bytes -= n;
    if (chunk->begin < chunk->end) break;
    if (chunk != tail_) {
      head_ = chunk->next;
      if (chunk != &first_) free_chunk(chunk);
    } else if (!pushing_) {
      chunk->begin = chunk->end = 0;
      break;
    } else {
      break;
    }
  }
  if (!producer_waits_ || size_ > limits_.low_mark_bytes) return false;
  producer_waits_ = false;
  return true;
}

Ready BodyPipe::close(Status status) noexcept {
  const std::lock_guard lock(mutex_);
  if (closed_ == Status::kOk) closed_ = status;
  drop_if_unused();
  size_ = 0;
  Ready who = Ready::kNone;
  if (consumer_waits_) who = who | Ready::kRead;
  if (producer_waits_) who = who | Ready::kWrite;
  consumer_waits_ = false;
  producer_waits_ = false;
  return who;
}

std::size_t BodyPipe::size() const noexcept { return size_; }
bool BodyPipe::over_high() const noexcept { return size_ >= limits_.high_mark_bytes; }
bool BodyPipe::drained() const noexcept {
  // In this order: nothing is added after the end.
  return finished_ && size_ == 0;
}
bool BodyPipe::finished() const noexcept { return finished_; }
bool BodyPipe::closed() const noexcept { return closed_ != Status::kOk; }
bool BodyPipe::consumer_waits() const noexcept { return consumer_waits_; }
bool BodyPipe::producer_waits() const noexcept { return producer_waits_; }
std::uint64_t BodyPipe::total_in() const noexcept { return total_in_; }

void BodyPipe::reset() noexcept {
  drop_contents();
  total_in_ = 0;
  closed_ = Status::kOk;
  finished_ = false;
  end_ = Status::kEnd;
  producer_waits_ = false;
  consumer_waits_ = false;
  pushing_ = pulling_ = viewed_ = false;
}

}  // namespace owind::middleware
