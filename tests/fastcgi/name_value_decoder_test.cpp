// Pairs, cut anywhere, and the limits on them.
#include "fastcgi/name_value_decoder.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>

#include "tests/fastcgi/conversation.hpp"

using namespace owind::fastcgi;
using namespace owind::fastcgi::testing;
using Kind = NameValueDecoder::Step::Kind;

namespace {

struct Outcome {
  Lines pairs;
  Errc limit = Errc::kNone;
  bool complete = true;
  bool operator==(const Outcome&) const = default;
};

/// Feeds `stream` in fragments that end at each of `cuts`.
/// With `at_once` above 0, first asks for so many whole pairs.
Outcome decode(NameValueDecoder& decoder, std::string_view stream, std::vector<std::size_t> cuts,
               std::size_t at_once = 0) {
  Outcome outcome;
  cuts.push_back(stream.size());
  std::size_t from = 0;
  for (const std::size_t to : cuts) {
    const auto chunk = as_bytes(stream.substr(from, to - from));
    const std::vector<std::byte> copy(chunk.begin(), chunk.end());
    std::span<const std::byte> rest(copy);
    for (;;) {
      std::vector<NameValue> some(at_once);
      const auto taken = decoder.take_whole(rest, some);
      rest = rest.subspan(taken.consumed);
      for (std::size_t i = 0; i < taken.count; ++i)
        outcome.pairs.push_back(std::string(some[i].name) + "=" + std::string(some[i].value));
      if (at_once > 0 && taken.count == at_once) continue;
      std::string_view name, value;
      const auto step = decoder.next(rest, name, value);
      if (step.kind == Kind::kLimit) {
        outcome.limit = step.error;
        return outcome;
      }
      rest = rest.subspan(step.consumed);
      if (step.kind == Kind::kNeedMore) break;
      outcome.pairs.push_back(std::string(name) + "=" + std::string(value));
    }
    CHECK(rest.empty());
    from = to;
  }
  outcome.complete = decoder.at_boundary();
  return outcome;
}

/// The outcome of `stream`, which is the same for every cut, every two neighbouring cuts, byte by byte, and
/// one by one or many at a time.
Outcome decode_everyhow(std::string_view stream, const Limits& limits = {}) {
  NameValueDecoder decoder(limits);
  const Outcome whole = decode(decoder, stream, {});
  for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
    CAPTURE(cut);
    decoder.reset();
    REQUIRE(decode(decoder, stream, {cut}) == whole);
    for (const std::size_t at_once : {1, 3, 100}) {
      CAPTURE(at_once);
      decoder.reset();
      REQUIRE(decode(decoder, stream, {cut}, at_once) == whole);
    }
    decoder.reset();
    REQUIRE(decode(decoder, stream, {cut, std::min(cut + 1, stream.size())}) == whole);
  }
  std::vector<std::size_t> every;
  for (std::size_t cut = 1; cut < stream.size(); ++cut) every.push_back(cut);
  decoder.reset();
  CHECK(decode(decoder, stream, every) == whole);
  return whole;
}

}  // namespace

TEST_CASE("NameValueDecoder: pairs may be cut at any byte [fcgi 3.4]") {
  const Bytes stream = pair("A", "1") + pair("", "") + pair("EMPTY", "") + pair("", "nameless") +
                       pair("A", "2") + pair(Bytes(127, 'n'), Bytes(128, 'v')) +
                       pair(Bytes(128, 'n'), Bytes(127, 'v')) + pair("NUL", "a\0b"sv) + pair("=", "\xff\xfe");
  const Outcome outcome = decode_everyhow(stream);
  CHECK(outcome.limit == Errc::kNone);
  CHECK(outcome.complete);
  CHECK(outcome.pairs == Lines{"A=1", "=", "EMPTY=", "=nameless", "A=2",
                               Bytes(127, 'n') + "=" + Bytes(128, 'v'),
                               Bytes(128, 'n') + "=" + Bytes(127, 'v'), "NUL=a\0b"s, "==\xff\xfe"});
}

TEST_CASE("NameValueDecoder: the four-byte form of a short length is accepted [fcgi 3.4]") {
  const Bytes stream = long_length(1) + long_length(2) + "Nvv" + long_length(0) + Bytes(1, '\0') +
                       Bytes(1, '\1') + long_length(3) + "Nvvv";
  CHECK(decode_everyhow(stream).pairs == Lines{"N=vv", "=", "N=vvv"});
}

TEST_CASE("NameValueDecoder: a whole pair is a view into the fragment, never a copy [fcgi 3.4]") {
  const Limits limits;
  NameValueDecoder decoder(limits);
  const Bytes stream = pair("NAME", "value");
  std::string_view name, value;
  REQUIRE(decoder.next(as_bytes(stream), name, value).kind == Kind::kPair);
  CHECK(name.data() == stream.data() + 2);
  CHECK(value.data() == stream.data() + 6);

  // Nor is it copied when only its lengths were cut off.
  REQUIRE(decoder.next(as_bytes(stream).first(1), name, value).kind == Kind::kNeedMore);
  REQUIRE(decoder.next(as_bytes(stream).subspan(1), name, value).kind == Kind::kPair);
  CHECK(name.data() == stream.data() + 2);
}

TEST_CASE("NameValueDecoder: the end of the stream inside a pair is seen, whatever is cut [fcgi 3.4]") {
  const Bytes stream = long_length(3) + long_length(2) + "abcde";
  for (std::size_t size = 0; size <= stream.size(); ++size) {
    const Outcome outcome = decode_everyhow(std::string_view(stream).substr(0, size));
    CHECK(outcome.complete == (size == 0 || size == stream.size()));
    CHECK(outcome.pairs.size() == (size == stream.size() ? 1 : 0));
  }
}

TEST_CASE(
    "NameValueDecoder: lengths that overflow 32 bits together are over the limit, not small [fcgi 3.4]") {
  const std::uint32_t claims[][2] = {
      {0x7fffffff, 0x7fffffff}, {0x7fffffff, 1}, {1, 0x7fffffff}, {0x7fffffff, 0}, {0, 0x7fffffff}};
  for (const auto& claim : claims) {
    const Outcome outcome = decode_everyhow(long_length(claim[0]) + long_length(claim[1]) + "abc");
    CHECK(outcome.limit == (claim[0] > 1 ? Errc::kParamNameTooLong : Errc::kParamValueTooLong));
    CHECK(outcome.pairs.empty());
  }
  // Also where the limits themselves would allow each of the two.
  const Limits wide{.max_name_bytes = 0xffffffff, .max_value_bytes = 0xffffffff};
  CHECK(decode_everyhow(long_length(0x7fffffff) + long_length(0x7fffffff) + "abc", wide).limit ==
        Errc::kParamsTooLarge);
}

TEST_CASE("NameValueDecoder: names and values up to their limits, not a byte more") {
  const Limits limits{.max_name_bytes = 10, .max_value_bytes = 20};
  for (const std::size_t size : {9, 10, 11}) {
    const Outcome outcome = decode_everyhow(pair("A", "1") + pair(Bytes(size, 'n'), "v"), limits);
    CHECK(outcome.limit == (size <= 10 ? Errc::kNone : Errc::kParamNameTooLong));
    CHECK(outcome.pairs.size() == (size <= 10 ? 2 : 1));
  }
  for (const std::size_t size : {19, 20, 21}) {
    const Outcome outcome = decode_everyhow(pair("A", "1") + pair("n", Bytes(size, 'v')), limits);
    CHECK(outcome.limit == (size <= 20 ? Errc::kNone : Errc::kParamValueTooLong));
    CHECK(outcome.pairs.size() == (size <= 20 ? 2 : 1));
  }
}

TEST_CASE("NameValueDecoder: as many pairs as the limit, empty ones counted") {
  const Limits limits{.max_params = 3};
  for (const std::size_t count : {2u, 3u, 4u}) {
    Bytes stream;
    for (std::size_t i = 0; i < count; ++i) stream += pair("", "");
    const Outcome outcome = decode_everyhow(stream, limits);
    CHECK(outcome.limit == (count <= 3 ? Errc::kNone : Errc::kTooManyParams));
    CHECK(outcome.pairs.size() == std::min<std::size_t>(count, 3));
  }
}

TEST_CASE("NameValueDecoder: as many bytes as the limit, lengths counted") {
  const Limits limits{.max_params_bytes = 16};
  for (const std::size_t size : {15u, 16u, 17u}) {
    const Outcome outcome = decode_everyhow(pair("A", "1") + pair("B", Bytes(size - 7, 'v')), limits);
    CHECK(outcome.limit == (size <= 16 ? Errc::kNone : Errc::kParamsTooLarge));
  }
}

TEST_CASE("NameValueDecoder: over a limit it stays so until it is reset") {
  const Limits limits{.max_params = 1};
  NameValueDecoder decoder(limits);
  const Bytes one = pair("A", "1");
  CHECK(decode(decoder, one + one, {}).limit == Errc::kTooManyParams);
  std::string_view name, value;
  CHECK(decoder.next(as_bytes(one), name, value).error == Errc::kTooManyParams);
  CHECK(decoder.next({}, name, value).error == Errc::kTooManyParams);
  decoder.reset();
  CHECK(decode(decoder, one, {}) == Outcome{.pairs = {"A=1"}});
}

TEST_CASE("NameValueDecoder: a reset forgets a pair that was cut") {
  const Limits limits;
  NameValueDecoder decoder(limits);
  const Bytes large = pair("NAME", Bytes(60'000, 'v'));
  for (const std::size_t size : {std::size_t{1}, std::size_t{3}, std::size_t{7}, std::size_t{59'000}}) {
    CHECK_FALSE(decode(decoder, large.substr(0, size), {}).complete);
    decoder.reset();
    CHECK(decode(decoder, pair("A", "1"), {2}) == Outcome{.pairs = {"A=1"}});
    decoder.reset();
  }
}
