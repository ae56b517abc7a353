// Turns the CGI variables of a FastCGI request (RFC 3875 §4.1; FastCGI 1.0 §5.2) into the request block that
// OWIN is served from (OWIN 1.0.1 §3.2.1, §5). Only this file, its .cpp and cgi_variable know CGI names. Does
// not set Slot::kGatewayRole nor kRequestHasNoBody: a variable does not tell the role, and some front ends
// state a CONTENT_LENGTH of 0 for a body that is still to come.
//
// What is decided where two variables may contradict each other:
// - The first occurrence of a variable that the front end sets wins: what a visitor smuggles in behind it is
// not read.
// - Fields: `-` for `_`, Title-Case; names that are not tokens are dropped, and so is Proxy (httpoxy,
// CVE-2016-5385).
// - Host: the first non-empty one; else from SERVER_NAME or SERVER_ADDR, and SERVER_PORT; else `localhost`.
// - Content-Length and Content-Type: once, from the CGI variable unless it is empty, else from
// HTTP_CONTENT_*. A length that is
//   not a number of 1 to 18 digits is no length. Transfer-Encoding stays only where no length is known (the
//   body is de-chunked by then), and then HTTP_CONTENT_LENGTH does not count (RFC 9112 §6.3).
// - Cookie: repeated ones are joined with `; ` (RFC 9113 §8.2.3). Other repeated fields stay apart, in their
// order.
// - An address that is missing or a Unix socket's is given as 127.0.0.1 with the port 0, as applications
// parse these strings; such
//   a visitor is not called local, because nothing says who it is.
// - The visitor is who connected to the front end, unless that is a proxy which is trusted to tell (forwarded.hpp). Who
// passes on such a field and is not trusted is not called local: a proxy beside us would make everybody local.
#pragma once

#include "server/protocol/forwarded.hpp"
#include "server/protocol/mapper.hpp"
#include "server/protocol/path_options.hpp"

namespace owind::protocol {

class FastCgiMapper final : public Mapper {
 public:
  explicit FastCgiMapper(PathOptions options = {}, ForwardedTrust trust = {});

  /// After a failure of the block (no memory) nothing more is done; end() answers 503 then.
  void part(middleware::RequestBlock& block, HeadState& state, std::string_view name,
            std::string_view value) const noexcept override;
  void parts(middleware::RequestBlock& block, HeadState& state,
             std::span<const HeadPart> parts) const noexcept override;
  /// 400: no method, or one that is no token; a target that is no path; a path with NUL or a rejected slash.
  /// 503: no memory.
  HeadVerdict end(middleware::RequestBlock& block, HeadState& state) const override;

  /// As it is compared: with a leading slash and without trailing ones, or empty.
  const PathOptions& options() const { return options_; }

 private:
  [[nodiscard]] std::string_view map_visitor(middleware::RequestBlock& block, HeadState& state, bool& https) const;

  PathOptions options_;
  ForwardedTrust trust_;
};

}  // namespace owind::protocol
