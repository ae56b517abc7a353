#include "hosting/assembly_file.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/hosting/fixtures.hpp"

using namespace owind::hosting;
using testing::Folder;
using testing::has;
using testing::minimal_assembly;
namespace fs = std::filesystem;

namespace {

std::string refusal(const fs::path& path) {
  return testing::error_of([&] { (void)require_application(path); });
}

}  // namespace

TEST_CASE("inspect_assembly: a file with CLI header and metadata is managed [ECMA-335 II.25]") {
  Folder folder;
  CHECK(inspect_assembly(folder.write("App.dll", minimal_assembly())).kind == AssemblyKind::kManaged);
  CHECK(inspect_assembly(folder.write("Native.dll", minimal_assembly(0))).kind == AssemblyKind::kNativePe);
}

TEST_CASE("inspect_assembly: a file cut at any length is never managed, and never read out of bounds") {
  Folder folder;
  const std::string whole = minimal_assembly();
  for (std::size_t length = 0; length < whole.size(); ++length) {
    const AssemblyKind kind = inspect_assembly(folder.write("App.dll", whole.substr(0, length))).kind;
    CAPTURE(length);
    CHECK(kind == (length == 0   ? AssemblyKind::kEmpty
                   : length == 1 ? AssemblyKind::kOther
                                 : AssemblyKind::kTruncated));
  }
}

TEST_CASE("inspect_assembly: any one byte of the headers may be wrong") {
  Folder folder;
  const std::string whole = minimal_assembly();
  for (std::size_t at = 0; at < 0x260; ++at) {
    std::string changed = whole;
    changed[at] = static_cast<char>(changed[at] ^ '\xFF');
    CHECK_NOTHROW((void)inspect_assembly(folder.write("App.dll", changed)));
  }
}

TEST_CASE("inspect_assembly: what is not an assembly is named") {
  Folder folder;
  CHECK(inspect_assembly(folder.path() / "none").kind == AssemblyKind::kMissing);
  CHECK(inspect_assembly(folder.write("file") / "below").kind == AssemblyKind::kMissing);
  CHECK(inspect_assembly(folder.path()).kind == AssemblyKind::kFolder);
  CHECK(inspect_assembly("/dev/null").kind == AssemblyKind::kNotAFile);
  CHECK(inspect_assembly(folder.write("elf",
                                      "\x7f"
                                      "ELF...."))
            .kind == AssemblyKind::kElf);
  CHECK(inspect_assembly(folder.write("text", "hello")).kind == AssemblyKind::kOther);
  CHECK(inspect_assembly(folder.write("dos.exe", "MZ" + std::string(200, '\0'))).kind ==
        AssemblyKind::kNativePe);
  const fs::path pipe = folder.path() / "pipe";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  CHECK(inspect_assembly(pipe).kind == AssemblyKind::kNotAFile);
  const fs::path loop = folder.path() / "loop";
  fs::create_symlink(loop, loop);
  CHECK(inspect_assembly(loop).kind == AssemblyKind::kUnreadable);
}

TEST_CASE("require_application: gives the absolute path of an assembly") {
  Folder folder;
  const fs::path app = folder.write("My App.dll", minimal_assembly());
  CHECK(require_application(app) == app);
  CHECK(require_application(folder.path() / "." / "x" / ".." / "My App.dll") == app);
  CHECK(require_application(fs::relative(app)) == app);
  CHECK(require_application(folder.write("App.EXE", minimal_assembly())).filename() == "App.EXE");
}

TEST_CASE("require_application: a missing file is refused with what was probably meant") {
  Folder folder;
  folder.write("App.dll", minimal_assembly());
  CHECK(has(refusal(folder.path() / "App"), "give " + (folder.path() / "App.dll").string()));
  CHECK(has(refusal(folder.path() / "App.exe"), "give " + (folder.path() / "App.dll").string()));
  CHECK(has(refusal(folder.path() / "Other.dll"), "does not exist"));
  CHECK(has(refusal("/not/there/App.dll"), "its folder /not/there does not exist either"));
  CHECK(has(refusal(""), "no application was given"));
}

TEST_CASE("require_application: a folder is refused with the applications in it") {
  Folder folder;
  CHECK(has(refusal(folder.make("empty")), "is a folder"));
  folder.write("one/App.dll", minimal_assembly());
  folder.write("one/Lib.dll", minimal_assembly());
  folder.write("one/App.runtimeconfig.json");
  folder.write("one/Gone.runtimeconfig.json");
  CHECK(has(refusal(folder.path() / "one"), "give " + (folder.path() / "one/App.dll").string() + " instead"));
  folder.write("two/B.dll");
  folder.write("two/A.dll");
  CHECK(
      has(refusal(folder.path() / "two"), "one of these instead: " + (folder.path() / "two/A.dll").string()));
  folder.write("project/App.csproj");
  CHECK(has(refusal(folder.path() / "project"), "build the project"));
}

TEST_CASE("require_application: a launcher is refused with the assembly that it starts") {
  Folder folder;
  folder.write("App.dll", minimal_assembly());
  CHECK(has(refusal(folder.write("App",
                                 "\x7f"
                                 "ELF")),
            "give " + (folder.path() / "App.dll").string()));
  CHECK(has(refusal(folder.write("App.exe", minimal_assembly(0))),
            "give " + (folder.path() / "App.dll").string()));
  CHECK(has(refusal(folder.write("aot",
                                 "\x7f"
                                 "ELF")),
            "PublishAot"));
  CHECK(has(refusal(folder.write("native.dll", minimal_assembly(0))), "native Windows program"));
}

TEST_CASE(
    "require_application: source, damaged, empty, unnamed and foreign files are refused with their reason") {
  Folder folder;
  CHECK(has(refusal(folder.write("App.csproj", "<Project/>")), "it is source code"));
  CHECK(
      has(refusal(folder.write("App.runtimeconfig.json", "{}")), "give the .dll that this file belongs to"));
  CHECK(has(refusal(folder.write("Cut.dll", minimal_assembly().substr(0, 600))), "damaged"));
  CHECK(has(refusal(folder.write("Empty.dll")), "is empty"));
  CHECK(has(refusal(folder.write("Text.dll", "hello")), "is not a .NET assembly"));
  CHECK(has(refusal(folder.write("App.bin", minimal_assembly())), "does not end in .dll or .exe"));
  CHECK(has(refusal("/dev/null"), "is not a file"));
}
