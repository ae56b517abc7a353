// The CGI variables that OWIN has a use for (RFC 3875 §4.1, and what front ends add), by name. Fields of the
// request (HTTP_*) are not among them, but for the three that stand in for a variable.
#pragma once

#include <cstddef>
#include <string_view>

namespace owind::protocol::cgi {

/// Index into HeadState::parts.
enum Variable : std::size_t {
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
  kClientVerify,
  // No result of variable_of().
  kHttpHost,
  kHttpContentType,
  kHttpContentLength,
  kVariableCount,
};

/// The variable of that name, compared whole and by case; kVariableCount for any other name.
[[nodiscard]] Variable variable_of(std::string_view name) noexcept;

}  // namespace owind::protocol::cgi
