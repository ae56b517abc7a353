// Where a request's path comes from and how it is split, as the user chooses it (--path-mapping, --path-base,
// --encoded-slash).
#pragma once

#include <cstdint>
#include <string>

namespace owind::protocol {

/// What a percent-encoded slash in the path becomes.
enum class EncodedSlash : std::uint8_t {
  kDecode,  ///< A slash, as in Katana.
  kKeep,    ///< It stays as it was sent, as in Kestrel.
  kReject,  ///< The request is answered 400.
};

struct PathOptions {
  enum class Mapping : std::uint8_t {
    kRequestUri,  ///< Decoded here, once, from REQUEST_URI.
    kScript,      ///< SCRIPT_NAME, which the front end has decoded.
    kPathInfo,    ///< PathBase = SCRIPT_NAME, Path = PATH_INFO (RFC 3875 §4.1.5, §4.1.13).
  };
  Mapping mapping = Mapping::kRequestUri;
  /// Decoded, UTF-8; empty: none. A missing leading slash is added, trailing ones are dropped.
  std::string path_base{};
  EncodedSlash encoded_slash = EncodedSlash::kDecode;
};

/// `options` with a base that starts with a slash and does not end with one, or is empty: as it is compared.
inline PathOptions normalised(PathOptions options) {
  std::string& base = options.path_base;
  while (base.ends_with('/')) base.pop_back();
  if (!base.empty() && !base.starts_with('/')) base.insert(base.begin(), '/');
  return options;
}

}  // namespace owind::protocol
