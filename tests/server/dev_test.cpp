// The parts of the development server that need no process: what it makes of a build's output, of folders, of
// changes, and what it shows.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <thread>

#include "server/dev/child.hpp"
#include "server/dev/diagnostic.hpp"
#include "server/dev/file_watcher.hpp"
#include "server/dev/project_template.hpp"
#include "server/dev/status_page.hpp"
#include "server/dev/target.hpp"
#include "server/dev/terminal.hpp"
#include "tests/server/message_of.hpp"
#include "tests/server/temporary_folder.hpp"

namespace owind::dev {
namespace {

namespace fs = std::filesystem;
using test::contains;
using test::message_of;
using test::TemporaryFolder;

void write(const fs::path& file, std::string_view text = "x") { std::ofstream(file) << text; }

/// What has changed, as names relative to `root`, once anything has.
std::set<std::string> wait_changed(FileWatcher& watcher, const fs::path& root) {
  while (true) {
    const auto files = watcher.changed();
    std::set<std::string> names;
    for (const auto& file : files) names.insert(file.lexically_relative(root).string());
    if (!names.empty()) return names;
    std::this_thread::yield();
  }
}

}  // namespace

TEST_CASE("diagnostics_of: errors and warnings of a build, each once, errors first") {
  const auto found = diagnostics_of(
      "  Determining projects to restore...\n"
      "/p/A.cs(3,7): warning CS0168: The variable 'x' is declared: never used [/p/p.csproj]\n"
      "/p/B (1).cs(12,5): error CS1002: ; expected [/p/p.csproj]\r\n"
      "/p/B (1).cs(12,5): error CS1002: ; expected [/p/p.csproj]\n"
      "CSC : error CS5001: Program does not contain a static 'Main' method [/p/p.csproj]\n"
      "/p/p.csproj : error NU1101: Unable to find package X. [/p/p.sln]\n"
      "MSBUILD : error MSB1009: Project file does not exist.\n"
      "Build FAILED: error handling\n");
  REQUIRE(found.size() == 5);
  CHECK(found[0] == Diagnostic{true, "/p/B (1).cs", 12, 5, "CS1002", "; expected"});
  CHECK(found[1] == Diagnostic{true, "", 0, 0, "CS5001", "Program does not contain a static 'Main' method"});
  CHECK(found[2] == Diagnostic{true, "/p/p.csproj", 0, 0, "NU1101", "Unable to find package X."});
  CHECK(found[3] == Diagnostic{true, "", 0, 0, "MSB1009", "Project file does not exist."});
  CHECK(found[4] == Diagnostic{false, "/p/A.cs", 3, 7, "CS0168", "The variable 'x' is declared: never used"});
  CHECK(diagnostics_of("").empty());
}

TEST_CASE("status pages: everything that is not ours is escaped, and the source line is shown") {
  TemporaryFolder folder;
  const fs::path file = folder / "a<b>.cs";
  write(file, "one\ntwo\nthree <script>\nfour\n");
  const Diagnostic error{true, file, 3, 2, "CS1", "<img src=x>"};
  const auto page = build_failed_page("na<me", std::span(&error, 1), "");
  CHECK(contains(page, "<span class=\"hit\"><i>3</i>three &lt;script&gt;</span>"));
  CHECK(contains(page, "&lt;img src=x&gt;"));
  CHECK(contains(page, "na&lt;me"));
  CHECK_FALSE(contains(page, "<img"));
  CHECK_FALSE(contains(page, "<script"));
  CHECK(contains(failure_page("it <ended>", "a & \"b\" \x1b[31m"), "a &amp; &quot;b&quot;  [31m"));
  CHECK(contains(building_page("x&y"), "x&amp;y"));
  // Without diagnostics what the build has written.
  CHECK(contains(build_failed_page("n", {}, "no <sdk>"), "no &lt;sdk&gt;"));
  // A source file that has gone, or a line behind its end.
  const Diagnostic gone{true, folder / "gone.cs", 3, 2, "CS1", "m"};
  CHECK(contains(build_failed_page("n", std::span(&gone, 1), ""), "gone.cs:3:2"));
}

TEST_CASE("find_target: a project, its folder, or an assembly") {
  TemporaryFolder folder;
  write(folder / "App.csproj");
  CHECK(find_target(folder.path()).project == folder / "App.csproj");
  CHECK(find_target(folder / "App.csproj").name() == "App");
  write(folder / "Other.fsproj");
  CHECK(contains(message_of<std::invalid_argument>([&] { (void)find_target(folder.path()); }),
                 "App.csproj, Other.fsproj; name the one to run"));
  fs::create_directory(folder / "out");
  write(folder / "out/App.dll");
  CHECK(contains(message_of<std::invalid_argument>([&] { (void)find_target(folder / "out"); }),
                 "owind new NAME"));
  write(folder / "out/App.runtimeconfig.json");
  CHECK(find_target(folder / "out").assembly == folder / "out/App.dll");
  CHECK(find_target(folder / "out/App.dll").project.empty());
  CHECK(
      contains(message_of<std::invalid_argument>([&] { (void)find_target(folder / "no"); }), "there is no "));
  CHECK(contains(
      message_of<std::invalid_argument>([&] { (void)find_target(folder / "out/App.runtimeconfig.json"); }),
      "neither a project"));
}

TEST_CASE("FileWatcher: tells what changed, in old folders and new ones, and what is not looked at") {
  for (const auto method : {FileWatcher::Method::kEvents, FileWatcher::Method::kPolling}) {
    TemporaryFolder folder;
    for (const char* name : {"sub", "bin", "obj", ".git", "node_modules"})
      fs::create_directory(folder / name);
    write(folder / "sub/a.cs");
    FileWatcher watcher(method, is_source);
    watcher.add(folder.path());
    watcher.add(folder / "sub");
    CHECK(watcher.changed().empty());
    const fs::path root = folder.path();
    for (const char* name :
         {"bin/x.cs", "obj/x.cs", ".git/x.cs", "node_modules/x.cs", ".#a.cs", "a.cs~", "a.swp", "4913"})
      write(folder / name);
    write(folder / "sub/a.cs", "longer");
    CHECK(wait_changed(watcher, root) == std::set<std::string>{"sub/a.cs"});
    fs::create_directories(folder / "new/deep");
    write(folder / "new/deep/b.cs");
    CHECK(wait_changed(watcher, root).contains("new/deep/b.cs"));
    write(folder / "new/deep/c.tmp", "as editors do");
    fs::rename(folder / "new/deep/c.tmp", folder / "new/deep/b.cs");
    CHECK(wait_changed(watcher, root).contains("new/deep/b.cs"));
    fs::remove(folder / "sub/a.cs");
    CHECK(wait_changed(watcher, root) == std::set<std::string>{"sub/a.cs"});
  }
}

TEST_CASE("owind new: every template has a project and a Startup with the name in it, and no hole") {
  for (const std::string_view which : template_names()) {
    bool startup = false;
    for (const auto& file : template_files(which, "My.App")) {
      CHECK_FALSE(contains(file.text, "{name}"));
      CHECK_FALSE(contains(file.text, "{packages}"));
      startup |= file.name == "Startup.cs" && contains(file.text, "Hello from My.App");
    }
    CHECK(startup);
    CHECK(template_files(which, "My.App").front().name == "My.App.csproj");
  }
}

TEST_CASE("owind new: a folder that is not empty is left alone, and names are names") {
  TemporaryFolder folder;
  write_project(folder.path(), "one", "minimal");
  CHECK(fs::exists(folder / "one/one.csproj"));
  CHECK(contains(message_of<std::invalid_argument>([&] { write_project(folder.path(), "one", "minimal"); }),
                 "is not an empty folder"));
  for (const char* name : {"a", "App1", "My.App", "my-app_2"}) CHECK(is_project_name(name));
  for (const char* name : {"", "1a", "a/b", "..", "a b", "-a", "a.", "\xc3\xa4"})
    CHECK_FALSE(is_project_name(name));
}

TEST_CASE("Child: inherits what it is given, its output is kept, its end is told") {
  TemporaryFolder folder;
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  ChildCommand command;
  command.arguments = {"sh", "-c", "echo to-three >&3; echo $GIVEN; echo err >&2; pwd; exit 3"};
  command.environment = {{"GIVEN", "a value"}};
  command.folder = folder.path();
  command.inherit = ends[1];
  command.captures_stdout = true;
  Child child(command);
  while (child.output_fd() >= 0) {
    child.read();
    std::this_thread::yield();
  }
  while (!child.ended()) std::this_thread::yield();
  CHECK(end_text(*child.ended()) == "exit code 3");
  CHECK(contains(child.output(), "a value\nerr\n"));
  char text[16] = {};
  CHECK(::read(ends[0], text, sizeof text) == 9);
  CHECK(std::string_view(text) == "to-three\n");
  ::close(ends[0]);
  ::close(ends[1]);
  Child none({.arguments = {"no-such-program-here"}, .environment = {}, .folder = ""});
  while (!none.ended()) std::this_thread::yield();
  none.read();
  CHECK(end_text(*none.ended()) == "exit code 127");
  CHECK(contains(none.output(), "no-such-program-here: No such file"));
}

TEST_CASE("Terminal: plain text and no progress where there is no terminal") {
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  Terminal terminal(ends[1]);
  terminal.progress("building", std::chrono::milliseconds(5));
  terminal.line(terminal.paint(Colour::kRed, "red"));
  ::close(ends[1]);
  char text[64] = {};
  CHECK(::read(ends[0], text, sizeof text) == 4);
  CHECK(std::string_view(text) == "red\n");
  ::close(ends[0]);
  CHECK(seconds_text(std::chrono::milliseconds(230)) == "0.23 s");
  CHECK(seconds_text(std::chrono::milliseconds(12'340)) == "12.3 s");
}

}  // namespace owind::dev
