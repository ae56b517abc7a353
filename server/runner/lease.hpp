// Who may run a shard while its leader is inside the application: one word, one compare-exchange.
// Even: the leader is in its loop, nothing can be taken from it. Odd: it is in a call, and whoever ends the
// lease owns the shard from then on: the leader itself when the call returns, or a thief. Exactly one of them
// succeeds.
#pragma once

#include <atomic>
#include <cstdint>

namespace owind::runner {

class Lease {
 public:
  /// Grows by two a call: a word that is seen twice is the same call.
  using Word = std::uint64_t;

  static constexpr bool in_call(Word word) noexcept { return (word & 1) != 0; }

  /// How many calls began up to this word.
  static constexpr std::uint64_t begun(Word word) noexcept { return (word + 1) / 2; }

  Word load() const noexcept { return word_.load(std::memory_order_seq_cst); }

  /// The word that the next publish() will store. The leader only, in its loop.
  Word next() const noexcept { return word_.load(std::memory_order_relaxed) + 1; }

  /// The leader only, in its loop: from here on the shard can be stolen. `word` is next().
  /// Sequentially consistent: the leader looks for a parked monitor after it.
  void publish(Word word) noexcept { word_.store(word, std::memory_order_seq_cst); }

  /// Ends the lease `word`. @return whether the caller ended it and owns the shard now
  bool end(Word word) noexcept {
    return word_.compare_exchange_strong(word, word + 1, std::memory_order_seq_cst);
  }

 private:
  std::atomic<Word> word_{0};
};

}  // namespace owind::runner
