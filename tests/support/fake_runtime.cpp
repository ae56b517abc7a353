#include "tests/support/fake_runtime.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "hosting/native_exports.hpp"
#include "tests/support/failing_memory.hpp"

namespace owind::testing {
namespace {

FakeRuntime* current = nullptr;
constexpr int kPoolThreads = 2;

void say_entered(std::int32_t* entered) { std::atomic_ref<std::int32_t>(*entered).store(1); }

}  // namespace

// ---- one request

FakeRequest::FakeRequest(const owind_native_table& native, std::uint64_t token_value,
                         const owind_request_block* head)
    : token(token_value), block(head), generation(head->generation), native_(native) {}

std::string_view FakeRequest::slot(int index) const {
  const auto slice = block->slots[index];
  return {reinterpret_cast<const char*>(block) + slice.offset, slice.length};
}

bool FakeRequest::block_is_mine() const {
  auto& now = const_cast<std::uint32_t&>(block->generation);
  return std::atomic_ref<std::uint32_t>(now).load(std::memory_order_acquire) == generation;
}

FakeRequest::Moved FakeRequest::read(std::size_t length) {
  Moved moved;
  moved.bytes.resize(length);
  std::int32_t n = -1;
  {
    const MemoryMayFail native;
    moved.status = native_.read(token, reinterpret_cast<std::uint8_t*>(moved.bytes.data()),
                                static_cast<std::int32_t>(length), &n);
  }
  moved.bytes.resize(static_cast<std::size_t>(n));
  return moved;
}

FakeRequest::Moved FakeRequest::write(std::string_view bytes) {
  // A copy of exactly this size, gone afterwards: a server that keeps the pointer is seen.
  const std::vector<std::uint8_t> copy(bytes.begin(), bytes.end());
  Moved moved;
  std::int32_t n = -1;
  {
    const MemoryMayFail native;
    moved.status = native_.write(token, copy.data(), static_cast<std::int32_t>(copy.size()), &n);
  }
  moved.taken = static_cast<std::size_t>(n);
  return moved;
}

owind_status FakeRequest::head(int status, const Fields& fields, std::uint32_t flags) {
  std::string bytes(sizeof(owind_response_head), '\0');
  for (const auto& [name, value] : fields) {
    const owind_field_lengths lengths{static_cast<std::uint32_t>(name.size()),
                                      static_cast<std::uint32_t>(value.size())};
    bytes.append(reinterpret_cast<const char*>(&lengths), sizeof lengths);
    bytes.append(name).append(value);
  }
  const owind_response_head fixed{static_cast<std::uint32_t>(bytes.size()), status, 0,
                                  static_cast<std::uint32_t>(fields.size()), flags};
  std::memcpy(bytes.data(), &fixed, sizeof fixed);
  return raw_head(bytes);
}

owind_status FakeRequest::raw_head(std::string_view bytes) {
  // Aligned as its type wants it, and no byte more than there is.
  std::unique_ptr<std::uint64_t[]> copy(new std::uint64_t[bytes.size() / 8 + 1]);
  std::memcpy(copy.get(), bytes.data(), bytes.size());
  std::uint8_t message[512];
  std::int32_t length = 0;
  owind_status answer;
  {
    const MemoryMayFail native;
    answer = native_.head(token, reinterpret_cast<const owind_response_head*>(copy.get()),
                          static_cast<std::int32_t>(bytes.size()), message, sizeof message, &length);
  }
  error.assign(reinterpret_cast<const char*>(message), static_cast<std::size_t>(length));
  return answer;
}

void FakeRequest::when_aborted(std::function<void(FakeRequest&, int)> hook) {
  int reason = 0;
  {
    const std::lock_guard lock(abort_mutex_);
    reason = abort_reason_;
    if (reason == 0) on_abort_ = std::move(hook);
  }
  if (reason != 0) hook(*this, reason);
}

void FakeRequest::abort(int reason) {
  std::function<void(FakeRequest&, int)> hook;
  {
    const std::lock_guard lock(abort_mutex_);
    abort_reason_ = reason;
    hook = std::move(on_abort_);
  }
  if (hook) hook(*this, reason);
}

owind_status FakeRequest::complete(int outcome) {
  // Before the native side is told: from then on the token may be another request's slot.
  if (!completed.exchange(true)) current->forget(token);
  const MemoryMayFail native;
  return native_.complete(token, outcome);
}

// ---- the runtime

FakeRuntime::FakeRuntime(middleware::TokenTable& tokens, middleware::TraceSink& trace) {
  current = this;
  hosting::bind_native_exports(tokens, trace);
  bridge_.connect(&FakeRuntime::initialize, hosting::native_table());
  bridge_.configure({{"application", "/fake/App.dll"}});
  for (int i = 0; i < kPoolThreads; ++i) pool_.emplace_back([this] { work(); });
}

FakeRuntime::~FakeRuntime() {
  {
    const std::lock_guard lock(pool_mutex_);
    pool_stops_ = true;
  }
  pool_changed_.notify_all();
  for (auto& thread : pool_) thread.join();
  bridge_.stop();
  current = nullptr;
  if (const auto what = breaches(); !what.empty()) {
    std::fprintf(stderr, "the boundary's contract was broken:\n%s", what.c_str());
    std::abort();
  }
}

std::int32_t FakeRuntime::initialize(void* arguments, std::int32_t size) {
  auto& boot = *static_cast<owind_bootstrap*>(arguments);
  if (size != sizeof boot || boot.size != sizeof boot || boot.abi_version != OWIND_ABI_VERSION)
    return OWIND_INVALID;
  if (boot.native->size != sizeof(owind_native_table) || boot.layout_count == 0) return OWIND_INVALID;
  current->native_ = boot.native;
  *boot.managed = {sizeof(owind_managed_table), OWIND_ABI_VERSION,      &FakeRuntime::configure,
                   &FakeRuntime::start,         &FakeRuntime::on_ready, &FakeRuntime::on_abort,
                   &FakeRuntime::stop,          &FakeRuntime::selftest};
  return OWIND_OK;
}

owind_status FakeRuntime::configure(const std::uint8_t*, std::int32_t, std::int32_t, std::uint8_t*,
                                    std::int32_t, std::int32_t* error_length) {
  *error_length = 0;
  return OWIND_OK;
}

owind_status FakeRuntime::stop(std::int32_t) { return OWIND_OK; }

owind_status FakeRuntime::selftest(const owind_selftest* question, owind_selftest* answer) {
  *answer = *question;
  return OWIND_OK;
}

owind_status FakeRuntime::start(std::uint64_t token, const owind_request_block* block, std::int32_t flags,
                                std::int32_t* entered) {
  const MemoryIsFine its_own;
  if (Gate* const until = current->collection_.load()) {
    if (Gate* const waits = current->waiting_start_.load()) waits->open();
    until->wait();
  }
  say_entered(entered);
  return current->run_start(token, block, flags);
}

owind_status FakeRuntime::on_ready(std::uint64_t token, std::int32_t ready, std::int32_t flags,
                                   std::int32_t* entered) {
  const MemoryIsFine its_own;
  say_entered(entered);
  return current->run_ready(token, ready, flags);
}

owind_status FakeRuntime::on_abort(std::uint64_t token, std::int32_t reason, std::int32_t flags,
                                   std::int32_t* entered) {
  const MemoryIsFine its_own;
  say_entered(entered);
  return current->run_abort(token, reason, flags);
}

owind_status FakeRuntime::run_start(std::uint64_t token, const owind_request_block* block,
                                    std::int32_t flags) {
  if (const auto status = start_status_.load(); status != OWIND_OK) return status;
  auto request = std::make_shared<FakeRequest>(*native_, token, block);
  started_.fetch_add(1);
  int early = 0;
  {
    const std::lock_guard lock(mutex_);
    if (!requests_.emplace(token, request).second) breaches_ += "start: a token that is in use\n";
    seen_.push_back(token);
    if (const auto found = early_aborts_.find(token); found != early_aborts_.end()) {
      early = found->second;
      early_aborts_.erase(found);
    }
  }
  if (early) deliver_abort(request, early);
  auto application = applications_.find(request->path());
  if (application == applications_.end()) application = applications_.find("");
  if (application == applications_.end()) {
    request->complete(OWIND_OUTCOME_FAULTED);
    return OWIND_OK;
  }
  if (flags & OWIND_ENTER_QUEUE)
    queue([request, run = &application->second] { (*run)(request); });
  else
    application->second(request);
  return OWIND_OK;
}

owind_status FakeRuntime::run_ready(std::uint64_t token, std::int32_t ready, std::int32_t flags) {
  const auto request = find(token);
  if (!request) return OWIND_CLOSED;
  if (ready < OWIND_READY_READ || ready > (OWIND_READY_READ | OWIND_READY_WRITE))
    breach("on_ready: no known direction");
  const auto wake = [request, ready] {
    // Copies: the hook may set itself anew.
    if (ready & OWIND_READY_READ)
      if (const auto hook = request->on_readable) hook(*request);
    if (ready & OWIND_READY_WRITE)
      if (const auto hook = request->on_writable) hook(*request);
  };
  if (flags & OWIND_ENTER_QUEUE)
    queue(wake);
  else
    wake();
  return OWIND_OK;
}

owind_status FakeRuntime::run_abort(std::uint64_t token, std::int32_t reason, std::int32_t flags) {
  SharedRequest request;
  {
    const std::lock_guard lock(mutex_);
    const auto found = requests_.find(token);
    if (found == requests_.end()) {
      early_aborts_[token] = reason;
      return OWIND_CLOSED;
    }
    request = found->second;
  }
  if (flags & OWIND_ENTER_QUEUE)
    queue([this, request, reason] { deliver_abort(request, reason); });
  else
    deliver_abort(request, reason);
  return OWIND_OK;
}

void FakeRuntime::deliver_abort(const SharedRequest& request, int reason) {
  aborted_.fetch_add(1);
  if (request->aborts.fetch_add(1) != 0) breach("on_abort: twice for one request");
  if (reason < OWIND_ABORT_DISCONNECTED || reason > OWIND_ABORT_FAILED) breach("on_abort: no known reason");
  request->abort(reason);
}

SharedRequest FakeRuntime::find(std::uint64_t token) {
  const std::lock_guard lock(mutex_);
  const auto found = requests_.find(token);
  return found == requests_.end() ? nullptr : found->second;
}

void FakeRuntime::forget(std::uint64_t token) {
  const std::lock_guard lock(mutex_);
  requests_.erase(token);
}

void FakeRuntime::breach(std::string what) {
  const std::lock_guard lock(mutex_);
  breaches_ += what + "\n";
}

std::string FakeRuntime::breaches() {
  const std::lock_guard lock(mutex_);
  return breaches_;
}

std::size_t FakeRuntime::alive() {
  const std::lock_guard lock(mutex_);
  return requests_.size();
}

std::vector<std::uint64_t> FakeRuntime::tokens_seen() {
  const std::lock_guard lock(mutex_);
  return seen_;
}

void FakeRuntime::queue(std::function<void()> work_item) {
  {
    const std::lock_guard lock(pool_mutex_);
    pool_work_.push_back(std::move(work_item));
  }
  pool_changed_.notify_one();
}

void FakeRuntime::work() {
  std::unique_lock lock(pool_mutex_);
  while (true) {
    pool_changed_.wait(lock, [this] { return pool_stops_ || !pool_work_.empty(); });
    if (pool_work_.empty()) return;
    const auto item = std::move(pool_work_.front());
    pool_work_.pop_front();
    lock.unlock();
    item();
    lock.lock();
  }
}

// ---- applications

Application hello() {
  return [](const SharedRequest& request) {
    request->head(200, {{"Content-Type", "text/plain"}, {"Content-Length", "13"}});
    request->write("Hello, World!");
    request->complete();
  };
}

namespace {

/// Reads to the end into request.text, then runs `then`; any failure completes as faulted.
void read_all(FakeRequest& request, const std::function<void(FakeRequest&)>& then) {
  while (true) {
    const auto moved = request.read();
    if (moved.status == OWIND_OK) {
      request.text += moved.bytes;
    } else if (moved.status == OWIND_WAIT) {
      return;
    } else if (moved.status == OWIND_END) {
      then(request);
      return;
    } else {
      request.complete(OWIND_OUTCOME_FAULTED);
      return;
    }
  }
}

void read_then(const SharedRequest& request, const std::function<void(FakeRequest&)>& then) {
  request->on_readable = [then](FakeRequest& r) { read_all(r, then); };
  read_all(*request, then);
}

void pass_on(FakeRequest& request) {
  while (true) {
    const auto moved = request.read();
    if (moved.status == OWIND_OK) {
      write_all(request, moved.bytes, pass_on);
      return;
    }
    if (moved.status == OWIND_WAIT) return;
    request.complete(moved.status == OWIND_END ? OWIND_OUTCOME_COMPLETED : OWIND_OUTCOME_FAULTED);
    return;
  }
}

}  // namespace

void write_all(FakeRequest& request, std::string bytes, std::function<void(FakeRequest&)> then) {
  // The wake-up may come, on another thread, before write() has returned: of the two, whoever is second goes
  // on with the rest.
  struct Rest {
    std::string bytes;
    std::size_t written = 0;
    std::function<void(FakeRequest&)> then;
    std::atomic<bool> one_is_there{false};

    bool second() {
      if (!one_is_there.exchange(true)) return false;
      one_is_there.store(false);
      return true;
    }
    void go_on(FakeRequest& r) {
      constexpr std::size_t kAtOnce = 256 * 1024;
      while (written < bytes.size()) {
        const auto moved = r.write(std::string_view(bytes).substr(written, kAtOnce));
        written += moved.taken;
        if (moved.status == OWIND_OK) continue;
        if (moved.status != OWIND_WAIT) {
          r.complete(OWIND_OUTCOME_FAULTED);
          return;
        }
        if (!second()) return;
      }
      then(r);
    }
  };
  const auto rest = std::make_shared<Rest>();
  rest->bytes = std::move(bytes);
  rest->then = std::move(then);
  request.on_writable = [rest](FakeRequest& r) {
    if (rest->second()) rest->go_on(r);
  };
  rest->go_on(request);
}

Application echo_collecting() {
  return [](const SharedRequest& request) {
    read_then(request, [](FakeRequest& r) {
      r.head(200, {{"Content-Length", std::to_string(r.text.size())}});
      write_all(r, std::move(r.text), [](FakeRequest& done) { done.complete(); });
    });
  };
}

Application echo_streaming() {
  return [](const SharedRequest& request) {
    request->head(200);
    request->on_readable = pass_on;
    pass_on(*request);
  };
}

Application sink() {
  return [](const SharedRequest& request) {
    const auto drain = [](FakeRequest& r) {
      while (true) {
        const auto moved = r.read(64 * 1024);
        r.count += moved.bytes.size();
        if (moved.status == OWIND_OK) continue;
        if (moved.status == OWIND_WAIT) return;
        if (moved.status != OWIND_END) {
          r.complete(OWIND_OUTCOME_FAULTED);
          return;
        }
        const auto text = std::to_string(r.count);
        r.head(200, {{"Content-Length", std::to_string(text.size())}});
        r.write(text);
        r.complete();
        return;
      }
    };
    request->on_readable = drain;
    drain(*request);
  };
}

Application source(std::size_t bytes, Announce announce, char letter) {
  return [=](const SharedRequest& request) {
    Fields fields;
    if (announce == Announce::kYes) fields = {{"Content-Length", std::to_string(bytes)}};
    request->head(200, fields);
    write_all(*request, std::string(bytes, letter), [](FakeRequest& r) { r.complete(); });
  };
}

}  // namespace owind::testing
