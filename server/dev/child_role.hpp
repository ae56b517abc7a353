// What a child of the development server is told of its part: variables of its environment, set by DevServer
// and read by main. Nobody else sets them.
#pragma once

#include <cstdlib>
#include <string>
#include <vector>

namespace owind::dev {

inline constexpr const char* kGenerationVariable = "OWIND_DEV_GENERATION";
inline constexpr const char* kPageVariable = "OWIND_DEV_PAGE";
inline constexpr const char* kHostsVariable = "OWIND_DEV_HOSTS";
/// In the environment of all that is started for one development server, and of what they start.
inline constexpr const char* kServerVariable = "OWIND_DEV_SERVER";

/// The status (process/readiness.hpp) of a child that has been told to stop, once all new connections are its
/// successor's.
inline constexpr const char* kNoLongerAccepts = "takes no further connections";

struct ChildRole {
  /// Empty: this is no child of a development server. Else pages refresh when another generation takes over.
  std::string generation;
  /// What is to be served is not an application but an HTML page that stands in for one.
  bool is_page = false;
  /// Only requests for this machine's own names and for these are answered.
  bool only_known_hosts = false;
  std::vector<std::string> hosts;

  static ChildRole from_environment() {
    const auto value = [](const char* name) {
      const char* text = std::getenv(name);
      return std::string(text == nullptr ? "" : text);
    };
    ChildRole role{value(kGenerationVariable), value(kPageVariable) == "1", false, {}};
    // Names with a comma behind each; "localhost," is what it is at least.
    std::string hosts = value(kHostsVariable);
    for (std::size_t end = hosts.find(','); end != std::string::npos; end = hosts.find(',')) {
      role.only_known_hosts = true;
      role.hosts.push_back(hosts.substr(0, end));
      hosts.erase(0, end + 1);
    }
    return role;
  }
};

}  // namespace owind::dev
