#include "middleware/builtin/accepted_coding.hpp"

#include <algorithm>

#include "middleware/optional_whitespace.hpp"
#include "middleware/request_block.hpp"

namespace owind::middleware {
namespace {

/// Whether parameters such as `;q=0.5` leave a quality above 0. A malformed one does not.
bool wanted(std::string_view parameters) {
  const auto equals = parameters.find('=');
  if (equals == parameters.npos) return trim(parameters).empty();
  if (!equals_ignore_case(trim(parameters.substr(0, equals)), "q")) return true;
  const std::string_view quality = trim(parameters.substr(equals + 1));
  return quality.find_first_of("123456789") != quality.npos &&
         quality.find_first_not_of("0123456789.") == quality.npos;
}

}  // namespace

bool accepts_coding(std::string_view accept_encoding, std::string_view coding) {
  bool any = false;
  while (!accept_encoding.empty()) {
    const auto comma = std::min(accept_encoding.find(','), accept_encoding.size());
    const std::string_view element = accept_encoding.substr(0, comma);
    accept_encoding.remove_prefix(std::min(comma + 1, accept_encoding.size()));
    const auto semicolon = std::min(element.find(';'), element.size());
    const std::string_view name = trim(element.substr(0, semicolon));
    const std::string_view parameters = element.substr(std::min(semicolon + 1, element.size()));
    if (equals_ignore_case(name, coding)) return wanted(parameters);
    if (name == "*") any = wanted(parameters);
  }
  return any;
}

}  // namespace owind::middleware
