// FastCGI 1.0 for a listener.
#pragma once

#include "fastcgi/limits.hpp"
#include "fastcgi/values_query.hpp"
#include "server/protocol/fastcgi_codec.hpp"
#include "server/protocol/fastcgi_mapper.hpp"
#include "server/protocol/protocol.hpp"

namespace owind::protocol {

class FastCgiProtocol final : public Protocol {
 public:
  FastCgiProtocol(const fastcgi::Limits& limits, const fastcgi::ManagementValues& values, PathOptions paths = {},
                  ForwardedTrust trust = {})
      : limits_(limits), values_(values), mapper_(std::move(paths), std::move(trust)) {}

  std::unique_ptr<Codec> make_codec(Peer) const override {
    return std::make_unique<FastCgiCodec>(limits_, values_);
  }
  const Mapper& mapper() const override { return mapper_; }

 private:
  const fastcgi::Limits limits_;
  const fastcgi::ManagementValues values_;
  const FastCgiMapper mapper_;
};

}  // namespace owind::protocol
