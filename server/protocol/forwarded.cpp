#include "server/protocol/forwarded.hpp"

#include <algorithm>
#include <utility>

namespace owind::protocol {
namespace {

using middleware::equals_ignore_case;

constexpr std::string_view kUnreadable = "The Forwarded field cannot be read.";
constexpr std::string_view kContradiction = "Forwarded and X-Forwarded-For name different visitors.";
/// More proxies than any request has passed.
constexpr std::size_t kMaxHops = 64;

struct Hop {
  std::string node;
  std::string proto;
};

void trim(std::string_view& text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
}

/// A token or quoted-string at the start of `text`, which loses it (RFC 7239 §4).
bool take_value(std::string_view& text, std::string& value) {
  value.clear();
  if (text.empty() || text.front() != '"') {
    const std::size_t end = std::min(text.find_first_of(";, \t"), text.size());
    value = text.substr(0, end);
    text.remove_prefix(end);
    return !value.empty();
  }
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') {
      text.remove_prefix(i + 1);
      return true;
    }
    if (text[i] == '\\' && ++i == text.size()) return false;
    value += text[i];
  }
  return false;
}

/// The elements of one Forwarded field, appended. False: it is malformed.
bool parse_forwarded(std::string_view text, std::vector<Hop>& hops) {
  Hop hop;
  std::string value;
  bool any = false;
  while (true) {
    trim(text);
    if (!text.empty() && text.front() != ';' && text.front() != ',') {
      const std::size_t equals = text.find_first_of("=;,");
      if (equals == std::string_view::npos || text[equals] != '=') return false;
      const std::string_view name = text.substr(0, equals);
      text.remove_prefix(equals + 1);
      if (!take_value(text, value)) return false;
      std::string* const to = equals_ignore_case(name, "for")     ? &hop.node
                              : equals_ignore_case(name, "proto") ? &hop.proto
                                                                  : nullptr;
      if (to) {
        if (!to->empty()) return false;
        *to = value;
      }
      any = true;
      trim(text);
    }
    if (text.empty() || text.front() == ',') {
      // An empty element is none (RFC 9110 §5.6.1).
      if (any) hops.push_back(std::exchange(hop, {}));
      any = false;
      if (text.empty()) return hops.size() <= kMaxHops;
    } else if (text.front() != ';') {
      return false;
    }
    text.remove_prefix(1);
  }
}

/// The elements of a list of plain values.
void parse_list(std::string_view text, std::vector<std::string>& values) {
  while (true) {
    const std::size_t comma = std::min(text.find(','), text.size());
    std::string_view value = text.substr(0, comma);
    trim(value);
    if (!value.empty()) values.emplace_back(value);
    if (comma == text.size()) return;
    text.remove_prefix(comma + 1);
  }
}

/// `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:80`.
bool parse_node(std::string_view node, ForwardedVisitor& visitor) {
  std::string_view port;
  if (node.starts_with('[')) {
    const std::size_t end = node.find(']');
    if (end == std::string_view::npos) return false;
    port = node.substr(end + 1);
    node = node.substr(1, end - 1);
    if (!port.empty() && port.front() != ':') return false;
  } else if (const std::size_t colon = node.find(':');
             colon != std::string_view::npos && colon == node.rfind(':')) {
    port = node.substr(colon);
    node = node.substr(0, colon);
  }
  visitor.address = parse_ip_address(node);
  if (!visitor.address) return false;
  visitor.ip = node;
  if (port.size() > 1 && port.size() <= 6 &&
      std::all_of(port.begin() + 1, port.end(), [](char c) { return c >= '0' && c <= '9'; }))
    visitor.port = port.substr(1);
  return true;
}

std::optional<bool> scheme_of(std::string_view proto) {
  if (equals_ignore_case(proto, "https")) return true;
  if (equals_ignore_case(proto, "http")) return false;
  return std::nullopt;
}

/// From the right, as far as the hops are trusted.
ForwardedVisitor walk(const std::vector<Hop>& hops, const ForwardedTrust& trust) {
  ForwardedVisitor visitor;
  for (std::size_t i = hops.size(); i-- > 0;) {
    visitor = {};
    const bool known = parse_node(hops[i].node, visitor);
    visitor.https = scheme_of(hops[i].proto);
    if (!known || !trust.trusts(*visitor.address)) break;
  }
  return visitor;
}

}  // namespace

bool ForwardedTrust::trusts(const IpAddress& address) const noexcept {
  return std::any_of(networks_.begin(), networks_.end(),
                     [&](const IpNetwork& network) { return network.contains(address); });
}

ForwardedVerdict read_forwarded(const middleware::RequestBlock& block,
                                const std::vector<middleware::FieldSlice>& fields,
                                const ForwardedTrust& trust) {
  std::vector<Hop> standard;
  std::vector<std::string> addresses;
  std::vector<std::string> schemes;
  for (const auto& field : fields) {
    const std::string_view name = block.view(field.name);
    const std::string_view value = block.view(field.value);
    if (equals_ignore_case(name, "Forwarded")) {
      if (!parse_forwarded(value, standard)) return {{}, kUnreadable};
    } else if (equals_ignore_case(name, "X-Forwarded-For")) {
      parse_list(value, addresses);
    } else if (equals_ignore_case(name, "X-Forwarded-Proto")) {
      parse_list(value, schemes);
    }
  }
  if (addresses.size() > kMaxHops) return {{}, "X-Forwarded-For has too many addresses."};
  ForwardedVerdict verdict;
  if (!addresses.empty()) {
    std::vector<Hop> hops;
    // Proxies add to the one field and set the other: as many values belong together, else the last one
    // counts.
    for (std::size_t i = 0; i < addresses.size(); ++i)
      hops.push_back({addresses[i], schemes.empty()                      ? std::string()
                                    : schemes.size() == addresses.size() ? schemes[i]
                                                                         : schemes.back()});
    verdict.visitor = walk(hops, trust);
  }
  if (!standard.empty()) {
    auto visitor = walk(standard, trust);
    if (verdict.visitor && verdict.visitor->address != visitor.address) return {{}, kContradiction};
    if (!visitor.https && verdict.visitor) visitor.https = verdict.visitor->https;
    verdict.visitor = std::move(visitor);
  }
  if (!verdict.visitor && !schemes.empty()) {
    // A proxy that tells of the scheme only: the visitor stays who connected.
    verdict.visitor.emplace();
  }
  if (verdict.visitor && !verdict.visitor->https && !schemes.empty() && standard.empty())
    verdict.visitor->https = scheme_of(schemes.back());
  return verdict;
}

std::string_view map_forwarded(middleware::RequestBlock& block, const ForwardedTrust& trust,
                               std::optional<IpAddress>& remote, bool& https) {
  if (!remote || !trust.trusts(*remote)) {
    // Somebody else's visitor, nobody knows whose: not who connected, as far as being local goes.
    remote.reset();
    return {};
  }
  const auto [visitor, refusal] = read_forwarded(block, block.fields(), trust);
  if (!refusal.empty()) return refusal;
  if (!visitor) return {};
  remote = visitor->address;
  if (visitor->https) https = *visitor->https;
  if (remote) {
    block.set(middleware::Slot::kRemoteIp, visitor->ip);
    block.set(middleware::Slot::kRemotePort, visitor->port);
  }
  return {};
}

}  // namespace owind::protocol
