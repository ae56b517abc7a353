// HTTP/1.x for a listener.
#pragma once

#include "server/protocol/http/http_codec.hpp"
#include "server/protocol/http/http_mapper.hpp"
#include "server/protocol/protocol.hpp"

namespace owind::protocol {

class HttpProtocol final : public Protocol {
 public:
  explicit HttpProtocol(HttpSettings settings = {}, PathOptions paths = {}, ForwardedTrust trust = {})
      : settings_(std::move(settings)), mapper_(std::move(paths), std::move(trust)) {}

  bool wants_peer() const override { return true; }
  std::unique_ptr<Codec> make_codec(Peer peer) const override {
    return std::make_unique<HttpCodec>(settings_, std::move(peer));
  }
  const Mapper& mapper() const override { return mapper_; }

 private:
  const HttpSettings settings_;
  const HttpMapper mapper_;
};

}  // namespace owind::protocol
