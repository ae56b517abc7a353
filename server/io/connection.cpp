#include "server/io/connection.hpp"

#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

#include "server/exchange/error_page.hpp"
#include "server/io/peer_name.hpp"
#include "server/io/shard.hpp"
#include "server/io/socket_address.hpp"

namespace owind::io {

using exchange::Exchange;
using middleware::AbortReason;
using middleware::Severity;
using protocol::After;
using protocol::Event;
using protocol::Failure;
using protocol::Verdict;

namespace {
constexpr int kMaxRounds = 8;
/// Of a file, in one round: what a socket with a large buffer takes at once.
constexpr std::size_t kFileRoundBytes = 256 * 1024;
}  // namespace

namespace {

/// Who is at the ends of a TCP connection; nobody for a Unix socket.
protocol::Peer peer_of(int fd, bool is_tcp, const protocol::Protocol& protocol) {
  if (!is_tcp || !protocol.wants_peer()) return {};
  SocketAddress remote;
  remote.length = sizeof remote.storage;
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&remote.storage), &remote.length) != 0 ||
      !remote.is_tcp())
    return {};
  const TcpAddress from = remote.to_tcp();
  const TcpAddress to = SocketAddress::of_socket(fd).to_tcp();
  return {from.host, std::to_string(from.port), to.host, std::to_string(to.port)};
}

}  // namespace

Connection::Connection(Shard& shard, UniqueFd socket, bool is_tcp, const Service& service)
    : shard_(shard),
      limits_(service.limits),
      socket_(std::move(socket)),
      codec_(service.protocol.make_codec(peer_of(socket_.get(), is_tcp, service.protocol))),
      mapper_(service.protocol.mapper()),
      opened_(shard.now()),
      last_input_(opened_),
      last_beat_(opened_),
      is_tcp_(is_tcp) {}

int Connection::start() {
  interest_ = EPOLLIN | EPOLLRDHUP;
  return shard_.watch().add(socket_.get(), *this, interest_);
}

Connection::Stream* Connection::find(protocol::StreamId id) {
  for (auto& stream : streams_)
    if (stream.id == id) return &stream;
  return nullptr;
}

void Connection::log(Severity severity, const Stream* stream, std::string_view text) {
  auto& trace = shard_.visitor_trace();
  if (!trace.wants(severity)) return;
  const auto token = stream && stream->exchange ? stream->exchange->token() : middleware::Token{};
  trace.record(severity, token, std::string(text) + " (" + peer_name(socket_.get()) + ")");
}

// ---- steps ----

template <typename Step>
void Connection::guarded(Step step) noexcept {
  try {
    step();
  } catch (const std::bad_alloc&) {
    // The codec may have stopped in the middle of a record: nothing more is said on this connection.
    shard_.visitor_trace().record(Severity::kError, {}, "connection closed: no memory for it");
    close(true);
  }
}

void Connection::on_events(std::uint32_t events) noexcept {
  guarded([&] { handle_events(events); });
  shard_.release_if_closed(*this);
}

void Connection::on_progress(Exchange& exchange) noexcept {
  if (closed_) return;
  guarded([&] {
    if (Stream* stream = find(exchange.stream()); stream && stream->exchange == &exchange) {
      service(*stream);
      if (!closed_ && (has_output() || closing_ != Closing::kNo)) shard_.flush_later(*this);
    }
    if (!closed_) update_interest();
  });
  shard_.release_if_closed(*this);
}

void Connection::flush_output() noexcept {
  if (closed_) return;
  guarded([&] {
    flush();
    if (!closed_) update_interest();
  });
}

void Connection::on_heartbeat() noexcept {
  guarded([&] { look_at_timeouts(); });
}

void Connection::drain() noexcept {
  guarded([&] {
    draining_ = true;
    codec_->drain();
    close_if_drained();
  });
}

void Connection::shut_down() noexcept {
  guarded([&] { stop_now(); });
}

// ---- input ----

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
  if (closing_ == Closing::kDrainAfterFlush || closing_ == Closing::kDraining)
    return discarded_ > limits_.unread_body_bytes;
  // Where requests share the connection one that does not read must not hold up those that come behind it: up to
  // the connection's bound.
  if (streams_.size() == 1 && !codec_->shares_connection() && streams_[0].exchange &&
      streams_[0].exchange->request_body_over_mark())
    return true;
  const std::size_t buffered = buffered_bodies();
  return buffered > limits_.max_buffered_bytes || (buffered > 0 && shard_.buffers_full());
}

void Connection::on_readable() {
  const std::span<std::byte> buffer = shard_.read_buffer();
  const ssize_t n = ::recv(socket_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (n > 0) {
    last_input_ = shard_.now();
    if (closing_ == Closing::kDraining || closing_ == Closing::kDrainAfterFlush)
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
    if (closing_ == Closing::kDrainAfterFlush || closing_ == Closing::kDraining) {
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
      log(Severity::kWarning, stream,
          "request body refused with " + std::to_string(event.status) + ": " + std::string(event.reason));
      refuse_body(*stream, event.status);
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
    log(Severity::kWarning, &stream,
        "request body refused with 413: more than " + std::to_string(limits_.max_body_bytes) + " bytes");
    refuse_body(stream, 413);
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
void Connection::refuse_body(Stream& stream, int status) {
  if (!stream.exchange || stream.refuse_status) return;
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

// ---- output ----

protocol::Output& Connection::out() {
  if (output_.capacity() == 0) output_ = shard_.lend_output();
  return output_;
}

void Connection::service(Stream& stream) {
  Exchange& x = *stream.exchange;
  x.settle();
  if (!stream.head_sent) {
    if (x.head_given()) {
      codec_->head(stream.id, x.response_head(), out());
      stream.head_sent = true;
      stream.last_body = shard_.now();
    } else if (x.end() == Exchange::End::kNoHead) {
      answer(stream, 500);
      return;
    } else {
      if (stream.expect_continue && x.application_reads()) {
        stream.expect_continue = false;
        codec_->continue_100(stream.id, out());
      }
      return;
    }
  }
  // What is written behind a part of a file waits for it.
  if (file_source_ == &x) return;
  // Asked before the pipe is looked at: then everything that was written before the file is seen there.
  const auto* file = x.file();
  bool wake = false;
  if (unsent() < limits_.output_high_bytes)
    codec_->body(stream.id, x.response_body(), limits_.stream_quota_bytes, out(), wake);
  if (wake) x.wake_writer();
  if (x.response_body().size() > 0) return;
  if (file) {
    codec_->open_raw(stream.id, file->bytes, out());
    file_source_ = &x;
    file_sent_ = 0;
    return;
  }
  if (x.end() == Exchange::End::kNotYet) return;
  if (x.end() == Exchange::End::kFailed) {
    fail_stream(stream);
    return;
  }
  end_stream(stream, codec_->end(stream.id, Verdict::kComplete, out()));
}

void Connection::end_stream(Stream& stream, After after) {
  if (stream.exchange) {
    if (file_source_ == stream.exchange) file_source_ = nullptr;
    shard_.detach(*stream.exchange);
  }
  remove_stream(stream);
  if (after != After::kKeep && streams_.empty())
    closing_ = after == After::kClose ? Closing::kAfterFlush : Closing::kDrainAfterFlush;
  else if (streams_.empty() && fail_when_idle_) {
    codec_->fail_connection(out());
    // Not with a reset: responses of others may still be on their way. The codec has said that it failed.
    closing_ = Closing::kDrainAfterFlush;
  }
}

/// Makes visible that the response is not whole. The application, if it runs, is told.
void Connection::fail_stream(Stream& stream, AbortReason reason, bool orphan_now) {
  const bool length_announced =
      stream.head_sent && stream.exchange && stream.exchange->response_head().content_length >= 0;
  const auto failure = codec_->fail(stream.id, length_announced, streams_.size() > 1, out());
  if (stream.exchange && stream.exchange->application_runs()) give_up(stream, reason, orphan_now);
  end_stream(stream, After::kKeep);
  switch (failure) {
    case Failure::kCloseNow:
      closing_ = Closing::kFailAfterFlush;
      break;
    case Failure::kCloseWhenIdle:
      fail_when_idle_ = true;
      break;
    case Failure::kEndedEarly:
      break;
  }
}

/// The stream's response is one of ours, whole. The application, if it runs, is told that nobody listens any
/// more.
void Connection::answer(Stream& stream, int status) {
  middleware::ResponseHead head;
  // What went wrong in the application stands in the log, with the number.
  const std::string id =
      status == 500 && stream.exchange ? exchange::request_id_of(stream.exchange->token()) : std::string();
  const std::string page = exchange::error_page(status, stream.is_head_request, head, id);
  codec_->head(stream.id, head, out());
  codec_->body(stream.id, page, out());
  const auto after = codec_->end(stream.id, status == 503 ? Verdict::kOverloaded : Verdict::kComplete, out());
  end_stream(stream, after);
}

void Connection::remove_stream(const Stream& stream) {
  // The order of the others is the order of their turns.
  streams_.erase(streams_.begin() + (&stream - streams_.data()));
}

void Connection::pump_all() {
  // Each stream in turn, a quota at a time, so that a large response does not starve its neighbours.
  std::size_t had_turn = 0;
  for (std::size_t left = streams_.size(); left > 0 && unsent() < limits_.output_high_bytes; --left) {
    const std::size_t before = streams_.size();
    Stream& stream = streams_[had_turn];
    if (stream.exchange && stream.head_sent) service(stream);
    // Where it ended, one that waits for its turn has taken its place.
    if (streams_.size() == before) ++had_turn;
  }
  // Goes on next time with the one for which there was no room.
  std::rotate(streams_.begin(), streams_.begin() + static_cast<std::ptrdiff_t>(had_turn), streams_.end());
}

void Connection::flush() {
  if (flushing_ || writing_ || closed_) return;
  flushing_ = true;
  for (int rounds = 0; has_output();) {
    if (unsent() == 0) {
      output_.clear();
      sent_ = 0;
      const Sent sent = send_file_part();
      if (sent == Sent::kGone) {
        flushing_ = false;
        peer_gone();
        return;
      }
      if (sent == Sent::kWait || ++rounds == kMaxRounds) {
        wait_writable();
        break;
      }
      if (sent == Sent::kAll) pump_all();
      continue;
    }
    codec_->seal(output_);
    if (unsent() == 0) break;
    const ssize_t n = ::send(socket_.get(), output_.data() + sent_, unsent(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n > 0) {
      sent_ += static_cast<std::size_t>(n);
      sending_.bytes += static_cast<std::size_t>(n);
      last_output_ = shard_.now();
      if (unsent() > 0) continue;
      output_.clear();
      sent_ = 0;
      // A producer on another thread could keep this going for as long as the peer reads: the other
      // connections have their turn.
      if (++rounds == kMaxRounds) {
        wait_writable();
        break;
      }
      if (!file_source_) pump_all();
    } else if (n < 0 && errno == EINTR) {
      continue;
    } else if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      if (sent_ > 0) {
        output_.erase(output_.begin(), output_.begin() + static_cast<std::ptrdiff_t>(sent_));
        sent_ = 0;
      }
      wait_writable();
      break;
    } else {
      flushing_ = false;
      peer_gone();
      return;
    }
  }
  flushing_ = false;
  if (has_output() || writing_) return;
  if (output_.capacity() > 0) shard_.return_output(std::move(output_));
  output_ = {};
  sent_ = 0;
  sending_ = {};
  switch (closing_) {
    case Closing::kNo:
      close_if_drained();
      return;
    case Closing::kDraining:
      return;
    case Closing::kAfterFlush:
      close(false);
      return;
    case Closing::kFailAfterFlush:
      close(true);
      return;
    case Closing::kDrainAfterFlush:
      begin_drain();
      return;
  }
}

/// The next piece of the file that is being sent, from the page cache into the socket (sendfile(2)). The disk may
/// be waited for, as in nginx: the kernel reads ahead what is asked for in order.
Connection::Sent Connection::send_file_part() {
  Exchange& x = *file_source_;
  const middleware::FilePart& file = *x.file();
  Stream& stream = *find(x.stream());
  while (true) {
    const std::uint64_t left = file.bytes - file_sent_;
    if (left == 0) {
      codec_->close_raw(stream.id, out());
      file_source_ = nullptr;
      x.file_sent();
      return Sent::kAll;
    }
    auto offset = static_cast<off_t>(file.offset + file_sent_);
    const ssize_t n = ::sendfile(socket_.get(), *file.descriptor, &offset,
                                 static_cast<std::size_t>(std::min<std::uint64_t>(left, kFileRoundBytes)));
    if (n > 0) {
      file_sent_ += static_cast<std::uint64_t>(n);
      sending_.bytes += static_cast<std::size_t>(n);
      last_output_ = shard_.now();
      if (file_sent_ < file.bytes) return Sent::kSome;
      continue;
    }
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return Sent::kWait;
    // A file system that cannot.
    if (n < 0 && (errno == EINVAL || errno == ENOSYS || errno == EOVERFLOW) && copy_file_part()) return Sent::kSome;
    if (n < 0 && (errno == EPIPE || errno == ECONNRESET || errno == ENOTCONN || errno == ETIMEDOUT)) return Sent::kGone;
    log(Severity::kError, &stream,
        n == 0 || errno == 0
            ? "the response broke off: its file has become shorter while it was sent"
            : "the response broke off: its file cannot be read: " + std::string(std::strerror(errno)));
    fail_stream(stream);
    return Sent::kSome;
  }
}

/// The same by way of the output. False: the file cannot be read, or is at its end (errno 0).
bool Connection::copy_file_part() {
  const middleware::FilePart& file = *file_source_->file();
  out().resize(static_cast<std::size_t>(std::min<std::uint64_t>(file.bytes - file_sent_, 32 * 1024)));
  errno = 0;
  const ssize_t n = ::pread(*file.descriptor, output_.data(), output_.size(),
                            static_cast<off_t>(file.offset + file_sent_));
  output_.resize(static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
  file_sent_ += output_.size();
  return n > 0;
}

void Connection::wait_writable() {
  if (writing_ || closed_) return;
  writing_ = true;
  last_output_ = shard_.now();
}

void Connection::on_writable() {
  writing_ = false;
  flush();
  if (closed_ || writing_) return;
  pump_all();
  flush();
}

// ---- ends ----

void Connection::give_up(Stream& stream, AbortReason reason, bool orphan_now) {
  Exchange* x = stream.exchange;
  if (!x) return;
  if (file_source_ == x) file_source_ = nullptr;
  stream.exchange = nullptr;
  shard_.abandon(*x, reason, orphan_now);
}

void Connection::peer_gone() {
  if (closed_) return;
  if (!streams_.empty())
    log(Severity::kDebug, nullptr,
        "the front end closed a connection with " + std::to_string(streams_.size()) + " open request(s)");
  abort(AbortReason::kDisconnected);
}

void Connection::abort(AbortReason reason) {
  if (closed_) return;
  const bool unfinished =
      std::any_of(streams_.begin(), streams_.end(), [](const Stream& stream) { return stream.head_sent; });
  for (auto& stream : streams_) give_up(stream, reason, false);
  streams_.clear();
  if (unfinished && reason != AbortReason::kDisconnected) send_failure();
  close(reason != AbortReason::kDisconnected);
}

void Connection::stop_now() {
  // What has arrived and was not read is answered as well.
  if (!closed_ && closing_ == Closing::kNo && (interest_ & EPOLLIN)) on_readable();
  if (closed_) return;
  draining_ = true;
  codec_->drain();
  const std::size_t open = streams_.size();
  for (std::size_t i = open; i-- > 0;)
    if (i < streams_.size() && streams_[i].exchange && streams_[i].exchange->started()) service(streams_[i]);
  bool answered = streams_.size() < open;
  for (std::size_t i = streams_.size(); i-- > 0;) {
    Stream& stream = streams_[i];
    if (stream.head_sent || (stream.exchange && !stream.exchange->take_head())) continue;
    give_up(stream, AbortReason::kShutdown, false);
    answer(stream, 503);
    answered = true;
  }
  if (!streams_.empty()) {
    for (auto& stream : streams_) give_up(stream, AbortReason::kShutdown, false);
    streams_.clear();
    send_failure();
    // A reset would take the answers of the others along.
    close(!answered);
  } else if (unsent() > 0) {
    if (closing_ == Closing::kNo) closing_ = Closing::kDrainAfterFlush;
    shard_.flush_later(*this);
  } else if (closing_ == Closing::kNo) {
    close(false);
  }
}

/// A bare close would make what has been sent look like a whole response. As far as the socket takes it: who
/// does not read cannot be told.
void Connection::send_failure() {
  codec_->fail_connection(out());
  while (unsent() > 0) {
    const ssize_t n = ::send(socket_.get(), output_.data() + sent_, unsent(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n > 0)
      sent_ += static_cast<std::size_t>(n);
    else if (n == 0 || errno != EINTR)
      return;
  }
}

void Connection::close(bool reset) {
  if (closed_) return;
  closed_ = true;
  for (auto& stream : streams_) give_up(stream, AbortReason::kDisconnected, false);
  streams_.clear();
  if (reset && is_tcp_) {
    const linger hard{1, 0};
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  }
  shard_.watch().remove(socket_.get(), *this);
  socket_.reset();
  if (output_.capacity() > 0) shard_.return_output(std::move(output_));
  output_ = {};
  sent_ = 0;
}

/// Our side is done: says so to the peer, and reads what it still sends, so that the response is not lost in
/// a reset.
void Connection::begin_drain() {
  closing_ = Closing::kDraining;
  closing_since_ = shard_.now();
  ::shutdown(socket_.get(), SHUT_WR);
}

void Connection::close_if_drained() {
  if (!draining_ || closed_ || !streams_.empty() || closing_ != Closing::kNo || unsent() > 0 ||
      !kept_.empty())
    return;
  // A request may have arrived that has not been read yet: it is still served.
  std::byte probe;
  if (!codec_->mid_message() && ::recv(socket_.get(), &probe, 1, MSG_PEEK | MSG_DONTWAIT) <= 0) close(false);
}

void Connection::check_stream(Stream& stream, Tick now) {
  const auto& limits = limits_;
  const auto over = [now](Tick since, ConnectionLimits::Duration limit) {
    return limit.count() > 0 && now > since && now - since > static_cast<Tick>(limit.count());
  };
  if (!stream.head_complete) {
    if (over(stream.since, limits.head_timeout)) {
      log(Severity::kWarning, &stream,
          "request refused with 408: its parameters did not arrive within " +
              std::to_string(limits.head_timeout.count()) + " ms");
      answer(stream, 408);
    }
    return;
  }
  if (!stream.exchange) return;
  Exchange& x = *stream.exchange;
  if (over(stream.since, limits.request_timeout) && x.application_runs()) {
    log(Severity::kWarning, &stream,
        "the application has not completed within the request timeout of " +
            std::to_string(limits.request_timeout.count()) + " ms" +
            (stream.head_sent ? ": connection failed" : ": 504"));
    if (!stream.head_sent && x.take_head()) {
      give_up(stream, AbortReason::kTimeout, true);
      answer(stream, 504);
    } else {
      // The head is out, and what follows cannot be whole.
      fail_stream(stream, AbortReason::kTimeout, true);
    }
    return;
  }
  const Tick looked = std::exchange(stream.last_look, now);
  if (x.request_body_over() || !x.application_reads()) return;
  if (stream.head_sent && !codec_->full_duplex() && over(stream.last_body, limits.stall_timeout)) {
    log(Severity::kWarning, &stream,
        "the application reads the request body after it has sent the response head, and the front end sends "
        "no more of it "
        "(nginx stops then): the read fails. Read the whole body first, or answer through an HTTP listener");
    x.fail_request_body(middleware::Status::kStalled);
    return;
  }
  // Only the time that the application has waited for: it may read as slowly as it likes.
  stream.waited += now - std::max(looked, stream.since);
  const bool slow = limits.min_body_rate &&
                    stream.waited > static_cast<Tick>(limits.body_rate_grace.count()) &&
                    x.request_body_bytes() * 1000 < limits.min_body_rate * stream.waited;
  if (slow || over(stream.last_body, limits.body_timeout)) {
    log(Severity::kWarning, &stream,
        slow ? "the request body is slower than " + std::to_string(limits.min_body_rate) + " bytes a second"
             : "no bytes of the request body for " + std::to_string(limits.body_timeout.count()) + " ms");
    if (!stream.head_sent && x.take_head()) {
      give_up(stream, AbortReason::kTimeout, false);
      answer(stream, 408);
    } else {
      x.fail_request_body(middleware::Status::kTimeout);
    }
  }
}

/// Bodies that nobody reads keep the other requests of their connection from getting theirs.
void Connection::give_up_fullest() {
  const auto buffered = [](const Stream& stream) {
    return stream.exchange ? stream.exchange->request_body_buffered() : 0;
  };
  Stream& fullest =
      *std::max_element(streams_.begin(), streams_.end(),
                        [&](const Stream& a, const Stream& b) { return buffered(a) < buffered(b); });
  log(Severity::kWarning, &fullest,
      "request given up: it does not read its body, which keeps the others of its connection waiting");
  if (!fullest.head_sent && fullest.exchange->take_head()) {
    give_up(fullest, AbortReason::kTimeout, false);
    answer(fullest, 408);
  } else {
    fail_stream(fullest, AbortReason::kTimeout);
  }
}

void Connection::look_at_timeouts() {
  if (closed_) return;
  const Tick now = shard_.now();
  const auto& limits = limits_;
  const auto over = [now](Tick since, ConnectionLimits::Duration limit) {
    return limit.count() > 0 && now > since && now - since > static_cast<Tick>(limit.count());
  };
  const Tick elapsed = now - std::exchange(last_beat_, now);
  if (closing_ == Closing::kDraining) {
    if (over(closing_since_, limits.unread_body_timeout)) close(false);
    return;
  }
  // Only once it waits for the peer: before, the last output may be of long ago.
  if (writing_ && has_output() && over(last_output_, limits.write_timeout)) {
    log(Severity::kWarning, nullptr,
        "connection closed: the front end has taken no output for " +
            std::to_string(limits.write_timeout.count()) + " ms");
    abort(AbortReason::kTimeout);
    return;
  }
  if (has_output()) sending_.busy += elapsed;
  if (sending_.below(limits.min_response_rate, limits.body_rate_grace)) {
    log(Severity::kWarning, nullptr,
        "connection closed: the response is taken with less than " +
            std::to_string(limits.min_response_rate) + " bytes a second");
    abort(AbortReason::kTimeout);
    return;
  }
  if (streams_.empty()) {
    // By the begin of what is unfinished, not by the last byte: a trickle keeps nothing open. Idle is who
    // neither sends nor gets anything.
    const bool too_long = !any_message_    ? over(opened_, limits.first_record_timeout)
                          : message_since_ ? over(message_since_, limits.head_timeout)
                                           : over(std::max(last_input_, last_output_), limits.idle_timeout);
    if (!too_long) return;
    if (!codec_->expire()) {
      close(false);
      return;
    }
    feed({});
    flush();
    if (!closed_) update_interest();
    return;
  }
  if (!(interest_ & EPOLLIN) && streams_.size() > 1 && buffered_bodies() > limits.max_buffered_bytes &&
      over(paused_since_, limits.cap_timeout)) {
    give_up_fullest();
    paused_since_ = now;
  }
  for (std::size_t i = streams_.size(); i-- > 0;)
    if (i < streams_.size()) check_stream(streams_[i], now);
  if (!closed_) {
    flush();
    if (!closed_) update_interest();
  }
}

}  // namespace owind::io
