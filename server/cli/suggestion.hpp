// What somebody may have meant who mistyped a word.
#pragma once

#include <span>
#include <string_view>

namespace owind::cli {

/// The candidate that fewest changes of one character (with the exchange of two neighbours) make out of
/// `word`; empty when even that takes more than a third of its length. A view into `candidates`.
std::string_view closest(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace owind::cli
