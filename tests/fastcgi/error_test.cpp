// The texts of the errors.
#include "fastcgi/error.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>

using namespace owind::fastcgi;

TEST_CASE("Errc: every error has a text of its own, and a foreign value has one too") {
  std::set<std::string> texts;
  const int last = static_cast<int>(Errc::kTooManyRequests);
  for (int value = 0; value <= last; ++value) texts.insert(message(static_cast<Errc>(value)));
  CHECK(texts.size() == static_cast<std::size_t>(last) + 1);
  CHECK_FALSE(texts.contains("unknown error"));
  CHECK(std::string(message(static_cast<Errc>(255))) == "unknown error");
}
