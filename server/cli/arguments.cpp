#include "server/cli/arguments.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

namespace owind::cli {
namespace {

/// For options without a default.
std::string example_of(std::string_view value) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 10> kExamples = {
      {{"NAME", "Shop.Startup"},
       {"PATH", "/shop"},
       {"FOLDER", "/var/lib/shop"},
       {"ENDPOINT", "http://127.0.0.1:8081"},
       {"ADDRESS[/BITS]", "10.0.0.0/8"},
       {"USER", "www-data"},
       {"GROUP", "www-data"},
       {"/PATH=FOLDER", "/assets=wwwroot/assets"},
       {"SIZE", "64k"},
       {"TIME", "30s"}}};
  for (const auto& [name, example] : kExamples)
    if (name == value) return std::string(example);
  return "100";
}

const Flag* find(std::span<const Flag> flags, std::string_view name) {
  const auto at =
      std::find_if(flags.begin(), flags.end(), [&](const Flag& each) { return each.name == name; });
  return at == flags.end() ? nullptr : &*at;
}

}  // namespace

std::vector<Flag> flags_of(std::span<const Option> table) {
  const config::ServerOptions defaults;
  std::vector<Flag> flags;
  for (const Option& option : table) {
    std::string example = option.show(defaults);
    if (example.empty()) example = example_of(option.value);
    flags.push_back({option.flag, option.value, std::move(example)});
  }
  return flags;
}

std::vector<std::string> for_cli11(std::span<const std::string> arguments, std::span<const Flag> flags) {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& word = arguments[i];
    if (word == "--") {
      out.insert(out.end(), arguments.begin() + static_cast<std::ptrdiff_t>(i), arguments.end());
      break;
    }
    const std::size_t equals = std::min(word.find('='), word.size());
    const Flag* flag = find(flags, std::string_view(word).substr(0, equals));
    const bool takes_value = flag != nullptr && !flag->value.empty();
    if (flag != nullptr && equals + 1 == word.size()) {
      if (!takes_value)
        throw std::invalid_argument(std::string(flag->name) + ": \"\" is neither true nor false");
      out.insert(out.end(), {std::string(flag->name), ""});
    } else {
      out.push_back(word);
      if (!takes_value || equals != word.size()) continue;
      if (++i == arguments.size()) throw std::invalid_argument(value_is_missing(*flag));
      out.push_back(arguments[i]);
    }
  }
  std::reverse(out.begin(), out.end());
  return out;
}

std::optional<Extra> first_extra(std::span<const std::string> extras) {
  if (extras.empty()) return std::nullopt;
  if (extras.front() != "--") return Extra{extras.front(), extras.front().starts_with('-')};
  return extras.size() == 1 ? std::nullopt : std::optional(Extra{extras[1], false});
}

std::string value_is_missing(const Flag& flag) {
  return std::string(flag.name) + " needs a value: " + std::string(flag.value) + ", such as " +
         std::string(flag.name) + " " + flag.example;
}

}  // namespace owind::cli
