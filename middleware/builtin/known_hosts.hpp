// Answers for the host names of this machine only (development). Without it every page that a browser shows
// could read a development server's pages: the page's own name is made to resolve to 127.0.0.1 after it was
// loaded, and the browser takes both for the same origin (DNS rebinding).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "middleware/pipeline.hpp"

namespace owind::middleware {

class KnownHosts final : public Middleware {
 public:
  /// Names besides localhost, *.localhost, 127.0.0.0/8 and ::1; without port.
  explicit KnownHosts(std::vector<std::string> more) : more_(std::move(more)) {}

  /// Other hosts get a 421 (RFC 9110 §15.5.20) that says what to do.
  void invoke(Environment& environment, Completion completion, const AppFunc& next) noexcept override;

  /// `host`: a Host field, with or without a port.
  bool knows(std::string_view host) const;

 private:
  const std::vector<std::string> more_;
};

}  // namespace owind::middleware
