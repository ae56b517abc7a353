// Feeds an HttpCodec and writes down what it makes of it, one line an event; responses are given as told.
// Every chunk is fed from a heap buffer of exactly its size that is freed afterwards, so that
// AddressSanitizer sees a view that reaches too far or lives too long. Used by the tests and the fuzz target.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "middleware/response_rules.hpp"
#include "server/protocol/http/http_codec.hpp"

namespace owind::protocol::testing {

using Lines = std::vector<std::string>;

/// A connection whose owner answers every request with an empty 200, or with what it is refused with, as soon
/// as the request has ended.
class HttpConversation final : private HeadSink {
 public:
  explicit HttpConversation(const HttpSettings& settings, Peer peer = {})
      : codec(settings, std::move(peer)) {}

  /// Whether a request is answered at the end of its body, or at that of its head.
  bool answer_at_head = false;

  void feed(std::string_view chunk) {
    pending_ += chunk;
    while (!closed_) {
      // A copy for each call: what the codec keeps of one must not be looked at in the next.
      const std::vector<std::byte> copy(bytes_of(pending_).begin(), bytes_of(pending_).end());
      const Fed fed = codec.feed(copy, *this);
      pending_.erase(0, fed.consumed);
      if (fed.event.kind == Event::Kind::kNeedMore) {
        consumed_all_ = pending_.empty();
        return;
      }
      if (fed.event.kind == Event::Kind::kPaused) return;
      write(fed.event);
      react(fed.event);
    }
  }

  /// Events, and what became of the connection behind each response.
  const Lines& lines() const { return lines_; }
  /// What was sent.
  std::string sent() const { return {reinterpret_cast<const char*>(out.data()), out.size()}; }
  bool closed() const { return closed_; }
  bool consumed_all() const { return closed_ || consumed_all_; }

  /// A whole response.
  void answer(int status, std::string_view body = {}) {
    middleware::ResponseHeadView view;
    view.status = status;
    view.no_body_follows = body.empty();
    middleware::ResponseHead head;
    std::string error;
    if (!middleware::check_response_head(view, {}, head, error)) return;
    codec.drop_body(1);
    codec.head(1, head, out);
    codec.body(1, body, out);
    switch (codec.end(1, Verdict::kComplete, out)) {
      case After::kKeep:
        lines_.push_back("-> " + std::to_string(status) + " keep");
        break;
      case After::kDrainThenClose:
        lines_.push_back("-> " + std::to_string(status) + " drain");
        closed_ = true;
        break;
      case After::kClose:
        lines_.push_back("-> " + std::to_string(status) + " close");
        closed_ = true;
        break;
    }
    answered_ = true;
  }

  HttpCodec codec;
  Output out;

 private:
  static std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

  void head_parts(StreamId, std::span<const HeadPart> parts) noexcept override {
    for (const auto& part : parts) lines_.push_back(std::string(part.name) + "=" + std::string(part.value));
  }

  void write(const Event& event) {
    const bool goes_on =
        event.kind == Event::Kind::kBody && !lines_.empty() && lines_.back().starts_with("body ");
    switch (event.kind) {
      case Event::Kind::kBegin:
        lines_.push_back("begin");
        answered_ = false;
        break;
      case Event::Kind::kHeadEnd:
        lines_.push_back(event.expect_continue ? "head-end expects" : "head-end");
        break;
      case Event::Kind::kHeadRefused:
        lines_.push_back("refused " + std::to_string(event.status));
        break;
      case Event::Kind::kBody:
        // Where a body is cut means nothing.
        if (goes_on)
          lines_.back().append(text_of(event.bytes));
        else
          lines_.push_back("body " + text_of(event.bytes));
        break;
      case Event::Kind::kBodyEnd:
        lines_.push_back("body-end");
        break;
      case Event::Kind::kBodyRefused:
        lines_.push_back("body-refused " + std::to_string(event.status));
        break;
      case Event::Kind::kPeerError:
        lines_.push_back("error");
        closed_ = true;
        break;
      case Event::Kind::kDrain:
        lines_.push_back("drain");
        closed_ = true;
        break;
      default:
        lines_.push_back("?");
        break;
    }
  }

  void react(const Event& event) {
    switch (event.kind) {
      case Event::Kind::kHeadRefused:
      case Event::Kind::kBodyRefused:
        if (!answered_) answer(event.status, "refused");
        break;
      case Event::Kind::kHeadEnd:
        if (answer_at_head) answer(200);
        break;
      case Event::Kind::kBodyEnd:
        if (!answered_) answer(200);
        break;
      default:
        break;
    }
  }

  static std::string text_of(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

  Lines lines_;
  std::string pending_;
  bool consumed_all_ = true;
  bool closed_ = false;
  bool answered_ = false;
};

}  // namespace owind::protocol::testing
