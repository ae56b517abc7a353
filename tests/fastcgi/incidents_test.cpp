// What other FastCGI implementations got wrong, as conversations; each is ground.
#include <doctest/doctest.h>

#include "fastcgi/record_encoder.hpp"
#include "tests/fastcgi/grind.hpp"

using namespace owind::fastcgi;
using namespace owind::fastcgi::testing;

namespace {

std::string error(Errc code) { return std::string("error ") + message(code); }
std::string limit(int id, Errc code) { return "limit " + std::to_string(id) + " " + message(code); }

}  // namespace

TEST_CASE("Incident: lengths whose sum overflows 32 bits are over the limit (CVE-2025-23016)") {
  struct Case {
    std::uint32_t name;
    std::uint32_t value;
    Errc error;
  };
  for (const Case& claim :
       {Case{0x7fffffff, 0x7fffffff, Errc::kParamNameTooLong}, Case{0x7fffffff, 1, Errc::kParamNameTooLong},
        Case{1, 0x7fffffff, Errc::kParamValueTooLong}, Case{0, 0x7ffffffe, Errc::kParamValueTooLong}}) {
    grind(begin(1) + params(1, long_length(claim.name) + long_length(claim.value) + "few bytes") + params(1) +
              stdin_record(1),
          {"begin 1 responder keep", limit(1, claim.error), "stdin-end 1"});
    // In GET_VALUES such a pair cannot end within its record.
    grind(record(9, 0, long_length(claim.name) + long_length(claim.value) + "few bytes"),
          {error(Errc::kTruncatedPair)});
  }
}

TEST_CASE(
    "Incident: a pair that claims more than PARAMS hold is an error, not read past the end (Go #11824)") {
  grind(begin(1) +
            params(1,
                   "\x10\x10"
                   "short"sv) +
            params(1),
        {"begin 1 responder keep", error(Errc::kTruncatedPair)});
  grind(begin(1) + params(1, "\x00"sv) + params(1), {"begin 1 responder keep", error(Errc::kTruncatedPair)});
  grind(begin(1) + params(1, "\x80"sv) + params(1), {"begin 1 responder keep", error(Errc::kTruncatedPair)});
}

TEST_CASE("Incident: GET_VALUES with one name a thousand times has an answer of one (libfcgi)") {
  Bytes names;
  for (int i = 0; i < 1000; ++i) names += pair("FCGI_MPXS_CONNS", "");
  const Lines expected = {"reply 010a000000120600" +
                          hex(as_bytes("\x0f\x01"
                                       "FCGI_MPXS_CONNS"
                                       "1")) +
                          "000000000000"};
  CHECK(events_of(record(9, 0, names)) == expected);
  const Bytes once = pair("FCGI_MPXS_CONNS", "");
  while (names.size() + 2 * once.size() < 65535 - 300) names += once;
  names += pair(Bytes(65535 - 5 - names.size(), 'x'), "");
  REQUIRE(names.size() == 65535);
  CHECK(events_of(record(9, 0, names)) == expected);
}

TEST_CASE("Incident: 65535 bytes of content and any padding do not wrap to a short record (CVE-2026-55203)") {
  const Limits limits;
  const Bytes content(65535, '\1');
  for (int padding = 1; padding <= 255; ++padding) {
    ConnectionState state(limits, kTestValues);
    Recorder recorder(state);
    recorder.feed(begin(1) + params(1) + stdin_record(1, content, padding) + stdin_record(1));
    REQUIRE(recorder.lines() ==
            Lines{"begin 1 responder keep", "params-end 1", "stdin 1 " + content, "stdin-end 1"});
    CHECK(state.mid_record() == false);
  }
}

TEST_CASE("Incident: bytes of a body that look like records are never parsed (HAProxy 0aeae2305)") {
  const Bytes smuggled =
      begin(2) + params(2, pair("SCRIPT_FILENAME", "/etc/passwd")) + params(2) + stdin_record(2);
  grind(begin(1) + params(1) + stdin_record(1, smuggled) + stdin_record(1),
        {"begin 1 responder keep", "params-end 1", "stdin 1 " + smuggled, "stdin-end 1"});
  // Nor in what is skipped: padding, ignored records, a refused request, a request over its limits.
  const Limits tight{.max_params = 0};
  grind(record(99, 1, smuggled) + stdin_record(7, smuggled) + record(10, 0, smuggled) + begin(1) +
            params(1, pair("A", "1") + smuggled) + params(1) + stdin_record(1, smuggled) + stdin_record(1),
        {"begin 1 responder keep", limit(1, Errc::kTooManyParams), "stdin-end 1"}, tight);
}

TEST_CASE(
    "Incident: parameters of more than 65535 bytes over several records stay in order (CVE-2007-4727)") {
  const Bytes pairs = pair("SCRIPT_FILENAME", "/right") + pair("HTTP_A", Bytes(40'000, 'a')) +
                      pair("HTTP_B", Bytes(40'000, 'b')) + pair("HTTP_C", pair("SCRIPT_FILENAME", "/wrong"));
  Bytes stream = begin(1);
  for (std::size_t at = 0; at < pairs.size(); at += 32'000)
    stream += params(1, std::string_view(pairs).substr(at, 32'000));
  CHECK(events_of(stream + params(1)) ==
        Lines{"begin 1 responder keep", "param 1 SCRIPT_FILENAME=/right",
              "param 1 HTTP_A=" + Bytes(40'000, 'a'), "param 1 HTTP_B=" + Bytes(40'000, 'b'),
              "param 1 HTTP_C=" + pair("SCRIPT_FILENAME", "/wrong"), "params-end 1"});
}

TEST_CASE("Incident: one end of parameters is enough where old nginx sends two") {
  grind(begin(1) + params(1) + params(1) + stdin_record(1),
        {"begin 1 responder keep", "params-end 1", "stdin-end 1"});
}

TEST_CASE("Incident: application records on id 0 start no request (HAProxy 2026-05)") {
  grind(begin(0) + params(0, pair("A", "1")) + params(0) + stdin_record(0, "x") + abort_request(0),
        {"reply 010b0000000800000100000000000000", "reply 010b0000000800000400000000000000",
         "reply 010b0000000800000400000000000000", "reply 010b0000000800000500000000000000",
         "reply 010b0000000800000200000000000000"});
}

TEST_CASE("Incident: a request never sees the parameters or the body of the one before (mono #20086)") {
  const Limits limits;
  ConnectionState state(limits, kTestValues);
  Recorder recorder(state, [](ConnectionState& connection, const Event& event) {
    if (event.kind == Event::Kind::kStdinEnd) connection.end(event.id);
  });
  Lines expected;
  for (int i = 0; i < 10'000; ++i) {
    const std::string nonce = std::to_string(i);
    const Bytes pairs = pair("NONCE", nonce);
    const std::size_t cut = static_cast<std::size_t>(i) % pairs.size();
    Bytes stream = begin(1) + (cut == 0 ? Bytes() : params(1, pairs.substr(0, cut))) +
                   params(1, pairs.substr(cut)) + params(1);
    expected.insert(expected.end(), {"begin 1 responder keep", "param 1 NONCE=" + nonce, "params-end 1"});
    if (i % 3 == 0) {
      stream += stdin_record(1, nonce, i % 8);
      expected.push_back("stdin 1 " + nonce);
    }
    expected.push_back("stdin-end 1");
    recorder.feed(stream + stdin_record(1));
  }
  CHECK(recorder.lines() == expected);
  CHECK(state.idle());
}

TEST_CASE("Incident: floods of empty, ignored and padded records are consumed in one call") {
  const Limits limits;
  ConnectionState state(limits, kTestValues);
  Bytes flood;
  for (int i = 0; i < 1000; ++i)
    flood += stdin_record(5) + record(99, 1, "", 255) + params(9, "", 7) + abort_request(3);
  const auto fed = state.next(as_bytes(flood));
  CHECK(fed.event.kind == Event::Kind::kNeedMore);
  CHECK(fed.consumed == flood.size());
  CHECK(state.idle());
}

TEST_CASE("Incident: an end of the connection inside a record is seen at every byte (HAProxy 2025-01)") {
  const Bytes parts[] = {begin(1), params(1, pair("A", "1"), 3), params(1), stdin_record(1, "body", 4),
                         stdin_record(1)};
  Bytes stream;
  std::vector<bool> boundary(1, true);
  for (const Bytes& part : parts) {
    stream += part;
    boundary.resize(stream.size() + 1, false);
    boundary[stream.size()] = true;
  }
  const Limits limits;
  for (std::size_t size = 0; size <= stream.size(); ++size) {
    ConnectionState state(limits, kTestValues);
    Recorder recorder(state);
    recorder.feed(std::string_view(stream).substr(0, size));
    CHECK(state.mid_record() == !boundary[size]);
    CHECK(state.idle() == (size == 0));
  }
}
