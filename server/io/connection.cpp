#include "server/io/connection.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <new>
#include <utility>

#include "server/io/peer_name.hpp"
#include "server/io/shard.hpp"
#include "server/io/socket_address.hpp"

namespace owind::io {

using exchange::Exchange;
using middleware::AbortReason;
using middleware::Severity;

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
    start_drain();
    close_if_drained();
  });
}

void Connection::shut_down() noexcept {
  guarded([&] { stop_now(); });
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
  start_drain();
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
  kept_ = {};
  if (dropping_since_ == 0) dropping_since_ = shard_.now();
  ::shutdown(socket_.get(), SHUT_WR);
}

bool Connection::input_waits() const {
  std::byte probe;
  return ::recv(socket_.get(), &probe, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

void Connection::start_drain() {
  if (!std::exchange(draining_, true)) draining_since_ = shard_.now();
  codec_->drain();
}

void Connection::close_if_drained() {
  if (!draining_ || closed_ || !streams_.empty() || closing_ != Closing::kNo || unsent() > 0 ||
      !kept_.empty())
    return;
  // Bounded by the limits of uploads.
  if (codec_->awaits_uploads()) return;
  if (!any_message_ && limits_.fresh_grace.count() > 0 &&
      !over(shard_.now(), draining_since_, limits_.fresh_grace))
    return;
  // A request may have arrived that has not been read yet: it is still served.
  if (codec_->mid_message() || input_waits()) return;
  // Who shares it may send the next request while responses are on their way to it, and closed sockets answer
  // with a reset, which would take them along.
  if (codec_->shares_connection())
    begin_drain();
  else
    close(false);
}

}  // namespace owind::io
