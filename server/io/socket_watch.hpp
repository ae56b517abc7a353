// Which of a shard's sockets are ready: a level-triggered epoll set of our own inside the shard's io_context,
// which sees it as one descriptor.
//
// Why not one wait of the io_context a socket: each costs an epoll_ctl (a wait is re-armed) or a read that
// finds nothing (a read is tried first), for every request. Here a socket is registered once, and a batch of
// ready ones costs three system calls however many they are. A batch is handed out as a whole: so the code of
// each step (receive and decode, call, send) runs for all of its requests while it is in the processor's
// cache. Under load the next batch is fetched without a turn through the io_context, a few times in a row,
// which leaves one system call a batch. Leader only.
#pragma once

#include <sys/epoll.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cstdint>

namespace owind::io {

class SocketWatch {
 public:
  /// A socket's owner. Not called after remove().
  class Watched {
   public:
    /// `events`: EPOLLIN, EPOLLOUT, EPOLLRDHUP, EPOLLHUP, EPOLLERR.
    virtual void on_events(std::uint32_t events) = 0;

   protected:
    ~Watched() = default;
  };

  /// @throws boost::system::system_error when no epoll set can be had.
  explicit SocketWatch(boost::asio::io_context& context);
  SocketWatch(const SocketWatch&) = delete;
  SocketWatch& operator=(const SocketWatch&) = delete;

  /// Begins to watch. @return 0 or an errno (ENOSPC, ENOMEM).
  int add(int fd, Watched& watched, std::uint32_t events) noexcept;
  void change(int fd, Watched& watched, std::uint32_t events) noexcept;
  /// Before `fd` is closed. Events that were fetched and not handed out are forgotten.
  void remove(int fd, Watched& watched) noexcept;

  /// Hands out a batch if one can be had without asking the io_context; false: there is none.
  bool hand_out();

 private:
  void arm();
  /// Fetches and hands out a batch; false: nothing is ready.
  bool hand_out_next();

  static constexpr int kBatch = 64;
  /// A batch of so many is followed by another, more likely than not.
  static constexpr int kLargeBatch = 4;
  /// Batches in a row that are fetched directly: timers and what others post wait for no longer.
  static constexpr int kDirectBatches = 4;

  boost::asio::posix::stream_descriptor set_;
  std::array<epoll_event, kBatch> fetched_;
  int next_ = 0;
  int count_ = 0;
  int direct_left_ = 0;
  bool armed_ = false;
};

}  // namespace owind::io
