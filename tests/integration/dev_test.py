"""`owind new` and `owind dev`: from an empty folder to a page that follows its source."""
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import unittest
from pathlib import Path

from harness import http, places
from harness.case import Case
from harness.dev import BUILD_SECONDS, Dev, processes_with
from harness.waiting import until

def run(*arguments, folder):
    return subprocess.run([places.OWIND, *arguments], cwd=folder, capture_output=True, text=True, timeout=60)


class Events(threading.Thread):
    """The stream that open pages listen to."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.text = ""
        self.ended = False
        self.connection = http.Connection(port, seconds=BUILD_SECONDS)
        self.connection.send_head("GET", "/_owind/refresh", host="localhost")
        self.start()

    def run(self):
        try:
            status, _, headers = self.connection.read_head()
            self.text = f"{status}\n"
            self.connection.read_body(status, headers, lambda piece: setattr(self, "text", self.text + piece.decode()))
        except OSError:
            pass
        finally:
            self.ended = True
            self.connection.close()


class NewTest(Case):
    def test_a_name_that_is_none_and_a_folder_in_use_are_refused(self):
        self.assertIn("is no name", run("new", "../x", folder=self.folder).stderr)
        self.assertIn("minimal, middleware, katana", run("new", "x", "--template", "webforms", folder=self.folder).stderr)
        (self.folder / "taken").mkdir()
        (self.folder / "taken/precious").write_text("x")
        answer = run("new", "taken", folder=self.folder)
        self.assertEqual(1, answer.returncode)
        self.assertIn("is not an empty folder", answer.stderr)
        self.assertEqual("precious", "".join(os.listdir(self.folder / "taken")))

    def test_dev_in_an_empty_folder_says_what_to_do(self):
        (self.folder / "empty").mkdir()
        answer = run("dev", folder=self.folder / "empty")
        self.assertEqual(1, answer.returncode)
        self.assertIn("owind new NAME", answer.stderr)

    def test_dev_among_two_projects_asks_which(self):
        (self.folder / "two").mkdir()
        for name in ("One.csproj", "Two.csproj"):
            (self.folder / "two" / name).touch()
        answer = run("dev", folder=self.folder / "two")
        self.assertEqual(1, answer.returncode)
        self.assertIn("One.csproj, Two.csproj; name the one to run", answer.stderr)
        self.assertEqual(2, run("dev", "--", "--listen", "5001", folder=self.folder / "two").returncode)


class DevTest(Case):
    def make(self, name, template="minimal", folder=None):
        folder = folder or self.folder
        folder.mkdir(exist_ok=True)
        answer = run("new", name, "--template", template, folder=folder)
        self.assertEqual(0, answer.returncode, answer.stderr)
        self.assertIn("owind dev", answer.stdout)
        return folder / name

    def dev(self, project, *arguments, **more):
        process = Dev(project, *arguments, **more)
        self.own.append(process)
        self.addCleanup(process.stop)
        return process

    def test_a_new_project_runs_follows_its_source_and_shows_what_is_wrong(self):
        dev = self.dev(self.make("hello"))
        dev.wait_for("building hello")
        # Before the application is there a page says so, and follows as well.
        page = dev.ask()
        self.assertEqual(503, page.status)
        self.assertIn(b"Building hello", page.body)
        self.assertIn(b"/_owind/refresh.js?g=", page.body)
        events = Events(dev.port)
        dev.wait_for("ready ")
        until(lambda: events.ended, "the stream ends")
        self.assertTrue(events.text.endswith("event: reload\ndata:\n\n"), events.text)
        page = dev.ask("/some%20where")
        self.assertEqual(200, page.status)
        self.assertIn(b"Hello from hello", page.body)
        self.assertIn(b"/some where", page.body)
        self.assertRegex(page.body, rb'<script src="/_owind/refresh.js\?g=\w+"></script>\s*$')

        # A change. Requests are answered all the way, by the one or the other.
        events = Events(dev.port)
        failures = []
        stop = threading.Event()

        def ask_on():
            while not stop.is_set():
                try:
                    answer = dev.ask()
                    if answer.status != 200 or not answer.complete:
                        failures.append(answer.status)
                except OSError as error:
                    failures.append(error)

        asking = threading.Thread(target=ask_on)
        asking.start()
        dev.edit("Startup.cs", "Hello from hello", "Hello again")
        dev.wait_for("reloaded ")
        stop.set()
        asking.join()
        self.assertEqual([], failures)
        self.assertIn(b"Hello again", dev.ask().body)
        until(lambda: events.ended, "the stream ends")
        self.assertIn("event: reload", events.text)
        self.assertRegex(dev.log(), r"reloaded .* build [\d.]+ s, start [\d.]+ s, [\d.]+ s in all")

        # An error of the compiler: in the terminal and in the browser, with its line.
        dev.edit("Startup.cs", "var path = ", "var path == ")
        dev.wait_for("build failed")
        self.assertRegex(dev.log(), r"Startup\.cs:\d+:\d+: error CS\d+: ")
        # Until the program before it has gone, either may answer.
        page = until(lambda: (answer := dev.ask()).status == 503 and answer.body, "the page with the error is there").decode()
        self.assertIn("hello does not build", page)
        self.assertIn("var path <u>==</u> (string)", page)
        self.assertIn("CS1525", page)
        self.assertIn("/_owind/refresh.js", page)

        # An exception while it starts.
        dev.edit("Startup.cs", "var path == ", "var path = ",
                 "app.Use(", 'if (app != null) throw new Exception("no <database>"); app.Use(')
        dev.wait_for("did not start")
        page = until(lambda: b"did not start" in (answer := dev.ask()).body and answer.body, "the page says that it did not start")
        self.assertIn(b"no &lt;database&gt;", page)

        # And an exception in a request, with its source.
        dev.edit("Startup.cs", 'if (app != null) throw new Exception("no <database>"); app.Use(', "app.Use(",
                 "var path = ", 'if (environment != null) throw new Exception("<oh> no"); var path = ')
        dev.wait_for("reloaded ")
        page = dev.ask("/broken?x=<y>", headers=[("Cookie", "tasty=<b>yes</b>")])
        self.assertEqual(500, page.status)
        text = page.body.decode()
        self.assertIn("&lt;oh&gt; no", text)
        self.assertIn("Startup.cs", text)
        self.assertIn("if (environment != null) throw", text)
        self.assertIn("owin.RequestPath", text)
        self.assertIn("tasty", text)
        self.assertNotIn("<b>yes", text)
        self.assertNotIn("<oh>", text)
        self.assertIn("/_owind/refresh.js", text)

        # One that ends by itself.
        dev.edit("Startup.cs", 'throw new Exception("<oh> no");', "Environment.Exit(7);")
        dev.wait_for("reloaded ")
        try:
            dev.ask()
        except OSError:
            pass
        dev.wait_for("has ended: exit code 7")
        until(lambda: b"has ended" in dev.ask().body, "the page says that it has ended")
        port = dev.port
        dev.signal(signal.SIGINT)
        self.assertEqual(0, dev.wait(60))
        with self.assertRaises(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=5)

    def test_a_project_that_does_not_build_at_first_and_is_away_for_a_while(self):
        """With polling; the path has what shells and MSBuild take amiss."""
        project = self.make("more", "middleware", folder=self.folder / "it's here & there; 50% (or, so)")
        (project / "Startup.cs").write_text((project / "Startup.cs").read_text().replace("app.Use(typeof(Resp", "app.Use(type(Resp"))
        dev = self.dev(project, "--poll", "--listen", f"http://127.0.0.1:{places.free_port()}")
        dev.wait_for("build failed")
        until(lambda: b"more does not build" in dev.ask().body, "the page with the error is there")
        dev.edit("Startup.cs", "app.Use(type(Resp", "app.Use(typeof(Resp")
        dev.wait_for("ready ")
        page = dev.ask()
        self.assertIn(b"Hello from more", page.body)
        self.assertTrue(page.header("Server-Timing"))
        self.assertEqual(404, dev.ask("/nowhere").status)
        self.assertEqual(421, dev.ask(host="evil.example").status)

        away = project.with_name("away")
        project.rename(away)
        dev.wait_for("build failed")
        away.rename(project)
        dev.wait_for("reloaded ")
        # What a restore has left can go at any time.
        shutil.rmtree(project / "obj")
        dev.edit("Routes.cs", "40rem", "41rem")
        dev.wait_for("reloaded ")
        self.assertIn(b"41rem", dev.ask().body)

    def test_nothing_is_left_behind_when_it_is_told_to_stop_in_the_middle(self):
        temporary = self.folder / "temporary"
        temporary.mkdir()
        mark = f"{os.getpid()}-{id(self)}"
        # Helpers of the build that would wait for the next one for minutes, as they do by default.
        environment = {"TMPDIR": str(temporary), "DEV_TEST_MARK": mark, "MSBUILDDISABLENODEREUSE": "0", "UseSharedCompilation": "true"}
        project = self.make("brief")
        # More than a pipe holds, and an end that comes after it.
        startup = project / "Startup.cs"
        startup.write_text(startup.read_text().replace("        app.Use(", """        ((CancellationToken)app.Properties["host.OnAppDisposing"]).Register(() =>
        {
            for (var i = 0; i < 2000; i++) Console.Error.WriteLine(new string('x', 100));
            Console.Error.WriteLine("goodbye from " + "brief");
        });
        app.Use("""))
        dev = self.dev(project, "--host", "app.test", "--listen", f"http://unix:{self.folder}/dev.sock", env=environment)
        self.addCleanup(lambda: [os.kill(pid, signal.SIGKILL) for pid in processes_with(mark)])
        dev.wait_for("ready ")
        own, = temporary.glob("owind-dev-*")
        # Helpers of its builds are not shared with other builds, which would miss them at the end.
        helpers = [Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0") for pid in processes_with(mark)]
        compilers = [words for words in helpers if any(b"VBCSCompiler" in word for word in words)]
        self.assertTrue(compilers, helpers)
        for words in compilers:
            self.assertIn(f"-pipename:{own.name}".encode(), words)
        dev.edit("Startup.cs", "Hello from brief", "Hello")
        dev.wait_for("building brief")
        dev.signal(signal.SIGTERM)
        self.assertEqual(0, dev.wait(60))
        self.assertIn("goodbye from brief", dev.log())
        until(lambda: not processes_with(mark), "the last process has gone")
        self.assertEqual([], list(temporary.glob("owind-dev-*")))
        self.assertFalse((self.folder / "dev.sock").exists())

    def test_an_assembly_is_served_and_served_again_when_it_changes(self):
        folder = self.folder / "assembly"
        shutil.copytree(places.HELLO.parent, folder)
        dev = self.dev(folder, "Hello.dll", "--", "--shards", "1")
        dev.wait_for("ready ")
        self.assertEqual(b"Hello, World!", dev.ask().body)
        # Not HTML: nothing is added.
        first = dev.ask("/_owind/refresh.js")
        self.assertEqual(200, first.status)
        # What the application writes is no change of it.
        for name in ("state.json", "data/appsettings.json", "plugins/Other.dll", "log.txt"):
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text("{}")
        shutil.rmtree(folder / "data")
        (folder / "appsettings.json").write_text("{}")
        dev.wait_for("reloaded ")
        self.assertEqual(["changed  appsettings.json"], re.findall("changed .*", dev.log()))
        data = (folder / "Hello.dll").read_bytes()
        (folder / "new.tmp").write_bytes(data)
        (folder / "new.tmp").rename(folder / "Hello.dll")
        dev.wait_for("reloaded ")
        self.assertEqual(b"Hello, World!", dev.ask().body)

    def test_ctrl_c_in_a_terminal_lets_the_application_say_goodbye(self):
        """The terminal tells all processes in its foreground; one that is told twice ends at once."""
        folder = self.folder / "terminal"
        shutil.copytree(places.KATANA_STYLE.parent, folder)
        dev = self.dev(folder, "KatanaStyle.dll", "--", "--log-level", "info", terminal=True, env={"TERM": "dumb"})
        dev.wait_for("ready ")
        self.assertEqual(200, dev.ask().status)
        dev.type(b"\x03")
        self.assertEqual(0, dev.wait(60))
        dev.screen.join()
        self.assertIn("katana-style: no request is running any more", dev.log())
        self.assertIn("stopped", dev.log())
        self.assertNotIn("told to stop again", dev.log())

    def test_a_port_in_use_is_left_to_its_owner(self):
        with socket.socket() as taken:
            try:
                taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                taken.bind(("127.0.0.1", 5000))
                taken.listen()
            except OSError:
                pass  # somebody else has it: the same to us
            folder = self.folder / "port"
            shutil.copytree(places.HELLO.parent, folder)
            dev = self.dev(folder, "Hello.dll")
            dev.wait_for("ready ")
            self.assertNotEqual(5000, dev.port)
            self.assertEqual(b"Hello, World!", dev.ask().body)
        fixed = self.dev(folder, "Hello.dll", "--listen", f"http://127.0.0.1:{dev.port}", name="fixed")
        self.assertEqual(1, fixed.wait(60))
        self.assertIn("another process listens there", fixed.log())


class FakeBuild:
    """A `dotnet` whose builds last until they are told how to end."""
    SCRIPT = """#!/bin/sh
echo "$@" >>"$0.calls"
read -r status output <"$0.end"
echo "$output"
exit "$status"
"""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir()
        (folder / "dotnet").write_text(self.SCRIPT)
        (folder / "dotnet").chmod(0o755)
        os.mkfifo(folder / "dotnet.end")
        self.seen = 0

    @property
    def environment(self):
        return {"PATH": f"{self.folder}:{os.environ['PATH']}"}

    def next(self):
        """Waits for another build; whether it restores."""
        calls = self.folder / "dotnet.calls"
        until(lambda: calls.exists() and len(calls.read_text().splitlines()) > self.seen, "another build")
        self.seen += 1
        return "--no-restore" not in calls.read_text().splitlines()[self.seen - 1]

    def end(self, status, output=""):
        (self.folder / "dotnet.end").write_text(f"{status} {output}\n")


class RestoreTest(Case):
    """Packages are looked at anew when that can be needed, and else not: it takes as long as the compiler."""

    def setUp(self):
        # The fake is not in the folder that is watched.
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        self.project = folder / "App"
        self.project.mkdir()
        (self.project / "App.csproj").write_text("<Project/>")
        (self.project / "A.cs").write_text("0")
        self.build = FakeBuild(folder / "fake")
        self.owind = Dev(self.project, env=self.build.environment)
        self.own.append(self.owind)
        self.addCleanup(self.owind.stop)
        self.assertTrue(self.build.next())

    def change(self, name, text="1"):
        file = self.project / name
        file.with_name("tmp").write_text(text)
        file.with_name("tmp").rename(file)
        self.owind.wait_for("changed  " + name)

    def test_a_restore_that_failed_is_tried_again(self):
        self.build.end(1, "App.csproj : error NU1101: no such package")
        self.owind.wait_for("build failed")
        self.change("A.cs")
        self.assertTrue(self.build.next())
        self.build.end(0)
        self.owind.wait_for("does not say where")
        self.change("A.cs", "2")
        self.assertFalse(self.build.next())
        # No fault of the restore.
        self.build.end(1, "A.cs(1,1): error CS1002: ; expected")
        self.owind.wait_for("build failed")
        self.change("A.cs", "3")
        self.assertFalse(self.build.next())

    def test_a_project_that_is_saved_while_a_build_ends_is_restored(self):
        self.change("App.csproj", "<Project></Project>")
        self.build.end(0)
        self.assertTrue(self.build.next())
        self.build.end(0)
        self.owind.wait_for("does not say where")
        self.change("A.cs")
        self.assertFalse(self.build.next())

    def test_what_a_restore_has_left_may_go(self):
        self.build.end(0)
        self.owind.wait_for("does not say where")
        self.change("A.cs")
        self.assertFalse(self.build.next())
        self.build.end(1, "App.csproj : error NETSDK1004: Assets file 'project.assets.json' not found.")
        self.assertTrue(self.build.next())
        self.build.end(0)
        self.owind.wait_for("does not say where")

    def test_nobody_knows_what_was_in_a_folder_that_went_away(self):
        self.build.end(0)
        self.owind.wait_for("does not say where")
        (self.project / "Library").mkdir()
        (self.project / "Library").rename(self.project.parent / "elsewhere")
        self.owind.wait_for("changed  Library")
        self.assertTrue(self.build.next())


class OpenTest(Case):
    def open(self, browser):
        folder = Path(tempfile.mkdtemp(dir=self.folder)) / "app"
        shutil.copytree(places.HELLO.parent, folder)
        dev = Dev(folder, "Hello.dll", "--open", env={"BROWSER": browser})
        self.own.append(dev)
        self.addCleanup(dev.stop)
        return dev

    def test_the_browser_gets_its_arguments_and_the_address(self):
        script = self.folder / "browser"
        script.write_text('#!/bin/sh\necho "$@" >"$0.tmp"\nmv "$0.tmp" "$0.said"\n')
        script.chmod(0o755)
        dev = self.open(f"{script} --incognito")
        said = self.folder / "browser.said"
        until(said.exists, "the browser is started")
        self.assertEqual(f"--incognito http://127.0.0.1:{dev.port}\n", said.read_text())
        dev.wait_for("ready ")
        self.assertNotIn("no browser", dev.log())

    def test_one_that_does_not_open_is_told(self):
        self.open("/nonexist --incognito").wait_for("--open: no browser was opened by /nonexist: it cannot be run")
        self.open("false").wait_for("--open: no browser was opened by false: exit code 1")


class BrokenSettingTest(Case):
    def dev_with(self, name, environment):
        folder = self.folder / name
        shutil.copytree(places.HELLO.parent, folder)
        dev = Dev(folder, "Hello.dll", env=environment)
        self.own.append(dev)
        self.addCleanup(dev.stop)
        return dev

    def test_a_folder_for_temporary_files_that_is_not_there_is_named(self):
        dev = self.dev_with("temporary", {"TMPDIR": "/nonexist"})
        self.assertEqual(1, dev.wait(60))
        self.assertIn("cannot make a folder in /nonexist, which TMPDIR names", dev.log())

    def test_a_setting_with_which_nothing_starts_is_told_at_once(self):
        dev = self.dev_with("refused", {"OWIND_SHARDS": "x"})
        self.assertEqual(2, dev.wait(60))
        self.assertIn('OWIND_SHARDS: "x" is not a whole number', dev.log())

    def test_a_setting_with_which_the_application_does_not_start_is_told_by_the_page(self):
        dev = self.dev_with("shown", {"OWIND_STATIC": "/a=/nonexist"})
        dev.wait_for("did not start")
        page = dev.ask()
        self.assertEqual(503, page.status)
        self.assertIn(b"there is no folder /nonexist", page.body)


if __name__ == "__main__":
    unittest.main()
