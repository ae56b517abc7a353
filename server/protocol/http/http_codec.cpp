#include "server/protocol/http/http_codec.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <utility>

#include "middleware/http_date.hpp"
#include "middleware/request_block.hpp"

namespace owind::protocol {
namespace {

using middleware::equals_ignore_case;
using Kind = Event::Kind;
using Piece = MessageParser::Piece;

/// Bodies up to this size are copied out in one step.
constexpr std::size_t kSmallBody = 1024;

void append(Output& out, std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  out.insert(out.end(), bytes.begin(), bytes.end());
}

/// Fields of its own that a head has: bits.
enum : unsigned { kDate = 1, kServer = 2, kHasCount = 4 };

/// Whose rendering of a head it is (ResponseHead::remember): that of append_fields(), by what it returned.
constexpr char kRenderers[kHasCount] = {};

/// The status line and the application's fields, with a Content-Length that is greater by `added`. Returns
/// which of the fields are among them that a server sets where the application does not.
unsigned append_fields(const middleware::ResponseHead& head, std::size_t added, Output& out) {
  unsigned has = 0;
  append(out, "HTTP/1.1 ");
  std::array<char, 4> status;
  std::to_chars(status.data(), status.data() + 3, head.status);
  status[3] = ' ';
  append(out, {status.data(), 4});
  append(out, head.reason());
  append(out, "\r\n");
  for (std::size_t i = 0; i < head.field_count(); ++i) {
    const auto field = head.field(i);
    if (field.name.size() == 4 && equals_ignore_case(field.name, "Date")) has |= kDate;
    if (field.name.size() == 6 && equals_ignore_case(field.name, "Server")) has |= kServer;
    append(out, field.name);
    append(out, ": ");
    if (added > 0 && field.name.size() == 14 && equals_ignore_case(field.name, "Content-Length"))
      append(out, std::to_string(head.content_length + static_cast<std::int64_t>(added)));
    else
      append(out, field.value);
    append(out, "\r\n");
  }
  return has;
}

/// The same without an addition, remembered: it depends on nothing but the head.
unsigned append_fields(const middleware::ResponseHead& head, Output& out) {
  for (unsigned has = 0; has < kHasCount; ++has)
    if (const auto same = head.rendered(&kRenderers[has]); !same.empty()) {
      out.insert(out.end(), same.begin(), same.end());
      return has;
    }
  const std::size_t before = out.size();
  const unsigned has = append_fields(head, 0, out);
  head.remember(&kRenderers[has], std::span(out).subspan(before));
  return has;
}

/// A whole HTML page whose bytes are its text.
bool is_plain_html(const middleware::ResponseHead& head) {
  bool html = false;
  for (std::size_t i = 0; i < head.field_count(); ++i) {
    const auto field = head.field(i);
    if (equals_ignore_case(field.name, "Content-Type"))
      html = equals_ignore_case(field.value.substr(0, field.value.find(';')), "text/html");
    else if (equals_ignore_case(field.name, "Content-Encoding") ||
             equals_ignore_case(field.name, "Content-Range"))
      return false;
  }
  return html;
}

/// The size line of a chunk (RFC 9112 §7.1).
void append_chunk_size(Output& out, std::uint64_t size) {
  std::array<char, 24> line;
  char* end = std::to_chars(line.data(), line.data() + 20, size, 16).ptr;
  *end++ = '\r';
  *end++ = '\n';
  append(out, {line.data(), static_cast<std::size_t>(end - line.data())});
}

}  // namespace

HttpCodec::HttpCodec(const HttpSettings& settings, Peer peer)
    : settings_(settings), peer_(std::move(peer)), scanner_(settings.limits) {}

// ---- in ----

Fed HttpCodec::feed(std::span<const std::byte> input, HeadSink& heads) {
  const std::string_view text(reinterpret_cast<const char*>(input.data()), input.size());
  switch (state_) {
    case State::kIdle:
    case State::kHead:
      return on_head_bytes(text);
    case State::kReady:
      return on_head(text, heads);
    case State::kRefusing:
      return refusal(0);
    case State::kBody:
      return on_body(input);
    case State::kEnding: {
      state_ = State::kComplete;
      Fed fed;
      fed.event.kind = Kind::kBodyEnd;
      fed.event.stream = kStream;
      return fed;
    }
    case State::kComplete: {
      Fed fed;
      if (!input.empty()) fed.event.kind = Kind::kPaused;
      return fed;
    }
    case State::kExpired:
      return begin(0, State::kRefusing);
    case State::kSkipping: {
      const Fed skipped = skip(input);
      if (state_ != State::kIdle) return skipped;
      Fed next = on_head_bytes(text.substr(skipped.consumed));
      next.consumed += skipped.consumed;
      return next;
    }
    case State::kDead:
      break;
  }
  return {input.size(), {}};
}

Fed HttpCodec::begin(std::size_t consumed, State next) {
  state_ = next;
  Fed fed{consumed, {}};
  fed.event.kind = Kind::kBegin;
  fed.event.stream = kStream;
  return fed;
}

void HttpCodec::refuse(int status, std::string_view reason) {
  refuse_status_ = status;
  refuse_reason_ = reason;
  keep_ = false;
  kept_ = {};
}

Fed HttpCodec::refusal(std::size_t consumed) {
  state_ = State::kDead;
  Fed fed{consumed, {}};
  fed.event.kind = Kind::kHeadRefused;
  fed.event.stream = kStream;
  fed.event.status = static_cast<std::uint16_t>(refuse_status_);
  fed.event.reason = refuse_reason_;
  return fed;
}

Fed HttpCodec::on_head_bytes(std::string_view input) {
  std::size_t blank = 0;
  if (state_ == State::kIdle) {
    // Empty lines before a request are ignored (RFC 9112 §2.2).
    while (blank < input.size() && (input[blank] == '\r' || input[blank] == '\n')) ++blank;
    if (blank == input.size()) return {blank, {}};
    ++messages_;
    keep_ = true;
    is_head_request_ = is_1_0_ = waits_for_100_ = false;
  }
  const std::string_view bytes = input.substr(blank);
  const auto found = scanner_.scan(bytes);
  switch (found.kind) {
    case HeadScanner::Found::Kind::kMore:
      kept_.append(bytes);
      state_ = State::kHead;
      return {input.size(), {}};
    case HeadScanner::Found::Kind::kRefused:
      refuse(found.status, found.reason);
      return begin(input.size(), State::kRefusing);
    case HeadScanner::Found::Kind::kEnd:
      break;
  }
  scanner_.reset();
  if (state_ == State::kHead) {
    kept_.append(bytes.substr(0, found.size));
    return begin(found.size, State::kReady);
  }
  // Whole in this input, which is given again: no copy.
  head_size_ = found.size;
  return begin(blank, State::kReady);
}

Fed HttpCodec::on_head(std::string_view input, HeadSink& heads) {
  const bool kept = !kept_.empty();
  const std::string_view bytes = kept ? std::string_view(kept_) : input.substr(0, head_size_);
  const std::size_t consumed = kept ? 0 : head_size_;
  const auto head = parser_.head(bytes, kStream, heads);
  is_1_0_ = head.is_1_0;
  is_head_request_ = head.method == "HEAD";
  if (head.status != 0) {
    // The reason may be a view of the parser's, which lasts; that of the head does not.
    refuse(head.status, head.reason);
    return refusal(consumed);
  }
  keep_ = head.keep_alive;
  waits_for_100_ = head.expect_continue;
  overhead_ = skipped_ = 0;
  const std::array<HeadPart, 7> parts{{{":method", head.method},
                                       {":target", head.target},
                                       {":version", head.version},
                                       {":remote-ip", peer_.remote_ip},
                                       {":remote-port", peer_.remote_port},
                                       {":local-ip", peer_.local_ip},
                                       {":local-port", peer_.local_port}}};
  heads.head_parts(kStream, std::span(parts).first(peer_.remote_ip.empty() ? 3 : 7));
  state_ = head.body_follows ? State::kBody : State::kEnding;
  kept_ = {};
  Fed fed{consumed, {}};
  fed.event.kind = Kind::kHeadEnd;
  fed.event.stream = kStream;
  fed.event.expect_continue = waits_for_100_;
  return fed;
}

bool HttpCodec::all_framing(const Piece& piece) {
  overhead_ += piece.consumed - piece.data.size();
  const bool too_much = overhead_ > settings_.limits.max_chunk_overhead_bytes;
  if (!piece.data.empty()) overhead_ = 0;
  return too_much;
}

Fed HttpCodec::on_body(std::span<const std::byte> input) {
  Piece piece = parser_.body(input);
  if (piece.consumed > 0) waits_for_100_ = false;
  Fed fed{piece.consumed, {}};
  fed.event.stream = kStream;
  if (all_framing(piece) && piece.kind != Piece::Kind::kBroken) {
    piece.kind = Piece::Kind::kBroken;
    piece.reason = "The chunks of the body have more framing than data.";
  }
  switch (piece.kind) {
    case Piece::Kind::kMore:
      break;
    case Piece::Kind::kData:
      fed.event.kind = Kind::kBody;
      fed.event.bytes = piece.data;
      break;
    case Piece::Kind::kEnd:
      fed.event.kind = Kind::kBodyEnd;
      state_ = State::kComplete;
      break;
    case Piece::Kind::kBroken:
      fed.event.kind = Kind::kBodyRefused;
      fed.event.status = 400;
      fed.event.reason = piece.reason;
      keep_ = false;
      state_ = State::kDead;
      fed.consumed = input.size();
      break;
  }
  return fed;
}

Fed HttpCodec::skip(std::span<const std::byte> input) {
  Fed fed;
  while (true) {
    const Piece piece = parser_.body(input.subspan(fed.consumed));
    fed.consumed += piece.consumed;
    skipped_ += piece.consumed;
    if (piece.kind == Piece::Kind::kBroken || all_framing(piece) ||
        skipped_ > settings_.limits.max_unread_bytes) {
      // Not the end at once: the response may still be on its way, and a reset would overtake it (RFC 9112
      // §9.6).
      state_ = State::kDead;
      fed.event.kind = Kind::kDrain;
      if (piece.kind == Piece::Kind::kBroken) fed.event.reason = piece.reason;
      return fed;
    }
    if (piece.kind == Piece::Kind::kEnd) {
      next_request();
      return fed;
    }
    if (piece.kind == Piece::Kind::kMore) return fed;
  }
}

bool HttpCodec::expire() {
  if (state_ != State::kHead) return false;
  refuse(408, "The head did not arrive in time.");
  state_ = State::kExpired;
  return true;
}

void HttpCodec::next_request() {
  state_ = State::kIdle;
  scanner_.reset();
  kept_ = {};
}

// ---- out ----

void HttpCodec::drop_body(StreamId stream) {
  if (receiving(stream) && parser_.announced_rest() > settings_.limits.max_unread_bytes) keep_ = false;
}

void HttpCodec::continue_100(StreamId, Output& out) {
  if (!std::exchange(waits_for_100_, false)) return;
  append(out, "HTTP/1.1 100 Continue\r\n\r\n");
}

void HttpCodec::head(StreamId, const middleware::ResponseHead& head, Output& out) {
  // A visitor that waits for "100 Continue" may send its body now or never; and one that has made a mistake
  // may not be done with it. Neither leaves a place where the next request surely begins.
  if (draining_ || waits_for_100_ || (head.status >= 400 && receiving(kStream))) keep_ = false;
  framing_ = Framing::kLength;
  if (head.body_swallowed || is_head_request_)
    framing_ = Framing::kNone;
  else if (head.content_length < 0)
    framing_ = is_1_0_ ? Framing::kClose : Framing::kChunked;
  if (framing_ == Framing::kClose) keep_ = false;

  adds_suffix_ = framing_ != Framing::kNone && !settings_.html_suffix.empty() && is_plain_html(head);
  const unsigned has =
      adds_suffix_ ? append_fields(head, settings_.html_suffix.size(), out) : append_fields(head, out);
  if (!(has & kDate)) {
    append(out, "Date: ");
    append(out, middleware::http_date(settings_.clock()));
    append(out, "\r\n");
  }
  if (!(has & kServer) && !settings_.server_name.empty()) {
    append(out, "Server: ");
    append(out, settings_.server_name);
    append(out, "\r\n");
  }
  if (head.unbuffered) append(out, "X-Accel-Buffering: no\r\n");
  if (framing_ == Framing::kChunked) append(out, "Transfer-Encoding: chunked\r\n");
  if (!keep_)
    append(out, "Connection: close\r\n");
  else if (is_1_0_)
    append(out, "Connection: keep-alive\r\n");
  append(out, "\r\n");
}

std::size_t HttpCodec::body(StreamId stream, middleware::BodyPipe& pipe, std::size_t quota_bytes, Output& out,
                            bool& wake) {
  const std::size_t size = pipe.size();
  if (size == 0) return 0;
  if (size <= kSmallBody && size <= quota_bytes) {
    std::array<std::byte, kSmallBody> bytes;
    const auto moved = pipe.pull(std::span(bytes).first(size));
    wake = wake || moved.wake_other;
    body(stream, {reinterpret_cast<const char*>(bytes.data()), moved.bytes}, out);
    return moved.bytes;
  }
  std::size_t taken = 0;
  std::array<std::span<const std::byte>, 8> views;
  while (taken < quota_bytes) {
    const std::size_t count = pipe.peek(views, quota_bytes - taken);
    std::size_t moved = 0;
    for (std::size_t i = 0; i < count; ++i) moved += views[i].size();
    if (moved > 0 && framing_ != Framing::kNone) {
      if (framing_ == Framing::kChunked) append_chunk_size(out, moved);
      for (std::size_t i = 0; i < count; ++i) out.insert(out.end(), views[i].begin(), views[i].end());
      if (framing_ == Framing::kChunked) append(out, "\r\n");
    }
    if (pipe.consume(moved)) wake = true;
    if (moved == 0) break;
    taken += moved;
    if (count < views.size()) break;
  }
  return taken;
}

void HttpCodec::body(StreamId, std::string_view bytes, Output& out) {
  if (bytes.empty() || framing_ == Framing::kNone) return;
  if (framing_ == Framing::kChunked) append_chunk_size(out, bytes.size());
  append(out, bytes);
  if (framing_ == Framing::kChunked) append(out, "\r\n");
}

void HttpCodec::open_raw(StreamId, std::uint64_t bytes, Output& out) {
  if (framing_ == Framing::kChunked) append_chunk_size(out, bytes);
}

void HttpCodec::close_raw(StreamId, Output& out) {
  if (framing_ == Framing::kChunked) append(out, "\r\n");
}

After HttpCodec::end(StreamId stream, Verdict, Output& out) {
  if (std::exchange(adds_suffix_, false)) body(stream, settings_.html_suffix, out);
  if (framing_ == Framing::kChunked) append(out, "0\r\n\r\n");
  framing_ = Framing::kNone;
  drop_body(stream);
  const State was = state_;
  if (!keep_ || draining_) {
    state_ = State::kDead;
    return was == State::kComplete || was == State::kEnding ? After::kClose : After::kDrainThenClose;
  }
  if (was == State::kBody) {
    ++messages_;
    state_ = State::kSkipping;
  } else {
    next_request();
  }
  return After::kKeep;
}

Failure HttpCodec::fail(StreamId, bool, bool, Output&) {
  // Neither the last chunk nor the announced length: every reader notices (RFC 9112 §8). What has neither
  // ends in a reset, as far as the socket has one: HTTP/1.0, which sends no request ahead.
  state_ = State::kDead;
  keep_ = adds_suffix_ = false;
  return framing_ == Framing::kClose ? Failure::kReset : Failure::kClose;
}

}  // namespace owind::protocol
