// An Environment that does nothing but count, for tests of what holds or calls one.
#pragma once

#include <functional>

#include "middleware/environment.hpp"

namespace owind::middleware::testing {

class FakeEnvironment : public Environment {
 public:
  virtual ~FakeEnvironment() = default;

  Token token() const override { return {}; }
  const RequestBlock& request() const override { return block_; }
  CallEntry entry() const override { return {}; }
  Transfer read(std::span<std::byte>) noexcept override { return {Status::kUnsupported, 0}; }
  Transfer write(std::span<const std::byte>) noexcept override { return {Status::kUnsupported, 0}; }
  Status flush() noexcept override { return Status::kUnsupported; }
  bool sends_files() const noexcept override { return false; }
  Status send_file(FilePart) noexcept override { return Status::kUnsupported; }
  Status head(const ResponseHeadView&, std::string&) noexcept override { return Status::kUnsupported; }
  Status blocking() noexcept override { return Status::kUnsupported; }
  Status next() noexcept override { return Status::kUnsupported; }
  void park(Completion completion, Suspended&) noexcept override { parked = std::move(completion); }
  Status complete(Outcome) noexcept override { return Status::kUnsupported; }
  void last_pin_dropped() noexcept override {
    ++last_pins;
    if (on_last_pin) on_last_pin();
  }

  Completion parked;
  std::atomic<int> last_pins{0};
  std::function<void()> on_last_pin;

 private:
  BlockPool pool_;
  RequestBlock block_{pool_};
};

}  // namespace owind::middleware::testing
