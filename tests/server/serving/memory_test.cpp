// Memory that runs out at the n-th allocation of a conversation, n = 1, 2, … until none is left to fail: the
// request is answered or its connection is closed, nothing stays behind, and the next connection is served as
// if nothing had been.
#include <doctest/doctest.h>

#include "tests/fastcgi/conversation.hpp"
#include "tests/support/failing_memory.hpp"
#include "tests/support/server_rig.hpp"

namespace owind::testing {
namespace {

namespace wire = fastcgi::testing;

void fill(ServerRig& rig) {
  rig.add("/", hello());
  rig.add("/echo", echo_collecting());
  rig.add("/stream", echo_streaming());
  rig.add("/large", source(300'000));
  rig.add("/bad", [](const SharedRequest& request) {
    request->head(500, {{"X-Bad", "a\r\nb"}});
    request->complete();
  });
}

/// Sends it with every allocation of the leader failing once, each time in a fresh server. Returns how many
/// there were. `converse` gets an armed connection, and must end it.
template <typename Connect, typename Converse>
long fail_each(Connect connect, Converse converse, bool serves_on = true) {
  for (long n = 0;; ++n) {
    RigOptions options;
    options.fastcgi_limits.max_params_bytes = 20'000;
    ServerRig rig(options);
    fill(rig);
    rig.start();
    rig.on_leader([&] {
      allocations_left = n;
      memory_may_fail = true;
    });
    {
      auto client = connect(rig);
      converse(rig, client);
    }
    rig.wait_connections(0);
    const bool failed = allocations_left.exchange(-1) < 0;
    rig.on_leader([] { memory_may_fail = false; });
    rig.wait_all_free();
    if (serves_on) {
      Client next = rig.connect();
      REQUIRE(next.send(post(1, "/echo", "still there")).response().body() == "still there");
    }
    REQUIRE(rig.runtime.breaches().empty());
    if (!failed) return n;
  }
}

long fail_each_of(const std::string& bytes) {
  return fail_each([](ServerRig& rig) { return rig.connect(); },
                   [&](ServerRig&, Client& client) {
                     client.send_some(bytes);
                     client.shutdown_write();
                     client.receive_all();
                   });
}

TEST_CASE("without memory at any moment a FastCGI conversation harms nothing but itself") {
  const Params many = [] {
    Params params;
    for (int i = 0; i < 40; ++i) params.emplace_back("HTTP_X_" + std::to_string(i), std::string(300, 'v'));
    return params;
  }();
  const Params forwarded = {
      {"HTTP_COOKIE", "a=1"}, {"HTTP_COOKIE", "b=2"}, {"HTTP_FORWARDED", "for=192.0.2.1"}};
  const std::string conversations[] = {
      get(1, "/"),
      wire::record(9, 0, wire::pair("FCGI_MAX_REQS", "")) + get(1, "/") + get(3, "/"),
      head_of(1, "POST", "/echo", true, many) + stdin_records(1, std::string(100'000, 'e')) +
          wire::stdin_record(1),
      head_of(1, "POST", "/stream", false, forwarded) + stdin_records(1, std::string(70'000, 's')) +
          wire::stdin_record(1),
      get(1, "/large") + get(2, "/large") + wire::abort_request(1),
      head_of(1, "POST", "/") + stdin_records(1, "unwanted"),
      head_of(1, "GET", "/", true, {{"HTTP_X", std::string(30'000, 'x')}}) + wire::stdin_record(1),
      get(1, "/bad"),
      "GET / HTTP/1.1\r\n\r\n",
  };
  for (const auto& conversation : conversations) CHECK(fail_each_of(conversation) > 3);
}

TEST_CASE("without memory at any moment an HTTP conversation harms nothing but itself") {
  const std::string conversations[] = {
      "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /large HTTP/1.1\r\nHost: a\r\n\r\n",
      "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
      "POST /stream HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\nConnection: "
      "close\r\n\r\nhello",
      "GET / HTTP/1.1\r\n\r\n",
  };
  for (const auto& conversation : conversations) {
    CHECK(fail_each([](ServerRig& rig) { return rig.connect_http(); },
                    [&](ServerRig&, HttpClient& client) {
                      client.send(conversation);
                      client.shutdown_write();
                      client.rest();
                    }) > 3);
  }
}

TEST_CASE("without memory at any moment a drain and a stop end all the same") {
  for (const bool at_once : {false, true}) {
    CHECK(fail_each([](ServerRig& rig) { return rig.connect(); },
                    [&](ServerRig& rig, Client& client) {
                      client.send_some(head_of(1, "POST", "/echo") + wire::begin(2));
                      rig.wait_read(client);
                      if (at_once)
                        rig.shard().abort_all();
                      else
                        rig.shard().drain();
                      client.shutdown_write();
                      client.receive_all();
                    },
                    false) > 3);
  }
}

}  // namespace
}  // namespace owind::testing
