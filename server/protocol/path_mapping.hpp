// Path base, path and query of a request (OWIN 1.0.1 §5.3, §5.5) from what a front end says of them, by the
// user's choice. Put together, decoded and normalised, never taken apart by the length of one value within
// another (CVE-2019-11043).
#pragma once

#include <string_view>

#include "middleware/request_block.hpp"
#include "server/protocol/path_options.hpp"

namespace owind::protocol {

/// Slices of the block that is being built; offset 0: not sent.
struct PathSources {
  middleware::Slice request_uri;   ///< As the visitor sent it, encoded.
  middleware::Slice document_uri;  ///< Decoded and perhaps rewritten by the front end, as are the next two.
  middleware::Slice script_name;
  middleware::Slice path_info;
  middleware::Slice query_string;  ///< Encoded.
};

/// Fills Slot::kPathBase, kPath and kQueryString. Under kRequestUri a request without REQUEST_URI has the
/// path DOCUMENT_URI, else SCRIPT_NAME and PATH_INFO. The query is QUERY_STRING where it was sent, if empty,
/// else REQUEST_URI's. Under kPathInfo options.path_base counts only where SCRIPT_NAME gives no base.
/// `options.path_base` starts with `/` and does not end with it, or is empty. Returns why the request is a
/// 400 (a literal); empty when it is none. Look at block.failed() afterwards.
[[nodiscard]] std::string_view map_path(middleware::RequestBlock& block, const PathSources& sources,
                                        const PathOptions& options);

}  // namespace owind::protocol
