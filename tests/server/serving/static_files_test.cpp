// Files in front of the application, over HTTP and over FastCGI: what is served, as what, and what never is.
#include "middleware/builtin/static_files.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "hosting/native_exports.hpp"
#include "tests/server/open_files_limit.hpp"
#include "tests/support/server_rig.hpp"

namespace owind::testing {
namespace {

namespace fs = std::filesystem;

class Folder {
 public:
  Folder() {
    std::string name = (fs::temp_directory_path() / "owind-static-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~Folder() { fs::remove_all(path); }
  void write(const std::string& name, const std::string& content) const {
    fs::create_directories((path / name).parent_path());
    std::ofstream(path / name, std::ios::binary) << content;
    // A time that the tests know: 784111777, and 5 ns.
    const timespec times[2] = {{784111777, 5}, {784111777, 5}};
    REQUIRE(::utimensat(AT_FDCWD, (path / name).c_str(), times, 0) == 0);
  }
  fs::path path;
};

constexpr const char* kDate = "Sun, 06 Nov 1994 08:49:37 GMT";

RigOptions with_files(const Folder& folder, LogLines& log, std::string prefix = "", bool revalidate = false) {
  RigOptions options;
  options.middleware.push_back([&folder, &log, prefix, revalidate](middleware::TokenTable&) {
    return std::make_unique<middleware::StaticFiles>(
        middleware::StaticFiles::Options{{{prefix, (folder.path / "www").string()}}, revalidate},
        middleware::MediaTypes(), log);
  });
  return options;
}

struct Site {
  explicit Site(std::string prefix = "", bool revalidate = false) : rig(with_files(folder, log, prefix, revalidate)) {
    fs::create_directories(folder.path / "www");
  }
  HttpResponse ask(const std::string& target, const std::string& fields = "", const std::string& method = "GET") {
    HttpClient client = rig.connect_http();
    client.send(method + " " + target + " HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n");
    return client.response(method);
  }
  void write(const std::string& name, const std::string& content) { folder.write("www/" + name, content); }
  /// The application has answered: the fake runtime's 404, or what was added.
  static bool from_application(const HttpResponse& response) { return response.field("ETag").empty(); }

  Folder folder;
  LogLines log;
  ServerRig rig;
};

std::string pattern(std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i * 131 + i / 251);
  return text;
}

Application fallback() {
  return [](const SharedRequest& request) {
    request->head(200, {{"Content-Type", "x/application"}});
    request->write("application");
    request->complete();
  };
}

}  // namespace

TEST_CASE("static files: a file with its type, length, entity tag and date; HEAD has the same head") {
  Site site;
  site.write("app.css", "body{}");
  const auto response = site.ask("/app.css");
  CHECK(response.status() == 200);
  CHECK(response.body == "body{}");
  CHECK(response.field("Content-Type") == "text/css");
  CHECK(response.field("Content-Length") == "6");
  CHECK(response.field("Last-Modified") == kDate);
  CHECK(response.field("ETag") == "\"ae1b981bc490a05-6\"");
  CHECK(response.field("Accept-Ranges") == "bytes");
  CHECK(response.field("Cache-Control") == "");
  CHECK(response.field("Vary") == "");
  const auto head = site.ask("/app.css", "", "HEAD");
  CHECK(head.head == response.head);
  CHECK(head.body.empty());
}

TEST_CASE("static files: an empty file, one of exactly a piece, and one of megabytes arrive byte for byte") {
  Site site;
  for (const std::size_t size : {0u, 1u, 32'767u, 32'768u, 32'769u, 65'536u, 65'537u, 5'000'001u}) {
    CAPTURE(size);
    const std::string content = pattern(size);
    site.write("file.bin", content);
    const auto response = site.ask("/file.bin");
    CHECK(response.status() == 200);
    CHECK(response.whole);
    CHECK((response.body == content));
    Client client = site.rig.connect();
    client.send(get(1, "/file.bin"));
    CHECK((client.response().body() == content));
  }
  site.rig.wait_all_free();
}

TEST_CASE("static files: what is not there, and other methods, go on to the application") {
  Site site("/assets");
  site.rig.add("/assets/none", fallback());
  site.rig.add("/assets/a.txt", fallback());
  site.rig.add("/assetsa.txt", fallback());
  site.rig.add("/assets", fallback());
  site.write("a.txt", "a");
  CHECK(site.ask("/assets/none").body == "application");
  CHECK(site.ask("/assetsa.txt").body == "application");
  CHECK(site.ask("/assets").body == "application");
  CHECK(site.ask("/assets/a.txt").body == "a");
  CHECK(site.ask("/assets/a.txt", "Content-Length: 0\r\n", "POST").body == "application");
  CHECK(site.ask("/assets/a.txt", "", "DELETE").body == "application");
}

TEST_CASE("static files: a folder is its index.html, and without the slash a redirect that keeps the query") {
  Site site("/x");
  site.write("index.html", "root");
  site.write("sub dir/index.html", "sub");
  site.write("empty/other", "");
  CHECK(site.ask("/x/").body == "root");
  CHECK(site.ask("/x/").field("Content-Type") == "text/html");
  CHECK(site.ask("/x/sub%20dir/").body == "sub");
  const auto response = site.ask("/x/sub%20dir?a=b%20c");
  CHECK(response.status() == 301);
  CHECK(response.field("Location") == "/x/sub%20dir/?a=b%20c");
  CHECK(Site::from_application(site.ask("/x/empty")));
  CHECK(Site::from_application(site.ask("/x/empty/")));
  // Never to another server.
  Site root;
  root.write("index.html", "root");
  root.write("evil.com/index.html", "x");
  CHECK(Site::from_application(root.ask("//evil.com")));
  CHECK(root.ask("//evil.com").status() != 301);
}

TEST_CASE("static files: nothing outside the folder, whatever the path says") {
  Site site;
  site.write("in/a.txt", "inside");
  site.write(".secret", "secret");
  site.write(".well-known/security.txt", "contact");
  site.write("dir/.git/config", "secret");
  site.folder.write("secret.txt", "secret");
  site.folder.write("outside/secret.txt", "secret");
  const fs::path www = site.folder.path / "www";
  fs::create_symlink("../secret.txt", www / "link.txt");
  fs::create_symlink(site.folder.path / "secret.txt", www / "absolute.txt");
  fs::create_directory_symlink("../outside", www / "linked");
  fs::create_symlink("in/a.txt", www / "inner.txt");
  fs::create_symlink("loop", www / "loop");
  fs::create_symlink("/proc/self/fd", www / "fds");
  REQUIRE(::mkfifo((www / "fifo").c_str(), 0600) == 0);
  for (const char* path :
       {"/../secret.txt", "/in/../../secret.txt", "/%2e%2e/secret.txt", "/%2E%2e%2fsecret.txt", "/..%2fsecret.txt",
        "/..%5csecret.txt", "/in/..%5c..%5csecret.txt", "/in%5ca.txt", "/%c0%ae%c0%ae/secret.txt",
        "/%c0%ae%c0%ae%c0%afsecret.txt", "/%e0%80%ae%e0%80%ae/secret.txt", "/%252e%252e/secret.txt", "/in/a.txt%00",
        "/in/a.txt%00.css", "/in//a.txt", "//in/a.txt", "/in/a.txt/", "/in/a.txt/b",
        "/.secret", "/dir/.git/config", "/link.txt", "/absolute.txt", "/linked/secret.txt", "/loop", "/fds/0", "/fifo",
        "/....//secret.txt", "/..;/secret.txt"}) {
    CAPTURE(std::string(path));
    const auto response = site.ask(path);
    CHECK(response.status() >= 400);
    CHECK(response.body.find("secret") == std::string::npos);
    CHECK(Site::from_application(response));
  }
  CHECK(site.ask("/in/a.txt").body == "inside");
  CHECK(site.ask("/inner.txt").body == "inside");
  // Dot segments that stay inside are none any more (RFC 3986 §6.2.2.3).
  CHECK(site.ask("/./in/x/../a.txt").body == "inside");
  CHECK(site.ask("/.well-known/security.txt").body == "contact");
  CHECK(Site::from_application(site.ask("/" + std::string(5000, 'a'))));
}

TEST_CASE("static files: a folder that is replaced by another is followed") {
  Site site;
  site.write("a.txt", "old");
  CHECK(site.ask("/a.txt").body == "old");
  fs::rename(site.folder.path / "www", site.folder.path / "before");
  site.write("a.txt", "newer");
  CHECK(site.ask("/a.txt").body == "newer");
}

TEST_CASE("static files: who has the file already gets a 304 (RFC 9110 §13)") {
  Site site;
  site.write("a.txt", "hello");
  const std::string tag = site.ask("/a.txt").field("ETag");
  for (const std::string& fields :
       {"If-None-Match: " + tag + "\r\n", "If-None-Match: \"x\", W/" + tag + "\r\n", std::string("If-None-Match: *\r\n"),
        std::string("If-Modified-Since: ") + kDate + "\r\n",
        std::string("If-Modified-Since: Mon, 07 Nov 1994 08:49:37 GMT\r\n"),
        std::string("If-Modified-Since: Sunday, 06-Nov-94 08:49:37 GMT\r\n")}) {
    CAPTURE(fields);
    const auto response = site.ask("/a.txt", fields);
    CHECK(response.status() == 304);
    CHECK(response.body.empty());
    CHECK(response.field("ETag") == tag);
    CHECK(response.field("Content-Length") == "");
  }
  for (const std::string& fields :
       {std::string("If-None-Match: \"x\"\r\n"), "If-None-Match: " + tag.substr(1) + "\r\n",
        // The tag counts more than the date.
        std::string("If-None-Match: \"x\"\r\nIf-Modified-Since: ") + kDate + "\r\n",
        std::string("If-Modified-Since: Sat, 05 Nov 1994 08:49:37 GMT\r\n"),
        std::string("If-Modified-Since: yesterday\r\n"), "If-Match: " + tag + "\r\n", std::string("If-Match: *\r\n"),
        std::string("If-Unmodified-Since: ") + kDate + "\r\n"}) {
    CAPTURE(fields);
    CHECK(site.ask("/a.txt", fields).status() == 200);
  }
  for (const std::string& fields :
       {std::string("If-Match: \"x\"\r\n"), "If-Match: W/" + tag + "\r\n",
        std::string("If-Unmodified-Since: Sat, 05 Nov 1994 08:49:37 GMT\r\n")}) {
    CAPTURE(fields);
    CHECK(site.ask("/a.txt", fields).status() == 412);
  }
  CHECK(site.ask("/a.txt", "If-None-Match: " + tag + "\r\n", "HEAD").status() == 304);
  // Another content of the same size at another time.
  std::ofstream(site.folder.path / "www/a.txt") << "jello";
  CHECK(site.ask("/a.txt", "If-None-Match: " + tag + "\r\n").body == "jello");
}

TEST_CASE("static files: a range is 206 with its place, one behind the end 416, and If-Range decides (RFC 9110 §14)") {
  Site site;
  const std::string content = pattern(200'000);
  site.write("v.mp4", content);
  const std::string tag = site.ask("/v.mp4").field("ETag");
  const auto part = site.ask("/v.mp4", "Range: bytes=100-99999\r\n");
  CHECK(part.status() == 206);
  CHECK(part.field("Content-Range") == "bytes 100-99999/200000");
  CHECK(part.field("Content-Length") == "99900");
  CHECK((part.body == content.substr(100, 99'900)));
  CHECK((site.ask("/v.mp4", "Range: bytes=-7\r\n").body == content.substr(199'993)));
  const auto behind = site.ask("/v.mp4", "Range: bytes=200000-\r\n");
  CHECK(behind.status() == 416);
  CHECK(behind.field("Content-Range") == "bytes */200000");
  CHECK(site.ask("/v.mp4", "Range: bytes=0-1, 5-6\r\n").status() == 200);
  CHECK(site.ask("/v.mp4", "Range: bytes=0-1\r\nIf-Range: " + tag + "\r\n").status() == 206);
  CHECK(site.ask("/v.mp4", std::string("Range: bytes=0-1\r\nIf-Range: ") + kDate + "\r\n").status() == 206);
  CHECK(site.ask("/v.mp4", "Range: bytes=0-1\r\nIf-Range: \"x\"\r\n").status() == 200);
  CHECK(site.ask("/v.mp4", "Range: bytes=0-1\r\nIf-None-Match: " + tag + "\r\n").status() == 304);
  const auto head = site.ask("/v.mp4", "Range: bytes=0-1\r\n", "HEAD");
  CHECK(head.status() == 200);
  CHECK(head.field("Content-Length") == "200000");
}

TEST_CASE("static files: a precompressed variant for who takes it, with the type of the original") {
  Site site;
  site.write("app.js", "plain");
  site.write("app.js.gz", "gz-variant");
  site.write("app.js.br", "br-variant");
  site.write("only.js.gz", "gz");
  const auto plain = site.ask("/app.js");
  CHECK(plain.body == "plain");
  CHECK(plain.field("Vary") == "Accept-Encoding");
  CHECK(plain.field("Content-Encoding") == "");
  const auto br = site.ask("/app.js", "Accept-Encoding: gzip, deflate, br\r\n");
  CHECK(br.body == "br-variant");
  CHECK(br.field("Content-Encoding") == "br");
  CHECK(br.field("Content-Type") == "text/javascript");
  CHECK(br.field("ETag") != plain.field("ETag"));
  CHECK(site.ask("/app.js", "Accept-Encoding: gzip\r\n").body == "gz-variant");
  CHECK(site.ask("/app.js", "Accept-Encoding: br;q=0, gzip;q=0\r\n").body == "plain");
  CHECK(site.ask("/app.js", "Accept-Encoding: br\r\nIf-None-Match: " + br.field("ETag") + "\r\n").status() == 304);
  CHECK(site.ask("/app.js", "If-None-Match: " + br.field("ETag") + "\r\n").status() == 200);
  CHECK(Site::from_application(site.ask("/only.js", "Accept-Encoding: gzip\r\n")));
  CHECK(site.ask("/only.js.gz").field("Content-Type") == "application/gzip");
}

TEST_CASE("static files: over HTTP/1.0 and to a slow visitor, with requests behind") {
  Site site;
  const std::string content = pattern(1'500'000);
  site.write("a.bin", content);
  site.write("b.txt", "b");
  HttpClient slow = site.rig.connect_http();
  slow.send("GET /a.bin HTTP/1.1\r\nHost: a\r\n\r\nGET /b.txt HTTP/1.1\r\nHost: a\r\n\r\n");
  // Another one is served while the first does not read.
  CHECK(site.ask("/b.txt").body == "b");
  site.rig.wait_all_free_but(1);
  CHECK((slow.response().body == content));
  CHECK(slow.response().body == "b");
  HttpClient old = site.rig.connect_http();
  old.send("GET /a.bin HTTP/1.0\r\n\r\n");
  CHECK((old.response().body == content));
}

TEST_CASE("send_file: parts of files in a chunked body, between writes, and what it refuses") {
  Site site;
  const std::string content = pattern(3'000'000);
  site.folder.write("part", content);
  const int fd = ::open((site.folder.path / "part").c_str(), O_RDONLY | O_CLOEXEC);
  REQUIRE(fd >= 0);
  std::vector<owind_status> answers;
  site.rig.add("/chunked", [&](const SharedRequest& request) {
    const auto& native = hosting::native_table();
    answers.push_back(native.send_file(request->token, fd, 0, 1));  // Before the head.
    request->head();
    request->write("before ");
    request->on_writable = [&native, &answers, fd](FakeRequest& writing) {
      if (writing.flush() != OWIND_OK) return;
      if (++writing.count == 1) {
        answers.push_back(writing.write(" between ").status);
        answers.push_back(native.send_file(writing.token, fd, 5, 7));
      } else {
        answers.push_back(writing.write(" behind").status);
        writing.complete();
      }
    };
    answers.push_back(native.send_file(request->token, fd, -1, 1));
    answers.push_back(native.send_file(request->token, fd, 0, -1));
    answers.push_back(native.send_file(request->token, -1, 0, 1));
    answers.push_back(native.send_file(request->token, fd, 0, 0));
    answers.push_back(native.send_file(request->token, fd, 0, 3'000'000));
    answers.push_back(native.send_file(request->token, fd, 0, 1));  // One at a time.
    answers.push_back(request->write("x").status);
    answers.push_back(request->flush());
  });
  HttpClient client = site.rig.connect_http();
  client.send("GET /chunked HTTP/1.1\r\nHost: a\r\n\r\n");
  const auto response = client.response();
  CHECK(response.chunked);
  CHECK(response.whole);
  CHECK((response.body == "before " + content + " between " + content.substr(5, 7) + " behind"));
  site.rig.wait_all_free();
  CHECK(answers == std::vector<owind_status>{OWIND_INVALID, OWIND_INVALID, OWIND_INVALID, OWIND_FAILED, OWIND_OK,
                                             OWIND_WAIT, OWIND_BUSY, OWIND_WAIT, OWIND_WAIT, OWIND_OK, OWIND_WAIT,
                                             OWIND_OK});
  owind_status too_many = OWIND_OK, unsupported = OWIND_OK, swallowed = OWIND_FAILED;
  site.rig.add("/length", [&](const SharedRequest& request) {
    request->head(200, {{"Content-Length", "3"}});
    too_many = hosting::native_table().send_file(request->token, fd, 0, 4);
    request->write("abc");
    request->complete();
  });
  CHECK(client.send("GET /length HTTP/1.1\r\nHost: a\r\n\r\n").response().body == "abc");
  CHECK(too_many == OWIND_TOO_MANY_BYTES);
  site.rig.add("/head", [&](const SharedRequest& request) {
    request->head(200, {{"Content-Length", "3000000"}});
    swallowed = hosting::native_table().send_file(request->token, fd, 0, 3'000'000);
    request->complete();
  });
  client.send("HEAD /head HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(client.response("HEAD").field("Content-Length") == "3000000");
  CHECK(swallowed == OWIND_OK);
  site.rig.add("/fastcgi", [&](const SharedRequest& request) {
    request->head();
    unsupported = hosting::native_table().send_file(request->token, fd, 0, 1);
    request->complete();
  });
  Client fastcgi = site.rig.connect();
  fastcgi.send(get(1, "/fastcgi"));
  CHECK(fastcgi.response().ended);
  CHECK(unsupported == OWIND_UNSUPPORTED);
  // A visitor that leaves in the middle: who waits is told.
  std::atomic<int> told{OWIND_OK};
  site.rig.add("/abort", [&](const SharedRequest& request) {
    request->head();
    request->on_writable = [&](FakeRequest& writing) {
      told = writing.flush();
      writing.complete();
    };
    CHECK(hosting::native_table().send_file(request->token, fd, 0, 3'000'000) == OWIND_WAIT);
  });
  HttpClient leaver = site.rig.connect_http();
  leaver.send("GET /abort HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(leaver.starts_with("HTTP/1.1 200 OK\r\n"));
  leaver.close();
  eventually([&] { return told == OWIND_ABORTED; });
  site.rig.wait_all_free();
  ::close(fd);
}

TEST_CASE("send_file: what another thread writes right before a file stands before it, however the two meet") {
  Site site;
  const std::string content = pattern(100'000);
  site.folder.write("part", content);
  const int fd = ::open((site.folder.path / "part").c_str(), O_RDONLY | O_CLOEXEC);
  REQUIRE(fd >= 0);
  std::thread application;
  site.rig.add("/", [&](const SharedRequest& request) {
    request->head();
    request->on_writable = [](FakeRequest& writing) {
      if (writing.flush() == OWIND_OK) writing.complete();
    };
    if (application.joinable()) application.join();
    application = std::thread([request, fd] {
      request->write("before ");
      hosting::native_table().send_file(request->token, fd, 0, 100'000);
    });
  });
  HttpClient client = site.rig.connect_http();
  for (int i = 0; i < 300; ++i) {
    const auto response = client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").response();
    REQUIRE((response.body == "before " + content));
  }
  application.join();
  site.rig.wait_all_free();
  ::close(fd);
}

TEST_CASE("static files: in development browsers ask each time") {
  Site site("", true);
  site.write("a.txt", "a");
  CHECK(site.ask("/a.txt").field("Cache-Control") == "no-cache");
  CHECK(site.ask("/a.txt", "If-None-Match: *\r\n").field("Cache-Control") == "no-cache");
}

TEST_CASE("static files: a file that may not be read is a 403, and the log says which") {
  if (::geteuid() == 0) {
    MESSAGE("root may read everything: the descriptors are used up instead");
  } else {
    Site site;
    site.write("a.txt", "a");
    fs::permissions(site.folder.path / "www/a.txt", fs::perms::none);
    CHECK(site.ask("/a.txt").status() == 403);
    CHECK(site.log.count("www/a.txt: permission denied: 403") == 1);
  }
  Site site;
  site.write("a.txt", "a");
  HttpClient client = site.rig.connect_http();
  client.send("GET /none HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(client.response().status() >= 400);
  // UBSan needs a descriptor when it meets a class for the first time.
  middleware::TraceSink& sink = site.log;
  sink.record(middleware::Severity::kDebug, {}, "");
  const test::OpenFilesLimit limit;
  std::vector<int> taken;
  for (int fd; (fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0;) {
    // A few above what is open are enough; some machines have a million.
    if (taken.empty()) limit.set(std::min<rlim_t>(limit.soft(), static_cast<rlim_t>(fd) + 256));
    taken.push_back(fd);
  }
  client.send("GET /a.txt HTTP/1.1\r\nHost: a\r\n\r\n");
  const auto response = client.response();
  for (const int fd : taken) ::close(fd);
  CHECK(response.status() == 503);
  CHECK(response.field("Retry-After") == "1");
  CHECK(site.log.count("www/a.txt: Too many open files: 503") == 1);
  CHECK(client.send("GET /a.txt HTTP/1.1\r\nHost: a\r\n\r\n").response().body == "a");
}

TEST_CASE("static files: a visitor that leaves in the middle, and a file that shrinks, end their requests and nothing else") {
  Site site;
  site.write("big.bin", pattern(8'000'000));
  const auto descriptors = [] {
    std::size_t n = 0;
    for ([[maybe_unused]] const auto& entry : fs::directory_iterator("/proc/self/fd")) ++n;
    return n;
  };
  site.write("small.txt", "there");
  CHECK(site.ask("/small.txt").body == "there");
  site.rig.wait_connections(0);
  const std::size_t before = descriptors();
  {
    HttpClient client = site.rig.connect_http();
    client.send("GET /big.bin HTTP/1.1\r\nHost: a\r\n\r\n");
    CHECK(client.starts_with("HTTP/1.1 200 OK\r\n"));
  }
  site.rig.wait_all_free();
  site.rig.wait_connections(0);
  CHECK(descriptors() == before);
  {
    HttpClient client = site.rig.connect_http();
    client.send("GET /big.bin HTTP/1.1\r\nHost: a\r\n\r\n");
    CHECK(client.starts_with("HTTP/1.1 200 OK\r\n"));
    site.rig.wait_all_free_but(1);
    fs::resize_file(site.folder.path / "www/big.bin", 1000);
    const auto response = client.response();
    CHECK_FALSE(response.whole);
  }
  site.rig.wait_all_free();
  site.rig.wait_connections(0);
  CHECK(descriptors() == before);
  site.write("small.txt", "still here");
  CHECK(site.ask("/small.txt").body == "still here");
}

}  // namespace owind::testing
