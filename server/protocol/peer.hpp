// Both ends of a connection, for protocols whose requests do not say who is at the other end.
#pragma once

#include <string>

namespace owind::protocol {

/// Numeric addresses and decimal ports; all empty for a Unix socket, which has none.
struct Peer {
  std::string remote_ip;
  std::string remote_port;
  std::string local_ip;
  std::string local_port;
};

}  // namespace owind::protocol
