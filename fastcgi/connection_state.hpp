// The FastCGI protocol of one connection, the application's side: which requests are active, what may come
// next, and the answers to management records (FastCGI 1.0 §3 to §6). Bytes in, events out: no IO, no clock.
// Requests may interleave. Nothing of a request is gathered: parameters and body are views.
// What it never does: decide when a response ends (the owner calls end()), or bound what it is given (each
// call returns after one event, so a flood of management records is the owner's to slow down by writing the
// replies before it reads on). Not thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "fastcgi/error.hpp"
#include "fastcgi/limits.hpp"
#include "fastcgi/name_value_decoder.hpp"
#include "fastcgi/record.hpp"
#include "fastcgi/record_decoder.hpp"
#include "fastcgi/values_query.hpp"

namespace owind::fastcgi {

/// One thing that happened. Fields that a kind does not name are empty.
struct Event {
  enum class Kind : std::uint8_t {
    kNeedMore,     ///< all of the input is consumed
    kBegin,        ///< id, role, keep_connection: `id` is active until end(id)
    kParam,        ///< id, name, value; in the order sent, duplicates included, either may be empty
    kParamsEnd,    ///< id: the request can run
    kStdin,        ///< id, bytes: a piece of the body, never empty
    kStdinEnd,     ///< id: the body is complete. An Authorizer's follows kParamsEnd at once.
    kAbort,        ///< id: the peer wants no response. Nothing more comes of this id; answer soon with end.
    kReply,        ///< bytes to send as they are; see below
    kParamsLimit,  ///< id, error: answer 431. Of this id only kStdinEnd (or kAbort) follows.
    kPeerError,    ///< error: close the connection
  };

  Kind kind = Kind::kNeedMore;
  Errc error = Errc::kNone;
  bool keep_connection = true;
  std::uint16_t id = 0;
  Role role = Role::kResponder;
  std::string_view name;
  std::string_view value;
  std::span<const std::byte> bytes;
};

class ConnectionState {
 public:
  struct Fed {
    std::size_t consumed = 0;
    Event event;
  };

  /// `limits` outlives the state. FCGI_MAX_REQS is announced as at most limits.max_active_requests.
  ConnectionState(const Limits& limits, ManagementValues values) noexcept;
  ConnectionState(const Limits&&, ManagementValues) = delete;

  /// Consumes bytes from `input` up to the next event. Call again with the rest, also when that is empty,
  /// until kNeedMore or kPeerError; end() may be called in between.
  ///
  /// Views of name and value end with `input` and with the next call of next() or end(); `bytes` of kStdin
  /// end with `input`; those of kReply with the next call of next().
  ///
  /// A kReply that refuses a request (error is kUnknownRole or kTooManyRequests) names its `id` and what the
  /// peer wants of the connection; all that follows of that id is ignored.
  ///
  /// After kPeerError every call says the same and consumes nothing.
  [[nodiscard]] Fed next(std::span<const std::byte> input);

  /// Inside a PARAMS record whose content is wanted: take_params() may have something.
  [[nodiscard]] bool in_params() const noexcept {
    return use_ == Use::kParams && stdin_end_due_ == 0 && failure_ == Errc::kNone;
  }

  /// The parameters that next() would hand out as kParam events, many at a time: whole pairs at the start of
  /// `input`, while a PARAMS record is being read. Where the count is 0, nothing was consumed: ask next().
  /// The views end with `input`.
  struct Params {
    std::size_t consumed = 0;
    std::size_t count = 0;
    std::uint16_t id = 0;
  };
  [[nodiscard]] Params take_params(std::span<const std::byte> input, std::span<NameValue> to) noexcept {
    if (!in_params()) return {};
    const auto taken = current().params.take_whole(records_.content(input), to);
    records_.skip_content(taken.consumed);
    return {taken.consumed, taken.count, current().id};
  }

  /// END_REQUEST for `id` has been queued: what still comes of it is ignored, and `id` may begin anew. Does
  /// nothing for an id that is not active. Ask receiving(id) before.
  void end(std::uint16_t id) noexcept;

  /// Whether the peer has yet to finish sending the active request `id`. A response that ends before that is
  /// followed by a drain and a close: the front end will not keep the connection.
  [[nodiscard]] bool receiving(std::uint16_t id) const noexcept;

  /// Requests between kBegin and end().
  [[nodiscard]] std::size_t active() const noexcept { return active_; }

  /// Inside a record: an end of the connection here cuts it.
  [[nodiscard]] bool mid_record() const noexcept { return records_.mid_record(); }

  /// Headers that were complete, of records of any kind: tells one unfinished record from the next.
  [[nodiscard]] std::uint64_t records() const noexcept { return record_count_; }

  /// No active request and at the end of a record: the connection can be closed without harm.
  [[nodiscard]] bool idle() const noexcept {
    return active_ == 0 && !mid_record() && failure_ == Errc::kNone;
  }

 private:
  /// What an active request still expects.
  enum class Stage : std::uint8_t { kParams, kStdin, kFinished, kAborted };

  struct Request {
    explicit Request(const Limits& limits) noexcept : params(limits) {}

    std::uint16_t id = 0;
    Role role = Role::kResponder;
    Stage stage = Stage::kParams;
    bool over_limit = false;
    NameValueDecoder params;
  };

  /// What becomes of the current record's content and end.
  enum class Use : std::uint8_t {
    kIgnore,
    kBegin,
    kAbort,
    kParams,
    kParamsEnd,
    kStdin,
    kGetValues,
    kUnknownType
  };

  [[nodiscard]] Errc on_header(const RecordHeader& header);
  [[nodiscard]] Errc on_request_header(const RecordHeader& header);
  void on_content(std::span<const std::byte> content, Event& event);
  [[nodiscard]] Errc on_end(Event& event);
  void on_begin(Event& event);
  [[nodiscard]] Errc on_params_end(Event& event);
  [[nodiscard]] bool uses_current() const noexcept;
  [[nodiscard]] std::size_t find(std::uint16_t id) const noexcept;
  [[nodiscard]] Request& current() noexcept { return requests_[current_]; }

  const Limits* limits_;
  ManagementValues values_;
  RecordDecoder records_;

  // The active requests are the first active_ ones, in no order; those behind are kept for their buffers.
  std::vector<Request> requests_;
  std::size_t active_ = 0;
  std::size_t current_ = 0;  // whose record is being read, where use_ says so

  std::uint64_t record_count_ = 0;
  Use use_ = Use::kIgnore;
  Errc failure_ = Errc::kNone;
  std::uint16_t stdin_end_due_ = 0;  // an id whose kStdinEnd follows without a record of its own
  std::uint8_t begin_size_ = 0;
  std::array<std::byte, kBodySize> begin_{};
  ValuesQuery query_;
  std::vector<std::byte> reply_;
};

}  // namespace owind::fastcgi
