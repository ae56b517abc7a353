#include "server/io/endpoint.hpp"

#include <doctest/doctest.h>

#include <stdexcept>
#include <string>

#include "tests/server/message_of.hpp"

using namespace owind::io;
using owind::test::contains;
using owind::test::message_of;

namespace {

std::string canonical(std::string_view text) { return Endpoint::parse(text).to_string(); }

std::string refusal(std::string_view text) {
  return message_of<std::invalid_argument>([&] { Endpoint::parse(text); });
}

}  // namespace

TEST_CASE("Endpoint: each form is read with and without its scheme") {
  const std::pair<const char*, const char*> forms[] = {
      {"127.0.0.1:9000", "fcgi://127.0.0.1:9000"},
      {"[::1]:9000", "fcgi://[::1]:9000"},
      {"localhost:9000", "fcgi://127.0.0.1:9000"},
      {":9000", "fcgi://127.0.0.1:9000"},
      {"9000", "fcgi://127.0.0.1:9000"},
      {"0.0.0.0:0", "fcgi://0.0.0.0:0"},
      {"[::]:65535", "fcgi://[::]:65535"},
      {"[2001:DB8:0:0:0:0:0:1]:80", "fcgi://[2001:db8::1]:80"},
      {"[fe80::1%eth0]:80", "fcgi://[fe80::1%eth0]:80"},
      {"127.0.0.1:9000/", "fcgi://127.0.0.1:9000"},
      {"unix:/run/x.sock", "fcgi://unix:/run/x.sock"},
      {"unix:///run/x.sock", "fcgi://unix:/run/x.sock"},
      {"unix:x.sock", "fcgi://unix:x.sock"},
      {"unix:/run/a:b://c", "fcgi://unix:/run/a:b://c"},
      {"fd:0", "fcgi://fd:0"},
      {"fd:37", "fcgi://fd:37"},
      {"systemd", "fcgi://systemd"},
      {"systemd:owind.socket", "fcgi://systemd:owind.socket"},
  };
  for (const auto& [text, expected] : forms) {
    CAPTURE(text);
    CHECK(canonical(text) == expected);
    CHECK(canonical(std::string("fcgi://") + text) == expected);
    CHECK(Endpoint::parse(expected) == Endpoint::parse(text));
    const Endpoint http = Endpoint::parse(std::string("http://") + text);
    CHECK(http.scheme == Scheme::kHttp);
    CHECK(http.place == Endpoint::parse(text).place);
    CHECK(Endpoint::parse(http.to_string()) == http);
  }
}

TEST_CASE("Endpoint: what it holds is what was written") {
  CHECK(std::get<TcpAddress>(Endpoint::parse("127.0.0.1:9000").place) == TcpAddress{"127.0.0.1", 9000});
  CHECK(std::get<TcpAddress>(Endpoint::parse("[::1]:1").place) == TcpAddress{"::1", 1});
  CHECK(std::get<UnixPath>(Endpoint::parse("unix:/a").place).path == "/a");
  CHECK(std::get<InheritedDescriptor>(Endpoint::parse("fd:3").place).fd == 3);
  CHECK(std::get<SystemdSockets>(Endpoint::parse("systemd").place).name.empty());
  CHECK(std::get<SystemdSockets>(Endpoint::parse("systemd:a").place).name == "a");
}

TEST_CASE("Endpoint: what is no endpoint is quoted with the reason and an example") {
  const std::pair<const char*, const char*> mistakes[] = {
      {"", "it is empty"},
      {"fcgi://", "it is empty"},
      {"127.0.0.1", "the port is missing"},
      {"127.0.0.1:", "the port is missing"},
      {"[::1]", "the port is missing"},
      {"[::1]9000", "the port is missing"},
      {"[::1", "closing bracket"},
      {"::1:9000", "stands in brackets"},
      {"[127.0.0.1]:9000", "not an IPv6 address"},
      {"[fe80::1%]:9000", "not an IPv6 address"},
      {"127.0.0.1:65536", "from 0 (the kernel chooses) to 65535"},
      {"127.0.0.1:-1", "from 0 (the kernel chooses) to 65535"},
      {"127.0.0.1:+1", "from 0 (the kernel chooses) to 65535"},
      {"127.0.0.1:99999999999999999999", "from 0 (the kernel chooses) to 65535"},
      {"70000", "from 0 (the kernel chooses) to 65535"},
      {"127.1:9000", "not a numeric address"},
      {"127.0.0.01:9000", "not a numeric address"},
      {"example.org:9000", "names are not looked up"},
      {"*:9000", "0.0.0.0"},
      {"tcp://127.0.0.1:9000", "the scheme is fcgi or http"},
      {"https://127.0.0.1:9000", "TLS ends at the web server"},
      {"unix:", "path of the Unix socket is missing"},
      {"unix:@name", "abstract"},
      {"unix:/run/", "ends with a slash"},
      {"/run/x.sock", "written unix:PATH"},
      {"x.sock", "written unix:PATH"},
      {"fd:", "number of an open descriptor"},
      {"fd:-1", "number of an open descriptor"},
      {"fd:3x", "number of an open descriptor"},
      {"fd:99999999999", "number of an open descriptor"},
      {"systemd:", "FileDescriptorName"},
      {"systemd:a:b", "no colon"},
      {"127.0.0.1:90\n00", "control character"},
  };
  for (const auto& [text, why] : mistakes) {
    CAPTURE(text);
    const std::string message = refusal(text);
    CAPTURE(message);
    CHECK(contains(message, why));
    if (!contains(text, "\n")) CHECK(contains(message, '"' + std::string(text) + '"'));
    CHECK(contains(message, "127.0.0.1:9000"));
  }
  CHECK(contains(refusal(std::string_view("unix:/a\0b", 9)), "control character"));
}

TEST_CASE("Endpoint: the path of a Unix socket has at most 107 bytes [unix(7)]") {
  const std::string longest = "/" + std::string(Endpoint::kMaxUnixPathBytes - 1, 'x');
  CHECK(std::get<UnixPath>(Endpoint::parse("unix:" + longest).place).path == longest);
  CHECK(contains(refusal("unix:" + longest + "x"), "at most 107 bytes long, this one has 108"));
}

TEST_CASE("TcpAddress: loopback is 127.0.0.0/8, ::1 and the former mapped into IPv6 [RFC 4291 2.5.3]") {
  for (const char* host : {"127.0.0.1", "127.255.255.255", "::1", "::ffff:127.0.0.1"}) {
    CAPTURE(host);
    CHECK(TcpAddress{host, 1}.is_loopback());
  }
  for (const char* host : {"0.0.0.0", "126.255.255.255", "128.0.0.1", "10.0.0.1", "::", "::2",
                           "::ffff:10.0.0.1", "fe80::1%lo"}) {
    CAPTURE(host);
    CHECK_FALSE(TcpAddress{host, 1}.is_loopback());
  }
}
