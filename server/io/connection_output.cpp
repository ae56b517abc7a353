// A connection's output: from the responses through the codec into the socket, by turns where several share
// the connection, and parts of files straight from the page cache.
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "server/exchange/error_page.hpp"
#include "server/io/connection.hpp"
#include "server/io/shard.hpp"

namespace owind::io {

using exchange::Exchange;
using middleware::AbortReason;
using middleware::Severity;
using protocol::After;
using protocol::Failure;
using protocol::Verdict;

namespace {
constexpr int kMaxRounds = 8;
/// Of a file, in one round: what a socket with a large buffer takes at once.
constexpr std::size_t kFileRoundBytes = 256 * 1024;
}  // namespace

protocol::Output& Connection::out() {
  if (output_.capacity() == 0) output_ = shard_.lend_output();
  return output_;
}

void Connection::service(Stream& stream) {
  Exchange& x = *stream.exchange;
  x.settle();
  if (x.end() != Exchange::End::kNotYet && !x.request_body_over()) {
    // What still comes of it makes no peer wait that sends all before it reads.
    x.drop_request_body();
    codec_->drop_body(stream.id);
  }
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
  dropping_since_ = codec_->skipping() ? shard_.now() : 0;
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
    case Failure::kReset:
      closing_ = Closing::kFailAfterFlush;
      break;
    case Failure::kClose:
      closing_ = Closing::kDrainAfterFlush;
      break;
    case Failure::kCloseWhenIdle:
      if (!std::exchange(fail_when_idle_, true)) failed_since_ = shard_.now();
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
      // Closed over unread input, a socket answers with a reset, which may overtake the response.
      if (kept_.empty() && !input_waits())
        close(false);
      else
        begin_drain();
      return;
    case Closing::kFailAfterFlush:
      close(true);
      return;
    case Closing::kDrainAfterFlush:
      begin_drain();
      return;
  }
}

/// The next piece of the file that is being sent, from the page cache into the socket (sendfile(2)). The disk
/// may be waited for, as in nginx: the kernel reads ahead what is asked for in order.
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
    if (n < 0 && (errno == EINVAL || errno == ENOSYS || errno == EOVERFLOW) && copy_file_part())
      return Sent::kSome;
    if (n < 0 && (errno == EPIPE || errno == ECONNRESET || errno == ENOTCONN || errno == ETIMEDOUT))
      return Sent::kGone;
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
  const ssize_t n =
      ::pread(*file.descriptor, output_.data(), output_.size(), static_cast<off_t>(file.offset + file_sent_));
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

}  // namespace owind::io
