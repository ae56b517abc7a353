// Hostile and broken front ends against a running server: whatever one connection sends, it gets a defined
// answer or is closed, every request ends, and a neighbour on another connection notices nothing.
#include <doctest/doctest.h>

#include <cstdlib>
#include <random>

#include "tests/fastcgi/conversation.hpp"
#include "tests/server/open_files_limit.hpp"
#include "tests/support/server_rig.hpp"

namespace owind::testing {
namespace {

#if defined(__SANITIZE_THREAD__)
// It is many times slower, and looks for the order of accesses, not for the bytes that break a parser.
constexpr long kMutants = 2'000;
constexpr int kIdStride = 31;
#else
constexpr long kMutants = 10'000;
constexpr int kIdStride = 1;
#endif

namespace wire = fastcgi::testing;
using Transport = ServerRig::Transport;

/// Applications of every kind, and a neighbour that is asked again and again.
struct Target {
  Target() {
    rig.add("/", hello());
    rig.add("/echo", echo_collecting());
    rig.add("/stream", echo_streaming());
    rig.add("/sink", sink());
    rig.add("/large", source(200'000));
    rig.add("/endless", source(200'000, Announce::kNo));
    neighbour = rig.connect();
  }
  ~Target() {
    check_neighbour();
    rig.wait_connections(1);
    rig.wait_all_free();
    CHECK(rig.runtime.breaches().empty());
  }
  void check_neighbour() {
    const std::string body = "nonce " + std::to_string(++nonce);
    CHECK(neighbour.send(post(1, "/echo", body)).response().body() == body);
  }
  ServerRig rig;
  Client neighbour;
  int nonce = 0;
};

/// A question, a request with padding and parameters that straddle records, and one more behind it.
std::string valid_conversation() {
  const auto params = encode_params(
      request_params("POST", "/echo", {{"CONTENT_LENGTH", "20"}, {"HTTP_X_LONG", std::string(200, 'x')}}));
  return wire::record(9, 0, wire::pair("FCGI_MAX_REQS", "")) + wire::begin(1, 1, 1) +
         wire::params(1, params.substr(0, 100), 4) + wire::params(1, params.substr(100)) + wire::params(1) +
         wire::stdin_record(1, "0123456789", 6) + wire::stdin_record(1, "abcdefghij") +
         wire::stdin_record(1) + get(3, "/");
}

TEST_CASE("a valid conversation may end at every byte: by a close, by a half close, or by a reset") {
  const std::string whole = valid_conversation();
  Target target;
  for (std::size_t cut = 0; cut <= whole.size(); ++cut) {
    {
      Client client = target.rig.connect();
      client.send(std::string_view(whole).substr(0, cut));
    }
    {
      Client client = target.rig.connect();
      client.send(std::string_view(whole).substr(0, cut));
      client.shutdown_write();
      client.receive_all();
      CHECK_FALSE(client.failed());
    }
    {
      Client client = target.rig.connect(Transport::kTcp);
      client.send(std::string_view(whole).substr(0, cut));
      client.close_with_reset();
    }
    if (cut % 64 == 0) target.check_neighbour();
  }
}

TEST_CASE("a valid conversation may pause at every byte") {
  const std::string whole = valid_conversation();
  Target target;
  for (std::size_t cut = 1; cut < whole.size(); ++cut) {
    Client client = target.rig.connect();
    client.send(std::string_view(whole).substr(0, cut));
    target.rig.wait_read(client);
    client.send(std::string_view(whole).substr(cut));
    REQUIRE(client.response(1).body() == "0123456789abcdefghij");
    REQUIRE(client.response(3).body() == "Hello, World!");
  }
}

TEST_CASE("a conversation in which one byte comes twice, is missing or is another one harms itself only") {
  const std::string whole = valid_conversation();
  Target target;
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string twice = whole, without = whole, other = whole;
    twice.insert(at, 1, whole[at]);
    without.erase(at, 1);
    other[at] = static_cast<char>(~other[at]);
    for (const auto& bytes : {twice, without, other}) {
      Client client = target.rig.connect();
      client.send(bytes);
      client.shutdown_write();
      client.receive_all();
    }
    if (at % 64 == 0) target.check_neighbour();
  }
}

TEST_CASE("a body that is made of records is a body (HAProxy 0aeae2305)") {
  Target target;
  const auto before = target.rig.runtime.started();
  std::string body;
  while (body.size() < 70'000)
    body += get(1, "/large") + wire::abort_request(1) + wire::stdin_record(1) + get(3, "/");
  Client client = target.rig.connect();
  CHECK(client.send(post(1, "/echo", body)).response().body() == body);
  CHECK(target.rig.runtime.started() == before + 1);
}

TEST_CASE("a response larger than a record is split, and read back as one (records never wrap at 65,536)") {
  Target target;
  for (const std::size_t size : {65'527u, 65'528u, 65'535u, 65'536u, 65'537u, 131'072u}) {
    Client client = target.rig.connect();
    const std::string body(size, 'w');
    CHECK(client.send(post(1, "/echo", body)).response().body() == body);
  }
}

TEST_CASE("a response without Content-Type is given none (CVE-2020-24553)") {
  Target target;
  target.rig.add("/bare", [](const SharedRequest& r) {
    r->head(200);
    r->write("<script>");
    r->complete();
  });
  Client client = target.rig.connect();
  CHECK(client.send(get(1, "/bare")).response().field("Content-Type").empty());
}

TEST_CASE("descriptors above 1,023 are served as all others (CVE-2012-6687)") {
  const test::OpenFilesLimit limit;
  REQUIRE(limit.hard() >= 4096);
  limit.set(std::max<rlim_t>(limit.soft(), 4096));
  Target target;
  std::vector<Client> clients;
  for (int i = 0; i < 1100; ++i) clients.push_back(target.rig.connect());
  REQUIRE(clients.back().fd() > 2048);
  for (auto& client : clients) REQUIRE(client.send(get(1, "/")).response().status() == 200);
}

TEST_CASE("65,535 requests that are begun and left hold no more places than a connection has") {
  Target target;
  const auto before = target.rig.slots_made();
  Client client = target.rig.connect();
  const std::size_t most = fastcgi::Limits{}.max_active_requests;
  for (int id = 1; id <= 65'535; id += id < static_cast<int>(most) ? 1 : kIdStride) {
    client.send(wire::begin(id));
    if (id <= static_cast<int>(most)) continue;
    const auto refused = client.response(id);
    REQUIRE(refused.protocol_status == 2);
  }
  CHECK(target.rig.slots_made() <= before + most);
  target.check_neighbour();
}

TEST_CASE(
    "on a kept connection every answer is that of its own request, whatever came before it (mono #20086)") {
  Target target;
  target.rig.add("", [](const SharedRequest& r) {
    r->head(302, {{"Location", r->path()}});
    r->complete();
  });
  Client client = target.rig.connect();
  for (int i = 0; i < 3000; ++i) {
    const std::string nonce = "nonce-" + std::to_string(i);
    switch (i % 4) {
      case 0:
        REQUIRE(client.send(get(1, "/")).response().body() == "Hello, World!");
        break;
      case 1:
        REQUIRE(client.send(post(1, "/echo", nonce)).response().body() == nonce);
        break;
      case 2:
        REQUIRE(client.send(get(1, "/" + nonce)).response().field("Location") == "/" + nonce);
        break;
      case 3:
        REQUIRE(client.send(post(1, "/stream", nonce)).response().body() == nonce);
        break;
    }
  }
}

TEST_CASE("a flood of questions is answered as it is read, and its peer waits") {
  Target target;
  Client client = target.rig.connect();
  const std::string flood =
      wire::record(9, 0, wire::pair("FCGI_MAX_REQS", "") + wire::pair("FCGI_MPXS_CONNS", "")) +
      wire::record(77, 0, "unknown");
  std::size_t sent = 0;
  for (int idle = 0; idle < 2;) {
    const std::size_t n = client.send_some(flood.substr(sent % flood.size()));
    sent += n;
    idle = n == 0 ? idle + 1 : 0;
    for (int i = 0; n == 0 && i < 4; ++i) target.rig.on_leader([] {});
  }
  // What it does not read stops it: a socket's buffers, and the output's mark.
  CHECK(sent < 4'000'000);
  target.check_neighbour();
}

/// Valid conversations that mutants are made of, as records.
std::vector<std::vector<std::string>> seeds() {
  const auto records = [](const std::string& bytes) {
    std::vector<std::string> split;
    for (std::size_t at = 0; at < bytes.size();) {
      const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[at + i]); };
      const std::size_t size = 8 + byte(4) * 256u + byte(5) + byte(6);
      split.push_back(bytes.substr(at, size));
      at += size;
    }
    return split;
  };
  return {
      records(valid_conversation()),
      records(post(1, "/stream", std::string(3000, 's'))),
      records(head_of(1, "POST", "/sink") + head_of(2, "POST", "/echo") + stdin_records(2, "two") +
              stdin_records(1, "one") + wire::stdin_record(2) + wire::stdin_record(1)),
      records(get(1, "/large") + get(2, "/endless") + wire::abort_request(1) + get(1, "/")),
      records(get(1, "/", false)),
      records(wire::begin(1, 2, 1) + wire::params(1, encode_params(request_params("GET", "/"))) +
              wire::params(1)),
      records(wire::begin(1, 3, 1) + get(2, "/") + wire::record(8, 2, "data") + wire::record(11, 2, "x")),
  };
}

TEST_CASE("mutants of valid conversations harm themselves only") {
  // OWIND_MUTANTS: how many, for a longer search.
  const char* const wanted = std::getenv("OWIND_MUTANTS");
  const long mutants = wanted ? std::atol(wanted) : kMutants;
  const char* const seed = std::getenv("OWIND_MUTANTS_SEED");
  std::mt19937 random(seed ? static_cast<unsigned>(std::atol(seed)) : 5);
  const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random()) % n; };
  const auto all = seeds();
  Target target;
  for (long done = 0; done < mutants; ++done) {
    auto records = all[below(all.size())];
    for (std::size_t changes = 1 + below(4); changes > 0 && !records.empty(); --changes) {
      const std::size_t at = below(records.size());
      std::string& record = records[at];
      switch (below(9)) {
        case 0:  // a field of the header: version, type, id, lengths
          record[below(8)] = static_cast<char>(random());
          break;
        case 1:  // to one of its edges
          record[below(8)] = static_cast<char>(std::array{0, 1, 0x7f, 0x80, 0xff}[below(5)]);
          break;
        case 2:
          record[below(record.size())] = static_cast<char>(random());
          break;
        case 3:
          record[below(record.size())] ^= static_cast<char>(1 << below(8));
          break;
        case 4:
          records.insert(records.begin() + static_cast<std::ptrdiff_t>(below(records.size() + 1)),
                         std::string(records[at]));
          break;
        case 5:
          records.erase(records.begin() + static_cast<std::ptrdiff_t>(at));
          break;
        case 6:
          std::swap(records[at], records[below(records.size())]);
          break;
        case 7:
          record.resize(below(record.size() + 1));
          if (record.size() < 8) records.erase(records.begin() + static_cast<std::ptrdiff_t>(at));
          break;
        case 8:
          record.insert(below(record.size() + 1), std::string(1 + below(300), static_cast<char>(random())));
          break;
      }
    }
    std::string bytes;
    for (const auto& record : records) bytes += record;
    Client client = target.rig.connect(below(4) == 0 ? Transport::kTcp : Transport::kUnix);
    if (below(2) == 0) {
      const std::size_t cut = below(bytes.size() + 1);
      client.send(bytes.substr(0, cut));
      if (below(2) == 0) target.rig.on_leader([] {});
      bytes.erase(0, cut);
    }
    client.send_some(bytes);
    if (below(3) != 0) {
      client.shutdown_write();
      client.receive_all();
    }
    if (done % 256 == 0) target.check_neighbour();
  }
}

}  // namespace
}  // namespace owind::testing
