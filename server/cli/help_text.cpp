#include "server/cli/help_text.hpp"

namespace owind::cli {
namespace {

constexpr std::size_t kIndent = 30;

}  // namespace

void append_wrapped(std::string& out, std::string_view text, std::size_t indent) {
  std::size_t column = indent;
  bool first = true;
  while (!text.empty()) {
    const auto blank = text.find(' ');
    const std::string_view word = text.substr(0, blank);
    text = blank == std::string_view::npos ? "" : text.substr(blank + 1);
    if (!first && column + 1 + word.size() > kHelpColumns) {
      out.append("\n").append(indent, ' ');
      column = indent;
    } else if (!first) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
    first = false;
  }
  out += '\n';
}

std::string options_help(std::span<const Option> options) {
  std::string out;
  std::string_view group;
  const config::ServerOptions defaults;
  for (const Option& option : options) {
    if (option.group != group) {
      group = option.group;
      out.append(out.empty() ? "" : "\n").append(group).append(":\n");
    }
    std::string left = std::string("  ").append(option.flag);
    if (!option.value.empty()) left.append(" ").append(option.value);
    if (left.size() + 2 > kIndent) {
      out.append(left).append("\n").append(kIndent, ' ');
    } else {
      out.append(left).append(kIndent - left.size(), ' ');
    }
    std::string text(option.help);
    if (option.repeat == Repeat::kMany) text += " May be given several times.";
    append_wrapped(out, text, kIndent);
    // Neither is wrapped inside its brackets: people search for them.
    std::string variable = std::string("[env ").append(option.variable);
    variable += option.repeat == Repeat::kMany ? ", several with ; between them]" : "]";
    std::string standard = option.show(defaults);
    if (!standard.empty()) standard = "[default " + standard + "]";
    out.append(kIndent, ' ').append(variable);
    if (!standard.empty()) {
      if (kIndent + variable.size() + 1 + standard.size() <= kHelpColumns) {
        out += ' ';
      } else {
        out.append("\n").append(kIndent, ' ');
      }
      out += standard;
    }
    out += '\n';
  }
  return out;
}

}  // namespace owind::cli
