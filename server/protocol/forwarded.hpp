// Who the visitor is when proxies stand between him and the front end: Forwarded (RFC 7239) and
// X-Forwarded-For, -Proto. Everybody can send these fields, so they count only where the connection came from
// a proxy that is trusted
// (--trust-forwarded), and only as far back as each hop is one: the first address that is not trusted, from
// the right, is the visitor. Common to all protocols; works on the fields of a request block that is being
// built.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "middleware/request_block.hpp"
#include "server/protocol/ip_address.hpp"

namespace owind::protocol {

/// The proxies that are believed; empty: none. Immutable, any thread.
class ForwardedTrust {
 public:
  ForwardedTrust() = default;
  explicit ForwardedTrust(std::vector<IpNetwork> networks) : networks_(std::move(networks)) {}
  bool empty() const noexcept { return networks_.empty(); }
  bool trusts(const IpAddress& address) const noexcept;

 private:
  std::vector<IpNetwork> networks_;
};

struct ForwardedVisitor {
  /// Nothing: the proxy does not know, or does not tell (`unknown`, `_hidden`).
  std::optional<IpAddress> address;
  /// The same as the proxy wrote it, without brackets and port; empty without an address.
  std::string ip;
  std::string port = "0";
  /// Nothing: not said.
  std::optional<bool> https;
};

struct ForwardedVerdict {
  std::optional<ForwardedVisitor> visitor;  ///< Nothing: there are no such fields.
  std::string_view refusal;                 ///< Why this is a 400 (a literal); empty: it is none.
};

/// Reads the fields of a request that a trusted proxy has passed on. A visitor can add the field of the
/// family that his proxy does not set, so two families that name different visitors are refused, and so is
/// what cannot be read: a guess would let him choose his address. May throw std::bad_alloc.
[[nodiscard]] ForwardedVerdict read_forwarded(const middleware::RequestBlock& block,
                                              const std::vector<middleware::FieldSlice>& fields,
                                              const ForwardedTrust& trust);

/// Who the visitor is, for a request with such fields. `remote` is who connected, or nothing when that is not
/// known, and becomes the visitor, nothing when he is not known; the slots of the remote end and `https` are
/// set where a trusted proxy tells. Returns why the request is a 400; empty when it is none.
[[nodiscard]] std::string_view map_forwarded(middleware::RequestBlock& block, const ForwardedTrust& trust,
                                             std::optional<IpAddress>& remote, bool& https);

}  // namespace owind::protocol
