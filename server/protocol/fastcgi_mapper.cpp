#include "server/protocol/fastcgi_mapper.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include "server/protocol/cgi_variable.hpp"
#include "server/protocol/field_rules.hpp"
#include "server/protocol/header_name.hpp"
#include "server/protocol/host_field.hpp"
#include "server/protocol/ip_address.hpp"
#include "server/protocol/path_mapping.hpp"

namespace owind::protocol {
namespace {

using middleware::FieldSlice;
using middleware::RequestBlock;
using middleware::Slice;
using middleware::Slot;

using namespace cgi;
static_assert(kVariableCount <= HeadState::kParts);

/// Bits of HeadState::flags.
enum : std::uint32_t { kCookieSeen = 1, kCookieRepeated = 2, kTransferEncodingSeen = 4, kForwardedSeen = 8 };

template <std::size_t N>
bool is(std::string_view name, const char (&expected)[N]) {
  return std::memcmp(name.data(), expected, N - 1) == 0;
}

/// Keeps the first value of a variable.
void keep_first(RequestBlock& block, Slice& place, std::string_view value) noexcept {
  if (place.offset == 0) place = block.append(value);
}

/// What becomes of a field.
enum class Fate : std::uint8_t { kField, kDropped, kHost, kContentType, kContentLength };

Fate fate_of(std::string_view name, HeadState& state) {
  switch (name.size()) {
    case 4:
      return is(name, "Host") ? Fate::kHost : Fate::kField;
    case 5:
      return is(name, "Proxy") ? Fate::kDropped : Fate::kField;
    case 6:
      if (is(name, "Cookie")) state.flags |= state.flags & kCookieSeen ? kCookieRepeated : kCookieSeen;
      return Fate::kField;
    case 12:
      return is(name, "Content-Type") ? Fate::kContentType : Fate::kField;
    case 14:
      return is(name, "Content-Length") ? Fate::kContentLength : Fate::kField;
    case 9:
      if (is(name, "Forwarded")) state.flags |= kForwardedSeen;
      return Fate::kField;
    case 15:
      if (is(name, "X-Forwarded-For")) state.flags |= kForwardedSeen;
      return Fate::kField;
    case 17:
      if (is(name, "Transfer-Encoding")) state.flags |= kTransferEncodingSeen;
      if (is(name, "X-Forwarded-Proto")) state.flags |= kForwardedSeen;
      return Fate::kField;
    default:
      return Fate::kField;
  }
}

/// HTTP_`variable`.
void field(RequestBlock& block, HeadState& state, std::string_view variable,
           std::string_view value) noexcept {
  Slice space = block.append_space(variable.size() + value.size());
  if (block.failed()) return;
  char* to = block.mutable_bytes(space);
  if (!restore_header_name(variable, to)) {
    block.shrink(space, 0);
    return;
  }
  if (!value.empty()) std::memcpy(to + variable.size(), value.data(), value.size());
  const Slice name_slice{space.offset, static_cast<std::uint32_t>(variable.size())};
  const Slice value_slice{space.offset + name_slice.length, static_cast<std::uint32_t>(value.size())};
  Variable once = kVariableCount;
  switch (fate_of({to, variable.size()}, state)) {
    case Fate::kField:
      block.add_field(name_slice, value_slice);
      return;
    case Fate::kDropped:
      break;
    case Fate::kHost:
      if (state.parts[kHttpHost].offset == 0 && !value.empty()) {
        state.parts[kHttpHost] = value_slice;
        block.add_field(name_slice, value_slice);
        return;
      }
      break;
    case Fate::kContentType:
      once = kHttpContentType;
      break;
    case Fate::kContentLength:
      once = kHttpContentLength;
      break;
  }
  if (once != kVariableCount && state.parts[once].offset == 0 && !value.empty())
    state.parts[once] = value_slice;
  else
    block.shrink(space, 0);
}

std::string_view text(const RequestBlock& block, const HeadState& state, Variable variable) {
  return block.view(state.parts[variable]);
}
/// Sent, and not empty.
bool given(const HeadState& state, Variable variable) { return state.parts[variable].length != 0; }

void add_named(RequestBlock& block, std::string_view name, Slice value) {
  block.add_field(block.append(name), value);
}

/// Content-Type, Content-Length and Transfer-Encoding.
void map_content(RequestBlock& block, const HeadState& state) {
  const Variable type = given(state, kContentType) ? kContentType : kHttpContentType;
  if (given(state, type)) add_named(block, "Content-Type", state.parts[type]);

  Variable length = kContentLength;
  if (!given(state, length) && !(state.flags & kTransferEncodingSeen)) length = kHttpContentLength;
  const std::int64_t bytes = parse_content_length(text(block, state, length));
  if (bytes < 0) return;
  block.set_content_length(bytes);
  add_named(block, "Content-Length", state.parts[length]);
  if (state.flags & kTransferEncodingSeen)
    std::erase_if(block.fields(),
                  [&](const FieldSlice& f) { return block.view(f.name) == "Transfer-Encoding"; });
}

bool is_https(const RequestBlock& block, const HeadState& state) {
  using middleware::equals_ignore_case;
  const std::string_view scheme = text(block, state, kScheme);
  if (equals_ignore_case(scheme, "https")) return true;
  if (equals_ignore_case(scheme, "http")) return false;
  const std::string_view https = text(block, state, kHttps);
  return https == "1" || equals_ignore_case(https, "on");
}

/// Fills the slots of one end of the visitor's connection. Returns its address; nothing when it is not known.
std::optional<IpAddress> map_end(RequestBlock& block, HeadState& state, Variable addr, Variable port,
                                 Slot ip_slot, Slot port_slot) {
  Slice& slice = state.parts[addr];
  const std::string_view all = text(block, state, addr);
  if (all.empty() || all.starts_with("unix:")) {
    block.set(ip_slot, "127.0.0.1");
    block.set(port_slot, "0");
    return std::nullopt;
  }
  if (all.size() > 2 && all.front() == '[' && all.back() == ']') slice = {slice.offset + 1, slice.length - 2};
  block.set(ip_slot, slice);
  if (is_port(text(block, state, port)))
    block.set(port_slot, state.parts[port]);
  else
    block.set(port_slot, "0");
  return parse_ip_address(text(block, state, addr));
}

/// SSL_CLIENT_VERIFY as nginx, Apache and lighttpd give it: there is nothing to hold against the certificate.
bool is_verified(std::string_view verdict) { return verdict == "SUCCESS" || verdict == "NONE"; }

HeadVerdict refuse(std::string_view reason) { return {400, std::string(reason)}; }

}  // namespace

FastCgiMapper::FastCgiMapper(PathOptions options, ForwardedTrust trust)
    : options_(normalised(std::move(options))), trust_(std::move(trust)) {}

void FastCgiMapper::part(RequestBlock& block, HeadState& state, std::string_view name,
                         std::string_view value) const noexcept {
  const HeadPart one{name, value};
  parts(block, state, {&one, 1});
}

void FastCgiMapper::parts(RequestBlock& block, HeadState& state,
                          std::span<const HeadPart> parts) const noexcept {
  for (const auto& [name, value] : parts) {
    if (block.failed()) return;
    if (name.size() > 5 && is(name, "HTTP_")) {
      field(block, state, name.substr(5), value);
      continue;
    }
    const Variable variable = variable_of(name);
    if (variable != kVariableCount) keep_first(block, state.parts[variable], value);
  }
}

/// Both ends of the visitor's connection, whether he is on this machine, and his scheme where a proxy tells
/// it. Returns why the request is a 400; empty when it is none.
std::string_view FastCgiMapper::map_visitor(RequestBlock& block, HeadState& state, bool& https) const {
  auto remote = map_end(block, state, kRemoteAddr, kRemotePort, Slot::kRemoteIp, Slot::kRemotePort);
  const auto local = map_end(block, state, kServerAddr, kServerPort, Slot::kLocalIp, Slot::kLocalPort);
  if (state.flags & kForwardedSeen)
    if (const auto refusal = map_forwarded(block, trust_, remote, https); !refusal.empty()) return refusal;
  if (remote && (is_loopback(*remote) || remote == local)) block.set_flags(middleware::kRequestIsLocal);
  return {};
}

HeadVerdict FastCgiMapper::end(RequestBlock& block, HeadState& state) const {
  if (block.failed()) return {503, "There is no memory for the request."};
  const std::string_view method = text(block, state, kMethod);
  if (!is_token(method))
    return refuse(method.empty() ? "REQUEST_METHOD is missing." : "The method is not a token.");
  block.set_flags(middleware::kRequestFastCgi | (method == "HEAD" ? middleware::kRequestHead : 0u));
  block.set(Slot::kMethod, state.parts[kMethod]);

  bool https = is_https(block, state);
  if (const std::string_view reason = map_visitor(block, state, https); !reason.empty())
    return refuse(reason);
  block.set(Slot::kScheme, https ? "https" : "http");
  if (given(state, kProtocol))
    block.set(Slot::kProtocol, state.parts[kProtocol]);
  else
    block.set(Slot::kProtocol, "HTTP/1.0");
  if (block.get(Slot::kProtocol) == "HTTP/1.0") block.set_flags(middleware::kRequestHttp10);

  const PathSources sources{state.parts[kRequestUri], state.parts[kDocumentUri], state.parts[kScriptName],
                            state.parts[kPathInfo], state.parts[kQueryString]};
  if (const std::string_view reason = map_path(block, sources, options_); !reason.empty())
    return refuse(reason);
  map_content(block, state);
  if (state.flags & kCookieRepeated) join_cookies(block);
  if (!given(state, kHttpHost)) {
    const HostSource source{state.parts[kServerName], state.parts[kServerAddr], state.parts[kServerPort],
                            https};
    add_named(block, "Host", append_host(block, source));
  }
  if (given(state, kRequestUri)) block.set(Slot::kRawTarget, state.parts[kRequestUri]);
  if (given(state, kClientCert)) block.set(Slot::kClientCertificate, state.parts[kClientCert]);
  if (given(state, kClientVerify) && !is_verified(text(block, state, kClientVerify)))
    block.set(Slot::kClientVerification, state.parts[kClientVerify]);
  if (given(state, kRemoteUser)) block.set(Slot::kRemoteUser, state.parts[kRemoteUser]);
  if (given(state, kRequestId)) block.set(Slot::kRequestId, state.parts[kRequestId]);
  if (block.failed()) return {503, "There is no memory for the request."};
  return {};
}

}  // namespace owind::protocol
