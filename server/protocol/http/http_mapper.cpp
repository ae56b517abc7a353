#include "server/protocol/http/http_mapper.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>

#include "server/protocol/field_rules.hpp"
#include "server/protocol/host_field.hpp"
#include "server/protocol/ip_address.hpp"
#include "server/protocol/path_mapping.hpp"

namespace owind::protocol {
namespace {

using middleware::equals_ignore_case;
using middleware::FieldSlice;
using middleware::RequestBlock;
using middleware::Slice;
using middleware::Slot;

/// Index into HeadState::parts.
enum Part : std::size_t {
  kMethod,
  kTarget,
  kVersion,
  kRemoteIp,
  kRemotePort,
  kLocalIp,
  kLocalPort,
  kHost,  ///< Of a field that is not empty.
  kContentType,
  kPartCount,
};
static_assert(kPartCount <= HeadState::kParts);

/// Which part `:name` is, by its length and a letter: names like these come from the codec only.
Part part_of(std::string_view name) {
  switch (name.size()) {
    case 7:
      return name[1] == 'm' ? kMethod : kTarget;
    case 8:
      return kVersion;
    case 9:
      return kLocalIp;
    case 10:
      return kRemoteIp;
    case 11:
      return kLocalPort;
    case 12:
      return kRemotePort;
    default:
      return kPartCount;
  }
}

/// Bits of HeadState::flags.
enum : std::uint32_t { kCookieSeen = 1, kCookieRepeated = 2, kForwardedSeen = 4 };

std::string_view text(const RequestBlock& block, const HeadState& state, Part part) {
  return block.view(state.parts[part]);
}

/// `host[:port]` without what could break out of where applications put it: a link, a header, a log.
bool is_host(std::string_view host) {
  static constexpr auto kAllowed = [] {
    std::array<bool, 256> allowed{};
    for (const char c : std::string_view(
             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._:[]~%!$&'()*+,;="))
      allowed[static_cast<unsigned char>(c)] = true;
    return allowed;
  }();
  return !host.empty() && std::all_of(host.begin(), host.end(),
                                      [](char c) { return kAllowed[static_cast<unsigned char>(c)]; });
}

/// The authority of an absolute target (RFC 9112 §3.2.2), without user information; nothing for other forms.
std::optional<std::string_view> authority_of(std::string_view target) {
  if (target.empty() || target.front() == '/' || target == "*") return std::nullopt;
  const std::size_t colon = target.find("://");
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view authority = target.substr(colon + 3);
  authority = authority.substr(0, authority.find_first_of("/?#"));
  const std::size_t at = authority.rfind('@');
  return at == std::string_view::npos ? authority : authority.substr(at + 1);
}

void add_host(RequestBlock& block, Slice value) { block.add_field(block.append("Host"), value); }

/// What an absolute target says, else the field, else the connection. False: it is no host.
bool map_host(RequestBlock& block, HeadState& state, bool https) {
  const std::string_view target = text(block, state, kTarget);
  if (const auto authority = authority_of(target)) {
    if (!is_host(*authority)) return false;
    const auto at = static_cast<std::uint32_t>(authority->data() - target.data());
    const Slice value{state.parts[kTarget].offset + at, static_cast<std::uint32_t>(authority->size())};
    for (FieldSlice& field : block.fields())
      if (field.name.length == 4 && equals_ignore_case(block.view(field.name), "Host")) {
        field.value = value;
        return true;
      }
    add_host(block, value);
    return true;
  }
  if (state.parts[kHost].length != 0) return is_host(text(block, state, kHost));
  std::erase_if(block.fields(), [&](const FieldSlice& field) {
    return field.name.length == 4 && equals_ignore_case(block.view(field.name), "Host");
  });
  add_host(block, append_host(block, {{}, state.parts[kLocalIp], state.parts[kLocalPort], https}));
  return true;
}

void map_end(RequestBlock& block, const HeadState& state, Part ip, Part port, Slot ip_slot, Slot port_slot) {
  if (state.parts[ip].length == 0) {
    block.set(ip_slot, "127.0.0.1");
    block.set(port_slot, "0");
    return;
  }
  block.set(ip_slot, state.parts[ip]);
  block.set(port_slot, state.parts[port]);
}

HeadVerdict refuse(std::string_view reason) { return {400, std::string(reason)}; }

}  // namespace

HttpMapper::HttpMapper(PathOptions options, ForwardedTrust trust)
    : options_(normalised(std::move(options))), trust_(std::move(trust)) {
  // The other ways need variables that only a front end has.
  options_.mapping = PathOptions::Mapping::kRequestUri;
}

void HttpMapper::part(RequestBlock& block, HeadState& state, std::string_view name,
                      std::string_view value) const noexcept {
  if (block.failed() || name.empty()) return;
  if (name.front() == ':') {
    const Part known = part_of(name);
    if (known != kPartCount) state.parts[known] = block.append(value);
    return;
  }
  if (name.size() == 5 && equals_ignore_case(name, "Proxy")) return;
  const bool is_type = name.size() == 12 && equals_ignore_case(name, "Content-Type");
  if (is_type && (value.empty() || state.parts[kContentType].offset != 0)) return;
  const Slice name_slice = block.append(name);
  const Slice value_slice = block.append(value);
  if (block.failed()) return;
  block.add_field(name_slice, value_slice);
  switch (name.size()) {
    case 4:
      if (equals_ignore_case(name, "Host")) state.parts[kHost] = value_slice;
      break;
    case 6:
      if (equals_ignore_case(name, "Cookie"))
        state.flags |= state.flags & kCookieSeen ? kCookieRepeated : kCookieSeen;
      break;
    case 9:
      if (equals_ignore_case(name, "Forwarded")) state.flags |= kForwardedSeen;
      break;
    case 15:
      if (equals_ignore_case(name, "X-Forwarded-For")) state.flags |= kForwardedSeen;
      break;
    case 17:
      if (equals_ignore_case(name, "X-Forwarded-Proto")) state.flags |= kForwardedSeen;
      break;
    case 12:
      if (is_type) state.parts[kContentType] = value_slice;
      break;
    case 14:
      if (equals_ignore_case(name, "Content-Length")) block.set_content_length(parse_content_length(value));
      break;
    default:
      break;
  }
}

void HttpMapper::parts(RequestBlock& block, HeadState& state,
                       std::span<const HeadPart> parts) const noexcept {
  for (const auto& [name, value] : parts) HttpMapper::part(block, state, name, value);
}

/// Both ends of the visitor's connection, whether he is on this machine, and his scheme where a proxy tells
/// it. Returns why the request is a 400; empty when it is none.
std::string_view HttpMapper::map_visitor(RequestBlock& block, HeadState& state, bool& https) const {
  map_end(block, state, kRemoteIp, kRemotePort, Slot::kRemoteIp, Slot::kRemotePort);
  map_end(block, state, kLocalIp, kLocalPort, Slot::kLocalIp, Slot::kLocalPort);
  const bool is_unix = state.parts[kRemoteIp].length == 0;
  auto remote = parse_ip_address(is_unix ? "127.0.0.1" : text(block, state, kRemoteIp));
  const bool told = (state.flags & kForwardedSeen) != 0;
  if (told)
    if (const auto refusal = map_forwarded(block, trust_, remote, https); !refusal.empty()) return refusal;
  if (remote && (told || !is_unix) &&
      (is_loopback(*remote) || remote == parse_ip_address(text(block, state, kLocalIp))))
    block.set_flags(middleware::kRequestIsLocal);
  return {};
}

HeadVerdict HttpMapper::end(RequestBlock& block, HeadState& state) const {
  if (block.failed()) return {503, "There is no memory for the request."};
  const std::string_view method = text(block, state, kMethod);
  if (text(block, state, kTarget) == "*" && method != "OPTIONS") return refuse("Only OPTIONS may ask for *.");
  const bool http10 = text(block, state, kVersion) == "HTTP/1.0";
  block.set_flags((method == "HEAD" ? middleware::kRequestHead : 0u) |
                  (http10 ? middleware::kRequestHttp10 : 0u));
  block.set(Slot::kMethod, state.parts[kMethod]);
  bool https = false;
  if (const std::string_view reason = map_visitor(block, state, https); !reason.empty())
    return refuse(reason);
  block.set(Slot::kScheme, https ? "https" : "http");
  block.set(Slot::kProtocol, state.parts[kVersion]);
  block.set(Slot::kRawTarget, state.parts[kTarget]);
  const PathSources sources{.request_uri = state.parts[kTarget],
                            .document_uri = {},
                            .script_name = {},
                            .path_info = {},
                            .query_string = {}};
  if (const std::string_view reason = map_path(block, sources, options_); !reason.empty())
    return refuse(reason);
  if (state.flags & kCookieRepeated) join_cookies(block);
  if (!map_host(block, state, https)) return refuse("The Host is not one.");
  if (block.failed()) return {503, "There is no memory for the request."};
  return {};
}

}  // namespace owind::protocol
