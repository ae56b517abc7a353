// Every limit of a server at one below it, at it, and one above it: what is answered, and that the answer is
// an ordinary response with the right end (FastCGI 1.0 §5.5).
#include <doctest/doctest.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "tests/fastcgi/conversation.hpp"
#include "tests/support/server_rig.hpp"

namespace owind::testing {
namespace {

namespace wire = fastcgi::testing;
using std::chrono::milliseconds;

/// Keeps the requests of "/hold".
struct Holding {
  explicit Holding(RigOptions options = {}) : rig(options) {
    rig.add("/hold", [this](const SharedRequest& request) {
      const std::lock_guard lock(mutex);
      held.push_back(request);
    });
    rig.add("/read", [this](const SharedRequest& request) {
      {
        const std::lock_guard lock(mutex);
        held.push_back(request);
      }
      request->on_readable = [](FakeRequest& r) {
        auto moved = r.read();
        for (; moved.status == OWIND_OK; moved = r.read()) r.text += moved.bytes;
      };
      request->on_readable(*request);
    });
    rig.add("/sink", sink());
    rig.add("/", hello());
  }
  ~Holding() {
    for (auto& request : held) request->complete();
    held.clear();
  }
  void wait_held(std::size_t count) {
    eventually([&] {
      const std::lock_guard lock(mutex);
      return held.size() == count;
    });
  }
  std::mutex mutex;
  std::vector<SharedRequest> held;
  ServerRig rig;
};

/// An ordinary answer: a whole head and body, and the end that belongs to the status.
void check_answer(const Response& response, int status) {
  CHECK(response.status() == status);
  CHECK(response.ended);
  CHECK(response.stdout_ended);
  CHECK(response.protocol_status == (status == 503 ? 2 : 0));
  if (status == 503) CHECK(response.field("Retry-After") == "1");
  if (status != 200) CHECK(response.field("Content-Length") == std::to_string(response.body().size()));
}

/// The answer to a request with these PARAMS, and that the connection goes on afterwards.
int answer_to_params(const RigOptions& options, const std::string& params) {
  ServerRig rig(options);
  rig.add("/", hello());
  Client client = rig.connect();
  client.send(wire::begin(1, 1, 1) + wire::params(1, params) + wire::params(1) + wire::stdin_record(1));
  const Response response = client.response();
  const int status = response.status();
  check_answer(response, status);
  const auto values = client.send(wire::record(9, 0, wire::pair("FCGI_MAX_REQS", ""))).receive();
  CHECK((values && values->type == 10));
  return status;
}

std::string usual_params() { return encode_params(request_params("GET", "/")); }

TEST_CASE("limit: bytes of the parameters, 431 above it") {
  const std::string params = usual_params();
  for (const int more : {-1, 0, 1}) {
    RigOptions options;
    options.fastcgi_limits.max_params_bytes = static_cast<std::uint32_t>(params.size()) - more;
    CHECK(answer_to_params(options, params) == (more > 0 ? 431 : 200));
  }
}

TEST_CASE("limit: number of the parameters, 431 above it") {
  const auto count = static_cast<std::uint32_t>(request_params("GET", "/").size());
  for (const int more : {-1, 0, 1}) {
    RigOptions options;
    options.fastcgi_limits.max_params = count - static_cast<std::uint32_t>(more);
    CHECK(answer_to_params(options, usual_params()) == (more > 0 ? 431 : 200));
  }
}

TEST_CASE("limit: bytes of one name and of one value, 431 above it") {
  for (const int more : {-1, 0, 1}) {
    RigOptions options;
    options.fastcgi_limits.max_name_bytes = 100;
    options.fastcgi_limits.max_value_bytes = 200;
    const auto size = [more](int limit) { return static_cast<std::size_t>(limit + more); };
    const int expected = more > 0 ? 431 : 200;
    CHECK(answer_to_params(options, usual_params() + wire::pair(std::string(size(100), 'N'), "v")) ==
          expected);
    CHECK(answer_to_params(options, usual_params() + wire::pair("HTTP_N", std::string(size(200), 'v'))) ==
          expected);
  }
}

TEST_CASE("limit: bytes of a body, 413 above it, whether they are announced or only come") {
  for (const int more : {-1, 0, 1}) {
    for (const bool announced : {true, false}) {
      RigOptions options;
      options.limits.max_body_bytes = 50'000;
      Holding h(options);
      Client client = h.rig.connect();
      const std::string body(static_cast<std::size_t>(50'000 + more), 'b');
      const Params length{{"CONTENT_LENGTH", std::to_string(body.size())}};
      client.send(head_of(1, "POST", "/sink", true, announced ? length : Params{}) + stdin_records(1, body) +
                  wire::stdin_record(1));
      check_answer(client.response(), more > 0 ? 413 : 200);
    }
  }
}

TEST_CASE("limit: requests at once on one connection, 503 and OVERLOADED above it") {
  RigOptions options;
  options.fastcgi_limits.max_active_requests = 3;
  Holding h(options);
  Client client = h.rig.connect();
  client.send(get(1, "/hold") + get(2, "/hold"));
  h.wait_held(2);
  check_answer(client.send(get(3, "/")).response(3), 200);  // the third
  client.send(get(4, "/hold"));
  h.wait_held(3);
  check_answer(client.send(get(5, "/")).response(5), 503);  // a fourth
  h.held.back()->head(200);
  h.held.back()->complete();
  check_answer(client.response(4), 200);
  check_answer(client.send(get(5, "/")).response(5), 200);
  // On another connection they are not counted.
  Client other = h.rig.connect();
  check_answer(other.send(get(1, "/")).response(1), 200);
}

TEST_CASE("limit: requests in flight in the process, 503 and OVERLOADED above it") {
  RigOptions options;
  options.max_in_flight = 3;
  Holding h(options);
  Client client = h.rig.connect();
  Client other = h.rig.connect();
  client.send(get(1, "/hold") + get(2, "/hold"));
  h.wait_held(2);
  check_answer(other.send(get(1, "/")).response(1), 200);
  client.send(get(3, "/hold"));
  h.wait_held(3);
  check_answer(other.send(get(1, "/")).response(1), 503);
  h.held.back()->head(200);
  h.held.back()->complete();
  check_answer(client.response(3), 200);
  check_answer(other.send(get(1, "/")).response(1), 200);
}

/// Whether the server still reads a connection on which `sent` body bytes of one request wait to be read.
bool reads_behind(Holding& h, Client& client, std::size_t sent) {
  const std::size_t before = h.held.size();
  client.send(head_of(1, "POST", "/hold"));
  h.wait_held(before + 1);
  client.send(stdin_records(1, std::string(sent, 'b')));
  h.rig.wait_read(client);
  client.send(wire::record(9, 0, wire::pair("FCGI_MAX_REQS", "")));
  h.rig.on_leader([] {});
  h.rig.on_leader([] {});
  char probe = 0;
  return ::recv(client.fd(), &probe, 1, MSG_PEEK | MSG_DONTWAIT) == 1;
}

TEST_CASE("limit: bytes that one request buffers, its connection is not read above it") {
  for (const int more : {-1, 0, 1}) {
    RigOptions options;
    options.pipe_limits = {.high_mark_bytes = 5000, .low_mark_bytes = 2500};
    Holding h(options);
    Client client = h.rig.connect();
    CHECK(reads_behind(h, client, static_cast<std::size_t>(5000 + more)) == (more < 0));
  }
}

TEST_CASE("limit: bytes that one connection buffers, it is not read above it") {
  for (const int more : {-1, 0, 1}) {
    RigOptions options;
    options.limits.max_buffered_bytes = 9000;
    Holding h(options);
    Client client = h.rig.connect();
    // Two requests: the mark of a single one does not count then.
    client.send(head_of(2, "POST", "/hold"));
    h.wait_held(1);
    CHECK(reads_behind(h, client, static_cast<std::size_t>(9000 + more)) == (more <= 0));
  }
}

TEST_CASE("limit: bytes that the process buffers, connections that hold some are not read above it") {
  for (const int more : {-1, 0, 1}) {
    RigOptions options;
    options.max_buffered = 9000;
    Holding h(options);
    Client other = h.rig.connect();
    other.send(head_of(1, "POST", "/hold"));
    h.wait_held(1);
    other.send(stdin_records(1, std::string(4000, 'b')));
    h.rig.wait_read(other);
    Client client = h.rig.connect();
    CHECK(reads_behind(h, client, static_cast<std::size_t>(5000 + more)) == (more <= 0));
    CHECK(h.rig.admission.buffered() == static_cast<std::size_t>(9000 + more));
    // Whoever holds nothing is served.
    Client third = h.rig.connect();
    check_answer(third.send(post(1, "/sink", std::string(3000, 'c'))).response(), 200);
    // Read to the end, and it goes on at once; what is given up counts no more.
    auto& request = *h.held.back();
    while (request.read().status == OWIND_OK) {
    }
    CHECK(client.receive());
    other.close();
    eventually([&] { return h.rig.admission.buffered() == 0; });
  }
}

/// Steps to one below the limit, to it, and above it; `over` says at each whether it has acted.
template <typename Over>
void check_time(ServerRig& rig, milliseconds limit, Over over) {
  rig.advance(limit - milliseconds(1));
  CHECK_FALSE(over());
  rig.advance(milliseconds(1));
  CHECK_FALSE(over());
  rig.advance(milliseconds(1));
  CHECK(over());
}

TEST_CASE("limit: time for the head of a request, 408 above it") {
  RigOptions options;
  options.limits.head_timeout = milliseconds(700);
  Holding h(options);
  Client client = h.rig.connect();
  client.send(wire::begin(1, 1, 1));
  h.rig.wait_read(client);
  check_time(h.rig, milliseconds(700), [&] {
    char probe = 0;
    return ::recv(client.fd(), &probe, 1, MSG_PEEK | MSG_DONTWAIT) == 1;
  });
  check_answer(client.response(), 408);
}

TEST_CASE("limit: time between two pieces of a body, 408 above it") {
  RigOptions options;
  options.limits.body_timeout = milliseconds(700);
  Holding h(options);
  Client client = h.rig.connect();
  client.send(head_of(1, "POST", "/read") + stdin_records(1, "piece"));
  h.wait_held(1);
  h.rig.wait_read(client);
  eventually([&] { return h.rig.on_leader([&] { return h.held[0]->text == "piece"; }); });
  check_time(h.rig, milliseconds(700), [&] {
    char probe = 0;
    return ::recv(client.fd(), &probe, 1, MSG_PEEK | MSG_DONTWAIT) == 1;
  });
  check_answer(client.response(), 408);
}

TEST_CASE("limit: rate of a body, 408 below it after its grace") {
  // 100 bytes a second: after 6 s of waiting, 600 bytes are enough and 599 are not; within 5 s any are.
  for (const int more : {-1, 0, 1}) {
    RigOptions options;
    options.limits.min_body_rate = 100;
    Holding h(options);
    Client client = h.rig.connect();
    client.send(head_of(1, "POST", "/read"));
    h.wait_held(1);
    h.rig.advance(milliseconds(5000));
    client.send(stdin_records(1, std::string(static_cast<std::size_t>(600 + more), 'b')));
    eventually([&] { return h.rig.on_leader([&] { return h.held[0]->text.size() >= 599; }); });
    CHECK(client.so_far(1).out.empty());
    h.rig.advance(milliseconds(1000));
    if (more < 0) {
      check_answer(client.response(), 408);
    } else {
      char probe = 0;
      CHECK(::recv(client.fd(), &probe, 1, MSG_PEEK | MSG_DONTWAIT) == -1);
    }
  }
}

TEST_CASE("limit: the rate of a body counts only while the application waits for it") {
  RigOptions options;
  options.limits.min_body_rate = 100;
  Holding h(options);
  Client client = h.rig.connect();
  client.send(head_of(1, "POST", "/hold") + stdin_records(1, "few"));
  h.wait_held(1);
  h.rig.advance(milliseconds(20'000));
  h.held[0]->head(200);
  h.held[0]->complete();
  check_answer(client.send(wire::stdin_record(1)).response(), 200);
}

TEST_CASE("limit: time that a connection is idle") {
  RigOptions options;
  options.limits.idle_timeout = milliseconds(700);
  Holding h(options);
  Client client = h.rig.connect();
  check_answer(client.send(get(1, "/")).response(), 200);
  check_time(h.rig, milliseconds(700), [&] { return h.rig.connections() == 0; });
}

TEST_CASE("limit: time to a first record") {
  RigOptions options;
  options.limits.first_record_timeout = milliseconds(700);
  Holding h(options);
  const Client client = h.rig.connect();
  check_time(h.rig, milliseconds(700), [&] { return h.rig.connections() == 0; });
}

TEST_CASE("limit: time for which a front end takes nothing of a response") {
  RigOptions options;
  options.limits.write_timeout = milliseconds(700);
  Holding h(options);
  h.rig.add("/large", source(8 * 1024 * 1024));
  Client client = h.rig.connect();
  client.send(get(1, "/large"));
  // Full: the leader has gone round and nothing more has come.
  for (std::size_t last = 1, size = 0; size == 0 || size != last;) {
    last = size;
    for (int i = 0; i < 8; ++i) h.rig.on_leader([] {});
    int waiting = 0;
    ::ioctl(client.fd(), FIONREAD, &waiting);
    size = static_cast<std::size_t>(waiting);
  }
  check_time(h.rig, milliseconds(700), [&] { return h.rig.connections() == 0; });
}

TEST_CASE("limit: bytes that are thrown away behind an early response") {
  for (const int more : {-1, 0, 1}) {
    RigOptions options;
    options.limits.unread_body_bytes = 9000;
    Holding h(options);
    Client client = h.rig.connect();
    client.send(head_of(1, "POST", "/"));
    check_answer(client.response(), 200);
    CHECK_FALSE(client.receive());  // half closed: it drains
    client.send(std::string(static_cast<std::size_t>(9000 + more), 'b'));
    h.rig.wait_read(client);
    client.send("more");
    h.rig.on_leader([] {});
    h.rig.on_leader([] {});
    int unread = 0;
    ::ioctl(client.fd(), SIOCOUTQ, &unread);
    CHECK((unread == 0) == (more <= 0));
    CHECK(h.rig.connections() == 1);
  }
}

TEST_CASE("limit: time for which is thrown away behind an early response, and of silence meanwhile") {
  for (const bool silent : {true, false}) {
    RigOptions options;
    (silent ? options.limits.unread_body_idle_timeout : options.limits.unread_body_timeout) = milliseconds(700);
    Holding h(options);
    Client client = h.rig.connect();
    client.send(head_of(1, "POST", "/"));
    check_answer(client.response(), 200);
    CHECK_FALSE(client.receive());
    check_time(h.rig, milliseconds(700), [&] { return h.rig.connections() == 0; });
  }
}

TEST_CASE("limit: time for the application, 504 above it") {
  RigOptions options;
  options.limits.request_timeout = milliseconds(700);
  Holding h(options);
  Client client = h.rig.connect();
  client.send(get(1, "/hold"));
  h.wait_held(1);
  check_time(h.rig, milliseconds(700), [&] {
    char probe = 0;
    return ::recv(client.fd(), &probe, 1, MSG_PEEK | MSG_DONTWAIT) == 1;
  });
  check_answer(client.response(), 504);
}

}  // namespace
}  // namespace owind::testing
