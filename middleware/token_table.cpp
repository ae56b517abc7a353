#include "middleware/token_table.hpp"

#include <stdexcept>

namespace owind::middleware {

TokenTable::~TokenTable() {
  for (auto& shard : shards_) {
    Shard* owned = shard.load(std::memory_order_relaxed);
    if (!owned) continue;
    for (auto& chunk : owned->chunks) delete chunk.load(std::memory_order_relaxed);
    delete owned;
  }
}

std::uint32_t TokenTable::add_slot(std::uint32_t shard_index, Environment& environment) {
  const std::lock_guard lock(growing_);
  auto& place = shards_.at(shard_index);
  if (!place.load(std::memory_order_relaxed)) place.store(new Shard, std::memory_order_release);
  Shard& shard = *place.load(std::memory_order_relaxed);
  if (shard.slots == Token::kMaxSlots) throw std::length_error("a shard has no more request slots");
  auto& chunk_place = shard.chunks[shard.slots / kChunkSlots];
  if (!chunk_place.load(std::memory_order_relaxed)) chunk_place.store(new Chunk, std::memory_order_release);
  // Published by open(): no token of this slot exists before.
  chunk_place.load(std::memory_order_relaxed)->entries[shard.slots % kChunkSlots].environment = &environment;
  return shard.slots++;
}

TokenTable::Entry* TokenTable::find(Token token) noexcept {
  Shard* shard = shards_[token.shard()].load(std::memory_order_acquire);
  if (!shard) return nullptr;
  Chunk* chunk = shard->chunks[token.slot() / kChunkSlots].load(std::memory_order_acquire);
  return chunk ? &chunk->entries[token.slot() % kChunkSlots] : nullptr;
}

Token TokenTable::open(std::uint32_t shard, std::uint32_t slot) noexcept {
  Entry& entry = *find(Token::make(0, shard, slot));
  std::uint32_t generation =
      static_cast<std::uint32_t>(entry.state.load(std::memory_order_relaxed) >> 32) + 1;
  if (generation == 0) generation = 1;
  entry.state.store(std::uint64_t{generation} << 32, std::memory_order_release);
  return Token::make(generation, shard, slot);
}

TokenTable::Pin TokenTable::pin(Token token) noexcept {
  Entry* entry = find(token);
  if (!entry) return {};
  std::uint64_t state = entry->state.load(std::memory_order_relaxed);
  do {
    if (static_cast<std::uint32_t>(state >> 32) != token.generation() || (state & kClosedBit)) return {};
  } while (!entry->state.compare_exchange_weak(state, state + 1, std::memory_order_acquire,
                                               std::memory_order_relaxed));
  return Pin(entry);
}

void TokenTable::unpin(Entry& entry) noexcept {
  // Read before the pin is given up: afterwards the owner may reuse the entry.
  Environment* environment = entry.environment;
  const std::uint64_t before = entry.state.fetch_sub(1, std::memory_order_acq_rel);
  // A request object is never freed, so a notice that comes after its reuse is only superfluous.
  if ((before & kClosedBit) && (before & kPinMask) == 1) environment->last_pin_dropped();
}

bool TokenTable::close(Token token) noexcept {
  return (find(token)->state.fetch_or(kClosedBit, std::memory_order_acq_rel) & kPinMask) == 0;
}

bool TokenTable::unpinned(Token token) noexcept {
  return (find(token)->state.load(std::memory_order_acquire) & kPinMask) == 0;
}

}  // namespace owind::middleware
