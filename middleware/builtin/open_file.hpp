// A regular file that was opened below a folder and nowhere else: no name leads out of it, neither by its
// segments nor through a symbolic link. The one file here that talks to the system.
#pragma once

#include <cstddef>
#include <cstdint>
#include <ctime>
#include <memory>
#include <span>
#include <string>

namespace owind::middleware {

class OpenFile {
 public:
  /// How open_below() came out.
  enum class Found : std::uint8_t {
    kFile,
    kFolder,   ///< There is a folder of that name; nothing was opened.
    kNothing,  ///< Neither, or it is outside, or what is there is no regular file.
    kDenied,   ///< The process may not read it.
    kFailed,   ///< No descriptor is left, or the disk fails; error() says which.
  };

  /// Opens `name` (relative, no leading slash, no NUL) below `folder`. Symbolic links are followed as long as
  /// they stay below it. The folder is looked up each time: it may be replaced while the server runs.
  Found open_below(const std::string& folder, const std::string& name);
  void close() noexcept { descriptor_.reset(); }

  explicit operator bool() const { return descriptor_ != nullptr; }
  const std::shared_ptr<const int>& descriptor() const { return descriptor_; }
  std::uint64_t size() const { return size_; }
  /// Last modification, in seconds and in nanoseconds since 1970.
  std::time_t modified() const { return static_cast<std::time_t>(modified_ns_ / 1'000'000'000); }
  std::int64_t modified_ns() const { return modified_ns_; }
  /// errno of kFailed.
  int error() const { return error_; }

  /// Reads from `offset` on. @return how many bytes; 0 at the end; -1 on an error.
  std::int64_t read(std::span<std::byte> buffer, std::uint64_t offset) const;

 private:
  std::shared_ptr<const int> descriptor_;
  int error_ = 0;
  std::uint64_t size_ = 0;
  std::int64_t modified_ns_ = 0;
};

}  // namespace owind::middleware
