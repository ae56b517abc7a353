// Any variables, mapped under every choice of options: what OWIN promises its applications holds for each
// request that is let through (OWIN 1.0.1 §3.2.1, §5), and mapping the same again gives the same.
#include <string>
#include <vector>

#include "server/protocol/fastcgi_mapper.hpp"
#include "server/protocol/header_name.hpp"
#include "tests/fuzz/fuzz_input.hpp"

using namespace owind::middleware;
using namespace owind::protocol;
using owind::fuzz::require;

namespace {

struct Variable {
  std::string name;
  std::string value;
};

/// Names that mean something, so that they are met often: the first byte of a line chooses one, or that the
/// line has its own.
constexpr std::string_view kNames[] = {"REQUEST_METHOD",
                                       "REQUEST_URI",
                                       "QUERY_STRING",
                                       "SCRIPT_NAME",
                                       "PATH_INFO",
                                       "DOCUMENT_URI",
                                       "CONTENT_TYPE",
                                       "CONTENT_LENGTH",
                                       "SERVER_NAME",
                                       "SERVER_ADDR",
                                       "SERVER_PORT",
                                       "SERVER_PROTOCOL",
                                       "REMOTE_ADDR",
                                       "REMOTE_PORT",
                                       "REMOTE_USER",
                                       "REQUEST_SCHEME",
                                       "HTTPS",
                                       "REQUEST_ID",
                                       "SSL_CLIENT_CERT",
                                       "SSL_CLIENT_VERIFY",
                                       "HTTP_HOST",
                                       "HTTP_COOKIE",
                                       "HTTP_CONTENT_TYPE",
                                       "HTTP_CONTENT_LENGTH",
                                       "HTTP_TRANSFER_ENCODING",
                                       "HTTP_PROXY",
                                       "HTTP_X_FORWARDED_FOR",
                                       "HTTP_FORWARDED",
                                       "HTTP_X_FORWARDED_PROTO"};

/// Lines, each a variable: a letter for one of kNames and then the value, or `=` and NAME:VALUE.
std::vector<Variable> variables_of(std::string_view data) {
  std::vector<Variable> variables;
  while (!data.empty()) {
    const std::size_t end = std::min(data.find('\n'), data.size());
    const std::string_view line = data.substr(0, end);
    data.remove_prefix(std::min(end + 1, data.size()));
    if (line.empty()) continue;
    if (line[0] == '=') {
      const std::size_t colon = std::min(line.find(':'), line.size());
      variables.push_back({std::string(line.substr(1, colon - 1)),
                           std::string(line.substr(std::min(colon + 1, line.size())))});
    } else {
      const std::size_t index = static_cast<unsigned char>(line[0] - 'A') % std::size(kNames);
      variables.push_back({std::string(kNames[index]), std::string(line.substr(1))});
    }
  }
  return variables;
}

/// A dot segment, which no path has any more.
bool has_dot_segment(std::string_view path) {
  while (!path.empty()) {
    path.remove_prefix(1);
    const std::size_t end = std::min(path.find('/'), path.size());
    const std::string_view segment = path.substr(0, end);
    if (segment == "." || segment == "..") return true;
    path.remove_prefix(end);
  }
  return false;
}

bool is_number(std::string_view text, std::size_t most) {
  return !text.empty() && text.size() <= most &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::size_t count_of(RequestBlock& block, std::string_view name) {
  std::size_t count = 0;
  for (const FieldSlice& field : block.fields())
    count += equals_ignore_case(block.view(field.name), name) ? 1 : 0;
  return count;
}

void check_fields(RequestBlock& block) {
  for (const FieldSlice& field : block.fields())
    require(is_token(block.view(field.name)), "names are tokens");
  require(count_of(block, "Host") == 1 && !block.view(block.find("Host")->value).empty(),
          "there is one Host");
  require(count_of(block, "Proxy") == 0, "there is no Proxy");
  require(count_of(block, "Cookie") <= 1, "there is at most one Cookie");
  require(count_of(block, "Content-Type") <= 1, "there is at most one Content-Type");
  const std::size_t lengths = count_of(block, "Content-Length");
  require(lengths == (block.content_length() >= 0 ? 1 : 0),
          "the field is there exactly when a length is known");
  if (lengths == 1) {
    require(is_number(block.view(block.find("Content-Length")->value), 18), "a length is a number");
    require(count_of(block, "Transfer-Encoding") == 0, "a known length is the only framing");
  }
}

void check_slots(const RequestBlock& block, const PathOptions& options) {
  const std::string_view base = block.get(Slot::kPathBase);
  const std::string_view path = block.get(Slot::kPath);
  require(base.empty() || (base.front() == '/' && base.back() != '/'),
          "a base starts with a slash and ends without one");
  require(path.empty() ? !base.empty() : path.front() == '/',
          "a path starts with a slash, or is empty behind a base");
  require(path.find('\0') == path.npos && base.find('\0') == base.npos, "there is no NUL in a path");
  require(!has_dot_segment(path) && !has_dot_segment(base), "there are no dot segments");
  if (options.mapping != PathOptions::Mapping::kPathInfo)
    require(base.empty() || equals_ignore_case(base, options.path_base), "a base is the configured one");
  require(is_token(block.get(Slot::kMethod)), "a method is a token");
  require(block.get(Slot::kScheme) == "http" || block.get(Slot::kScheme) == "https",
          "a scheme is http or https");
  require(!block.get(Slot::kProtocol).empty(), "there is a protocol");
  for (const Slot slot : {Slot::kRemoteIp, Slot::kLocalIp})
    require(!block.get(slot).empty(), "there is an address");
  for (const Slot slot : {Slot::kRemotePort, Slot::kLocalPort})
    require(is_number(block.get(slot), 5), "a port is a number");
  for (const Slot slot : {Slot::kPathBase, Slot::kPath, Slot::kQueryString})
    require(block.has(slot), "required strings are there, if empty");
}

struct Mapped {
  explicit Mapped(BlockPool& pool) : block(pool) {}
  ~Mapped() { block.close(); }
  RequestBlock block;
  HeadVerdict verdict;
};

void map(const FastCgiMapper& mapper, const std::vector<Variable>& variables, Mapped& to) {
  HeadState state;
  require(to.block.begin(), "memory for a block");
  for (const Variable& variable : variables) mapper.part(to.block, state, variable.name, variable.value);
  to.verdict = mapper.end(to.block, state);
  if (to.verdict.status == 0) require(to.block.seal(), "memory for the fields");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  owind::fuzz::Input input(data, size);
  PathOptions options;
  options.mapping = static_cast<PathOptions::Mapping>(input.choose(3));
  options.encoded_slash = static_cast<EncodedSlash>(input.choose(3));
  if (input.choose(2) == 1) options.path_base = "/App";
  ForwardedTrust trust;
  if (input.choose(2) == 1)
    trust = ForwardedTrust({*parse_ip_network("127.0.0.1"), *parse_ip_network("192.0.2.0/24"),
                            *parse_ip_network("2001:db8::/32")});
  const FastCgiMapper mapper(options, trust);
  const std::vector<Variable> variables = variables_of(input.data());

  BlockPool pool;
  Mapped first(pool);
  map(mapper, variables, first);
  require(first.verdict.status == 0 || first.verdict.status == 400, "a request runs or is a 400");
  require((first.verdict.status == 0) == first.verdict.reason.empty(), "a refusal has a reason");
  if (first.verdict.status == 0) {
    check_slots(first.block, mapper.options());
    check_fields(first.block);
  }

  // Over memory that another request has left behind.
  Mapped second(pool);
  map(mapper, {{"REQUEST_METHOD", "POST"}, {"REQUEST_URI", "/left%20behind"}, {"HTTP_COOKIE", "left=behind"}},
      second);
  second.block.close();
  map(mapper, variables, second);
  require(second.verdict.status == first.verdict.status, "the same verdict again");
  if (first.verdict.status == 0) {
    require(second.block.size_bytes() == first.block.size_bytes(), "the same size again");
    for (std::size_t i = 0; i < static_cast<std::size_t>(Slot::kCount); ++i)
      require(first.block.get(static_cast<Slot>(i)) == second.block.get(static_cast<Slot>(i)),
              "the same slots again");
  }
  return 0;
}
