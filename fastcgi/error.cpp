// The text of each error.
#include "fastcgi/error.hpp"

namespace owind::fastcgi {

const char* message(Errc error) noexcept {
  switch (error) {
    case Errc::kNone:
      return "no error";
    case Errc::kBadVersion:
      return "not a FastCGI 1 record (is the front end speaking another protocol?)";
    case Errc::kBeginLength:
      return "BEGIN_REQUEST has a length other than 8";
    case Errc::kBeginActive:
      return "BEGIN_REQUEST for a request that has not ended";
    case Errc::kStdinBeforeParamsEnd:
      return "STDIN before the end of PARAMS";
    case Errc::kTruncatedPair:
      return "a name-value pair is longer than what was sent";
    case Errc::kParamsTooLarge:
      return "the parameters are larger than the limit";
    case Errc::kTooManyParams:
      return "more parameters than the limit";
    case Errc::kParamNameTooLong:
      return "the name of a parameter is longer than the limit";
    case Errc::kParamValueTooLong:
      return "the value of a parameter is longer than the limit";
    case Errc::kUnknownRole:
      return "a role that is not served";
    case Errc::kTooManyRequests:
      return "too many requests at once on one connection";
  }
  return "unknown error";
}

}  // namespace owind::fastcgi
