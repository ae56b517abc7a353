// Optional whitespace around what a field holds (OWS, RFC 9110 §5.6.3): spaces and tabs, nothing else.
#pragma once

#include <string_view>

namespace owind::middleware {

/// `text` without the spaces and tabs at its ends.
constexpr std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

}  // namespace owind::middleware
