#include "server/io/server.hpp"

#include <future>
#include <thread>

namespace owind::io {

Server::Server(ServerContext& context, runner::RunnerOptions runner_options, std::size_t shards)
    : context_(context), runner_(runner_options) {
  for (std::size_t i = 0; i < shards; ++i) {
    shards_.push_back(std::make_unique<Shard>(static_cast<std::uint32_t>(i), context_, runner_));
    shard_list_.push_back(shards_.back().get());
  }
}

void Server::start(std::vector<ListeningSocket> sockets, const AllowList& allow) {
  sockets_ = std::move(sockets);
  runner_.start();
  for (std::size_t i = 0; i < sockets_.size(); ++i) {
    const auto& socket = sockets_[i];
    const Service& service = socket.scheme() == Scheme::kHttp ? context_.http : context_.fastcgi;
    listeners_.push_back(std::make_unique<Listener>(socket.fd(), socket.is_tcp(), socket.to_string(), service,
                                                    allow, context_, *shard_list_[i % shard_list_.size()],
                                                    shard_list_));
    listeners_.back()->start();
  }
}

std::vector<std::string> Server::endpoints() const {
  std::vector<std::string> names;
  for (const auto& socket : sockets_) names.push_back(socket.to_string());
  return names;
}

std::vector<std::function<void(std::function<void()>)>> Server::loops() {
  std::vector<std::function<void(std::function<void()>)>> loops;
  for (auto* shard : shard_list_)
    loops.emplace_back([shard](std::function<void()> task) { shard->post(std::move(task)); });
  return loops;
}

void Server::stop_accepting(std::chrono::milliseconds patience) {
  // Each on the loop that it runs on; all of them have stopped before the sockets are closed.
  std::vector<std::future<void>> stopped;
  for (std::size_t i = 0; i < listeners_.size(); ++i) {
    auto done = std::make_shared<std::promise<void>>();
    stopped.push_back(done->get_future());
    shard_list_[i % shard_list_.size()]->post([this, i, done] {
      listeners_[i]->stop();
      done->set_value();
    });
  }
  const auto deadline = std::chrono::steady_clock::now() + patience;
  for (std::size_t i = 0; i < stopped.size(); ++i)
    if (stopped[i].wait_until(deadline) == std::future_status::ready) sockets_[i].close();
}

bool Server::drain(std::chrono::steady_clock::time_point deadline) {
  for (auto* shard : shard_list_) shard->drain();
  return wait_until(deadline);
}

void Server::abort_all() {
  for (auto* shard : shard_list_) shard->abort_all();
}

bool Server::wait_until(std::chrono::steady_clock::time_point deadline) const {
  // Nothing tells when the last one is gone; a look now and then at two counters costs nothing at the end of
  // a process.
  while (context_.admission.in_flight() > 0 || context_.connections.load() > 0) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

void Server::stop() {
  runner_.stop();
  runner_.wait_leaders(std::chrono::steady_clock::now() + std::chrono::seconds(2));
}

}  // namespace owind::io
