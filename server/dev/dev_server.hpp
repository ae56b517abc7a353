// `owind dev`: builds, serves, watches, and does it again. Owns the listening socket; what answers on it is a
// child process: `owind serve` with the application, or with a page that stands in for it. A child takes over
// when it is ready, then the one before it drains, so no connection is refused on the way. Has one thread and
// no CLR.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/dev/browser.hpp"
#include "server/dev/child.hpp"
#include "server/dev/diagnostic.hpp"
#include "server/dev/file_watcher.hpp"
#include "server/dev/target.hpp"
#include "server/dev/terminal.hpp"
#include "server/io/endpoint.hpp"
#include "server/io/listening_socket.hpp"

namespace owind::dev {

struct DevOptions {
  Target target;
  /// Where to listen; nothing: 127.0.0.1:5000, or the next port that is free.
  std::optional<io::Endpoint> listen;
  bool open_browser = false;
  bool poll_files = false;
  /// Names that are answered for besides localhost, where only this machine can connect.
  std::vector<std::string> hosts;
  /// Passed on to `owind serve`.
  std::vector<std::string> serve_arguments;
};

class DevServer {
 public:
  /// Opens the socket. @throws io::StartupError, std::system_error
  explicit DevServer(DevOptions options);
  ~DevServer();
  DevServer(const DevServer&) = delete;
  DevServer& operator=(const DevServer&) = delete;

  /// Until a signal says to stop. The handled signals are blocked (process/signals.hpp). Returns the exit
  /// code.
  int run();

 private:
  using Clock = std::chrono::steady_clock;
  struct Server {
    std::unique_ptr<Child> process;
    bool is_page = false;
    bool ready = false;
  };

  void wait();
  void stop_children();
  void on_signal();
  void on_notify();
  void on_files();
  void note_change(const std::filesystem::path& file);
  void check_children();

  void start_build();
  void build_ended(int status);
  void start_application();
  void show_page(const std::string& html);
  void start_server(bool is_page, const std::filesystem::path& what);
  void take_over();
  void application_failed(const std::string& headline);
  /// So that what it has loaded may be written.
  void keep_assemblies_of(const Server& server);
  void retire(Server server);
  void alone();
  void say_ready();
  void open_browser();

  DevOptions options_;
  Terminal terminal_;
  std::vector<io::ListeningSocket> sockets_;
  std::filesystem::path folder_;  ///< Of this process alone.
  FileWatcher watcher_;
  io::UniqueFd signals_;
  io::UniqueFd notify_;
  std::string url_;
  std::string hosts_;  ///< For the children (child_role.hpp).

  std::unique_ptr<Child> build_;
  Server serving_;
  Server next_;
  Browser browser_;
  std::vector<std::pair<Server, Clock::time_point>> retiring_;
  unsigned generation_ = 0;
  bool restore_ = true;    ///< The next build restores packages.
  bool restores_ = false;  ///< The build that runs does.
  bool opened_ = false;
  bool announced_ = false;
  pid_t predecessor_ = 0;  ///< Still answers some of the new connections: the change is not out yet.
  bool stop_ = false;
  bool impatient_ = false;               ///< Told to stop a second time.
  bool terminal_told_children_ = false;  ///< By Ctrl-C: to stop, as it told us.
  bool build_again_ = false;
  std::optional<Clock::time_point> changed_at_;  ///< Something has changed, and it is not quiet yet.
  Clock::time_point looked_at_{};
  std::optional<Clock::time_point> since_;  ///< When the first change was made that is not out yet.
  std::string build_time_;
};

}  // namespace owind::dev
