#include "hosting/temporary_file.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include "tests/hosting/fixtures.hpp"

using namespace owind::hosting;
using testing::Folder;
using testing::has;
namespace fs = std::filesystem;

TEST_CASE("TemporaryFile: private, with its content and suffix, gone with its owner") {
  Folder folder;
  fs::path path;
  {
    TemporaryFile first({"", "relative", "/not/there", folder.path()}, ".runtimeconfig.json", "content");
    const TemporaryFile file(std::move(first));
    path = file.path();
    CHECK(path.parent_path() == folder.path());
    CHECK(path.string().ends_with(".runtimeconfig.json"));
    struct stat status {};
    REQUIRE(::stat(path.c_str(), &status) == 0);
    CHECK((status.st_mode & 0777U) == 0600U);
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    CHECK(text.str() == "content");
  }
  CHECK_FALSE(fs::exists(path));
}

TEST_CASE("TemporaryFile: the error names each folder and what to set") {
  const std::string error = testing::error_of([] {
    TemporaryFile({"/not/there", "/dev/null/x"}, ".json", "");
  });
  CHECK(has(error, "/not/there: No such file or directory"));
  CHECK(has(error, "/dev/null/x: Not a directory"));
  CHECK(has(error, "TMPDIR"));
}
