// The managed half as native code sees it: the hand-shake at start-up, and the table of its functions
// afterwards. The entry point comes from a ClrRuntime; in tests, from a fake.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hosting/bridge_abi.h"

namespace owind::hosting {

/// `int32_t Owind.Bootstrap.Initialize(void* args, int32_t size)`.
using BridgeEntry = std::int32_t (*)(void* arguments, std::int32_t size);

/// Settings for configure(): names that the bridge knows; a name may be repeated; unknown ones are ignored.
using BridgeSettings = std::vector<std::pair<std::string, std::string>>;

class ManagedBridge {
 public:
  /// Exchanges the tables, lets the bridge compare the layout of every struct that crosses, and sends a
  /// pattern there and back.
  /// @throws HostError that names the first difference: the bridge beside the executable is not its own.
  void connect(BridgeEntry entry, const owind_native_table& native);

  /// Loads the application and builds its pipeline. After connect(), once.
  /// @throws HostError with the bridge's text (what was sought, where, what to do).
  void configure(const BridgeSettings& settings);

  /// Cancels host.OnAppDisposing. After the last request, or at the deadline.
  void stop() noexcept;

  const owind_managed_table& table() const { return managed_; }

 private:
  owind_managed_table managed_{};
};

/// The layout of the boundary as this compiler made it, for the hand-shake and its tests.
std::vector<owind_layout_entry> boundary_layout();

}  // namespace owind::hosting
