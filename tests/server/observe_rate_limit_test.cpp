#include "server/observe/rate_limit.hpp"

#include <doctest/doctest.h>

#include <map>
#include <string>
#include <vector>

using owind::middleware::Severity;
using owind::observe::RateLimit;
using namespace std::chrono_literals;

namespace {

using Verdict = RateLimit::Verdict;

struct Told {
  std::vector<std::pair<std::string, std::uint64_t>> lines;
  Severity severity{};
  RateLimit::Report report() {
    return [this](const RateLimit::Suppressed& more) {
      lines.emplace_back(more.site, more.lines);
      severity = more.severity;
    };
  }
};

const RateLimit::Clock::time_point kStart{};

}  // namespace

TEST_CASE("RateLimit: the first N lines of a second pass, the rest is counted and told once") {
  RateLimit limit(2);
  Told told;
  CHECK(limit.admit(Severity::kInfo, "a", kStart) == Verdict::kWrite);
  CHECK(limit.admit(Severity::kInfo, "a", kStart) == Verdict::kWrite);
  CHECK(limit.admit(Severity::kInfo, "a", kStart) == Verdict::kHoldBackFirst);
  CHECK(limit.admit(Severity::kError, "a", kStart) == Verdict::kHoldBack);
  CHECK(limit.admit(Severity::kInfo, "a", kStart) == Verdict::kHoldBack);
  limit.expire(kStart + 999ms, told.report());
  CHECK(told.lines.empty());
  limit.expire(kStart + 1000ms, told.report());
  REQUIRE(told.lines.size() == 1);
  CHECK(told.lines[0] == std::pair<std::string, std::uint64_t>{"a", 3});
  CHECK(told.severity == Severity::kError);
  limit.expire(kStart + 2000ms, told.report());
  CHECK(told.lines.size() == 1);
}

TEST_CASE("RateLimit: a new second has a new allowance, from its first line on") {
  RateLimit limit(1);
  Told told;
  CHECK(limit.admit(Severity::kInfo, "a", kStart) == Verdict::kWrite);
  limit.expire(kStart + 5s, told.report());
  CHECK(limit.admit(Severity::kInfo, "a", kStart + 5s) == Verdict::kWrite);
  limit.expire(kStart + 5999ms, told.report());
  CHECK(limit.admit(Severity::kInfo, "a", kStart + 5999ms) == Verdict::kHoldBackFirst);
  CHECK(told.lines.empty());
}

TEST_CASE("RateLimit: one place does not use up the allowance of another") {
  RateLimit limit(1);
  // Two names that do not share an entry of the table.
  std::string other = "b";
  while (std::hash<std::string_view>{}(other) % RateLimit::kSites ==
         std::hash<std::string_view>{}("a") % RateLimit::kSites) {
    other += 'b';
  }
  CHECK(limit.admit(Severity::kInfo, "a", kStart) == Verdict::kWrite);
  CHECK(limit.admit(Severity::kInfo, "a", kStart) == Verdict::kHoldBackFirst);
  CHECK(limit.admit(Severity::kInfo, other, kStart) == Verdict::kWrite);
}

TEST_CASE("RateLimit: any number of places is counted in a fixed table") {
  RateLimit limit(0);
  Told told;
  for (int i = 0; i < 10'000; ++i)
    CHECK(limit.admit(Severity::kInfo, std::to_string(i), kStart) != Verdict::kWrite);
  limit.close(told.report());
  CHECK(told.lines.size() <= RateLimit::kSites);
  std::uint64_t sum = 0;
  for (const auto& [site, lines] : told.lines) sum += lines;
  CHECK(sum == 10'000);
}

TEST_CASE("RateLimit: the next report is due when the oldest window with held lines ends") {
  RateLimit limit(1);
  Told told;
  CHECK(limit.next_report() == RateLimit::Clock::time_point::max());
  limit.admit(Severity::kInfo, "a", kStart);
  CHECK(limit.next_report() == RateLimit::Clock::time_point::max());
  limit.admit(Severity::kInfo, "a", kStart + 100ms);
  CHECK(limit.next_report() == kStart + 1s);
  limit.expire(kStart + 1s, told.report());
  CHECK(limit.next_report() == RateLimit::Clock::time_point::max());
}

TEST_CASE("RateLimit: closing tells of what is still held back") {
  RateLimit limit(0);
  Told told;
  limit.admit(Severity::kInfo, "a", kStart);
  limit.close(told.report());
  CHECK(told.lines.size() == 1);
  limit.close(told.report());
  CHECK(told.lines.size() == 1);
}

TEST_CASE("RateLimit: a place is named by the words before the first value") {
  CHECK(RateLimit::site_of("malformed record from 127.0.0.1: version 7") == "malformed record from");
  CHECK(RateLimit::site_of("client left: /path") == "client left");
  CHECK(RateLimit::site_of("no value") == "no value");
  CHECK(RateLimit::site_of("") == "");
  CHECK(RateLimit::site_of("\"quoted\"") == "");
  CHECK(RateLimit::site_of(std::string(100, 'x')).size() == 48);
}
