#include "server/dev/diagnostic.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

namespace owind::dev {
namespace {

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\r')) text.remove_suffix(1);
  return text;
}

/// `FILE(LINE,COLUMN)`, `FILE(LINE,COLUMN,LINE,COLUMN)`, `FILE(LINE)` or `FILE`.
void read_place(std::string_view place, Diagnostic& to) {
  const std::size_t open = place.ends_with(')') ? place.rfind('(') : std::string_view::npos;
  if (open == std::string_view::npos) {
    // "MSBUILD", "CSC" and the like are no files.
    if (place.find('/') != std::string_view::npos) to.file = place;
    return;
  }
  to.file = place.substr(0, open);
  const char* at = place.data() + open + 1;
  const char* const end = place.data() + place.size();
  const auto [behind, error] = std::from_chars(at, end, to.line);
  if (error == std::errc{} && behind < end && *behind == ',') std::from_chars(behind + 1, end, to.column);
}

std::optional<Diagnostic> read(std::string_view line) {
  Diagnostic found;
  std::size_t at = std::string_view::npos;
  std::size_t word = 0;
  for (const auto& [mark, is_error] :
       {std::pair{std::string_view(": error "), true}, {": warning ", false}}) {
    const std::size_t here = line.find(mark);
    if (here >= at) continue;
    at = here;
    word = mark.size();
    found.is_error = is_error;
  }
  if (at == std::string_view::npos) return std::nullopt;
  read_place(trim(line.substr(0, at)), found);
  std::string_view rest = line.substr(at + word);
  const std::size_t colon = rest.find(':');
  if (colon == std::string_view::npos || rest.substr(0, colon).find(' ') != std::string_view::npos)
    return std::nullopt;
  found.code = rest.substr(0, colon);
  rest = trim(rest.substr(colon + 1));
  if (rest.ends_with(']'))
    if (const std::size_t project = rest.rfind(" ["); project != std::string_view::npos)
      rest = rest.substr(0, project);
  found.message = trim(rest);
  return found;
}

}  // namespace

std::vector<Diagnostic> diagnostics_of(std::string_view output) {
  std::vector<Diagnostic> all;
  while (!output.empty()) {
    const std::size_t end = std::min(output.find('\n'), output.size());
    if (auto found = read(trim(output.substr(0, end)));
        found && std::find(all.begin(), all.end(), *found) == all.end())
      all.push_back(std::move(*found));
    output.remove_prefix(std::min(end + 1, output.size()));
  }
  std::stable_partition(all.begin(), all.end(), [](const Diagnostic& each) { return each.is_error; });
  return all;
}

}  // namespace owind::dev
