// Turns the head of an HTTP request (http_codec.hpp says in what parts it comes) into the request block that
// OWIN is served from (OWIN 1.0.1 §3.2.1, §5). The same request gives the same block as through a front end
// and FastCgiMapper, but for what only a front end knows: a scheme that is not http, a user, a certificate.
//
// - Fields keep the names that they were sent with; Proxy is dropped (httpoxy, CVE-2016-5385).
// - Host: that of an absolute target, which replaces the field (RFC 9112 §3.2.2); else the field. One that is
//   no host is a 400; without one (HTTP/1.0, or an empty field) it is the address of the connection.
// - The visitor is who connected, unless that is a proxy which is trusted to tell (forwarded.hpp). Over a
// Unix
//   socket both ends are 127.0.0.1, and whoever connects is no visitor of this machine.
// - Content-Type: the first that is not empty. Cookie: repeated ones are joined.
#pragma once

#include "server/protocol/forwarded.hpp"
#include "server/protocol/mapper.hpp"
#include "server/protocol/path_options.hpp"

namespace owind::protocol {

class HttpMapper final : public Mapper {
 public:
  explicit HttpMapper(PathOptions options = {}, ForwardedTrust trust = {});

  /// After a failure of the block (no memory) nothing more is done; end() answers 503 then.
  void part(middleware::RequestBlock& block, HeadState& state, std::string_view name,
            std::string_view value) const noexcept override;
  void parts(middleware::RequestBlock& block, HeadState& state,
             std::span<const HeadPart> parts) const noexcept override;
  /// 400: a target that is no path; a path with NUL or a rejected slash; a Host that is none. 503: no memory.
  HeadVerdict end(middleware::RequestBlock& block, HeadState& state) const override;

 private:
  std::string_view map_visitor(middleware::RequestBlock& block, HeadState& state, bool& https) const;

  PathOptions options_;
  ForwardedTrust trust_;
};

}  // namespace owind::protocol
