// What FastCGI (multiplexed) and HTTP (pipelined) have in common for the server: bytes in → events of
// streams, responses of streams → bytes out. Sans-IO; one codec a connection, used by the shard's leader
// only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "middleware/body_pipe.hpp"
#include "middleware/response_head.hpp"
#include "server/protocol/mapper.hpp"

namespace owind::protocol {

/// Names a request within its connection; meaningless elsewhere. May be used again after end().
using StreamId = std::uint32_t;

/// Bytes that wait to be sent, in order. Everything, small payloads and large, is copied here: one contiguous
/// send costs less than a gathered write of header, head, body and end, and nothing that the codec queued
/// refers to a request any more.
using Output = std::vector<std::byte>;

struct Event {
  enum class Kind : std::uint8_t {
    kNeedMore,     ///< All input is consumed.
    kBegin,        ///< stream, keep, role.
    kHeadEnd,      ///< stream: the request can run.
    kHeadRefused,  ///< stream, status, reason: answer this; of the stream only kBodyEnd or kAbort follows.
    kBody,         ///< stream, bytes.
    kBodyRefused,  ///< stream, status, reason: the body is malformed; nothing more of the stream follows.
    kBodyEnd,      ///< stream.
    kAbort,        ///< stream: the peer wants no response.
    kReply,  ///< bytes: send them as they are (also when the codec refused a stream by itself; then reason
             ///< says why).
    kPeerError,  ///< reason: close the connection.
    kDrain,      ///< reason, or none: nothing that follows is of use. As After::kDrainThenClose.
    kPaused,     ///< Not until the pending response has ended; the rest of the input must be kept.
  };
  Kind kind = Kind::kNeedMore;
  bool keep = true;
  bool authorizer = false;
  bool expect_continue = false;  ///< kHeadEnd: the peer may wait for continue_100() before it sends the body.
  std::uint16_t status = 0;
  StreamId stream = 0;
  std::string_view reason;
  std::span<const std::byte> bytes;
};

struct Fed {
  std::size_t consumed = 0;
  Event event;
};

/// Takes the parts of heads (CGI variables, header lines). Not events: a request has two dozen of them, and
/// passing each through an event costs more than taking it.
class HeadSink {
 public:
  /// Parts in the order of arrival; any number of calls a head. The views end with the call.
  virtual void head_parts(StreamId stream, std::span<const HeadPart> parts) noexcept = 0;

 protected:
  ~HeadSink() = default;
};

/// What becomes of the connection after a stream has ended.
enum class After : std::uint8_t {
  kKeep,
  kDrainThenClose,  ///< The peer still sends: read and discard within the drain limits, then close.
  kClose,
};

/// How a stream that breaks off after its head is made visible as a failure.
enum class Failure : std::uint8_t {
  kReset,  ///< The bytes were appended: send them and close, on TCP with a reset. Nothing but that may tell
           ///< the peer.
  kClose,  ///< The same without a reset, which would take along what is still on its way of other
           ///< responses: the failure shows in the bytes.
  kEndedEarly,     ///< The stream was ended with fewer bytes than it announced; the connection goes on.
  kCloseWhenIdle,  ///< Nothing was appended: no new streams; when the other streams are done, fail the
                   ///< connection.
};

/// Why a response that the server gives itself is given; FastCGI says it in END_REQUEST too.
enum class Verdict : std::uint8_t { kComplete, kOverloaded };

class Codec {
 public:
  virtual ~Codec() = default;

  /// Consumes bytes up to the next event; parts of heads on the way go to `heads`. Call again with the rest
  /// until kNeedMore, kPaused or kPeerError. Views end with the input and with the next call.
  virtual Fed feed(std::span<const std::byte> input, HeadSink& heads) = 0;

  /// What has begun to arrive takes too long. True: feed() says how to answer that, without input; false:
  /// close.
  virtual bool expire() { return false; }
  /// Takes no request after the ones that have begun: their responses say so, where the protocol can.
  virtual void drain() {}
  /// Whether a peer goes on sending a request's body when it has got the head of its response. nginx does
  /// not.
  virtual bool full_duplex() const { return false; }

  /// Whether the peer puts several requests at once on this connection.
  virtual bool shares_connection() const { return false; }

  /// Nobody reads the rest of this stream's body, if there is one: a response can say then that its connection
  /// closes. Before head() only.
  virtual void drop_body(StreamId) {}
  /// Whether what comes belongs to a body whose response has ended, and is dropped to get to the next request.
  virtual bool skipping() const { return false; }

  /// Whether responses are out whose ends wait for the ends of their uploads.
  virtual bool awaits_uploads() const { return false; }
  /// Ends those whose uploads have gone on for more than `most`, or been silent for more than `silence`, by a clock
  /// of which `now` is the time. To be called now and then.
  virtual void end_late_uploads(std::uint64_t now, std::uint64_t most, std::uint64_t silence, Output& out) {
    (void)now, (void)most, (void)silence, (void)out;
  }

  /// Appends the interim response that lets the peer send its body. Before head() only.
  virtual void continue_100(StreamId, Output&) {}
  /// Appends the head of a stream's response.
  virtual void head(StreamId stream, const middleware::ResponseHead& head, Output& out) = 0;
  /// Appends at most `quota_bytes` of what is in the pipe, framed; returns how much it took. `wake` is set
  /// when the producer waits and may go on. Not called for swallowed bodies.
  virtual std::size_t body(StreamId stream, middleware::BodyPipe& pipe, std::size_t quota_bytes, Output& out,
                           bool& wake) = 0;
  /// Whether bytes of a body may stand in the connection's output without having gone through the codec:
  /// between open_raw() and close_raw(), exactly so many.
  virtual bool takes_raw_bodies() const { return false; }
  virtual void open_raw(StreamId, std::uint64_t, Output&) {}
  virtual void close_raw(StreamId, Output&) {}
  /// Appends body bytes that are at hand (pages of the server itself).
  virtual void body(StreamId stream, std::string_view bytes, Output& out) = 0;
  /// Appends the end of the response and forgets the stream.
  virtual After end(StreamId stream, Verdict verdict, Output& out) = 0;
  /// Makes a failure after the head visible and forgets the stream.
  virtual Failure fail(StreamId stream, bool length_announced, bool others_live, Output& out) = 0;
  /// Appends what tells the peer that the connection failed (after Failure::kCloseWhenIdle).
  virtual void fail_connection(Output& out) = 0;
  /// Must be called before bytes of `out` are sent: finishes what was left open for more of the same stream.
  virtual void seal(Output& out) = 0;

  /// The peer has yet to finish sending this stream.
  virtual bool receiving(StreamId stream) const = 0;
  /// No stream is active and no record is half read.
  virtual bool idle() const = 0;
  /// Inside a record or message: an end of the connection here cuts it.
  virtual bool mid_message() const = 0;
  /// How many records or messages have begun: tells one unfinished one from the next.
  virtual std::uint64_t messages() const = 0;
};

}  // namespace owind::protocol
