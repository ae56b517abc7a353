// Any bytes as a FastCGI connection: the same records however they are cut, content never longer than said.
// And what the encoder writes is read back as what it was.
#include "fastcgi/record_decoder.hpp"
#include "fastcgi/record_encoder.hpp"
#include "tests/fastcgi/conversation.hpp"
#include "tests/fuzz/fuzz_input.hpp"

using namespace owind::fastcgi;
using owind::fuzz::require;

namespace {

class Reader {
 public:
  void feed(std::string_view piece) {
    using Kind = RecordDecoder::Event::Kind;
    const std::vector<std::byte> copy(testing::as_bytes(piece).begin(), testing::as_bytes(piece).end());
    std::span<const std::byte> rest(copy);
    while (!failed_) {
      const auto fed = decoder_.next(rest);
      require(fed.consumed <= rest.size(), "no more is consumed than was given");
      rest = rest.subspan(fed.consumed);
      switch (fed.event.kind) {
        case Kind::kNeedMore:
          require(rest.empty(), "all is consumed at kNeedMore");
          return;
        case Kind::kHeader:
          append(encode_header(decoder_.header()));
          break;
        case Kind::kContent:
          require(!fed.event.content.empty(), "content is never empty");
          content_size_ += fed.event.content.size();
          append(fed.event.content);
          break;
        case Kind::kEnd:
          require(content_size_ == decoder_.header().content_length, "content is as long as the header says");
          content_size_ = 0;
          text_ += "end";
          break;
        case Kind::kError:
          text_ += "error";
          failed_ = true;
          break;
      }
    }
  }

  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  void append(std::span<const std::byte> bytes) {
    text_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }

  RecordDecoder decoder_;
  std::string text_;
  std::size_t content_size_ = 0;
  bool failed_ = false;
};

/// The data as a response, in records of random sizes.
void check_encoder(owind::fuzz::Input& input) {
  std::vector<std::byte> out;
  std::string expected;
  const auto expect = [&expected](std::span<const std::byte> bytes) {
    expected.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  };
  input.for_each_piece([&](std::string_view piece) {
    if (piece.empty()) return;
    const auto content = testing::as_bytes(piece);
    const Frame around = frame(RecordType::kStdout, 7, content.size());
    if (input.choose(2) == 0) {
      append_record(out, RecordType::kStdout, 7, content);
    } else {
      append(out, around.header);
      append(out, content);
      append(out, std::span(kZeros).first(around.padding));
    }
    require(out.size() % 8 == 0, "records end at multiples of eight");
    expect(around.header);
    expect(content);
    expected += "end";
  });
  append_end(out, 7, 0, ProtocolStatus::kRequestComplete);
  const auto end = encode_end_request(7, 0, ProtocolStatus::kRequestComplete);
  expect(encode_header({.type = RecordType::kStdout, .request_id = 7}));
  expected += "end";
  expect(end);
  expected += "end";
  append_failure(out, 7);
  expected += "error";
  Reader back;
  back.feed({reinterpret_cast<const char*>(out.data()), out.size()});
  require(back.text() == expected, "what was encoded is decoded");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  owind::fuzz::Input input(data, size);
  Reader whole;
  whole.feed(input.data());
  Reader cut;
  input.for_each_piece([&](std::string_view piece) { cut.feed(piece); });
  require(cut.text() == whole.text(), "the same records however they are cut");
  check_encoder(input);
  return 0;
}
