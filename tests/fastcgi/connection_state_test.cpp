// The protocol of a connection: every record kind, every illegal order, the limits; each vector is ground.
#include "fastcgi/connection_state.hpp"

#include <doctest/doctest.h>

#include "tests/fastcgi/grind.hpp"

using namespace owind::fastcgi;
using namespace owind::fastcgi::testing;

namespace {

void end_at_stdin_end(ConnectionState& state, const Event& event) {
  if (event.kind == Event::Kind::kStdinEnd || event.kind == Event::Kind::kAbort) state.end(event.id);
}

std::string error(Errc code) { return std::string("error ") + message(code); }

/// A request of `id` up to the end of its parameters.
Bytes open_request(int id) { return begin(id) + params(id, pair("A", "1")) + params(id); }
Lines opened(int id) {
  const std::string text = std::to_string(id);
  return {"begin " + text + " responder keep", "param " + text + " A=1", "params-end " + text};
}

Lines join(std::initializer_list<Lines> parts) {
  Lines all;
  for (const Lines& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

}  // namespace

TEST_CASE("ConnectionState: a request as literal bytes, as nginx sends it [fcgi 3.3, 5.1, 5.2, 5.3]") {
  grind(
      "\x01\x01\x00\x01\x00\x08\x00\x00"
      "\x00\x01\x01\x00\x00\x00\x00\x00"
      "\x01\x04\x00\x01\x00\x1c\x04\x00"
      "\x0e\x04REQUEST_METHODPOST"
      "\x04\x02X_YZok"
      "\x00\x00\x00\x00"
      "\x01\x04\x00\x01\x00\x00\x00\x00"
      "\x01\x05\x00\x01\x00\x05\x03\x00"
      "hello\x00\x00\x00"
      "\x01\x05\x00\x01\x00\x00\x00\x00"sv,
      {"begin 1 responder keep", "param 1 REQUEST_METHOD=POST", "param 1 X_YZ=ok", "params-end 1",
       "stdin 1 hello", "stdin-end 1"});
}

TEST_CASE("ConnectionState: flags and role of BEGIN_REQUEST, unknown flag bits ignored [fcgi 5.1]") {
  grind(begin(1, 1, 0), {"begin 1 responder close"});
  grind(begin(1, 1, 1), {"begin 1 responder keep"});
  grind(begin(1, 1, 0xfe), {"begin 1 responder close"});
  grind(begin(1, 1, 0xff), {"begin 1 responder keep"});
  grind(begin(0x1234), {"begin 4660 responder keep"});
  grind(begin(65535), {"begin 65535 responder keep"});
}

TEST_CASE("ConnectionState: parameters are given in order over record ends at any byte [fcgi 3.4, 5.2]") {
  const Bytes stream = pair("A", "1") + pair("LONG", Bytes(200, 'v')) + pair("", "") + pair("A", "2");
  for (std::size_t cut = 1; cut < stream.size(); ++cut) {
    const Bytes all = begin(1) + params(1, stream.substr(0, cut), static_cast<int>(cut % 8)) +
                      params(1, stream.substr(cut)) + params(1);
    CHECK(events_of(all) == Lines{"begin 1 responder keep", "param 1 A=1", "param 1 LONG=" + Bytes(200, 'v'),
                                  "param 1 =", "param 1 A=2", "params-end 1"});
  }
  Bytes one_by_one = begin(1);
  for (const char byte : stream) one_by_one += params(1, {&byte, 1}, 3);
  grind(one_by_one + params(1), {"begin 1 responder keep", "param 1 A=1", "param 1 LONG=" + Bytes(200, 'v'),
                                 "param 1 =", "param 1 A=2", "params-end 1"});
}

TEST_CASE("ConnectionState: a request without parameters and body [fcgi 6.2]") {
  grind(begin(1) + params(1) + stdin_record(1), {"begin 1 responder keep", "params-end 1", "stdin-end 1"});
  grind(begin(1) + params(1, "", 255) + stdin_record(1, "", 8),
        {"begin 1 responder keep", "params-end 1", "stdin-end 1"});
}

TEST_CASE("ConnectionState: several requests interleave on one connection [fcgi 3.3]") {
  const Bytes a = pair("A", "alpha");
  const Bytes b = pair("B", "beta");
  grind(begin(1) + begin(3) + params(1, a.substr(0, 4)) + params(3, b.substr(0, 1)) + params(1, a.substr(4)) +
            begin(0x7fff) + params(1) + params(3, b.substr(1)) + stdin_record(1, "one") + params(3) +
            stdin_record(3, "three") + stdin_record(1, "more") + stdin_record(3) + stdin_record(1) +
            params(0x7fff),
        {"begin 1 responder keep", "begin 3 responder keep", "param 1 A=alpha", "begin 32767 responder keep",
         "params-end 1", "param 3 B=beta", "stdin 1 one", "params-end 3", "stdin 3 three", "stdin 1 more",
         "stdin-end 3", "stdin-end 1", "params-end 32767"});
}

TEST_CASE("ConnectionState: an id that has ended may begin again, with fresh parameters [fcgi 3.3]") {
  const Bytes one = open_request(1) + stdin_record(1);
  const Lines lines = join({opened(1), {"stdin-end 1"}});
  grind(one + one + one, join({lines, lines, lines}), {}, end_at_stdin_end);
}

TEST_CASE("ConnectionState: ids that grow and are never reused leave nothing behind [fcgi 3.3]") {
  const Limits limits{.max_active_requests = 2};
  ConnectionState state(limits, kTestValues);
  Recorder recorder(state, end_at_stdin_end);
  for (int id = 1; id <= 65535; id += 2) recorder.feed(open_request(id) + stdin_record(id));
  CHECK(recorder.lines().size() == 4 * 32768);
  CHECK_FALSE(recorder.failed());
  CHECK(state.idle());
}

TEST_CASE("ConnectionState: records of an inactive id are ignored [fcgi 3.3]") {
  const Bytes stray = params(9, pair("A", "1"), 5) + params(9) + stdin_record(9, "body", 4) +
                      stdin_record(9) + abort_request(9) + record(8, 9, "data") + record(77, 9, "?") +
                      params(9, "\x7f");
  grind(stray + open_request(1) + stray, opened(1));
  grind(stray, {});
}

TEST_CASE("ConnectionState: what is late for an ended request is ignored, mid-record too [fcgi 3.3, 5.4]") {
  const auto end_at_params_end = [](ConnectionState& state, const Event& event) {
    if (event.kind == Event::Kind::kParamsEnd) state.end(event.id);
  };
  grind(open_request(1) + stdin_record(1, "late", 4) + stdin_record(1) + abort_request(1) + open_request(1) +
            stdin_record(1, "late again"),
        join({opened(1), opened(1)}), {}, end_at_params_end);

  const auto end_at_param = [](ConnectionState& state, const Event& event) {
    if (event.kind == Event::Kind::kParam) state.end(event.id);
  };
  const Bytes two = pair("A", "1") + pair("B", "2");
  grind(begin(1) + begin(2) + params(1, two) + params(2, two) + params(1) + params(2) + begin(1),
        {"begin 1 responder keep", "begin 2 responder keep", "param 1 A=1", "param 2 A=1",
         "begin 1 responder keep"},
        {}, end_at_param);
}

TEST_CASE("ConnectionState: ending one request leaves the record of another whole [fcgi 3.3]") {
  // Whichever is ended: the first, the last, or one between them.
  for (const int other : {1, 2, 3}) {
    for (const int mine : {1, 2, 3}) {
      if (mine == other) continue;
      const auto end_other = [other](ConnectionState& state, const Event& event) {
        if (event.kind == Event::Kind::kParam) state.end(static_cast<std::uint16_t>(other));
      };
      const std::string id = std::to_string(mine);
      grind(begin(1) + begin(2) + begin(3) + params(mine, pair("A", "1") + pair("B", "2")) + params(mine) +
                stdin_record(mine, "x"),
            {"begin 1 responder keep", "begin 2 responder keep", "begin 3 responder keep",
             "param " + id + " A=1", "param " + id + " B=2", "params-end " + id, "stdin " + id + " x"},
            {}, end_other);
    }
  }
}

TEST_CASE("ConnectionState: ending what is not active does nothing") {
  const Limits limits;
  ConnectionState state(limits, kTestValues);
  state.end(0);
  state.end(1);
  Recorder recorder(state);
  recorder.feed(begin(1));
  state.end(2);
  state.end(0);
  CHECK(state.active() == 1);
  state.end(1);
  state.end(1);
  CHECK(state.active() == 0);
}

TEST_CASE("ConnectionState: ABORT_REQUEST is told once, and nothing of the request after it [fcgi 5.4]") {
  const Bytes rest =
      abort_request(1) + params(1, pair("B", "2")) + params(1) + stdin_record(1, "x") + stdin_record(1);
  grind(begin(1) + abort_request(1) + rest, {"begin 1 responder keep", "abort 1"});
  grind(begin(1) + params(1, "\5") + abort_request(1) + rest, {"begin 1 responder keep", "abort 1"});
  grind(open_request(1) + stdin_record(1, "b") + abort_request(1) + rest,
        join({opened(1), {"stdin 1 b", "abort 1"}}));
  grind(open_request(1) + stdin_record(1) + record(2, 1, "content is ignored", 6) + rest,
        join({opened(1), {"stdin-end 1", "abort 1"}}));
}

TEST_CASE("ConnectionState: a BEGIN_REQUEST of another length than 8 is an error [fcgi 5.1]") {
  for (const std::size_t size : {0u, 7u, 9u, 65535u}) {
    const Bytes stream = record(1, 1, Bytes(size, '\1'));
    CHECK(events_of(stream) == Lines{error(Errc::kBeginLength)});
  }
  grind(record(1, 1, Bytes(7, '\1')), {error(Errc::kBeginLength)});
}

TEST_CASE("ConnectionState: a BEGIN_REQUEST for an active id is an error in every stage [fcgi 3.3]") {
  grind(begin(1) + begin(1), {"begin 1 responder keep", error(Errc::kBeginActive)});
  grind(open_request(1) + begin(1), join({opened(1), {error(Errc::kBeginActive)}}));
  grind(open_request(1) + stdin_record(1) + begin(1),
        join({opened(1), {"stdin-end 1", error(Errc::kBeginActive)}}));
  grind(begin(1) + abort_request(1) + begin(1),
        {"begin 1 responder keep", "abort 1", error(Errc::kBeginActive)});
}

TEST_CASE("ConnectionState: a request pipelined under another id is fine [fcgi 3.3]") {
  grind(open_request(1) + stdin_record(1) + open_request(2), join({opened(1), {"stdin-end 1"}, opened(2)}));
}

TEST_CASE("ConnectionState: STDIN before the end of PARAMS is an error, for an Authorizer too [fcgi 6.2]") {
  for (const int role : {1, 2}) {
    const std::string name = role == 1 ? "responder" : "authorizer";
    grind(begin(1, role) + stdin_record(1),
          {"begin 1 " + name + " keep", error(Errc::kStdinBeforeParamsEnd)});
    grind(begin(1, role) + params(1, pair("A", "1")) + stdin_record(1, "x"),
          {"begin 1 " + name + " keep", "param 1 A=1", error(Errc::kStdinBeforeParamsEnd)});
  }
}

TEST_CASE("ConnectionState: PARAMS after their end are ignored, an empty record too [fcgi 5.2]") {
  grind(open_request(1) + params(1) + params(1, pair("B", "2")) + stdin_record(1, "x") +
            params(1, "\x7f", 1) + stdin_record(1),
        join({opened(1), {"stdin 1 x", "stdin-end 1"}}));
}

TEST_CASE("ConnectionState: STDIN after its end is ignored [fcgi 3.3]") {
  grind(open_request(1) + stdin_record(1) + stdin_record(1, "more") + stdin_record(1),
        join({opened(1), {"stdin-end 1"}}));
}

TEST_CASE(
    "ConnectionState: DATA and types of the other direction are ignored for a request [fcgi 6.2, 6.4]") {
  Bytes stream = begin(1);
  for (const int type : {0, 3, 6, 7, 8, 9, 10, 11, 12, 255}) stream += record(type, 1, "ignored", 1);
  grind(stream + params(1) + record(8, 1) + stdin_record(1),
        {"begin 1 responder keep", "params-end 1", "stdin-end 1"});
}

TEST_CASE("ConnectionState: an Authorizer has an empty body, whether STDIN comes or not [fcgi 6.3]") {
  const Bytes request = begin(1, 2, 0) + params(1, pair("A", "1")) + params(1);
  const Lines lines = {"begin 1 authorizer close", "param 1 A=1", "params-end 1", "stdin-end 1"};
  grind(request, lines);
  grind(request + stdin_record(1), lines);
  grind(request + stdin_record(1, "body") + stdin_record(1), lines);
}

TEST_CASE(
    "ConnectionState: an Authorizer that ends at the end of its parameters is not told of more [fcgi 6.3]") {
  const auto end_at_params_end = [](ConnectionState& state, const Event& event) {
    if (event.kind == Event::Kind::kParamsEnd) state.end(event.id);
  };
  grind(begin(1, 2) + params(1) + stdin_record(1), {"begin 1 authorizer keep", "params-end 1"}, {},
        end_at_params_end);
}

TEST_CASE("ConnectionState: an unknown role is refused and the connection lives [fcgi 5.5]") {
  const std::string refusal = "reply 01030001000800000000000003000000 a role that is not served";
  for (const int role : {0, 3, 4, 256 + 1, 65535}) {
    grind(begin(1, role) + params(1, pair("A", "1")) + params(1) + stdin_record(1, "x") + stdin_record(1) +
              open_request(1),
          join({{refusal}, opened(1)}));
  }
  grind(begin(1, 3, 0), {refusal + " close"});
}

TEST_CASE("ConnectionState: one request too many gets a 503 and OVERLOADED, the others go on [fcgi 5.5]") {
  const Limits limits{.max_active_requests = 2};
  const std::string head = "Status: 503 Service Unavailable\r\nContent-Length: 0\r\nRetry-After: 1\r\n\r\n";
  REQUIRE(head.size() == 0x46);
  const std::string refusal = "reply 0106000500460200" + hex(as_bytes(head)) +
                              "0000"
                              "0106000500000000"
                              "0103000500080000"
                              "0000000002000000 too many requests at once on one connection";
  grind(begin(1) + begin(3) + begin(5) + params(5) + params(1) + stdin_record(5) + params(3),
        {"begin 1 responder keep", "begin 3 responder keep", refusal, "params-end 1", "params-end 3"},
        limits);
  // As many as the limit, again and again.
  grind(begin(1) + params(1) + stdin_record(1) + begin(3) + begin(5),
        {"begin 1 responder keep", "params-end 1", "stdin-end 1", "begin 3 responder keep",
         "begin 5 responder keep"},
        limits, end_at_stdin_end);
  grind(begin(1) + begin(3), {"begin 1 responder keep", "begin 3 responder keep"}, limits);
}

TEST_CASE(
    "ConnectionState: application records with id 0 are management records of an unknown type [fcgi 4.2]") {
  for (const int type : {1, 2, 3, 4, 5, 6, 7, 8, 0, 12, 255}) {
    const Bytes content = type == 1 ? begin(0).substr(8) : "content";
    std::string reply = "reply 010b000000080000";
    const char byte = static_cast<char>(type);
    reply += hex(as_bytes({&byte, 1})) + "00000000000000";
    grind(record(type, 0, content, 5), {reply});
    grind(begin(1) + record(type, 0) + params(1), {"begin 1 responder keep", reply, "params-end 1"});
  }
}

TEST_CASE("ConnectionState: an answer is never answered [fcgi 4.1, 4.2]") {
  grind(record(10, 0, pair("FCGI_MAX_REQS", "1")) + record(11, 0, Bytes(8, '\1')) + begin(1),
        {"begin 1 responder keep"});
}

TEST_CASE("ConnectionState: GET_VALUES is answered with the values that are known [fcgi 4.1]") {
  const std::string max_conns =
      hex(as_bytes("\x0e\x05"
                   "FCGI_MAX_CONNS"
                   "10000"));
  const std::string max_reqs =
      hex(as_bytes("\x0d\x02"
                   "FCGI_MAX_REQS"
                   "50"));
  const std::string mpxs =
      hex(as_bytes("\x0f\x01"
                   "FCGI_MPXS_CONNS"
                   "1"));
  grind(record(9, 0, pair("FCGI_MPXS_CONNS", "") + pair("FCGI_MAX_CONNS", "") + pair("FCGI_MAX_REQS", "")),
        {"reply 010a000000380000" + max_conns + max_reqs + mpxs});
  grind(record(9, 0, pair("FCGI_MAX_REQS", "")), {"reply 010a000000110700" + max_reqs + "00000000000000"});
  grind(record(9, 0,
               pair("fcgi_max_reqs", "") + pair("FCGI_MAX_REQSX", "") + pair("FCGI_MAX_REQ", "") +
                   pair("", "") + pair(Bytes(300, 'x'), "") + pair("FCGI_MPXS_CONNS", "with a value"),
               3),
        {"reply 010a000000120600" + mpxs + "000000000000"});
  grind(record(9, 0), {"reply 010a000000000000"});
}

TEST_CASE("ConnectionState: GET_VALUES may come between the records of a request, not within [fcgi 4.1]") {
  const Bytes query = record(9, 0, pair("FCGI_MPXS_CONNS", ""));
  const std::string reply = "reply 010a000000120600" +
                            hex(as_bytes("\x0f\x01"
                                         "FCGI_MPXS_CONNS"
                                         "1")) +
                            "000000000000";
  const Bytes a = pair("A", "1");
  grind(query + begin(1) + query + params(1, a.substr(0, 2)) + query + params(1, a.substr(2)) + params(1) +
            query + stdin_record(1, "x") + query + stdin_record(1) + query,
        {reply, "begin 1 responder keep", reply, reply, "param 1 A=1", "params-end 1", reply, "stdin 1 x",
         reply, "stdin-end 1", reply});
}

TEST_CASE("ConnectionState: GET_VALUES for a request id is ignored [fcgi 3.3]") {
  grind(record(9, 1, pair("FCGI_MPXS_CONNS", "")) + begin(1) + record(9, 1, pair("FCGI_MPXS_CONNS", "")),
        {"begin 1 responder keep"});
}

TEST_CASE("ConnectionState: GET_VALUES that ends inside a pair is an error at every cut [fcgi 4.1]") {
  const Bytes pairs = pair("FCGI_MAX_REQS", "xy");
  for (std::size_t size = 1; size < pairs.size(); ++size) {
    grind(record(9, 0, pairs.substr(0, size)), {error(Errc::kTruncatedPair)});
  }
}

TEST_CASE(
    "ConnectionState: a value of zero is never announced, nor more than the connection takes [fcgi 4.1]") {
  const Limits limits{.max_active_requests = 7};
  const Bytes query =
      record(9, 0, pair("FCGI_MAX_CONNS", "") + pair("FCGI_MAX_REQS", "") + pair("FCGI_MPXS_CONNS", ""));
  const auto answer = [&](const ManagementValues& values) {
    ConnectionState state(limits, values);
    Recorder recorder(state);
    recorder.feed(query);
    return recorder.lines();
  };
  CHECK(answer({.max_connections = 0, .max_requests = 0, .multiplexes = false}) ==
        Lines{"reply 010a000000330500" +
              hex(as_bytes("\x0e\x01"
                           "FCGI_MAX_CONNS"
                           "1"
                           "\x0d\x01"
                           "FCGI_MAX_REQS"
                           "1"
                           "\x0f\x01"
                           "FCGI_MPXS_CONNS"
                           "0")) +
              "0000000000"});
  CHECK(answer({.max_connections = 4294967295, .max_requests = 4294967295, .multiplexes = true}) ==
        Lines{"reply 010a0000003c0400" +
              hex(as_bytes("\x0e\x0a"
                           "FCGI_MAX_CONNS"
                           "4294967295"
                           "\x0d\x01"
                           "FCGI_MAX_REQS"
                           "7"
                           "\x0f\x01"
                           "FCGI_MPXS_CONNS"
                           "1")) +
              "00000000"});
}

TEST_CASE("ConnectionState: PARAMS that end inside a pair are an error at every cut [fcgi 3.4]") {
  const Bytes pairs = pair("A", "1") + long_length(2) + long_length(3) + "BBccc";
  for (std::size_t size = 4; size < pairs.size(); ++size) {
    grind(begin(1) + params(1, pairs.substr(0, size)) + params(1),
          size == 4 ? Lines{"begin 1 responder keep", "param 1 A=1", "params-end 1"}
                    : Lines{"begin 1 responder keep", "param 1 A=1", error(Errc::kTruncatedPair)});
  }
}

TEST_CASE("ConnectionState: over a parameter limit the request is told once and swallowed to its end") {
  const Limits limits{.max_params_bytes = 64, .max_params = 4, .max_name_bytes = 8, .max_value_bytes = 16};
  struct Case {
    Bytes within;
    Bytes beyond;
    Errc error;
  };
  const Case cases[] = {
      {pair("N", Bytes(16, 'v')), pair("N", Bytes(17, 'v')), Errc::kParamValueTooLong},
      {pair(Bytes(8, 'n'), "v"), pair(Bytes(9, 'n'), "v"), Errc::kParamNameTooLong},
      {pair("N", "") + pair("N", "") + pair("N", ""),
       pair("N", "") + pair("N", "") + pair("N", "") + pair("N", ""), Errc::kTooManyParams},
      {pair("N", Bytes(16, 'v')) + pair("N", Bytes(16, 'v')) + pair("N", Bytes(15, 'v')),
       pair("N", Bytes(16, 'v')) + pair("N", Bytes(16, 'v')) + pair("N", Bytes(16, 'v')),
       Errc::kParamsTooLarge},
  };
  const Bytes first = pair("A", "1");
  for (const Case& test : cases) {
    const Bytes within = test.error == Errc::kParamsTooLarge ? pair("AAAAA", "1") : first;
    CHECK(within.size() + test.within.size() <= 64);
    const Bytes tail = params(1) + stdin_record(1, "body") + stdin_record(1);
    const Lines good = events_of(begin(1) + params(1, within + test.within) + tail, limits);
    CHECK(good.size() >= 5);
    CHECK(good.back() == "stdin-end 1");
    CHECK(good[good.size() - 2] == "stdin 1 body");

    const Bytes bad =
        begin(1) + params(1, within + test.beyond + pair("MORE", "x")) + params(1, "\x7f, not a pair") + tail;
    Lines lines = events_of(bad, limits);
    REQUIRE(lines.size() >= 4);
    CHECK(lines[lines.size() - 2] == std::string("limit 1 ") + message(test.error));
    CHECK(lines.back() == "stdin-end 1");
    // Nothing of it reaches the next request of the same id or another.
    const Bytes next = open_request(1) + stdin_record(1);
    lines = join({lines, opened(1), {"stdin-end 1"}});
    grind(bad + next, lines, limits, end_at_stdin_end);
  }
}

TEST_CASE("ConnectionState: a limited request is still held to the protocol") {
  const Limits limits{.max_params = 0};
  const Bytes bad = begin(1) + params(1, pair("A", "1"));
  const Lines lines = {"begin 1 responder keep", std::string("limit 1 ") + message(Errc::kTooManyParams)};
  grind(bad + stdin_record(1), join({lines, {error(Errc::kStdinBeforeParamsEnd)}}), limits);
  grind(bad + begin(1), join({lines, {error(Errc::kBeginActive)}}), limits);
  grind(bad + abort_request(1) + params(1), join({lines, {"abort 1"}}), limits);
  grind(begin(1, 2) + params(1, pair("A", "1")) + params(1) + stdin_record(1),
        {"begin 1 authorizer keep", std::string("limit 1 ") + message(Errc::kTooManyParams), "stdin-end 1"},
        limits);
}

TEST_CASE("ConnectionState: a limit of one request leaves the others alone") {
  const Limits limits{.max_params = 1};
  grind(begin(1) + begin(2) + params(1, pair("A", "1") + pair("B", "2")) + params(2, pair("A", "1")) +
            params(2) + params(1),
        {"begin 1 responder keep", "begin 2 responder keep", "param 1 A=1",
         std::string("limit 1 ") + message(Errc::kTooManyParams), "param 2 A=1", "params-end 2"},
        limits);
}

TEST_CASE("ConnectionState: after an error every call says the same and consumes nothing") {
  const Limits limits;
  ConnectionState state(limits, kTestValues);
  CHECK(state.next(as_bytes("GET / HTTP/1.1\r\n\r\n")).event.error == Errc::kBadVersion);
  const Bytes valid = begin(1);
  for (int i = 0; i < 3; ++i) {
    const auto fed = state.next(as_bytes(valid));
    CHECK(fed.event.kind == Event::Kind::kPeerError);
    CHECK(fed.event.error == Errc::kBadVersion);
    CHECK(fed.consumed == 0);
  }
  CHECK_FALSE(state.idle());
}

TEST_CASE("ConnectionState: idle only without a request and between records") {
  const Limits limits;
  ConnectionState state(limits, kTestValues);
  Recorder recorder(state);
  CHECK(state.idle());
  recorder.feed("\1");
  CHECK(state.mid_record());
  CHECK_FALSE(state.idle());
  recorder.feed(begin(1).substr(1));
  CHECK_FALSE(state.mid_record());
  CHECK(state.active() == 1);
  CHECK_FALSE(state.idle());
  recorder.feed(params(1) + stdin_record(1, "", 2).substr(0, 9));
  state.end(1);
  CHECK(state.active() == 0);
  CHECK(state.mid_record());  // a byte of padding is missing
  CHECK_FALSE(state.idle());
  recorder.feed("\1");
  CHECK(state.idle());
}

TEST_CASE("ConnectionState: a request is received until its STDIN ends or it is aborted") {
  const Limits limits;
  ConnectionState state(limits, kTestValues);
  Recorder recorder(state);
  CHECK_FALSE(state.receiving(1));
  recorder.feed(begin(1) + begin(2) + begin(3, 2));
  CHECK(state.receiving(1));
  recorder.feed(params(1) + stdin_record(1, "x") + params(3));
  CHECK(state.receiving(1));
  CHECK_FALSE(state.receiving(3));
  recorder.feed(stdin_record(1) + abort_request(2));
  CHECK_FALSE(state.receiving(1));
  CHECK_FALSE(state.receiving(2));
  recorder.feed(begin(4));
  state.end(4);
  CHECK_FALSE(state.receiving(4));
}

TEST_CASE("ConnectionState: parameters and body are views into the input, never copies") {
  const Limits limits;
  ConnectionState state(limits, kTestValues);
  const Bytes stream = begin(1) + params(1, pair("NAME", "value")) + params(1) + stdin_record(1, "body");
  auto rest = as_bytes(stream);
  int views = 0;
  for (;;) {
    const auto fed = state.next(rest);
    if (fed.event.kind == Event::Kind::kNeedMore) break;
    rest = rest.subspan(fed.consumed);
    const auto inside = [&](const void* at) {
      return at >= stream.data() && at < stream.data() + stream.size();
    };
    if (fed.event.kind == Event::Kind::kParam)
      views += inside(fed.event.name.data()) + inside(fed.event.value.data());
    if (fed.event.kind == Event::Kind::kStdin) views += inside(fed.event.bytes.data());
  }
  CHECK(views == 3);
}
