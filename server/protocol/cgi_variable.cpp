#include "server/protocol/cgi_variable.hpp"

#include <cstring>

namespace owind::protocol::cgi {
namespace {

/// `name` has the length of `expected`.
template <std::size_t N>
bool is(std::string_view name, const char (&expected)[N]) {
  return std::memcmp(name.data(), expected, N - 1) == 0;
}

}  // namespace

// By length first, and then mostly one comparison: this runs for every variable of every request.
Variable variable_of(std::string_view name) noexcept {
  switch (name.size()) {
    case 5:
      return is(name, "HTTPS") ? kHttps : kVariableCount;
    case 9:
      return is(name, "PATH_INFO") ? kPathInfo : kVariableCount;
    case 10:
      return is(name, "REQUEST_ID") ? kRequestId : kVariableCount;
    case 11:
      switch (name[7]) {
        case 'A':
          return is(name, "REMOTE_ADDR")   ? kRemoteAddr
                 : is(name, "SERVER_ADDR") ? kServerAddr
                                           : kVariableCount;
        case 'P':
          return is(name, "REMOTE_PORT")   ? kRemotePort
                 : is(name, "SERVER_PORT") ? kServerPort
                                           : kVariableCount;
        case 'N':
          return is(name, "SCRIPT_NAME")   ? kScriptName
                 : is(name, "SERVER_NAME") ? kServerName
                                           : kVariableCount;
        case 'U':
          return is(name, "REMOTE_USER") ? kRemoteUser : kVariableCount;
        case '_':
          return is(name, "REQUEST_URI") ? kRequestUri : kVariableCount;
        default:
          return kVariableCount;
      }
    case 12:
      switch (name[0]) {
        case 'Q':
          return is(name, "QUERY_STRING") ? kQueryString : kVariableCount;
        case 'C':
          return is(name, "CONTENT_TYPE") ? kContentType : kVariableCount;
        case 'D':
          return is(name, "DOCUMENT_URI") ? kDocumentUri : kVariableCount;
        default:
          return kVariableCount;
      }
    case 14:
      switch (name[8]) {
        case 'M':
          return is(name, "REQUEST_METHOD") ? kMethod : kVariableCount;
        case 'L':
          return is(name, "CONTENT_LENGTH") ? kContentLength : kVariableCount;
        case 'S':
          return is(name, "REQUEST_SCHEME") ? kScheme : kVariableCount;
        default:
          return kVariableCount;
      }
    case 15:
      return is(name, "SERVER_PROTOCOL")   ? kProtocol
             : is(name, "SSL_CLIENT_CERT") ? kClientCert
                                           : kVariableCount;
    case 17:
      return is(name, "SSL_CLIENT_VERIFY") ? kClientVerify : kVariableCount;
    default:
      return kVariableCount;
  }
}

}  // namespace owind::protocol::cgi
