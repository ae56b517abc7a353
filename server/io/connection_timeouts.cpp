// What a connection gives up waiting for: looked at with every heartbeat, all timeouts of it in one place.
#include <sys/epoll.h>

#include <algorithm>
#include <string>
#include <utility>

#include "server/io/connection.hpp"
#include "server/io/shard.hpp"

namespace owind::io {

using exchange::Exchange;
using middleware::AbortReason;
using middleware::Severity;

void Connection::check_stream(Stream& stream, Tick now) {
  const auto& limits = limits_;
  if (!stream.head_complete) {
    if (over(now, stream.since, limits.head_timeout)) {
      log(Severity::kWarning, &stream,
          "request refused with 408: its parameters did not arrive within " +
              std::to_string(limits.head_timeout.count()) + " ms");
      answer(stream, 408);
    }
    return;
  }
  if (!stream.exchange) return;
  Exchange& x = *stream.exchange;
  if (over(now, stream.since, limits.request_timeout) && x.application_runs()) {
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
  if (stream.head_sent && !codec_->full_duplex() && over(now, stream.last_body, limits.stall_timeout)) {
    log(Severity::kWarning, &stream,
        "the application reads the request body after it has sent the response head, and the front end sends "
        "no more of it "
        "(nginx stops then): the read fails. Read the whole body first, or answer through an HTTP listener");
    x.fail_request_body(middleware::Status::kStalled);
    return;
  }
  // Only the time that the application has waited for: it may read as slowly as it likes.
  if (!(interest_ & EPOLLIN)) {
    // It is we who do not read: the bodies of others fill the memory.
    stream.last_body = now;
    return;
  }
  stream.waited += now - std::max(looked, stream.since);
  const bool slow = limits.min_body_rate &&
                    stream.waited > static_cast<Tick>(limits.body_rate_grace.count()) &&
                    x.request_body_bytes() * 1000 < limits.min_body_rate * stream.waited;
  if (slow || over(now, stream.last_body, limits.body_timeout)) {
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

/// Whether what comes behind the last response was dropped for long enough, or nothing has come for long.
bool Connection::dropped_enough(Tick now) const {
  // While output waits the peer is busy with that.
  const Tick since = std::max(dropping_since_, last_output_);
  return over(now, since, limits_.unread_body_timeout) ||
         over(now, std::max(since, last_input_), limits_.unread_body_idle_timeout);
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

/// One has failed, and its visitor waits for an end that only the connection's can be.
void Connection::fail_all() {
  log(Severity::kWarning, nullptr,
      "connection closed with " + std::to_string(streams_.size()) +
          " open request(s): another response on it had failed, which the front end cannot be told "
          "otherwise");
  for (auto& stream : streams_) give_up(stream, AbortReason::kDisconnected, false);
  streams_.clear();
  codec_->fail_connection(out());
  closing_ = Closing::kDrainAfterFlush;
  flush();
  if (!closed_) update_interest();
}

void Connection::look_at_timeouts() {
  if (closed_) return;
  const Tick now = shard_.now();
  const auto& limits = limits_;
  const Tick elapsed = now - std::exchange(last_beat_, now);
  if (closing_ == Closing::kDraining) {
    if (!dropped_enough(now)) return;
    if (input_waits())
      log(Severity::kWarning, nullptr,
          "connection reset: an upload goes on behind its response, after " + std::to_string(discarded_) +
              " bytes that were dropped");
    close(false);
    return;
  }
  // Only once it waits for the peer: before, the last output may be of long ago.
  if (writing_ && has_output() && over(now, last_output_, limits.write_timeout)) {
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
  if (codec_->awaits_uploads()) {
    codec_->end_late_uploads(now, static_cast<std::uint64_t>(limits.unread_body_timeout.count()),
                             static_cast<std::uint64_t>(limits.unread_body_idle_timeout.count()), out());
    flush();
    if (!closed_) update_interest();
    // Where the last one ended in a drain the connection is being closed in good order: idle or not.
    if (closed_ || closing_ != Closing::kNo || (streams_.empty() && codec_->awaits_uploads())) return;
  }
  if (streams_.empty() && codec_->skipping()) {
    if (!has_output() && dropped_enough(now)) close(false);
    return;
  }
  if (const std::uint64_t messages = codec_->messages(); messages != messages_) {
    // One ended with its response, not with input.
    messages_ = messages;
    any_message_ = true;
    if (message_since_) message_since_ = now;
  }
  if (streams_.empty()) {
    // The time for output counts.
    if (has_output()) return;
    // By the begin of what is unfinished, not by the last byte: a trickle keeps nothing open. Idle is who
    // neither sends nor gets anything.
    const bool too_long = (!any_message_ && over(now, opened_, limits.first_record_timeout)) ||
                          (message_since_ ? over(now, message_since_, limits.head_timeout)
                                          : any_message_ && over(now, std::max(last_input_, last_output_),
                                                                 limits.idle_timeout));
    if (!too_long) {
      close_if_drained();
      return;
    }
    if (!codec_->expire()) {
      close(false);
      return;
    }
    feed({});
    flush();
    if (!closed_) update_interest();
    return;
  }
  if (!(interest_ & EPOLLIN) && streams_.size() > 1 && bodies_fill_memory() &&
      over(now, paused_since_, limits.cap_timeout)) {
    give_up_fullest();
    paused_since_ = now;
  }
  if (fail_when_idle_ && over(now, failed_since_, limits.failure_timeout)) {
    fail_all();
    return;
  }
  for (std::size_t i = streams_.size(); i-- > 0;)
    if (i < streams_.size()) check_stream(streams_[i], now);
  if (!closed_) {
    flush();
    if (!closed_) update_interest();
  }
}

}  // namespace owind::io
