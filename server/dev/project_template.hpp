// The projects that `owind new` writes: each builds and runs at once with `owind dev`.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace owind::dev {

struct TemplateFile {
  std::string name;
  std::string text;
};

/// minimal, middleware, katana.
std::span<const std::string_view> template_names();

/// The files of a project. `name`: is_project_name(). `which`: one of template_names().
std::vector<TemplateFile> template_files(std::string_view which, std::string_view name);

/// Letters, digits, `_`, `-` and `.`, beginning with a letter: what can be the name of a file and of an
/// assembly.
bool is_project_name(std::string_view name);

/// Writes a project into the folder `name` of `parent`, which must not exist, or be empty.
/// @throws std::invalid_argument, std::system_error that say what is in the way.
void write_project(const std::filesystem::path& parent, std::string_view name, std::string_view which);

}  // namespace owind::dev
