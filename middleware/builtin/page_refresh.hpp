// Tells open pages that the application behind them has changed (development only). A page has a script
// (html()) that listens to an event stream; the stream says which generation of the application answers, and
// ends with "reload" when another one has taken over.
//
// Keeps the streams' tokens only; a stream ends with its visitor, or with stop().
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "middleware/environment.hpp"
#include "middleware/pipeline.hpp"
#include "middleware/token_table.hpp"

namespace owind::middleware {

class PageRefresh final : public Middleware, private Suspended {
 public:
  static constexpr std::string_view kScriptPath = "/_owind/refresh.js";
  static constexpr std::string_view kStreamPath = "/_owind/refresh";

  /// `tokens` outlives this. `generation`: letters and digits, another one each time.
  PageRefresh(TokenTable& tokens, std::string generation);

  /// What goes to the end of each HTML page of that generation.
  static std::string html(std::string_view generation);

  void invoke(Environment& environment, Completion completion, const AppFunc& next) noexcept override;

  /// Another process answers from now on: open pages load anew, their streams end. Any thread.
  void stop() noexcept;

 private:
  void on_ready(Environment&, Ready, CallEntry entry) noexcept override;
  void on_abort(Environment& environment, AbortReason, CallEntry entry) noexcept override;
  void stream(Environment& environment, Completion completion) noexcept;

  TokenTable& tokens_;
  const std::string generation_;
  /// park() may call on_abort() at once.
  std::recursive_mutex mutex_;
  std::vector<Token> streams_;
  bool stopped_ = false;
};

}  // namespace owind::middleware
