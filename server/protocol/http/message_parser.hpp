// One request after another through llhttp in strict mode: a head that has arrived whole, then its body piece
// by piece. The checks that llhttp leaves to its user are made here: one Host, no body length of which two
// readers could think differently (RFC 9112 §3.2, §6.1, §6.3).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "server/protocol/codec.hpp"
#include "server/protocol/http/http_limits.hpp"

namespace owind::protocol {

class MessageParser {
 public:
  MessageParser();
  ~MessageParser();
  MessageParser(const MessageParser&) = delete;
  MessageParser& operator=(const MessageParser&) = delete;

  struct Head {
    int status = 0;  ///< 0, or what to answer: 400, 413, 501, 505.
    std::string_view reason;
    std::string_view method;  ///< Views of the bytes that were given.
    std::string_view target;
    std::string_view version;
    bool is_1_0 = false;
    bool keep_alive = false;
    bool expect_continue = false;
    bool body_follows = false;
  };

  /// Begins a request whose head is `bytes`, whole; its fields go to `heads` as parts of `stream`, also when
  /// the head is refused after them.
  Head head(std::string_view bytes, StreamId stream, HeadSink& heads);

  struct Piece {
    enum class Kind : std::uint8_t { kMore, kData, kEnd, kBroken };
    Kind kind = Kind::kMore;
    std::size_t consumed = 0;
    std::span<const std::byte> data;  ///< kData: not empty.
    std::string_view reason;          ///< kBroken
  };

  /// The next bytes of the body up to the next piece of data, or its end. Nothing behind the end is consumed.
  Piece body(std::span<const std::byte> bytes);

  /// How much of the body is still to come, as far as Content-Length tells: 0 for a body in chunks.
  std::uint64_t announced_rest() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace owind::protocol
