// A request as FastCgiMapper makes it from a list of variables, and reads of what it holds.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/protocol/fastcgi_mapper.hpp"

namespace owind::protocol::testing {

using Params = std::vector<std::pair<std::string, std::string>>;

/// What nginx 1.22.1 sends with its stock fastcgi_params, in that order.
inline Params nginx_params() {
  return {{"QUERY_STRING", "a=1&b=%20"},
          {"REQUEST_METHOD", "GET"},
          {"CONTENT_TYPE", ""},
          {"CONTENT_LENGTH", ""},
          {"SCRIPT_NAME", "/items/list"},
          {"REQUEST_URI", "/items/list?a=1&b=%20"},
          {"DOCUMENT_URI", "/items/list"},
          {"DOCUMENT_ROOT", "/usr/share/nginx/html"},
          {"SERVER_PROTOCOL", "HTTP/1.1"},
          {"REQUEST_SCHEME", "http"},
          {"GATEWAY_INTERFACE", "CGI/1.1"},
          {"SERVER_SOFTWARE", "nginx/1.22.1"},
          {"REMOTE_ADDR", "192.0.2.7"},
          {"REMOTE_PORT", "51234"},
          {"SERVER_ADDR", "198.51.100.2"},
          {"SERVER_PORT", "80"},
          {"SERVER_NAME", "example.com"},
          {"REDIRECT_STATUS", "200"},
          {"HTTP_HOST", "example.com"},
          {"HTTP_USER_AGENT", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"},
          {"HTTP_ACCEPT", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"},
          {"HTTP_ACCEPT_LANGUAGE", "en-US,en;q=0.5"},
          {"HTTP_ACCEPT_ENCODING", "gzip, deflate, br"},
          {"HTTP_CONNECTION", "keep-alive"},
          {"HTTP_COOKIE", "session=0123456789abcdef0123456789abcdef"}};
}

/// `params` with `changes`: a variable that is there gets the new value, others are appended.
inline Params with(Params params, const Params& changes) {
  for (const auto& change : changes) {
    bool found = false;
    for (auto& param : params)
      if (param.first == change.first) {
        param.second = change.second;
        found = true;
        break;
      }
    if (!found) params.push_back(change);
  }
  return params;
}
inline Params without(Params params, std::string_view name) {
  std::erase_if(params, [&](const auto& param) { return param.first == name; });
  return params;
}

class MappedRequest {
 public:
  explicit MappedRequest(const Params& params, PathOptions options = {}, ForwardedTrust trust = {})
      : mapper_(std::move(options), std::move(trust)) {
    map(params);
  }
  ~MappedRequest() { block.close(); }

  /// One more request over the same block.
  void map(const Params& params) {
    block.close();
    state = {};
    if (!block.begin()) return;
    for (const auto& [name, value] : params) mapper_.part(block, state, name, value);
    verdict = mapper_.end(block, state);
    if (verdict.status == 0 && !block.seal()) verdict = {503, "seal"};
  }

  std::string_view get(middleware::Slot slot) const { return block.get(slot); }
  std::string_view path() const { return get(middleware::Slot::kPath); }
  std::string_view path_base() const { return get(middleware::Slot::kPathBase); }
  std::string_view query() const { return get(middleware::Slot::kQueryString); }
  std::string_view scheme() const { return get(middleware::Slot::kScheme); }
  bool has_flag(middleware::RequestFlags flag) const { return (block.flags() & flag) != 0; }

  /// The fields as `Name: value` lines, in their order.
  std::vector<std::string> fields() {
    std::vector<std::string> lines;
    for (const auto& field : block.fields())
      lines.push_back(std::string(block.view(field.name)) + ": " + std::string(block.view(field.value)));
    return lines;
  }
  /// All values of one name, each behind a `|`; "" when there is no such field.
  std::string values(std::string_view name) {
    std::string all;
    for (const auto& field : block.fields())
      if (middleware::equals_ignore_case(block.view(field.name), name))
        all.append("|").append(block.view(field.value));
    return all;
  }

 private:
  FastCgiMapper mapper_;

 public:
  middleware::BlockPool pool;
  middleware::RequestBlock block{pool};
  HeadState state;
  HeadVerdict verdict;
};

}  // namespace owind::protocol::testing
