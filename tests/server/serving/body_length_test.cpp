// CONTENT_LENGTH against what STDIN carries (FastCGI 1.0 §6.2: a Responder compares the two). The end of STDIN is what
// counts; a body that ends before its announced length is no whole body.
#include <doctest/doctest.h>

#include "tests/fastcgi/conversation.hpp"
#include "tests/support/server_rig.hpp"

namespace owind::testing {
namespace {

namespace wire = fastcgi::testing;

/// What the application's reads came to: the bytes, and the status behind them.
struct Reading {
  std::string bytes;
  owind_status end = OWIND_WAIT;
  bool known_empty = false;
};

Reading read_body(const std::string& content_length, const std::string& sent, bool late_end = false,
                  int role = 1) {
  Reading reading;
  ServerRig rig;
  rig.add("/", [&](const SharedRequest& request) {
    reading.known_empty = (request->block->flags & OWIND_REQUEST_HAS_NO_BODY) != 0;
    const auto drain = [&](FakeRequest& r) {
      while (true) {
        const auto moved = r.read(1000);
        reading.bytes += moved.bytes;
        if (moved.status == OWIND_OK) continue;
        if (moved.status == OWIND_WAIT) return;
        reading.end = moved.status;
        CHECK(r.read(1000).status == moved.status);
        r.head(200);
        r.complete();
        return;
      }
    };
    request->on_readable = drain;
    drain(*request);
  });
  Client client = rig.connect();
  Params more;
  if (content_length != "-") more = {{"CONTENT_LENGTH", content_length}};
  const auto params = encode_params(request_params("POST", "/", more));
  const std::string head = wire::begin(1, role, 1) + wire::params(1, params) + wire::params(1);
  if (late_end) {
    client.send(head + stdin_records(1, sent));
    rig.wait_read(client);
    client.send(wire::stdin_record(1));
  } else {
    client.send(head + stdin_records(1, sent) + wire::stdin_record(1));
  }
  CHECK(client.response().status() == 200);
  return reading;
}

TEST_CASE("a body that ends before CONTENT_LENGTH is cut: its bytes come, then a failure and never an end") {
  for (const bool late : {false, true}) {
    for (const std::size_t sent : {std::size_t{0}, std::size_t{1}, std::size_t{99'999}}) {
      const Reading reading = read_body("100000", std::string(sent, 'b'), late);
      CHECK(reading.bytes.size() == sent);
      CHECK(reading.end == OWIND_CUT);
      CHECK_FALSE(reading.known_empty);
    }
  }
}

TEST_CASE("a body of the length of CONTENT_LENGTH is whole") {
  for (const bool late : {false, true}) {
    const Reading reading = read_body("100000", std::string(100'000, 'b'), late);
    CHECK(reading.bytes.size() == 100'000);
    CHECK(reading.end == OWIND_END);
  }
}

TEST_CASE("a body longer than CONTENT_LENGTH is whole: HAProxy announces what it happens to have of a chunked upload") {
  const Reading reading = read_body("3", "0123456789");
  CHECK(reading.bytes == "0123456789");
  CHECK(reading.end == OWIND_END);
}

TEST_CASE("a body without a length, or with one that is no number, ends with STDIN") {
  for (const std::string length : {"-", "", "-1", "ten", "99999999999999999999"}) {
    const Reading reading = read_body(length, "0123456789");
    CHECK(reading.bytes == "0123456789");
    CHECK(reading.end == OWIND_END);
  }
}

TEST_CASE("an Authorizer has no body, whatever CONTENT_LENGTH says of the visitor's (FastCGI 1.0 §6.3)") {
  const Reading reading = read_body("10", "", false, 2);
  CHECK(reading.end == OWIND_END);
  CHECK(reading.known_empty);
}

}  // namespace
}  // namespace owind::testing
