#include "server/dev/dev_server.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <system_error>

#include "server/dev/build_report.hpp"
#include "server/dev/child_role.hpp"
#include "server/dev/own_inodes.hpp"
#include "server/dev/status_page.hpp"
#include "server/dev/stragglers.hpp"
#include "server/io/inherited_sockets.hpp"
#include "server/io/startup_error.hpp"
#include "server/process/signals.hpp"

namespace owind::dev {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

namespace {

/// Editors write a file in several steps, and several files at once.
constexpr milliseconds kQuiet{40};
/// What a process that was replaced gets to end its requests.
constexpr milliseconds kDrain{5'000};
constexpr milliseconds kFrame{100};
/// What processes get to end when this one does.
constexpr milliseconds kLastWait{3'000};

milliseconds since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - begin);
}

std::vector<io::ListeningSocket> open_sockets(const std::optional<io::Endpoint>& wanted) {
  io::InheritedSockets none([](const char*) -> const char* { return nullptr; }, ::getpid());
  const auto open = [&](const io::Endpoint& endpoint) {
    return io::open_listening_sockets(std::span(&endpoint, 1), {}, none);
  };
  if (wanted) return open(*wanted);
  constexpr std::uint16_t kFirst = 5000;
  constexpr std::uint16_t kLast = 5099;
  for (std::uint16_t port = kFirst;; ++port) {
    try {
      return open({io::Scheme::kHttp, io::TcpAddress{"127.0.0.1", port}});
    } catch (const io::StartupError&) {
      if (port == kLast) throw;
    }
  }
}

fs::path make_folder() {
  const char* const variable = std::getenv("TMPDIR");
  const bool is_set = variable != nullptr && *variable != '\0';
  const std::string parent = is_set ? variable : "/tmp";
  std::string name = (fs::path(parent) / "owind-dev-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr)
    throw io::StartupError(std::string("cannot make a folder in ") + parent +
                               (is_set ? ", which TMPDIR names" : "") + ": " + std::strerror(errno),
                           "Name one in TMPDIR that is there and that this user may write to.");
  return name;
}

io::UniqueFd open_notify(const fs::path& file) {
  io::UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (file.native().size() >= sizeof address.sun_path)
    throw std::system_error(ENAMETOOLONG, std::generic_category(),
                            "cannot listen on " + file.string() + ", set TMPDIR to a shorter folder");
  std::strncpy(address.sun_path, file.c_str(), sizeof address.sun_path - 1);
  const int on = 1;
  if (!fd || ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::setsockopt(fd.get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof on) != 0)
    throw std::system_error(errno, std::generic_category(), "cannot listen on " + file.string());
  return fd;
}

io::UniqueFd open_signals() {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int signal : process::handled_signals()) ::sigaddset(&set, signal);
  ::sigaddset(&set, SIGCHLD);
  ::sigprocmask(SIG_BLOCK, &set, nullptr);
  io::UniqueFd fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd) throw std::system_error(errno, std::generic_category(), "signalfd");
  return fd;
}

/// What decides how an assembly runs; not what the application writes (data, state), or it would never rest.
bool is_program(const fs::path& file) {
  const std::string name = file.filename().string();
  const std::string ending = file.extension().string();
  return ending == ".dll" || ending == ".config" || name.ends_with(".deps.json") ||
         name.ends_with(".runtimeconfig.json") || (ending == ".json" && name.starts_with("appsettings"));
}

/// What decides about packages and references, which a build looks at anew only when it restores. Of a folder
/// that has changed nobody knows what was in it.
bool needs_restore(const fs::path& file) {
  if (!is_source(file)) return true;
  const std::string name = file.filename().string();
  return name.ends_with("proj") || name.ends_with(".props") || name.ends_with(".targets") ||
         name == "nuget.config" || name == "NuGet.Config" || name == "global.json" ||
         name.ends_with(".lock.json");
}

/// A build without a restore can miss what another one has restored: obj/ has gone, or a package has.
bool lacks_restore(const std::vector<Diagnostic>& diagnostics) {
  return std::any_of(diagnostics.begin(), diagnostics.end(),
                     [](const Diagnostic& each) { return each.is_error && each.code.starts_with("NETSDK"); });
}

bool has_option(const std::vector<std::string>& arguments, const std::string& name) {
  return std::any_of(arguments.begin(), arguments.end(),
                     [&](const std::string& each) { return each == name || each.starts_with(name + "="); });
}

void write_file(const fs::path& file, std::string_view text) {
  std::ofstream out(file, std::ios::binary | std::ios::trunc);
  out << text;
  if (!out.flush()) throw std::system_error(errno, std::generic_category(), "cannot write " + file.string());
}

/// A value of a property on the command line of MSBuild, which splits it at these.
std::string msbuild_value(const fs::path& path) {
  std::string out;
  for (const char c : path.string()) {
    if (c == '%' || c == ';' || c == ',') {
      constexpr std::string_view kDigits = "0123456789ABCDEF";
      const auto byte = static_cast<unsigned char>(c);
      out += {'%', kDigits[byte >> 4], kDigits[byte & 15]};
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace

DevServer::DevServer(DevOptions options)
    : options_(std::move(options)),
      terminal_(STDOUT_FILENO),
      sockets_(open_sockets(options_.listen)),
      folder_(make_folder()),
      watcher_(options_.poll_files ? FileWatcher::Method::kPolling : FileWatcher::Method::kEvents,
               options_.target.project.empty() ? FileWatcher::Depth::kBeside : FileWatcher::Depth::kBelow,
               options_.target.project.empty() ? is_program : is_source),
      signals_(open_signals()),
      notify_(open_notify(folder_ / "notify")) {
  const io::Endpoint& endpoint = sockets_.front().endpoint();
  url_ = endpoint.to_string();
  if (const auto* tcp = std::get_if<io::TcpAddress>(&endpoint.place); tcp && tcp->is_loopback()) {
    hosts_ = "localhost,";
    for (const std::string& host : options_.hosts) hosts_ += host + ",";
  }
  write_file(folder_ / "report.targets", build_report_targets());
  watcher_.add(options_.target.folder());
}

DevServer::~DevServer() {
  build_.reset();
  serving_ = {};
  next_ = {};
  retiring_.clear();
  kill_processes_with(kServerVariable, folder_.filename().string());
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

int DevServer::run() {
  const Target& target = options_.target;
  terminal_.line(terminal_.paint(Colour::kBold, "owind dev") + "  " + terminal_.paint(Colour::kCyan, url_) +
                 "  " +
                 terminal_.paint(Colour::kDim, target.project.empty() ? target.assembly.string()
                                                                      : target.project.string()));
  since_ = Clock::now();
  if (target.project.empty()) {
    start_application();
  } else {
    show_page(building_page(target.name()));
    start_build();
  }
  while (!stop_) wait();
  stop_children();
  return 0;
}

/// They end their requests and say goodbye; what they write meanwhile is shown, and no pipe fills up.
void DevServer::stop_children() {
  terminal_.pass_on("");
  if (build_) build_->signal(SIGKILL);
  std::vector<Child*> children;
  for (const Server* server : {&serving_, &next_})
    if (server->process) children.push_back(server->process.get());
  // A second order would mean: at once.
  if (!terminal_told_children_)
    for (Child* child : children) child->signal(SIGINT);
  for (const auto& [server, unused] : retiring_) children.push_back(server.process.get());
  const auto deadline = Clock::now() + kLastWait;
  while (true) {
    std::erase_if(children, [this](Child* child) {
      const bool ended = child->ended().has_value();
      terminal_.pass_on(child->read());
      return ended;
    });
    if (children.empty() || impatient_) return;
    const auto left = std::chrono::ceil<milliseconds>(deadline - Clock::now());
    if (left.count() <= 0) break;
    std::vector<pollfd> fds{{signals_.get(), POLLIN, 0}};
    for (const Child* child : children)
      if (child->output_fd() >= 0) fds.push_back({child->output_fd(), POLLIN, 0});
    ::poll(fds.data(), fds.size(), static_cast<int>(left.count()));
    on_signal();
  }
  terminal_.line(options_.target.name() + " did not stop within " + seconds_text(kLastWait) +
                 ", and is ended");
}

void DevServer::wait() {
  std::vector<pollfd> fds{{signals_.get(), POLLIN, 0}, {notify_.get(), POLLIN, 0}};
  const auto add = [&fds](const std::unique_ptr<Child>& child) {
    if (child && child->output_fd() >= 0) fds.push_back({child->output_fd(), POLLIN, 0});
  };
  if (watcher_.fd() >= 0) fds.push_back({watcher_.fd(), POLLIN, 0});
  add(build_);
  add(serving_.process);
  add(next_.process);
  for (const auto& [server, unused] : retiring_) add(server.process);

  milliseconds patience{60'000};
  const auto at_most = [&patience](milliseconds limit) {
    patience = std::min(patience, std::max(limit, milliseconds(0)));
  };
  if (watcher_.method() == FileWatcher::Method::kPolling) at_most(FileWatcher::kPollInterval);
  if (changed_at_) at_most(kQuiet - since(*changed_at_) + milliseconds(1));
  if (build_ && terminal_.interactive()) at_most(kFrame);
  if (!retiring_.empty()) at_most(milliseconds(200));
  ::poll(fds.data(), fds.size(), static_cast<int>(patience.count()));

  on_signal();
  on_files();
  on_notify();
  check_children();
  if (build_) terminal_.progress("building " + options_.target.name(), since(build_->started));
}

void DevServer::on_signal() {
  signalfd_siginfo info;
  while (::read(signals_.get(), &info, sizeof info) == sizeof info) {
    switch (static_cast<int>(info.ssi_signo)) {
      case SIGINT:
      case SIGTERM:
      case SIGQUIT:
      case SIGHUP:
        if (stop_) impatient_ = true;
        stop_ = true;
        // The keys of a terminal are for all processes in its foreground.
        if (info.ssi_code == SI_KERNEL && info.ssi_signo != SIGHUP) terminal_told_children_ = true;
        break;
      default:
        break;
    }
  }
}

// ---- files

void DevServer::note_change(const fs::path& file) {
  changed_at_ = Clock::now();
  if (!since_) since_ = changed_at_;
  if (needs_restore(file)) restore_ = true;
  terminal_.line(terminal_.paint(Colour::kDim,
                                 "changed  " + file.lexically_proximate(options_.target.folder()).string()));
}

void DevServer::on_files() {
  std::vector<fs::path> files;
  if (watcher_.method() == FileWatcher::Method::kEvents || since(looked_at_) >= FileWatcher::kPollInterval) {
    files = watcher_.changed();
    looked_at_ = Clock::now();
  }
  for (const fs::path& file : files) note_change(file);
  if (!changed_at_ || since(*changed_at_) < kQuiet) return;
  if (build_) {
    // It may have read the old text: once more, when it is done.
    build_again_ = true;
    changed_at_.reset();
    return;
  }
  changed_at_.reset();
  if (options_.target.project.empty())
    start_application();
  else
    start_build();
}

// ---- the build

void DevServer::start_build() {
  build_again_ = false;
  std::error_code ignored;
  fs::remove_all(folder_ / "report", ignored);
  fs::create_directory(folder_ / "report", ignored);
  ChildCommand command;
  command.arguments = {"dotnet",
                       "build",
                       options_.target.project.string(),
                       "-nologo",
                       "-v:q",
                       "-clp:NoSummary",
                       "-tl:off",
                       "-p:CustomAfterMicrosoftCommonTargets=" + msbuild_value(folder_ / "report.targets"),
                       "-p:SharedCompilationId=" + folder_.filename().string(),
                       "-p:OwindDevReport=" + msbuild_value(folder_ / "report")};
  // What changes from here on is the next one's to restore.
  restores_ = std::exchange(restore_, false);
  if (!restores_) command.arguments.push_back("--no-restore");
  command.environment = {
      {"DOTNET_NOLOGO", "1"},
      {"DOTNET_CLI_TELEMETRY_OPTOUT", "1"},
      {"DOTNET_CLI_UI_LANGUAGE", "en"},
      // Helpers that it leaves for the next one are ours alone: they end with this process.
      {"MSBUILDNODEHANDSHAKESALT", folder_.filename().string()},
      {kServerVariable, folder_.filename().string()}};
  command.folder = options_.target.folder().string();
  command.captures_stdout = true;
  for (const Server* server : {&serving_, &next_}) keep_assemblies_of(*server);
  for (const auto& [server, unused] : retiring_) keep_assemblies_of(server);
  build_ = std::make_unique<Child>(command);
  if (!terminal_.interactive()) terminal_.line("building " + options_.target.name());
}

void DevServer::build_ended(int status) {
  const auto build = std::move(build_);
  if (status != 0 && restores_) restore_ = true;
  if (build_again_) return start_build();
  build_time_ = seconds_text(since(build->started));
  const auto diagnostics = diagnostics_of(build->output());
  if (status != 0 && !restores_ && lacks_restore(diagnostics)) {
    restore_ = true;
    return start_build();
  }
  for (const Diagnostic& each : diagnostics) {
    const std::string place =
        each.file.empty()
            ? ""
            : each.file.lexically_proximate(options_.target.folder()).string() +
                  (each.line ? ":" + std::to_string(each.line) + ":" + std::to_string(each.column) : "") +
                  ": ";
    terminal_.line(terminal_.paint(Colour::kBold, place) +
                   terminal_.paint(each.is_error ? Colour::kRed : Colour::kYellow,
                                   (each.is_error ? "error " : "warning ") + each.code) +
                   ": " + each.message);
  }
  if (status != 0) {
    std::string output = build->output();
    if (WIFEXITED(status) && WEXITSTATUS(status) == Child::kCannotRun)
      output += "To build projects the .NET SDK is needed, and its `dotnet` on the PATH.\n";
    if (output.empty()) output = "dotnet build: " + end_text(status) + "\n";
    const bool told = !diagnostics.empty() && diagnostics.front().is_error;
    if (!told) terminal_.pass_on(output);
    terminal_.line(terminal_.paint(Colour::kRed, "build failed") + " after " + build_time_);
    since_.reset();
    show_page(build_failed_page(options_.target.name(), diagnostics, output));
    return;
  }
  const BuildReport report = read_build_report(folder_ / "report", options_.target.project);
  for (const fs::path& each : report.folders) watcher_.add(each);
  if (report.assembly.empty()) {
    const std::string headline =
        "The build of " + options_.target.name() + " does not say where its assembly is";
    application_failed(headline);
    show_page(failure_page(headline, build->output()));
    return;
  }
  options_.target.assembly = report.assembly;
  start_application();
}

// ---- what answers

void DevServer::start_server(bool is_page, const fs::path& what) {
  // One that is not ready yet is out of date.
  next_ = {};
  const std::string generation = std::to_string(::getpid()) + "x" + std::to_string(++generation_);
  ChildCommand command;
  command.arguments = {fs::read_symlink("/proc/self/exe").string(), "serve", what.string(), "--listen",
                       "http://fd:3"};
  const auto& more = options_.serve_arguments;
  for (const auto& [option, value] : {std::pair{"--mode", "development"}, {"--log-level", "warn"}})
    if (is_page || !has_option(more, option))
      command.arguments.insert(command.arguments.end(), {option, value});
  if (!is_page) command.arguments.insert(command.arguments.end(), more.begin(), more.end());
  command.environment = {{kGenerationVariable, generation},
                         {kPageVariable, is_page ? "1" : ""},
                         {kHostsVariable, hosts_},
                         {kServerVariable, folder_.filename().string()},
                         {"NOTIFY_SOCKET", (folder_ / "notify").string()},
                         // For one server: here two live side by side for a moment.
                         {"OWIND_ADMIN", ""},
                         {"LISTEN_FDS", ""}};
  command.inherit = sockets_.front().fd();
  next_.process = std::make_unique<Child>(command);
  next_.is_page = is_page;
}

void DevServer::show_page(const std::string& html) {
  const fs::path file = folder_ / ("page" + std::to_string(generation_) + ".html");
  write_file(file, html);
  start_server(true, file);
}

void DevServer::start_application() { start_server(false, options_.target.assembly); }

void DevServer::on_notify() {
  std::array<char, 1024> text;
  while (true) {
    iovec part{text.data(), text.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(ucred))> control;
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t n = ::recvmsg(notify_.get(), &message, 0);
    if (n <= 0) return;
    const cmsghdr* header = CMSG_FIRSTHDR(&message);
    if (header == nullptr || header->cmsg_type != SCM_CREDENTIALS) continue;
    ucred from;
    std::memcpy(&from, CMSG_DATA(header), sizeof from);
    const std::string_view said(text.data(), static_cast<std::size_t>(n));
    if (said.starts_with("READY=1") && next_.process && next_.process->pid() == from.pid) take_over();
    if (from.pid == predecessor_ && said.find(kNoLongerAccepts) != std::string_view::npos) alone();
  }
}

void DevServer::take_over() {
  Server before = std::exchange(serving_, std::exchange(next_, {}));
  serving_.ready = true;
  predecessor_ = before.process ? before.process->pid() : 0;
  retire(std::move(before));
  if (predecessor_ == 0) alone();
}

/// All new connections are those of the process that serves now.
void DevServer::alone() {
  predecessor_ = 0;
  if (options_.target.project.empty() && serving_.process) {
    // Somebody else builds, who knows when.
    keep_assemblies_of(serving_);
  }
  if (serving_.process && !serving_.is_page) say_ready();
  open_browser();
}

void DevServer::keep_assemblies_of(const Server& server) {
  if (!server.process || server.is_page) return;
  const fs::path folder = options_.target.assembly.parent_path();
  std::vector<fs::path> copied;
  for (const fs::path& file : mapped_files(server.process->pid(), folder))
    if (replace_by_copy(file)) copied.push_back(file);
  if (!options_.target.project.empty() || copied.empty()) return;
  // That was us.
  for (const fs::path& file : watcher_.changed())
    if (std::find(copied.begin(), copied.end(), file) == copied.end()) note_change(file);
}

void DevServer::retire(Server server) {
  if (!server.process) return;
  server.process->signal(SIGTERM);
  retiring_.emplace_back(std::move(server), Clock::now() + kDrain);
}

void DevServer::say_ready() {
  std::string text = terminal_.paint(Colour::kGreen, announced_ ? "reloaded" : "ready   ");
  std::string how;
  if (!build_time_.empty()) how += "build " + std::exchange(build_time_, {}) + ", ";
  how += "start " + seconds_text(since(serving_.process->started));
  if (announced_ && since_) how += ", " + seconds_text(since(*since_)) + " in all";
  terminal_.line(text + " " + terminal_.paint(Colour::kCyan, url_) + "  " +
                 terminal_.paint(Colour::kDim, how));
  announced_ = true;
  since_.reset();
}

void DevServer::application_failed(const std::string& headline) {
  since_.reset();
  terminal_.line(terminal_.paint(Colour::kRed, headline));
}

void DevServer::check_children() {
  if (const std::string problem = browser_.problem(); !problem.empty())
    terminal_.line(terminal_.paint(Colour::kYellow, "--open: ") + problem);
  if (build_) {
    build_->read();
    if (const auto status = build_->ended()) {
      build_->read();
      build_ended(*status);
    }
  }
  for (Server* server : {&serving_, &next_}) {
    if (!server->process) continue;
    terminal_.pass_on(server->process->read());
    const auto status = server->process->ended();
    if (!status) continue;
    terminal_.pass_on(server->process->read());
    const Server ended = std::exchange(*server, {});
    const std::string& name = options_.target.name();
    const std::string headline =
        ended.ready ? name + " has ended: " + end_text(*status) : name + " did not start";
    application_failed(headline);
    // A page that cannot be served would only fail again.
    // And one whose successor starts already has been mended, perhaps.
    const bool has_successor = server == &serving_ && next_.process && !next_.is_page;
    if (!ended.is_page && !has_successor) show_page(failure_page(headline, ended.process->output()));
  }
  std::erase_if(retiring_, [this](auto& entry) {
    auto& [server, deadline] = entry;
    terminal_.pass_on(server.process->read());
    if (!server.process->ended() && Clock::now() < deadline) return false;
    server.process->signal(SIGKILL);
    if (server.process->pid() == predecessor_) alone();
    return true;
  });
}

void DevServer::open_browser() {
  if (!options_.open_browser || std::exchange(opened_, true)) return;
  browser_.open(url_);
}

}  // namespace owind::dev
