#include "server/observe/admin_server.hpp"

#include <array>
#include <chrono>
#include <span>
#include <string_view>
#include <utility>

#include "middleware/environment.hpp"
#include "middleware/request_block.hpp"
#include "middleware/response_head.hpp"

namespace owind::observe {
namespace {

using namespace std::chrono_literals;
using middleware::Slot;

/// Probes come one by one; more than this is a mistake or an attack.
constexpr std::size_t kMaxConnections = 64;

io::ConnectionLimits limits() {
  io::ConnectionLimits limits;
  limits.max_body_bytes = 1024;
  limits.first_record_timeout = limits.head_timeout = limits.body_timeout = limits.write_timeout = 10s;
  limits.idle_timeout = 60s;
  return limits;
}

struct Page {
  int status;
  std::string_view text;
};

Page live(Health& health) {
  if (health.alive()) return {200, "live\n"};
  return {503, "stuck: no event loop has turned for 30 s\n"};
}

Page ready(const Health& health) {
  switch (health.state()) {
    case Health::State::kStarting:
      return {503, "starting\n"};
    case Health::State::kReady:
      return {200, "ready\n"};
    case Health::State::kDraining:
      break;
  }
  return {503, "draining\n"};
}

Page page_of(std::string_view method, std::string_view path, Health& health) {
  const bool is_live = path == "/-/live";
  if (!is_live && path != "/-/ready") return {404, "there are /-/live and /-/ready\n"};
  if (method != "GET" && method != "HEAD") return {405, "GET or HEAD\n"};
  return is_live ? live(health) : ready(health);
}

}  // namespace

void AdminPages::invoke(middleware::Environment& environment, middleware::Completion completion) noexcept {
  if (auto* const entered = environment.entry().entered) entered->store(1);
  const auto& request = environment.request();
  const Page page = page_of(request.get(Slot::kMethod), request.get(Slot::kPath), health_);
  const std::string length = std::to_string(page.text.size());
  const std::array<middleware::FieldView, 4> fields{{{"Content-Type", "text/plain; charset=utf-8"},
                                                     {"Content-Length", length},
                                                     {"Cache-Control", "no-store"},
                                                     {"Allow", "GET, HEAD"}}};
  middleware::ResponseHeadView head;
  head.status = page.status;
  head.fields = std::span(fields).first(page.status == 405 ? 4 : 3);
  std::string error;
  // The page is smaller than any pipe; if the visitor has gone, nobody misses it.
  if (environment.head(head, error) == middleware::Status::kOk)
    (void)environment.write(std::as_bytes(std::span(page.text)));
  completion(middleware::Outcome::kCompleted);
}

AdminServer::AdminServer(std::vector<io::ListeningSocket> sockets, Health& health, middleware::TraceSink& log,
                         middleware::TraceSink& visitor_log)
    : pages_(health),
      admission_(kMaxConnections),
      fastcgi_({}, {}),
      context_{.fastcgi = {fastcgi_, limits()},
               .http = {http_, limits()},
               .pipe_limits = {},
               .tokens = tokens_,
               .admission = admission_,
               .trace = log,
               .visitor_trace = visitor_log,
               .app = middleware::AppFunc::of(pages_),
               .max_connections = kMaxConnections},
      // The pages never block: one thread.
      server_(context_, {.dispatch = runner::Dispatch::kInline}, 1) {
  server_.start(std::move(sockets), everybody_);
}

AdminServer::~AdminServer() {
  server_.stop_accepting();
  server_.abort_all();
  server_.drain(std::chrono::steady_clock::now() + 1s);
  server_.stop();
  server_.join();
}

}  // namespace owind::observe
