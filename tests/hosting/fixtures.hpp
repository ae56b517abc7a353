// What the hosting tests share: a folder that goes with the test, an environment without anything of this
// machine, and the smallest file that counts as a .NET assembly.
#pragma once

#include <stdlib.h>

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

#include "hosting/environment.hpp"
#include "hosting/error.hpp"

namespace owind::hosting::testing {

class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "owind-test-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
    path_ = std::filesystem::canonical(name);
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

  /// Creates the file with its folders.
  std::filesystem::path write(const std::string& name, const std::string& content = "") const {
    const std::filesystem::path file = path_ / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << content;
    return file;
  }
  std::filesystem::path make(const std::string& name) const {
    std::filesystem::create_directories(path_ / name);
    return path_ / name;
  }

 private:
  std::filesystem::path path_;
};

/// An environment with just these variables, whose /etc and /usr lie below `root`.
inline Environment fake_environment(const std::filesystem::path& root,
                                    std::map<std::string, std::string> variables) {
  Environment environment;
  environment.variable = [variables =
                              std::move(variables)](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
  environment.file_system_root = root;
  environment.architecture = "X64";
  return environment;
}

/// The text of the HostError that `action` throws; fails the test loudly when it throws none.
template <typename Action>
std::string error_of(Action&& action) {
  try {
    std::forward<Action>(action)();
  } catch (const HostError& error) {
    return error.what();
  }
  return "(no error)";
}

inline bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// A PE32 file with one section that holds a CLI header and the metadata signature (ECMA-335 §II.25). With
/// `cli_address` 0 it is a native program.
inline std::string minimal_assembly(std::uint32_t cli_address = 0x2000) {
  std::string file(0x400, '\0');
  const auto put = [&file](std::size_t at, std::uint32_t value, int bytes) {
    for (int i = 0; i < bytes; ++i)
      file[at + static_cast<std::size_t>(i)] = static_cast<char>((value >> (8 * i)) & 0xFFU);
  };
  file[0] = 'M';
  file[1] = 'Z';
  put(0x3C, 0x80, 4);
  put(0x80, 0x4550, 4);   // PE\0\0
  put(0x84, 0x14C, 2);    // machine
  put(0x86, 1, 2);        // sections
  put(0x94, 224, 2);      // size of the optional header
  put(0x98, 0x10B, 2);    // PE32
  put(0x98 + 92, 16, 4);  // data directories
  put(0x98 + 96 + 14 * 8, cli_address, 4);
  put(0x98 + 96 + 14 * 8 + 4, cli_address == 0 ? 0 : 72, 4);
  const std::size_t section = 0x98 + 224;
  put(section + 8, 0x200, 4);    // virtual size
  put(section + 12, 0x2000, 4);  // address
  put(section + 16, 0x200, 4);   // size in the file
  put(section + 20, 0x200, 4);   // offset in the file
  put(0x200 + 8, 0x2048, 4);     // metadata: address and size
  put(0x200 + 12, 16, 4);
  put(0x248, 0x424A5342, 4);  // BSJB
  return file;
}

}  // namespace owind::hosting::testing
