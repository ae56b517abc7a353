// Answers every request with one HTML page and a 503: what stands in for an application that is being built,
// or cannot run (development only).
#pragma once

#include <string>

#include "middleware/app_func.hpp"

namespace owind::middleware {

class FixedPage {
 public:
  /// `html` fits into an empty pipe (middleware/limits.hpp).
  explicit FixedPage(std::string html) : html_(std::move(html)) {}
  void invoke(Environment& environment, Completion completion) noexcept;

 private:
  const std::string html_;
};

}  // namespace owind::middleware
