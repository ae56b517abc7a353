#include "server/observe/log.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "tests/server/message_of.hpp"

using owind::middleware::Severity;
using owind::middleware::Token;
using owind::observe::Log;
using owind::observe::LogOptions;
using owind::test::contains;
using namespace std::chrono_literals;
using namespace std::string_view_literals;

namespace {

/// Far above anything that a working log needs: only a broken one waits as long.
constexpr auto kForever = 60s;

class Pipe {
 public:
  Pipe() { REQUIRE(::pipe2(ends_.data(), O_CLOEXEC) == 0); }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    close_reader();
    ::close(ends_[1]);
  }
  int writer() const { return ends_[1]; }
  void close_reader() {
    if (ends_[0] >= 0) ::close(ends_[0]);
    ends_[0] = -1;
  }
  /// Fills the pipe to the last byte.
  void fill() {
    const int flags = ::fcntl(ends_[1], F_GETFL);
    ::fcntl(ends_[1], F_SETFL, flags | O_NONBLOCK);
    const std::string block(4096, '.');
    while (::write(ends_[1], block.data(), block.size()) > 0) {
    }
    while (::write(ends_[1], ".", 1) > 0) {
    }
    ::fcntl(ends_[1], F_SETFL, flags);
  }
  /// What is in the pipe now.
  std::string read_available() {
    ::fcntl(ends_[0], F_SETFL, ::fcntl(ends_[0], F_GETFL) | O_NONBLOCK);
    std::string text;
    char buffer[4096];
    ssize_t count = 0;
    while ((count = ::read(ends_[0], buffer, sizeof buffer)) > 0)
      text.append(buffer, static_cast<std::size_t>(count));
    return text;
  }

 private:
  std::array<int, 2> ends_{-1, -1};
};

LogOptions to(int fd) {
  LogOptions options;
  options.fd = fd;
  return options;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

/// With each digit replaced by a 9.
std::string shape_of(std::string line) {
  std::replace_if(
      line.begin(), line.end(), [](char c) { return c >= '0' && c <= '9'; }, '9');
  return line;
}

}  // namespace

TEST_CASE("Log: a line has the time in UTC, the level, the request and the message") {
  Pipe pipe;
  Log log(to(pipe.writer()));
  log.record(Severity::kWarning, Token{0x1a2b}, "message");
  log.info("no request");
  log.error("bad");
  REQUIRE(log.flush(kForever));
  const auto lines = lines_of(pipe.read_available());
  REQUIRE(lines.size() == 3);
  CHECK(shape_of(lines[0]) == "9999-99-99T99:99:99.999Z warn  [request 9999999999999a9b] message");
  CHECK(lines[0].ends_with("[request 0000000000001a2b] message"));
  CHECK(shape_of(lines[1]) == "9999-99-99T99:99:99.999Z info  no request");
  CHECK(shape_of(lines[2]) == "9999-99-99T99:99:99.999Z error bad");
}

TEST_CASE("Log: records below the level are neither wanted nor written, and the level may change") {
  Pipe pipe;
  Log log(to(pipe.writer()));
  CHECK_FALSE(log.wants(Severity::kDebug));
  CHECK(log.wants(Severity::kInfo));
  log.debug("first");
  log.set_level(Severity::kDebug);
  CHECK(log.wants(Severity::kDebug));
  log.debug("second");
  log.set_level(Severity::kError);
  log.warn("third");
  REQUIRE(log.flush(kForever));
  const std::string text = pipe.read_available();
  CHECK(lines_of(text).size() == 1);
  CHECK(contains(text, "debug second"));
}

TEST_CASE("Log: a record is one line, whatever it contains") {
  Pipe pipe;
  Log log(to(pipe.writer()));
  log.info("a\r\n2026-01-01T00:00:00.000Z error forged\0\x1b[2J {} %v \xff"sv);
  log.info("");
  log.info(std::string(1'000'000, 'x'));
  REQUIRE(log.flush(kForever));
  const auto lines = lines_of(pipe.read_available());
  REQUIRE(lines.size() == 3);
  CHECK(contains(lines[0], "info  a\\x0d\\x0a2026-01-01T00:00:00.000Z error forged\\x00\\x1b[2J {} %v "));
  CHECK(lines[2].size() < 9'000);
}

TEST_CASE("Log: what was recorded before it ends is written") {
  Pipe pipe;
  {
    Log log(to(pipe.writer()));
    for (int i = 0; i < 100; ++i) log.info("line");
  }
  CHECK(lines_of(pipe.read_available()).size() == 100);
}

TEST_CASE("Log: lines of several threads are all written, whole") {
  Pipe pipe;
  std::string text;
  {
    Log log(to(pipe.writer()));
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&log] {
        for (int i = 0; i < 100; ++i) log.info("from a thread");
      });
    }
    for (auto& thread : threads) thread.join();
    REQUIRE(log.flush(kForever));
    text = pipe.read_available();
    CHECK(log.dropped() == 0);
  }
  const auto lines = lines_of(text);
  CHECK(lines.size() == 400);
  for (const std::string& line : lines) CHECK(line.ends_with("Z info  from a thread"));
}

TEST_CASE("Log: nobody waits for a reader that takes nothing, and the loss is told when it reads again") {
  Pipe pipe;
  pipe.fill();
  LogOptions options = to(pipe.writer());
  options.max_queued_bytes = 4096;
  Log log(options);
  for (int i = 0; i < 10'000; ++i) log.info("a line into a full pipe");  // returns: that is the test
  const auto lost = log.dropped();
  CHECK(lost > 0);
  CHECK_FALSE(log.flush(0ms));
  std::string text;
  while (!log.flush(1ms)) text += pipe.read_available();
  text += pipe.read_available();
  CHECK(contains(text, std::to_string(lost) + " lines of the log lost"));
  log.info("after");
  REQUIRE(log.flush(kForever));
  const auto lines = lines_of(pipe.read_available());
  REQUIRE(lines.size() == 1);
  CHECK(contains(lines[0], "info  after"));
}

TEST_CASE("Log: ending waits for a stuck reader no longer than it is told to") {
  Pipe pipe;
  pipe.fill();
  LogOptions options = to(pipe.writer());
  options.close_timeout = 0ms;
  std::optional<Log> log(std::in_place, options);
  log->info("never read");
  log.reset();  // returns: that is the test
  CHECK_FALSE(contains(pipe.read_available(), "never read"));
}

TEST_CASE("Log: a closed pipe, a full disk and a closed descriptor lose lines, and count them") {
  Pipe pipe;
  pipe.close_reader();
  const int full = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
  REQUIRE(full >= 0);
  for (const int fd : {pipe.writer(), full, 1'000'000}) {
    CAPTURE(fd);
    Log log(to(fd));
    log.info("one");
    REQUIRE(log.flush(kForever));
    CHECK(log.dropped() == 1);
    log.info("two");
    log.info("three");
    REQUIRE(log.flush(kForever));
    CHECK(log.dropped() == 3);
  }
  ::close(full);
}

TEST_CASE("Log: a descriptor that does not block loses nothing while its reader reads") {
  Pipe pipe;
  ::fcntl(pipe.writer(), F_SETFL, ::fcntl(pipe.writer(), F_GETFL) | O_NONBLOCK);
  std::string text;
  Log log(to(pipe.writer()));
  for (int i = 0; i < 2'000; ++i) log.info(std::string(100, 'x'));
  while (!log.flush(1ms)) text += pipe.read_available();
  text += pipe.read_available();
  CHECK(lines_of(text).size() == 2'000);
  CHECK(log.dropped() == 0);
}

TEST_CASE("Log: lines that visitors cause are counted, not written, above the limit") {
  Pipe pipe;
  LogOptions options = to(pipe.writer());
  options.limited_lines_per_second = 0;
  {
    Log log(options);
    for (int i = 0; i < 1234; ++i)
      log.limited().record(Severity::kWarning, Token{1}, "malformed record: \"\n\"");
    log.limited().record(Severity::kDebug, {}, "not wanted");
    CHECK_FALSE(log.limited().wants(Severity::kDebug));
    log.info("not limited");
  }
  std::uint64_t counted = 0;
  std::uint64_t others = 0;
  for (const std::string& line : lines_of(pipe.read_available())) {
    constexpr std::string_view kSummary = "warn  malformed record ... and ";
    if (const auto begin = line.find(kSummary); begin != std::string::npos) {
      CHECK(line.ends_with(" more"));
      counted += std::stoull(line.substr(begin + kSummary.size()));
    } else {
      ++others;
      CHECK(contains(line, "info  not limited"));
    }
  }
  CHECK(counted == 1234);
  CHECK(others == 1);
}

TEST_CASE("Log: below the limit every line is written") {
  Pipe pipe;
  LogOptions options = to(pipe.writer());
  options.limited_lines_per_second = 100;
  {
    Log log(options);
    for (int i = 0; i < 100; ++i) log.limited().record(Severity::kInfo, {}, "client left");
  }
  CHECK(lines_of(pipe.read_available()).size() == 100);
}

TEST_CASE("Log: what was held back is told by itself when the second is over") {
  Pipe pipe;
  LogOptions options = to(pipe.writer());
  options.limited_lines_per_second = 0;
  Log log(options);
  log.limited().record(Severity::kInfo, {}, "client left");
  // Blocks until the line comes: nothing else is recorded that could bring it along.
  std::string text;
  while (!contains(text, "client left ... and 1 more")) {
    log.flush(1ms);
    text += pipe.read_available();
  }
  CHECK(lines_of(text).size() == 1);
}
