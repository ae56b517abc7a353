// Responses from files that take longer than one write: each goes on when its visitor has taken something.
// The visitor's speed decides; nothing waits, and a file of any size takes one buffer.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "middleware/builtin/open_file.hpp"
#include "middleware/environment.hpp"

namespace owind::middleware {

/// Transfers are used again and never freed before this is: a call may still be on its way to one that has
/// ended.
class FileTransfers {
 public:
  FileTransfers();
  ~FileTransfers();

  /// Sends `count` bytes from `offset` on and completes. The head has been given. A file that has become
  /// shorter, or cannot be read, breaks the response off.
  void send(Environment& environment, Completion completion, OpenFile file, std::uint64_t offset,
            std::uint64_t count) noexcept;

 private:
  class Transfer;
  Transfer* take() noexcept;
  void give_back(Transfer& transfer) noexcept;

  std::mutex mutex_;
  std::vector<std::unique_ptr<Transfer>> all_;
  std::vector<Transfer*> free_;
};

}  // namespace owind::middleware
