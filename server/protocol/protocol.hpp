// One protocol that a listener can speak: makes the codec of each connection and knows the mapper of its requests. Immutable;
// outlives all connections.
#pragma once

#include <memory>

#include "server/protocol/codec.hpp"
#include "server/protocol/mapper.hpp"

namespace owind::protocol {

class Protocol {
 public:
  virtual ~Protocol() = default;
  virtual std::unique_ptr<Codec> make_codec() const = 0;
  virtual const Mapper& mapper() const = 0;
};

}  // namespace owind::protocol
