// A front end for tests: one connection, FastCGI by hand. Sends whatever bytes it is told, and takes apart
// what comes back, record by record, without the code under test. Calls block until there is an answer; a
// test that waits in vain hangs, and ctest ends it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace owind::testing {

struct Record {
  int version = 0;
  int type = 0;
  int id = 0;
  std::string content;
};

/// What came of one request id.
struct Response {
  std::string out;  ///< All of STDOUT.
  bool stdout_ended = false;
  bool ended = false;
  int protocol_status = -1;
  std::uint32_t app_status = 0;

  /// 0: there is no head.
  int status() const;
  /// Of the first such field; "" when there is none.
  std::string field(std::string_view name) const;
  std::string body() const;
};

class Client {
 public:
  Client() = default;
  explicit Client(int fd) : fd_(fd) {}
  Client(Client&& other) noexcept;
  Client& operator=(Client&& other) noexcept;
  ~Client() { close(); }

  /// All of it; blocks while the server does not read.
  Client& send(std::string_view bytes);
  /// As much as the socket takes without waiting.
  std::size_t send_some(std::string_view bytes);
  /// Sends until the socket takes no more; returns how much it took.
  std::size_t send_until_full(std::string_view piece);

  /// The next record; nothing at the end of the connection (then ended() or reset()).
  std::optional<Record> receive();
  /// Receives until the request has ended, or the connection has. What belongs to others is kept for them.
  Response response(int id = 1);
  /// What has come of the request so far, without waiting.
  const Response& so_far(int id = 1) { return responses_[id]; }
  /// Receives until STDOUT of the request holds this many bytes, or the connection ends.
  const Response& receive_out(int id, std::size_t bytes);
  /// Receives to the end of the connection. Returns the records.
  std::vector<Record> receive_all();

  /// The server has closed in good order.
  bool ended() const { return ended_; }
  /// The server has reset the connection.
  bool reset() const { return reset_; }
  /// A record of a version that does not exist: the server says that the connection failed.
  bool failed() const { return failed_; }
  /// Bytes of a record that was cut by the end of the connection.
  std::size_t cut_bytes() const { return buffer_.size(); }

  void close();
  /// Tells the server that nothing more comes.
  void shutdown_write();
  /// Closes so that the server sees a reset. TCP only.
  void close_with_reset();
  void set_receive_buffer(int bytes);
  int fd() const { return fd_; }

 private:
  bool fill();

  int fd_ = -1;
  std::string buffer_;
  std::map<int, Response> responses_;
  bool ended_ = false;
  bool reset_ = false;
  bool failed_ = false;
};

// ---- what a front end sends

using Params = std::vector<std::pair<std::string, std::string>>;

/// Parameters of a request for `path`, as nginx would send them, `more` behind.
Params request_params(std::string_view method, std::string_view path, const Params& more = {});
/// The content of a PARAMS stream.
std::string encode_params(const Params& params);
/// BEGIN and PARAMS.
std::string head_of(int id, std::string_view method, std::string_view path, bool keep = true,
                    const Params& more = {});
/// A whole request.
std::string get(int id, std::string_view path, bool keep = true);
std::string post(int id, std::string_view path, std::string_view body, bool keep = true);
/// STDIN records for all of `body`, without the end.
std::string stdin_records(int id, std::string_view body);

}  // namespace owind::testing
