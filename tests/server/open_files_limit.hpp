// Another soft limit of open files, for one test. The limit is the process's: a test that is in the same
// program must not inherit it.
#pragma once

#include <doctest/doctest.h>
#include <sys/resource.h>

namespace owind::test {

class OpenFilesLimit {
 public:
  OpenFilesLimit() { REQUIRE(::getrlimit(RLIMIT_NOFILE, &before_) == 0); }
  explicit OpenFilesLimit(rlim_t soft) : OpenFilesLimit() { set(soft); }
  OpenFilesLimit(const OpenFilesLimit&) = delete;
  OpenFilesLimit& operator=(const OpenFilesLimit&) = delete;
  ~OpenFilesLimit() { ::setrlimit(RLIMIT_NOFILE, &before_); }

  rlim_t soft() const { return before_.rlim_cur; }
  rlim_t hard() const { return before_.rlim_max; }
  /// Descriptors from `soft` on are not given out any more.
  void set(rlim_t soft) const {
    const rlimit limit{soft, before_.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
  }
  void restore() const { set(before_.rlim_cur); }

 private:
  rlimit before_{};
};

}  // namespace owind::test
