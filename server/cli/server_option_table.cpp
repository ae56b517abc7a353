// The options of a server (config::ServerOptions) as users give them.
#include <algorithm>
#include <charconv>
#include <cstdio>
#include <functional>
#include <initializer_list>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include "middleware/token.hpp"
#include "server/cli/option.hpp"
#include "server/config/byte_size.hpp"
#include "server/config/duration.hpp"

namespace owind::cli {
namespace {

using config::ServerOptions;
using Values = std::span<const std::string>;

/// What an option is called and says.
struct Name {
  std::string_view group;
  std::string_view flag;
  std::string_view variable;
  std::string_view value;
  std::string_view help;
};

Option make(const Name& name, Repeat repeat, decltype(Option::apply) apply, decltype(Option::show) show) {
  return {name.group, name.flag, name.variable,    name.value,
          name.help,  repeat,    std::move(apply), std::move(show)};
}

/// What an option that may have no value shows.
template <typename Value>
std::string shown(const Value& value, const std::function<std::string(Value)>& show) {
  return show(value);
}
template <typename Value>
std::string shown(const std::optional<Value>& value, const std::function<std::string(Value)>& show) {
  return value ? show(*value) : std::string();
}

/// A whole number from `least` to `most`.
template <typename Member>
Option count(const Name& name, Member ServerOptions::*member, std::size_t least, std::size_t most) {
  return make(
      name, Repeat::kOnce,
      [=](ServerOptions& options, Values values) {
        const std::string& text = values.front();
        std::size_t number = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
        if (error != std::errc{} || end != text.data() + text.size() || number < least || number > most) {
          throw std::invalid_argument("\"" + text + "\" is not a whole number from " + std::to_string(least) +
                                      " to " + std::to_string(most));
        }
        options.*member = number;
      },
      [=](const ServerOptions& options) {
        return shown<std::size_t>(options.*member, [](std::size_t value) { return std::to_string(value); });
      });
}

std::string size_text(std::uint64_t bytes) {
  if (bytes != 0 && bytes % (1024 * 1024) == 0) return std::to_string(bytes / (1024 * 1024)) + "M";
  if (bytes != 0 && bytes % 1024 == 0) return std::to_string(bytes / 1024) + "k";
  return std::to_string(bytes);
}

template <typename Member>
Option size(const Name& name, Member ServerOptions::*member, std::uint64_t least, std::uint64_t most) {
  return make(
      name, Repeat::kOnce,
      [=](ServerOptions& options, Values values) {
        const std::uint64_t bytes = config::parse_byte_size(values.front());
        if (bytes < least || bytes > most) {
          throw std::invalid_argument("\"" + values.front() + "\" is not from " + size_text(least) + " to " +
                                      size_text(most));
        }
        options.*member = bytes;
      },
      [=](const ServerOptions& options) {
        return shown<std::uint64_t>(options.*member, size_text);
      });
}

enum class Zero { kAllowed, kRefused };

std::string duration_text(std::chrono::milliseconds value) {
  const auto milliseconds = value.count();
  return milliseconds % 1000 == 0 ? std::to_string(milliseconds / 1000) + (milliseconds == 0 ? "" : "s")
                                  : std::to_string(milliseconds) + "ms";
}

template <typename Member>
Option duration(const Name& name, Member ServerOptions::*member, Zero zero) {
  return make(
      name, Repeat::kOnce,
      [=](ServerOptions& options, Values values) {
        const auto value = config::parse_duration(values.front());
        if (zero == Zero::kRefused && value.count() == 0) {
          throw std::invalid_argument("\"" + values.front() +
                                      "\" would end every connection at once; the least is 1ms");
        }
        options.*member = value;
      },
      [=](const ServerOptions& options) {
        return shown<std::chrono::milliseconds>(options.*member, duration_text);
      });
}

template <typename Enum>
Option choice(const Name& name, Enum ServerOptions::*member,
              std::initializer_list<std::pair<std::string_view, Enum>> names) {
  const std::vector<std::pair<std::string_view, Enum>> table(names);
  return make(
      name, Repeat::kOnce,
      [=](ServerOptions& options, Values values) {
        std::string known;
        for (const auto& [word, value] : table) {
          if (word == values.front()) {
            options.*member = value;
            return;
          }
          known.append(known.empty() ? "" : ", ").append(word);
        }
        throw std::invalid_argument("\"" + values.front() + "\" is none of " + known);
      },
      [=](const ServerOptions& options) {
        for (const auto& [word, value] : table) {
          if (value == options.*member) return std::string(word);
        }
        return std::string();
      });
}

/// A switch: the flag alone, or true or false.
Option toggle(const Name& name, bool ServerOptions::*member) {
  return make(
      name, Repeat::kOnce,
      [=](ServerOptions& options, Values values) {
        const std::string& word = values.front();
        const bool on = word == "true" || word == "1" || word == "on" || word == "yes";
        if (!on && word != "false" && word != "0" && word != "off" && word != "no")
          throw std::invalid_argument("\"" + word + "\" is neither true nor false");
        options.*member = on;
      },
      [=](const ServerOptions& options) { return std::string(options.*member ? "true" : ""); });
}

Option text(const Name& name, std::string ServerOptions::*member) {
  return make(
      name, Repeat::kOnce, [=](ServerOptions& options, Values values) { options.*member = values.front(); },
      [=](const ServerOptions& options) { return options.*member; });
}

std::string join(const std::vector<std::string>& texts) {
  std::string joined;
  for (const std::string& each : texts) joined.append(joined.empty() ? "" : ";").append(each);
  return joined;
}

Option networks(const Name& name, io::AllowList ServerOptions::*member) {
  return make(
      name, Repeat::kMany,
      [=](ServerOptions& options, Values values) {
        io::AllowList list;
        for (const std::string& value : values) list.add(value);
        options.*member = list;
      },
      [=](const ServerOptions& options) { return join((options.*member).to_strings()); });
}

Option listen(const Name& name) {
  return make(
      name, Repeat::kMany,
      [](ServerOptions& options, Values values) {
        std::vector<io::Endpoint> endpoints;
        for (const std::string& value : values) endpoints.push_back(io::Endpoint::parse(value));
        options.listen = std::move(endpoints);
        options.listen_is_default = false;
      },
      [](const ServerOptions& options) {
        std::vector<std::string> texts;
        for (const io::Endpoint& endpoint : options.listen) texts.push_back(endpoint.to_string());
        return join(texts);
      });
}

/// HTTP, with or without its scheme.
Option admin(const Name& name) {
  return make(
      name, Repeat::kOnce,
      [](ServerOptions& options, Values values) {
        const std::string& text = values.front();
        const bool has_scheme = text.starts_with("http://") || text.starts_with("fcgi://");
        const io::Endpoint endpoint = io::Endpoint::parse(has_scheme ? text : "http://" + text);
        if (endpoint.scheme != io::Scheme::kHttp)
          throw std::invalid_argument("\"" + text + "\": probes speak HTTP; for example http://127.0.0.1:8081");
        options.admin = endpoint;
      },
      [](const ServerOptions& options) { return options.admin ? options.admin->to_string() : std::string(); });
}

Option socket_mode(const Name& name) {
  return make(
      name, Repeat::kOnce,
      [](ServerOptions& options, Values values) {
        const std::string& digits = values.front();
        unsigned mode = 0;
        const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), mode, 8);
        if (error != std::errc{} || end != digits.data() + digits.size() || mode > 0777) {
          throw std::invalid_argument("\"" + digits + "\" is not an octal mode from 0 to 0777, such as 0660");
        }
        options.socket_rights.mode = mode;
      },
      [](const ServerOptions& options) {
        char out[8];
        std::snprintf(out, sizeof out, "%04o", static_cast<unsigned>(options.socket_rights.mode));
        return std::string(out);
      });
}

Option socket_account(const Name& name, std::string io::SocketRights::*member) {
  return make(
      name, Repeat::kOnce,
      [=](ServerOptions& options, Values values) { options.socket_rights.*member = values.front(); },
      [=](const ServerOptions& options) { return options.socket_rights.*member; });
}

/// Without slashes at its end: "/" is the same as nothing.
std::string path_prefix(const std::string& text) {
  std::string path = text;
  while (path.ends_with('/')) path.pop_back();
  const bool clean = std::none_of(path.begin(), path.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f || c == '?' || c == '#' || c == '%';
  });
  if ((!path.empty() && path.front() != '/') || path.find("//") != std::string::npos || !clean) {
    throw std::invalid_argument(
        "\"" + text + "\" is not a path: it starts with a slash and is not percent-encoded, as in /shop");
  }
  return path;
}

Option path_base(const Name& name) {
  return make(
      name, Repeat::kOnce,
      [](ServerOptions& options, Values values) { options.path_base = path_prefix(values.front()); },
      [](const ServerOptions& options) { return options.path_base; });
}

Option static_mounts(const Name& name) {
  return make(
      name, Repeat::kMany,
      [](ServerOptions& options, Values values) {
        std::vector<config::StaticMount> mounts;
        for (const std::string& value : values) {
          const auto equals = value.find('=');
          if (!value.starts_with('/') || equals == std::string::npos || equals + 1 == value.size()) {
            throw std::invalid_argument("\"" + value +
                                        "\" is not a path and a folder, as in /assets=wwwroot/assets");
          }
          mounts.push_back({path_prefix(value.substr(0, equals)), value.substr(equals + 1)});
        }
        options.static_mounts = std::move(mounts);
      },
      [](const ServerOptions& options) {
        std::vector<std::string> texts;
        for (const auto& mount : options.static_mounts)
          texts.push_back((mount.prefix.empty() ? "/" : mount.prefix) + "=" + mount.folder.string());
        return join(texts);
      });
}

Option folder(const Name& name, std::filesystem::path ServerOptions::*member) {
  return make(
      name, Repeat::kOnce, [=](ServerOptions& options, Values values) { options.*member = values.front(); },
      [=](const ServerOptions& options) { return (options.*member).string(); });
}

constexpr std::string_view kApplication = "Application";
constexpr std::string_view kListening = "Listening";
constexpr std::string_view kRequests = "Requests";
constexpr std::string_view kThreads = "Threads and capacity";
constexpr std::string_view kTimes = "Times (30, 30s, 500ms, 2m, 1h)";
constexpr std::string_view kOperation = "Operation";

std::vector<Option> build() {
  using config::Dispatch;
  using config::EncodedSlash;
  using config::Mode;
  using config::PathMapping;
  using middleware::Severity;
  constexpr std::size_t kSlots = middleware::Token::kMaxSlots;
  constexpr std::uint64_t kGiB = 1024 * 1024 * 1024;
  return {
      text({kApplication, "--startup", "OWIND_STARTUP", "NAME",
            "Class or method that configures the application: Namespace.Type[.Method][, Assembly], or the "
            "friendly name of an "
            "OwinStartup attribute. Without it, it is discovered."},
           &ServerOptions::startup),
      text({kApplication, "--app-name", "OWIND_APP_NAME", "NAME",
            "Value of host.AppName. Without it, the full name of the Startup class."},
           &ServerOptions::app_name),
      choice<Mode>({kApplication, "--mode", "OWIND_MODE", "MODE",
                    "production, or development, which shows the details of errors to the visitor."},
                   &ServerOptions::mode,
                   {{"production", Mode::kProduction}, {"development", Mode::kDevelopment}}),
      toggle(
          {kApplication, "--validate", "OWIND_VALIDATE", "",
           "Checks what server, middleware and application hand to each other against OWIN, names who broke "
           "which rule, and answers 500. For developers: it costs time."},
          &ServerOptions::validate),
      path_base({kApplication, "--path-base", "OWIND_PATH_BASE", "PATH",
                 "Where the application is mounted, such as /shop: this part of the path becomes "
                 "owin.RequestPathBase."}),
      folder({kApplication, "--data-protection", "OWIND_DATA_PROTECTION", "FOLDER",
              "Where the keys of data protection are kept. Without it, $STATE_DIRECTORY/keys, else "
              "~/.local/share/owind/keys."},
             &ServerOptions::data_protection),

      listen({kListening, "--listen", "OWIND_LISTEN", "ENDPOINT",
              "fcgi://ADDRESS:PORT, fcgi://unix:PATH, fcgi://fd:N or fcgi://systemd[:NAME]; fcgi:// may be "
              "left out. http:// in its place listens for HTTP/1.1, also for visitors without a front end. Without it, a "
              "listening socket on descriptor 0 is taken, if there is one."}),
      networks({kListening, "--allow", "OWIND_ALLOW", "ADDRESS[/BITS]",
                "Who may connect over TCP. Needed to listen for FastCGI on an address that is not loopback, "
                "since it has no authentication."},
               &ServerOptions::allow),
      socket_mode({kListening, "--socket-mode", "OWIND_SOCKET_MODE", "OCTAL",
                   "Mode of the files of Unix sockets: who may write may connect."}),
      socket_account({kListening, "--socket-owner", "OWIND_SOCKET_OWNER", "USER",
                      "Owner of these files, by name or number. Without it, the user who runs owind."},
                     &io::SocketRights::owner),
      socket_account({kListening, "--socket-group", "OWIND_SOCKET_GROUP", "GROUP",
                      "Group of these files, such as that of the web server (www-data)."},
                     &io::SocketRights::group),

      choice<PathMapping>(
          {kRequests, "--path-mapping", "OWIND_PATH_MAPPING", "HOW",
           "Where the path of a request comes from: request-uri (REQUEST_URI, decoded once), script "
           "(SCRIPT_NAME) or path-info (SCRIPT_NAME is the base, PATH_INFO the path)."},
          &ServerOptions::path_mapping,
          {{"request-uri", PathMapping::kRequestUri},
           {"script", PathMapping::kScript},
           {"path-info", PathMapping::kPathInfo}}),
      choice<EncodedSlash>({kRequests, "--encoded-slash", "OWIND_ENCODED_SLASH", "HOW",
                            "What becomes of %2F in a path: decode, keep or reject."},
                           &ServerOptions::encoded_slash,
                           {{"decode", EncodedSlash::kDecode},
                            {"keep", EncodedSlash::kKeep},
                            {"reject", EncodedSlash::kReject}}),
      networks({kRequests, "--trust-forwarded", "OWIND_TRUST_FORWARDED", "ADDRESS[/BITS]",
                "A proxy (matched against REMOTE_ADDR, or who connects over HTTP) whose Forwarded or X-Forwarded-For and -Proto say who the visitor "
                "is, and by which scheme."},
               &ServerOptions::trust_forwarded),
      static_mounts({kRequests, "--static", "OWIND_STATIC", "/PATH=FOLDER",
                     "Serves the files of a folder below a path, without the application: GET and HEAD, with entity tags, "
                     "ranges, and name.br or name.gz in place of name for who takes them. What is not there goes on to the "
                     "application. Nothing outside the folder, and no name that begins with a dot."}),
      size({kRequests, "--max-params-bytes", "OWIND_MAX_PARAMS_BYTES", "SIZE",
            "Size of all parameters (with header fields) of a request; 431 above it (FastCGI)."},
           &ServerOptions::max_params_bytes, 1024, kGiB),
      count({kRequests, "--max-params-count", "OWIND_MAX_PARAMS_COUNT", "N",
             "Number of these parameters; 431 above it (FastCGI)."},
            &ServerOptions::max_params_count, 1, 1'000'000),
      size({kRequests, "--max-param-name-bytes", "OWIND_MAX_PARAM_NAME_BYTES", "SIZE",
            "Size of one name among them; 431 above it (FastCGI)."},
           &ServerOptions::max_param_name_bytes, 64, kGiB),
      size({kRequests, "--max-param-value-bytes", "OWIND_MAX_PARAM_VALUE_BYTES", "SIZE",
            "Size of one value among them; 431 above it (FastCGI)."},
           &ServerOptions::max_param_value_bytes, 64, kGiB),
      size({kRequests, "--max-request-line-bytes", "OWIND_MAX_REQUEST_LINE_BYTES", "SIZE",
            "Size of the request line; 414 above it (HTTP)."},
           &ServerOptions::max_request_line_bytes, 64, kGiB),
      size({kRequests, "--max-request-headers-bytes", "OWIND_MAX_REQUEST_HEADERS_BYTES", "SIZE",
            "Size of all header lines of a request; 431 above it (HTTP)."},
           &ServerOptions::max_request_headers_bytes, 64, kGiB),
      count({kRequests, "--max-request-headers-count", "OWIND_MAX_REQUEST_HEADERS_COUNT", "N",
             "Number of these lines; 431 above it (HTTP)."},
            &ServerOptions::max_request_headers_count, 1, 1'000'000),
      size({kRequests, "--max-body-bytes", "OWIND_MAX_BODY_BYTES", "SIZE",
            "Size of the body of a request; 413 above it. 0: no limit but that of the front end. Without it, "
            "0 over FastCGI and 30000000 over HTTP."},
           &ServerOptions::max_body_bytes, 0, std::uint64_t{1} << 62),
      size({kRequests, "--unread-body-bytes", "OWIND_UNREAD_BODY_BYTES", "SIZE",
            "How much of an upload that the application does not want is read and dropped behind its response, so "
            "that this arrives."},
           &ServerOptions::unread_body_bytes, 0, std::uint64_t{1} << 40),

      count({kRequests, "--min-body-rate", "OWIND_MIN_BODY_RATE", "N",
             "Bytes a second of a body that the application waits for; after five seconds 408 below it. 0: off. Without "
             "it, 0 over FastCGI and 240 over HTTP."},
            &ServerOptions::min_body_rate, 0, kGiB),
      count({kRequests, "--min-response-rate", "OWIND_MIN_RESPONSE_RATE", "N",
             "Bytes a second that a connection takes of what waits to be sent; after five seconds it is closed below it. "
             "0: off. Without it, 0 over FastCGI and 240 over HTTP."},
            &ServerOptions::min_response_rate, 0, kGiB),

      count({kThreads, "--shards", "OWIND_SHARDS", "N",
             "Event loops. 0: as many as CPUs may be used, by affinity and control group."},
            &ServerOptions::shards, 0, middleware::Token::kMaxShards),
      choice<Dispatch>(
          {kThreads, "--dispatch", "OWIND_DISPATCH", "HOW",
           "How the application is entered: steal (on the IO thread, which another one replaces when the "
           "call "
           "blocks), inline (the same without replacement) or pool (.NET's thread pool)."},
          &ServerOptions::dispatch,
          {{"steal", Dispatch::kSteal}, {"inline", Dispatch::kInline}, {"pool", Dispatch::kPool}}),
      count({kThreads, "--max-app-threads", "OWIND_MAX_APP_THREADS", "N",
             "With --dispatch steal: threads of event loops and application together. Each event loop keeps one; as many "
             "calls as there are others may block, above it requests wait. Two for each event loop and one more are "
             "had whatever N says, and the log tells the number. Without it 512, or one for each MiB of a control "
             "group's memory limit if that is less."},
            &ServerOptions::max_app_threads, 2, 32'768),
      count({kThreads, "--max-requests-in-flight", "OWIND_MAX_REQUESTS_IN_FLIGHT", "N",
             "Requests at once; 503 above it."},
            &ServerOptions::max_requests_in_flight, 1, kSlots),
      count({kThreads, "--max-orphans", "OWIND_MAX_ORPHANS", "N",
             "Requests that their visitor has left and that the application does not complete; the process "
             "asks to be "
             "replaced above it."},
            &ServerOptions::max_orphans, 0, kSlots),
      count({kThreads, "--max-connections", "OWIND_MAX_CONNECTIONS", "N",
             "Connections at once; more are closed as they come."},
            &ServerOptions::max_connections, 1, 1'000'000),
      count({kThreads, "--max-requests-per-connection", "OWIND_MAX_REQUESTS_PER_CONNECTION", "N",
             "Requests at once on one connection (FastCGI; HAProxy multiplexes); 503 above it."},
            &ServerOptions::max_requests_per_connection, 1, 65'535),
      size({kThreads, "--request-buffer-bytes", "OWIND_REQUEST_BUFFER_BYTES", "SIZE",
            "Body bytes that one request buffers in each direction before its source waits."},
           &ServerOptions::request_buffer_bytes, 4096, kGiB),
      size({kThreads, "--connection-buffer-bytes", "OWIND_CONNECTION_BUFFER_BYTES", "SIZE",
            "Request bodies buffered on one connection; it is not read above it."},
           &ServerOptions::connection_buffer_bytes, 4096, kGiB),
      size({kThreads, "--max-buffered-bytes", "OWIND_MAX_BUFFERED_BYTES", "SIZE",
            "Request bodies buffered in the whole process; connections that hold some are not read above it."},
           &ServerOptions::max_buffered_bytes, 4096, kGiB * 1024),

      duration(
          {kTimes, "--request-timeout", "OWIND_REQUEST_TIMEOUT", "TIME",
           "For the application to complete: after it 504, or a broken response if it has begun. 0: off."},
          &ServerOptions::request_timeout, Zero::kAllowed),
      duration({kTimes, "--drain-timeout", "OWIND_DRAIN_TIMEOUT", "TIME",
                "How long requests may go on after the order to stop."},
               &ServerOptions::drain_timeout, Zero::kAllowed),
      duration({kTimes, "--drain-delay", "OWIND_DRAIN_DELAY", "TIME",
                "How long connections are still taken after the order to stop."},
               &ServerOptions::drain_delay, Zero::kAllowed),
      duration({kTimes, "--idle-timeout", "OWIND_IDLE_TIMEOUT", "TIME",
                "An idle connection is closed after it: longer than the front end's keepalive_timeout. Without "
                "it, 90s over FastCGI and 130s over HTTP."},
               &ServerOptions::idle_timeout, Zero::kRefused),
      duration({kTimes, "--first-record-timeout", "OWIND_FIRST_RECORD_TIMEOUT", "TIME",
                "Until a new connection has sent something (FastCGI; over HTTP it may be idle first)."},
               &ServerOptions::first_record_timeout, Zero::kRefused),
      duration({kTimes, "--head-timeout", "OWIND_HEAD_TIMEOUT", "TIME",
                "Until the parameters of a request are complete, or over HTTP its head."},
               &ServerOptions::head_timeout, Zero::kRefused),
      duration({kTimes, "--body-timeout", "OWIND_BODY_TIMEOUT", "TIME",
                "Between two pieces of a request body that the application waits for."},
               &ServerOptions::body_timeout, Zero::kRefused),
      duration({kTimes, "--write-timeout", "OWIND_WRITE_TIMEOUT", "TIME",
                "For a front end, or a visitor, that takes nothing of a response."},
               &ServerOptions::write_timeout, Zero::kRefused),
      duration({kTimes, "--unread-body-timeout", "OWIND_UNREAD_BODY_TIMEOUT", "TIME",
                "How long an upload is read and dropped (see --unread-body-bytes)."},
               &ServerOptions::unread_body_timeout, Zero::kRefused),
      duration({kTimes, "--unread-body-idle-timeout", "OWIND_UNREAD_BODY_IDLE_TIMEOUT", "TIME",
                "The same while nothing of it comes."},
               &ServerOptions::unread_body_idle_timeout, Zero::kRefused),

      admin({kOperation, "--admin", "OWIND_ADMIN", "ENDPOINT",
             "Where GET /-/live and GET /-/ready are answered, by HTTP, for probes: http://ADDRESS:PORT or "
             "http://unix:PATH. /-/ready is 503 until the application is there, and from the order to stop on."}),
      choice<Severity>({kOperation, "--log-level", "OWIND_LOG_LEVEL", "LEVEL",
                        "What is written to stderr: debug, info, warn or error, and all above it."},
                       &ServerOptions::log_level,
                       {{"debug", Severity::kDebug},
                        {"info", Severity::kInfo},
                        {"warn", Severity::kWarning},
                        {"error", Severity::kError}}),
  };
}

}  // namespace

std::span<const Option> server_option_table() {
  static const std::vector<Option> table = build();
  return table;
}

}  // namespace owind::cli
