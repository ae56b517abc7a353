// A private file with given content that disappears with its owner. hostfxr wants its configuration by a path
// that realpath can resolve, so neither a memfd nor an O_TMPFILE will do (both resolve to a name that does
// not exist).
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace owind::hosting {

/// Owns the file: it is removed when the object goes. Movable, not copyable.
class TemporaryFile {
 public:
  /// Creates a file of mode 0600 with an unpredictable name that ends in `suffix`, in the first of `folders`
  /// that can be written. An empty or relative entry is passed over.
  /// @throws HostError that names each folder with its error.
  TemporaryFile(const std::vector<std::filesystem::path>& folders, std::string_view suffix,
                std::string_view content);
  ~TemporaryFile();
  TemporaryFile(TemporaryFile&& other) noexcept;
  TemporaryFile& operator=(TemporaryFile&&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

 private:
  std::filesystem::path path_;  // empty once moved from
};

}  // namespace owind::hosting
