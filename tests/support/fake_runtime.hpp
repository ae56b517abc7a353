// A runtime that is not .NET: the managed half of the boundary in C++, so that the native half runs under
// sanitizers. Connected through the real hand-shake (hosting/managed_bridge.hpp), called through the real
// ManagedApp, and calling back through the real native table. Applications are functions, found by the path
// of the request.
// What a real bridge does to keep the contract is done here too: entered first, waiters set up before the
// call that arms them, an abort that comes before its start kept for it. Breaches of the contract by the
// native side are counted and make ~FakeRuntime fail the test.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "hosting/bridge_abi.h"
#include "hosting/managed_bridge.hpp"
#include "middleware/token_table.hpp"
#include "middleware/trace_sink.hpp"

namespace owind::testing {

using Fields = std::vector<std::pair<std::string, std::string>>;

/// Opened once, by any thread; then it stays open. A test that waits in vain hangs, and ctest ends it.
class Gate {
 public:
  void open() {
    // Told under the lock: who waits may destroy the gate as soon as he is let through.
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return open_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
};

/// One request as a managed application has it. Native functions may be called by any thread; hooks are set
/// before the call that can make them run.
class FakeRequest {
 public:
  struct Moved {
    owind_status status = OWIND_OK;
    std::string bytes;      ///< read
    std::size_t taken = 0;  ///< write
  };

  FakeRequest(const owind_native_table& native, std::uint64_t token_value, const owind_request_block* head);

  std::string_view slot(int index) const;
  std::string path() const { return std::string(slot(OWIND_SLOT_PATH)); }
  std::string query() const { return std::string(slot(OWIND_SLOT_QUERY_STRING)); }
  /// The block's generation is still that of this request.
  bool block_is_mine() const;

  Moved read(std::size_t length = 16 * 1024);
  Moved write(std::string_view bytes);
  owind_status flush() { return native_.flush(token); }
  owind_status head(int status = 200, const Fields& fields = {}, std::uint32_t flags = 0);
  owind_status raw_head(std::string_view bytes);
  owind_status blocking() { return native_.blocking(token); }
  owind_status complete(int outcome = OWIND_OUTCOME_COMPLETED);

  const std::uint64_t token;
  const owind_request_block* const block;
  const std::uint32_t generation;
  /// What head() said when it refused.
  std::string error;
  /// For the application's own use.
  std::string text;
  std::size_t count = 0;

  std::function<void(FakeRequest&)> on_readable;
  std::function<void(FakeRequest&)> on_writable;

  /// Runs `hook` when the request is aborted, or now if it was: as registering on a cancellation token does.
  void when_aborted(std::function<void(FakeRequest&, int reason)> hook);
  std::atomic<int> aborts{0};
  std::atomic<bool> completed{false};

 private:
  friend class FakeRuntime;
  void abort(int reason);

  const owind_native_table& native_;
  std::mutex abort_mutex_;
  int abort_reason_ = 0;
  std::function<void(FakeRequest&, int)> on_abort_;
};

using SharedRequest = std::shared_ptr<FakeRequest>;
using Application = std::function<void(const SharedRequest&)>;

class FakeRuntime {
 public:
  /// Binds the native exports to `tokens` and does the hand-shake. One at a time a process.
  FakeRuntime(middleware::TokenTable& tokens, middleware::TraceSink& trace);
  /// Waits for its own threads. The server around it has been stopped before.
  ~FakeRuntime();
  FakeRuntime(const FakeRuntime&) = delete;
  FakeRuntime& operator=(const FakeRuntime&) = delete;

  /// Before the first request. An empty path: everything that has no other.
  void add(const std::string& path, Application application) { applications_[path] = std::move(application); }

  const owind_managed_table& table() const { return bridge_.table(); }
  hosting::ManagedBridge& bridge() { return bridge_; }

  /// Runs `work` on a thread of the runtime's own pool, which is not one of the server's.
  void queue(std::function<void()> work);

  /// Requests that were started and have not called complete().
  std::size_t alive();
  std::vector<std::uint64_t> tokens_seen();
  std::uint64_t started() const { return started_.load(); }
  std::uint64_t aborted() const { return aborted_.load(); }
  /// What the native side did against its own contract; empty.
  std::string breaches();

  /// Sets what start() answers without starting anything; OWIND_OK: it starts.
  void fail_starts(owind_status status) { start_status_.store(status); }
  /// start() waits before its first instruction for as long as this is not open: a collection.
  void collect(Gate* until) { collection_.store(until); }
  /// Opened when a start() waits in a collection.
  void note_waiting_start(Gate* gate) { waiting_start_.store(gate); }

 private:
  static std::int32_t initialize(void* arguments, std::int32_t size);
  static owind_status configure(const std::uint8_t*, std::int32_t, std::int32_t, std::uint8_t*, std::int32_t,
                                std::int32_t*);
  static owind_status start(std::uint64_t, const owind_request_block*, std::int32_t, std::int32_t*);
  static owind_status on_ready(std::uint64_t, std::int32_t, std::int32_t, std::int32_t*);
  static owind_status on_abort(std::uint64_t, std::int32_t, std::int32_t, std::int32_t*);
  static owind_status stop(std::int32_t);
  static owind_status selftest(const owind_selftest*, owind_selftest*);

  owind_status run_start(std::uint64_t token, const owind_request_block* block, std::int32_t flags);
  owind_status run_ready(std::uint64_t token, std::int32_t ready, std::int32_t flags);
  owind_status run_abort(std::uint64_t token, std::int32_t reason, std::int32_t flags);
  void deliver_abort(const SharedRequest& request, int reason);
  SharedRequest find(std::uint64_t token);
  void forget(std::uint64_t token);
  void breach(std::string what);
  void work();

  friend class FakeRequest;

  hosting::ManagedBridge bridge_;
  const owind_native_table* native_ = nullptr;
  std::map<std::string, Application> applications_;
  std::atomic<owind_status> start_status_{OWIND_OK};
  std::atomic<Gate*> collection_{nullptr};
  std::atomic<Gate*> waiting_start_{nullptr};
  std::atomic<std::uint64_t> started_{0};
  std::atomic<std::uint64_t> aborted_{0};

  std::mutex mutex_;
  std::unordered_map<std::uint64_t, SharedRequest> requests_;
  std::unordered_map<std::uint64_t, int> early_aborts_;
  std::vector<std::uint64_t> seen_;
  std::string breaches_;

  std::mutex pool_mutex_;
  std::condition_variable pool_changed_;
  std::deque<std::function<void()>> pool_work_;
  bool pool_stops_ = false;
  std::vector<std::thread> pool_;
};

// ---- applications that many tests use

/// 200, "Hello, World!".
Application hello();
/// Reads all, then answers with it.
Application echo_collecting();
/// Gives the head, then writes each piece as it is read.
Application echo_streaming();
/// Reads all and answers with the number of bytes.
Application sink();
/// Writes `bytes` bytes of `letter`, as fast as it may, announced unless `announce` is no.
enum class Announce { kYes, kNo };
Application source(std::size_t bytes, Announce announce = Announce::kYes, char letter = 'x');

/// Writes all of it, waiting where it must, then runs `then`.
void write_all(FakeRequest& request, std::string bytes, std::function<void(FakeRequest&)> then);

}  // namespace owind::testing
