// What the compiler has to say, out of the output of `dotnet build`: lines of the form
// `FILE(LINE,COLUMN): error CODE: MESSAGE [PROJECT]`, or without a place.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace owind::dev {

struct Diagnostic {
  bool is_error = true;
  std::filesystem::path file;  ///< Empty: there is no place.
  int line = 0;                ///< From 1; 0: not known.
  int column = 0;
  std::string code;  ///< "CS1002"
  std::string message;

  friend bool operator==(const Diagnostic&, const Diagnostic&) = default;
};

/// Errors first, each once, in their order.
std::vector<Diagnostic> diagnostics_of(std::string_view build_output);

}  // namespace owind::dev
