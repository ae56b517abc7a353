// Addresses as text.
#include "server/protocol/ip_address.hpp"

#include <doctest/doctest.h>

#include <string_view>

using namespace owind::protocol;

namespace {

IpAddress v6(std::initializer_list<int> groups) {
  IpAddress address;
  std::size_t at = 0;
  for (const int group : groups) {
    address.bytes[at++] = static_cast<std::uint8_t>(group >> 8);
    address.bytes[at++] = static_cast<std::uint8_t>(group & 0xff);
  }
  return address;
}

bool loopback(std::string_view text) {
  const auto address = parse_ip_address(text);
  return address && is_loopback(*address);
}

}  // namespace

TEST_CASE("parse_ip_address: IPv4 is its mapped IPv6 address [RFC 4291 2.5.5.2]") {
  CHECK(parse_ip_address("192.0.2.255") == v6({0, 0, 0, 0, 0, 0xffff, 0xc000, 0x02ff}));
  CHECK(parse_ip_address("0.0.0.0") == parse_ip_address("::ffff:0.0.0.0"));
  CHECK(parse_ip_address("::ffff:192.0.2.1") == parse_ip_address("192.0.2.1"));
  CHECK(parse_ip_address("::FFFF:c000:201") == parse_ip_address("192.0.2.1"));
}

TEST_CASE("parse_ip_address: every form of IPv6 [RFC 4291 2.2]") {
  CHECK(parse_ip_address("1:2:3:4:5:6:7:8") == v6({1, 2, 3, 4, 5, 6, 7, 8}));
  CHECK(parse_ip_address("::") == IpAddress{});
  CHECK(parse_ip_address("::1") == v6({0, 0, 0, 0, 0, 0, 0, 1}));
  CHECK(parse_ip_address("1::") == v6({1, 0, 0, 0, 0, 0, 0, 0}));
  CHECK(parse_ip_address("2001:DB8::a:1") == v6({0x2001, 0xdb8, 0, 0, 0, 0, 10, 1}));
  CHECK(parse_ip_address("1:2:3:4:5:6:7::") == v6({1, 2, 3, 4, 5, 6, 7, 0}));
  CHECK(parse_ip_address("::2:3:4:5:6:7:8") == v6({0, 2, 3, 4, 5, 6, 7, 8}));
  CHECK(parse_ip_address("1:2:3:4:5:6:1.2.3.4") == v6({1, 2, 3, 4, 5, 6, 0x102, 0x304}));
  CHECK(parse_ip_address("64:ff9b::1.2.3.4") == v6({0x64, 0xff9b, 0, 0, 0, 0, 0x102, 0x304}));
}

TEST_CASE("parse_ip_address: everything else is none") {
  for (const auto* text : {"",
                           "1",
                           "1.2.3",
                           "1.2.3.4.5",
                           "1.2.3.256",
                           "01.2.3.4",
                           "1.2.3.1000",
                           "1..2.3",
                           ".1.2.3",
                           "1.2.3.",
                           "1.2.3.4 ",
                           "a.b.c.d",
                           "-1.2.3.4",
                           "unix:",
                           "unix:/run/x",
                           "localhost",
                           ":",
                           ":::",
                           "1:::2",
                           "1::2::3",
                           "::1:",
                           ":1::",
                           "1:2:3:4:5:6:7",
                           "1:2:3:4:5:6:7:8:9",
                           "1:2:3:4:5:6:7:8::",
                           "::1:2:3:4:5:6:7:8",
                           "12345::",
                           "g::",
                           "[::1]",
                           "::1%eth0",
                           "fe80::1%1",
                           "1:2:3:4:5:6:7:1.2.3.4",
                           "::1.2.3",
                           "::1.2.3.4:5",
                           "127.0.0.1:80"}) {
    CAPTURE(text);
    CHECK(!parse_ip_address(text));
  }
}

TEST_CASE("is_loopback: 127.0.0.0/8 and ::1, in every spelling") {
  for (const auto* text :
       {"127.0.0.1", "127.255.255.254", "::1", "0:0:0:0:0:0:0:1", "::ffff:127.0.0.1", "::FFFF:7f00:1"})
    CHECK(loopback(text));
  for (const auto* text : {"128.0.0.1", "126.255.255.255", "10.0.0.1", "::", "::2", "1::1", "::127.0.0.1",
                           "::ffff:128.0.0.1", "127.0.0.1.example.com", "127.0.0", "unix:"})
    CHECK(!loopback(text));
}
