// A part of a file that is to be sent as bytes of a body, by whoever can do it without copying.
#pragma once

#include <cstdint>
#include <memory>

namespace owind::middleware {

struct FilePart {
  /// The descriptor of a regular file, open for reading; closed with the last copy of this pointer, by what
  /// whoever opened it gave the pointer as deleter.
  std::shared_ptr<const int> descriptor;
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
};

}  // namespace owind::middleware
