// From a token to the request that it names, for callers on any thread, without locks. A request is pinned
// while a call works on it; its owner closes the token, and may reuse the request's memory once no pin is
// left. The table is never destroyed in a server: a token from anywhere, at any time, is answered.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "middleware/environment.hpp"
#include "middleware/token.hpp"

namespace owind::middleware {

class TokenTable {
  struct Entry {
    /// generation << 32 | closed (bit 31) | number of pins.
    std::atomic<std::uint64_t> state{kClosedBit};
    Environment* environment = nullptr;
  };

 public:
  /// Holds a request for the length of one call.
  class Pin {
   public:
    Pin() = default;
    Pin(Pin&& other) noexcept : entry_(std::exchange(other.entry_, nullptr)) {}
    Pin& operator=(Pin&&) = delete;
    ~Pin() {
      if (entry_) TokenTable::unpin(*entry_);
    }
    Environment* operator->() const { return entry_->environment; }
    Environment& operator*() const { return *entry_->environment; }
    explicit operator bool() const { return entry_ != nullptr; }

   private:
    friend class TokenTable;
    explicit Pin(Entry* entry) : entry_(entry) {}
    Entry* entry_ = nullptr;
  };

  TokenTable() = default;
  TokenTable(const TokenTable&) = delete;
  TokenTable& operator=(const TokenTable&) = delete;
  ~TokenTable();

  /// Makes room for one more slot of a shard and says its index; `environment` is what the slot's tokens will
  /// name, for ever. Any thread, rarely. Throws std::bad_alloc, or std::length_error when the shard has
  /// Token::kMaxSlots slots.
  std::uint32_t add_slot(std::uint32_t shard, Environment& environment);

  /// A new token for a slot whose last token is closed and unpinned. The slot's owner only.
  Token open(std::uint32_t shard, std::uint32_t slot) noexcept;

  /// The request that the token names; empty when the token is closed or was never given out.
  Pin pin(Token token) noexcept;

  /// No pin() succeeds from here on. True: no call is inside. False: the last one to leave calls
  /// Environment::last_pin_dropped(). The slot's owner only.
  bool close(Token token) noexcept;

  /// No call is inside. The slot's owner only, after close().
  bool unpinned(Token token) noexcept;

 private:
  static constexpr std::uint64_t kClosedBit = std::uint64_t{1} << 31;
  static constexpr std::uint64_t kPinMask = kClosedBit - 1;
  static constexpr std::uint32_t kChunkSlots = 1024;
  static constexpr std::uint32_t kChunks = Token::kMaxSlots / kChunkSlots;

  struct Chunk {
    std::array<Entry, kChunkSlots> entries;
  };
  struct Shard {
    std::array<std::atomic<Chunk*>, kChunks> chunks{};
    std::uint32_t slots = 0;
  };

  Entry* find(Token token) noexcept;
  static void unpin(Entry& entry) noexcept;

  std::mutex growing_;
  std::array<std::atomic<Shard*>, Token::kMaxShards> shards_{};
};

}  // namespace owind::middleware
