// Turns what a protocol says of a request, part by part, into the request block that the application reads.
// One implementation a protocol; each is immutable after start-up and shared by all connections. Everything
// behind the end of the head is common.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "fastcgi/name_value_decoder.hpp"
#include "middleware/request_block.hpp"

namespace owind::protocol {

/// A CGI variable or a header line.
using HeadPart = fastcgi::NameValue;

/// What a mapper remembers of one request between its parts. Plain data, reset for each request.
struct HeadState {
  static constexpr std::size_t kParts = 32;
  /// Where the parts stand that end() needs, by an enumeration of the mapper's own; offset 0: not seen.
  std::array<middleware::Slice, kParts> parts{};
  std::uint32_t flags = 0;
};

/// The verdict over a complete head.
struct HeadVerdict {
  int status = 0;      ///< 0: the request can run; else what to answer (400, …).
  std::string reason;  ///< For the log, when status is not 0. May contain a visitor's bytes.
};

class Mapper {
 public:
  virtual ~Mapper() = default;
  /// One part (a CGI variable, a header line), in the order of arrival. The views end with the call.
  virtual void part(middleware::RequestBlock& block, HeadState& state, std::string_view name,
                    std::string_view value) const noexcept = 0;
  /// Many parts: part() for each. For the mapper that can do that without a virtual call a part.
  virtual void parts(middleware::RequestBlock& block, HeadState& state,
                     std::span<const HeadPart> parts) const noexcept {
    for (const HeadPart& each : parts) part(block, state, each.name, each.value);
  }
  /// The head is complete: fills the slots. The caller seals the block afterwards.
  virtual HeadVerdict end(middleware::RequestBlock& block, HeadState& state) const = 0;
};

}  // namespace owind::protocol
