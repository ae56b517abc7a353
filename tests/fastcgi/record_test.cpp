// The header bytes.
#include "fastcgi/record.hpp"

#include <doctest/doctest.h>

#include "tests/fastcgi/conversation.hpp"

using namespace owind::fastcgi;
using namespace owind::fastcgi::testing;

TEST_CASE("RecordHeader: every field is big-endian and the reserved byte is zero [fcgi 3.3]") {
  const RecordHeader header{
      .type = RecordType::kStdout, .request_id = 0x1234, .content_length = 0xabcd, .padding_length = 0xfe};
  CHECK(hex(encode_header(header)) == "01061234abcdfe00");
}

TEST_CASE("RecordHeader: what is encoded is decoded [fcgi 3.3]") {
  for (const int value : {0, 1, 127, 128, 255, 256, 32767, 32768, 65535}) {
    const RecordHeader header{.version = static_cast<std::uint8_t>(value & 255),
                              .type = static_cast<RecordType>(value >> 8),
                              .request_id = static_cast<std::uint16_t>(value),
                              .content_length = static_cast<std::uint16_t>(65535 - value),
                              .padding_length = static_cast<std::uint8_t>(value & 255)};
    CHECK(decode_header(encode_header(header)) == header);
  }
}
