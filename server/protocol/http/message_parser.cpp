#include "server/protocol/http/message_parser.hpp"

#include <llhttp.h>

#include <algorithm>
#include <array>

#include "middleware/optional_whitespace.hpp"
#include "middleware/request_block.hpp"
#include "server/protocol/header_name.hpp"

namespace owind::protocol {

using middleware::equals_ignore_case;

namespace {

using middleware::trim;

/// HTTP/d.d, and neither 1.0 nor 1.1.
bool is_other_version(std::string_view version) {
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  return version.size() == 8 && version.starts_with("HTTP/") && digit(version[5]) && version[6] == '.' &&
         digit(version[7]) && version != "HTTP/1.0" && version != "HTTP/1.1";
}

/// More than this is no length that fits a signed 64-bit number.
constexpr std::uint64_t kMaxLength = 1'000'000'000'000'000'000;

}  // namespace

struct MessageParser::Impl {
  llhttp_t parser;
  static constexpr std::size_t kParts = 32;
  HeadPart* parts = nullptr;  ///< Of the call that is going on.
  std::size_t part_count = 0;
  HeadSink* heads = nullptr;
  StreamId stream = 0;
  std::string_view target;
  std::string_view name;
  std::string_view value;
  int hosts = 0;
  int transfer_encodings = 0;
  bool chunked_alone = false;
  bool ends_chunked = false;
  bool expect_continue = false;
  bool in_head = false;
  bool head_complete = false;
  bool keep_alive = false;
  bool message_complete = false;
  bool malformed = false;  ///< llhttp let a field pass that is none.
  std::string_view data;

  static Impl& of(llhttp_t* parser) { return *static_cast<Impl*>(parser->data); }

  void extend(std::string_view& part, const char* at, std::size_t length) {
    if (part.data() == nullptr)
      part = {at, length};
    else if (part.data() + part.size() == at)
      part = {part.data(), part.size() + length};
    else
      malformed = true;
  }

  static int on_url(llhttp_t* p, const char* at, std::size_t length) {
    of(p).extend(of(p).target, at, length);
    return 0;
  }
  static int on_name(llhttp_t* p, const char* at, std::size_t length) {
    if (of(p).in_head) of(p).extend(of(p).name, at, length);
    return 0;
  }
  static int on_value(llhttp_t* p, const char* at, std::size_t length) {
    if (of(p).in_head) of(p).extend(of(p).value, at, length);
    return 0;
  }
  static int on_field(llhttp_t* p) {
    if (of(p).in_head) of(p).field();
    return 0;
  }
  static int on_head(llhttp_t* p) {
    Impl& x = of(p);
    x.head_complete = true;
    x.keep_alive = llhttp_should_keep_alive(p) != 0;
    // An offer to upgrade may be ignored (RFC 9110 §7.8), and is: what follows is a body like any other.
    p->upgrade = 0;
    return 0;
  }
  static int on_body(llhttp_t* p, const char* at, std::size_t length) {
    if (length == 0) return 0;
    of(p).data = {at, length};
    return HPE_PAUSED;
  }
  static int on_message(llhttp_t* p) {
    of(p).message_complete = true;
    return HPE_PAUSED;
  }

  static const llhttp_settings_t& settings() {
    static const llhttp_settings_t made = [] {
      llhttp_settings_t s;
      llhttp_settings_init(&s);
      s.on_url = on_url;
      s.on_header_field = on_name;
      s.on_header_value = on_value;
      s.on_header_value_complete = on_field;
      s.on_headers_complete = on_head;
      s.on_body = on_body;
      s.on_message_complete = on_message;
      return s;
    }();
    return made;
  }

  void field() {
    // An empty name passes llhttp.
    if (!is_token(name)) malformed = true;
    const std::string_view text = trim(value);
    switch (name.size()) {
      case 4:
        if (equals_ignore_case(name, "Host")) ++hosts;
        break;
      case 6:
        if (equals_ignore_case(name, "Expect") && equals_ignore_case(text, "100-continue"))
          expect_continue = true;
        break;
      case 17:
        if (equals_ignore_case(name, "Transfer-Encoding")) {
          ++transfer_encodings;
          constexpr std::string_view kChunked = "chunked";
          chunked_alone = equals_ignore_case(text, kChunked);
          ends_chunked = text.size() >= kChunked.size() &&
                         equals_ignore_case(text.substr(text.size() - kChunked.size()), kChunked);
        }
        break;
      default:
        break;
    }
    parts[part_count++] = {name, text};
    if (part_count == kParts) pass_on();
    name = value = {};
  }

  void pass_on() {
    heads->head_parts(stream, std::span(parts, part_count));
    part_count = 0;
  }

  void begin() {
    llhttp_init(&parser, HTTP_REQUEST, &settings());
    parser.data = this;
    target = name = value = data = {};
    hosts = transfer_encodings = 0;
    chunked_alone = ends_chunked = expect_continue = head_complete = keep_alive = message_complete =
        malformed = false;
  }
};

MessageParser::MessageParser() : impl_(std::make_unique<Impl>()) {}
MessageParser::~MessageParser() = default;

MessageParser::Head MessageParser::head(std::string_view bytes, StreamId stream, HeadSink& heads) {
  Impl& x = *impl_;
  x.begin();
  Head head;
  const auto refuse = [&head](int status, std::string_view reason) {
    head.status = status;
    head.reason = reason;
    return head;
  };
  const std::string_view line = bytes.substr(0, bytes.find('\r'));
  head.method = line.substr(0, line.find(' '));
  head.version = line.substr(std::min(line.rfind(' '), line.size() - 1) + 1);
  x.heads = &heads;
  x.stream = stream;
  std::array<HeadPart, Impl::kParts> parts;
  x.parts = parts.data();
  x.part_count = 0;
  x.in_head = true;
  const llhttp_errno_t error = llhttp_execute(&x.parser, bytes.data(), bytes.size());
  x.in_head = false;
  if (x.part_count > 0) x.pass_on();
  if (head.method.size() + x.target.size() + head.version.size() + 2 != line.size()) x.malformed = true;
  const bool whole = error == HPE_OK || (error == HPE_PAUSED && x.message_complete &&
                                         llhttp_get_error_pos(&x.parser) == bytes.data() + bytes.size());
  head.target = x.target;
  if (!whole || !x.head_complete || x.malformed) {
    if (error != HPE_INVALID_METHOD && is_other_version(head.version))
      return refuse(505, "The version of HTTP is neither 1.0 nor 1.1.");
    switch (error) {
      case HPE_INVALID_METHOD:
        if (is_token(head.method) && head.method.size() < line.size())
          return refuse(501, "The method is not known.");
        return refuse(400, "The method is not a token.");
      case HPE_INVALID_VERSION:
        return refuse(400, "The version of HTTP is malformed.");
      case HPE_OK:
      case HPE_PAUSED:
        return refuse(400, "A field or the head as a whole is malformed.");
      default: {
        const char* reason = llhttp_get_error_reason(&x.parser);
        return refuse(400, reason ? reason : "The head is malformed.");
      }
    }
  }
  // Whose parser knows RTSP and ICE as well.
  if (!head.version.starts_with("HTTP/")) return refuse(400, "The protocol is not HTTP.");
  if (x.parser.http_major != 1 || x.parser.http_minor > 1)
    return refuse(505, "The version of HTTP is neither 1.0 nor 1.1.");
  // Methods of RTSP and SOURCE pass llhttp with some versions; a tunnel is not ours to give.
  if (x.parser.method == HTTP_CONNECT) return refuse(501, "CONNECT is for proxies.");
  head.is_1_0 = x.parser.http_minor == 0;
  head.keep_alive = x.keep_alive;
  head.expect_continue = x.expect_continue && !head.is_1_0;
  if (x.hosts > 1) return refuse(400, "There is more than one Host.");
  if (x.hosts == 0 && !head.is_1_0) return refuse(400, "There is no Host.");
  if (x.transfer_encodings > 0) {
    if (head.is_1_0) return refuse(400, "HTTP/1.0 has no Transfer-Encoding.");
    if (x.transfer_encodings > 1) return refuse(400, "There is more than one Transfer-Encoding.");
    if (!x.ends_chunked) return refuse(400, "The Transfer-Encoding does not end in chunked.");
    if (!x.chunked_alone) return refuse(501, "The Transfer-Encoding is not chunked alone.");
  }
  if (x.parser.content_length > kMaxLength) return refuse(413, "The Content-Length is beyond all measure.");
  head.body_follows = !x.message_complete;
  if (!head.body_follows) head.expect_continue = false;
  return head;
}

MessageParser::Piece MessageParser::body(std::span<const std::byte> bytes) {
  Impl& x = *impl_;
  Piece piece;
  // llhttp looks at where its input ends also when there is none.
  static constexpr char kNothing = 0;
  const char* at = bytes.empty() ? &kNothing : reinterpret_cast<const char*>(bytes.data());
  llhttp_resume(&x.parser);
  x.data = {};
  const llhttp_errno_t error = llhttp_execute(&x.parser, at, bytes.size());
  piece.consumed = bytes.size();
  if (error == HPE_PAUSED) {
    piece.consumed = static_cast<std::size_t>(llhttp_get_error_pos(&x.parser) - at);
  } else if (error != HPE_OK) {
    const char* reason = llhttp_get_error_reason(&x.parser);
    piece.kind = Piece::Kind::kBroken;
    piece.reason = reason ? reason : "The body is malformed.";
    return piece;
  }
  if (!x.data.empty()) {
    piece.kind = Piece::Kind::kData;
    piece.data = std::as_bytes(std::span(x.data));
  } else if (x.message_complete) {
    piece.kind = Piece::Kind::kEnd;
  }
  return piece;
}

std::uint64_t MessageParser::announced_rest() const {
  const llhttp_t& parser = impl_->parser;
  return (parser.flags & F_CHUNKED) ? 0 : parser.content_length;
}

}  // namespace owind::protocol
