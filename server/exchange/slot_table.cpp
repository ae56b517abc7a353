#include "server/exchange/slot_table.hpp"

#include <new>
#include <stdexcept>

namespace owind::exchange {

Exchange* SlotTable::acquire(protocol::StreamId stream, ExchangeOwner& owner) {
  if (!shard_.admission.enter()) return nullptr;
  try {
    if (free_.empty()) {
      slots_.reserve(slots_.size() + 1);
      free_.reserve(slots_.size() + 1);  // so that retire() cannot fail
      auto exchange = std::make_unique<Exchange>(shard_);
      exchange->slot_ = shard_.tokens.add_slot(shard_.index, *exchange);
      free_.push_back(exchange.get());
      slots_.push_back(std::move(exchange));
    }
  } catch (const std::bad_alloc&) {
  } catch (const std::length_error&) {
  }
  if (!free_.empty()) {
    Exchange* exchange = free_.back();
    if (exchange->begin(stream, owner)) {
      free_.pop_back();
      return exchange;
    }
  }
  shard_.admission.leave();
  return nullptr;
}

bool SlotTable::retire(Exchange& exchange) {
  if (!exchange.try_retire()) return false;
  free_.push_back(&exchange);
  return true;
}

}  // namespace owind::exchange
