#include "hosting/native_exports.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

namespace owind::hosting {
namespace {

using middleware::Environment;
using middleware::FieldView;
using middleware::ResponseHeadView;
using middleware::Severity;
using middleware::Status;
using middleware::Token;
using middleware::TokenTable;

static_assert(static_cast<owind_status>(Status::kOk) == OWIND_OK);
static_assert(static_cast<owind_status>(Status::kWait) == OWIND_WAIT);
static_assert(static_cast<owind_status>(Status::kEnd) == OWIND_END);
static_assert(static_cast<owind_status>(Status::kClosed) == OWIND_CLOSED);
static_assert(static_cast<owind_status>(Status::kAborted) == OWIND_ABORTED);
static_assert(static_cast<owind_status>(Status::kBusy) == OWIND_BUSY);
static_assert(static_cast<owind_status>(Status::kInvalid) == OWIND_INVALID);
static_assert(static_cast<owind_status>(Status::kHeadersSent) == OWIND_HEADERS_SENT);
static_assert(static_cast<owind_status>(Status::kStalled) == OWIND_STALLED);
static_assert(static_cast<owind_status>(Status::kTooManyBytes) == OWIND_TOO_MANY_BYTES);
static_assert(static_cast<owind_status>(Status::kTimeout) == OWIND_TIMEOUT);
static_assert(static_cast<owind_status>(Status::kRefused) == OWIND_REFUSED);
static_assert(static_cast<owind_status>(Status::kUnsupported) == OWIND_UNSUPPORTED);
static_assert(static_cast<owind_status>(Status::kFailed) == OWIND_FAILED);
static_assert(static_cast<owind_status>(Status::kCut) == OWIND_CUT);

TokenTable* tokens = nullptr;
middleware::TraceSink* trace = nullptr;

owind_status as_abi(Status status) { return static_cast<owind_status>(status); }

void put_error(std::string_view text, std::uint8_t* error, std::int32_t capacity, std::int32_t* length) {
  const auto n = std::min(text.size(), static_cast<std::size_t>(std::max(capacity, 0)));
  if (n) std::memcpy(error, text.data(), n);
  if (length) *length = static_cast<std::int32_t>(n);
}

owind_status read(std::uint64_t token, std::uint8_t* buffer, std::int32_t length,
                  std::int32_t* transferred) noexcept {
  *transferred = 0;
  if (length <= 0) return OWIND_INVALID;
  const auto pin = tokens->pin(Token{token});
  if (!pin) return OWIND_CLOSED;
  const auto result = pin->read(std::as_writable_bytes(std::span(buffer, static_cast<std::size_t>(length))));
  *transferred = static_cast<std::int32_t>(result.bytes);
  return as_abi(result.status);
}

owind_status write(std::uint64_t token, const std::uint8_t* bytes, std::int32_t length,
                   std::int32_t* taken) noexcept {
  *taken = 0;
  if (length < 0) return OWIND_INVALID;
  const auto pin = tokens->pin(Token{token});
  if (!pin) return OWIND_CLOSED;
  const auto result = pin->write(std::as_bytes(std::span(bytes, static_cast<std::size_t>(length))));
  *taken = static_cast<std::int32_t>(result.bytes);
  return as_abi(result.status);
}

owind_status flush(std::uint64_t token) noexcept {
  const auto pin = tokens->pin(Token{token});
  return pin ? as_abi(pin->flush()) : OWIND_CLOSED;
}

/// The fields of a serialised head as views; false when a length leads out of it.
bool parse_head(const std::uint8_t* bytes, std::size_t size, const owind_response_head& fixed,
                std::span<FieldView> fields, ResponseHeadView& head) {
  const char* at = reinterpret_cast<const char*>(bytes) + sizeof(owind_response_head);
  std::size_t left = size - sizeof(owind_response_head);
  const auto take = [&](std::uint32_t length, std::string_view& view) {
    if (length > left) return false;
    view = {at, length};
    at += length;
    left -= length;
    return true;
  };
  if (!take(fixed.reason_length, head.reason)) return false;
  for (auto& field : fields) {
    owind_field_lengths lengths;
    if (left < sizeof lengths) return false;
    std::memcpy(&lengths, at, sizeof lengths);
    at += sizeof lengths;
    left -= sizeof lengths;
    if (!take(lengths.name_length, field.name) || !take(lengths.value_length, field.value)) return false;
  }
  return left == 0;
}

owind_status head(std::uint64_t token, const owind_response_head* given, std::int32_t length,
                  std::uint8_t* error, std::int32_t error_capacity, std::int32_t* error_length) noexcept try {
  if (error_length) *error_length = 0;
  const auto malformed = [&] {
    put_error("the response head is malformed", error, error_capacity, error_length);
    return OWIND_INVALID;
  };
  if (length < static_cast<std::int32_t>(sizeof(owind_response_head))) return malformed();
  owind_response_head fixed;
  std::memcpy(&fixed, given, sizeof fixed);
  const auto size = static_cast<std::size_t>(length);
  // A field takes eight bytes at least: a count that cannot be true asks for no memory.
  if (fixed.size != size || fixed.field_count > size / sizeof(owind_field_lengths)) return malformed();
  std::array<FieldView, 32> few;
  std::vector<FieldView> many;
  std::span<FieldView> fields = few;
  if (fixed.field_count > few.size()) {
    many.resize(fixed.field_count);
    fields = many;
  }
  fields = fields.first(fixed.field_count);
  ResponseHeadView view;
  if (!parse_head(reinterpret_cast<const std::uint8_t*>(given), size, fixed, fields, view))
    return malformed();
  view.status = fixed.status;
  view.fields = fields;
  view.no_body_follows = (fixed.flags & OWIND_HEAD_NO_BODY_FOLLOWS) != 0;
  view.bytes = std::as_bytes(std::span(reinterpret_cast<const std::uint8_t*>(given), size));
  view.unbuffered = (fixed.flags & OWIND_HEAD_UNBUFFERED) != 0;
  const auto pin = tokens->pin(Token{token});
  if (!pin) return OWIND_CLOSED;
  std::string text;
  const Status status = pin->head(view, text);
  if (status == Status::kInvalid) put_error(text, error, error_capacity, error_length);
  return as_abi(status);
} catch (...) {
  put_error("out of memory", error, error_capacity, error_length);
  return OWIND_FAILED;
}

owind_status blocking(std::uint64_t token) noexcept {
  const auto pin = tokens->pin(Token{token});
  return pin ? as_abi(pin->blocking()) : OWIND_CLOSED;
}

owind_status next(std::uint64_t token) noexcept {
  const auto pin = tokens->pin(Token{token});
  return pin ? as_abi(pin->next()) : OWIND_CLOSED;
}

owind_status complete(std::uint64_t token, std::int32_t outcome) noexcept {
  if (outcome < OWIND_OUTCOME_COMPLETED || outcome > OWIND_OUTCOME_ABANDONED) return OWIND_INVALID;
  const auto pin = tokens->pin(Token{token});
  return pin ? as_abi(pin->complete(static_cast<middleware::Outcome>(outcome))) : OWIND_CLOSED;
}

owind_status log(std::int32_t level, std::uint64_t token, const std::uint8_t* text,
                 std::int32_t length) noexcept {
  if (length < 0 || level < OWIND_LOG_DEBUG || level > OWIND_LOG_ERROR) return OWIND_INVALID;
  trace->record(static_cast<Severity>(level), Token{token},
                {reinterpret_cast<const char*>(text), static_cast<std::size_t>(length)});
  return OWIND_OK;
}

owind_status send_file(std::uint64_t token, std::int32_t descriptor, std::int64_t offset,
                       std::int64_t count) noexcept try {
  if (offset < 0 || count < 0) return OWIND_INVALID;
  const auto pin = tokens->pin(Token{token});
  if (!pin) return OWIND_CLOSED;
  if (!pin->sends_files()) return OWIND_UNSUPPORTED;
  // The caller may close its own before the bytes are sent, if nobody waits for them any more.
  std::shared_ptr<const int> own(new int(::fcntl(descriptor, F_DUPFD_CLOEXEC, 3)), [](const int* fd) {
    if (*fd >= 0) ::close(*fd);
    delete fd;
  });
  if (*own < 0) return OWIND_FAILED;
  return as_abi(pin->send_file(
      {std::move(own), static_cast<std::uint64_t>(offset), static_cast<std::uint64_t>(count)}));
} catch (...) {
  return OWIND_FAILED;
}

constexpr owind_native_table kTable{sizeof(owind_native_table),
                                    OWIND_ABI_VERSION,
                                    read,
                                    write,
                                    flush,
                                    head,
                                    blocking,
                                    next,
                                    complete,
                                    log,
                                    send_file};

}  // namespace

void bind_native_exports(TokenTable& token_table, middleware::TraceSink& sink) noexcept {
  tokens = &token_table;
  trace = &sink;
}

const owind_native_table& native_table() noexcept { return kTable; }

}  // namespace owind::hosting
