// CoreCLR, started through hostfxr as `dotnet App.dll` would start it (application and dependencies in the
// default load context, frameworks by its runtime configuration), but without running Main. Uses hostfxr by
// dlopen with prototypes of its own, so that building needs no .NET. Nothing is ever unloaded; the host
// context is closed on every path, because one that stays open blocks all later ones for ever.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "hosting/clr_runtime.hpp"

namespace owind::hosting {

/// The one place in a process that a runtime can take. Tests with a fake host bring their own.
class RuntimeSlot {
 public:
  static RuntimeSlot& of_process() noexcept;
  [[nodiscard]] bool take() noexcept { return !taken_.exchange(true); }
  void give_back() noexcept { taken_ = false; }

 private:
  std::atomic<bool> taken_{false};
};

class CoreclrRuntime final : public ClrRuntime {
 public:
  explicit CoreclrRuntime(RuntimeSlot& slot = RuntimeSlot::of_process()) noexcept : slot_(slot) {}

  /// As ClrRuntime::start. A failure before the runtime itself has begun to start gives the slot back; one
  /// after that does not, because half a runtime cannot be removed.
  void start(const RuntimeOptions& options) override;
  [[nodiscard]] void* load_entry(const std::filesystem::path& assembly, const std::string& type_name,
                                 const std::string& method_name) override;
  [[nodiscard]] std::string description() const override { return description_; }
  [[nodiscard]] const std::vector<std::string>& warnings() const override { return warnings_; }

 private:
  using LoadFunction = std::int32_t (*)(const char* assembly_path, const char* type_name,
                                        const char* method_name, const char* delegate_type_name,
                                        void* reserved, void** delegate);

  void start_in_slot(const RuntimeOptions& options, bool& runtime_begun);

  RuntimeSlot& slot_;
  LoadFunction load_ = nullptr;
  std::string description_;
  std::vector<std::string> warnings_;
};

}  // namespace owind::hosting
