// Any bytes as what a front end sends: the same events however they are cut, with requests that end at
// different events, and events in an order that a server can rely on. Data that does not begin with a version
// is a script for records that are nearly right: a search that begins from nothing gets beyond their headers
// so.
#include <map>

#include "fastcgi/connection_state.hpp"
#include "tests/fastcgi/conversation.hpp"
#include "tests/fuzz/fuzz_input.hpp"

using namespace owind::fastcgi;
using Kind = Event::Kind;
using owind::fuzz::require;

namespace {

constexpr Limits kLimits{.max_params_bytes = 600,
                         .max_params = 12,
                         .max_name_bytes = 100,
                         .max_value_bytes = 300,
                         .max_active_requests = 3};

/// What the owner of a connection may rely on, held against every event.
class Order {
 public:
  void see(ConnectionState& state, const Event& event) {
    switch (event.kind) {
      case Kind::kBegin:
        require(event.id != 0 && !requests_.contains(event.id), "only an inactive id begins");
        requests_[event.id] = {};
        break;
      case Kind::kParam:
        require(!at(event.id).params_ended && !at(event.id).limited, "a parameter before the end");
        break;
      case Kind::kParamsEnd:
        require(!at(event.id).params_ended && !at(event.id).limited, "parameters end once");
        at(event.id).params_ended = true;
        break;
      case Kind::kStdin:
        require(!event.bytes.empty(), "a piece of body is never empty");
        require(at(event.id).params_ended && !at(event.id).body_ended, "a body between its ends");
        break;
      case Kind::kStdinEnd:
        require((at(event.id).params_ended || at(event.id).limited) && !at(event.id).body_ended,
                "a body ends once");
        at(event.id).body_ended = true;
        require(!state.receiving(event.id), "what has ended is received");
        break;
      case Kind::kAbort:
        require(!at(event.id).aborted, "an abort is told once");
        at(event.id).aborted = true;
        break;
      case Kind::kParamsLimit:
        require(!at(event.id).params_ended && !at(event.id).limited, "a limit is told once");
        at(event.id).limited = true;
        break;
      case Kind::kReply:
        require(event.bytes.size() % 8 == 0 && event.bytes.size() <= 160, "a reply is small");
        break;
      case Kind::kPeerError:
      case Kind::kNeedMore:
        break;
    }
    if (ends_at(event)) {
      state.end(event.id);
      requests_.erase(event.id);
    }
    require(state.active() == requests_.size(), "active requests are those begun and not ended");
    require(state.active() <= kLimits.max_active_requests, "no more requests than their limit");
  }

 private:
  struct Request {
    bool params_ended = false;
    bool body_ended = false;
    bool limited = false;
    bool aborted = false;
  };

  Request& at(std::uint16_t id) {
    const auto found = requests_.find(id);
    require(found != requests_.end(), "events of active requests only");
    require(!found->second.aborted, "nothing after an abort");
    return found->second;
  }

  /// Each id has a habit, so that requests end in every stage; some never do.
  static bool ends_at(const Event& event) {
    switch (event.kind) {
      case Kind::kParam:
        return event.id % 8 == 4;
      case Kind::kParamsEnd:
        return event.id % 8 == 2;
      case Kind::kParamsLimit:
        return event.id % 8 == 3;
      case Kind::kStdinEnd:
        return event.id % 8 != 7;
      case Kind::kAbort:
        return event.id % 8 != 6;
      default:
        return false;
    }
  }

  std::map<std::uint16_t, Request> requests_;
};

/// Each three bytes of the script, and the content behind them, are a record.
std::string records_of(std::string_view script) {
  constexpr std::string_view kQuestions[] = {"FCGI_MAX_CONNS", "FCGI_MAX_REQS", "FCGI_MPXS_CONNS", "OTHER"};
  std::string out;
  while (script.size() >= 3) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(script[i]); };
    const int kind = byte(0), id = byte(1) % 9, number = byte(2);
    script.remove_prefix(3);
    const std::string_view content = script.substr(0, static_cast<std::size_t>(number));
    script.remove_prefix(content.size());
    switch (const int type = kind % 16; type) {
      case 1:
        out += testing::begin(id, 1 + number % 4, kind / 16 % 2);
        break;
      case 4:
        out += testing::params(id, content, kind / 16);
        break;
      case 6:  // none that a front end sends
        out += testing::params(
            id, testing::pair(content.substr(0, content.size() / 2), content.substr(content.size() / 2)));
        break;
      case 7:
        out += testing::params(id) + testing::stdin_record(id);
        break;
      case 9:
        out += testing::record(9, 0, testing::pair(kQuestions[number % 4], content.substr(0, 2)));
        break;
      case 12:
        out += testing::record(9, 0, content);
        break;
      default:
        out += testing::record(type, kind < 128 ? id : 0, content, kind / 16);
    }
  }
  return out;
}

/// A connection with its record of events.
struct Connection {
  ConnectionState state{kLimits, {.max_connections = 3, .max_requests = 2, .multiplexes = true}};
  Order order;
  testing::Recorder recorder{state,
                             [this](ConnectionState& given, const Event& event) { order.see(given, event); }};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const bool raw = size > 4 && data[4] == 1;
  const std::string script(size > 4 ? reinterpret_cast<const char*>(data) + 4 : "", size > 4 ? size - 4 : 0);
  std::string bytes(reinterpret_cast<const char*>(data), std::min<std::size_t>(size, 4));
  bytes += raw ? script : records_of(script);
  owind::fuzz::Input input(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  Connection whole;
  whole.recorder.feed(input.data());
  require(whole.recorder.failed() || whole.recorder.consumed_all(), "all is consumed at kNeedMore");
  Connection cut;
  input.for_each_piece([&](std::string_view piece) { cut.recorder.feed(piece); });
  require(cut.recorder.lines() == whole.recorder.lines(), "the same events however they are cut");
  require(cut.state.mid_record() == whole.state.mid_record() && cut.state.idle() == whole.state.idle(),
          "the same state however it came about");
  // By the shorter way for parameters, of requests that never end.
  ConnectionState one{kLimits, {}}, many{kLimits, {}};
  testing::Recorder slowly{one, [](ConnectionState&, const Event&) {}};
  testing::Recorder quickly{many};
  slowly.feed(input.data());
  input.for_each_piece([&](std::string_view piece) { quickly.feed(piece); });
  require(quickly.lines() == slowly.lines(), "the same parameters, one by one and many at a time");
  require(many.mid_record() == one.mid_record() && many.idle() == one.idle(), "the same state behind them");
  return 0;
}
