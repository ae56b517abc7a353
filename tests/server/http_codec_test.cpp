// HTTP/1.x as bytes: what a visitor may send and what it is refused, however it is cut (RFC 9112), and how
// responses are framed.
#include "server/protocol/http/http_codec.hpp"

#include <doctest/doctest.h>

#include "tests/server/http_conversation.hpp"

template <>
struct doctest::StringMaker<std::vector<std::string>> {
  static String convert(const std::vector<std::string>& lines) {
    std::string text;
    for (const std::string& line : lines) text += "\n    " + line.substr(0, 200);
    return text.c_str();
  }
};

namespace owind::protocol::testing {
namespace {

using namespace std::string_literals;

const HttpSettings kSettings{
    .limits = {}, .server_name = "owind", .html_suffix = "", .clock = [] { return std::time_t{784111777}; }};

Lines lines_of(std::string_view bytes, bool answer_at_head = false) {
  HttpConversation conversation(kSettings);
  conversation.answer_at_head = answer_at_head;
  conversation.feed(bytes);
  return conversation.lines();
}

/// The same events whole, cut in two at every position, and a byte at a time.
void grind(std::string_view bytes, const Lines& expected) {
  CHECK(lines_of(bytes) == expected);
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    HttpConversation conversation(kSettings);
    conversation.feed(bytes.substr(0, cut));
    conversation.feed(bytes.substr(cut));
    if (conversation.lines() == expected && conversation.consumed_all()) continue;
    CAPTURE(cut);
    CHECK(conversation.lines() == expected);
    CHECK(conversation.consumed_all());
    return;
  }
  HttpConversation conversation(kSettings);
  for (const char& byte : bytes) conversation.feed({&byte, 1});
  CHECK(conversation.lines() == expected);
}

/// The status that a request is refused with; 0: it is not.
int refusal(std::string_view bytes) {
  for (const std::string& line : lines_of(bytes)) {
    if (line.starts_with("refused ")) return std::stoi(line.substr(8));
    if (line.starts_with("body-refused ")) return std::stoi(line.substr(13));
  }
  return 0;
}

/// A refused request ends the connection, and nothing behind it is taken for a request.
void check_refused(std::string_view bytes, int status) {
  CAPTURE(bytes);
  const std::string smuggled = std::string(bytes) + "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
  for (std::size_t cut = 0; cut <= smuggled.size(); ++cut) {
    CAPTURE(cut);
    HttpConversation conversation(kSettings);
    conversation.feed(std::string_view(smuggled).substr(0, cut));
    conversation.feed(std::string_view(smuggled).substr(cut));
    std::size_t begun = 0;
    for (const auto& line : conversation.lines()) {
      begun += line == "begin";
      REQUIRE(line != ":target=/smuggled");
    }
    REQUIRE(begun == 1);
    REQUIRE(conversation.closed());
    REQUIRE(conversation.lines().back() == "-> " + std::to_string(status) + " drain");
    REQUIRE(conversation.sent().find("\r\nConnection: close\r\n") != std::string::npos);
  }
}

std::string get(std::string_view path = "/", std::string_view more = "") {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: a\r\n" + std::string(more) + "\r\n";
}
std::string post(std::string_view fields, std::string_view body) {
  return "POST / HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n" + std::string(body);
}

Lines got(std::string_view target, std::string_view method = "GET") {
  return {"begin",
          "Host=a",
          ":method=" + std::string(method),
          ":target=" + std::string(target),
          ":version=HTTP/1.1",
          "head-end"};
}
Lines operator+(Lines lines, const Lines& more) {
  lines.insert(lines.end(), more.begin(), more.end());
  return lines;
}

struct Answered {
  explicit Answered(std::string_view request, HttpSettings with = kSettings)
      : settings(with), conversation(settings) {
    // Answered by the test.
    conversation.answer_at_head = false;
    feed(request);
  }
  void feed(std::string_view bytes) {
    struct Nobody final : HeadSink {
      void head_parts(StreamId, std::span<const HeadPart>) noexcept override {}
    } nobody;
    while (true) {
      const Fed fed = conversation.codec.feed(std::as_bytes(std::span(bytes)), nobody);
      bytes.remove_prefix(fed.consumed);
      if (fed.event.kind == Event::Kind::kNeedMore || fed.event.kind == Event::Kind::kPaused) return;
      last = fed.event;
    }
  }
  After respond(int status, std::vector<middleware::FieldView> fields, std::string_view body,
                bool no_body_follows = false, bool is_head = false) {
    middleware::ResponseHeadView view;
    view.status = status;
    view.fields = fields;
    view.no_body_follows = no_body_follows;
    middleware::ResponseHead head;
    std::string error;
    REQUIRE(middleware::check_response_head(view, {is_head, false}, head, error));
    auto& codec = conversation.codec;
    codec.head(1, head, conversation.out);
    codec.body(1, body, conversation.out);
    return codec.end(1, Verdict::kComplete, conversation.out);
  }
  std::string sent() const { return conversation.sent(); }

  HttpSettings settings;
  HttpConversation conversation;
  Event last;
};

const std::string kAlways = "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nServer: owind\r\n";

}  // namespace

TEST_CASE(
    "HttpCodec: a request is its parts, its head's end and its body's end, however it is cut [RFC 9112 "
    "2.1]") {
  grind("GET /a?b HTTP/1.1\r\nHost: a\r\nAccept:  */* \t\r\nEmpty:\r\nX_y: \xc3\xa4\r\n\r\n",
        {"begin", "Host=a", "Accept=*/*", "Empty=", "X_y=\xc3\xa4", ":method=GET", ":target=/a?b",
         ":version=HTTP/1.1", "head-end", "body-end", "-> 200 keep"});
}

TEST_CASE("HttpCodec: bodies are those of Content-Length, and of chunks [RFC 9112 6.2, 7.1]") {
  grind(post("Content-Length: 5\r\n", "hello"),
        {"begin", "Host=a", "Content-Length=5", ":method=POST", ":target=/", ":version=HTTP/1.1", "head-end",
         "body hello", "body-end", "-> 200 keep"});
  grind(post("Content-Length: 0\r\n", ""),
        {"begin", "Host=a", "Content-Length=0", ":method=POST", ":target=/", ":version=HTTP/1.1", "head-end",
         "body-end", "-> 200 keep"});
  grind(post("Transfer-Encoding: chunked\r\n",
             "5\r\nhello\r\n1;name=\"value\"\r\n!\r\nA\r\n0123456789\r\n0\r\n\r\n"),
        {"begin", "Host=a", "Transfer-Encoding=chunked", ":method=POST", ":target=/", ":version=HTTP/1.1",
         "head-end", "body hello!0123456789", "body-end", "-> 200 keep"});
}

TEST_CASE("HttpCodec: trailers are read and ignored [RFC 9110 6.5]") {
  grind(post("Transfer-Encoding: chunked\r\n", "1\r\nx\r\n0\r\nX-Checksum: 1\r\nHost: b\r\n\r\n") +
            get("/next"),
        Lines{"begin", "Host=a", "Transfer-Encoding=chunked", ":method=POST", ":target=/",
              ":version=HTTP/1.1", "head-end", "body x", "body-end", "-> 200 keep"} +
            got("/next") + Lines{"body-end", "-> 200 keep"});
}

TEST_CASE(
    "HttpCodec: requests are pipelined, one at a time, with empty lines between them [RFC 9112 2.2, 9.3.2]") {
  grind("\r\n\r\n" + get("/1") + post("Content-Length: 2\r\n", "ab") + "\r\n" + get("/3"),
        got("/1") +
            Lines{"body-end", "-> 200 keep", "begin", "Host=a", "Content-Length=2", ":method=POST",
                  ":target=/", ":version=HTTP/1.1", "head-end", "body ab", "body-end", "-> 200 keep"} +
            got("/3") + Lines{"body-end", "-> 200 keep"});
}

TEST_CASE("HttpCodec: the next request is not looked at before the response has ended") {
  Answered one(get("/1"));
  CHECK(one.last.kind == Event::Kind::kBodyEnd);
  struct Nobody final : HeadSink {
    void head_parts(StreamId, std::span<const HeadPart>) noexcept override {}
  } nobody;
  const std::string next = get("/2");
  const Fed fed = one.conversation.codec.feed(std::as_bytes(std::span(next)), nobody);
  CHECK(fed.event.kind == Event::Kind::kPaused);
  CHECK(fed.consumed == 0);
  CHECK(one.respond(200, {}, "") == After::kKeep);
  CHECK(one.conversation.codec.feed(std::as_bytes(std::span(next)), nobody).event.kind ==
        Event::Kind::kBegin);
}

TEST_CASE("HttpCodec: a connection is kept as the visitor says, and by its version [RFC 9112 9.3]") {
  const auto after = [](std::string_view bytes) { return lines_of(bytes).back(); };
  CHECK(after(get()) == "-> 200 keep");
  CHECK(after(get("/", "Connection: keep-alive\r\n")) == "-> 200 keep");
  CHECK(after(get("/", "Connection: close\r\n")) == "-> 200 close");
  CHECK(after(get("/", "Connection: x, CLOSE\r\n")) == "-> 200 close");
  CHECK(after("GET / HTTP/1.0\r\n\r\n") == "-> 200 close");
  CHECK(after("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n") == "-> 200 keep");
}

TEST_CASE("HttpCodec: methods of HTTP and WebDAV, and every form of target, are passed on [RFC 9112 3]") {
  for (const std::string method : {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE",
                                   "PROPFIND", "REPORT", "M-SEARCH", "MKCALENDAR", "LOCK", "PURGE"})
    CHECK(lines_of(method + " /x HTTP/1.1\r\nHost: a\r\n\r\n") ==
          got("/x", method) + Lines{"body-end", "-> 200 keep"});
  CHECK(lines_of("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n") ==
        got("*", "OPTIONS") + Lines{"body-end", "-> 200 keep"});
  CHECK(lines_of("GET http://b:81/x?y HTTP/1.1\r\nHost: a\r\n\r\n") ==
        got("http://b:81/x?y") + Lines{"body-end", "-> 200 keep"});
}

TEST_CASE("HttpCodec: an offer to upgrade is ignored, and its body is one [RFC 9110 7.8]") {
  const auto lines = lines_of(
      post("Upgrade: websocket\r\nConnection: Upgrade\r\nContent-Length: 3\r\n", "abc") + get("/next"));
  CHECK(lines[lines.size() - 3] == "head-end");
  CHECK(lines[8] == "head-end");
  CHECK(lines[9] == "body abc");
}

TEST_CASE("HttpCodec: Expect: 100-continue is told, and answered once [RFC 9110 10.1.1]") {
  CHECK(lines_of(post("Expect: 100-Continue\r\nContent-Length: 1\r\n", "x"))[7] == "head-end expects");
  // No body, or a version without interim responses: nothing to wait for.
  CHECK(lines_of(get("/", "Expect: 100-continue\r\n"))[6] == "head-end");
  Answered request(post("Expect: 100-continue\r\nContent-Length: 1\r\n", ""));
  auto& out = request.conversation.out;
  request.conversation.codec.continue_100(1, out);
  request.conversation.codec.continue_100(1, out);
  CHECK(request.sent() == "HTTP/1.1 100 Continue\r\n\r\n");
  request.feed("x");
  CHECK(request.last.kind == Event::Kind::kBodyEnd);
  CHECK(request.respond(200, {}, "", true) == After::kKeep);
}

TEST_CASE("HttpCodec: a final response to who waits for 100 closes the connection [RFC 9110 10.1.1]") {
  Answered request(post("Expect: 100-continue\r\nContent-Length: 1\r\n", ""));
  CHECK(request.respond(200, {}, "", true) == After::kDrainThenClose);
  CHECK(request.sent().find("\r\nConnection: close\r\n") != std::string::npos);
}

// ---- refusals

TEST_CASE(
    "HttpCodec: what could be read in two ways is refused, and ends the connection [RFC 9112 6.3, 11.2]") {
  const std::string te = "Transfer-Encoding: chunked\r\n";
  check_refused(post("Content-Length: 5\r\n" + te, "0\r\n\r\n"), 400);
  check_refused(post(te + "Content-Length: 5\r\n", "0\r\n\r\n"), 400);
  check_refused(post("Content-Length: 5\r\nContent-Length: 6\r\n", "hello"), 400);
  check_refused(post("Content-Length: 5\r\nContent-Length: 5\r\n", "hello"), 400);
  for (const auto* length : {"+5", "-5", "5 5", "5,5", "0x5", "5a", "", "99999999999999999999999"})
    check_refused(post("Content-Length: "s + length + "\r\n", "hello"), 400);
  check_refused(post("Content-Length: 9000000000000000000\r\n", "hello"), 413);
  // Not ending in chunked: nobody knows where the body ends.
  for (const auto* coding :
       {"identity", "chunked, identity", "chunked, chunked", "xchunked", "gzip", "chunked;q=1", "chunked,",
        "\x0b"
        "chunked",
        "\"chunked\"", ""}) {
    CAPTURE(coding);
    check_refused(post("Transfer-Encoding: "s + coding + "\r\n", "0\r\n\r\n"), 400);
  }
  // Framed, but in a coding that is not spoken (RFC 9112 6.1).
  check_refused(post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"), 501);
  check_refused(post(te + te, "0\r\n\r\n"), 400);
  check_refused("POST / HTTP/1.0\r\n" + te + "\r\n0\r\n\r\n", 400);
}

TEST_CASE("HttpCodec: malformed lines are refused [RFC 9112 2.2, 5.1, 5.2]") {
  check_refused("GET / HTTP/1.1\nHost: a\r\n\r\n", 400);
  check_refused("GET / HTTP/1.1\r\nHost: a\n\r\n", 400);
  check_refused("GET / HTTP/1.1\r\nHost: a\r\n\n", 400);
  check_refused("GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400);
  check_refused("GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400);
  check_refused("GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", 400);
  check_refused("GET / HTTP/1.1\r\nHost: a\r\nX:\r\n b\r\n\r\n", 400);
  check_refused("GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n\tb\r\n\r\n", 400);
  check_refused("GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n", 400);
  check_refused("GET / HTTP/1.1\r\nHost: a\r\n: x\r\n\r\n", 400);
  check_refused("GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", 400);
  check_refused("GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n"s, 400);
  check_refused("GET / HTTP/1.1\r\nHost: a\r\nX\0: b\r\n\r\n"s, 400);
  check_refused("GET / HTTP/1.1\r\nHost: a\r\n\xc3\xa4: b\r\n\r\n", 400);
  // CVE-2023-30589: an empty line that ends in CR alone.
  check_refused("GET / HTTP/1.1\r\nHost: a\r\nX:\rY: b\r\n\r\n", 400);
  check_refused("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\rGET /x HTTP/1.1\r\n\r\n", 400);
}

TEST_CASE("HttpCodec: request lines that are none are refused [RFC 9112 3]") {
  check_refused("\x16\x03\x01\x02", 400);
  check_refused(" GET / HTTP/1.1\r\nHost: a\r\n\r\n", 400);
  check_refused("GET /\r\nHost: a\r\n\r\n", 400);
  check_refused("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400);
  check_refused("GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400);
  check_refused("GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n", 400);
  check_refused("GET /\xc3\xa4 HTTP/1.1\r\nHost: a\r\n\r\n", 400);
  check_refused("GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400);
  check_refused("GET / HTTPS/1.1\r\nHost: a\r\n\r\n", 400);
  check_refused("G\xc3\xa4T / HTTP/1.1\r\nHost: a\r\n\r\n", 400);
}

TEST_CASE("HttpCodec: there is one Host, but in HTTP/1.0 [RFC 9112 3.2]") {
  check_refused("GET / HTTP/1.1\r\n\r\n", 400);
  check_refused("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400);
  check_refused("GET / HTTP/1.0\r\nHost: a\r\nHOST: b\r\n\r\n", 400);
  check_refused("GET http://a/ HTTP/1.1\r\n\r\n", 400);
  CHECK(refusal("GET / HTTP/1.0\r\n\r\n") == 0);
  CHECK(refusal("GET / HTTP/1.1\r\nhost:\r\n\r\n") == 0);
}

TEST_CASE("HttpCodec: methods and versions that are not known are a 501 and a 505 [RFC 9110 9.1, 2.5]") {
  check_refused("BREW / HTTP/1.1\r\nHost: a\r\n\r\n", 501);
  check_refused("get / HTTP/1.1\r\nHost: a\r\n\r\n", 501);
  check_refused("CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", 501);
  check_refused("GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505);
  check_refused("GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505);
  check_refused("GET / HTTP/0.9\r\nHost: a\r\n\r\n", 505);
  check_refused("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505);
  // What else the parser knows.
  CHECK(refusal("DESCRIBE /x RTSP/1.0\r\nHost: a\r\n\r\n") != 0);
  CHECK(refusal("OPTIONS * RTSP/1.0\r\nHost: a\r\n\r\n") != 0);
  CHECK(refusal("SOURCE /x ICE/1.0\r\nHost: a\r\n\r\n") != 0);
}

TEST_CASE("HttpCodec: chunks that are none are refused [RFC 9112 7.1]") {
  const auto chunks = [](std::string_view body) { return post("Transfer-Encoding: chunked\r\n", body); };
  check_refused(chunks("5\r\nhelloX\r\n0\r\n\r\n"), 400);
  check_refused(chunks("5\r\nhello0\r\n\r\n"), 400);
  check_refused(chunks("5\nhello\r\n0\r\n\r\n"), 400);
  check_refused(chunks("5 \r\nhello\r\n0\r\n\r\n"), 400);
  check_refused(chunks("+5\r\nhello\r\n0\r\n\r\n"), 400);
  check_refused(chunks("0x5\r\nhello\r\n0\r\n\r\n"), 400);
  check_refused(chunks("\r\n"), 400);
  check_refused(chunks("g\r\n"), 400);
  check_refused(chunks("fffffffffffffffff\r\n"), 400);
  check_refused(chunks("1\r\nx\r\n0\r\nTrailer : a\r\n\r\n"), 400);
}

TEST_CASE("HttpCodec: heads are limited as in Kestrel, at the limit and one above it") {
  const auto line = [](std::size_t size) {
    const std::string rest = "GET / HTTP/1.1";
    return "GET /" + std::string(size - rest.size(), 'x') + " HTTP/1.1\r\nHost: a\r\n\r\n";
  };
  CHECK(refusal(line(8192)) == 0);
  CHECK(refusal(line(8193)) == 414);
  // "Host: a" and the CRLFs count.
  const auto fields = [](std::size_t size) {
    return get("/", "X: " + std::string(size - 9 - 5, 'x') + "\r\n");
  };
  CHECK(refusal(fields(32768)) == 0);
  CHECK(refusal(fields(32769)) == 431);
  const auto count = [](std::size_t number) {
    std::string all;
    for (std::size_t i = 1; i < number; ++i) all += "X: y\r\n";
    return get("/", all);
  };
  CHECK(refusal(count(100)) == 0);
  CHECK(refusal(count(101)) == 431);
}

TEST_CASE("HttpCodec: a head that never ends is refused as soon as it is too large") {
  CHECK(refusal("GET /" + std::string(8200, 'x')) == 414);
  CHECK(refusal("GET / HTTP/1.1\r\nX: " + std::string(33000, 'x')) == 431);
  std::string many = "GET / HTTP/1.1\r\n";
  for (int i = 0; i < 101; ++i) many += "X: y\r\n";
  CHECK(refusal(many) == 431);
  // Whole or in pieces: the limit counts before what only the end of the line shows.
  CHECK(refusal("GET /" + std::string(8200, 'x') + "\n") == 414);
  CHECK(refusal("GET / HTTP/1.1\r\nX: " + std::string(33000, 'x') + "\n") == 431);
}

TEST_CASE("HttpCodec: framing without data is limited: extensions, trailers [RFC 9112 7.1.1]") {
  const std::string te = "Transfer-Encoding: chunked\r\n";
  CHECK(refusal(post(te, "1;" + std::string(40'000, 'x') + "\r\nx\r\n0\r\n\r\n")) == 400);
  std::string trailers;
  for (int i = 0; i < 4000; ++i) trailers += "X: 12345\r\n";
  CHECK(refusal(post(te, "0\r\n" + trailers + "\r\n")) == 400);
  std::string small;
  for (int i = 0; i < 20'000; ++i) small += "1\r\nx\r\n";
  CHECK(refusal(post(te, small + "0\r\n\r\n")) == 0);
}

TEST_CASE(
    "HttpCodec: a head that does not come in time is a 408; between requests there is nothing to say [RFC "
    "9110 "
    "15.5.9]") {
  HttpConversation conversation(kSettings);
  CHECK_FALSE(conversation.codec.expire());
  conversation.feed("GET / HT");
  CHECK(conversation.codec.mid_message());
  CHECK(conversation.codec.expire());
  conversation.feed("");
  CHECK(conversation.lines() == Lines{"begin", "refused 408", "-> 408 drain"});
}

// ---- what follows an early response

TEST_CASE(
    "HttpCodec: the rest of a body that nobody reads is dropped, and the next request served [RFC 9112 "
    "9.3]") {
  const std::string bytes = post("Content-Length: 5\r\n", "hello") + get("/next");
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    HttpConversation conversation(kSettings);
    conversation.answer_at_head = true;
    conversation.feed(bytes.substr(0, cut));
    conversation.feed(bytes.substr(cut));
    CAPTURE(cut);
    REQUIRE(conversation.lines() == Lines{"begin", "Host=a", "Content-Length=5", ":method=POST", ":target=/",
                                          ":version=HTTP/1.1", "head-end", "-> 200 keep"} +
                                        got("/next") + Lines{"-> 200 keep"});
  }
}

TEST_CASE(
    "HttpCodec: with more of a body to come than is worth it the connection closes, and the response says so "
    "[RFC 9112 9.6]") {
  HttpSettings settings = kSettings;
  settings.limits.max_unread_bytes = 1000;
  for (const int more : {-1, 0, 1}) {
    const std::string body(static_cast<std::size_t>(1000 + more), 'x');
    HttpConversation conversation(settings);
    conversation.answer_at_head = true;
    conversation.feed(post("Content-Length: " + std::to_string(body.size()) + "\r\n", body) + get("/next"));
    CHECK(conversation.closed() == (more > 0));
    CHECK(conversation.lines().back() == (more > 0 ? "-> 200 drain" : "-> 200 keep"));
    CHECK((conversation.sent().find("Connection: close") == std::string::npos) == (more <= 0));
  }
  // What has come before the response does not count.
  HttpConversation late(settings);
  late.feed(post("Content-Length: 2000\r\n", std::string(1000, 'x')));
  late.answer(200);
  CHECK(late.lines().back() == "-> 200 keep");
}

TEST_CASE("HttpCodec: chunks that go on and on behind a response, or break off, end the connection [RFC 9112 7.1]") {
  HttpSettings settings = kSettings;
  settings.limits.max_unread_bytes = 1000;
  const std::string te = "Transfer-Encoding: chunked\r\n";
  for (const int more : {-1, 0, 1}) {
    HttpConversation conversation(settings);
    conversation.answer_at_head = true;
    // With "3dc", the line ends, and the last chunk.
    const std::size_t size = static_cast<std::size_t>(1000 + more) - 12;
    std::array<char, 8> digits{};
    std::snprintf(digits.data(), digits.size(), "%zx", size);
    conversation.feed(post(te, std::string(digits.data()) + "\r\n" + std::string(size, 'x') + "\r\n0\r\n\r\n"));
    CHECK(conversation.lines().back() == (more > 0 ? "drain" : "-> 200 keep"));
  }
  HttpConversation broken(settings);
  broken.answer_at_head = true;
  broken.feed(post(te, "5\r\nhello5"));
  CHECK(broken.lines().back() == "drain");
}

// ---- responses

TEST_CASE("HttpCodec: a response with a length, with Date and Server [RFC 9110 6.6.1, 10.2.4]") {
  Answered one(get());
  CHECK(one.respond(200, {{"Content-Length", "5"}, {"X", "y"}}, "hello") == After::kKeep);
  CHECK(one.sent() == "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: y\r\n" + kAlways + "\r\nhello");
  Answered own(get());
  own.respond(404, {{"date", "d"}, {"SERVER", "s"}}, "", true);
  CHECK(own.sent() == "HTTP/1.1 404 Not Found\r\ndate: d\r\nSERVER: s\r\nContent-Length: 0\r\n\r\n");
}

TEST_CASE("HttpCodec: a head that is given again is the same again, but for what belongs to its request") {
  middleware::ResponseHead same;
  std::string error;
  const middleware::FieldView fields[] = {{"Content-Length", "5"}, {"Content-Type", "text/html"}};
  middleware::ResponseHeadView view;
  view.fields = fields;
  REQUIRE(middleware::check_response_head(view, {}, same, error));
  HttpSettings settings = kSettings;
  const auto answer = [&](std::string_view request) {
    Answered one(request, settings);
    one.conversation.codec.head(1, same, one.conversation.out);
    return one.sent();
  };
  const std::string own = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Type: text/html\r\n";
  const std::string once = answer(get());
  CHECK(once == own + kAlways + "\r\n");
  CHECK(answer(get()) == once);
  CHECK(answer("GET / HTTP/1.0\r\n\r\n") == own + kAlways + "Connection: close\r\n\r\n");
  settings.server_name = "other";
  CHECK(answer(get()).find("Server: other\r\n") != std::string::npos);
  settings.html_suffix = "1234";
  CHECK(answer(get()).find("Content-Length: 9\r\n") != std::string::npos);
  settings = kSettings;
  CHECK(answer(get()) == once);
  // Its own Date and Server.
  const middleware::FieldView with_date[] = {{"Date", "d"}, {"Server", "s"}, {"Content-Length", "5"}};
  view.fields = with_date;
  REQUIRE(middleware::check_response_head(view, {}, same, error));
  const std::string dated = "HTTP/1.1 200 OK\r\nDate: d\r\nServer: s\r\nContent-Length: 5\r\n\r\n";
  CHECK(answer(get()) == dated);
  CHECK(answer(get()) == dated);
}

TEST_CASE(
    "HttpCodec: without a length a response is chunked; for HTTP/1.0 its end is that of the connection [RFC "
    "9112 6.3]") {
  Answered one(get());
  CHECK(one.respond(200, {}, "hello, chunked one") == After::kKeep);
  CHECK(one.sent() == "HTTP/1.1 200 OK\r\n" + kAlways +
                          "Transfer-Encoding: chunked\r\n\r\n12\r\nhello, chunked one\r\n0\r\n\r\n");
  Answered old("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  CHECK(old.respond(200, {}, "hello") == After::kClose);
  CHECK(old.sent() == "HTTP/1.1 200 OK\r\n" + kAlways + "Connection: close\r\n\r\nhello");
  Answered kept("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  CHECK(kept.respond(200, {{"Content-Length", "1"}}, "x") == After::kKeep);
  CHECK(kept.sent() ==
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n" + kAlways + "Connection: keep-alive\r\n\r\nx");
}

TEST_CASE("HttpCodec: HEAD, 204 and 304 have no body and no chunks [RFC 9110 9.3.2, 15.3.5, 15.4.5]") {
  Answered head("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(head.respond(200, {{"Content-Length", "5"}}, "hello", false, true) == After::kKeep);
  CHECK(head.sent() == "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n" + kAlways + "\r\n");
  for (const int status : {204, 304}) {
    Answered one(get());
    CHECK(one.respond(status, {}, "") == After::kKeep);
    CHECK(one.sent().find("chunked") == std::string::npos);
    CHECK(one.sent().ends_with("\r\n\r\n"));
  }
  // A page of the server for a HEAD whose request was never seen by a mapper.
  Answered refused("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
  refused.respond(503, {{"Content-Length", "5"}}, "hello");
  CHECK(refused.sent().ends_with("\r\n\r\n"));
}

TEST_CASE("HttpCodec: a body goes out of a pipe in chunks, no more than asked for") {
  Answered one(get());
  middleware::ResponseHeadView view;
  middleware::ResponseHead head;
  std::string error;
  REQUIRE(middleware::check_response_head(view, {}, head, error));
  auto& codec = one.conversation.codec;
  auto& out = one.conversation.out;
  codec.head(1, head, out);
  out.clear();
  middleware::BodyPipe pipe;
  const std::string text(100, 'x');
  REQUIRE(pipe.push(std::as_bytes(std::span(text))).bytes == 100);
  bool wake = false;
  CHECK(codec.body(1, pipe, 60, out, wake) == 60);
  CHECK(codec.body(1, pipe, 60, out, wake) == 40);
  CHECK(codec.body(1, pipe, 60, out, wake) == 0);
  CHECK(codec.end(1, Verdict::kComplete, out) == After::kKeep);
  CHECK(one.sent() ==
        "3c\r\n" + std::string(60, 'x') + "\r\n28\r\n" + std::string(40, 'x') + "\r\n0\r\n\r\n");
}

TEST_CASE("HttpCodec: a failure cuts the message: no last chunk [RFC 9112 8]") {
  Answered one(get());
  middleware::ResponseHeadView view;
  middleware::ResponseHead head;
  std::string error;
  REQUIRE(middleware::check_response_head(view, {}, head, error));
  auto& codec = one.conversation.codec;
  codec.head(1, head, one.conversation.out);
  codec.body(1, "half", one.conversation.out);
  CHECK(codec.fail(1, false, false, one.conversation.out) == Failure::kClose);
  CHECK(one.sent().ends_with("\r\n\r\n4\r\nhalf\r\n"));
}

TEST_CASE("HttpCodec: while draining, responses say that the connection closes") {
  Answered one(get());
  one.conversation.codec.drain();
  CHECK(one.respond(200, {}, "", true) == After::kClose);
  CHECK(one.sent().find("\r\nConnection: close\r\n") != std::string::npos);
}

TEST_CASE("HttpCodec: an error that comes before the body's end closes the connection [RFC 9110 15.5.14]") {
  Answered one(post("Content-Length: 50\r\n", "hello"));
  CHECK(one.respond(413, {}, "", true) == After::kDrainThenClose);
  CHECK(one.sent().find("\r\nConnection: close\r\n") != std::string::npos);
}

TEST_CASE("HttpCodec: the ends of the connection are parts of every head") {
  HttpConversation conversation(kSettings, {"192.0.2.7", "51234", "198.51.100.2", "80"});
  conversation.feed(get());
  CHECK(conversation.lines() == Lines{"begin", "Host=a", ":method=GET", ":target=/", ":version=HTTP/1.1",
                                      ":remote-ip=192.0.2.7", ":remote-port=51234", ":local-ip=198.51.100.2",
                                      ":local-port=80", "head-end", "body-end", "-> 200 keep"});
}

}  // namespace owind::protocol::testing
