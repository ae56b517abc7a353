#include "hosting/managed_bridge.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

#include "hosting/error.hpp"

namespace owind::hosting {
namespace {

constexpr std::size_t kErrorBytes = 64 * 1024;

/// The text that a bridge function left, without trailing line ends.
std::string error_text(const std::string& buffer, std::int32_t length) {
  std::string text = buffer.substr(
      0, static_cast<std::size_t>(std::clamp(length, 0, static_cast<std::int32_t>(buffer.size()))));
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  return text;
}

[[noreturn]] void mismatch(const std::string& what) {
  throw HostError("the managed bridge does not fit this executable", {what},
                  "Install owind and its bridge folder from the same build.");
}

void selftest(const owind_managed_table& managed) {
  std::uint8_t target = 0;
  const owind_selftest question{sizeof(owind_selftest), -0x12345678, 0x1122334455667788u,
                                -0x0102030405060708,    &target,     {0xa1a2a3a4u, 0xb1b2b3b4u}};
  owind_selftest answer{};
  if (managed.selftest(&question, &answer) != OWIND_OK) mismatch("its self-test failed");
  const bool same = answer.size == question.size && answer.i32 == question.i32 &&
                    answer.u64 == question.u64 && answer.i64 == question.i64 &&
                    answer.pointer == question.pointer && answer.slice.offset == question.slice.offset &&
                    answer.slice.length == question.slice.length;
  if (!same) mismatch("its self-test returned other values than were sent");
}

}  // namespace

void ManagedBridge::connect(BridgeEntry entry, const owind_native_table& native) {
  const auto layout = boundary_layout();
  std::string error(kErrorBytes, '\0');
  std::int32_t error_length = 0;
  managed_ = {};
  managed_.size = sizeof managed_;
  owind_bootstrap arguments{sizeof(owind_bootstrap),
                            OWIND_ABI_VERSION,
                            &native,
                            &managed_,
                            layout.data(),
                            static_cast<std::int32_t>(layout.size()),
                            static_cast<std::int32_t>(error.size()),
                            reinterpret_cast<std::uint8_t*>(error.data()),
                            &error_length};
  const std::int32_t status = entry(&arguments, sizeof arguments);
  if (status != OWIND_OK) {
    const std::string text = error_text(error, error_length);
    mismatch(text.empty() ? "its start failed with status " + std::to_string(status) : text);
  }
  if (managed_.abi_version != OWIND_ABI_VERSION)
    mismatch("it speaks version " + std::to_string(managed_.abi_version) +
             " of the boundary, this executable version " + std::to_string(OWIND_ABI_VERSION));
  if (!managed_.configure || !managed_.start || !managed_.on_ready || !managed_.on_abort || !managed_.stop ||
      !managed_.selftest)
    mismatch("it left a function of its table empty");
  selftest(managed_);
}

void ManagedBridge::configure(const BridgeSettings& settings) {
  std::string bytes;
  const auto put = [&bytes](const void* data, std::size_t size) {
    bytes.append(static_cast<const char*>(data), size);
  };
  for (const auto& [name, value] : settings) {
    const owind_field_lengths lengths{static_cast<std::uint32_t>(name.size()),
                                      static_cast<std::uint32_t>(value.size())};
    put(&lengths, sizeof lengths);
    put(name.data(), name.size());
    put(value.data(), value.size());
  }
  std::string error(kErrorBytes, '\0');
  std::int32_t error_length = 0;
  const owind_status status = managed_.configure(
      reinterpret_cast<const std::uint8_t*>(bytes.data()), static_cast<std::int32_t>(bytes.size()),
      static_cast<std::int32_t>(settings.size()), reinterpret_cast<std::uint8_t*>(error.data()),
      static_cast<std::int32_t>(error.size()), &error_length);
  if (status == OWIND_OK) return;
  const std::string text = error_text(error, error_length);
  throw HostError(text.empty() ? "the application could not be loaded (status " + std::to_string(status) + ")"
                               : text);
}

void ManagedBridge::stop() noexcept { managed_.stop(OWIND_STOP_DISPOSE); }

}  // namespace owind::hosting
