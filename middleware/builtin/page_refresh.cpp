#include "middleware/builtin/page_refresh.hpp"

#include <algorithm>
#include <exception>

#include "middleware/builtin/native_response.hpp"

namespace owind::middleware {
namespace {

// The page's own generation stands in the address of the script. Reloads only when a server answers: a page
// that loads anew in the moment between two processes would be lost. A page out of the browser's cache (304)
// says an old generation again and again: it is loaded anew once for each. A page that nobody looks at does
// not listen: a browser has six connections to a server, and the first look tells the same.
constexpr std::string_view kScript = R"js((function () {
  'use strict';
  var mine = new URL(document.currentScript.src).searchParams.get('g');
  var source = null;
  function close() { if (source) source.close(); source = null; }
  function reload() { close(); location.reload(); }
  function isNews(generation) {
    var key = 'owind ' + location.href, last = null;
    try { last = sessionStorage.getItem(key); sessionStorage.setItem(key, generation); } catch (e) { }
    return generation !== mine && generation !== last;
  }
  function open() {
    if (source || document.hidden) return;
    source = new EventSource('/_owind/refresh');
    source.addEventListener('generation', function (event) { if (isNews(event.data)) reload(); });
    source.addEventListener('reload', reload);
  }
  document.addEventListener('visibilitychange', function () { if (document.hidden) close(); else open(); });
  addEventListener('pagehide', close);
  addEventListener('pageshow', open);
  open();
})();
)js";

std::span<const std::byte> bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

}  // namespace

PageRefresh::PageRefresh(TokenTable& tokens, std::string generation)
    : tokens_(tokens), generation_(std::move(generation)) {}

std::string PageRefresh::html(std::string_view generation) {
  return "\n<script src=\"" + std::string(kScriptPath) + "?g=" + std::string(generation) + "\"></script>\n";
}

void PageRefresh::invoke(Environment& environment, Completion completion, const AppFunc& next) noexcept {
  const std::string_view path = environment.request().get(Slot::kPath);
  if (path == kScriptPath) {
    enter(environment.entry());
    respond(environment, std::move(completion), 200, "text/javascript; charset=utf-8", kScript);
  } else if (path == kStreamPath) {
    enter(environment.entry());
    stream(environment, std::move(completion));
  } else {
    next(environment, std::move(completion));
  }
}

void PageRefresh::stream(Environment& environment, Completion completion) noexcept try {
  const FieldView fields[] = {{"Content-Type", "text/event-stream"}, {"Cache-Control", "no-store"}};
  ResponseHeadView head;
  head.fields = fields;
  head.unbuffered = true;
  std::string error;
  const std::string first = "retry: 200\nevent: generation\ndata: " + generation_ + "\n\n";
  if (environment.head(head, error) != Status::kOk) return completion(Outcome::kFaulted);
  environment.write(bytes(first));
  {
    const std::lock_guard lock(mutex_);
    if (!stopped_) {
      streams_.push_back(environment.token());
      // Inside the lock: stop() must not complete what is not parked yet.
      environment.park(std::move(completion), *this);
      return;
    }
  }
  environment.write(bytes("event: reload\ndata:\n\n"));
  completion(Outcome::kCompleted);
} catch (const std::exception&) {
  if (completion) completion(Outcome::kFaulted);
}

void PageRefresh::on_ready(Environment&, Ready, CallEntry entry) noexcept { enter(entry); }

void PageRefresh::on_abort(Environment& environment, AbortReason, CallEntry entry) noexcept {
  enter(entry);
  {
    const std::lock_guard lock(mutex_);
    std::erase(streams_, environment.token());
  }
  environment.complete(Outcome::kCancelled);
}

void PageRefresh::stop() noexcept {
  std::vector<Token> streams;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    streams.swap(streams_);
  }
  for (const Token token : streams) {
    if (const auto pin = tokens_.pin(token)) {
      pin->write(bytes("event: reload\ndata:\n\n"));
      pin->complete(Outcome::kCompleted);
    }
  }
}

}  // namespace owind::middleware
