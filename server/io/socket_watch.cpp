#include "server/io/socket_watch.hpp"

#include <boost/system/system_error.hpp>
#include <cerrno>

namespace owind::io {

SocketWatch::SocketWatch(boost::asio::io_context& context) : set_(context) {
  const int fd = ::epoll_create1(EPOLL_CLOEXEC);
  if (fd < 0)
    throw boost::system::system_error(boost::system::error_code(errno, boost::system::system_category()),
                                      "epoll_create1");
  set_.assign(fd);
  arm();
}

int SocketWatch::add(int fd, Watched& watched, std::uint32_t events) noexcept {
  epoll_event event{};
  event.events = events;
  event.data.ptr = &watched;
  return ::epoll_ctl(set_.native_handle(), EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : errno;
}

void SocketWatch::change(int fd, Watched& watched, std::uint32_t events) noexcept {
  epoll_event event{};
  event.events = events;
  event.data.ptr = &watched;
  ::epoll_ctl(set_.native_handle(), EPOLL_CTL_MOD, fd, &event);
}

void SocketWatch::remove(int fd, Watched& watched) noexcept {
  epoll_event unused{};
  ::epoll_ctl(set_.native_handle(), EPOLL_CTL_DEL, fd, &unused);
  for (int i = next_; i < count_; ++i)
    if (fetched_[static_cast<std::size_t>(i)].data.ptr == &watched)
      fetched_[static_cast<std::size_t>(i)].data.ptr = nullptr;
}

bool SocketWatch::hand_out() {
  if (armed_) return false;
  // Here, not at the end of the batch: the set would still be ready for what was just read.
  if (count_ >= kLargeBatch && direct_left_-- > 0 && hand_out_next()) return true;
  arm();
  return false;
}

void SocketWatch::arm() {
  armed_ = true;
  set_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                  [this](const boost::system::error_code& error) {
                    armed_ = false;
                    if (error) return;
                    direct_left_ = kDirectBatches;
                    hand_out_next();
                  });
}

bool SocketWatch::hand_out_next() {
  const int n = ::epoll_wait(set_.native_handle(), fetched_.data(), kBatch, 0);
  count_ = n > 0 ? n : 0;
  for (next_ = 0; next_ < count_;) {
    const epoll_event event = fetched_[static_cast<std::size_t>(next_++)];
    if (event.data.ptr) static_cast<Watched*>(event.data.ptr)->on_events(event.events);
  }
  return count_ > 0;
}

}  // namespace owind::io
