// Every option of `owind serve` with its default, as one plain value. Where a value comes from (flag,
// environment, default) is the business of server/cli; what it does is the business of the room that main
// hands it to. Each default names its origin. 0 means "no limit" or "off" only where it says so.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "middleware/trace_sink.hpp"
#include "server/io/allow_list.hpp"
#include "server/io/endpoint.hpp"
#include "server/io/listen_settings.hpp"

namespace owind::config {

/// How the application is entered.
enum class Dispatch : std::uint8_t {
  kSteal,   ///< On the IO thread; another thread takes the IO over when the call does not return soon.
  kInline,  ///< On the IO thread, always: only for applications that never block.
  kPool,    ///< On the .NET thread pool, as Kestrel does.
};

/// Value of the OWIN key host.AppMode; development shows the details of errors to the visitor.
enum class Mode : std::uint8_t { kProduction, kDevelopment };

/// From which CGI variables owin.RequestPath and owin.RequestPathBase are made.
enum class PathMapping : std::uint8_t {
  kRequestUri,  ///< REQUEST_URI, decoded once; the variables below only when there is none.
  kScript,      ///< SCRIPT_NAME is the path.
  kPathInfo,    ///< SCRIPT_NAME is the base, PATH_INFO the path (RFC 3875 §4.1).
};

/// What becomes of %2F in the path of a request.
enum class EncodedSlash : std::uint8_t { kDecode, kKeep, kReject };

/// Kestrel's MaxRequestBodySize.
inline constexpr std::uint64_t kHttpMaxBodyBytes = 30'000'000;
/// Kestrel's KeepAliveTimeout.
inline constexpr std::chrono::milliseconds kHttpIdleTimeout = std::chrono::seconds(130);
/// Kestrel's MinRequestBodyDataRate and MinResponseDataRate.
inline constexpr std::uint64_t kHttpMinBytesPerSecond = 240;
/// Longer than nginx's keepalive_timeout of 60 s, so that nginx closes first and no request meets a closing
/// connection.
inline constexpr std::chrono::milliseconds kFastCgiIdleTimeout = std::chrono::seconds(90);

/// 512 of 8 MB of stack are 4 GB of address space, of which little is touched; php-fpm's largest common
/// pm.max_children.
inline constexpr std::size_t kMaxAppThreads = 512;

/// Files of `folder` as responses below `prefix`, which is empty or as "/assets".
struct StaticMount {
  std::string prefix;
  std::filesystem::path folder;
};

struct ServerOptions {
  /// The assembly to serve.
  std::filesystem::path app;
  /// Class or method that configures the application; empty: discovered.
  std::string startup;
  /// Value of the OWIN key host.AppName; empty: the full name of the Startup class.
  std::string app_name;
  /// Production, as ASP.NET: details of errors are shown to nobody who did not ask for them.
  Mode mode = Mode::kProduction;
  /// Off: every request is slower with it.
  bool validate = false;

  /// Loopback, because FastCGI has no authentication; 9000 is the port of php-fpm's and nginx's examples.
  std::vector<io::Endpoint> listen = {io::Endpoint{io::Scheme::kFcgi, io::TcpAddress{"127.0.0.1", 9000}}};
  /// Nobody said where: a listening socket on descriptor 0 is taken then (FastCGI 1.0 §2.2), if there is one.
  bool listen_is_default = true;
  /// 0660, owner and group unchanged, as php-fpm's listen.mode.
  io::SocketRights socket_rights;
  /// Who may connect over TCP; empty: everyone who can, and only loopback addresses may be listened on.
  io::AllowList allow;

  /// Where /-/live and /-/ready are answered over HTTP; nowhere without it, since nobody else should have to
  /// know of a port.
  std::optional<io::Endpoint> admin;

  /// 0: the CPUs that this process may use (capacity.hpp). One event loop each.
  std::size_t shards = 0;
  /// Measured: inline with stealing costs a third of the CPU of the pool, and a blocking handler delays no
  /// other.
  Dispatch dispatch = Dispatch::kSteal;
  /// Threads of all shards that may be inside the application. Without a value kMaxAppThreads, or what the
  /// memory allows (capacity.hpp).
  std::optional<std::size_t> max_app_threads;
  /// Above it a request gets a 503. Twice the connections that nginx keeps per worker (worker_connections
  /// 512).
  std::size_t max_requests_in_flight = 1'024;
  /// Requests whose visitor has left but that the application does not complete; above it the process asks to
  /// be replaced. A quarter of the requests in flight.
  std::size_t max_orphans = 256;
  /// Connections over all listeners. Idle ones cost a few KiB: NGINX Unit's promise for 10,000 of them is "a
  /// few MBs".
  std::size_t max_connections = 10'000;

  /// Empty, or starts with a slash and does not end with one.
  std::string path_base;
  /// Stock nginx sends no PATH_INFO and a SCRIPT_NAME that is decoded and rewritten; REQUEST_URI is what the
  /// visitor sent.
  PathMapping path_mapping = PathMapping::kRequestUri;
  /// As Katana's HttpListener host.
  EncodedSlash encoded_slash = EncodedSlash::kDecode;

  /// Files that are served without the application; the front end usually does that.
  std::vector<StaticMount> static_mounts;

  /// Proxies that are believed about the visitor's address and scheme; nobody, since everybody can send the fields.
  io::AllowList trust_forwarded;

  /// Bytes of the parameters of one request, 431 above it. Four of the largest record that nginx can send.
  std::size_t max_params_bytes = 256 * 1024;
  /// Number of the parameters of one request, 431 above it. nginx's max_headers.
  std::size_t max_params_count = 1'000;
  /// Bytes of one name among them, 431 above it. nginx's large_client_header_buffers: a whole header line has 8 KiB.
  std::size_t max_param_name_bytes = 8 * 1024;
  /// Bytes of one value, 431 above it. The content of one record, which is all that nginx can send; large values that
  /// are meant to be (client certificates, tickets of single sign-on) reach 16 to 48 KiB.
  std::size_t max_param_value_bytes = 64 * 1024;
  /// Over HTTP: bytes of the request line without its CRLF, 414 above it. Kestrel's MaxRequestLineSize.
  std::size_t max_request_line_bytes = 8 * 1024;
  /// Over HTTP: bytes of all field lines with their CRLFs, 431 above it. Kestrel's MaxRequestHeadersTotalSize.
  std::size_t max_request_headers_bytes = 32 * 1024;
  /// Over HTTP: number of field lines, 431 above it. Kestrel's MaxRequestHeaderCount.
  std::size_t max_request_headers_count = 100;
  /// Requests at once on one connection, 503 above it. RFC 9113 §6.5.2 recommends at least 100 streams; nginx uses one,
  /// HAProxy as many as FCGI_MAX_REQS announces.
  std::size_t max_requests_per_connection = 100;
  /// Bytes of the body of one request, 413 above it; 0: no limit. Without a value none over FastCGI, because
  /// the front end has one (nginx: 1 MiB), and kHttpMaxBodyBytes over HTTP.
  std::optional<std::uint64_t> max_body_bytes;

  /// Body bytes that one request buffers in each direction before its source waits. Kestrel's MaxResponseBufferSize.
  std::size_t request_buffer_bytes = 64 * 1024;
  /// Request bodies buffered on one connection; it is not read above it. Kestrel's MaxRequestBufferSize.
  std::size_t connection_buffer_bytes = 1024 * 1024;
  /// Request bodies buffered in the whole process; above it, connections that hold some are not read. Four times what
  /// the most requests in flight hold at their marks (1,024 of 64 KiB), which leaves room for connections with many
  /// requests.
  std::size_t max_buffered_bytes = 256 * 1024 * 1024;
  /// Least bytes a second of a body that the application waits for, 408 below it, after five seconds; 0: off. Without a
  /// value off over FastCGI, as in nginx, which sees the visitor's rate and we do not; kHttpMinBytesPerSecond over HTTP.
  std::optional<std::size_t> min_body_rate;
  /// Least bytes a second of a response that a peer takes while output waits for it, after five seconds; the connection
  /// is closed below it; 0: off. Without a value off over FastCGI, where the front end takes it as its visitor does;
  /// kHttpMinBytesPerSecond over HTTP.
  std::optional<std::size_t> min_response_rate;

  /// From the complete head to the end of the application; after it 504, or a broken response if it has begun: streams count, as
  /// with php-fpm's request_terminate_timeout. 0: off, as in Kestrel, nginx and php-fpm.
  std::chrono::milliseconds request_timeout{0};
  /// How long requests may go on after the order to stop. The generic host of .NET.
  std::chrono::milliseconds drain_timeout = std::chrono::seconds(30);
  /// How long new connections are still taken after the order to stop, for load balancers that learn of it
  /// late. 0: none.
  std::chrono::milliseconds drain_delay{0};
  /// How much of an upload is read and dropped behind a response that did not want it, for how long in all, and for
  /// how long while nothing comes; then the connection is closed, with a reset if more has come. As nginx's
  /// lingering_time and lingering_timeout (Kestrel: 5 s in all). Neither has a limit of bytes: this one is what a link
  /// of 300 Mbit/s carries in the time.
  std::size_t unread_body_bytes = std::size_t{1} << 30;
  std::chrono::milliseconds unread_body_timeout = std::chrono::seconds(30);
  std::chrono::milliseconds unread_body_idle_timeout = std::chrono::seconds(5);
  /// Without a value kFastCgiIdleTimeout and kHttpIdleTimeout.
  std::optional<std::chrono::milliseconds> idle_timeout;
  /// From the accepted connection to its first record: a front end connects because it has a request to send.
  std::chrono::milliseconds first_record_timeout = std::chrono::seconds(5);
  /// From the first record of a request to the end of its parameters. Kestrel's RequestHeadersTimeout.
  std::chrono::milliseconds head_timeout = std::chrono::seconds(30);
  /// Between two pieces of a body that the application waits for. nginx's client_body_timeout.
  std::chrono::milliseconds body_timeout = std::chrono::seconds(60);
  /// Between two successful writes while output waits. nginx's send_timeout.
  std::chrono::milliseconds write_timeout = std::chrono::seconds(60);

  /// Where the keys of data protection are kept; empty: $STATE_DIRECTORY/keys, else
  /// ~/.local/share/owind/keys.
  std::filesystem::path data_protection;

  /// Records below it are not written. As nginx's and .NET's production defaults: what an operator can act
  /// upon.
  middleware::Severity log_level = middleware::Severity::kInfo;
};

}  // namespace owind::config
