// Whether a server answers: over FastCGI by FCGI_GET_VALUES (FastCGI 1.0 §4.1), which no application sees,
// over HTTP by GET of a path. For the probes of container engines and load balancers.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "server/io/endpoint.hpp"

namespace owind::cli {

/// Where to ask, and over HTTP for what.
struct HealthTarget {
  io::Endpoint endpoint;
  std::string path;  ///< Starts with a slash; empty over FastCGI.

  /// Reads `[fcgi://]ADDRESS:PORT`, `[fcgi://]unix:PATH`, `http://ADDRESS:PORT[/PATH]`,
  /// `http://unix:SOCKET[:/PATH]` (as nginx writes the last).
  /// @throws std::invalid_argument that quotes `text` and says what is wrong.
  static HealthTarget parse(std::string_view text);

  /// As parse() takes it.
  std::string to_string() const;
};

struct Health {
  bool healthy = false;
  std::string line;  ///< What was asked and what came of it; printable, no line end.
};

/// Asks once. Never throws; whatever goes wrong is not healthy. A status from 200 to 399 is healthy, as for
/// the probes of Kubernetes.
Health check_health(const HealthTarget& target, std::chrono::milliseconds timeout);

}  // namespace owind::cli
