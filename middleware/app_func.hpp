// AppFunc, natively: what takes a request and, some time later, says that it is done with it. The managed
// application is one of these (hosting/managed_app.hpp); native middleware and handlers are others.
#pragma once

#include <cassert>
#include <utility>

#include "middleware/status.hpp"

namespace owind::middleware {

class Environment;

/// The promise to say that a request's application is done. Move-only; called exactly once; dropped without a
/// call it completes with Outcome::kAbandoned (a 500 and a log line). Completions run on the shard's leader,
/// or inside the application call that started the request. After calling one, touch nothing of the request.
class Completion {
 public:
  using Function = void (*)(void* context, Outcome outcome) noexcept;

  Completion() = default;
  Completion(Function function, void* context) : function_(function), context_(context) {}
  Completion(Completion&& other) noexcept
      : function_(std::exchange(other.function_, nullptr)), context_(other.context_) {}
  Completion& operator=(Completion&& other) noexcept {
    if (this != &other) {
      if (function_) (*this)(Outcome::kAbandoned);
      function_ = std::exchange(other.function_, nullptr);
      context_ = other.context_;
    }
    return *this;
  }
  ~Completion() {
    if (function_) (*this)(Outcome::kAbandoned);
  }

  void operator()(Outcome outcome) noexcept {
    assert(function_ && "a completion is called once");
    std::exchange(function_, nullptr)(context_, outcome);
  }
  explicit operator bool() const { return function_ != nullptr; }

 private:
  Function function_ = nullptr;
  void* context_ = nullptr;
};

/// A borrowed callable: two words, no allocation. What it refers to lives as long as the server.
/// Called with the environment and the completion; a tail call: after it returns the caller touches nothing
/// of the request.
class AppFunc {
 public:
  using Function = void (*)(void* context, Environment& environment, Completion completion) noexcept;

  AppFunc() = default;
  AppFunc(Function function, void* context) : function_(function), context_(context) {}

  /// An AppFunc that calls `object.invoke(environment, completion)`.
  template <typename T>
  static AppFunc of(T& object) {
    return AppFunc(
        [](void* context, Environment& environment, Completion completion) noexcept {
          static_cast<T*>(context)->invoke(environment, std::move(completion));
        },
        &object);
  }

  void operator()(Environment& environment, Completion completion) const noexcept {
    function_(context_, environment, std::move(completion));
  }
  explicit operator bool() const { return function_ != nullptr; }

 private:
  Function function_ = nullptr;
  void* context_ = nullptr;
};

}  // namespace owind::middleware
