// What of a response head may be sent, each rule at its edges.
#include "middleware/response_rules.hpp"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "middleware/limits.hpp"

using namespace owind::middleware;
using namespace std::string_literals;

namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

struct Checked {
  bool allowed = false;
  std::string error;
  ResponseHead head;

  /// The fields as lines.
  std::vector<std::string> fields() const {
    std::vector<std::string> lines;
    for (std::size_t i = 0; i < head.field_count(); ++i)
      lines.push_back(std::string(head.field(i).name) + ": " + std::string(head.field(i).value));
    return lines;
  }
};
using Lines = std::vector<std::string>;

struct Given {
  int status = 200;
  std::string reason{};
  Fields fields{};
  bool no_body_follows = false;
  bool unbuffered = false;
  ResponseContext context{};
};

Checked check(const Given& given) {
  std::vector<FieldView> views;
  for (const auto& [name, value] : given.fields) views.push_back({name, value});
  const ResponseHeadView view{given.status, given.reason, views, given.no_body_follows, given.unbuffered};
  Checked checked;
  // What was there before must not be seen.
  checked.head.add("X-Old", "old");
  checked.head.set_reason("Old");
  checked.head.content_length = 99;
  checked.head.body_swallowed = true;
  checked.allowed = check_response_head(view, given.context, checked.head, checked.error);
  CHECK(checked.allowed == checked.error.empty());
  return checked;
}
Checked with_field(std::string name, std::string value) {
  return check({.fields = {{std::move(name), std::move(value)}}});
}

}  // namespace

TEST_CASE("check_response_head: a plain head passes as it is, in its order") {
  const Checked checked = check({.fields = {{"Content-Type", "text/plain"},
                                            {"Set-Cookie", "a=1"},
                                            {"set-cookie", "b=2; path=/"},
                                            {"X-Empty", ""}}});
  REQUIRE(checked.allowed);
  CHECK(checked.fields() ==
        Lines{"Content-Type: text/plain", "Set-Cookie: a=1", "set-cookie: b=2; path=/", "X-Empty: "});
  CHECK(checked.head.status == 200);
  CHECK(checked.head.reason() == "OK");
  CHECK(checked.head.content_length == -1);
  CHECK(!checked.head.body_swallowed);
  CHECK(!checked.head.unbuffered);
}

TEST_CASE("check_response_head: the status is 200 to 999 [RFC 9110 15]") {
  for (const int status : {200, 201, 299, 404, 599, 600, 999}) CHECK(check({.status = status}).allowed);
  for (const int status : {-1, 0, 99, 1000, 2147483647, -2147483647 - 1}) {
    const Checked checked = check({.status = status});
    CHECK(!checked.allowed);
    CHECK(checked.error.find(std::to_string(status)) != std::string::npos);
  }
}

TEST_CASE(
    "check_response_head: interim responses pass only where the protocol carries them [RFC 9110 15.2]") {
  for (const int status : {100, 101, 103, 199}) {
    CHECK(!check({.status = status}).allowed);
    const Checked checked = check({.status = status, .context = {.can_switch_protocols = true}});
    CHECK(checked.allowed);
    CHECK(checked.head.body_swallowed);
  }
  CHECK(!check({.status = 99, .context = {.can_switch_protocols = true}}).allowed);
}

TEST_CASE(
    "check_response_head: the reason is the application's own, else the standard one, without blanks around "
    "it") {
  CHECK(check({.status = 201, .reason = "Awesome"}).head.reason() == "Awesome");
  CHECK(check({.status = 201, .reason = " Awe some\t"}).head.reason() == "Awe some");
  CHECK(check({.status = 201, .reason = " \t "}).head.reason() == "Created");
  CHECK(check({.status = 201}).head.reason() == "Created");
  CHECK(check({.status = 799}).head.reason() == "Unknown");
}

TEST_CASE(
    "check_response_head: CR, LF and NUL are refused in reason and values, wherever they stand [RFC 9110 "
    "5.5]") {
  for (const char c : {'\r', '\n', '\0'}) {
    for (const std::string& text :
         {std::string(1, c), "a"s + c, c + "a"s, "a"s + c + "b", "a\r\nSet-Cookie: x"s + c}) {
      CHECK(!check({.reason = text}).allowed);
      const Checked checked = with_field("X-Name", text);
      CHECK(!checked.allowed);
      CHECK(checked.error.find("X-Name") != std::string::npos);
    }
  }
  for (const auto* text : {"\t", "\x01", "\x7f", "\x80\xff", "caf\xc3\xa9"}) {
    CHECK(with_field("X-Name", text).allowed);
    CHECK(check({.reason = text}).allowed);
  }
}

TEST_CASE("check_response_head: names are tokens [RFC 9110 5.6.2]") {
  CHECK(!with_field("", "x").allowed);
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    const bool token = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                       (c != '\0' && "!#$%&'*+-.^_`|~"s.find(c) != std::string::npos);
    CAPTURE(byte);
    CHECK(with_field(std::string(1, c), "x").allowed == token);
    CHECK(with_field("X"s + c + "Y", "x").allowed == token);
  }
}

TEST_CASE(
    "check_response_head: an error repeats no byte of a name that could break a line or a page, and no more "
    "than 64") {
  const Checked checked = with_field("Bad\r\n\x1b\xff" + std::string(1000, 'x'), "x");
  CHECK(!checked.allowed);
  for (const char c : checked.error)
    CHECK((static_cast<unsigned char>(c) >= 0x20 && static_cast<unsigned char>(c) != 0x7f));
  CHECK(checked.error.find("Bad????x") != std::string::npos);
  CHECK(checked.error.size() < 200);
}

TEST_CASE(
    "check_response_head: hop-by-hop fields are dropped, in any case; names that only look like them stay") {
  for (const auto* name : {"Connection", "KEEP-ALIVE", "proxy-connection", "te", "TE", "Trailer",
                           "Transfer-Encoding", "Upgrade"})
    CHECK(with_field(name, "x").fields().empty());
  for (const auto* name : {"Connections", "Keep_Alive", "T", "Tee", "Trailers", "Transfer-Encodings",
                           "Upgrades", "X-Upgrade", "Upgrad"})
    CHECK(with_field(name, "x").fields().size() == 1);
  // Dropped, but not unchecked.
  CHECK(!with_field("Transfer-Encoding", "chunked\r\nX: y").allowed);
}

TEST_CASE("check_response_head: Content-Length is a number of 1 to 18 digits [RFC 9110 8.6]") {
  const auto length = [](const char* value) {
    return with_field("content-LENGTH", value).head.content_length;
  };
  CHECK(length("0") == 0);
  CHECK(length("0042") == 42);
  CHECK(length(" 42\t") == 42);
  CHECK(length("999999999999999999") == 999'999'999'999'999'999);
  CHECK(with_field("content-LENGTH", " 0042 ").fields() == Lines{"Content-Length: 42"});
  for (const auto* value : {"", " ", "-1", "+1", "1000000000000000000", "99999999999999999999999", "1 2",
                            "1,1", "0x1", "1.0", "a"}) {
    const Checked checked = with_field("Content-Length", value);
    CHECK(!checked.allowed);
    CHECK(checked.error.find("Content-Length") != std::string::npos);
  }
}

TEST_CASE("check_response_head: equal lengths become one, different ones are refused [RFC 9110 8.6]") {
  const Checked same = check({.fields = {{"Content-Length", "5"}, {"A", "b"}, {"content-length", "05"}}});
  CHECK(same.fields() == Lines{"Content-Length: 5", "A: b"});
  CHECK(same.head.content_length == 5);
  CHECK(!check({.fields = {{"Content-Length", "5"}, {"Content-Length", "6"}}}).allowed);
  CHECK(!check({.fields = {{"Content-Length", "0"}, {"Content-Length", "1"}}}).allowed);
}

TEST_CASE(
    "check_response_head: a 204 and interim responses state no length, a 304 and HEAD may [RFC 9110 8.6, "
    "15.3.5]") {
  CHECK(
      check({.status = 204, .fields = {{"Content-Length", "5"}, {"Content-Length", "5"}}}).fields().empty());
  CHECK(check({.status = 103, .fields = {{"Content-Length", "5"}}, .context = {.can_switch_protocols = true}})
            .fields()
            .empty());
  CHECK(check({.status = 304, .fields = {{"Content-Length", "5"}}}).fields() == Lines{"Content-Length: 5"});
  CHECK(check({.fields = {{"Content-Length", "5"}}, .context = {.is_head_request = true}}).fields() ==
        Lines{"Content-Length: 5"});
  CHECK(!check({.status = 204, .fields = {{"Content-Length", "x"}}}).allowed);
}

TEST_CASE("check_response_head: bodies of HEAD, 204 and 304 are swallowed, no others [RFC 9110 6.4.1]") {
  CHECK(check({.context = {.is_head_request = true}}).head.body_swallowed);
  CHECK(check({.status = 204}).head.body_swallowed);
  CHECK(check({.status = 304}).head.body_swallowed);
  for (const int status : {200, 203, 205, 206, 303, 305, 404, 500})
    CHECK(!check({.status = status}).head.body_swallowed);
}

TEST_CASE("check_response_head: a response without a body states the length 0 where nothing else says it") {
  CHECK(check({.no_body_follows = true}).fields() == Lines{"Content-Length: 0"});
  CHECK(check({.no_body_follows = true}).head.content_length == 0);
  CHECK(check({.status = 404, .no_body_follows = true}).fields() == Lines{"Content-Length: 0"});
  CHECK(check({.fields = {{"Content-Length", "7"}}, .no_body_follows = true}).fields() ==
        Lines{"Content-Length: 7"});
  CHECK(check({.status = 204, .no_body_follows = true}).fields().empty());
  CHECK(check({.status = 304, .no_body_follows = true}).fields().empty());
  CHECK(check({.no_body_follows = true, .context = {.is_head_request = true}}).fields().empty());
}

TEST_CASE("check_response_head: the wish to pass bytes on at once is kept") {
  CHECK(check({.unbuffered = true}).head.unbuffered);
}

TEST_CASE("check_response_head: a head of exactly the limit passes, one byte more does not") {
  // "OK", and for each field its name, value, colon, blank and line end.
  constexpr std::size_t kRest = kMaxResponseHeadBytes - 2 - 4 - 1;
  CHECK(with_field("X", std::string(kRest - 1, 'v')).allowed);
  const Checked full = with_field("X", std::string(kRest, 'v'));
  CHECK(full.allowed);
  CHECK(full.head.size_bytes() == kMaxResponseHeadBytes);
  const Checked over = with_field("X", std::string(kRest + 1, 'v'));
  CHECK(!over.allowed);
  CHECK(over.error.find(std::to_string(kMaxResponseHeadBytes)) != std::string::npos);
}

TEST_CASE("check_response_head: the limit counts all fields, the reason, and a length that is added") {
  const Fields most(kMaxResponseHeadBytes / 8, {"A", "123"});
  const std::size_t room = kMaxResponseHeadBytes % 8;
  CHECK(room == 0);
  // The reason takes 2 bytes, so one field of 8 is too many.
  CHECK(!check({.fields = most}).allowed);
  const Fields fewer(most.begin() + 1, most.end());
  CHECK(check({.fields = fewer}).allowed);
  CHECK(check({.reason = "12345678", .fields = fewer}).allowed);
  CHECK(!check({.reason = "123456789", .fields = fewer}).allowed);
  CHECK(!check({.fields = fewer, .no_body_follows = true}).allowed);
  CHECK(!with_field("X", std::string(10'000'000, 'v')).allowed);
  CHECK(!check({.reason = std::string(kMaxResponseHeadBytes + 1, 'r')}).allowed);
  // What is dropped does not count.
  CHECK(with_field("Connection", std::string(kMaxResponseHeadBytes, 'v')).allowed);
}

TEST_CASE("check_response_head: the same head object serves one response after another") {
  ResponseHead head;
  std::string error;
  const std::vector<FieldView> fields{{"X-A", "1"}, {"Content-Length", "3"}};
  REQUIRE(check_response_head({404, "Nope", fields, false, true}, {true, false}, head, error));
  REQUIRE(check_response_head({200, {}, {}, false, false}, {}, head, error));
  CHECK(head.status == 200);
  CHECK(head.reason() == "OK");
  CHECK(head.field_count() == 0);
  CHECK(head.content_length == -1);
  CHECK(!head.unbuffered);
  CHECK(!head.body_swallowed);
}

TEST_CASE("standard_reason: the registered phrases, and one for all others [RFC 9110 15]") {
  CHECK(standard_reason(200) == "OK");
  CHECK(standard_reason(404) == "Not Found");
  CHECK(standard_reason(413) == "Content Too Large");
  CHECK(standard_reason(503) == "Service Unavailable");
  for (const int status : {-1, 0, 299, 306, 418 + 1, 999, 1000}) CHECK(standard_reason(status) == "Unknown");
  for (int status = 0; status < 1100; ++status)
    for (const char c : standard_reason(status))
      CHECK((c == ' ' || c == '\'' || c == '-' || (c >= 'A' && c <= 'z')));
}
