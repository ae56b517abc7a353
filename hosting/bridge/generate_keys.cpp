// Writes hosting/bridge/Owin/EnvironmentKeys.cs from the one key table (middleware/owin_keys.hpp), so that
// the managed environment and the native half cannot drift apart. A tool of the build, not a part of the
// server.
//
//   owind_generate_keys                prints the file
//   owind_generate_keys --check FILE   compares FILE with it, but for its comment at the top; 1 and the first
//   difference when they differ
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <string_view>

#include "middleware/owin_keys.hpp"

namespace {

/// Keys up to this one have a place in every environment; those behind it are asked for rarely.
constexpr std::string_view kLastHot = "owin.CallCancelled";

constexpr std::string_view kComment =
    "// Generated from middleware/owin_keys.cpp by owind_generate_keys: change the table, not this file.\n"
    "// The keys of the OWIN environment that the server knows (OWIN 1.0.1 §3.2, CommonKeys, Katana). Ids "
    "are indices into\n"
    "// the environment's slots: the first EnvironmentKeys.HotCount of them have a place in every "
    "environment, the others\n"
    "// in an array made when needed.\n";

std::string generate() {
  const auto keys = owind::middleware::owin_keys();
  std::size_t hot = 0;
  while (hot < keys.size() && keys[hot].name != kLastHot) ++hot;
  ++hot;

  std::ostringstream out;
  out << kComment
      << "\n"
         "namespace Owind.Hosting;\n"
         "\n"
         "/// <summary>Identifies a known key; <see cref=\"None\"/>: any other.</summary>\n"
         "internal enum KeyId\n"
         "{\n"
         "    None = -1,\n";
  for (std::size_t i = 0; i < keys.size(); ++i) out << "    " << keys[i].symbol << " = " << i << ",\n";
  out << "}\n"
         "\n"
         "internal static class EnvironmentKeys\n"
         "{\n"
      << "    internal const int Count = " << keys.size() << ";\n"
      << "    internal const int HotCount = " << hot << ";\n\n";
  for (const auto& key : keys)
    out << "    internal const string " << key.symbol << " = \"" << key.name << "\";\n";
  out << "\n"
         "    /// <summary>The id of a key, compared ordinally.</summary>\n"
         "    internal static KeyId Find(string key) => key switch\n"
         "    {\n";
  for (const auto& key : keys) out << "        " << key.symbol << " => KeyId." << key.symbol << ",\n";
  out << "        _ => KeyId.None,\n"
         "    };\n"
         "\n"
         "    /// <summary>The key of an id.</summary>\n"
         "    internal static string NameOf(KeyId id) => id switch\n"
         "    {\n";
  for (const auto& key : keys) out << "        KeyId." << key.symbol << " => " << key.symbol << ",\n";
  out << "        _ => throw new System.ArgumentOutOfRangeException(nameof(id)),\n"
         "    };\n"
         "}\n";
  return out.str();
}

std::string_view without_comment(std::string_view text) {
  while (text.starts_with("//")) text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
  return text;
}

/// The line of `text` in which the byte at `at` stands.
std::string line_at(std::string_view text, std::size_t at) {
  const std::size_t start = at == 0 ? 0 : text.rfind('\n', at - 1) + 1;
  return std::string(text.substr(start, text.find('\n', start) - start));
}

int check(const char* path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    std::fprintf(stderr, "owind_generate_keys: cannot read %s\n", path);
    return 1;
  }
  const std::string all{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  const std::string expected_all = generate();
  const std::string_view found = without_comment(all);
  const std::string_view expected = without_comment(expected_all);
  if (found == expected) return 0;
  std::size_t at = 0;
  while (at < found.size() && at < expected.size() && found[at] == expected[at]) ++at;
  std::fprintf(stderr,
               "owind_generate_keys: %s differs from the key table.\n  found:    %s\n  expected: %s\n"
               "Write it anew: owind_generate_keys > %s\n",
               path, line_at(found, at).c_str(), line_at(expected, at).c_str(), path);
  return 1;
}

}  // namespace

int main(int count, char** arguments) {
  if (count == 1) return std::fputs(generate().c_str(), stdout) < 0 || std::fflush(stdout) != 0;
  if (count == 3 && std::string_view(arguments[1]) == "--check") return check(arguments[2]);
  std::fputs("usage: owind_generate_keys [--check FILE]\n", stderr);
  return 2;
}
