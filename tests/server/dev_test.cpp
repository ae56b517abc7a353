// The parts of the development server that need no process: what it makes of a build's output, of folders, of
// changes, and what it shows.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <thread>

#include "middleware/limits.hpp"
#include "server/dev/browser.hpp"
#include "server/dev/build_report.hpp"
#include "server/dev/child.hpp"
#include "server/dev/diagnostic.hpp"
#include "server/dev/file_watcher.hpp"
#include "server/dev/own_inodes.hpp"
#include "server/dev/project_template.hpp"
#include "server/dev/status_page.hpp"
#include "server/dev/stragglers.hpp"
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
  CHECK(contains(page, "<span class=\"hit\"><i>3</i>t<u>hree</u> &lt;script&gt;</span>"));
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
  // Several on one line, with the source once.
  const Diagnostic both[] = {error, {true, file, 3, 5, "CS2", "other"}, {true, file, 2, 1, "CS3", "third"}};
  const auto three = build_failed_page("n", both, "");
  CHECK(contains(three, "3 errors."));
  CHECK(three.find("CS1") < three.find("CS2"));
  CHECK(three.find("CS2") < three.find("<i>3</i>"));
  CHECK(contains(three, "<i>2</i><u>two</u>"));
  // The place where it failed to start.
  CHECK(contains(failure_page("x", "owind: it failed\n   at A.B() in /no/such.cs:line 3\n   at A.C() in " +
                                       file.string() + ":line 2\n"),
                 "<span class=\"hit\"><i>2</i>two</span>"));
}

TEST_CASE("status pages: however much there is to say, a page is a small response") {
  TemporaryFolder folder;
  const fs::path file = folder / "a.cs";
  std::string source;
  for (int i = 0; i < 50; ++i) source += std::string(1000, '"') + "\n";
  write(file, source);
  std::vector<Diagnostic> many;
  for (int i = 1; i <= 40; ++i) many.push_back({true, file, i, 1, "CS1", std::string(5000, '<')});
  constexpr std::size_t kMost = middleware::PipeLimits{}.high_mark_bytes;
  const auto page = build_failed_page("n", many, "");
  CHECK(page.size() < kMost);
  CHECK(contains(page, "40 errors."));
  CHECK(contains(page, " more.</p>"));
  const std::string lines = [] {
    std::string text;
    for (int i = 0; i < 20'000; ++i) text += "<line " + std::to_string(i) + ">\n";
    return text;
  }();
  CHECK(failure_page("x", lines).size() < kMost);
  CHECK(contains(failure_page("x", lines), "&lt;line 19999&gt;"));
  CHECK(failure_page("x", std::string(1 << 18, '"')).size() < kMost);
}

TEST_CASE("find_target: a project, its folder, or an assembly") {
  TemporaryFolder folder;
  write(folder / "App.csproj");
  // What editors, other systems and strange folders look like.
  write(folder / "._App.csproj");
  fs::create_symlink("user@host.1234:5678", folder / ".#App.csproj");
  fs::create_symlink("nowhere.csproj", folder / "Old.csproj");
  fs::create_directory(folder / "Folder.csproj");
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
  // A solution is no project, but there are some below it.
  fs::create_directories(folder / "all/src/Web/obj");
  write(folder / "all/src/Web/obj/no.csproj");
  write(folder / "all/src/Web/Web.csproj");
  const auto message = [&](const char* name) {
    return message_of<std::invalid_argument>([&] { (void)find_target(folder / name); });
  };
  CHECK(contains(message("all"), "there is no project in "));
  CHECK(contains(message("all"), "in folders of it: src/Web/Web.csproj; name the one to run"));
  for (const char* name : {"all/My.slnx", "all/My.sln"}) {
    write(folder / name);
    CHECK(contains(message("all"),
                   std::string(name) + " is a solution; name the project to run, one of src/Web/Web.csproj"));
    CHECK(contains(message(name), "is a solution"));
  }
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
    FileWatcher watcher(method, FileWatcher::Depth::kBelow, is_source);
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
    // A folder that gets another name is followed under the new one only.
    fs::rename(folder / "new", folder / "newer");
    CHECK(wait_changed(watcher, root).contains("newer/deep/b.cs"));
    write(folder / "newer/deep/b.cs", "longer still");
    CHECK(wait_changed(watcher, root) == std::set<std::string>{"newer/deep/b.cs"});
  }
}

TEST_CASE("FileWatcher: what is watched may go away and come back") {
  for (const auto method : {FileWatcher::Method::kEvents, FileWatcher::Method::kPolling}) {
    TemporaryFolder folder;
    const fs::path root = folder / "project";
    fs::create_directory(root);
    write(root / "a.cs");
    FileWatcher watcher(method, FileWatcher::Depth::kBelow, is_source);
    watcher.add(root);
    fs::rename(root, folder / "elsewhere");
    CHECK_FALSE(wait_changed(watcher, root).empty());
    CHECK(watcher.changed().empty());
    fs::rename(folder / "elsewhere", root);
    CHECK(wait_changed(watcher, root) == std::set<std::string>{"a.cs"});
    fs::remove_all(root);
    CHECK_FALSE(wait_changed(watcher, root).empty());
    fs::create_directory(root);
    write(root / "b.cs");
    CHECK(wait_changed(watcher, root).contains("b.cs"));
  }
}

TEST_CASE("FileWatcher: of a folder's own files, whatever goes on in folders of it") {
  for (const auto method : {FileWatcher::Method::kEvents, FileWatcher::Method::kPolling}) {
    TemporaryFolder folder;
    fs::create_directory(folder / "sub");
    FileWatcher watcher(method, FileWatcher::Depth::kBeside, is_source);
    watcher.add(folder.path());
    write(folder / "sub/a.cs");
    fs::create_directory(folder / "new");
    write(folder / "new/a.cs");
    fs::rename(folder / "new", folder / "newer");
    fs::remove_all(folder / "newer");
    write(folder / "b.cs");
    CHECK(wait_changed(watcher, folder.path()) == std::set<std::string>{"b.cs"});
    fs::remove(folder / "b.cs");
    CHECK(wait_changed(watcher, folder.path()) == std::set<std::string>{"b.cs"});
  }
}

TEST_CASE("browser_command: the words of BROWSER, and the address") {
  using Words = std::vector<std::string>;
  CHECK(browser_command("", "http://x") == Words{"xdg-open", "http://x"});
  CHECK(browser_command(" ", "http://x") == Words{"xdg-open", "http://x"});
  CHECK(browser_command("chrome --incognito", "http://x") == Words{"chrome", "--incognito", "http://x"});
  CHECK(browser_command("chrome --app=%s  -y:lynx", "http://x") == Words{"chrome", "--app=http://x", "-y"});
  TemporaryFolder folder;
  const std::string program = folder / "a browser";
  write(program);
  REQUIRE(::chmod(program.c_str(), 0755) == 0);
  CHECK(browser_command(program, "http://x") == Words{program, "http://x"});
}

TEST_CASE("is_source: what builds and browsers read, and nothing that an application writes") {
  for (const char* name : {"A.cs", "a.csproj", "Directory.Build.props", "appsettings.Development.json",
                           "web.config", "x.resx", "i.html", ".editorconfig", "A.Designer.cs"})
    CHECK_MESSAGE(is_source(name), name);
  for (const char* name : {"a.log", "data.json", "app.db", "app.db-wal", "x.txt", "a.cs~", ".a.cs.swp",
                           "a.cs.tmp", "4913", "a", "x.dll", ".#a.cs", "#a.cs#"})
    CHECK_FALSE_MESSAGE(is_source(name), name);
}

TEST_CASE("read_build_report: the project's assembly for the newest framework, and all folders") {
  TemporaryFolder folder;
  fs::create_directory(folder / "report");
  const std::string root = folder.path().string();
  write(folder / "report/1", root + "/app/App.csproj\n" + root + "/app/bin/net8.0/App.dll\nv8.0\n");
  write(folder / "report/2", root + "/lib/Lib.csproj\n" + root + "/lib/bin/Lib.dll\nv10.0\n");
  write(folder / "report/3", root + "/app/App.csproj\n" + root + "/app/bin/a;b/App.dll\nv10.0\n");
  write(folder / "report/4", "cut off");
  const auto report = read_build_report(folder / "report", folder / "app/App.csproj");
  CHECK(report.assembly == folder / "app/bin/a;b/App.dll");
  CHECK(report.folders == std::vector<fs::path>{folder / "app", folder / "lib"});
  CHECK(read_build_report(folder / "none", folder / "app/App.csproj").assembly.empty());
}

TEST_CASE("replace_by_copy: who has mapped a file keeps it when the name is written over") {
  TemporaryFolder folder;
  const fs::path file = folder / "a b.dll";
  write(file, "old");
  const io::UniqueFd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  void* mapped = ::mmap(nullptr, 3, PROT_READ, MAP_SHARED, fd.get(), 0);
  REQUIRE(mapped != MAP_FAILED);
  struct stat before {};
  REQUIRE(::stat(file.c_str(), &before) == 0);
  const fs::path real = fs::canonical(folder.path());
  CHECK(mapped_files(::getpid(), real) == std::vector<fs::path>{real / "a b.dll"});
  // As whoever asks names the folder: the kernel knows no symbolic links.
  const fs::path link = fs::path(folder.path().string() + "-link");
  fs::create_directory_symlink(real, link);
  CHECK(mapped_files(::getpid(), link) == std::vector<fs::path>{link / "a b.dll"});
  fs::remove(link);
  CHECK(replace_by_copy(file));
  struct stat after {};
  REQUIRE(::stat(file.c_str(), &after) == 0);
  CHECK(before.st_ino != after.st_ino);
  CHECK(before.st_mtim.tv_nsec == after.st_mtim.tv_nsec);
  CHECK(before.st_mode == after.st_mode);
  write(file, "new");
  CHECK(std::string_view(static_cast<const char*>(mapped), 3) == "old");
  // What has no name any more is nobody's to write over.
  CHECK(mapped_files(::getpid(), real).empty());
  CHECK_FALSE(replace_by_copy(folder / "none.dll"));
  ::munmap(mapped, 3);
}

TEST_CASE("kill_processes_with: ends whatever has the variable, however it was started") {
  // A grandchild that has left its parent.
  const std::string mark = "owind-test-" + std::to_string(::getpid());
  Child child({.arguments = {"sh", "-c", "sleep 600 & echo there"},
               .environment = {{"OWIND_TEST_MARK", mark}},
               .folder = "",
               .captures_stdout = true});
  while (!child.ended()) std::this_thread::yield();
  // For a moment in exec(3) it has no variables.
  while (processes_with("OWIND_TEST_MARK", mark).size() != 1) std::this_thread::yield();
  kill_processes_with("OWIND_TEST_MARK", mark);
  while (!processes_with("OWIND_TEST_MARK", mark).empty()) std::this_thread::yield();
  // Its end of the pipe is closed.
  while (child.output_fd() >= 0) {
    child.read();
    std::this_thread::yield();
  }
  CHECK(child.output() == "there\n");
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
  write(folder / "file");
  CHECK(contains(message_of<std::invalid_argument>([&] { write_project(folder.path(), "file", "minimal"); }),
                 "there is a file " + (folder / "file")));
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
