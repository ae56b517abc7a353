// What is served on the connections of a listener: a protocol, with the limits that suit who speaks it.
#pragma once

#include "server/io/connection_limits.hpp"
#include "server/protocol/protocol.hpp"

namespace owind::io {

/// Outlives the connections.
struct Service {
  const protocol::Protocol& protocol;
  ConnectionLimits limits;
};

}  // namespace owind::io
