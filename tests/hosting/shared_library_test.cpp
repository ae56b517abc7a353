#include "hosting/shared_library.hpp"

#include <doctest/doctest.h>

#include "tests/hosting/fake_hostfxr.hpp"
#include "tests/hosting/fixtures.hpp"

using namespace owind::hosting;
using testing::has;

TEST_CASE("SharedLibrary: gives the functions of a library") {
  const SharedLibrary library = SharedLibrary::open(OWIND_FAKE_HOSTFXR);
  CHECK(library.symbol<decltype(&fake_hostfxr)>("fake_hostfxr")() != nullptr);
  CHECK(library.file() == OWIND_FAKE_HOSTFXR);
}

TEST_CASE("SharedLibrary: the loader's own text stands in the errors") {
  CHECK(has(testing::error_of([] { (void)SharedLibrary::open("/not/there.so"); }),
            "No such file or directory"));
  testing::Folder folder;
  CHECK(has(testing::error_of([&] { (void)SharedLibrary::open(folder.write("text.so", "hello")); }),
            "file too short"));
  const std::string missing = testing::error_of(
      [] { (void)SharedLibrary::open(OWIND_FAKE_HOSTFXR).symbol<void (*)()>("no_such_function"); });
  CHECK(has(missing, "lacks the function no_such_function"));
  CHECK(has(missing, "undefined symbol"));
}

TEST_CASE("SharedLibrary: can_open says whether") {
  CHECK(SharedLibrary::can_open("libc.so.6"));
  CHECK_FALSE(SharedLibrary::can_open("libowind-not-there.so.1"));
}
