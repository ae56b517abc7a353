// One protocol that a listener can speak: makes the codec of each connection and knows the mapper of its requests. Immutable;
// outlives all connections.
#pragma once

#include <memory>

#include "server/protocol/codec.hpp"
#include "server/protocol/mapper.hpp"
#include "server/protocol/peer.hpp"

namespace owind::protocol {

class Protocol {
 public:
  virtual ~Protocol() = default;
  /// Whether make_codec() wants to know the peer; asking the kernel for it costs two system calls a connection.
  virtual bool wants_peer() const { return false; }
  virtual std::unique_ptr<Codec> make_codec(Peer peer) const = 0;
  virtual const Mapper& mapper() const = 0;
};

}  // namespace owind::protocol
