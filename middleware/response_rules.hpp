// The rules that a response head must keep before a byte of it is sent (RFC 9110 §5.5, §6.4, §8.6, §15; RFC
// 9112 §9.6; RFC 3875 §6.3). Applied synchronously when the application gives the head, so that it can still
// get an exception and the visitor a 500. Also the accounting of body bytes against Content-Length.
#pragma once

#include <string>
#include <string_view>

#include "middleware/response_head.hpp"

namespace owind::middleware {

/// What of the request and of the protocol the rules depend on.
struct ResponseContext {
  bool is_head_request = false;
  /// The protocol can carry interim and switching responses. FastCGI cannot.
  bool can_switch_protocols = false;
};

/// Checks `head` and copies what may be sent into `out` (cleared first).
/// - status 200–999; 1xx and 101 are refused where the protocol cannot carry them;
/// - field names are tokens, values hold no CR, LF or NUL; neither does the reason phrase;
/// - Content-Length is one number of at most 18 digits; repeated equal ones become one;
/// - hop-by-hop fields (Connection, Keep-Alive, Proxy-Connection, TE, Trailer, Transfer-Encoding, Upgrade)
/// are dropped: framing
///   is the front end's;
/// - a 204 has no Content-Length;
/// - the whole head is at most kMaxResponseHeadBytes.
/// False: `out` is unusable and `error` says which rule is broken, by name of the field.
[[nodiscard]] bool check_response_head(const ResponseHeadView& head, const ResponseContext& context,
                                       ResponseHead& out, std::string& error);

/// The phrase of RFC 9110 §15 and the IANA registry; "Unknown" for an unregistered code.
std::string_view standard_reason(int status);

}  // namespace owind::middleware
