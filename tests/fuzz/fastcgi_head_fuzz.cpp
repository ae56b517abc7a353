// Any response head that an application may give: either it is refused with a reason, or what goes to the
// front end is one well-formed CGI head (RFC 3875 §6.3) from which nothing that the application put into a
// value can be read as a line of its own.
#include <string>
#include <vector>

#include "fastcgi/cgi_response.hpp"
#include "middleware/limits.hpp"
#include "middleware/response_rules.hpp"
#include "tests/fuzz/fuzz_input.hpp"

using namespace owind;
using fuzz::require;

namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

/// The data up to the next 0x1f, which it loses.
std::string_view take(std::string_view& data) {
  const std::size_t end = std::min(data.find('\x1f'), data.size());
  const auto part = data.substr(0, end);
  data.remove_prefix(std::min(end + 1, data.size()));
  return part;
}

void check_head(const middleware::ResponseHead& head, std::size_t given) {
  std::vector<fastcgi::CgiField> fields;
  for (std::size_t i = 0; i < head.field_count(); ++i)
    fields.push_back({head.field(i).name, head.field(i).value});
  const fastcgi::CgiHead cgi{static_cast<std::uint16_t>(head.status), head.reason(), fields};
  std::vector<std::byte> out;
  fastcgi::append_cgi_head(out, cgi);
  require(out.size() == fastcgi::cgi_head_size(cgi), "a head has the size that was told beforehand");
  // Without a reason there is one all the same.
  const fastcgi::CgiHead bare{cgi.status, {}, {}};
  std::vector<std::byte> made_up;
  fastcgi::append_cgi_head(made_up, bare);
  require(made_up.size() == fastcgi::cgi_head_size(bare) &&
              made_up.size() > std::string_view("Status: 200 \r\n\r\n").size(),
          "a reason is made up");
  std::string_view text(reinterpret_cast<const char*>(out.data()), out.size());
  require(("\r\n" + std::string(text)).find("\r\nStatus: " + std::to_string(head.status) + " ") !=
              std::string::npos,
          "a head has its status");
  require(text.ends_with("\r\n\r\n"), "a head ends with an empty line");
  require(text.find('\0') == std::string_view::npos, "no NUL in a head");
  std::size_t lines = 0, lengths = 0, statuses = 0;
  while (text != "\r\n") {
    const std::size_t end = text.find("\r\n");
    require(end != 0 && end != std::string_view::npos, "one empty line, at the end");
    const auto line = text.substr(0, end);
    require(line.find_first_of("\r\n") == std::string_view::npos, "no half of a line end inside a line");
    const std::size_t colon = line.find(':');
    require(colon != 0 && colon != std::string_view::npos, "every line has a name");
    const std::string name = lower(line.substr(0, colon));
    lengths += name == "content-length";
    statuses += name == "status";
    for (const char* dropped :
         {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"})
      require(name != dropped, "what belongs to a connection does not pass");
    text.remove_prefix(end + 2);
    ++lines;
  }
  require(lengths <= 1, "one Content-Length at most");
  require(statuses == 1, "one Status");
  require(lines <= given + 2, "no line that was not given, but Status and Content-Length");
  require(head.status >= 200 && head.status <= 999, "a status that FastCGI can carry");
  require(!head.reason().empty(), "a reason");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  std::string_view rest = input.data();
  middleware::ResponseHeadView view;
  view.status = static_cast<int>(input.choose(4) == 0 ? input.choose(1200) : 200 + input.choose(310));
  view.no_body_follows = input.choose(2) == 0;
  view.unbuffered = input.choose(2) == 0;
  view.reason = take(rest);
  std::vector<middleware::FieldView> fields;
  while (!rest.empty()) {
    const auto name = take(rest);
    fields.push_back({name, take(rest)});
  }
  view.fields = fields;
  // Used before: nothing of it may be left.
  middleware::ResponseHead head;
  head.add("X-Before", "1");
  std::string error;
  const middleware::ResponseContext context{input.choose(2) == 0, false};
  if (middleware::check_response_head(view, context, head, error))
    check_head(head, fields.size());
  else
    require(!error.empty(), "a refusal has a reason");
  return 0;
}
