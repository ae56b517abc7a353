// What a child of the development server is told of its part: variables of its environment, set by DevServer
// and read by main. Nobody else sets them.
#pragma once

#include <cstdlib>
#include <string>

namespace owind::dev {

inline constexpr const char* kGenerationVariable = "OWIND_DEV_GENERATION";
inline constexpr const char* kPageVariable = "OWIND_DEV_PAGE";

/// The status (process/readiness.hpp) of a child that has been told to stop, once all new connections are its
/// successor's.
inline constexpr const char* kNoLongerAccepts = "takes no further connections";

struct ChildRole {
  /// Empty: this is no child of a development server. Else pages refresh when another generation takes over.
  std::string generation;
  /// What is to be served is not an application but an HTML page that stands in for one.
  bool is_page = false;

  static ChildRole from_environment() {
    const auto value = [](const char* name) {
      const char* text = std::getenv(name);
      return std::string(text == nullptr ? "" : text);
    };
    return {value(kGenerationVariable), value(kPageVariable) == "1"};
  }
};

}  // namespace owind::dev
