// FastCGI 1.0 behind the common Codec interface. The protocol itself lives in fastcgi/; here it is bound to
// the server's types, and a response's head, small body and end are put into as few records as possible.
#pragma once

#include <array>
#include <vector>

#include "fastcgi/connection_state.hpp"
#include "server/protocol/codec.hpp"

namespace owind::protocol {

class FastCgiCodec final : public Codec {
 public:
  /// `limits` outlives the codec.
  FastCgiCodec(const fastcgi::Limits& limits, const fastcgi::ManagementValues& values)
      : state_(limits, values) {}

  Fed feed(std::span<const std::byte> input, HeadSink& heads) override;
  void head(StreamId stream, const middleware::ResponseHead& head, Output& out) override;
  std::size_t body(StreamId stream, middleware::BodyPipe& pipe, std::size_t quota_bytes, Output& out,
                   bool& wake) override;
  void body(StreamId stream, std::string_view bytes, Output& out) override;
  After end(StreamId stream, Verdict verdict, Output& out) override;
  Failure fail(StreamId stream, bool length_announced, bool others_live, Output& out) override;
  void fail_connection(Output& out) override;
  void seal(Output& out) override;
  bool receiving(StreamId stream) const override {
    return state_.receiving(static_cast<std::uint16_t>(stream));
  }
  bool idle() const override { return state_.idle(); }
  bool mid_message() const override { return state_.mid_record(); }
  std::uint64_t messages() const override { return state_.records(); }
  bool shares_connection() const override { return asks_values_; }
  bool awaits_uploads() const override { return !held_.empty(); }
  void end_late_uploads(std::uint64_t now, std::uint64_t most, std::uint64_t silence, Output& out) override;

 private:
  static constexpr std::size_t kNoRecord = static_cast<std::size_t>(-1);

  /// A stream whose response is out, and whose END_REQUEST waits for the end of its body.
  struct Held {
    std::uint16_t id;
    fastcgi::ProtocolStatus status;
    std::uint64_t since = 0, last = 0;  ///< When it was first seen, and last with news; 0: not yet.
    bool news = false;                  ///< Something of the upload has come since it was looked at.
  };

  std::size_t feed_params(std::span<const std::byte> input, HeadSink& heads);
  void open_record(std::uint16_t id, Output& out);
  std::size_t room(const Output& out) const;
  bool takes_held(const fastcgi::Event& event, Fed& fed);

  fastcgi::ConnectionState state_;
  /// Whether the peer wants the connection kept after the stream that ends next. All streams of one
  /// connection ask the same in practice; one that asks for a close closes it.
  bool keep_ = true;
  std::vector<Held> held_;
  std::array<std::byte, 16> late_end_{};
  bool asks_values_ = false;  ///< The peer sent GET_VALUES: it means to multiplex.
  bool was_shared_ = false;   ///< It had several requests open at once.
  bool cut_upload_ = false;   ///< A request has ended before its upload: more of that may come.
  std::uint16_t failed_id_ =
      1;  ///< Of the last stream that failed: its failure goes under a name that is an id.
  // The STDOUT record at the end of the output that may still grow.
  std::size_t record_at_ = kNoRecord;
  std::uint16_t record_id_ = 0;
};

}  // namespace owind::protocol
