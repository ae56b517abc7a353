// Any bytes as what a visitor sends by HTTP: the same events however they are cut, with responses at the head
// or at the end of each request, and events in an order that a server can rely on. What is let through is
// mapped.
#include "server/protocol/http/http_mapper.hpp"
#include "tests/fuzz/fuzz_input.hpp"
#include "tests/server/http_conversation.hpp"

using namespace owind::protocol;
using owind::fuzz::require;
using testing::HttpConversation;
using testing::Lines;

namespace {

const HttpSettings kSettings{.limits = {.max_request_line_bytes = 200,
                                        .max_fields_bytes = 600,
                                        .max_fields = 12,
                                        .max_chunk_overhead_bytes = 300,
                                        .max_unread_bytes = 500},
                             .server_name = "owind",
                             .html_suffix = "",
                             .clock = [] { return std::time_t{784111777}; }};

/// What the owner of a connection may rely on.
void check_order(const Lines& lines) {
  enum { kBetween, kHead, kBody, kEnded } state = kBetween;
  int hosts = 0;
  for (const std::string& line : lines) {
    // A part of a head may be named like an event; names have no blanks.
    if (const auto equals = line.find('='); equals < line.find(' ')) {
      require(state == kHead, "parts of a head come before its end");
      if (line.size() >= 5 && owind::middleware::equals_ignore_case(line.substr(0, 5), "host=")) ++hosts;
    } else if (line == "begin") {
      require(state == kBetween, "a request begins when the one before it was answered");
      state = kHead;
      hosts = 0;
    } else if (line.rfind("head-end", 0) == 0) {
      require(state == kHead, "a head ends once");
      require(hosts <= 1, "there is one Host");
      state = kBody;
    } else if (line.rfind("refused ", 0) == 0) {
      require(state == kHead, "a head is refused before its end");
    } else if (line.rfind("body-end", 0) == 0 || line.rfind("body-refused ", 0) == 0) {
      require(state == kBody, "a body ends once, behind the head");
      state = kEnded;
    } else if (line.rfind("body ", 0) == 0) {
      require(state == kBody, "a body comes between its ends");
      require(line.size() > 5, "a piece of body is never empty");
    } else if (line.rfind("-> ", 0) == 0) {
      state = kBetween;
    } else {
      require(line == "drain", "nothing else");
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  owind::fuzz::Input input(data, size);
  const bool answer_at_head = input.choose(3) == 0;
  HttpConversation whole(kSettings);
  whole.answer_at_head = answer_at_head;
  whole.feed(input.data());
  require(whole.consumed_all(), "all is consumed when more is needed");
  check_order(whole.lines());
  HttpConversation cut(kSettings);
  cut.answer_at_head = answer_at_head;
  input.for_each_piece([&](std::string_view piece) { cut.feed(piece); });
  require(cut.lines() == whole.lines(), "the same events however they are cut");
  require(cut.sent() == whole.sent(), "the same responses however they are cut");
  require(cut.codec.mid_message() == whole.codec.mid_message(), "the same state however it came about");

  // The first head of it, mapped.
  struct Mapped final : HeadSink {
    void head_parts(StreamId, std::span<const HeadPart> parts) noexcept override {
      mapper.parts(block, state, parts);
    }
    ~Mapped() { block.close(); }
    HttpMapper mapper;
    HeadState state;
    owind::middleware::BlockPool pool;
    owind::middleware::RequestBlock block{pool};
  } mapped;
  require(mapped.block.begin(), "memory for a block");
  HttpCodec codec(kSettings, {"192.0.2.7", "1", "198.51.100.2", "80"});
  std::string_view rest = input.data();
  while (true) {
    const Fed fed = codec.feed(std::as_bytes(std::span(rest)), mapped);
    rest.remove_prefix(fed.consumed);
    if (fed.event.kind == Event::Kind::kBegin) continue;
    if (fed.event.kind != Event::Kind::kHeadEnd) return 0;
    break;
  }
  const HeadVerdict verdict = mapped.mapper.end(mapped.block, mapped.state);
  require(verdict.status == 0 || verdict.status == 400, "a request runs or is a 400");
  if (verdict.status != 0) return 0;
  require(mapped.block.seal(), "memory for the fields");
  std::size_t hosts = 0;
  for (const auto& field : mapped.block.fields()) {
    const auto name = mapped.block.view(field.name);
    require(!owind::middleware::equals_ignore_case(name, "Proxy"), "there is no Proxy");
    hosts += owind::middleware::equals_ignore_case(name, "Host");
  }
  require(hosts == 1, "there is one Host");
  const auto path = mapped.block.get(owind::middleware::Slot::kPath);
  require(!path.empty() && path.front() == '/' && path.find('\0') == path.npos, "a path starts with a slash");
  return 0;
}
