// The text of the exception that an expression has to throw.
#pragma once

#include <string>
#include <string_view>

namespace owind::test {

/// Empty when `action` throws no `Error`; other exceptions pass.
template <typename Error, typename Action>
std::string message_of(Action&& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

inline bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

}  // namespace owind::test
