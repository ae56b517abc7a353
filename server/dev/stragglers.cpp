#include "server/dev/stragglers.hpp"

#include <signal.h>
#include <unistd.h>

#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>

namespace owind::dev {

namespace fs = std::filesystem;

namespace {

bool has_variable(const fs::path& process, std::string_view line) {
  std::ifstream file(process / "environ", std::ios::binary);
  const std::string all{std::istreambuf_iterator<char>(file), {}};
  std::string_view rest = all;
  while (!rest.empty()) {
    const std::size_t end = rest.find('\0');
    if (rest.substr(0, end) == line) return true;
    if (end == std::string_view::npos) break;
    rest.remove_prefix(end + 1);
  }
  return false;
}

}  // namespace

std::vector<pid_t> processes_with(std::string_view name, std::string_view value) {
  const std::string line = std::string(name) + "=" + std::string(value);
  std::vector<pid_t> found;
  std::error_code error;
  for (fs::directory_iterator entries("/proc", error); !error && entries != fs::directory_iterator();
       entries.increment(error)) {
    const std::string text = entries->path().filename().string();
    pid_t pid = 0;
    const auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), pid);
    if (bad != std::errc{} || end != text.data() + text.size() || pid == ::getpid()) continue;
    if (has_variable(entries->path(), line)) found.push_back(pid);
  }
  return found;
}

void kill_processes_with(std::string_view name, std::string_view value) {
  // One that is killed may have started another one just before. A dead one has no environment any more.
  for (int round = 0; round < 10; ++round) {
    const auto found = processes_with(name, value);
    if (found.empty()) return;
    for (const pid_t pid : found) ::kill(pid, SIGKILL);
  }
}

}  // namespace owind::dev
