// The layout of every struct of bridge_abi.h, field by field; the other side compares
// (owind_bootstrap.layout).
#include <cstddef>
#include <cstring>

#include "hosting/managed_bridge.hpp"
#include "middleware/request_block.hpp"

namespace owind::hosting {
namespace {

// middleware/ does not know the boundary: here the two descriptions of one block are held together.
using middleware::FieldSlice;
using middleware::RequestHeader;
using middleware::Slice;
static_assert(sizeof(Slice) == sizeof(owind_slice) && sizeof(FieldSlice) == sizeof(owind_field));
static_assert(sizeof(RequestHeader) == sizeof(owind_request_block));
static_assert(offsetof(RequestHeader, generation) == offsetof(owind_request_block, generation));
static_assert(offsetof(RequestHeader, flags) == offsetof(owind_request_block, flags));
static_assert(offsetof(RequestHeader, field_count) == offsetof(owind_request_block, field_count));
static_assert(offsetof(RequestHeader, fields_offset) == offsetof(owind_request_block, fields_offset));
static_assert(offsetof(RequestHeader, content_length) == offsetof(owind_request_block, content_length));
static_assert(offsetof(RequestHeader, slots) == offsetof(owind_request_block, slots));
static_assert(static_cast<int>(middleware::Slot::kCount) == OWIND_SLOT_COUNT);
static_assert(static_cast<int>(middleware::Slot::kClientVerification) == OWIND_SLOT_CLIENT_VERIFICATION);
static_assert(static_cast<int>(middleware::Slot::kGatewayRole) == OWIND_SLOT_GATEWAY_ROLE);
static_assert(static_cast<int>(middleware::Slot::kRequestId) == OWIND_SLOT_REQUEST_ID);
static_assert(static_cast<int>(middleware::Slot::kLocalPort) == OWIND_SLOT_LOCAL_PORT);
static_assert(static_cast<int>(middleware::kRequestIsLocal) == OWIND_REQUEST_IS_LOCAL);
static_assert(static_cast<int>(middleware::kRequestHasNoBody) == OWIND_REQUEST_HAS_NO_BODY);
static_assert(static_cast<int>(middleware::kRequestHead) == OWIND_REQUEST_HEAD);
static_assert(static_cast<int>(middleware::kRequestFastCgi) == OWIND_REQUEST_FASTCGI);
static_assert(static_cast<int>(middleware::kRequestHttp10) == OWIND_REQUEST_HTTP10);

owind_layout_entry entry(const char* name, std::size_t offset, std::size_t size) {
  return {reinterpret_cast<const std::uint8_t*>(name), static_cast<std::int32_t>(std::strlen(name)),
          static_cast<std::int32_t>(offset), static_cast<std::int32_t>(size)};
}

}  // namespace

std::vector<owind_layout_entry> boundary_layout() {
#define OWIND_STRUCT(type) entry(#type, 0, sizeof(type))
#define OWIND_FIELD(type, field) entry(#type "." #field, offsetof(type, field), sizeof(type::field))
  return {
      OWIND_STRUCT(owind_slice),
      OWIND_FIELD(owind_slice, offset),
      OWIND_FIELD(owind_slice, length),
      OWIND_STRUCT(owind_field),
      OWIND_FIELD(owind_field, name),
      OWIND_FIELD(owind_field, value),
      OWIND_STRUCT(owind_request_block),
      OWIND_FIELD(owind_request_block, size),
      OWIND_FIELD(owind_request_block, generation),
      OWIND_FIELD(owind_request_block, flags),
      OWIND_FIELD(owind_request_block, field_count),
      OWIND_FIELD(owind_request_block, fields_offset),
      OWIND_FIELD(owind_request_block, reserved),
      OWIND_FIELD(owind_request_block, content_length),
      OWIND_FIELD(owind_request_block, slots),
      OWIND_STRUCT(owind_response_head),
      OWIND_FIELD(owind_response_head, size),
      OWIND_FIELD(owind_response_head, status),
      OWIND_FIELD(owind_response_head, reason_length),
      OWIND_FIELD(owind_response_head, field_count),
      OWIND_FIELD(owind_response_head, flags),
      OWIND_STRUCT(owind_field_lengths),
      OWIND_FIELD(owind_field_lengths, name_length),
      OWIND_FIELD(owind_field_lengths, value_length),
      OWIND_STRUCT(owind_native_table),
      OWIND_FIELD(owind_native_table, size),
      OWIND_FIELD(owind_native_table, abi_version),
      OWIND_FIELD(owind_native_table, read),
      OWIND_FIELD(owind_native_table, write),
      OWIND_FIELD(owind_native_table, flush),
      OWIND_FIELD(owind_native_table, head),
      OWIND_FIELD(owind_native_table, blocking),
      OWIND_FIELD(owind_native_table, next),
      OWIND_FIELD(owind_native_table, complete),
      OWIND_FIELD(owind_native_table, log),
      OWIND_FIELD(owind_native_table, send_file),
      OWIND_STRUCT(owind_selftest),
      OWIND_FIELD(owind_selftest, size),
      OWIND_FIELD(owind_selftest, i32),
      OWIND_FIELD(owind_selftest, u64),
      OWIND_FIELD(owind_selftest, i64),
      OWIND_FIELD(owind_selftest, pointer),
      OWIND_FIELD(owind_selftest, slice),
      OWIND_STRUCT(owind_managed_table),
      OWIND_FIELD(owind_managed_table, size),
      OWIND_FIELD(owind_managed_table, abi_version),
      OWIND_FIELD(owind_managed_table, configure),
      OWIND_FIELD(owind_managed_table, start),
      OWIND_FIELD(owind_managed_table, on_ready),
      OWIND_FIELD(owind_managed_table, on_abort),
      OWIND_FIELD(owind_managed_table, stop),
      OWIND_FIELD(owind_managed_table, selftest),
      OWIND_STRUCT(owind_layout_entry),
      OWIND_FIELD(owind_layout_entry, name),
      OWIND_FIELD(owind_layout_entry, name_length),
      OWIND_FIELD(owind_layout_entry, offset),
      OWIND_FIELD(owind_layout_entry, size),
      OWIND_STRUCT(owind_bootstrap),
      OWIND_FIELD(owind_bootstrap, size),
      OWIND_FIELD(owind_bootstrap, abi_version),
      OWIND_FIELD(owind_bootstrap, native),
      OWIND_FIELD(owind_bootstrap, managed),
      OWIND_FIELD(owind_bootstrap, layout),
      OWIND_FIELD(owind_bootstrap, layout_count),
      OWIND_FIELD(owind_bootstrap, error_capacity),
      OWIND_FIELD(owind_bootstrap, error),
      OWIND_FIELD(owind_bootstrap, error_length),
  };
#undef OWIND_STRUCT
#undef OWIND_FIELD
}

}  // namespace owind::hosting
