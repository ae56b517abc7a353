// Golden bytes of every record that is sent.
#include "fastcgi/record_encoder.hpp"

#include <doctest/doctest.h>

#include "tests/fastcgi/conversation.hpp"

using namespace owind::fastcgi;
using namespace owind::fastcgi::testing;

TEST_CASE("RecordEncoder: the end of a response is an empty STDOUT and END_REQUEST [fcgi 5.5]") {
  std::vector<std::byte> out;
  append_end(out, 1, 0, ProtocolStatus::kRequestComplete);
  CHECK(hex(out) ==
        "0106000100000000"
        "0103000100080000"
        "0000000000000000");
  CHECK(hex(encode_end(0xfffe, 0x12345678, ProtocolStatus::kOverloaded)) ==
        "0106fffe00000000"
        "0103fffe00080000"
        "1234567802000000");
}

TEST_CASE("RecordEncoder: END_REQUEST alone for a request that never began [fcgi 5.5]") {
  CHECK(hex(encode_end_request(7, 0, ProtocolStatus::kUnknownRole)) == "01030007000800000000000003000000");
}

TEST_CASE("RecordEncoder: UNKNOWN_TYPE names the type and nothing else [fcgi 4.2]") {
  CHECK(hex(encode_unknown_type(static_cast<RecordType>(200))) == "010b000000080000c800000000000000");
}

TEST_CASE("RecordEncoder: a failure is a header that no front end takes for a record") {
  std::vector<std::byte> out;
  append_failure(out, 0x0102);
  CHECK(hex(out) == "00ff010200000000");
}

TEST_CASE("RecordEncoder: a payload is framed to a multiple of eight [fcgi 3.3]") {
  CHECK(hex(frame(RecordType::kStdout, 1, 1).header) == "0106000100010700");
  CHECK(frame(RecordType::kStdout, 1, 1).padding == 7);
  CHECK(hex(frame(RecordType::kStdout, 0x0203, 7).header) == "0106020300070100");
  CHECK(hex(frame(RecordType::kStdout, 1, 8).header) == "0106000100080000");
  CHECK(hex(frame(RecordType::kStderr, 1, 9).header) == "0107000100090700");
  for (std::size_t size = 1; size <= kMaxContent; ++size) {
    const Frame around = frame(RecordType::kStdout, 1, size);
    const RecordHeader header = decode_header(around.header);
    // Neither the length nor the padding may wrap, or payload would be read as records.
    const bool fits = header.content_length == size && header.padding_length == around.padding &&
                      (size + around.padding) % 8 == 0 && around.padding < 8;
    if (!fits) FAIL(size);
  }
}

TEST_CASE("RecordEncoder: a full record is 65528 bytes without padding [fcgi 3.3]") {
  CHECK(hex(frame(RecordType::kStdout, 1, kMaxContent).header) == "01060001fff80000");
  CHECK(frame(RecordType::kStdout, 1, kMaxContent).padding == 0);
  CHECK(frame(RecordType::kStdout, 1, kMaxContent - 1).padding == 1);
}

TEST_CASE("RecordEncoder: a whole record carries zeros as padding [fcgi 3.3]") {
  std::vector<std::byte> out;
  append_record(out, RecordType::kStdout, 1, as_bytes("abc"));
  append_record(out, RecordType::kStdout, 1, {});
  append_header(out, RecordType::kStdin, 3, 0x102, 4);
  CHECK(hex(out) ==
        "0106000100030500"
        "6162630000000000"
        "0106000100000000"
        "0105000301020400");
}
