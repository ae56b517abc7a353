#include "server/io/allow_list.hpp"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "tests/server/message_of.hpp"

using owind::io::AllowList;
using owind::test::contains;
using owind::test::message_of;

namespace {

AllowList list_of(std::initializer_list<const char*> networks) {
  AllowList list;
  for (const char* network : networks) list.add(network);
  return list;
}

}  // namespace

TEST_CASE("AllowList: an empty list contains nobody") {
  CHECK(AllowList{}.empty());
  CHECK_FALSE(AllowList{}.contains("127.0.0.1"));
  CHECK_FALSE(AllowList{}.contains("::1"));
}

TEST_CASE("AllowList: an address without bits is that one address") {
  const AllowList list = list_of({"10.1.2.3", "2001:db8::1"});
  CHECK(list.contains("10.1.2.3"));
  CHECK_FALSE(list.contains("10.1.2.2"));
  CHECK_FALSE(list.contains("10.1.2.4"));
  CHECK(list.contains("2001:db8::1"));
  CHECK_FALSE(list.contains("2001:db8::2"));
}

TEST_CASE("AllowList: networks end at every bit") {
  for (unsigned bits = 0; bits <= 32; ++bits) {
    CAPTURE(bits);
    // 85.85.85.85 is 01010101...: cut at `bits`, and once with the last bit of the prefix turned.
    const std::uint32_t pattern = 0x55555555u;
    const std::uint32_t mask = bits == 0 ? 0 : ~std::uint32_t{0} << (32 - bits);
    const auto text = [](std::uint32_t address) {
      const in_addr in{htonl(address)};
      char out[INET_ADDRSTRLEN];
      return std::string(inet_ntop(AF_INET, &in, out, sizeof out));
    };
    AllowList list;
    list.add(text(pattern & mask) + "/" + std::to_string(bits));
    CHECK(list.contains(text(pattern)));
    CHECK(list.contains(text((pattern & mask) | ~mask)));
    if (bits > 0) {
      const std::uint32_t last_bit = std::uint32_t{1} << (32 - bits);
      CHECK_FALSE(list.contains(text(pattern ^ last_bit)));
    }
  }
}

TEST_CASE("AllowList: all 16 bytes of an IPv6 address are compared") {
  const AllowList list = list_of({"2001:db8::1/128"});
  CHECK(list.contains("2001:db8::1"));
  for (const char* other :
       {"2001:db8::", "2001:db8::2", "2001:db8::101", "2001:db8::1:0:1", "2001:db8:0:1::1", "3001:db8::1"}) {
    CAPTURE(other);
    CHECK_FALSE(list.contains(other));
  }
  const AllowList odd = list_of({"2001:db8:8000::/33"});
  CHECK(odd.contains("2001:db8:ffff::1"));
  CHECK_FALSE(odd.contains("2001:db8:7fff::1"));
}

TEST_CASE("AllowList: an IPv4 address mapped into IPv6 is the IPv4 address [RFC 4291 2.5.5.2]") {
  CHECK(list_of({"10.0.0.0/8"}).contains("::ffff:10.1.2.3"));
  CHECK_FALSE(list_of({"10.0.0.0/8"}).contains("::ffff:11.1.2.3"));
  CHECK(list_of({"::ffff:10.0.0.0/104"}).contains("10.1.2.3"));
  CHECK_FALSE(list_of({"::ffff:10.0.0.0/104"}).contains("11.1.2.3"));
}

TEST_CASE("AllowList: a network of one family contains no address of the other") {
  CHECK(list_of({"::/0"}).contains("2001:db8::1"));
  CHECK_FALSE(list_of({"::/0"}).contains("10.1.2.3"));
  CHECK_FALSE(list_of({"::/0"}).contains("::ffff:10.1.2.3"));
  CHECK(list_of({"0.0.0.0/0"}).contains("10.1.2.3"));
  CHECK_FALSE(list_of({"0.0.0.0/0"}).contains("2001:db8::1"));
  // The same 32 bits elsewhere in the address.
  CHECK_FALSE(list_of({"10.1.2.3"}).contains("::10.1.2.3"));
}

TEST_CASE("AllowList: peers are looked up as the kernel gives them") {
  const AllowList list = list_of({"10.0.0.0/8", "::1"});
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_addr.s_addr = htonl(0x0a010203);
  CHECK(list.contains(reinterpret_cast<sockaddr*>(&v4), sizeof v4));
  v4.sin_addr.s_addr = htonl(0x0b010203);
  CHECK_FALSE(list.contains(reinterpret_cast<sockaddr*>(&v4), sizeof v4));
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_addr = IN6ADDR_LOOPBACK_INIT;
  CHECK(list.contains(reinterpret_cast<sockaddr*>(&v6), sizeof v6));
  CHECK_FALSE(list.contains(reinterpret_cast<sockaddr*>(&v6), sizeof v4));
  CHECK_FALSE(list.contains(reinterpret_cast<sockaddr*>(&v6), 0));
  CHECK_FALSE(list.contains(nullptr, 0));
  sockaddr_un un{};
  un.sun_family = AF_UNIX;
  CHECK_FALSE(list.contains(reinterpret_cast<sockaddr*>(&un), sizeof un));
}

TEST_CASE("AllowList: what is no network is quoted with the reason") {
  const std::pair<const char*, const char*> mistakes[] = {{"", "not a numeric"},
                                                          {"localhost", "not a numeric"},
                                                          {"10.0.0", "not a numeric"},
                                                          {"10.0.0.0/", "from 0 to 32"},
                                                          {"10.0.0.0/33", "from 0 to 32"},
                                                          {"10.0.0.0/-1", "from 0 to 32"},
                                                          {"10.0.0.0/8x", "from 0 to 32"},
                                                          {"::/129", "from 0 to 128"},
                                                          {"10.0.0.1/8", "behind the first 8"},
                                                          {"::1/127", "behind the first 127"},
                                                          {"[::1]", "not a numeric"},
                                                          {"10.0.0.0/99999999999", "from 0 to 32"},
                                                          {" 10.0.0.0", "not a numeric"}};
  for (const auto& [text, why] : mistakes) {
    CAPTURE(text);
    AllowList list;
    const std::string message = message_of<std::invalid_argument>([&] { list.add(text); });
    CHECK(contains(message, why));
    CHECK(contains(message, '"' + std::string(text) + '"'));
    CHECK(list.empty());
  }
}

TEST_CASE("AllowList: networks are shown as they can be given again") {
  const AllowList list =
      list_of({"10.0.0.0/8", "10.1.2.3", "2001:DB8::/32", "::ffff:192.168.0.0/112", "::1"});
  const std::vector<std::string> texts = list.to_strings();
  CHECK(texts ==
        std::vector<std::string>{"10.0.0.0/8", "10.1.2.3/32", "2001:db8::/32", "192.168.0.0/16", "::1/128"});
  AllowList again;
  for (const std::string& text : texts) again.add(text);
  CHECK(again == list);
}

TEST_CASE("allow list: FCGI_WEB_SERVER_ADDRS is a list of addresses, and one without any lets nobody in") {
  std::vector<std::string> refused;
  const auto list = AllowList::from_web_server_addresses("199.170.183.28, 199.170.183.71,::1,", refused);
  CHECK(list.to_strings() == std::vector<std::string>{"199.170.183.28/32", "199.170.183.71/32", "::1/128"});
  CHECK(refused.empty());
  CHECK(AllowList::from_web_server_addresses("", refused).empty());
  CHECK(refused.empty());
  CHECK(AllowList::from_web_server_addresses("localhost,10.0.0.0/8", refused).empty());
  CHECK(refused == std::vector<std::string>{"localhost", "10.0.0.0/8"});
}
