// The identity of one request, wherever it is named outside the object itself: generation | shard | slot.
// Never a pointer: a token that outlives its request names nothing, and says so.
#pragma once

#include <cstdint>

namespace owind::middleware {

/// 0 is no token. Generations start at 1 and skip 0 when they wrap.
struct Token {
  std::uint64_t value = 0;

  static constexpr std::uint32_t kMaxShards = 256;
  static constexpr std::uint32_t kMaxSlots = 1u << 24;

  static constexpr Token make(std::uint32_t generation, std::uint32_t shard, std::uint32_t slot) {
    return {(std::uint64_t{generation} << 32) | (std::uint64_t{shard} << 24) | slot};
  }
  constexpr std::uint32_t generation() const { return static_cast<std::uint32_t>(value >> 32); }
  constexpr std::uint32_t shard() const { return static_cast<std::uint32_t>(value >> 24) & 0xffu; }
  constexpr std::uint32_t slot() const { return static_cast<std::uint32_t>(value) & 0xffffffu; }
  constexpr explicit operator bool() const { return value != 0; }
  friend constexpr bool operator==(Token, Token) = default;
};

}  // namespace owind::middleware
