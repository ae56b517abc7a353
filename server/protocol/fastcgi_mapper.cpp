#include "server/protocol/fastcgi_mapper.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include "server/protocol/header_name.hpp"
#include "server/protocol/host_field.hpp"
#include "server/protocol/ip_address.hpp"
#include "server/protocol/path_decoder.hpp"

namespace owind::protocol {
namespace {

using middleware::FieldSlice;
using middleware::RequestBlock;
using middleware::Slice;
using middleware::Slot;

/// Index into HeadState::parts.
enum Part : std::size_t {
  kQueryString,
  kMethod,
  kContentType,
  kContentLength,
  kScriptName,
  kRequestUri,
  kDocumentUri,
  kPathInfo,
  kProtocol,
  kScheme,
  kHttps,
  kRemoteAddr,
  kRemotePort,
  kServerAddr,
  kServerPort,
  kServerName,
  kRemoteUser,
  kRequestId,
  kClientCert,
  kHttpHost,
  kHttpContentType,
  kHttpContentLength,
  kPartCount,
};
static_assert(kPartCount <= HeadState::kParts);

/// Bits of HeadState::flags.
enum : std::uint32_t { kCookieSeen = 1, kCookieRepeated = 2, kTransferEncodingSeen = 4 };

template <std::size_t N>
bool is(std::string_view name, const char (&expected)[N]) {
  return std::memcmp(name.data(), expected, N - 1) == 0;
}

/// The variable that `name` is, unless it is a field (HTTP_*) or one that OWIN has no use for (kPartCount).
/// By length first, and then mostly one comparison: this runs for every variable of every request.
Part part_of(std::string_view name) {
  switch (name.size()) {
    case 5:
      return is(name, "HTTPS") ? kHttps : kPartCount;
    case 9:
      return is(name, "PATH_INFO") ? kPathInfo : kPartCount;
    case 10:
      return is(name, "REQUEST_ID") ? kRequestId : kPartCount;
    case 11:
      switch (name[7]) {
        case 'A':
          return is(name, "REMOTE_ADDR") ? kRemoteAddr : is(name, "SERVER_ADDR") ? kServerAddr : kPartCount;
        case 'P':
          return is(name, "REMOTE_PORT") ? kRemotePort : is(name, "SERVER_PORT") ? kServerPort : kPartCount;
        case 'N':
          return is(name, "SCRIPT_NAME") ? kScriptName : is(name, "SERVER_NAME") ? kServerName : kPartCount;
        case 'U':
          return is(name, "REMOTE_USER") ? kRemoteUser : kPartCount;
        case '_':
          return is(name, "REQUEST_URI") ? kRequestUri : kPartCount;
        default:
          return kPartCount;
      }
    case 12:
      switch (name[0]) {
        case 'Q':
          return is(name, "QUERY_STRING") ? kQueryString : kPartCount;
        case 'C':
          return is(name, "CONTENT_TYPE") ? kContentType : kPartCount;
        case 'D':
          return is(name, "DOCUMENT_URI") ? kDocumentUri : kPartCount;
        default:
          return kPartCount;
      }
    case 14:
      switch (name[8]) {
        case 'M':
          return is(name, "REQUEST_METHOD") ? kMethod : kPartCount;
        case 'L':
          return is(name, "CONTENT_LENGTH") ? kContentLength : kPartCount;
        case 'S':
          return is(name, "REQUEST_SCHEME") ? kScheme : kPartCount;
        default:
          return kPartCount;
      }
    case 15:
      return is(name, "SERVER_PROTOCOL") ? kProtocol : is(name, "SSL_CLIENT_CERT") ? kClientCert : kPartCount;
    default:
      return kPartCount;
  }
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
    case 17:
      if (is(name, "Transfer-Encoding")) state.flags |= kTransferEncodingSeen;
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
  Part once = kPartCount;
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
  if (once != kPartCount && state.parts[once].offset == 0 && !value.empty())
    state.parts[once] = value_slice;
  else
    block.shrink(space, 0);
}

/// Appends what stands elsewhere in the block, which may move while it grows.
Slice append_copy(RequestBlock& block, Slice source) {
  const Slice copy = block.append_space(source.length);
  if (!block.failed() && source.length)
    std::memcpy(block.mutable_bytes(copy), block.view(source).data(), source.length);
  return copy;
}

std::string_view text(const RequestBlock& block, const HeadState& state, Part part) {
  return block.view(state.parts[part]);
}
/// Sent, and not empty.
bool given(const HeadState& state, Part part) { return state.parts[part].length != 0; }

/// A number of bytes; -1: not one. 18 digits cannot overflow.
std::int64_t parse_length(std::string_view digits) {
  if (digits.empty() || digits.size() > 18) return -1;
  std::int64_t value = 0;
  for (const char c : digits) {
    if (c < '0' || c > '9') return -1;
    value = value * 10 + (c - '0');
  }
  return value;
}

void add_named(RequestBlock& block, std::string_view name, Slice value) {
  block.add_field(block.append(name), value);
}

/// Content-Type, Content-Length and Transfer-Encoding.
void map_content(RequestBlock& block, const HeadState& state) {
  const Part type = given(state, kContentType) ? kContentType : kHttpContentType;
  if (given(state, type)) add_named(block, "Content-Type", state.parts[type]);

  Part length = kContentLength;
  if (!given(state, length) && !(state.flags & kTransferEncodingSeen)) length = kHttpContentLength;
  const std::int64_t bytes = parse_length(text(block, state, length));
  if (bytes < 0) return;
  block.set_content_length(bytes);
  add_named(block, "Content-Length", state.parts[length]);
  if (state.flags & kTransferEncodingSeen)
    std::erase_if(block.fields(),
                  [&](const FieldSlice& f) { return block.view(f.name) == "Transfer-Encoding"; });
}

/// All Cookie fields become the first one. Joined here, at once, and not as they come: many would cost their
/// square.
void join_cookies(RequestBlock& block) {
  const auto is_cookie = [&](const FieldSlice& f) { return block.view(f.name) == "Cookie"; };
  auto& fields = block.fields();
  std::size_t length = 0;
  for (const FieldSlice& f : fields)
    if (is_cookie(f) && f.value.length) length += f.value.length + 2;
  if (length) length -= 2;
  const Slice joined = block.append_space(length);
  if (block.failed()) return;
  char* to = block.mutable_bytes(joined);
  bool first = true;
  for (const FieldSlice& f : fields) {
    if (!is_cookie(f) || f.value.length == 0) continue;
    if (!std::exchange(first, false)) to = std::copy_n("; ", 2, to);
    to = std::copy_n(block.view(f.value).data(), f.value.length, to);
  }
  const auto keep = std::find_if(fields.begin(), fields.end(), is_cookie);
  keep->value = joined;
  fields.erase(std::remove_if(keep + 1, fields.end(), is_cookie), fields.end());
}

bool is_https(const RequestBlock& block, const HeadState& state) {
  using middleware::equals_ignore_case;
  const std::string_view scheme = text(block, state, kScheme);
  if (equals_ignore_case(scheme, "https")) return true;
  if (equals_ignore_case(scheme, "http")) return false;
  const std::string_view https = text(block, state, kHttps);
  return https == "1" || equals_ignore_case(https, "on");
}

/// 1 to 5 digits.
bool is_port(std::string_view port) {
  return !port.empty() && port.size() <= 5 &&
         std::all_of(port.begin(), port.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// Fills the slots of one end of the visitor's connection. Returns its address; nothing when it is not known.
std::optional<IpAddress> map_end(RequestBlock& block, HeadState& state, Part addr, Part port, Slot ip_slot,
                                 Slot port_slot) {
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

void map_addresses(RequestBlock& block, HeadState& state) {
  const auto remote = map_end(block, state, kRemoteAddr, kRemotePort, Slot::kRemoteIp, Slot::kRemotePort);
  const auto local = map_end(block, state, kServerAddr, kServerPort, Slot::kLocalIp, Slot::kLocalPort);
  if (remote && (is_loopback(*remote) || remote == local)) block.set_flags(middleware::kRequestIsLocal);
}

/// The parts of a request target (RFC 9112 §3.2): the path, still encoded, and what stands behind its `?`.
struct Target {
  bool valid = false;
  Slice path;   ///< Empty: the root.
  Slice query;  ///< Offset 0: there is none.
};

Target split_target(std::string_view target, Slice at) {
  target = target.substr(0, target.find('#'));
  if (target.empty()) return {};
  if (target == "*") return {true, {}, {}};
  std::size_t start = 0;
  if (target.front() != '/') {
    // absolute-form: a scheme, `://`, an authority, and perhaps a path.
    const std::size_t colon = target.find("://");
    const auto in_scheme = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' ||
             c == '-' || c == '.';
    };
    if (colon == 0 || colon == std::string_view::npos ||
        !std::all_of(target.begin(), target.begin() + static_cast<std::ptrdiff_t>(colon), in_scheme))
      return {};
    start = std::min(target.find_first_of("/?", colon + 3), target.size());
  }
  const std::size_t mark = std::min(target.find('?', start), target.size());
  const auto slice = [&](std::size_t from, std::size_t to) {
    return Slice{at.offset + static_cast<std::uint32_t>(from), static_cast<std::uint32_t>(to - from)};
  };
  Target split{true, slice(start, mark), {}};
  if (mark < target.size()) split.query = slice(mark + 1, target.size());
  return split;
}

void map_query(RequestBlock& block, const HeadState& state, Slice from_target) {
  Slice query = state.parts[kQueryString];
  if (query.offset == 0) query = from_target;
  // The delimiter is no part of it, though some front ends send it; but `??` in the target is a query that
  // starts with `?`.
  if (query.length && block.view(query).front() == '?' && block.view(query) != block.view(from_target))
    query = {query.offset + 1, query.length - 1};
  if (query.offset == 0)
    block.set(Slot::kQueryString, "");
  else
    block.set(Slot::kQueryString, query);
}

HeadVerdict refuse(std::string_view reason) { return {400, std::string(reason)}; }

/// Splits a decoded path by the configured base and fills both slots.
void set_path(RequestBlock& block, Slice path, std::string_view path_base) {
  const auto base = static_cast<std::uint32_t>(match_path_base(block.view(path), path_base));
  block.set(Slot::kPathBase, Slice{path.offset, base});
  block.set(Slot::kPath, Slice{path.offset + base, path.length - base});
}

/// A path that the front end has decoded, made to start with `/`, without dot segments: SCRIPT_NAME +
/// PATH_INFO, or one of them. The parts are put together and never taken apart by their lengths
/// (CVE-2019-11043).
Slice join_decoded(RequestBlock& block, Slice first, Slice second) {
  const bool add_slash = block.view(first.length ? first : second).substr(0, 1) != "/";
  Slice path = block.append(add_slash ? "/" : "");
  path.length += append_copy(block, first).length;
  path.length += append_copy(block, second).length;
  if (block.failed()) return {};
  block.shrink(path, static_cast<std::uint32_t>(remove_dot_segments(block.mutable_bytes(path), path.length)));
  return path;
}

/// CGI's own split: the base is SCRIPT_NAME, less the slash at its end, which is the path's then.
void map_path_info(RequestBlock& block, const HeadState& state, std::string_view path_base) {
  const Slice script = state.parts[kScriptName];
  const Slice info = state.parts[kPathInfo];
  Slice base = script.length ? join_decoded(block, script, {}) : block.append("");
  if (block.failed()) return;
  const bool had_slash = block.view(base).ends_with('/');
  while (block.view(base).ends_with('/')) --base.length;
  if (info.length == 0 && !had_slash && base.length) {
    block.set(Slot::kPathBase, base);
    block.set(Slot::kPath, Slice{base.offset + base.length, 0});
    return;
  }
  const Slice path = join_decoded(block, info, {});
  if (base.length == 0) return set_path(block, path, path_base);
  block.set(Slot::kPathBase, base);
  block.set(Slot::kPath, path);
}

/// REQUEST_URI's path, or what stands in for it.
HeadVerdict map_request_uri(RequestBlock& block, Slice encoded, const PathOptions& options) {
  const std::string_view raw = block.view(encoded);
  if (encoded.length == 0) {
    set_path(block, block.append("/"), options.path_base);
    return {};
  }
  if (is_plain_path(raw)) {
    set_path(block, encoded, options.path_base);
    return {};
  }
  Slice path = block.append_space(encoded.length);
  if (block.failed()) return {};
  char* const to = block.mutable_bytes(path);
  const DecodedPath decoded = decode_path(block.view(encoded), options.encoded_slash, to);
  switch (decoded.error) {
    case PathError::kNone:
      break;
    case PathError::kNul:
      return refuse("The path contains a NUL byte.");
    case PathError::kEncodedSlash:
      return refuse("The path contains an encoded slash, which --encoded-slash reject refuses.");
  }
  block.shrink(path, static_cast<std::uint32_t>(remove_dot_segments(to, decoded.length)));
  set_path(block, path, options.path_base);
  return {};
}

HeadVerdict map_path(RequestBlock& block, const HeadState& state, const PathOptions& options) {
  using Mapping = PathOptions::Mapping;
  Target target;
  if (given(state, kRequestUri))
    target = split_target(text(block, state, kRequestUri), state.parts[kRequestUri]);
  map_query(block, state, target.query);

  if (options.mapping == Mapping::kRequestUri && given(state, kRequestUri)) {
    if (!target.valid) return refuse("The request target is not a path.");
    return map_request_uri(block, target.path, options);
  }
  for (const Part part : {kDocumentUri, kScriptName, kPathInfo})
    if (text(block, state, part).find('\0') != std::string_view::npos)
      return refuse("The path contains a NUL byte.");
  if (options.mapping == Mapping::kPathInfo) {
    map_path_info(block, state, options.path_base);
    return {};
  }
  Slice first = state.parts[kScriptName];
  Slice second;
  if (options.mapping == Mapping::kRequestUri) {
    second = state.parts[kPathInfo];
    if (given(state, kDocumentUri)) {
      first = state.parts[kDocumentUri];
      second = {};
    }
  }
  set_path(block, join_decoded(block, first, second), options.path_base);
  return {};
}

}  // namespace

FastCgiMapper::FastCgiMapper(PathOptions options) : options_(std::move(options)) {
  std::string& base = options_.path_base;
  while (base.ends_with('/')) base.pop_back();
  if (!base.empty() && !base.starts_with('/')) base.insert(base.begin(), '/');
}

void FastCgiMapper::part(RequestBlock& block, HeadState& state, std::string_view name,
                         std::string_view value) const noexcept {
  if (block.failed()) return;
  if (name.size() > 5 && is(name, "HTTP_")) return field(block, state, name.substr(5), value);
  const Part part = part_of(name);
  if (part != kPartCount) keep_first(block, state.parts[part], value);
}

HeadVerdict FastCgiMapper::end(RequestBlock& block, HeadState& state) const {
  if (block.failed()) return {503, "There is no memory for the request."};
  const std::string_view method = text(block, state, kMethod);
  if (!is_token(method))
    return refuse(method.empty() ? "REQUEST_METHOD is missing." : "The method is not a token.");
  block.set_flags(middleware::kRequestFastCgi | (method == "HEAD" ? middleware::kRequestHead : 0u));
  block.set(Slot::kMethod, state.parts[kMethod]);

  const bool https = is_https(block, state);
  block.set(Slot::kScheme, https ? "https" : "http");
  if (given(state, kProtocol))
    block.set(Slot::kProtocol, state.parts[kProtocol]);
  else
    block.set(Slot::kProtocol, "HTTP/1.0");
  if (block.get(Slot::kProtocol) == "HTTP/1.0") block.set_flags(middleware::kRequestHttp10);

  if (HeadVerdict verdict = map_path(block, state, options_); verdict.status != 0) return verdict;
  map_addresses(block, state);
  map_content(block, state);
  if (state.flags & kCookieRepeated) join_cookies(block);
  if (!given(state, kHttpHost)) {
    const HostSource source{state.parts[kServerName], state.parts[kServerAddr], state.parts[kServerPort],
                            https};
    add_named(block, "Host", append_host(block, source));
  }
  if (given(state, kRequestUri)) block.set(Slot::kRawTarget, state.parts[kRequestUri]);
  if (given(state, kClientCert)) block.set(Slot::kClientCertificate, state.parts[kClientCert]);
  if (given(state, kRemoteUser)) block.set(Slot::kRemoteUser, state.parts[kRemoteUser]);
  if (given(state, kRequestId)) block.set(Slot::kRequestId, state.parts[kRequestId]);
  if (block.failed()) return {503, "There is no memory for the request."};
  return {};
}

}  // namespace owind::protocol
