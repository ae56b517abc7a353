// The native middleware in front of the application, in order. Built once at start-up; immutable afterwards.
#pragma once

#include <memory>
#include <vector>

#include "middleware/app_func.hpp"

namespace owind::middleware {

/// A native middleware: decides to answer, or to call on. invoke() is noexcept and may be called by several
/// threads at once.
class Middleware {
 public:
  virtual ~Middleware() = default;
  /// `next(environment, completion)` is a tail call: touch nothing afterwards. What has to happen after the
  /// response is done in a completion that wraps the one given.
  virtual void invoke(Environment& environment, Completion completion, const AppFunc& next) noexcept = 0;
};

class Pipeline {
 public:
  /// `last` is the application itself.
  explicit Pipeline(AppFunc last) : entry_(last) {}
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;

  /// Adds a middleware in front of everything that is there. Before the first request.
  void use(std::unique_ptr<Middleware> middleware);

  /// The outermost function; valid as long as the pipeline, until the next use().
  const AppFunc& app() const { return entry_; }

 private:
  struct Link {
    std::unique_ptr<Middleware> middleware;
    AppFunc next;
    void invoke(Environment& environment, Completion completion) noexcept {
      middleware->invoke(environment, std::move(completion), next);
    }
  };
  AppFunc entry_;
  std::vector<std::unique_ptr<Link>> links_;
};

}  // namespace owind::middleware
