#include "server/config/byte_size.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <stdexcept>
#include <string>

#include "tests/server/message_of.hpp"

using owind::config::parse_byte_size;
using owind::test::contains;
using owind::test::message_of;

TEST_CASE("byte size: plain numbers are bytes, letters are powers of 1024") {
  CHECK(parse_byte_size("0") == 0);
  CHECK(parse_byte_size("4096") == 4096);
  CHECK(parse_byte_size("7B") == 7);
  for (const char* text : {"256k", "256K", "256Ki", "256KiB", "256kib"})
    CHECK(parse_byte_size(text) == 262'144);
  for (const char* text : {"1M", "1m", "1MiB"}) CHECK(parse_byte_size(text) == 1'048'576);
  for (const char* text : {"5G", "5g", "5GiB"}) CHECK(parse_byte_size(text) == std::uint64_t{5} << 30);
}

TEST_CASE("byte size: the largest is 2^64 - 1 bytes") {
  CHECK(parse_byte_size("18446744073709551615") == UINT64_MAX);
  CHECK(contains(message_of<std::invalid_argument>([] { parse_byte_size("18446744073709551616"); }),
                 "too large"));
  CHECK(parse_byte_size("17179869183G") == std::uint64_t{17179869183} << 30);
  CHECK(contains(message_of<std::invalid_argument>([] { parse_byte_size("17179869184G"); }), "too large"));
}

TEST_CASE("byte size: anything else is quoted with the reason and an example") {
  const std::pair<const char*, const char*> mistakes[] = {
      {"", "empty"},   {"k", "digit"},  {"-1", "digit"}, {" 1", "digit"},  {"+1", "digit"},  {"1 ", "unit"},
      {"1kB", "unit"}, {"1MB", "unit"}, {"1T", "unit"},  {"1.5M", "unit"}, {"0x10", "unit"}, {"1kk", "unit"}};
  for (const auto& [text, why] : mistakes) {
    CAPTURE(text);
    const std::string message = message_of<std::invalid_argument>([&] { parse_byte_size(text); });
    CHECK(contains(message, why));
    CHECK(contains(message, '"' + std::string(text) + '"'));
    CHECK(contains(message, "256k"));
  }
}
