// Uploads that go on behind their response (HTTP): it arrives whole whenever the visitor reads, and what
// still comes is read and dropped within limits.
#include <doctest/doctest.h>

#include "tests/fastcgi/conversation.hpp"
#include "tests/support/server_rig.hpp"

namespace owind::testing {
namespace {

namespace wire = fastcgi::testing;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Transport = ServerRig::Transport;

/// More than sockets take between them.
constexpr std::size_t kMuch = 16 * 1024 * 1024;

Application early(int status) {
  return [status](const SharedRequest& request) {
    request->head(status, {{"Content-Length", "5"}});
    request->write("early");
    request->complete();
  };
}

std::string with_length(std::size_t size, std::string_view more = "") {
  return "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(size) + "\r\n" +
         std::string(more) + "\r\n";
}
const std::string kChunked = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
std::string chunk(std::size_t size) {
  char line[20];
  std::snprintf(line, sizeof line, "%zx\r\n", size);
  return line + std::string(size, 'x') + "\r\n";
}

/// A whole response, and an end in good order behind it.
void check_whole(HttpClient& client, int status) {
  CHECK_FALSE(client.send_failed());
  const auto response = client.response();
  CHECK(response.status() == status);
  CHECK(response.body == "early");
  CHECK(client.rest().empty());
  CHECK(client.ended());
  CHECK_FALSE(client.reset());
}

TEST_CASE(
    "http: an early response reaches who sends all before he reads, whatever its status [RFC 9112 9.6]") {
  std::string chunks;
  while (chunks.size() < kMuch) chunks += chunk(100'000);
  chunks += "0\r\n\r\n";
  for (const int status : {200, 303, 404, 500}) {
    CAPTURE(status);
    ServerRig rig;
    rig.add("/", early(status));
    HttpClient announced = rig.connect_http(Transport::kTcp);
    announced.send(with_length(kMuch)).send(std::string(kMuch, 'x'));
    check_whole(announced, status);
    HttpClient chunked = rig.connect_http(Transport::kTcp);
    chunked.send(kChunked).send(chunks);
    check_whole(chunked, status);
    announced.close();
    chunked.close();
    rig.wait_connections(0);
  }
}

TEST_CASE("http: an answer of the server's own reaches who sends all before he reads [RFC 9110 15.5.14]") {
  RigOptions options;
  options.limits.max_body_bytes = 1000;
  ServerRig rig(options);
  for (const std::string& head : {with_length(kMuch), kChunked + chunk(1001) + chunk(kMuch),
                                  std::string("POST / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")}) {
    HttpClient client = rig.connect_http(Transport::kTcp);
    client.send(head).send(std::string(kMuch, 'x'));
    CHECK_FALSE(client.send_failed());
    const auto response = client.response();
    CHECK(response.status() == (head.find("b\r\n\r\n") == std::string::npos ? 413 : 400));
    CHECK(response.whole);
    CHECK(client.rest().empty());
    CHECK_FALSE(client.reset());
  }
}

TEST_CASE(
    "http: a complete response that has not gone out yet neither stops its upload nor breaks off with it") {
  RigOptions options;
  // All of the response is the server's, and the application is done.
  options.pipe_limits.high_mark_bytes = kMuch;
  ServerRig rig(options);
  rig.add("/", source(4'000'000));
  // The last of them goes on with what is no chunk.
  for (const std::string& head : {with_length(kMuch), kChunked + chunk(kMuch)}) {
    HttpClient client = rig.connect_http(Transport::kTcp);
    client.send(head).send(std::string(kMuch, 'x'));
    CHECK_FALSE(client.send_failed());
    CHECK(client.response().body.size() == 4'000'000);
    CHECK(client.rest().empty());
    CHECK_FALSE(client.reset());
  }
}

TEST_CASE(
    "http: what is pipelined behind the last response of a connection does not cut it off [RFC 9112 9.6]") {
  ServerRig rig;
  rig.add("/", early(200));
  std::string more;
  while (more.size() < 1'000'000) more += "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  HttpClient client = rig.connect_http(Transport::kTcp);
  client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" + more);
  check_whole(client, 200);
  CHECK(rig.runtime.started() == 1);
}

TEST_CASE(
    "http: a visitor who was not let send his body may close, or send it all the same [RFC 9110 10.1.1]") {
  ServerRig rig;
  rig.add("/", early(417));
  HttpClient waits = rig.connect_http(Transport::kTcp);
  waits.send(with_length(kMuch, "Expect: 100-continue\r\n"));
  // The end of the connection is seen before any byte of the body was due.
  check_whole(waits, 417);
  waits.close();
  rig.wait_connections(0);
  HttpClient sends = rig.connect_http(Transport::kTcp);
  sends.send(with_length(kMuch, "Expect: 100-continue\r\n")).send(std::string(kMuch, 'x'));
  check_whole(sends, 417);
}

// ---- limits

TEST_CASE("http: limit: rest of a body for which a connection is kept, closed behind its response above it") {
  for (const int more : {-1, 0, 1}) {
    RigOptions options;
    options.http.limits.max_unread_bytes = 1000;
    ServerRig rig(options);
    rig.add("/", early(200));
    HttpClient client = rig.connect_http();
    const auto rest = static_cast<std::size_t>(1000 + more);
    client.send(with_length(rest));
    CHECK(client.response().field("Connection") == (more > 0 ? "close" : ""));
    client.send(std::string(rest, 'x') + with_length(0));
    CHECK(client.response().status() == (more > 0 ? 0 : 200));
    CHECK(client.ended() == (more > 0));
    CHECK(rig.runtime.started() == (more > 0 ? 1 : 2));
    // How much comes in chunks is not known beforehand.
    HttpClient chunked = rig.connect_http();
    chunked.send(kChunked);
    CHECK(chunked.response().field("Connection").empty());
    // With their framing.
    chunked.send(chunk(rest - 12) + "0\r\n\r\n" + with_length(0));
    CHECK(chunked.response().status() == (more > 0 ? 0 : 200));
    CHECK(chunked.ended() == (more > 0));
    CHECK_FALSE(chunked.reset());
  }
}

TEST_CASE("http: limit: time for a body behind its response, and of silence in it") {
  // Of a connection that is kept, and of one that is not.
  for (const std::size_t rest : {1'000, 10'000'000}) {
    CAPTURE(rest);
    RigOptions options;
    options.limits.unread_body_timeout = milliseconds(700);
    options.limits.unread_body_idle_timeout = milliseconds(300);
    ServerRig rig(options);
    rig.add("/", early(200));
    HttpClient slow = rig.connect_http();
    slow.send(with_length(rest));
    CHECK(slow.response().whole);
    for (int i = 0; i < 6; ++i) {
      rig.advance(milliseconds(100));
      slow.send("x");
      rig.wait_read(slow);
    }
    rig.advance(milliseconds(99));
    CHECK(rig.connections() == 1);
    rig.advance(milliseconds(1));
    CHECK(rig.connections() == 1);
    rig.advance(milliseconds(1));
    CHECK(rig.connections() == 0);

    HttpClient silent = rig.connect_http();
    silent.send(with_length(rest));
    CHECK(silent.response().whole);
    rig.advance(milliseconds(200));
    silent.send("x");
    rig.wait_read(silent);
    rig.advance(milliseconds(299));
    CHECK(rig.connections() == 1);
    rig.advance(milliseconds(1));
    CHECK(rig.connections() == 1);
    rig.advance(milliseconds(1));
    CHECK(rig.connections() == 0);
  }
}

TEST_CASE("http: a response that is taken slowly is not cut for a visitor who has sent all") {
  RigOptions options;
  options.pipe_limits.high_mark_bytes = kMuch;
  ServerRig rig(options);
  rig.add("/", source(4'000'000));
  for (const std::size_t rest : {1'000, 10'000'000}) {
    HttpClient client = rig.connect_http(Transport::kTcp);
    client.send(with_length(rest));
    CHECK(client.starts_with("HTTP/1.1 200"));
    client.send(std::string(900, 'x'));
    rig.advance(milliseconds(40'000));
    CHECK(client.response().body.size() == 4'000'000);
    client.close();
    rig.wait_connections(0);
  }
}

// ---- FastCGI, from who multiplexes

const std::string kGetValues = wire::record(9, 0, wire::pair("FCGI_MPXS_CONNS", ""));

TEST_CASE("fcgi: limit: time for an upload behind its response, and of silence in it, where requests share") {
  RigOptions options;
  options.limits.unread_body_timeout = seconds(30);
  options.limits.unread_body_idle_timeout = seconds(5);
  ServerRig rig(options);
  rig.add("/", early(413));
  rig.add("/hello", hello());
  for (const bool silent : {true, false}) {
    CAPTURE(silent);
    Client client = rig.connect();
    client.send(kGetValues + head_of(1, "POST", "/"));
    CHECK(client.receive_out(1, 30).status() == 413);
    rig.advance(milliseconds(250));  // Seen for the first time.
    const int steps = silent ? 5 : 30;
    for (int i = 0; i < steps; ++i) {
      if (!silent) {
        client.send(wire::stdin_record(1, "x"));
        rig.wait_read(client);
      }
      rig.advance(seconds(1));
    }
    // Others are answered, and its own end is still to come.
    CHECK(client.send(get(3, "/hello")).response(3).body() == "Hello, World!");
    CHECK_FALSE(client.so_far(1).ended);
    rig.advance(seconds(1));
    CHECK(client.response(1).ended);
    // What still comes is ignored.
    client.send(wire::stdin_record(1, "late") + wire::stdin_record(1));
    CHECK(client.send(get(5, "/hello")).response(5).body() == "Hello, World!");
    client.close();
  }
}

TEST_CASE("fcgi: a drain waits for uploads behind their responses, and lets these arrive") {
  ServerRig rig;
  rig.add("/large", source(300'000));
  Client client = rig.connect(Transport::kTcp);
  client.set_receive_buffer(16 * 1024);
  client.send(kGetValues + head_of(1, "POST", "/large") + wire::stdin_record(1, "x"));
  CHECK(client.receive_out(1, 200'000).status() == 200);
  rig.wait_all_free();
  rig.shard().drain();
  rig.on_leader([] {});
  client.send(wire::stdin_record(1, "more") + wire::stdin_record(1));
  client.receive_all();
  CHECK(client.so_far(1).body().size() == 300'000);
  CHECK(client.so_far(1).ended);
  CHECK_FALSE(client.reset());
}

TEST_CASE("fcgi: a request that comes while a drain ends takes nothing along of the response before it") {
  ServerRig rig;
  rig.add("/large", source(300'000));
  Client client = rig.connect(Transport::kTcp);
  client.set_receive_buffer(16 * 1024);
  client.send(kGetValues + get(1, "/large"));
  CHECK(client.receive_out(1, 200'000).status() == 200);
  rig.wait_all_free();
  rig.shard().drain();
  rig.on_leader([] {});
  client.send(get(3, "/large"));
  client.receive_all();
  CHECK(client.so_far(1).ended);
  CHECK(client.so_far(1).body().size() == 300'000);
  CHECK_FALSE(client.reset());
}

TEST_CASE("fcgi: an early response reaches who asks for values and wants the connection closed") {
  ServerRig rig;
  rig.add("/large", source(300'000));
  Client client = rig.connect(Transport::kTcp);
  client.set_receive_buffer(16 * 1024);
  client.send(kGetValues + head_of(1, "POST", "/large", false) + wire::stdin_record(1, "x"));
  CHECK(client.receive_out(1, 200'000).status() == 200);
  rig.wait_all_free();
  client.send(wire::stdin_record(1, std::string(10'000, 'x')));
  client.receive_all();
  CHECK(client.so_far(1).body().size() == 300'000);
  CHECK(client.so_far(1).ended);
  CHECK_FALSE(client.reset());
}

}  // namespace
}  // namespace owind::testing
