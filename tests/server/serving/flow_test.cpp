// Memory stays bounded and nobody starves: reading pauses at the marks, output takes turns, and what is sent
// after an early response is drained within limits.
#include <doctest/doctest.h>

#include <map>

#include "tests/fastcgi/conversation.hpp"
#include "tests/support/server_rig.hpp"

namespace owind::testing {
namespace {

namespace wire = fastcgi::testing;
using Transport = ServerRig::Transport;
using std::chrono::milliseconds;
using std::chrono::seconds;

/// Holds every request of "/hold" for the test.
struct Holding {
  explicit Holding(RigOptions options = {}) : rig(options) {
    rig.add("/hold", [this](const SharedRequest& request) {
      const std::lock_guard lock(mutex);
      held.push_back(request);
    });
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
  /// Bytes of request bodies that the server holds.
  std::size_t buffered() {
    return rig.on_leader([this] {
      std::size_t total = 0;
      for (const auto& slot : rig.shard().slots().slots())
        if (slot->in_use()) total += slot->request_body_buffered();
      return total;
    });
  }
  /// Sends `piece` again and again, from `sent` bytes on, until the server takes no more: it has done all
  /// that it will when the leader has gone round and the socket is still full. The last piece may be cut.
  void send_until_paused(Client& client, const std::string& piece, std::size_t& sent) {
    for (int idle = 0; idle < 2;) {
      const std::size_t n = client.send_some(std::string_view(piece).substr(sent % piece.size()));
      sent += n;
      idle = n == 0 ? idle + 1 : 0;
      for (int i = 0; n == 0 && i < 4; ++i) rig.on_leader([] {});
    }
  }
  std::mutex mutex;
  std::vector<SharedRequest> held;
  ServerRig rig;
};

TEST_CASE("a body that nobody reads stops at the mark, and goes on when it is read") {
  Holding h;
  Client client = h.rig.connect();
  client.send(head_of(1, "POST", "/hold"));
  h.wait_held(1);
  const std::string piece = wire::stdin_record(1, std::string(8192, 'x'));
  std::size_t sent = 0;
  h.send_until_paused(client, piece, sent);
  const auto buffered = h.buffered();
  CHECK(buffered >= 64 * 1024);
  CHECK(buffered <= 64 * 1024 + 128 * 1024);  // the mark, and one read more
  CHECK(sent > buffered);                     // the rest waits in the socket
  // A disconnect would be seen, though nothing is read; the heartbeat must not take the pause for one.
  h.rig.advance(seconds(5));
  CHECK(h.held[0]->aborts == 0);

  std::size_t read = 0;
  while (true) {
    const auto moved = h.held[0]->read(64 * 1024);
    read += moved.bytes.size();
    if (moved.status == OWIND_OK) continue;
    REQUIRE(moved.status == OWIND_WAIT);
    if (sent % piece.size() != 0) {
      // Room for the rest of the piece now.
      const std::size_t n = client.send_some(std::string_view(piece).substr(sent % piece.size()));
      sent += n;
    }
    if (read == sent / piece.size() * 8192 && sent % piece.size() == 0) break;
    h.rig.on_leader([] {});
  }
  client.send(wire::stdin_record(1));
  eventually([&] { return h.held[0]->read().status == OWIND_END; });
  h.held[0]->head(200);
  h.held[0]->complete();
  CHECK(client.response().status() == 200);
}

TEST_CASE("a disconnect is seen although reading is paused") {
  Holding h;
  Client client = h.rig.connect();
  client.send(head_of(1, "POST", "/hold"));
  h.wait_held(1);
  std::size_t sent = 0;
  h.send_until_paused(client, wire::stdin_record(1, std::string(8192, 'x')), sent);
  client.close();
  h.rig.wait_connections(0);
  eventually([&] { return h.held[0]->aborts == 1; });
  CHECK(h.held[0]->read().status == OWIND_ABORTED);
}

TEST_CASE("on a multiplexed connection one unread body does not stop the others, the cap does") {
  Holding h;
  h.rig.add("/echo", echo_collecting());
  Client client = h.rig.connect();
  client.send(head_of(1, "POST", "/hold") + head_of(2, "POST", "/hold"));
  h.wait_held(2);
  // Far above the mark of one request, below the cap of the connection.
  client.send(stdin_records(1, std::string(500'000, 'x')));
  CHECK(client.send(post(3, "/echo", "still served")).response(3).body() == "still served");
  CHECK(h.buffered() == 500'000);
  std::size_t sent = 0;
  h.send_until_paused(client, wire::stdin_record(2, std::string(8192, 'y')), sent);
  CHECK(h.buffered() > 1024 * 1024);
  CHECK(h.buffered() < 1024 * 1024 + 128 * 1024);
}

TEST_CASE("a connection at its cap for 30 s loses the request that holds the most, the others go on") {
  Holding h;
  Client client = h.rig.connect();
  client.send(head_of(1, "POST", "/hold") + head_of(2, "POST", "/hold"));
  h.wait_held(2);
  client.send(stdin_records(1, std::string(900'000, 'x')));
  std::size_t sent = 0;
  const std::string piece = wire::stdin_record(2, std::string(8192, 'y'));
  h.send_until_paused(client, piece, sent);
  h.rig.beat();
  h.rig.advance(seconds(30));
  CHECK(h.held[0]->aborts == 0);
  h.rig.advance(milliseconds(1));
  CHECK(client.response(1).status() == 408);
  eventually([&] { return h.held[0]->aborts == 1; });
  CHECK(h.held[1]->aborts == 0);
  // The other one's upload goes on.
  std::string rest = sent % piece.size() != 0 ? piece.substr(sent % piece.size()) : "";
  rest += wire::stdin_record(2);
  std::size_t read = 0;
  eventually([&] {
    rest.erase(0, client.send_some(rest));
    const auto moved = h.held[1]->read(64 * 1024);
    read += moved.bytes.size();
    return moved.status == OWIND_END;
  });
  CHECK(read == (sent + piece.size() - 1) / piece.size() * 8192);
}

TEST_CASE("a connection at its cap whose requests make progress loses none") {
  Holding h;
  Client client = h.rig.connect();
  client.send(head_of(1, "POST", "/hold") + head_of(2, "POST", "/hold"));
  h.wait_held(2);
  client.send(stdin_records(1, std::string(900'000, 'x')));
  const std::string piece = wire::stdin_record(2, std::string(8192, 'y'));
  std::size_t sent = 0;
  for (int i = 0; i < 10; ++i) {
    h.send_until_paused(client, piece, sent);
    h.rig.advance(seconds(10));
    // Reads it all, then the front end fills it again: paused at every look, and yet not stuck.
    while (h.held[1]->read(64 * 1024).status == OWIND_OK) {
    }
  }
  CHECK(h.held[0]->aborts == 0);
  CHECK(h.held[1]->aborts == 0);
}

TEST_CASE("where bodies that nobody reads fill the process's memory, those who share a connection are not held up for ever") {
  RigOptions options;
  options.max_buffered = 64 * 1024;
  Holding h(options);
  Client client = h.rig.connect();
  client.send(wire::record(9, 0, wire::pair("FCGI_MPXS_CONNS", "")) + head_of(1, "POST", "/hold") +
              head_of(3, "POST", "/hold"));
  h.wait_held(2);
  const std::string piece = wire::stdin_record(1, std::string(8192, 'x'));
  std::size_t sent = 0;
  h.send_until_paused(client, piece, sent);
  CHECK(h.buffered() > 64 * 1024);
  h.rig.advance(seconds(29));
  CHECK(h.held[0]->aborts == 0);
  h.rig.advance(seconds(2));
  CHECK(client.receive_out(1, 20).status() == 408);
  eventually([&] { return h.held[0]->aborts == 1; });
  CHECK(h.held[1]->aborts == 0);
}

TEST_CASE("behind the last response of a connection nothing more is answered while output waits") {
  ServerRig rig;
  Client client = rig.connect();
  // More answers than the socket takes, fewer than stop the reading; then a request that ends the connection.
  std::string unknown;
  for (int i = 0; i < 20'000; ++i) unknown += wire::record(99, 0, "12345678");
  client.send(unknown);
  rig.wait_read(client);
  client.send(wire::begin(1, /*role=*/7, /*flags=*/0));
  rig.wait_read(client);
  client.send_some(std::string_view(unknown).substr(0, 16'000));
  for (int i = 0; i < 4; ++i) rig.on_leader([] {});
  const auto records = client.receive_all();
  REQUIRE(!records.empty());
  CHECK(records.back().type == 3);
  CHECK(records.size() == 20'001);
}

TEST_CASE("a writer waits at the mark of its pipe and of the output, and goes on as the front end reads") {
  Holding h;
  Client client = h.rig.connect();
  client.send(get(1, "/hold"));
  h.wait_held(1);
  auto& r = *h.held[0];
  std::atomic<int> woken{0};
  r.on_writable = [&](FakeRequest&) { woken.fetch_add(1); };
  r.head(200);
  std::size_t written = 0;
  const std::string piece(64 * 1024, 'x');
  while (true) {
    const auto moved = r.write(piece);
    written += moved.taken;
    if (moved.status == OWIND_OK) continue;
    REQUIRE(moved.status == OWIND_WAIT);
    // The leader may take it yet.
    const int before = woken;
    for (int i = 0; i < 4; ++i) h.rig.on_leader([] {});
    if (woken == before) break;
  }
  // Pipe, output and both socket buffers: far from all that the application has.
  CHECK(written < 3'000'000);
  client.receive_out(1, written / 2);
  eventually([&] { return woken > 0; });
  CHECK(client.receive_out(1, written).body().size() > written - 100);
  r.complete();
  CHECK(client.response().ended);
}

TEST_CASE("a huge response does not starve a small one on the same connection") {
  ServerRig rig;
  rig.add("/huge", source(200'000'000, Announce::kNo));
  rig.add("/", hello());
  Client client = rig.connect();
  client.send(get(1, "/huge"));
  CHECK(client.receive_out(1, 1).status() == 200);
  client.send(get(2, "/"));
  const auto before = client.so_far(1).out.size();
  CHECK(client.response(2).body() == "Hello, World!");
  // What was on its way, and a turn of the other stream.
  CHECK(client.so_far(1).out.size() - before < 2'000'000);
  client.send(wire::abort_request(1));
  CHECK(client.response(1).ended);
}

TEST_CASE("of many large responses on one connection each has its turn after a quota of every other") {
  constexpr std::size_t kStreams = 8;
  constexpr std::size_t kQuota = 8 * 1024;
  RigOptions options;
  options.limits.stream_quota_bytes = kQuota;
  // Room for two of them at a time, as with the defaults.
  options.limits.output_high_bytes = 2 * kQuota;
  Holding h(options);
  Client client = h.rig.connect();
  for (std::size_t i = 0; i < kStreams; ++i) {
    client.send(get(static_cast<int>(2 * i + 1), "/hold"));
    h.wait_held(i + 1);
  }
  // Everything is there before the front end reads, so that whose turn it is hangs on nothing else: each writes
  // until the leader, having gone round, takes no more from it. The first ones fill the output.
  const std::string piece(256 * 1024, 'x');
  for (const auto& request : h.held) {
    request->head(200);
    for (int idle = 0; idle < 2;) {
      idle = request->write(piece).taken == 0 ? idle + 1 : 0;
      for (int i = 0; i < 4; ++i) h.rig.on_leader([] {});
    }
    request->complete();
  }
  client.send(wire::record(9, 0, wire::pair("FCGI_MPXS_CONNS", "")) + get(99, "/"));
  h.rig.wait_read(client);
  for (int i = 0; i < 4; ++i) h.rig.on_leader([] {});
  const std::size_t waiting = h.rig.on_leader([&] {
    std::size_t bytes = 0;
    for (const auto& slot : h.rig.shard().slots().slots())
      if (slot->in_use()) bytes += slot->response_body().size();
    return bytes;
  });
  // Of each there are several turns.
  REQUIRE(waiting > kStreams * 4 * kQuota);

  struct Piece {
    int id;
    std::size_t from, to;  // Of the content of all.
  };
  std::vector<Piece> pieces;
  std::size_t at = 0, values = 0;
  for (std::size_t ended = 0; ended <= kStreams;) {
    const auto record = client.receive();
    REQUIRE(record);
    ended += record->type == 3;
    if (record->id == 0) values = at;
    if (record->type != 6) continue;
    pieces.push_back({record->id, at, at + record->content.size()});
    at += record->content.size();
  }
  // What was in the output already came in the order in which it was written; then the turns begin. The answer
  // to the small request has a head, and one quota may be cut by the end of the output.
  const std::size_t turns_begin = at - waiting;
  constexpr std::size_t kTurnOfEveryOther = kStreams * kQuota + 1024;
  std::map<int, std::size_t> last;
  for (const auto& [id, from, to] : pieces) {
    if (from >= turns_begin) {
      INFO("stream " << id << " from " << from << ", turns from " << turns_begin);
      CHECK(from - std::max(last[id], turns_begin) <= kTurnOfEveryOther);
    }
    last[id] = to;
  }
  CHECK(values <= turns_begin + kTurnOfEveryOther);
}

TEST_CASE("two large responses on one connection take turns") {
  ServerRig rig;
#if defined(__SANITIZE_THREAD__)
  constexpr std::size_t kSize = 4'000'000;  // it takes its time
#else
  constexpr std::size_t kSize = 20'000'000;
#endif
  rig.add("/a", source(kSize, Announce::kYes, 'a'));
  rig.add("/b", source(kSize, Announce::kYes, 'b'));
  Client client = rig.connect();
  client.send(get(1, "/a") + get(2, "/b"));
  std::size_t worst = 0;
  while (!client.so_far(1).ended || !client.so_far(2).ended) {
    if (!client.receive()) break;
    const auto a = client.so_far(1).out.size(), b = client.so_far(2).out.size();
    // Until one of them ends.
    if (a < kSize && b < kSize) worst = std::max(worst, a > b ? a - b : b - a);
  }
  CHECK(client.response(1).body() == std::string(kSize, 'a'));
  CHECK(client.response(2).body() == std::string(kSize, 'b'));
  CHECK(worst < 2'000'000);
}

TEST_CASE("an answer is sent although the last event of its batch was of a connection that has closed") {
  ServerRig rig;
  std::map<std::string, SharedRequest> held;
  for (const char* path : {"/b", "/c"})
    rig.add(path, [&held, path](const SharedRequest& request) { held[path] = request; });
  rig.add("/a", [&](const SharedRequest& request) {
    // Output for a connection whose end is in the same batch: it closes when this is sent, before its event
    // is handed out. That gives up its request, and so the last answer comes when nothing else will.
    held["/b"]->when_aborted([&](FakeRequest& b, int) {
      held["/c"]->head(200);
      held["/c"]->complete();
      b.complete();
    });
    held["/b"]->head(200);
    request->head(200);
    request->complete();
  });
  Client a = rig.connect(), b = rig.connect(), c = rig.connect();
  b.send(get(1, "/b"));
  rig.wait_read(b);
  c.send(get(1, "/c"));
  rig.wait_read(c);
  Gate busy, go;
  rig.shard().post([&] {
    busy.open();
    go.wait();
  });
  busy.wait();
  a.send(get(1, "/a"));
  b.close();
  go.open();
  CHECK(a.response().status() == 200);
  CHECK(c.response().status() == 200);
  rig.on_leader([&] { held.clear(); });
}

// ---- a response before the upload has ended

TEST_CASE("an early response arrives whole while the upload goes on, then the connection ends") {
  for (const Transport transport : {Transport::kUnix, Transport::kTcp}) {
    ServerRig rig;
    rig.add("/", hello());
    Client client = rig.connect(transport);
    client.send(head_of(1, "POST", "/") + wire::stdin_record(1, std::string(1000, 'x')));
    CHECK(client.response().body() == "Hello, World!");
    // Everything that still comes is read, up to the limit.
    client.send(stdin_records(1, std::string(5'000'000, 'x')) + wire::stdin_record(1));
    CHECK_FALSE(client.receive());
    CHECK(client.ended());
    client.close();
    rig.wait_connections(0);
  }
}

TEST_CASE("what is drained after an early response is limited in bytes") {
  RigOptions options;
  options.limits.unread_body_bytes = 1024 * 1024;
  ServerRig rig(options);
  rig.add("/", hello());
  Client client = rig.connect();
  client.send(head_of(1, "POST", "/"));
  CHECK(client.response().status() == 200);
  std::size_t sent = 0;
  const std::string piece = stdin_records(1, std::string(32768, 'x'));
  for (int idle = 0; idle < 2;) {
    const std::size_t n = client.send_some(piece);
    sent += n;
    idle = n == 0 ? idle + 1 : 0;
    for (int i = 0; n == 0 && i < 4; ++i) rig.on_leader([] {});
  }
  CHECK(sent > 1'000'000);
  CHECK(sent < 2'500'000);
  // Not closed for it: who is still sending would lose the response.
  CHECK(rig.connections() == 1);
  client.close();
  rig.wait_connections(0);
}

TEST_CASE("what is drained after an early response is limited in time") {
  ServerRig rig;
  rig.add("/", hello());
  Client client = rig.connect();
  client.send(head_of(1, "POST", "/"));
  CHECK(client.response().status() == 200);
  rig.advance(seconds(5));
  CHECK(rig.connections() == 1);
  rig.advance(milliseconds(1));
  CHECK(rig.connections() == 0);
}

TEST_CASE("a large early response to a front end that sends all before it reads arrives whole") {
  ServerRig rig;
  // More than the socket takes at once, no more than the output does: the response is over, and not sent.
  constexpr std::size_t kMuch = 280'000;
  rig.add("/", source(kMuch));
  Client client = rig.connect();
  client.send(head_of(1, "POST", "/"));
  // The server's output is blocked meanwhile; it must read on all the same.
  client.send(stdin_records(1, std::string(9'000'000, 'x')) + wire::stdin_record(1));
  CHECK(client.response().body().size() == kMuch);
}

TEST_CASE("to a peer that multiplexes an early response is whole at once, and ends with its upload [fcgi 3.3, 4.1]") {
  ServerRig rig;
  rig.add("/", hello());
  Client client = rig.connect();
  client.send(wire::record(9, 0, wire::pair("FCGI_MPXS_CONNS", "")) + head_of(1, "POST", "/"));
  // HAProxy would take no more of the upload behind END_REQUEST, and its visitor would not look.
  while (!client.so_far(1).stdout_ended) REQUIRE(client.receive());
  CHECK(client.so_far(1).body() == "Hello, World!");
  rig.wait_all_free();
  // It begins the next one on the same connection, and what it has of the first comes between.
  client.send(stdin_records(1, std::string(5'000'000, 'x')) + get(3, "/") + stdin_records(1, "late"));
  CHECK(client.response(3).body() == "Hello, World!");
  CHECK_FALSE(client.so_far(1).ended);
  client.send(wire::stdin_record(1));
  CHECK(client.response(1).protocol_status == 0);
  // The id is free again.
  CHECK(client.send(get(1, "/")).response(1).status() == 200);
  CHECK_FALSE(client.ended());
  CHECK(rig.runtime.started() == 3);
}

TEST_CASE("a peer that multiplexes may abort an upload that was answered early [fcgi 5.4]") {
  ServerRig rig;
  rig.add("/", hello());
  Client client = rig.connect();
  client.send(wire::record(9, 0, wire::pair("FCGI_MPXS_CONNS", "")) + head_of(1, "POST", "/") +
              head_of(2, "POST", "/"));
  while (!client.so_far(1).stdout_ended || !client.so_far(2).stdout_ended) REQUIRE(client.receive());
  client.send(wire::record(2, 1, ""));
  CHECK(client.response(1).ended);
  CHECK_FALSE(client.so_far(2).ended);
  client.send(wire::stdin_record(2));
  CHECK(client.response(2).ended);
  client.close();
  rig.wait_connections(0);
}

TEST_CASE("requests behind an early response are not begun") {
  ServerRig rig;
  rig.add("/", hello());
  Client client = rig.connect();
  client.send(head_of(1, "POST", "/"));
  CHECK(client.response().status() == 200);
  client.send(get(2, "/"));
  CHECK_FALSE(client.receive());
  CHECK(client.ended());
  CHECK(rig.runtime.started() == 1);
  client.close();
  rig.wait_connections(0);
  rig.wait_all_free();
}

}  // namespace
}  // namespace owind::testing
