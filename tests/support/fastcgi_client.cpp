#include "tests/support/fastcgi_client.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <stdexcept>
#include <system_error>

#include "tests/fastcgi/conversation.hpp"

namespace owind::testing {

namespace wire = fastcgi::testing;

// ---- responses

int Response::status() const {
  return out.find("\r\n\r\n") == std::string::npos ? 0 : std::atoi(field("Status").c_str());
}

std::string Response::field(std::string_view name) const {
  const std::string head = "\r\n" + out.substr(0, out.find("\r\n\r\n") + 2);
  const std::string key = "\r\n" + std::string(name) + ": ";
  const auto at = head.find(key);
  if (at == std::string::npos) return "";
  const auto from = at + key.size();
  return head.substr(from, head.find("\r\n", from) - from);
}

std::string Response::body() const {
  const auto at = out.find("\r\n\r\n");
  return at == std::string::npos ? "" : out.substr(at + 4);
}

// ---- the connection

Client::Client(Client&& other) noexcept { *this = std::move(other); }

Client& Client::operator=(Client&& other) noexcept {
  if (this == &other) return *this;
  close();
  fd_ = std::exchange(other.fd_, -1);
  buffer_ = std::move(other.buffer_);
  responses_ = std::move(other.responses_);
  ended_ = other.ended_;
  reset_ = other.reset_;
  failed_ = other.failed_;
  return *this;
}

Client& Client::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    // A server that has closed is for receive() to find out.
    if (n < 0 && (errno == EPIPE || errno == ECONNRESET)) return *this;
    if (n < 0) throw std::system_error(errno, std::generic_category(), "send");
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return *this;
}

std::size_t Client::send_some(std::string_view bytes) {
  const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  return n > 0 ? static_cast<std::size_t>(n) : 0;
}

std::size_t Client::send_until_full(std::string_view piece) {
  std::size_t total = 0;
  while (const std::size_t n = send_some(piece)) {
    total += n;
    if (n < piece.size()) break;
  }
  return total;
}

bool Client::fill() {
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

std::optional<Record> Client::receive() {
  const auto byte = [this](std::size_t i) { return static_cast<unsigned char>(buffer_[i]); };
  while (true) {
    if (buffer_.size() >= 8) {
      const std::size_t content = byte(4) * 256u + byte(5);
      const std::size_t whole = 8 + content + byte(6);
      if (buffer_.size() >= whole) {
        Record record{byte(0), byte(1), byte(2) * 256 + byte(3), buffer_.substr(8, content)};
        buffer_.erase(0, whole);
        if (record.version != 1) {
          failed_ = true;
          return record;
        }
        Response& response = responses_[record.id];
        if (record.type == 6) {
          if (record.content.empty()) response.stdout_ended = true;
          response.out += record.content;
        } else if (record.type == 3) {
          response.ended = true;
          response.protocol_status = static_cast<unsigned char>(record.content.at(4));
          response.app_status = static_cast<unsigned char>(record.content.at(3));
        }
        return record;
      }
    }
    if (!fill()) return {};
  }
}

Response Client::response(int id) {
  while (!responses_[id].ended && receive()) {
  }
  return std::exchange(responses_[id], {});
}

const Response& Client::receive_out(int id, std::size_t bytes) {
  while (responses_[id].out.size() < bytes && receive()) {
  }
  return responses_[id];
}

std::vector<Record> Client::receive_all() {
  std::vector<Record> records;
  while (auto record = receive()) records.push_back(std::move(*record));
  return records;
}

void Client::close() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

void Client::shutdown_write() { ::shutdown(fd_, SHUT_WR); }

void Client::close_with_reset() {
  const linger hard{1, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  close();
}

void Client::set_receive_buffer(int bytes) { ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes); }

// ---- what a front end sends

Params request_params(std::string_view method, std::string_view path, const Params& more) {
  Params params{{"REQUEST_METHOD", std::string(method)},
                {"REQUEST_URI", std::string(path)},
                {"SCRIPT_NAME", std::string(path)},
                {"QUERY_STRING", ""},
                {"SERVER_PROTOCOL", "HTTP/1.1"},
                {"REQUEST_SCHEME", "http"},
                {"REMOTE_ADDR", "192.0.2.7"},
                {"REMOTE_PORT", "51234"},
                {"SERVER_ADDR", "198.51.100.2"},
                {"SERVER_PORT", "80"},
                {"HTTP_HOST", "example.com"}};
  params.insert(params.end(), more.begin(), more.end());
  return params;
}

std::string encode_params(const Params& params) {
  std::string all;
  for (const auto& [name, value] : params) all += wire::pair(name, value);
  return all;
}

std::string head_of(int id, std::string_view method, std::string_view path, bool keep, const Params& more) {
  return wire::begin(id, 1, keep ? 1 : 0) +
         wire::params(id, encode_params(request_params(method, path, more))) + wire::params(id);
}

std::string get(int id, std::string_view path, bool keep) {
  return head_of(id, "GET", path, keep) + wire::stdin_record(id);
}

std::string post(int id, std::string_view path, std::string_view body, bool keep) {
  return head_of(id, "POST", path, keep, {{"CONTENT_LENGTH", std::to_string(body.size())}}) +
         stdin_records(id, body) + wire::stdin_record(id);
}

std::string stdin_records(int id, std::string_view body) {
  constexpr std::size_t kMost = 32768;  // as nginx
  std::string all;
  for (; !body.empty(); body.remove_prefix(std::min(kMost, body.size())))
    all += wire::stdin_record(id, body.substr(0, kMost));
  return all;
}

}  // namespace owind::testing
