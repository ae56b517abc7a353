// A visitor for tests: one connection, HTTP by hand. Sends whatever bytes it is told and takes responses
// apart without the code under test. Calls block until there is an answer; a test that waits in vain hangs,
// and ctest ends it.
#pragma once

#include <string>
#include <string_view>

namespace owind::testing {

struct HttpResponse {
  std::string head;    ///< Status line and fields, without the empty line.
  std::string body;    ///< Without the framing of chunks.
  bool whole = false;  ///< The framing says that it is complete.
  bool chunked = false;

  /// 0: there is no head.
  int status() const;
  /// Of the first such field, by case; "" when there is none.
  std::string field(std::string_view name) const;
};

class HttpClient {
 public:
  explicit HttpClient(int fd) : fd_(fd) {}
  HttpClient(HttpClient&& other) noexcept;
  HttpClient(const HttpClient&) = delete;
  ~HttpClient() { close(); }

  HttpClient& send(std::string_view bytes);
  /// The next response; to `HEAD` one has no body whatever its fields say. At the end of the connection what
  /// has come of it, or nothing.
  HttpResponse response(std::string_view method = "GET");
  /// Waits until as many bytes of the next response have come as these, and whether they are these. Keeps
  /// them.
  bool starts_with(std::string_view bytes);
  /// Drops bytes that have come.
  void skip(std::size_t bytes) { buffer_.erase(0, bytes); }
  /// Everything up to the end of the connection.
  std::string rest();
  /// Nothing has come that no response has taken.
  bool empty() const { return buffer_.empty(); }

  bool ended() const { return ended_; }
  bool reset() const { return reset_; }
  /// The server had closed before all was sent.
  bool send_failed() const { return send_failed_; }
  void shutdown_write();
  void close();
  int fd() const { return fd_; }

 private:
  bool fill();
  bool take(std::size_t size, std::string& to);
  /// A line without its CRLF. False: the connection ended before.
  bool line(std::string& to);

  int fd_ = -1;
  std::string buffer_;
  bool ended_ = false;
  bool reset_ = false;
  bool send_failed_ = false;
};

}  // namespace owind::testing
