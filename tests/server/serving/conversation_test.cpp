// What a front end sends and gets: requests that go well, requests that the server refuses, management
// records, and connections that are kept or closed.
#include <doctest/doctest.h>

#include "tests/fastcgi/conversation.hpp"
#include "tests/support/server_rig.hpp"

namespace owind::testing {
namespace {

namespace wire = fastcgi::testing;

TEST_CASE("a request is answered in one STDOUT record, its end, and END_REQUEST [fcgi 5.3, 5.5]") {
  ServerRig rig;
  rig.add("/", hello());
  Client client = rig.connect();
  client.send(get(7, "/"));
  const auto out = client.receive();
  REQUIRE(out);
  CHECK(out->type == 6);
  CHECK(out->id == 7);
  CHECK(out->content ==
        "Status: 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\r\nHello, World!");
  const auto end = client.receive();
  REQUIRE(end);
  CHECK((end->type == 6 && end->content.empty()));
  const auto response = client.response(7);
  CHECK(response.ended);
  CHECK(response.protocol_status == 0);
  CHECK(response.app_status == 0);
}

TEST_CASE("a kept connection serves request after request, and the slot is used again [fcgi 3.5]") {
  ServerRig rig;
  rig.add("/", hello());
  rig.add("/echo", echo_collecting());
  Client client = rig.connect();
  for (int i = 0; i < 50; ++i) {
    if (i % 2 == 0) {
      CHECK(client.send(get(1, "/")).response().body() == "Hello, World!");
    } else {
      const auto body = "nonce " + std::to_string(i);
      CHECK(client.send(post(1, "/echo", body)).response().body() == body);
    }
  }
  CHECK(rig.slots_made() == 1);
  CHECK_FALSE(client.ended());
}

TEST_CASE("without KEEP_CONN the connection is closed after END_REQUEST [fcgi 3.5]") {
  ServerRig rig;
  rig.add("/", hello());
  Client client = rig.connect();
  CHECK(client.send(get(1, "/", false)).response().status() == 200);
  CHECK_FALSE(client.receive());
  CHECK(client.ended());
  rig.wait_connections(0);
}

TEST_CASE("requests of one connection interleave, and end in any order [fcgi 3.3]") {
  ServerRig rig;
  std::map<std::string, SharedRequest> held;
  std::mutex mutex;
  rig.add("", [&](const SharedRequest& request) {
    const std::lock_guard lock(mutex);
    held[request->path()] = request;
  });
  Client client = rig.connect();
  // Heads interleaved record by record; ids odd and far apart, as HAProxy's.
  client.send(wire::begin(1) + wire::begin(301) + wire::begin(65535));
  for (const auto& [id, path] : {std::pair{1, "/a"}, {301, "/b"}, {65535, "/c"}})
    client.send(wire::params(id, encode_params(request_params("GET", path))));
  for (const int id : {65535, 1, 301}) client.send(wire::params(id));
  for (const int id : {301, 65535, 1}) client.send(wire::stdin_record(id));
  rig.wait_read(client);
  eventually([&] {
    const std::lock_guard lock(mutex);
    return held.size() == 3;
  });
  const auto answer = [&](const char* path) {
    held[path]->head(200);
    held[path]->write(path);
    held[path]->complete();
  };
  answer("/c");
  CHECK(client.response(65535).body() == "/c");
  answer("/a");
  CHECK(client.response(1).body() == "/a");
  // An id is free again once it has ended.
  client.send(get(1, "/d"));
  rig.wait_read(client);
  eventually([&] {
    const std::lock_guard lock(mutex);
    return held.size() == 4;
  });
  answer("/d");
  CHECK(client.response(1).body() == "/d");
  answer("/b");
  CHECK(client.response(301).body() == "/b");
  held.clear();
}

TEST_CASE("a BEGIN that comes right behind the last STDIN is served after it [fcgi 3.5]") {
  ServerRig rig;
  rig.add("/", hello());
  rig.add("/echo", echo_collecting());
  Client client = rig.connect();
  // The same id cannot begin before it has ended; another one can.
  client.send(get(1, "/") + post(2, "/echo", "behind"));
  CHECK(client.response(1).body() == "Hello, World!");
  CHECK(client.response(2).body() == "behind");
}

TEST_CASE("GET_VALUES is answered in the middle of a request's records [fcgi 4.1]") {
  ServerRig rig;
  rig.add("/echo", echo_collecting());
  Client client = rig.connect();
  const auto ask = wire::record(9, 0, wire::pair("FCGI_MPXS_CONNS", "") + wire::pair("FCGI_MAX_REQS", ""));
  const auto head = encode_params(request_params("POST", "/echo"));
  client.send(wire::begin(1) + ask + wire::params(1, head.substr(0, 30)) + ask);
  client.send(wire::params(1, head.substr(30)) + wire::params(1) + ask + wire::stdin_record(1, "bo") + ask);
  for (int i = 0; i < 4; ++i) {
    const auto reply = client.receive();
    REQUIRE(reply);
    CHECK(reply->type == 10);
    CHECK(reply->id == 0);
    CHECK(reply->content.find("FCGI_MPXS_CONNS1") != std::string::npos);
    CHECK(reply->content.find("FCGI_MAX_REQS50") != std::string::npos);
  }
  client.send(wire::stdin_record(1, "dy") + wire::stdin_record(1));
  CHECK(client.response().body() == "body");
}

TEST_CASE("an unknown management record is answered, an unknown application record is not [fcgi 4.2]") {
  ServerRig rig;
  rig.add("/", hello());
  Client client = rig.connect();
  client.send(wire::record(77, 0, "??"));
  const auto reply = client.receive();
  REQUIRE(reply);
  CHECK(reply->type == 11);
  CHECK(reply->content.at(0) == 77);
  client.send(wire::record(77, 1, "??") + get(1, "/"));
  CHECK(client.response().status() == 200);
}

TEST_CASE("an unknown role is refused by END_REQUEST, and the connection goes on [fcgi 5.5]") {
  ServerRig rig;
  rig.add("/", hello());
  Client client = rig.connect();
  client.send(wire::begin(3, 9) + wire::params(3, "x") + wire::params(3) + wire::stdin_record(3));
  const auto refused = client.response(3);
  CHECK(refused.protocol_status == 3);
  CHECK(refused.out.empty());
  CHECK(client.send(get(1, "/")).response().status() == 200);
  CHECK(rig.slots_in_use() == 0);
}

TEST_CASE("an unknown role without KEEP_CONN closes the connection [fcgi 3.5]") {
  ServerRig rig;
  Client client = rig.connect();
  client.send(wire::begin(3, 9, 0));
  CHECK(client.response(3).protocol_status == 3);
  CHECK_FALSE(client.receive());
  CHECK(client.ended());
}

TEST_CASE("an Authorizer has no body, and the application sees its role [fcgi 6.3]") {
  ServerRig rig;
  rig.add("/", [](const SharedRequest& request) {
    CHECK(request->slot(OWIND_SLOT_GATEWAY_ROLE) == "Authorizer");
    CHECK((request->block->flags & OWIND_REQUEST_HAS_NO_BODY) != 0);
    CHECK(request->read().status == OWIND_END);
    request->head(200, {{"Variable-USER", "me"}});
    request->complete();
  });
  Client client = rig.connect();
  client.send(wire::begin(1, 2) + wire::params(1, encode_params(request_params("GET", "/"))) +
              wire::params(1));
  CHECK(client.response().field("Variable-USER") == "me");
  CHECK_FALSE(client.ended());
}

TEST_CASE("a request without a body says so before the application runs") {
  ServerRig rig;
  rig.add("/", [](const SharedRequest& request) {
    request->head(200);
    request->write((request->block->flags & OWIND_REQUEST_HAS_NO_BODY) ? "none" : "some");
    request->complete();
  });
  Client client = rig.connect();
  CHECK(client.send(get(1, "/")).response().body() == "none");
  CHECK(client.send(post(1, "/", "x")).response().body() == "some");
}

// ---- refusals

TEST_CASE("garbage closes the connection with one log line, and disturbs no other") {
  ServerRig rig;
  rig.add("/", hello());
  Client other = rig.connect();
  CHECK(other.send(get(1, "/")).response().status() == 200);
  Client client = rig.connect();
  client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK(client.receive_all().empty());
  rig.wait_connections(1);
  CHECK(rig.log.count("connection closed") == 1);
  CHECK(rig.log.count("process " + std::to_string(::getpid())) == 1);
  CHECK(other.send(get(1, "/")).response().status() == 200);
}

TEST_CASE("parameters above the limit are answered with 431, also while they still come") {
  RigOptions options;
  options.fastcgi_limits.max_params_bytes = 2000;
  ServerRig rig(options);
  rig.add("/", hello());
  const auto request = [](std::size_t bytes) {
    return head_of(1, "GET", "/", true, {{"HTTP_X", std::string(bytes, 'x')}}) + wire::stdin_record(1);
  };
  Client client = rig.connect();
  CHECK(client.send(request(1000)).response().status() == 200);
  const auto response = client.send(request(3000)).response();
  CHECK(response.status() == 431);
  CHECK(response.ended);
  CHECK(rig.slots_in_use() == 0);
  CHECK(rig.log.count("431") == 1);
}

TEST_CASE("a 431 while the front end goes on sending ends in a drain, not in a lost answer") {
  RigOptions options;
  options.fastcgi_limits.max_params_bytes = 2000;
  ServerRig rig(options);
  Client client = rig.connect();
  const auto bytes = head_of(1, "GET", "/", true, {{"HTTP_X", std::string(60'000, 'x')}});
  // Cut inside the value: the answer must not wait for the rest.
  client.send(bytes.substr(0, 4000));
  CHECK(client.response().status() == 431);
  client.send(bytes.substr(4000));
  CHECK_FALSE(client.receive());
  CHECK(client.ended());
  client.close();
  rig.wait_connections(0);
}

TEST_CASE("a body that is announced too large is answered with 413 before the application runs") {
  RigOptions options;
  options.limits.max_body_bytes = 10;
  ServerRig rig(options);
  rig.add("/echo", echo_collecting());
  Client client = rig.connect();
  CHECK(client.send(post(1, "/echo", "0123456789")).response().status() == 200);
  CHECK(client.send(post(1, "/echo", "0123456789x")).response().status() == 413);
  CHECK(rig.runtime.started() == 1);
  CHECK(rig.slots_in_use() == 0);
}

TEST_CASE("a body that turns out too large is answered with 413, and the application is told") {
  RigOptions options;
  options.limits.max_body_bytes = 10;
  ServerRig rig(options);
  rig.add("/echo", echo_collecting());
  Client client = rig.connect();
  client.send(head_of(1, "POST", "/echo") + wire::stdin_record(1, "0123456789"));
  rig.wait_read(client);
  CHECK(rig.runtime.started() == 1);
  client.send(wire::stdin_record(1, "x"));
  CHECK(client.response().status() == 413);
  rig.wait_all_free();
  CHECK(rig.runtime.aborted() == 1);
}

TEST_CASE("a body that turns out too large after the head fails the connection") {
  RigOptions options;
  options.limits.max_body_bytes = 10;
  ServerRig rig(options);
  rig.add("/echo", echo_streaming());
  Client client = rig.connect();
  client.send(head_of(1, "POST", "/echo") + wire::stdin_record(1, "0123456789"));
  CHECK(client.receive_out(1, 20).status() == 200);
  client.send(wire::stdin_record(1, "x"));
  client.response();
  CHECK(client.failed());
  rig.wait_all_free();
}

TEST_CASE("one request more than may be in flight gets a 503 with Retry-After, and OVERLOADED [fcgi 5.5]") {
  RigOptions options;
  options.max_in_flight = 1;
  ServerRig rig(options);
  SharedRequest held;
  Gate started;
  rig.add("/hold", [&](const SharedRequest& request) {
    held = request;
    started.open();
  });
  rig.add("/", hello());
  Client first = rig.connect();
  first.send(get(1, "/hold"));
  started.wait();
  Client second = rig.connect();
  const auto refused = second.send(get(1, "/")).response();
  CHECK(refused.status() == 503);
  CHECK(refused.field("Retry-After") == "1");
  CHECK(refused.protocol_status == 2);
  // Not even its own connection was disturbed.
  held->head(200);
  held->complete();
  CHECK(first.response().status() == 200);
  CHECK(second.send(get(1, "/")).response().status() == 200);
  held.reset();
}

TEST_CASE("more streams on one connection than it may have get a 503 each, the others go on") {
  RigOptions options;
  options.fastcgi_limits.max_active_requests = 2;
  ServerRig rig(options);
  rig.add("/", hello());
  Client client = rig.connect();
  client.send(wire::begin(1) + wire::begin(2) + wire::begin(3));
  CHECK(client.response(3).status() == 503);
  for (const int id : {1, 2})
    client.send(wire::params(id, encode_params(request_params("GET", "/"))) + wire::params(id) +
                wire::stdin_record(id));
  CHECK(client.response(1).status() == 200);
  CHECK(client.response(2).status() == 200);
}

TEST_CASE("a request without a method is a 400 that names nothing of the visitor's") {
  ServerRig rig;
  Client client = rig.connect();
  client.send(wire::begin(1) + wire::params(1, encode_params({{"SCRIPT_NAME", "/<script>"}})) +
              wire::params(1) + wire::stdin_record(1));
  const auto response = client.response();
  CHECK(response.status() == 400);
  CHECK(response.body().find("script") == std::string::npos);
  CHECK(rig.slots_in_use() == 0);
}

// ---- bodies that are not sent

TEST_CASE("bodies of HEAD, 204 and 304 are taken and not sent [RFC 9110 6.4.1]") {
  ServerRig rig;
  rig.add("/200", [](const SharedRequest& r) {
    r->head(200, {{"Content-Length", "5"}});
    CHECK(r->write("12345").status == OWIND_OK);
    r->complete();
  });
  for (const int status : {204, 304})
    rig.add("/" + std::to_string(status), [status](const SharedRequest& r) {
      r->head(status);
      CHECK(r->write(std::string(1'000'000, 'x')).status == OWIND_OK);
      r->complete();
    });
  Client client = rig.connect();
  client.send(head_of(1, "HEAD", "/200") + wire::stdin_record(1));
  const auto head = client.response();
  CHECK(head.status() == 200);
  CHECK(head.field("Content-Length") == "5");
  CHECK(head.body().empty());
  CHECK(client.send(get(1, "/204")).response().body().empty());
  CHECK(client.send(get(1, "/304")).response().body().empty());
  CHECK_FALSE(client.failed());
  CHECK_FALSE(client.ended());
}

TEST_CASE("an error page for HEAD has no body") {
  ServerRig rig;
  rig.add("/", [](const SharedRequest& r) { r->complete(OWIND_OUTCOME_FAULTED); });
  Client client = rig.connect();
  client.send(head_of(1, "HEAD", "/") + wire::stdin_record(1));
  const auto response = client.response();
  CHECK(response.status() == 500);
  CHECK(response.body().empty());
}

TEST_CASE("a head as large as the rules allow arrives whole, over several records [fcgi 3.3]") {
  ServerRig rig;
  Fields fields;
  for (int i = 0; i < 60; ++i) fields.emplace_back("X-" + std::to_string(i), std::string(1000, 'v'));
  rig.add("/", [&](const SharedRequest& r) {
    CHECK(r->head(200, fields) == OWIND_OK);
    r->write("body");
    r->complete();
  });
  // 60 KiB of values in short fields: more than one record when formatted.
  Fields many;
  for (int i = 0; i < 5000; ++i) many.emplace_back("A", "b");
  rig.add("/many", [&](const SharedRequest& r) {
    CHECK(r->head(200, many) == OWIND_OK);
    r->complete();
  });
  Client client = rig.connect();
  const auto response = client.send(get(1, "/")).response();
  CHECK(response.field("X-59") == std::string(1000, 'v'));
  CHECK(response.body() == "body");
  CHECK(client.send(get(1, "/many")).response().out.size() > 5000 * 6);
}

TEST_CASE("a body of any size arrives whole both ways, in records that never wrap [fcgi 3.3]") {
  ServerRig rig;
  rig.add("/echo", echo_collecting());
  rig.add("/sink", sink());
  Client client = rig.connect();
  for (const std::size_t size : {1u, 7u, 8u, 65527u, 65528u, 65529u, 65535u, 65536u, 200'000u}) {
    std::string body(size, '\0');
    for (std::size_t i = 0; i < size; ++i) body[i] = static_cast<char>(i * 31 + i / 251);
    // A thread of its own: the server stops reading while nobody reads its answer.
    std::thread writer([&] { client.send(post(1, "/echo", body)); });
    const auto response = client.response();
    writer.join();
    CHECK(response.body() == body);
  }
  CHECK(client.send(post(1, "/sink", std::string(3'000'000, 'x'))).response().body() == "3000000");
}

}  // namespace
}  // namespace owind::testing
