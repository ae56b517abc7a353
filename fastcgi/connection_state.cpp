// The state machine over record events. Headers decide what a record is used for, ends carry it out.
#include "fastcgi/connection_state.hpp"

#include <algorithm>
#include <utility>

#include "fastcgi/cgi_response.hpp"
#include "fastcgi/record_encoder.hpp"

namespace owind::fastcgi {

ConnectionState::ConnectionState(const Limits& limits, ManagementValues values) noexcept
    : limits_(&limits), values_(values) {
  values_.max_requests = std::min(values_.max_requests, limits.max_active_requests);
}

ConnectionState::Fed ConnectionState::next(std::span<const std::byte> input) {
  using Kind = RecordDecoder::Event::Kind;
  Fed fed;
  Event& event = fed.event;
  if (stdin_end_due_ != 0) {
    event.kind = Event::Kind::kStdinEnd;
    event.id = std::exchange(stdin_end_due_, std::uint16_t{0});
    return fed;
  }

  while (failure_ == Errc::kNone) {
    const auto rest = input.subspan(fed.consumed);
    if (use_ == Use::kParams) {
      if (const auto content = records_.content(rest); !content.empty()) {
        const auto step = current().params.next(content, event.name, event.value);
        if (step.kind == NameValueDecoder::Step::Kind::kLimit) {
          use_ = Use::kIgnore;
          current().over_limit = true;
          event.kind = Event::Kind::kParamsLimit;
          event.error = step.error;
          event.id = current().id;
          return fed;
        }
        records_.skip_content(step.consumed);
        fed.consumed += step.consumed;
        if (step.kind == NameValueDecoder::Step::Kind::kNeedMore) continue;
        event.kind = Event::Kind::kParam;
        event.id = current().id;
        return fed;
      }
    }

    const auto record = records_.next(rest);
    fed.consumed += record.consumed;
    switch (record.event.kind) {
      case Kind::kNeedMore:
        return fed;
      case Kind::kHeader:
        ++record_count_;
        failure_ = on_header(records_.header());
        break;
      case Kind::kContent:
        on_content(record.event.content, event);
        break;
      case Kind::kEnd:
        failure_ = on_end(event);
        break;
      case Kind::kError:
        failure_ = record.event.error;
        break;
    }
    if (event.kind != Event::Kind::kNeedMore) return fed;
  }
  event.kind = Event::Kind::kPeerError;
  event.error = failure_;
  return fed;
}

Errc ConnectionState::on_header(const RecordHeader& header) {
  use_ = Use::kIgnore;
  if (header.request_id != kManagementId) return on_request_header(header);
  // Application records with id 0 belong to no request: they are management records of an unknown type.
  // The two answers are never answered, or two such peers would never stop.
  switch (header.type) {
    case RecordType::kGetValues:
      use_ = Use::kGetValues;
      query_.reset();
      break;
    case RecordType::kGetValuesResult:
    case RecordType::kUnknownType:
      break;
    default:
      use_ = Use::kUnknownType;
      break;
  }
  return Errc::kNone;
}

Errc ConnectionState::on_request_header(const RecordHeader& header) {
  const std::size_t found = find(header.request_id);
  if (header.type == RecordType::kBeginRequest) {
    if (header.content_length != kBodySize) return Errc::kBeginLength;
    if (found != active_) return Errc::kBeginActive;
    use_ = Use::kBegin;
    begin_size_ = 0;
    return Errc::kNone;
  }
  if (found == active_) return Errc::kNone;
  current_ = found;
  const Request& request = current();
  switch (header.type) {
    case RecordType::kAbortRequest:
      if (request.stage != Stage::kAborted) use_ = Use::kAbort;
      break;
    case RecordType::kParams:
      // Old nginx ends an empty PARAMS stream twice.
      if (request.stage != Stage::kParams) break;
      if (header.content_length == 0) {
        use_ = Use::kParamsEnd;
      } else if (!request.over_limit) {
        use_ = Use::kParams;
      }
      break;
    case RecordType::kStdin:
      if (request.stage == Stage::kParams) return Errc::kStdinBeforeParamsEnd;
      if (request.stage == Stage::kStdin) use_ = Use::kStdin;
      break;
    default:
      break;  // DATA, which only a Filter gets; our own types; unknown ones (the specification is silent)
  }
  return Errc::kNone;
}

void ConnectionState::on_content(std::span<const std::byte> content, Event& event) {
  switch (use_) {
    case Use::kBegin:  // never more than 8 bytes: on_request_header() has seen to it
      std::copy(content.begin(), content.end(), begin_.begin() + begin_size_);
      begin_size_ = static_cast<std::uint8_t>(begin_size_ + content.size());
      break;
    case Use::kStdin:
      if (current().over_limit) break;
      event.kind = Event::Kind::kStdin;
      event.id = current().id;
      event.bytes = content;
      break;
    case Use::kGetValues:
      query_.feed(content);
      break;
    default:
      break;
  }
}

Errc ConnectionState::on_end(Event& event) {
  switch (use_) {
    case Use::kBegin:
      on_begin(event);
      break;
    case Use::kAbort:
      current().stage = Stage::kAborted;
      event.kind = Event::Kind::kAbort;
      event.id = current().id;
      break;
    case Use::kParamsEnd:
      return on_params_end(event);
    case Use::kStdin:
      if (records_.header().content_length != 0) break;
      current().stage = Stage::kFinished;
      event.kind = Event::Kind::kStdinEnd;
      event.id = current().id;
      break;
    case Use::kGetValues:
      if (!query_.at_boundary()) return Errc::kTruncatedPair;
      reply_.clear();
      query_.append_result(values_, reply_);
      event.kind = Event::Kind::kReply;
      event.bytes = reply_;
      break;
    case Use::kUnknownType:
      reply_.clear();
      append(reply_, encode_unknown_type(records_.header().type));
      event.kind = Event::Kind::kReply;
      event.bytes = reply_;
      break;
    case Use::kIgnore:
    case Use::kParams:
      break;
  }
  use_ = Use::kIgnore;
  return Errc::kNone;
}

void ConnectionState::on_begin(Event& event) {
  const auto role = static_cast<Role>(read_u16(begin_.data()));
  event.id = records_.header().request_id;
  event.role = role;
  event.keep_connection = (std::to_integer<unsigned>(begin_[2]) & kKeepConnection) != 0;
  if (role != Role::kResponder && role != Role::kAuthorizer) {
    reply_.clear();
    append(reply_, encode_end_request(event.id, 0, ProtocolStatus::kUnknownRole));
    event.kind = Event::Kind::kReply;
    event.error = Errc::kUnknownRole;
    event.bytes = reply_;
    return;
  }
  if (active_ >= limits_->max_active_requests) {
    // A whole response: to OVERLOADED alone front ends answer 502, and CANT_MPX_CONN would make HAProxy
    // give up multiplexing.
    constexpr CgiField kFields[] = {{"Content-Length", "0"}, {"Retry-After", "1"}};
    std::vector<std::byte> head;
    append_cgi_head(head, {.status = 503, .reason = {}, .fields = kFields});
    reply_.clear();
    append_record(reply_, RecordType::kStdout, event.id, head);
    append_end(reply_, event.id, 0, ProtocolStatus::kOverloaded);
    event.kind = Event::Kind::kReply;
    event.error = Errc::kTooManyRequests;
    event.bytes = reply_;
    return;
  }
  if (active_ == requests_.size()) requests_.emplace_back(*limits_);
  Request& request = requests_[active_++];
  request.id = event.id;
  request.role = role;
  request.stage = Stage::kParams;
  request.over_limit = false;
  event.kind = Event::Kind::kBegin;
}

Errc ConnectionState::on_params_end(Event& event) {
  use_ = Use::kIgnore;
  Request& request = current();
  const bool has_body = request.role == Role::kResponder;
  request.stage = has_body ? Stage::kStdin : Stage::kFinished;
  event.id = request.id;
  if (request.over_limit) {
    if (!has_body) event.kind = Event::Kind::kStdinEnd;
    return Errc::kNone;
  }
  if (!request.params.at_boundary()) return Errc::kTruncatedPair;
  event.kind = Event::Kind::kParamsEnd;
  // Some front ends send an Authorizer an empty STDIN, some none.
  if (!has_body) stdin_end_due_ = request.id;
  return Errc::kNone;
}

void ConnectionState::end(std::uint16_t id) noexcept {
  const std::size_t found = find(id);
  if (found == active_) return;
  const std::size_t last = active_ - 1;
  if (uses_current()) {
    if (current_ == found) {
      use_ = Use::kIgnore;
    } else if (current_ == last) {
      current_ = found;
    }
  }
  if (stdin_end_due_ == id) stdin_end_due_ = 0;
  requests_[found].params.reset();
  if (found != last) std::swap(requests_[found], requests_[last]);
  active_ = last;
}

bool ConnectionState::receiving(std::uint16_t id) const noexcept {
  const std::size_t found = find(id);
  return found != active_ &&
         (requests_[found].stage == Stage::kParams || requests_[found].stage == Stage::kStdin);
}

bool ConnectionState::uses_current() const noexcept {
  return use_ == Use::kAbort || use_ == Use::kParams || use_ == Use::kParamsEnd || use_ == Use::kStdin;
}

/// The place of an active id, or active_. Records come in runs, so the last one is looked at first.
std::size_t ConnectionState::find(std::uint16_t id) const noexcept {
  if (current_ < active_ && requests_[current_].id == id) return current_;
  for (std::size_t i = 0; i < active_; ++i) {
    if (requests_[i].id == id) return i;
  }
  return active_;
}

}  // namespace owind::fastcgi
