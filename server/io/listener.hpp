// Accepts connections on one listening socket and gives each to the shard that has the fewest. Runs on one
// shard's loop.
#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <string>
#include <vector>

#include "server/io/allow_list.hpp"
#include "server/io/shard.hpp"

namespace owind::io {

class Listener {
 public:
  /// `fd` is a non-blocking listening socket that the caller keeps open at least until stop() has run. `name`
  /// is for the log. An empty allow list lets everybody in.
  Listener(int fd, bool is_tcp, std::string name, const Service& service, const AllowList& allow,
           ServerContext& server, Shard& home, const std::vector<Shard*>& shards);
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  /// Any thread.
  void start();
  /// Takes no further connection. On the home shard's leader.
  void stop();

 private:
  void arm();
  /// Accepts up to kAcceptAtOnce; true when more may wait. Arms the next wait.
  bool accept_some();
  void pause(int error);
  bool allowed(int fd) const;
  Shard& least_loaded();

  // A few at a time, so that a storm of connections does not keep the requests of the home shard waiting.
  static constexpr int kAcceptAtOnce = 16;
  // As many times at a stop: the whole backlog.
  static constexpr int kAcceptAtStop = 4096 / kAcceptAtOnce;

  const int fd_;
  const bool is_tcp_;
  const std::string name_;
  const Service& service_;
  const AllowList& allow_;
  ServerContext& server_;
  Shard& home_;
  const std::vector<Shard*>& shards_;
  boost::asio::posix::stream_descriptor descriptor_;
  boost::asio::steady_timer pause_;
  std::size_t next_ = 0;
  bool stopped_ = false;
};

}  // namespace owind::io
