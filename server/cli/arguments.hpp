// What CLI11 leaves out or reads in its own way: an empty value behind an equals sign, which it takes for
// none, and an option without its value, for which it has no words.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/cli/option.hpp"

namespace owind::cli {

struct Flag {
  std::string_view name;   ///< "--listen"
  std::string_view value;  ///< What stands for the value in the help: "ENDPOINT". Empty: a switch.
  std::string example;     ///< A value that is taken.
};

std::vector<Flag> flags_of(std::span<const Option> table);

/// The arguments in the order that CLI::App::parse wants, last first, with `--x ""` for `--x=`. Behind "--",
/// which stays, nothing is an option. @throws std::invalid_argument that names an option without its value,
/// and what is wanted.
std::vector<std::string> for_cli11(std::span<const std::string> arguments, std::span<const Flag> flags);

struct Extra {
  std::string text;
  bool is_option = false;
};

/// The first of what CLI11 could not place (CLI::App::remaining), among which is the "--" that ends the
/// options.
std::optional<Extra> first_extra(std::span<const std::string> extras);

/// "--listen needs a value: ENDPOINT, such as --listen fcgi://127.0.0.1:9000"
std::string value_is_missing(const Flag& flag);

}  // namespace owind::cli
