#include "tests/support/http_client.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <system_error>
#include <utility>

namespace owind::testing {

int HttpResponse::status() const { return head.size() > 9 ? std::atoi(head.c_str() + 9) : 0; }

std::string HttpResponse::field(std::string_view name) const {
  const std::string all = head + "\r\n";
  const std::string key = "\r\n" + std::string(name) + ": ";
  const auto at = all.find(key);
  if (at == std::string::npos) return "";
  const auto from = at + key.size();
  return all.substr(from, all.find("\r\n", from) - from);
}

HttpClient::HttpClient(HttpClient&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      buffer_(std::move(other.buffer_)),
      ended_(other.ended_),
      reset_(other.reset_),
      send_failed_(other.send_failed_) {}

HttpClient& HttpClient::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    // A server that has closed is for response() to find out.
    if (n < 0 && (errno == EPIPE || errno == ECONNRESET)) {
      send_failed_ = true;
      return *this;
    }
    if (n < 0) throw std::system_error(errno, std::generic_category(), "send");
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return *this;
}

bool HttpClient::fill() {
  if (ended_ || reset_) return false;
  char chunk[64 * 1024];
  const ssize_t n = ::recv(fd_, chunk, sizeof chunk, 0);
  if (n > 0) {
    buffer_.append(chunk, static_cast<std::size_t>(n));
    return true;
  }
  (n == 0 ? ended_ : reset_) = true;
  return false;
}

bool HttpClient::take(std::size_t size, std::string& to) {
  while (buffer_.size() < size && fill()) {
  }
  const std::size_t n = std::min(size, buffer_.size());
  to.append(buffer_, 0, n);
  buffer_.erase(0, n);
  return n == size;
}

bool HttpClient::line(std::string& to) {
  while (true) {
    if (const auto end = buffer_.find("\r\n"); end != std::string::npos) {
      to = buffer_.substr(0, end);
      buffer_.erase(0, end + 2);
      return true;
    }
    if (!fill()) return false;
  }
}

HttpResponse HttpClient::response(std::string_view method) {
  HttpResponse response;
  for (std::string text; line(text) && !text.empty();)
    response.head += (response.head.empty() ? "" : "\r\n") + text;
  const int status = response.status();
  if (status == 0) return response;
  if (method == "HEAD" || status == 204 || status == 304 || status < 200) {
    response.whole = true;
  } else if (response.field("Transfer-Encoding") == "chunked") {
    response.chunked = true;
    for (std::string text; line(text);) {
      const auto size = std::strtoul(text.c_str(), nullptr, 16);
      if (size == 0) {
        response.whole = line(text) && text.empty();
        break;
      }
      std::string end;
      if (!take(size, response.body) || !take(2, end) || end != "\r\n") break;
    }
  } else if (const std::string length = response.field("Content-Length"); !length.empty()) {
    response.whole = take(std::strtoul(length.c_str(), nullptr, 10), response.body);
  } else {
    response.body = rest();
    response.whole = !reset_;
  }
  return response;
}

bool HttpClient::starts_with(std::string_view bytes) {
  while (buffer_.size() < bytes.size() && fill()) {
  }
  return std::string_view(buffer_).substr(0, bytes.size()) == bytes;
}

std::string HttpClient::rest() {
  while (fill()) {
  }
  return std::exchange(buffer_, {});
}

void HttpClient::shutdown_write() { ::shutdown(fd_, SHUT_WR); }

void HttpClient::close() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

}  // namespace owind::testing
