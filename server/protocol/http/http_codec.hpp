// HTTP/1.0 and 1.1 (RFC 9112) behind the common Codec interface: one request at a time, further ones wait
// (Event::Kind::kPaused). A request begins when its head has arrived whole, so a visitor that is slow or
// silent holds memory for a head and no place among the requests.
//
// Where the framing is in doubt the connection ends with the answer: nothing that follows is taken for a
// request (RFC 9112 §6.3, §11.2).
//
// Besides the fields, the mapper gets as parts what CGI would have as variables; their names begin with a
// colon, which no field's name does: `:method`, `:target`, `:version`, and the ends of the connection
// `:remote-ip`, `:remote-port`, `:local-ip`, `:local-port`, unless they are unknown.
#pragma once

#include <ctime>
#include <string>

#include "server/protocol/codec.hpp"
#include "server/protocol/http/head_scanner.hpp"
#include "server/protocol/http/message_parser.hpp"
#include "server/protocol/peer.hpp"

namespace owind::protocol {

struct HttpSettings {
  HttpLimits limits;
  /// The Server field, for responses whose application sets none; empty: no such field.
  std::string server_name = "owind";
  /// Goes to the end of every HTML page that is not compressed; empty: nothing does. For development.
  std::string html_suffix;
  /// For the Date field (RFC 9110 §6.6.1).
  std::time_t (*clock)() = [] { return std::time(nullptr); };
};

class HttpCodec final : public Codec {
 public:
  /// `settings` outlives the codec.
  HttpCodec(const HttpSettings& settings, Peer peer);

  Fed feed(std::span<const std::byte> input, HeadSink& heads) override;
  bool expire() override;
  void drain() override { draining_ = true; }
  bool full_duplex() const override { return true; }
  void drop_body(StreamId stream) override;
  bool skipping() const override { return state_ == State::kSkipping; }
  void continue_100(StreamId stream, Output& out) override;
  void head(StreamId stream, const middleware::ResponseHead& head, Output& out) override;
  std::size_t body(StreamId stream, middleware::BodyPipe& pipe, std::size_t quota_bytes, Output& out,
                   bool& wake) override;
  void body(StreamId stream, std::string_view bytes, Output& out) override;
  bool takes_raw_bodies() const override { return true; }
  void open_raw(StreamId stream, std::uint64_t bytes, Output& out) override;
  void close_raw(StreamId stream, Output& out) override;
  After end(StreamId stream, Verdict verdict, Output& out) override;
  Failure fail(StreamId stream, bool length_announced, bool others_live, Output& out) override;
  void fail_connection(Output&) override {}
  void seal(Output&) override {}
  bool receiving(StreamId) const override { return state_ == State::kBody; }
  bool idle() const override { return state_ == State::kIdle; }
  bool mid_message() const override { return state_ != State::kIdle && state_ != State::kComplete; }
  std::uint64_t messages() const override { return messages_; }

 private:
  enum class State : std::uint8_t {
    kIdle,      ///< Between requests.
    kHead,      ///< A part of a head is kept.
    kReady,     ///< The head is whole, kBegin was told.
    kExpired,   ///< The rest of a head did not come; kBegin comes next.
    kRefusing,  ///< kBegin was told, the refusal comes next.
    kBody,
    kEnding,    ///< The message is whole, kBodyEnd comes next.
    kComplete,  ///< It was told; the response has not ended.
    kSkipping,  ///< The response has ended, the body has not: it is dropped.
    kDead,      ///< Nothing that comes is looked at.
  };
  enum class Framing : std::uint8_t { kNone, kLength, kChunked, kClose };

  // There is one request at a time; what came of the one before it is over.
  static constexpr StreamId kStream = 1;

  Fed on_head_bytes(std::string_view input);
  Fed on_head(std::string_view input, HeadSink& heads);
  Fed on_body(std::span<const std::byte> input);
  Fed skip(std::span<const std::byte> input);
  Fed begin(std::size_t consumed, State next);
  void refuse(int status, std::string_view reason);
  Fed refusal(std::size_t consumed);
  void next_request();
  /// Whether too much has come of a body without any data.
  bool all_framing(const MessageParser::Piece& piece);

  const HttpSettings& settings_;
  const Peer peer_;
  HeadScanner scanner_;
  MessageParser parser_;
  std::string kept_;  ///< The head that is still to be completed, or has been with the last input.
  std::size_t head_size_ = 0;
  std::size_t overhead_ = 0;
  std::size_t skipped_ = 0;
  std::uint64_t messages_ = 0;
  int refuse_status_ = 0;
  std::string_view refuse_reason_;
  State state_ = State::kIdle;
  Framing framing_ = Framing::kNone;
  bool keep_ = true;
  bool draining_ = false;
  bool is_1_0_ = false;
  bool is_head_request_ = false;
  bool adds_suffix_ = false;    ///< settings_.html_suffix goes to the end of this response.
  bool waits_for_100_ = false;  ///< The visitor may be waiting before it sends its body.
};

}  // namespace owind::protocol
