// The order of a shard's ready list.
#include "server/runner/ready_list.hpp"

#include <doctest/doctest.h>

#include "tests/runner/rig.hpp"

using namespace owind::runner;
using namespace owind::runner::test;

TEST_CASE("ReadyList: calls come out in the order in which they went in") {
  TestCall one({}), two({}), three({});
  ReadyList list;
  CHECK(list.pop() == nullptr);
  list.push(one, 7);
  list.push(two, 8);
  CHECK(list.first_ticket() == 7);
  CHECK(list.pop() == &one);
  list.push(three, 9);
  CHECK(list.size() == 2);
  CHECK(list.pop() == &two);
  CHECK(list.pop() == &three);
  CHECK(list.pop() == nullptr);
  CHECK(list.empty());
}

TEST_CASE("ReadyList: a call is removed from any place, and the list goes on at its end") {
  for (std::size_t removed = 0; removed < 3; ++removed) {
    std::vector<std::unique_ptr<TestCall>> calls;
    ReadyList list;
    for (std::size_t i = 0; i < 3; ++i) {
      calls.push_back(std::make_unique<TestCall>(TestCall::Body{}));
      list.push(*calls.back(), i);
    }
    CHECK(list.remove(*calls[removed]));
    CHECK(!list.remove(*calls[removed]));
    CHECK(list.size() == 2);
    list.push(*calls[removed], 3);
    for (std::size_t i = 0; i < 3; ++i) {
      if (i != removed) CHECK(list.pop() == calls[i].get());
    }
    CHECK(list.pop() == calls[removed].get());
    CHECK(list.empty());
  }
}

TEST_CASE("ReadyList: the only call can be removed, and another one pushed") {
  TestCall one({}), two({});
  ReadyList list;
  list.push(one, 1);
  CHECK(list.remove(one));
  CHECK(list.empty());
  CHECK(!list.remove(one));
  list.push(two, 2);
  CHECK(list.pop() == &two);
}
