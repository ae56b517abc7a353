// Headers, content and padding as they arrive.
#include "fastcgi/record_decoder.hpp"

#include <doctest/doctest.h>

#include "tests/fastcgi/conversation.hpp"

using namespace owind::fastcgi;
using namespace owind::fastcgi::testing;

namespace {

/// One line a record ("type id content-size:content"), and "error" at the end if there is one.
Lines records_of(std::string_view stream, std::size_t chunk_size) {
  using Kind = RecordDecoder::Event::Kind;
  RecordDecoder decoder;
  Lines lines;
  std::string content;
  for (std::size_t at = 0; at < stream.size(); at += chunk_size) {
    auto rest = as_bytes(stream.substr(at, chunk_size));
    for (;;) {
      const auto fed = decoder.next(rest);
      rest = rest.subspan(fed.consumed);
      if (fed.event.kind == Kind::kNeedMore) break;
      if (fed.event.kind == Kind::kHeader) content.clear();
      if (fed.event.kind == Kind::kContent) {
        CHECK_FALSE(fed.event.content.empty());
        content.append(reinterpret_cast<const char*>(fed.event.content.data()), fed.event.content.size());
      }
      if (fed.event.kind == Kind::kEnd) {
        CHECK(content.size() == decoder.header().content_length);
        lines.push_back(std::to_string(static_cast<int>(decoder.header().type)) + " " +
                        std::to_string(decoder.header().request_id) + " " + content);
      }
      if (fed.event.kind == Kind::kError) {
        lines.push_back(message(fed.event.error));
        return lines;
      }
    }
    CHECK(rest.empty());
  }
  return lines;
}

}  // namespace

TEST_CASE("RecordDecoder: content and padding may be cut anywhere [fcgi 3.3]") {
  const Bytes stream = record(5, 1, "hello", 3) + record(4, 258, "", 0) + record(5, 1, "", 255) +
                       record(99, 65535, "x", 0) + record(5, 2, "12345678", 8);
  const Lines expected = {"5 1 hello", "4 258 ", "5 1 ", "99 65535 x", "5 2 12345678"};
  for (std::size_t chunk = 1; chunk <= stream.size(); ++chunk) CHECK(records_of(stream, chunk) == expected);
}

TEST_CASE("RecordDecoder: content is a view into the input, never a copy [fcgi 3.3]") {
  const Bytes stream = record(5, 1, "hello");
  RecordDecoder decoder;
  REQUIRE(decoder.next(as_bytes(stream)).consumed == kHeaderSize);
  const auto fed = decoder.next(as_bytes(stream).subspan(kHeaderSize));
  REQUIRE(fed.event.kind == RecordDecoder::Event::Kind::kContent);
  CHECK(fed.event.content.data() == as_bytes(stream).data() + kHeaderSize);
}

TEST_CASE("RecordDecoder: 65535 bytes of content and any padding do not lose the next record [fcgi 3.3]") {
  const Bytes content(65535, 'a');
  for (int padding = 0; padding <= 255; ++padding) {
    const Bytes stream = record(5, 1, content, padding) + record(2, 7);
    const Lines lines = records_of(stream, 16384);
    REQUIRE(lines.size() == 2);
    CHECK(lines[0].size() == 4 + content.size());
    CHECK(lines[1] == "2 7 ");
  }
}

TEST_CASE("RecordDecoder: another version is an error at its first byte [fcgi 3.3]") {
  for (const int version : {0, 2, 0x47, 255}) {
    const Bytes stream = record(2, 1) + record(2, 1, "", 0, version);
    for (std::size_t chunk = 1; chunk <= stream.size(); ++chunk) {
      CHECK(records_of(stream, chunk) == Lines{"2 1 ", message(Errc::kBadVersion)});
    }
    CHECK(records_of(stream.substr(0, 9), 9) == Lines{"2 1 ", message(Errc::kBadVersion)});
  }
}

TEST_CASE("RecordDecoder: after an error it stays failed [fcgi 3.3]") {
  RecordDecoder decoder;
  CHECK(decoder.next(as_bytes("GET / HTTP/1.1\r\n")).event.kind == RecordDecoder::Event::Kind::kError);
  const Bytes valid = record(2, 1);
  CHECK(decoder.next(as_bytes(valid)).event.kind == RecordDecoder::Event::Kind::kError);
  CHECK(decoder.next({}).event.kind == RecordDecoder::Event::Kind::kError);
}

TEST_CASE("RecordDecoder: an end of input is seen to cut a record at every byte but its ends [fcgi 3.3]") {
  const Bytes stream = record(5, 1, "hello", 3);
  for (std::size_t size = 0; size <= stream.size(); ++size) {
    RecordDecoder decoder;
    auto rest = as_bytes(stream).first(size);
    for (;;) {
      const auto fed = decoder.next(rest);
      rest = rest.subspan(fed.consumed);
      if (fed.event.kind == RecordDecoder::Event::Kind::kNeedMore) break;
    }
    CHECK(decoder.mid_record() == (size != 0 && size != stream.size()));
  }
}

TEST_CASE("RecordDecoder: content can be taken in smaller pieces than it arrives [fcgi 3.3]") {
  const Bytes stream = record(5, 1, "hello", 3) + record(2, 9);
  RecordDecoder decoder;
  auto rest = as_bytes(stream);
  CHECK(decoder.content(rest).empty());
  rest = rest.subspan(decoder.next(rest).consumed);
  CHECK(decoder.content(rest).size() == 5);
  CHECK(decoder.content(rest.first(3)).size() == 3);
  decoder.skip_content(2);
  rest = rest.subspan(2);
  CHECK(decoder.content(rest).size() == 3);
  decoder.skip_content(3);
  rest = rest.subspan(3);
  CHECK(decoder.content(rest).empty());
  CHECK(decoder.next(rest).event.kind == RecordDecoder::Event::Kind::kEnd);
  CHECK(decoder.content(rest).empty());
  CHECK(decoder.next(rest).event.kind == RecordDecoder::Event::Kind::kHeader);
  CHECK(decoder.header().request_id == 9);
}
