// A shared library opened with dlopen that stays open until the process ends: unloading any library of the
// .NET runtime is undefined behaviour, so there is no destructor that closes and no way to close. This room
// is the only one that calls dlopen.
#pragma once

#include <filesystem>
#include <string>

namespace owind::hosting {

/// A copyable handle; copies mean the same library.
class SharedLibrary {
 public:
  /// Opens `file` (a path with a slash, or a name that the loader searches for), lazily bound and with local
  /// symbols.
  /// @throws HostError with the loader's own text.
  static SharedLibrary open(const std::filesystem::path& file);

  /// Like open, but says whether it worked. A library that could be opened stays loaded.
  [[nodiscard]] static bool can_open(const std::string& name) noexcept;

  /// The function `name` as a pointer of type T (a function pointer type).
  /// @throws HostError naming the library when the symbol is missing.
  template <typename T>
  [[nodiscard]] T symbol(const char* name) const {
    return reinterpret_cast<T>(address(name));
  }

  [[nodiscard]] const std::filesystem::path& file() const noexcept { return file_; }

 private:
  SharedLibrary(void* handle, std::filesystem::path file) : handle_(handle), file_(std::move(file)) {}
  [[nodiscard]] void* address(const char* name) const;

  void* handle_;
  std::filesystem::path file_;
};

}  // namespace owind::hosting
