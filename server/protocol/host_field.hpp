// The Host field of a request that came without one (HTTP/1.0, or a front end that strips it): OWIN 1.0.1
// §5.2 requires it.
#pragma once

#include "middleware/request_block.hpp"

namespace owind::protocol {

/// What the front end says of itself; slices of the block, each of which may be empty.
struct HostSource {
  middleware::Slice
      name;  ///< SERVER_NAME. nginx also puts `_`, wildcards and expressions there, which are no hosts.
  middleware::Slice address;  ///< SERVER_ADDR
  middleware::Slice port;     ///< SERVER_PORT; left out where it is the scheme's own, or not a port.
  bool https = false;
};

/// Appends `name[:port]`, else `address[:port]` (IPv6 in brackets), else `localhost`. Empty only when the
/// block has failed.
middleware::Slice append_host(middleware::RequestBlock& block, const HostSource& source) noexcept;

}  // namespace owind::protocol
