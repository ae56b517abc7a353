// One option of a command: its flag, its environment variable, what the help says, and how text becomes its
// value. Commands keep their options in a table of these, from which parsing and help are made.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "server/config/server_options.hpp"

namespace owind::cli {

enum class Repeat : std::uint8_t {
  kOnce,
  kMany,  ///< The flag may come several times; the variable holds the values with ";" between them.
};

struct Option {
  std::string_view group;     ///< Headline in the help.
  std::string_view flag;      ///< "--listen"
  std::string_view variable;  ///< "OWIND_LISTEN"
  std::string_view value;     ///< What stands for the value in the help: "ENDPOINT". Empty: a switch.
  std::string_view help;      ///< One or two sentences without the default.
  Repeat repeat = Repeat::kOnce;
  /// Stores the values, of which there is at least one and, for kOnce, exactly one.
  /// @throws std::invalid_argument that quotes the wrong one and says what was expected.
  std::function<void(config::ServerOptions&, std::span<const std::string>)> apply;
  /// The value as text that apply() would take; several with ";" between them. Empty when there is none.
  std::function<std::string(const config::ServerOptions&)> show;
};

/// All options of a server, in the order of the help: `owind serve` and whatever else starts or checks one.
std::span<const Option> server_option_table();

}  // namespace owind::cli
