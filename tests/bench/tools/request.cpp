#include "request.hpp"

#include <algorithm>
#include <string_view>

namespace owind::bench {
namespace {

enum RecordType { kBegin = 1, kParams = 4, kStdin = 5 };

void append_record(std::string& out, int type, int request_id, std::string_view content) {
  std::size_t position = 0;
  do {
    const std::size_t count = std::min<std::size_t>(65528, content.size() - position);
    const std::size_t padding = (8 - count % 8) % 8;
    const char header[8] = {1,
                            static_cast<char>(type),
                            static_cast<char>(request_id >> 8),
                            static_cast<char>(request_id),
                            static_cast<char>(count >> 8),
                            static_cast<char>(count),
                            static_cast<char>(padding),
                            0};
    out.append(header, 8);
    out.append(content.substr(position, count));
    out.append(padding, 0);
    position += count;
  } while (position < content.size());
}

void append_length(std::string& out, std::size_t length) {
  if (length < 128) {
    out.push_back(static_cast<char>(length));
    return;
  }
  for (int shift = 24; shift >= 0; shift -= 8) {
    out.push_back(static_cast<char>((length >> shift) | (shift == 24 ? 0x80u : 0u)));
  }
}

void append_pair(std::string& out, std::string_view name, std::string_view value) {
  append_length(out, name.size());
  append_length(out, value.size());
  out.append(name).append(value);
}

}  // namespace

std::string request_bytes(const Options& options, int request_id) {
  const std::size_t mark = options.uri.find('?');
  const std::string path = options.uri.substr(0, mark);
  const std::string query = mark == std::string::npos ? "" : options.uri.substr(mark + 1);
  const std::string script = options.script.empty() ? path : options.script;
  const bool post = options.body_bytes > 0;

  std::string params;
  append_pair(params, "QUERY_STRING", query);
  append_pair(params, "REQUEST_METHOD", post ? "POST" : "GET");
  append_pair(params, "CONTENT_TYPE", post ? "application/octet-stream" : "");
  append_pair(params, "CONTENT_LENGTH", post ? std::to_string(options.body_bytes) : "");
  append_pair(params, "SCRIPT_FILENAME", options.root + script);
  append_pair(params, "SCRIPT_NAME", script);
  append_pair(params, "REQUEST_URI", options.uri);
  append_pair(params, "DOCUMENT_URI", path);
  append_pair(params, "DOCUMENT_ROOT", options.root);
  append_pair(params, "SERVER_PROTOCOL", "HTTP/1.1");
  append_pair(params, "REQUEST_SCHEME", "http");
  append_pair(params, "GATEWAY_INTERFACE", "CGI/1.1");
  append_pair(params, "SERVER_SOFTWARE", "nginx/1.22.1");
  append_pair(params, "REMOTE_ADDR", "127.0.0.1");
  append_pair(params, "REMOTE_PORT", "51234");
  append_pair(params, "SERVER_ADDR", "127.0.0.1");
  append_pair(params, "SERVER_PORT", "8080");
  append_pair(params, "SERVER_NAME", "localhost");
  append_pair(params, "REDIRECT_STATUS", "200");
  append_pair(params, "HTTP_HOST", "localhost:8080");
  append_pair(params, "HTTP_USER_AGENT",
              "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0");
  append_pair(params, "HTTP_ACCEPT", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8");
  append_pair(params, "HTTP_ACCEPT_LANGUAGE", "en-US,en;q=0.5");
  append_pair(params, "HTTP_ACCEPT_ENCODING", "gzip, deflate, br");
  append_pair(params, "HTTP_CONNECTION", "keep-alive");
  append_pair(params, "HTTP_COOKIE", "session=0123456789abcdef0123456789abcdef; theme=dark");

  std::string begin("\0\1\0\0\0\0\0\0", 8);
  begin[2] = options.keep ? 1 : 0;
  std::string out;
  append_record(out, kBegin, request_id, begin);
  append_record(out, kParams, request_id, params);
  append_record(out, kParams, request_id, "");
  if (post)
    append_record(out, kStdin, request_id, std::string(static_cast<std::size_t>(options.body_bytes), 'x'));
  append_record(out, kStdin, request_id, "");
  return out;
}

}  // namespace owind::bench
