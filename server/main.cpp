// The composition root: the one file that may include everything. Parses the command line, starts the CLR and
// the server around it, and takes both down again.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <variant>

#include "hosting/coreclr_runtime.hpp"
#include "hosting/error.hpp"
#include "hosting/managed_app.hpp"
#include "hosting/managed_bridge.hpp"
#include "hosting/native_exports.hpp"
#include "hosting/runtime_config.hpp"
#include "middleware/builtin/fixed_page.hpp"
#include "middleware/builtin/known_hosts.hpp"
#include "middleware/builtin/page_refresh.hpp"
#include "middleware/builtin/static_files.hpp"
#include "middleware/pipeline.hpp"
#include "server/cli/command_line.hpp"
#include "server/cli/unknown_variables.hpp"
#include "server/cli/version.hpp"
#include "server/config/capacity.hpp"
#include "server/config/data_protection_folder.hpp"
#include "server/config/server_options.hpp"
#include "server/dev/child_role.hpp"
#include "server/dev/dev_server.hpp"
#include "server/dev/project_template.hpp"
#include "server/io/inherited_sockets.hpp"
#include "server/io/server.hpp"
#include "server/io/startup_error.hpp"
#include "server/observe/admin_server.hpp"
#include "server/observe/health.hpp"
#include "server/observe/log.hpp"
#include "server/process/init.hpp"
#include "server/process/readiness.hpp"
#include "server/process/signals.hpp"
#include "server/process/stop_controller.hpp"
#include "server/protocol/fastcgi_protocol.hpp"
#include "server/protocol/http/http_protocol.hpp"

namespace {

using namespace owind;
using std::chrono::steady_clock;

constexpr int kStartupFailure = 1;
/// What an application gets to end in after it was told that the server will not wait.
constexpr auto kLastWait = std::chrono::seconds(2);

// ---- options → the rooms' own settings ----

io::ConnectionLimits connection_limits(const config::ServerOptions& options) {
  io::ConnectionLimits limits;
  limits.max_body_bytes = options.max_body_bytes.value_or(0);
  limits.request_timeout = options.request_timeout;
  limits.unread_body_bytes = options.unread_body_bytes;
  limits.unread_body_timeout = options.unread_body_timeout;
  limits.unread_body_idle_timeout = options.unread_body_idle_timeout;
  limits.idle_timeout = options.idle_timeout.value_or(config::kFastCgiIdleTimeout);
  limits.first_record_timeout = options.first_record_timeout;
  limits.head_timeout = options.head_timeout;
  limits.body_timeout = options.body_timeout;
  limits.write_timeout = options.write_timeout;
  limits.max_buffered_bytes = options.connection_buffer_bytes;
  limits.min_body_rate = options.min_body_rate.value_or(0);
  limits.min_response_rate = options.min_response_rate.value_or(0);
  return limits;
}

/// Visitors connect by themselves here, and keep connections for later: no front end limits them.
io::ConnectionLimits http_limits(const config::ServerOptions& options) {
  io::ConnectionLimits limits = connection_limits(options);
  limits.max_body_bytes = options.max_body_bytes.value_or(config::kHttpMaxBodyBytes);
  limits.idle_timeout = options.idle_timeout.value_or(config::kHttpIdleTimeout);
  // Browsers connect ahead of their requests.
  limits.first_record_timeout = limits.idle_timeout;
  limits.min_body_rate = options.min_body_rate.value_or(config::kHttpMinBytesPerSecond);
  limits.min_response_rate = options.min_response_rate.value_or(config::kHttpMinBytesPerSecond);
  return limits;
}

protocol::HttpLimits http_message_limits(const config::ServerOptions& options) {
  protocol::HttpLimits limits;
  limits.max_request_line_bytes = options.max_request_line_bytes;
  limits.max_fields_bytes = options.max_request_headers_bytes;
  limits.max_fields = options.max_request_headers_count;
  limits.max_unread_bytes = std::min(limits.max_unread_bytes, options.unread_body_bytes);
  return limits;
}

fastcgi::Limits fastcgi_limits(const config::ServerOptions& options) {
  fastcgi::Limits limits;
  limits.max_params_bytes = static_cast<std::uint32_t>(options.max_params_bytes);
  limits.max_params = static_cast<std::uint32_t>(options.max_params_count);
  limits.max_name_bytes = static_cast<std::uint32_t>(options.max_param_name_bytes);
  limits.max_value_bytes = static_cast<std::uint32_t>(options.max_param_value_bytes);
  limits.max_active_requests = static_cast<std::uint32_t>(options.max_requests_per_connection);
  return limits;
}

protocol::PathOptions path_options(const config::ServerOptions& options) {
  protocol::PathOptions paths;
  using Mapping = protocol::PathOptions::Mapping;
  using Slash = protocol::EncodedSlash;
  switch (options.path_mapping) {
    case config::PathMapping::kRequestUri:
      paths.mapping = Mapping::kRequestUri;
      break;
    case config::PathMapping::kScript:
      paths.mapping = Mapping::kScript;
      break;
    case config::PathMapping::kPathInfo:
      paths.mapping = Mapping::kPathInfo;
      break;
  }
  switch (options.encoded_slash) {
    case config::EncodedSlash::kDecode:
      paths.encoded_slash = Slash::kDecode;
      break;
    case config::EncodedSlash::kKeep:
      paths.encoded_slash = Slash::kKeep;
      break;
    case config::EncodedSlash::kReject:
      paths.encoded_slash = Slash::kReject;
      break;
  }
  paths.path_base = options.path_base;
  return paths;
}

protocol::ForwardedTrust forwarded_trust(const config::ServerOptions& options) {
  std::vector<protocol::IpNetwork> networks;
  // In the list's canonical form, which is always one.
  for (const auto& text : options.trust_forwarded.to_strings())
    if (const auto network = protocol::parse_ip_network(text)) networks.push_back(*network);
  return protocol::ForwardedTrust(std::move(networks));
}

runner::RunnerOptions runner_options(const config::ServerOptions& options, const config::Capacity& capacity) {
  runner::RunnerOptions runner;
  switch (options.dispatch) {
    case config::Dispatch::kSteal:
      runner.dispatch = runner::Dispatch::kSteal;
      break;
    case config::Dispatch::kInline:
      runner.dispatch = runner::Dispatch::kInline;
      break;
    case config::Dispatch::kPool:
      runner.dispatch = runner::Dispatch::kPool;
      break;
  }
  runner.max_app_threads = capacity.max_app_threads;
  return runner;
}

/// `scheme|host|port|path`, for host.Addresses.
std::string address_setting(const io::Endpoint& endpoint, const std::string& path_base) {
  std::string host, port;
  if (const auto* tcp = std::get_if<io::TcpAddress>(&endpoint.place)) {
    host = tcp->host;
    port = std::to_string(tcp->port);
  } else if (const auto* file = std::get_if<io::UnixPath>(&endpoint.place)) {
    host = "unix:" + file->path;
  } else {
    host = "localhost";
  }
  return "http|" + host + "|" + port + "|" + path_base;
}

std::string_view level_name(middleware::Severity level) {
  switch (level) {
    case middleware::Severity::kDebug:
      return "debug";
    case middleware::Severity::kInfo:
      return "info";
    case middleware::Severity::kWarning:
      return "warning";
    case middleware::Severity::kError:
      return "error";
  }
  return "info";
}

hosting::BridgeSettings bridge_settings(const config::ServerOptions& options,
                                        const std::filesystem::path& application,
                                        const std::vector<io::ListeningSocket>& sockets) {
  hosting::BridgeSettings settings{
      {"application", application.string()},
      {"server-name", "owind/" + std::string(cli::version())},
      {"mode", options.mode == config::Mode::kDevelopment ? "development" : "production"},
      {"path-base", options.path_base},
      {"log-level", std::string(level_name(options.log_level))}};
  if (!options.startup.empty()) settings.emplace_back("startup", options.startup);
  if (!options.app_name.empty()) settings.emplace_back("app-name", options.app_name);
  if (options.validate) settings.emplace_back("validate", "true");
  if (const auto keys = config::data_protection_folder(options.data_protection, &std::getenv); !keys.empty())
    settings.emplace_back("data-protection", keys.string());
  for (const auto& socket : sockets)
    settings.emplace_back("address", address_setting(socket.endpoint(), options.path_base));
  return settings;
}

/// The bridge is installed beside the executable, or in ../lib/owind of it.
std::filesystem::path bridge_path() {
  const auto executable = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  const auto beside = executable / "bridge" / "Owind.Bridge.dll";
  const auto installed = executable.parent_path() / "lib" / "owind" / "bridge" / "Owind.Bridge.dll";
  if (std::filesystem::exists(beside)) return beside;
  if (std::filesystem::exists(installed)) return installed;
  throw io::StartupError("the managed bridge Owind.Bridge.dll was not found: neither " + beside.string() +
                             " nor " + installed.string() + " exists",
                         "Install owind with its bridge folder; in a source tree, run ./dev build.");
}

// ---- serve ----

/// FCGI_WEB_SERVER_ADDRS, set by whoever starts FastCGI applications (FastCGI 1.0 §3.2); nothing where it is
/// not.
std::optional<io::AllowList> web_server_addresses(observe::Log& log) {
  const char* text = std::getenv("FCGI_WEB_SERVER_ADDRS");
  if (!text) return std::nullopt;
  std::vector<std::string> refused;
  auto list = io::AllowList::from_web_server_addresses(text, refused);
  for (const auto& entry : refused)
    log.warn("FCGI_WEB_SERVER_ADDRS: \"" + entry + "\" is no IP address, and ignored");
  if (list.empty()) log.warn("FCGI_WEB_SERVER_ADDRS names no address: nobody may connect");
  return list;
}

/// How the signals' thread tells main's what to do.
class StopRequest {
 public:
  enum class Kind { kNone, kDrain, kNow };
  void ask(Kind kind) {
    const std::lock_guard lock(mutex_);
    if (kind > kind_) kind_ = kind;
    changed_.notify_all();
  }
  Kind wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return kind_ != Kind::kNone; });
    return kind_;
  }
  /// True when a stop at once was asked for before the deadline.
  bool wait_now(steady_clock::time_point deadline) {
    std::unique_lock lock(mutex_);
    return changed_.wait_until(lock, deadline, [this] { return kind_ == Kind::kNow; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  Kind kind_ = Kind::kNone;
};

observe::Log* process_log = nullptr;  ///< For fail(), once there is one.

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  if (!file) throw io::StartupError("cannot read " + path.string(), "Name a file that is there.");
  return text;
}

/// Starts the CLR and the application in it.
/// What the runtime is told by others.
config::RuntimeSettings runtime_settings(const std::filesystem::path& application) {
  config::RuntimeSettings settings{.environment = &std::getenv, .properties = {}};
  try {
    if (auto config = hosting::read_runtime_config(application)) settings.properties = std::move(config->properties);
  } catch (const hosting::HostError&) {
    // The start of the runtime meets it again, and says what is wrong.
  }
  return settings;
}

hosting::ManagedBridge& start_application(const config::ServerOptions& options, const config::Capacity& capacity,
                                          const std::filesystem::path& application,
                                          const std::vector<io::ListeningSocket>& sockets,
                                          middleware::TokenTable& tokens, observe::Log& log) {
  auto& runtime = *new hosting::CoreclrRuntime;
  const auto bridge_file = bridge_path();
  hosting::RuntimeOptions runtime_options;
  runtime_options.application = application;
  runtime_options.bridge = bridge_file;
  runtime_options.properties = capacity.properties;
  runtime.start(runtime_options);
  for (const auto& warning : runtime.warnings()) log.warn(warning);
  log.debug("runtime: " + runtime.description());
  hosting::bind_native_exports(tokens, log);
  auto& bridge = *new hosting::ManagedBridge;
  bridge.connect(reinterpret_cast<hosting::BridgeEntry>(
                     runtime.load_entry(bridge_file, "Owind.Bootstrap, Owind.Bridge", "Initialize")),
                 hosting::native_table());
  bridge.configure(bridge_settings(options, application, sockets));
  return bridge;
}

/// The folders as they are to be looked up later, wherever the process goes.
std::vector<middleware::StaticFiles::Mount> static_mounts(const config::ServerOptions& options) {
  std::vector<middleware::StaticFiles::Mount> mounts;
  for (const auto& [prefix, folder] : options.static_mounts) {
    const auto path = std::filesystem::absolute(folder).lexically_normal();
    std::error_code error;
    if (!std::filesystem::is_directory(path, error))
      throw io::StartupError("--static " + (prefix.empty() ? "/" : prefix) + ": there is no folder " + path.string(),
                             "Name a folder that is there and that this user may read.");
    mounts.push_back({prefix, path.string()});
  }
  return mounts;
}

int serve(const config::ServerOptions& options, const process::Readiness& readiness) {
  // Never destroyed: managed code may call until the process is gone.
  auto& log = *new observe::Log({.level = options.log_level});
  process_log = &log;
  for (const auto& line : cli::unknown_variables(::environ)) log.warn(line);
  auto& tokens = *new middleware::TokenTable;
  auto& admission = *new exchange::Admission(options.max_requests_in_flight, options.max_buffered_bytes);
  auto& stop_request = *new StopRequest;
  auto& stop_controller = *new process::StopController({
      .drain = [&] { stop_request.ask(StopRequest::Kind::kDrain); },
      .stop_now = [&] { stop_request.ask(StopRequest::Kind::kNow); },
      .exit_now =
          [&log](int code) {
            log.warn("told to stop again: exiting now");
            log.flush(std::chrono::milliseconds(100));
            _exit(code);
          },
      .unsupported =
          [&log](int signal) {
            log.info("signal " + std::string(process::signal_name(signal)) + " does nothing yet");
          },
  });
  new process::SignalThread([&](int signal) { stop_controller.on_signal(signal); });

  // The sockets come first: they cost nothing, and a port in use is known before the CLR is started.
  auto inherited = io::InheritedSockets::from_environment();
  const auto web_servers = web_server_addresses(log);
  auto sockets = io::open_listening_sockets(
      options.listen_is_default && io::is_listening(STDIN_FILENO)
          ? std::vector{io::Endpoint{io::Scheme::kFcgi, io::InheritedDescriptor{STDIN_FILENO}}}
          : options.listen,
      {.rights = options.socket_rights,
       .allow = options.allow.empty() && web_servers ? *web_servers : options.allow},
      inherited);

  const auto application = std::filesystem::absolute(options.app).lexically_normal();
  const auto capacity =
      config::plan_capacity(options, config::Resources::of_process(), runtime_settings(application));
  log.info("capacity: " + capacity.description);

  auto& health = *new observe::Health;
  std::unique_ptr<observe::AdminServer> admin;
  if (options.admin) {
    // Before the runtime: who asks meanwhile hears that the process starts.
    admin = std::make_unique<observe::AdminServer>(
        io::open_listening_sockets({&*options.admin, 1}, {.rights = options.socket_rights, .allow = {}}, inherited),
        health, log, log.limited());
    for (const auto& endpoint : admin->endpoints()) log.info("admin: probes are answered on " + endpoint);
  }

  const auto role = dev::ChildRole::from_environment();
  // Before the application, which may change the working directory. A page in place of the application stands in
  // place of its files too, and says why they cannot be served.
  auto mounts = role.is_page ? std::vector<middleware::StaticFiles::Mount>() : static_mounts(options);
  hosting::ManagedBridge* bridge = nullptr;
  middleware::AppFunc answers;
  if (role.is_page) {
    answers = middleware::AppFunc::of(*new middleware::FixedPage(read_file(application)));
  } else {
    bridge = &start_application(options, capacity, application, sockets, tokens, log);
    answers = middleware::AppFunc::of(*new hosting::ManagedApp(bridge->table()));
  }
  auto& pipeline = *new middleware::Pipeline(answers);
  if (!mounts.empty())
    pipeline.use(std::make_unique<middleware::StaticFiles>(
        middleware::StaticFiles::Options{std::move(mounts), options.mode == config::Mode::kDevelopment},
        middleware::MediaTypes::of_system(), log.limited()));
  protocol::HttpSettings http_settings;
  http_settings.limits = http_message_limits(options);
  middleware::PageRefresh* refresh = nullptr;
  if (!role.generation.empty()) {
    auto owned = std::make_unique<middleware::PageRefresh>(tokens, role.generation);
    refresh = owned.get();
    pipeline.use(std::move(owned));
    if (role.only_known_hosts) pipeline.use(std::make_unique<middleware::KnownHosts>(role.hosts));
    http_settings.html_suffix = middleware::PageRefresh::html(role.generation);
  }
  const fastcgi::ManagementValues management_values{
      .max_connections = static_cast<std::uint32_t>(options.max_connections),
      .max_requests = static_cast<std::uint32_t>(options.max_requests_in_flight),
      .multiplexes = true};
  auto& fastcgi = *new protocol::FastCgiProtocol(fastcgi_limits(options), management_values,
                                                 path_options(options), forwarded_trust(options));
  auto& http = *new protocol::HttpProtocol(http_settings, path_options(options), forwarded_trust(options));
  auto& context = *new io::ServerContext{
      .fastcgi = {fastcgi, connection_limits(options)},
      .http = {http, http_limits(options)},
      .pipe_limits = {.high_mark_bytes = options.request_buffer_bytes,
                      .low_mark_bytes = options.request_buffer_bytes / 2},
      .tokens = tokens,
      .admission = admission,
      .trace = log,
      .visitor_trace = log.limited(),
      .app = pipeline.app(),
      .max_connections = options.max_connections,
      .web_servers = web_servers,
      .max_orphans = options.max_orphans,
  };
  auto& server = *new io::Server(context, runner_options(options, capacity), capacity.shards);
  server.start(std::move(sockets), options.allow);
  health.watch(server.loops());
  health.set(observe::Health::State::kReady);

  std::string where;
  for (const auto& endpoint : server.endpoints()) where += (where.empty() ? "" : ", ") + endpoint;
  log.info("ready: " + application.filename().string() + " on " + where + " (" +
           std::to_string(capacity.shards) + " shard" + (capacity.shards == 1 ? "" : "s") + ")");
  readiness.ready("serving " + application.filename().string());

  auto how = stop_request.wait();
  health.set(observe::Health::State::kDraining);
  readiness.stopping();
  if (how == StopRequest::Kind::kDrain && options.drain_delay.count() > 0) {
    log.info("draining: connections are taken for another " + std::to_string(options.drain_delay.count()) +
             " ms");
    if (stop_request.wait_now(steady_clock::now() + options.drain_delay)) how = StopRequest::Kind::kNow;
  }
  server.stop_accepting();
  readiness.status(dev::kNoLongerAccepts);
  if (refresh) refresh->stop();
  bool over = false;
  if (how == StopRequest::Kind::kDrain) {
    log.info("draining: " + std::to_string(server.unfinished()) + " request(s) in flight");
    over = server.drain(steady_clock::now() + options.drain_timeout);
    if (!over)
      log.warn("the drain timeout is over: giving up " + std::to_string(server.unfinished()) + " request(s)");
  }
  if (!over) {
    server.abort_all();
    server.drain(steady_clock::now() + kLastWait);
  }
  if (bridge) bridge->stop();
  const std::size_t stuck = server.unfinished();
  if (stuck) log.warn(std::to_string(stuck) + " request(s) did not end; the process does");
  server.stop();
  admin.reset();
  log.info("stopped");
  log.flush(std::chrono::seconds(1));
  // Not exit(): no destructor may run while managed threads and stuck requests are still there.
  std::fflush(nullptr);
  _exit(0);
}

int fail(const char* text) {
  // What was warned of before may explain it.
  if (process_log) process_log->flush(std::chrono::milliseconds(200));
  std::fprintf(stderr, "owind: %s\n", text);
  std::fflush(stderr);
  // The runtime may be half started; its exit handlers have nothing to add to the message.
  _exit(kStartupFailure);
}

int make_project(const cli::NewCommand& command) {
  dev::write_project(std::filesystem::current_path(), command.name, command.project_template);
  std::printf("Made %s (%s). Now:\n\n  cd %s\n  owind dev\n", command.name.c_str(),
              command.project_template.c_str(), command.name.c_str());
  return 0;
}

int develop(const cli::DevCommand& command) {
  dev::DevOptions options;
  options.target = dev::find_target(command.target);
  options.listen = command.listen;
  options.open_browser = command.open_browser;
  options.poll_files = command.poll_files;
  options.hosts = command.hosts;
  options.serve_arguments = command.serve_arguments;
  return dev::DevServer(std::move(options)).run();
}

/// A descriptor 0, 1 or 2 that the parent closed would be taken by the next socket, and then written to as a
/// log.
void reserve_standard_descriptors() {
  for (int fd = 0; fd <= 2; ++fd)
    if (::fcntl(fd, F_GETFD) < 0 && errno == EBADF && ::open("/dev/null", O_RDWR) < 0) _exit(kStartupFailure);
}

}  // namespace

int main(int argc, char** argv) {
  reserve_standard_descriptors();
  process::block_signals();
  const auto parsed = cli::parse(argc, argv);
  if (const auto* exit = std::get_if<cli::Exit>(&parsed)) {
    std::fputs(exit->text.c_str(), exit->code == 0 ? stdout : stderr);
    return exit->code;
  }
  if (const auto* question = std::get_if<cli::HealthCommand>(&parsed)) {
    const auto health = cli::check_health(question->target, question->timeout);
    std::fprintf(health.healthy ? stdout : stderr, "%s\n", health.line.c_str());
    return health.healthy ? 0 : 1;
  }
  process::leave_number_one();
  try {
    if (const auto* command = std::get_if<cli::NewCommand>(&parsed)) return make_project(*command);
    if (const auto* command = std::get_if<cli::DevCommand>(&parsed)) return develop(*command);
    return serve(std::get<cli::ServeCommand>(parsed).options, process::Readiness::from_environment());
  } catch (const std::exception& error) {
    return fail(error.what());
  }
}
