// Any bytes as a PARAMS stream: the same pairs and the same limit however it is cut, and never beyond a
// limit.
#include "fastcgi/name_value_decoder.hpp"
#include "tests/fastcgi/conversation.hpp"
#include "tests/fuzz/fuzz_input.hpp"

using namespace owind::fastcgi;
using owind::fuzz::require;

namespace {

constexpr Limits kLimits{
    .max_params_bytes = 2048, .max_params = 50, .max_name_bytes = 300, .max_value_bytes = 600};

class Reader {
 public:
  void feed(std::string_view piece) {
    using Kind = NameValueDecoder::Step::Kind;
    const std::vector<std::byte> copy(testing::as_bytes(piece).begin(), testing::as_bytes(piece).end());
    std::span<const std::byte> rest(copy);
    while (limit_ == Errc::kNone) {
      std::string_view name;
      std::string_view value;
      const auto step = decoder_.next(rest, name, value);
      require(step.consumed <= rest.size(), "no more is consumed than was given");
      rest = rest.subspan(step.consumed);
      switch (step.kind) {
        case Kind::kNeedMore:
          require(rest.empty(), "all is consumed at kNeedMore");
          return;
        case Kind::kPair:
          require(name.size() <= kLimits.max_name_bytes, "no name over its limit");
          require(value.size() <= kLimits.max_value_bytes, "no value over its limit");
          require(++pairs_ <= kLimits.max_params, "no more pairs than their limit");
          bytes_ += name.size() + value.size();
          require(bytes_ <= kLimits.max_params_bytes, "no more bytes than their limit");
          text_ += testing::pair(name, value);
          break;
        case Kind::kLimit:
          limit_ = step.error;
          break;
      }
    }
  }

  [[nodiscard]] bool operator==(const Reader& other) const {
    return text_ == other.text_ && limit_ == other.limit_ &&
           (limit_ != Errc::kNone || decoder_.at_boundary() == other.decoder_.at_boundary());
  }

  void reset() {
    decoder_.reset();
    text_.clear();
    limit_ = Errc::kNone;
    pairs_ = 0;
    bytes_ = 0;
  }

 private:
  NameValueDecoder decoder_{kLimits};
  std::string text_;
  Errc limit_ = Errc::kNone;
  std::size_t pairs_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  owind::fuzz::Input input(data, size);
  Reader whole;
  whole.feed(input.data());
  Reader cut;
  // Whatever was before a reset leaves nothing behind.
  cut.feed(input.data().substr(0, input.choose(input.data().size() + 1)));
  cut.reset();
  input.for_each_piece([&](std::string_view piece) { cut.feed(piece); });
  require(cut == whole, "the same pairs however they are cut");
  return 0;
}
