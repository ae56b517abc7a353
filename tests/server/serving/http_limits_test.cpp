// What limits a visitor over HTTP, at one below each limit, at it, and one above it. What both protocols
// share is in limits_test.cpp; here is what HTTP has alone, or counts in a way of its own.
#include <doctest/doctest.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "tests/fastcgi/conversation.hpp"
#include "tests/support/server_rig.hpp"

namespace owind::testing {
namespace {

using std::chrono::milliseconds;

/// The status of the answer to a request, and that one which is refused ends its connection.
int answer_to(const RigOptions& options, std::string_view request) {
  ServerRig rig(options);
  rig.add("/", hello());
  rig.add("/echo", echo_collecting());
  HttpClient client = rig.connect_http();
  const HttpResponse response = client.send(request).response();
  CHECK(response.whole);
  if (response.status() == 200) {
    CHECK(client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").response().status() == 200);
  } else {
    CHECK((response.status() == 413 || response.field("Connection") == "close"));
  }
  return response.status();
}

std::size_t size(std::size_t limit, int more) {
  return more < 0 ? limit - 1 : limit + static_cast<std::size_t>(more);
}

TEST_CASE("http limit: bytes of the request line, 414 above it [RFC 9112 3]") {
  const std::string rest = "GET / HTTP/1.1";
  for (const int more : {-1, 0, 1}) {
    RigOptions options;
    options.http.limits.max_request_line_bytes = 300;
    const std::string query = "?" + std::string(size(300, more) - rest.size() - 1, 'x');
    CHECK(answer_to(options, "GET /" + query + " HTTP/1.1\r\nHost: a\r\n\r\n") == (more > 0 ? 414 : 200));
  }
}

TEST_CASE("http limit: bytes of the header fields, 431 above it [RFC 6585 5]") {
  const std::string rest = "Host: a\r\nX: \r\n";
  for (const int more : {-1, 0, 1}) {
    RigOptions options;
    options.http.limits.max_fields_bytes = 300;
    const std::string value(size(300, more) - rest.size(), 'x');
    CHECK(answer_to(options, "GET / HTTP/1.1\r\nHost: a\r\nX: " + value + "\r\n\r\n") ==
          (more > 0 ? 431 : 200));
  }
}

TEST_CASE("http limit: number of the header fields, 431 above it [RFC 6585 5]") {
  for (const int more : {-1, 0, 1}) {
    RigOptions options;
    options.http.limits.max_fields = 7;
    std::string head = "GET / HTTP/1.1\r\nHost: a\r\n";
    for (std::size_t i = 1; i < size(7, more); ++i) head += "X: y\r\n";
    CHECK(answer_to(options, head + "\r\n") == (more > 0 ? 431 : 200));
  }
}

TEST_CASE("http limit: bytes of a body, announced or in chunks, 413 above it [RFC 9110 15.5.14]") {
  for (const int more : {-1, 0, 1}) {
    RigOptions options;
    options.limits.max_body_bytes = 50;
    const std::string body(size(50, more), 'b');
    const int expected = more > 0 ? 413 : 200;
    CHECK(answer_to(options, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: " +
                                 std::to_string(body.size()) + "\r\n\r\n" + body) == expected);
    CHECK(answer_to(options, "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n28\r\n" +
                                 body.substr(0, 40) + "\r\n" +
                                 (more < 0   ? "9"
                                  : more > 0 ? "b"
                                             : "a") +
                                 "\r\n" + body.substr(40) + "\r\n0\r\n\r\n") == expected);
  }
}

/// Steps to one below the limit, to it, and above it: only then is the connection closed.
void check_closed_after(ServerRig& rig, milliseconds limit) {
  rig.advance(limit - milliseconds(1));
  CHECK(rig.connections() == 1);
  rig.advance(milliseconds(1));
  CHECK(rig.connections() == 1);
  rig.advance(milliseconds(1));
  CHECK(rig.connections() == 0);
}

TEST_CASE("http limit: time for the head of a request, 408 above it [RFC 9110 15.5.9]") {
  RigOptions options;
  options.limits.first_record_timeout = std::chrono::seconds(130);  // as the server sets it for HTTP
  options.limits.head_timeout = milliseconds(700);
  ServerRig rig(options);
  rig.add("/", hello());
  HttpClient client = rig.connect_http();
  // The first head of a connection that has been idle for long, and one that is not the first.
  rig.advance(std::chrono::seconds(80));
  for (const bool first : {true, false}) {
    CAPTURE(first);
    client.send("GET / HTTP/1.1\r\nHo");
    rig.wait_read(client);
    const auto is_answered = [&] {
      char probe = 0;
      return ::recv(client.fd(), &probe, 1, MSG_PEEK | MSG_DONTWAIT) == 1;
    };
    rig.advance(milliseconds(699));
    client.send("st: a\r\n");
    rig.wait_read(client);
    rig.advance(milliseconds(1));
    CHECK_FALSE(is_answered());
    if (first) {
      CHECK(client.send("\r\n").response().status() == 200);
    } else {
      rig.advance(milliseconds(1));
      CHECK(is_answered());
      CHECK(client.response().status() == 408);
    }
  }
  HttpClient never = rig.connect_http();
  never.send("G");
  rig.wait_read(never);
  rig.advance(milliseconds(701));
  CHECK(never.response().status() == 408);
}

TEST_CASE("http limit: time that a connection is idle, before its first request and between two") {
  RigOptions options;
  options.limits.idle_timeout = milliseconds(700);
  options.limits.first_record_timeout = options.limits.idle_timeout;
  ServerRig rig(options);
  rig.add("/", hello());
  HttpClient fresh = rig.connect_http();
  check_closed_after(rig, milliseconds(700));
  CHECK(fresh.rest().empty());
  HttpClient kept = rig.connect_http();
  CHECK(kept.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").response().status() == 200);
  check_closed_after(rig, milliseconds(700));
  CHECK(kept.rest().empty());
}

/// What has been sent into a connection that nobody reads: the leader has gone round and no more has come.
std::size_t bytes_of_full_socket(ServerRig& rig, int fd) {
  for (std::size_t last = 0;;) {
    for (int i = 0; i < 8; ++i) rig.on_leader([] {});
    int waiting = 0;
    ::ioctl(fd, FIONREAD, &waiting);
    if (waiting > 0 && static_cast<std::size_t>(waiting) == last) return last;
    last = static_cast<std::size_t>(waiting);
  }
}

TEST_CASE("limit: rate at which a response is taken, over either protocol, closed below it after its grace") {
  for (const bool http : {true, false}) {
    CAPTURE(http);
    RigOptions options;
    options.limits.write_timeout = milliseconds(0);
    // A thousand a second: what has been taken is enough for as many milliseconds.
    options.limits.min_response_rate = 1000;
    // All of it waits from the beginning: who takes everything that there is begins anew.
    options.pipe_limits = {.high_mark_bytes = 16 * 1024 * 1024, .low_mark_bytes = 8 * 1024 * 1024};
    ServerRig rig(options);
    rig.add("/large", source(8 * 1024 * 1024));
    const auto run = [&rig](int fd) {
      const auto taken = static_cast<std::int64_t>(bytes_of_full_socket(rig, fd));
      REQUIRE(taken > 5000);
      check_closed_after(rig, milliseconds(taken));
    };
    if (http) {
      HttpClient client = rig.connect_http();
      client.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
      run(client.fd());
    } else {
      Client client = rig.connect();
      client.send(get(1, "/large"));
      run(client.fd());
    }
  }
}

TEST_CASE("limit: without a rate a response that nobody takes waits for the write timeout alone") {
  RigOptions options;
  options.limits.write_timeout = std::chrono::hours(1);
  ServerRig rig(options);
  rig.add("/large", source(8 * 1024 * 1024));
  HttpClient client = rig.connect_http();
  client.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
  bytes_of_full_socket(rig, client.fd());
  check_closed_after(rig, std::chrono::hours(1));
}

}  // namespace
}  // namespace owind::testing
