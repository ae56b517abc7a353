// The rules behind static files: dates, ranges, codings, media types.
#include <doctest/doctest.h>

#include <limits>

#include "middleware/builtin/accepted_coding.hpp"
#include "middleware/builtin/byte_range.hpp"
#include "middleware/builtin/media_types.hpp"
#include "middleware/http_date.hpp"

namespace owind::middleware {
namespace {

bool is_part(std::string_view value, std::uint64_t size, std::uint64_t first, std::uint64_t count) {
  const auto range = parse_byte_range(value, size);
  return range.kind == ByteRange::Kind::kPart && range.first == first && range.count == count;
}

}  // namespace

TEST_CASE("http_date: written as IMF-fixdate, read in all three forms (RFC 9110 §5.6.7)") {
  constexpr std::time_t kTime = 784111777;
  CHECK(http_date(kTime) == "Sun, 06 Nov 1994 08:49:37 GMT");
  CHECK(http_date(0) == "Thu, 01 Jan 1970 00:00:00 GMT");
  CHECK(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT") == kTime);
  CHECK(parse_http_date("Sunday, 06-Nov-94 08:49:37 GMT") == kTime);
  CHECK(parse_http_date("Sun Nov  6 08:49:37 1994") == kTime);
  CHECK(parse_http_date("Sunday, 06-Nov-30 08:49:37 GMT") == 1920185377);
  for (const char* wrong : {"", "0", "now", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 GMT x",
                            "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Nov 1994 28:49:37 GMT"}) {
    CAPTURE(wrong);
    CHECK_FALSE(parse_http_date(wrong));
  }
}

TEST_CASE("parse_byte_range: first and last, open end, last bytes (RFC 9110 §14.1.2)") {
  CHECK(is_part("bytes=0-0", 10, 0, 1));
  CHECK(is_part("bytes=2-5", 10, 2, 4));
  CHECK(is_part("bytes=2-", 10, 2, 8));
  CHECK(is_part("bytes=2-99", 10, 2, 8));
  CHECK(is_part("bytes=9-9", 10, 9, 1));
  CHECK(is_part("bytes=-3", 10, 7, 3));
  CHECK(is_part("bytes=-99", 10, 0, 10));
  CHECK(is_part("Bytes = 1-2", 10, 1, 2));
  CHECK(is_part("bytes=0-99999999999999999999999", 10, 0, 10));
  constexpr auto kMost = std::numeric_limits<std::uint64_t>::max();
  CHECK(is_part("bytes=18446744073709551614-", kMost, kMost - 1, 1));
}

TEST_CASE("parse_byte_range: behind the end, or of nothing, is not satisfiable") {
  for (const char* value : {"bytes=10-", "bytes=10-20", "bytes=99999999999999999999999-", "bytes=-0"}) {
    CAPTURE(value);
    CHECK(parse_byte_range(value, 10).kind == ByteRange::Kind::kUnsatisfiable);
  }
  CHECK(parse_byte_range("bytes=0-0", 0).kind == ByteRange::Kind::kUnsatisfiable);
  CHECK(parse_byte_range("bytes=-1", 0).kind == ByteRange::Kind::kUnsatisfiable);
}

TEST_CASE("parse_byte_range: what is no range, another unit, or several, asks for everything") {
  for (const char* value : {"", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=5-2", "bytes=+1-2", "bytes=1--2",
                            "bytes=0x1-", "lines=1-2", "bytes=0-1,3-4", "bytes 0-1", "=0-1"}) {
    CAPTURE(value);
    CHECK(parse_byte_range(value, 10).kind == ByteRange::Kind::kWhole);
  }
}

TEST_CASE("accepts_coding: by name, by *, not with a quality of 0 (RFC 9110 §12.5.3)") {
  CHECK(accepts_coding("gzip, deflate, br", "br"));
  CHECK(accepts_coding("GZIP", "gzip"));
  CHECK(accepts_coding("gzip;q=0.001", "gzip"));
  CHECK(accepts_coding("*", "br"));
  CHECK(accepts_coding("br ; q=1.0", "br"));
  CHECK_FALSE(accepts_coding("", "br"));
  CHECK_FALSE(accepts_coding("gzip", "br"));
  CHECK_FALSE(accepts_coding("br;q=0", "br"));
  CHECK_FALSE(accepts_coding("br;q=0.000, *", "br"));
  CHECK_FALSE(accepts_coding("*;q=0", "br"));
  CHECK_FALSE(accepts_coding("brr", "br"));
  CHECK_FALSE(accepts_coding("br;q=x", "br"));
  CHECK_FALSE(accepts_coding(",,;,", "br"));
}

TEST_CASE("MediaTypes: the system's table wins over the built-in one; the last ending counts, without case") {
  const MediaTypes types("# comment\ntext/x-own  own OTHER # too\nnonsense x\nimage/x-png png\n");
  CHECK(types.of("a/b.own") == "text/x-own");
  CHECK(types.of("b.other") == "text/x-own");
  CHECK(types.of("b.PNG") == "image/x-png");
  CHECK(types.of("index.html") == "text/html");
  CHECK(types.of("app.min.js") == "text/javascript");
  CHECK(types.of("a.wasm") == "application/wasm");
  for (const char* name : {"", "README", "a.x", "a.unknown", "a.", "folder.html/file"}) {
    CAPTURE(name);
    CHECK(types.of(name) == MediaTypes::kUnknown);
  }
}

}  // namespace owind::middleware
