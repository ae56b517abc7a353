// What fuzz targets share: an input whose first bytes choose how the rest is cut, and a check that is not
// compiled out. No <ranges> views here or in the targets: clang 14 cannot compile those of libstdc++ 12.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace owind::fuzz {

inline void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "property does not hold: %s\n", what);
  std::abort();
}

/// Four bytes of seed, then the data.
class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) {
    const std::size_t seed_size = std::min<std::size_t>(size, 4);
    for (std::size_t i = 0; i < seed_size; ++i) seed_ = seed_ << 8 | data[i];
    data_ = {reinterpret_cast<const char*>(data) + seed_size, size - seed_size};
  }

  [[nodiscard]] std::string_view data() const { return data_; }

  /// A number below `bound` (at least 1), the same sequence for the same seed.
  [[nodiscard]] std::size_t choose(std::size_t bound) {
    // xorshift32, which needs a state other than zero.
    if (seed_ == 0) seed_ = 0x9e3779b9;
    seed_ ^= seed_ << 13;
    seed_ ^= seed_ >> 17;
    seed_ ^= seed_ << 5;
    return seed_ % bound;
  }

  /// Calls `consume` with the data cut into pieces, mostly small ones, empty ones among them.
  template <typename Consume>
  void for_each_piece(Consume&& consume) {
    std::string_view rest = data_;
    while (!rest.empty()) {
      const std::size_t size = std::min(rest.size(), choose(choose(8) == 0 ? 4096 : 12));
      consume(rest.substr(0, size));
      rest = rest.substr(size);
    }
  }

 private:
  std::uint32_t seed_ = 0;
  std::string_view data_;
};

}  // namespace owind::fuzz
