// The managed application as an AppFunc: parks the request and makes the one crossing in.
#pragma once

#include "hosting/bridge_abi.h"
#include "middleware/app_func.hpp"
#include "middleware/environment.hpp"

namespace owind::hosting {

/// Used by all shards at once; immutable.
class ManagedApp final : public middleware::Suspended {
 public:
  /// `managed` outlives the process's last request.
  explicit ManagedApp(const owind_managed_table& managed) : managed_(managed) {}

  void invoke(middleware::Environment& environment, middleware::Completion completion) noexcept;
  void on_ready(middleware::Environment& environment, middleware::Ready ready,
                middleware::CallEntry entry) noexcept override;
  void on_abort(middleware::Environment& environment, middleware::AbortReason reason,
                middleware::CallEntry entry) noexcept override;

 private:
  const owind_managed_table& managed_;
};

}  // namespace owind::hosting
