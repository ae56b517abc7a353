// The serving part of the process: shards, listeners and the runner that drives them, from the first
// connection to the last response. Not the CLR, not signals, not the command line: those are composed around
// it in main.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "server/io/listener.hpp"
#include "server/io/listening_socket.hpp"
#include "server/io/shard.hpp"
#include "server/runner/runner.hpp"

namespace owind::io {

class Server {
 public:
  /// All references outlive the server. Threads start with start().
  Server(ServerContext& context, runner::RunnerOptions runner_options, std::size_t shards);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Starts the threads and accepts on the sockets, which the server owns from here on.
  /// @throws std::system_error when a thread cannot be started.
  void start(std::vector<ListeningSocket> sockets, const AllowList& allow);

  /// What is listened on, as text.
  std::vector<std::string> endpoints() const;

  /// A function for each shard that runs a task on its loop; any thread. For looking whether it still turns.
  std::vector<std::function<void(std::function<void()>)>> loops();

  /// Takes no further connections; what was accepted is served. Not from a thread of the runner. A listener
  /// whose leader does not come to it within `patience` (an application holds it, and nothing can be stolen)
  /// stays open.
  void stop_accepting(std::chrono::milliseconds patience = std::chrono::seconds(2));

  /// Closes connections as they become idle. Returns when no request is in flight and no connection is open,
  /// or at the deadline. Not from a thread of the runner.
  /// @return whether all is over.
  bool drain(std::chrono::steady_clock::time_point deadline);

  /// Gives up every request: fires owin.CallCancelled, closes every connection.
  void abort_all();

  /// Ends the loops. What the application still runs goes on.
  void stop();
  /// Waits for every thread, also those that run the application. After stop(); for tests: a server that ends
  /// with its process does not wait for its applications.
  void join() { runner_.join(); }

  /// Requests that the application has not completed, orphans included.
  std::size_t unfinished() const { return context_.admission.in_flight() + context_.admission.orphans(); }
  runner::RunnerStats stats() const { return runner_.stats(); }

 private:
  bool wait_until(std::chrono::steady_clock::time_point deadline) const;

  ServerContext& context_;
  runner::Runner runner_;
  std::vector<std::unique_ptr<Shard>> shards_;
  std::vector<Shard*> shard_list_;
  std::vector<ListeningSocket> sockets_;
  std::vector<std::unique_ptr<Listener>> listeners_;
};

}  // namespace owind::io
