// What a peer can do wrong, as values. Each says what the codec does about it; none is ever thrown.
#pragma once

#include <cstdint>

namespace owind::fastcgi {

enum class Errc : std::uint8_t {
  kNone = 0,

  // Malformed: Kind::kPeerError. FastCGI has no resynchronisation, so the connection is closed.

  /// A record of another version than 1, which is also what anything that is not FastCGI looks like.
  kBadVersion,
  /// BEGIN_REQUEST whose content is not 8 bytes.
  kBeginLength,
  /// BEGIN_REQUEST for an id that has not been ended: two requests would mix.
  kBeginActive,
  /// STDIN before the end of PARAMS: the request would run with half of its parameters.
  kStdinBeforeParamsEnd,
  /// PARAMS or GET_VALUES ends inside a name-value pair: a length claims more than was sent.
  kTruncatedPair,

  // Over a limit: Kind::kParamsLimit. The request is answered with 431, the connection lives.

  /// The parameters of a request are more than Limits::max_params_bytes.
  kParamsTooLarge,
  /// More pairs than Limits::max_params.
  kTooManyParams,
  /// A name longer than Limits::max_name_bytes.
  kParamNameTooLong,
  /// A value longer than Limits::max_value_bytes.
  kParamValueTooLong,

  // Refused: Kind::kReply carries the answer. The id never becomes active, the connection lives.

  /// A role other than Responder and Authorizer: END_REQUEST says UNKNOWN_ROLE.
  kUnknownRole,
  /// More than Limits::max_active_requests at once: a 503, and END_REQUEST says OVERLOADED.
  kTooManyRequests,
};

/// One line for a log, without a full stop; a literal.
[[nodiscard]] const char* message(Errc error) noexcept;

}  // namespace owind::fastcgi
