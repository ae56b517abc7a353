#include "server/protocol/fastcgi_codec.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "fastcgi/cgi_response.hpp"
#include "fastcgi/record_encoder.hpp"

namespace owind::protocol {

namespace fcgi = owind::fastcgi;

namespace {

/// A usual request has two dozen.
constexpr std::size_t kPartsAtOnce = 32;

/// Bodies up to this size are copied out in one step.
constexpr std::size_t kSmallBody = 1024;

/// Whose rendering of a head it is (ResponseHead::remember).
constexpr char kRenderer = 0;

}  // namespace

Fed FastCgiCodec::feed(std::span<const std::byte> input, HeadSink& heads) {
  using Kind = fcgi::Event::Kind;
  Fed fed;
  while (true) {
    if (state_.in_params()) fed.consumed += feed_params(input.subspan(fed.consumed), heads);
    const auto [consumed, event] = state_.next(input.subspan(fed.consumed));
    fed.consumed += consumed;
    if (event.kind == Kind::kParam) {
      const HeadPart part{event.name, event.value};
      heads.head_parts(event.id, {&part, 1});
      continue;
    }
    if (!held_.empty() && takes_held(event, fed)) {
      if (fed.event.kind == Event::Kind::kNeedMore) continue;
      return fed;
    }
    Event& to = fed.event;
    to.stream = event.id;
    switch (event.kind) {
      case Kind::kNeedMore:
        to.kind = Event::Kind::kNeedMore;
        return fed;
      case Kind::kBegin:
        to.kind = Event::Kind::kBegin;
        to.keep = event.keep_connection;
        to.authorizer = event.role == fcgi::Role::kAuthorizer;
        if (!event.keep_connection) keep_ = false;
        if (state_.active() > 1) was_shared_ = true;
        return fed;
      case Kind::kParam:
        continue;
      case Kind::kParamsEnd:
        to.kind = Event::Kind::kHeadEnd;
        return fed;
      case Kind::kStdin:
        to.kind = Event::Kind::kBody;
        to.bytes = event.bytes;
        return fed;
      case Kind::kStdinEnd:
        to.kind = Event::Kind::kBodyEnd;
        return fed;
      case Kind::kAbort:
        to.kind = Event::Kind::kAbort;
        return fed;
      case Kind::kReply:
        to.kind = Event::Kind::kReply;
        to.bytes = event.bytes;
        to.keep = event.keep_connection;
        if (event.bytes[1] == std::byte{10}) asks_values_ = true;  // GET_VALUES_RESULT
        if (event.error != fcgi::Errc::kNone) {
          to.reason = fcgi::message(event.error);
          if (!event.keep_connection) keep_ = false;
        }
        return fed;
      case Kind::kParamsLimit:
        to.kind = Event::Kind::kHeadRefused;
        to.status = 431;
        to.reason = fcgi::message(event.error);
        return fed;
      case Kind::kPeerError:
        to.kind = Event::Kind::kPeerError;
        to.reason = fcgi::message(event.error);
        return fed;
    }
  }
}

/// Whether the event is of a stream whose response is out: its body is dropped, and behind that END_REQUEST
/// is due.
bool FastCgiCodec::takes_held(const fcgi::Event& event, Fed& fed) {
  using Kind = fcgi::Event::Kind;
  if (event.kind != Kind::kStdin && event.kind != Kind::kStdinEnd && event.kind != Kind::kAbort) return false;
  const auto held = std::find_if(held_.begin(), held_.end(), [&](const Held& h) { return h.id == event.id; });
  if (held == held_.end()) return false;
  if (event.kind == Kind::kStdin) {
    held->news = true;
    return true;
  }
  late_end_ = fcgi::encode_end_request(held->id, 0, held->status);
  state_.end(held->id);
  held_.erase(held);
  fed.event.kind = Event::Kind::kReply;
  fed.event.bytes = late_end_;
  return true;
}

/// The parameters that lie whole in `input`. @return the bytes that they took
std::size_t FastCgiCodec::feed_params(std::span<const std::byte> input, HeadSink& heads) {
  // Not an array of them, which would be cleared first, for every request.
  alignas(HeadPart) std::array<std::byte, sizeof(HeadPart) * kPartsAtOnce> space;
  const std::span<HeadPart> parts(reinterpret_cast<HeadPart*>(space.data()), kPartsAtOnce);
  std::size_t consumed = 0;
  while (true) {
    const auto params = state_.take_params(input.subspan(consumed), parts);
    if (params.count == 0) return consumed;
    consumed += params.consumed;
    heads.head_parts(params.id, parts.first(params.count));
  }
}

void FastCgiCodec::open_record(std::uint16_t id, Output& out) {
  if (record_at_ != kNoRecord && record_id_ == id && room(out) > 0) return;
  seal(out);
  record_at_ = out.size();
  record_id_ = id;
  fcgi::append_header(out, fcgi::RecordType::kStdout, id, 0, 0);
}

std::size_t FastCgiCodec::room(const Output& out) const {
  return fcgi::kMaxContent - std::min(fcgi::kMaxContent, out.size() - record_at_ - fcgi::kHeaderSize);
}

void FastCgiCodec::seal(Output& out) {
  if (record_at_ == kNoRecord) return;
  const std::size_t length = out.size() - record_at_ - fcgi::kHeaderSize;
  if (length == 0) {
    // An empty STDOUT record would end the stream.
    out.resize(record_at_);
  } else {
    const auto frame = fcgi::frame(fcgi::RecordType::kStdout, record_id_, length);
    std::copy(frame.header.begin(), frame.header.end(),
              out.begin() + static_cast<std::ptrdiff_t>(record_at_));
    fcgi::append(out, std::span(fcgi::kZeros).first(frame.padding));
  }
  record_at_ = kNoRecord;
}

void FastCgiCodec::head(StreamId stream, const middleware::ResponseHead& head, Output& out) {
  const auto id = static_cast<std::uint16_t>(stream);
  if (const auto same = head.rendered(&kRenderer); !same.empty()) {
    seal(out);
    open_record(id, out);
    fcgi::append(out, same);
    return;
  }
  std::array<fcgi::CgiField, 32> few;
  std::vector<fcgi::CgiField> many;
  const std::size_t count = head.field_count() + (head.unbuffered ? 1 : 0);
  std::span<fcgi::CgiField> fields = few;
  if (count > few.size()) {
    many.resize(count);
    fields = many;
  }
  for (std::size_t i = 0; i < head.field_count(); ++i) {
    const auto field = head.field(i);
    fields[i] = {field.name, field.value};
  }
  // nginx consumes and hides it; the others pass on what comes.
  if (head.unbuffered) fields[count - 1] = {"X-Accel-Buffering", "no"};
  const fcgi::CgiHead cgi{static_cast<std::uint16_t>(head.status), head.reason(), fields.first(count)};
  // A head larger than one record is split by hand; nearly all fit into what is open.
  const std::size_t size = fcgi::cgi_head_size(cgi);
  if (size <= fcgi::kMaxContent) {
    seal(out);
    open_record(id, out);
    fcgi::append_cgi_head(out, cgi);
    head.remember(&kRenderer, std::span(out).last(size));
    return;
  }
  std::vector<std::byte> text;
  text.reserve(size);
  fcgi::append_cgi_head(text, cgi);
  body(stream, {reinterpret_cast<const char*>(text.data()), text.size()}, out);
}

std::size_t FastCgiCodec::body(StreamId stream, middleware::BodyPipe& pipe, std::size_t quota_bytes,
                               Output& out, bool& wake) {
  const auto id = static_cast<std::uint16_t>(stream);
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
    open_record(id, out);
    const std::size_t limit = std::min(quota_bytes - taken, room(out));
    const std::size_t count = pipe.peek(views, limit);
    std::size_t moved = 0;
    for (std::size_t i = 0; i < count; ++i) {
      fcgi::append(out, views[i]);
      moved += views[i].size();
    }
    if (moved == 0) break;
    if (pipe.consume(moved)) wake = true;
    taken += moved;
    if (moved < limit && count < views.size()) break;  // that was all
  }
  return taken;
}

void FastCgiCodec::body(StreamId stream, std::string_view bytes, Output& out) {
  while (!bytes.empty()) {
    open_record(static_cast<std::uint16_t>(stream), out);
    const std::size_t n = std::min(bytes.size(), room(out));
    fcgi::append(out, std::as_bytes(std::span(bytes.data(), n)));
    bytes.remove_prefix(n);
  }
}

After FastCgiCodec::end(StreamId stream, Verdict verdict, Output& out) {
  const auto id = static_cast<std::uint16_t>(stream);
  const auto status = verdict == Verdict::kOverloaded ? fcgi::ProtocolStatus::kOverloaded
                                                      : fcgi::ProtocolStatus::kRequestComplete;
  const bool receiving = state_.receiving(id);
  seal(out);
  if (receiving && asks_values_ && keep_) {
    // Behind END_REQUEST HAProxy takes no more of the upload from its visitor, who may not look for the
    // response before all is sent. The end of STDOUT is all that the response needs.
    Held& held = held_.emplace_back();
    held.id = id;
    held.status = status;
    fcgi::append_record(out, fcgi::RecordType::kStdout, id, {});
    return After::kKeep;
  }
  fcgi::append_end(out, id, 0, status);
  state_.end(id);
  // A front end that has its response stops sending; where its request is not complete the connection cannot
  // be used again. One that multiplexes goes on with its other streams, and what still comes of this one is
  // ignored (§3.3): also while there is no other, because HAProxy puts new ones on a connection of which we
  // have closed our half.
  cut_upload_ = cut_upload_ || receiving;
  if (receiving && state_.active() == 0 && !asks_values_) return After::kDrainThenClose;
  if (keep_) return After::kKeep;
  return cut_upload_ ? After::kDrainThenClose : After::kClose;
}

void FastCgiCodec::end_late_uploads(std::uint64_t now, std::uint64_t most, std::uint64_t silence,
                                    Output& out) {
  std::erase_if(held_, [&](Held& held) {
    if (held.since == 0) held.since = held.last = now;
    if (std::exchange(held.news, false)) held.last = now;
    if (now - held.since <= most && now - held.last <= silence) return false;
    // What still comes is ignored (§3.3).
    seal(out);
    const auto record = fcgi::encode_end_request(held.id, 0, held.status);
    out.insert(out.end(), record.begin(), record.end());
    state_.end(held.id);
    return true;
  });
}

Failure FastCgiCodec::fail(StreamId stream, bool length_announced, bool others_live, Output& out) {
  const auto id = static_cast<std::uint16_t>(stream);
  seal(out);
  state_.end(id);
  failed_id_ = id;
  if (!others_live) {
    fcgi::append_failure(out, id);
    // What is still on its way of the others' may be whole responses.
    return asks_values_ || was_shared_ ? Failure::kClose : Failure::kReset;
  }
  if (length_announced) {
    // Fewer bytes than announced: every client notices, and the other streams are not disturbed. What still
    // comes of this one is ignored.
    fcgi::append_end(out, id, 1, fcgi::ProtocolStatus::kRequestComplete);
    return Failure::kEndedEarly;
  }
  return Failure::kCloseWhenIdle;
}

void FastCgiCodec::fail_connection(Output& out) {
  seal(out);
  fcgi::append_failure(out, failed_id_);
}

}  // namespace owind::protocol
