// Native middleware in its order, and completions that are called exactly once.
#include "middleware/pipeline.hpp"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/middleware/fake_environment.hpp"

using namespace owind::middleware;
using namespace owind::middleware::testing;

namespace {

struct Outcomes {
  std::vector<Outcome> seen;
  Completion completion() {
    return Completion(
        [](void* self, Outcome outcome) noexcept { static_cast<Outcomes*>(self)->seen.push_back(outcome); },
        this);
  }
};

using Log = std::vector<std::string>;

/// Notes that it was called, then calls on with a completion that notes the way back.
class Noting : public Middleware {
 public:
  Noting(std::string name, Log& log) : name_(std::move(name)), log_(log) {}
  void invoke(Environment& environment, Completion completion, const AppFunc& next) noexcept override {
    log_.push_back(name_ + " in");
    behind_ = std::move(completion);
    next(environment, Completion(
                          [](void* self, Outcome outcome) noexcept {
                            auto& noting = *static_cast<Noting*>(self);
                            noting.log_.push_back(noting.name_ + " out");
                            noting.behind_(outcome);
                          },
                          this));
  }

 private:
  std::string name_;
  Log& log_;
  Completion behind_;
};

/// Answers itself.
class Answering : public Middleware {
 public:
  void invoke(Environment&, Completion completion, const AppFunc&) noexcept override {
    completion(Outcome::kCompleted);
  }
};

struct Application {
  Log* log;
  void invoke(Environment&, Completion completion) noexcept {
    log->push_back("app");
    completion(Outcome::kFaulted);
  }
};

}  // namespace

TEST_CASE("Completion: called, it says so once, and is empty then") {
  Outcomes outcomes;
  {
    Completion completion = outcomes.completion();
    CHECK(completion);
    completion(Outcome::kCancelled);
    CHECK(!completion);
  }
  CHECK(outcomes.seen == std::vector{Outcome::kCancelled});
}

TEST_CASE("Completion: dropped without a call it is abandoned; an empty one is nothing") {
  Outcomes outcomes;
  { const Completion completion = outcomes.completion(); }
  CHECK(outcomes.seen == std::vector{Outcome::kAbandoned});
  { const Completion empty; }
}

TEST_CASE("Completion: a move takes the promise along; assigning drops what was promised before") {
  Outcomes first;
  Outcomes second;
  {
    Completion a = first.completion();
    Completion b(std::move(a));
    CHECK(!a);
    CHECK(b);
    b = second.completion();
    CHECK(first.seen == std::vector{Outcome::kAbandoned});
    Completion& same = b;
    b = std::move(same);
    CHECK(b);
    CHECK(second.seen.empty());
    b(Outcome::kCompleted);
    b = Completion();
  }
  CHECK(first.seen.size() == 1);
  CHECK(second.seen == std::vector{Outcome::kCompleted});
}

TEST_CASE("Pipeline: without middleware it is the application") {
  Log log;
  Application application{&log};
  FakeEnvironment environment;
  Outcomes outcomes;
  const Pipeline pipeline(AppFunc::of(application));
  pipeline.app()(environment, outcomes.completion());
  CHECK(log == Log{"app"});
  CHECK(outcomes.seen == std::vector{Outcome::kFaulted});
}

TEST_CASE("Pipeline: what was added last is outermost, and completions run in reverse") {
  Log log;
  Application application{&log};
  FakeEnvironment environment;
  Outcomes outcomes;
  Pipeline pipeline(AppFunc::of(application));
  pipeline.use(std::make_unique<Noting>("inner", log));
  pipeline.use(std::make_unique<Noting>("outer", log));
  pipeline.app()(environment, outcomes.completion());
  CHECK(log == Log{"outer in", "inner in", "app", "inner out", "outer out"});
  CHECK(outcomes.seen == std::vector{Outcome::kFaulted});
}

TEST_CASE("Pipeline: a middleware that answers itself keeps the rest from being called") {
  Log log;
  Application application{&log};
  FakeEnvironment environment;
  Outcomes outcomes;
  Pipeline pipeline(AppFunc::of(application));
  pipeline.use(std::make_unique<Noting>("inner", log));
  pipeline.use(std::make_unique<Answering>());
  pipeline.use(std::make_unique<Noting>("outer", log));
  pipeline.app()(environment, outcomes.completion());
  CHECK(log == Log{"outer in", "outer out"});
  CHECK(outcomes.seen == std::vector{Outcome::kCompleted});
}

TEST_CASE(
    "Pipeline: an application that drops its completion has abandoned the request, through all middleware") {
  struct Dropping {
    void invoke(Environment&, Completion) noexcept {}
  } application;
  Log log;
  FakeEnvironment environment;
  Outcomes outcomes;
  Pipeline pipeline(AppFunc::of(application));
  pipeline.use(std::make_unique<Noting>("outer", log));
  pipeline.app()(environment, outcomes.completion());
  CHECK(log == Log{"outer in", "outer out"});
  CHECK(outcomes.seen == std::vector{Outcome::kAbandoned});
}
