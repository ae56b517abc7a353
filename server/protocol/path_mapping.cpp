#include "server/protocol/path_mapping.hpp"

#include <cstring>

#include "server/protocol/path_decoder.hpp"
#include "server/protocol/request_target.hpp"

namespace owind::protocol {
namespace {

using middleware::RequestBlock;
using middleware::Slice;
using middleware::Slot;

/// Appends what stands elsewhere in the block, which may move while it grows.
Slice append_copy(RequestBlock& block, Slice source) {
  const Slice copy = block.append_space(source.length);
  if (!block.failed() && source.length)
    std::memcpy(block.mutable_bytes(copy), block.view(source).data(), source.length);
  return copy;
}

void map_query(RequestBlock& block, const PathSources& sources, Slice from_target) {
  Slice query = sources.query_string;
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

/// Splits a decoded path by the configured base and fills both slots.
void set_path(RequestBlock& block, Slice path, std::string_view path_base) {
  const auto base = static_cast<std::uint32_t>(match_path_base(block.view(path), path_base));
  block.set(Slot::kPathBase, Slice{path.offset, base});
  block.set(Slot::kPath, Slice{path.offset + base, path.length - base});
}

/// A path that the front end has decoded, in one part or two, made to start with `/`, without dot segments.
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
void map_path_info(RequestBlock& block, const PathSources& sources, std::string_view path_base) {
  const Slice script = sources.script_name;
  const Slice info = sources.path_info;
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

/// REQUEST_URI's path.
std::string_view map_request_uri(RequestBlock& block, Slice encoded, const PathOptions& options) {
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
      return "The path contains a NUL byte.";
    case PathError::kEncodedSlash:
      return "The path contains an encoded slash, which --encoded-slash reject refuses.";
  }
  block.shrink(path, static_cast<std::uint32_t>(remove_dot_segments(to, decoded.length)));
  set_path(block, path, options.path_base);
  return {};
}

}  // namespace

std::string_view map_path(RequestBlock& block, const PathSources& sources, const PathOptions& options) {
  using Mapping = PathOptions::Mapping;
  const Slice uri = sources.request_uri;
  const std::string_view raw = block.view(uri);
  const auto target = split_request_target(raw);
  // Slices before anything is appended, as the block may move then.
  const auto slice = [&](std::string_view part) {
    return Slice{uri.offset + static_cast<std::uint32_t>(part.data() - raw.data()),
                 static_cast<std::uint32_t>(part.size())};
  };
  const Slice path = target && !target->path.empty() ? slice(target->path) : Slice{};
  map_query(block, sources, target && target->query ? slice(*target->query) : Slice{});

  if (options.mapping == Mapping::kRequestUri && sources.request_uri.length != 0) {
    if (!target) return "The request target is not a path.";
    return map_request_uri(block, path, options);
  }
  for (const Slice decoded : {sources.document_uri, sources.script_name, sources.path_info})
    if (block.view(decoded).find('\0') != std::string_view::npos) return "The path contains a NUL byte.";
  if (options.mapping == Mapping::kPathInfo) {
    map_path_info(block, sources, options.path_base);
    return {};
  }
  Slice first = sources.script_name;
  Slice second;
  if (options.mapping == Mapping::kRequestUri) {
    second = sources.path_info;
    if (sources.document_uri.length != 0) {
      first = sources.document_uri;
      second = {};
    }
  }
  set_path(block, join_decoded(block, first, second), options.path_base);
  return {};
}

}  // namespace owind::protocol
