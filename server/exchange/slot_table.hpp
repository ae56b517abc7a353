// The requests of one shard: owns every Exchange, for ever, and hands out those that are free. Leader only.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "server/exchange/exchange.hpp"

namespace owind::exchange {

class SlotTable {
 public:
  explicit SlotTable(ShardContext& shard) : shard_(shard) {}
  SlotTable(const SlotTable&) = delete;
  SlotTable& operator=(const SlotTable&) = delete;

  /// A free slot, begun; null when the process has as many requests in flight as it may, or no memory. The
  /// most recently freed slot comes first: its memory is warm.
  Exchange* acquire(protocol::StreamId stream, ExchangeOwner& owner);

  /// Frees the slot if nothing refers to its request any more (Exchange::try_retire).
  bool retire(Exchange& exchange);

  /// Every slot, used or free; for the heartbeat and for shutdown.
  const std::vector<std::unique_ptr<Exchange>>& slots() const { return slots_; }
  std::size_t in_use() const { return slots_.size() - free_.size(); }

 private:
  ShardContext& shard_;
  std::vector<std::unique_ptr<Exchange>> slots_;
  std::vector<Exchange*> free_;
};

}  // namespace owind::exchange
