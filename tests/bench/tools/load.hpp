// The load itself: connections that ask again as soon as they are answered, on one thread with epoll.
// Closed loop: the rate is what the server allows, and a latency starts when its request is sent.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "options.hpp"

namespace owind::bench {

using Clock = std::chrono::steady_clock;

/// What was counted after the warm-up (the curve: from the start).
struct Counts {
  long done = 0;
  long failed = 0;   // requests on connections that broke
  long non_2xx = 0;  // answered, but not with success
  long bytes = 0;
  double seconds = 0;
  std::vector<std::uint32_t> latencies;  // in units of 100 ns
  std::vector<long> per_second;
};

class Load {
 public:
  explicit Load(const Options& options);
  ~Load();
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  /// Runs for warm-up and measurement. Ends the process with a message when the server cannot be reached, or
  /// sends bytes that are no FastCGI records.
  Counts run();

 private:
  struct Request {
    Clock::time_point sent;
    bool head_seen = false;
    bool success = false;
  };

  struct Connection {
    int fd = -1;
    std::string out;
    std::size_t out_position = 0;
    bool wants_write = false;
    int in_flight = 0;
    std::vector<Request> requests;  // by request id; 0 is not used
    // The record that is being read.
    std::array<std::uint8_t, 8> header{};
    std::size_t header_bytes = 0;
    std::size_t left = 0;          // content and padding
    std::size_t content_left = 0;  // content alone
    std::string head;              // of the first STDOUT record of a request
  };

  void open(Connection& connection);
  void reopen(Connection& connection, bool broken);
  void start(Connection& connection, int request_id);
  void flush(Connection& connection);
  void read(Connection& connection);
  bool parse(Connection& connection, std::size_t count);
  bool record_done(Connection& connection);
  void watch(const Connection& connection, int operation, bool write) const;

  const Options options_;
  int epoll_;
  std::vector<std::string> requests_;  // by request id
  std::vector<Connection> connections_;
  std::vector<std::uint8_t> buffer_;
  Clock::time_point begun_;
  bool measuring_ = false;
  Counts counts_;
};

}  // namespace owind::bench
