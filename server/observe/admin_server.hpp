// The listener of --admin: HTTP for those who watch the process, apart from the application's requests. It
// has an event loop, a thread and limits of its own, so that it answers whatever the application does, and
// counts among its requests nowhere.
//
//   GET /-/live    200, or 503 when every event loop of the server stands still
//   GET /-/ready   200, or 503 while the process starts and from the order to stop on
#pragma once

#include <string>
#include <vector>

#include "middleware/app_func.hpp"
#include "middleware/token_table.hpp"
#include "middleware/trace_sink.hpp"
#include "server/exchange/admission.hpp"
#include "server/io/listening_socket.hpp"
#include "server/io/server.hpp"
#include "server/observe/health.hpp"
#include "server/protocol/fastcgi_protocol.hpp"
#include "server/protocol/http/http_protocol.hpp"

namespace owind::observe {

/// The pages, as an application: any number of threads at once.
class AdminPages {
 public:
  explicit AdminPages(Health& health) : health_(health) {}
  void invoke(middleware::Environment& environment, middleware::Completion completion) noexcept;

 private:
  Health& health_;
};

class AdminServer {
 public:
  /// `health`, `log` and `visitor_log` outlive the server. Begins to answer at once on `sockets`, which speak
  /// HTTP.
  /// @throws std::system_error when there is no thread for it.
  AdminServer(std::vector<io::ListeningSocket> sockets, Health& health, middleware::TraceSink& log,
              middleware::TraceSink& visitor_log);
  AdminServer(const AdminServer&) = delete;
  AdminServer& operator=(const AdminServer&) = delete;
  /// Closes the sockets and every connection.
  ~AdminServer();

  std::vector<std::string> endpoints() const { return server_.endpoints(); }

 private:
  AdminPages pages_;
  middleware::TokenTable tokens_;
  exchange::Admission admission_;
  protocol::FastCgiProtocol fastcgi_;  ///< Of no listener; the context has a place for it.
  protocol::HttpProtocol http_;
  io::ServerContext context_;
  io::AllowList everybody_;
  io::Server server_;
};

}  // namespace owind::observe
