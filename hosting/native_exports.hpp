// The functions that managed code calls (owind_native_table): a token becomes a pinned request, then one call
// on it. noexcept, any thread, no lock held while anything else is called.
#pragma once

#include "hosting/bridge_abi.h"
#include "middleware/token_table.hpp"
#include "middleware/trace_sink.hpp"

namespace owind::hosting {

/// Sets what the functions work on; both outlive the process's last managed call. Before the bridge is
/// started, once.
void bind_native_exports(middleware::TokenTable& tokens, middleware::TraceSink& trace) noexcept;

/// The table to hand over. Valid for ever.
const owind_native_table& native_table() noexcept;

}  // namespace owind::hosting
