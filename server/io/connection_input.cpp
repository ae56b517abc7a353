// A connection's input: from the socket through the codec to the requests, and when to stop reading. What the
// application is called for is noted here and goes to the ready list once all that was read has been taken
// apart.
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <string>
#include <utility>

#include "server/io/connection.hpp"
#include "server/io/shard.hpp"

namespace owind::io {

using exchange::Exchange;
using middleware::AbortReason;
using middleware::Severity;
using protocol::Event;
using protocol::Verdict;

void Connection::handle_events(std::uint32_t events) {
  if ((interest_ & EPOLLIN) && (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))) {
    on_readable();
  } else if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) {
    // Seen also while reading is stopped. What the peer has sent before is not wanted: nobody is left to
    // answer.
    peer_gone();
  }
  if (!closed_ && (events & EPOLLOUT)) on_writable();
  if (!closed_) update_interest();
}

void Connection::update_interest() {
  resume_input();
  if (closed_) return;
  const std::uint32_t wanted =
      EPOLLRDHUP | (should_pause() ? 0u : std::uint32_t{EPOLLIN}) | (writing_ ? std::uint32_t{EPOLLOUT} : 0u);
  if (wanted == interest_) return;
  if ((interest_ & EPOLLIN) && !(wanted & EPOLLIN)) paused_since_ = shard_.now();
  interest_ = wanted;
  shard_.watch().change(socket_.get(), *this, interest_);
}

std::size_t Connection::buffered_bodies() const {
  std::size_t buffered = 0;
  for (const auto& stream : streams_)
    if (stream.exchange) buffered += stream.exchange->request_body_buffered();
  return buffered;
}

bool Connection::should_pause() const {
  // Replies that nobody reads: a flood of management records.
  if (!kept_.empty()) return true;
  if (closing_ == Closing::kNo && unsent() > 2 * limits_.output_high_bytes) return true;
  // As much as may be thrown away behind the last response was. Not closed for it: a front end that still
  // sends, nginx among them, would lose the response; it finds it when its sending blocks.
  if (closing_ != Closing::kNo) return discarded_ > limits_.unread_body_bytes;
  // Where requests share the connection one that does not read must not hold up those that come behind it: up
  // to the connection's bound.
  if (streams_.size() == 1 && !codec_->shares_connection() && streams_[0].exchange &&
      streams_[0].exchange->request_body_over_mark())
    return true;
  return bodies_fill_memory();
}

/// The connection's own bound, or the process's while it holds a part of that.
bool Connection::bodies_fill_memory() const {
  const std::size_t buffered = buffered_bodies();
  return buffered > limits_.max_buffered_bytes || (buffered > 0 && shard_.buffers_full());
}

void Connection::on_readable() {
  const std::span<std::byte> buffer = shard_.read_buffer();
  const ssize_t n = ::recv(socket_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (n > 0) {
    last_input_ = shard_.now();
    if (closing_ != Closing::kNo)
      discard(static_cast<std::size_t>(n));
    else
      feed(buffer.first(static_cast<std::size_t>(n)));
  } else if (n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)) {
    peer_gone();
  }
}

void Connection::discard(std::size_t bytes) { discarded_ += bytes; }

void Connection::feed(std::span<const std::byte> input) {
  const std::size_t taken = feed_while_idle(input);
  if (closed_ || closing_ != Closing::kNo || taken == input.size()) return;
  kept_.assign(input.begin() + static_cast<std::ptrdiff_t>(taken), input.end());
  kept_at_ = 0;
}

/// Goes on with requests that came behind one whose response has ended now.
void Connection::resume_input() {
  if (kept_.empty() || !streams_.empty() || closed_ || closing_ != Closing::kNo) return;
  protocol::Output kept = std::exchange(kept_, {});
  kept_at_ += feed_while_idle(std::span(kept).subspan(kept_at_));
  if (!closed_ && closing_ == Closing::kNo && kept_at_ < kept.size()) kept_ = std::move(kept);
}

/// Feeds until all is consumed, or what is left waits for a response. Returns how much was consumed.
std::size_t Connection::feed_while_idle(std::span<const std::byte> input) {
  std::size_t taken = 0;
  do {
    taken += feed_some(input.subspan(taken));
    // The request that came may have been answered at once.
  } while (!closed_ && closing_ == Closing::kNo && streams_.empty() && taken < input.size());
  return taken;
}

std::size_t Connection::feed_some(const std::span<const std::byte> all) {
  std::span<const std::byte> input = all;
  while (!closed_) {
    const auto [consumed, event] = codec_->feed(input, *this);
    input = input.subspan(consumed);
    if (event.kind == Event::Kind::kNeedMore || event.kind == Event::Kind::kPaused) break;
    on_event(event);
    // What follows the last response of a connection that closes is thrown away.
    if (closing_ != Closing::kNo) {
      discarded_ += input.size();
      input = {};
      break;
    }
  }
  if (closed_) return all.size();
  const bool mid_message = codec_->mid_message();
  const std::uint64_t messages = codec_->messages();
  if (!mid_message)
    message_since_ = 0;
  else if (message_since_ == 0 || messages != messages_)
    message_since_ = shard_.now();
  messages_ = messages;
  if (messages > (mid_message ? 1u : 0u)) any_message_ = true;
  after_input();
  return all.size() - input.size();
}

void Connection::on_event(const Event& event) {
  switch (event.kind) {
    case Event::Kind::kBegin:
      on_begin(event);
      return;
    case Event::Kind::kReply:
      if (!event.reason.empty())
        log(Severity::kWarning, nullptr, "request refused: " + std::string(event.reason));
      codec_->seal(out());
      out().insert(out().end(), event.bytes.begin(), event.bytes.end());
      if (!event.keep && streams_.empty()) closing_ = Closing::kAfterFlush;
      return;
    case Event::Kind::kPeerError:
      log(Severity::kWarning, nullptr, "connection closed: " + std::string(event.reason));
      abort(AbortReason::kDisconnected);
      return;
    case Event::Kind::kDrain:
      if (!event.reason.empty())
        log(Severity::kWarning, nullptr, "connection closed: " + std::string(event.reason));
      closing_ = Closing::kDrainAfterFlush;
      return;
    default:
      break;
  }
  Stream* stream = find(event.stream);
  if (!stream) return;
  switch (event.kind) {
    case Event::Kind::kHeadEnd:
      stream->expect_continue = event.expect_continue;
      on_head_end(*stream);
      return;
    case Event::Kind::kHeadRefused:
      log(Severity::kWarning, stream,
          "request refused with " + std::to_string(event.status) + ": " + std::string(event.reason));
      stream->refuse_status = event.status;
      stream->head_complete = true;
      return;
    case Event::Kind::kBody:
      on_body(*stream, event.bytes);
      return;
    case Event::Kind::kBodyRefused:
      refuse_body(*stream, event.status, event.reason);
      return;
    case Event::Kind::kBodyEnd:
      if (stream->exchange) stream->exchange->request_body_end();
      return;
    case Event::Kind::kAbort: {
      // An answer is due all the same: the peer waits for END_REQUEST before it uses the id again.
      if (stream->exchange) give_up(*stream, AbortReason::kDisconnected, false);
      end_stream(*stream, codec_->end(stream->id, Verdict::kComplete, out()));
      return;
    }
    default:
      return;
  }
}

void Connection::head_parts(protocol::StreamId id, std::span<const protocol::HeadPart> parts) noexcept {
  const Stream* stream = find(id);
  if (!stream || !stream->exchange) return;
  mapper_.parts(stream->exchange->block(), stream->exchange->head_state(), parts);
}

void Connection::on_begin(const Event& event) {
  // Its place first: an exchange without one would never be given back.
  Stream& stream = streams_.emplace_back();
  stream.id = event.stream;
  stream.since = stream.last_body = shard_.now();
  stream.exchange = fail_when_idle_ ? nullptr : shard_.slots().acquire(event.stream, *this);
  if (!stream.exchange) stream.refuse_status = 503;
  if (stream.exchange && event.authorizer)
    stream.exchange->block().set(middleware::Slot::kGatewayRole, "Authorizer");
}

void Connection::on_head_end(Stream& stream) {
  stream.head_complete = true;
  stream.since = stream.last_body = shard_.now();
  if (!stream.exchange || stream.refuse_status) return;
  auto& block = stream.exchange->block();
  const auto verdict = mapper_.end(block, stream.exchange->head_state());
  if ((block.flags() & middleware::kRequestFastCgi) && !block.has(middleware::Slot::kGatewayRole))
    block.set(middleware::Slot::kGatewayRole, "Responder");
  stream.is_head_request = (block.flags() & middleware::kRequestHead) != 0;
  if (verdict.status != 0) {
    log(Severity::kWarning, &stream,
        "request refused with " + std::to_string(verdict.status) + ": " + verdict.reason);
    stream.refuse_status = verdict.status;
  } else if (limits_.max_body_bytes && block.content_length() > 0 &&
             static_cast<std::uint64_t>(block.content_length()) > limits_.max_body_bytes) {
    stream.refuse_status = 413;
  } else if (!block.seal()) {
    log(Severity::kError, &stream, "request refused with 503: no memory for its head");
    stream.refuse_status = 503;
  } else {
    stream.submit = true;
    if (stream.expect_continue) stream.exchange->tell_when_reading();
    if (codec_->takes_raw_bodies()) stream.exchange->take_files();
  }
}

void Connection::on_body(Stream& stream, std::span<const std::byte> bytes) {
  stream.last_body = shard_.now();
  if (!stream.exchange || stream.refuse_status) return;
  Exchange& x = *stream.exchange;
  if (limits_.max_body_bytes && x.request_body_bytes() + bytes.size() > limits_.max_body_bytes) {
    refuse_body(stream, 413, "more than " + std::to_string(limits_.max_body_bytes) + " bytes");
    return;
  }
  if (!x.request_body(bytes)) {
    log(Severity::kError, &stream, "request given up: no memory for its body");
    if (stream.submit || x.take_head())
      stream.refuse_status = 503;
    else
      x.fail_request_body(middleware::Status::kFailed);
  }
}

/// The body cannot be had whole.
void Connection::refuse_body(Stream& stream, int status, std::string_view reason) {
  // Where nobody reads it any more, that is no failure of the response.
  if (!stream.exchange || stream.refuse_status || stream.exchange->request_body_over()) return;
  log(Severity::kWarning, &stream,
      "request body refused with " + std::to_string(status) + ": " + std::string(reason));
  if (!stream.submit && !stream.exchange->take_head()) {
    // Too late for an answer of ours.
    fail_stream(stream);
    return;
  }
  stream.refuse_status = status;
}

void Connection::after_input() {
  // Here, not at the end of the head: a body that came along is complete by now, and one that is empty is
  // known to be.
  for (std::size_t i = 0; i < streams_.size() && !closed_;) {
    Stream& stream = streams_[i];
    if (stream.refuse_status && (stream.head_complete || stream.exchange)) {
      const std::size_t before = streams_.size();
      answer(stream, stream.refuse_status);
      if (streams_.size() < before) continue;
    } else if (stream.submit) {
      stream.submit = false;
      stream.exchange->submit();
    }
    ++i;
  }
  if (closed_) return;
  if (has_output() || closing_ != Closing::kNo)
    shard_.flush_later(*this);
  else
    close_if_drained();
}

}  // namespace owind::io
