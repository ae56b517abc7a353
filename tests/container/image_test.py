"""docker/Dockerfile and docker/app.Dockerfile: what they build, how it runs, how it ends, and what it says when it cannot."""
import json
import subprocess
import unittest

import support  # noqa: F401 - finds the harness
from harness import http, places
from harness.waiting import until
from support import images
from support.engine import ROOT, Container
from support.load import Load

MIB = 1024 * 1024
# What a careful user gives a container: nothing.
HARDENED = ["--network", "host", "--read-only", "--read-only-tmpfs=false", "--cap-drop", "all", "--security-opt", "no-new-privileges"]


class ImageCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.engine = images.engine()

    def start(self, *options, image=images.APP, name="owind-one", env=(), listen=None, command=()):
        """A container on free ports of this machine, ready."""
        self.port, self.admin = places.free_port(), places.free_port()
        settings = {"OWIND_LISTEN": listen or f"http://127.0.0.1:{self.port}", "OWIND_ADMIN": f"http://127.0.0.1:{self.admin}",
                    **dict(env)}
        words = [word for key, value in settings.items() for word in ("-e", f"{key}={value}")]
        container = Container(self.engine, image, *HARDENED, *words, *options, name=name, command=command)
        self.addCleanup(container.remove)
        until(lambda: self.is_ready(container), f"{name} is ready", 30)
        return container

    def is_ready(self, container):
        try:
            return http.ask(self.admin, target="/-/ready").status == 200
        except OSError:
            if not container.is_running():
                raise AssertionError(container.log()) from None
            return False


class BuildTest(ImageCase):
    def shell(self, line):
        """What a shell in the image of owind prints."""
        code, text, error = self.engine.run_to_end(images.OWIND, "--network", "none", "--entrypoint", "/bin/sh", command=["-c", line])
        self.assertEqual((0, ""), (code, error))
        return text

    def test_without_the_images_of_dotnet_the_build_stops_with_the_line_to_type(self):
        for given in ([], ["--build-arg", f"DOTNET_IMAGE={images.DOTNET}"], ["--build-arg", f"SDK_IMAGE={images.SDK}"]):
            done = self.engine.buildah("build", "--pull-never", "-f", ROOT / "docker/Dockerfile", *given, ROOT, check=False)
            self.assertNotEqual(0, done.returncode)
            lines = [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("owind:")]
            self.assertEqual(1, len(lines), done.stderr[-2000:])
            self.assertIn("docker build -f docker/Dockerfile -t owind --build-arg DOTNET_IMAGE=", lines[0])
            self.assertIn("--build-arg SDK_IMAGE=", lines[0])

    def test_the_image_says_how_it_is_run(self):
        config = self.engine.inspect(images.OWIND, "image")["Config"]
        self.assertEqual("1654", config["User"])
        self.assertEqual(["/usr/bin/owind", "serve"], config["Entrypoint"])
        self.assertEqual({"8080/tcp", "9000/tcp"}, set(config["ExposedPorts"]))
        self.assertEqual("/app", config["WorkingDir"])
        self.assertIn("APP_UID=1654", config["Env"])

    def test_what_owind_adds_is_at_most_25_mb(self):
        text = self.shell("du -sb /usr/bin/owind /usr/lib/owind | cut -f1")
        ours = sum(map(int, text.split()))
        # The assemblies for .NET Framework are packages, which the image of the tests is built without.
        compatibility = places.BUILD / "bridge/compatibility"
        ours += sum(file.stat().st_size for file in compatibility.rglob("*") if file.is_file())
        print(f"    owind's own files: {ours / 1e6:.1f} MB")
        self.assertLess(ours, 25e6)

    def test_the_image_is_base_runtime_packages_and_little_more(self):
        image, base, dotnet = (self.engine.image_bytes(name) for name in (images.OWIND, images.BASE, images.DOTNET))
        print(f"    image {image / 1e6:.0f} MB = base {base / 1e6:.0f} + .NET {dotnet / 1e6:.0f} + {(image - base - dotnet) / 1e6:.0f}")
        self.assertLess(image, base + dotnet + 46e6 + 25e6)

    def test_no_file_of_the_build_is_in_the_image(self):
        self.assertEqual("", self.shell("ls -d /src /arguments /usr/bin/g++ /usr/bin/cmake 2>/dev/null; true"))


class RunTest(ImageCase):
    def test_it_serves_the_application_in_app_as_an_unprivileged_user_on_a_read_only_file_system(self):
        container = self.start()
        self.assertEqual(200, http.ask(self.port, target="/").status)
        self.assertEqual("1654", container.exec("id", "-u").stdout.strip())
        self.assertNotEqual(0, container.exec("touch", "/app/x", check=False).returncode)

    def test_a_program_in_app_needs_no_name(self):
        self.start(image=images.HELLO)
        self.assertEqual(b"Hello, World!", http.ask(self.port, target="/").body)

    def test_owind_health_asks_the_server_of_the_container(self):
        container = self.start()
        done = container.exec("/usr/bin/owind", "health")
        self.assertEqual(f"http://127.0.0.1:{self.admin}/-/ready: 200 OK", done.stdout.strip())

    def test_both_protocols_by_default_in_a_network_of_its_own(self):
        container = Container(self.engine, images.APP, "--network", "none", "--read-only", name="owind-defaults")
        self.addCleanup(container.remove)
        for endpoint in ("", "http://127.0.0.1:8080/", "127.0.0.1:9000"):
            until(lambda: container.exec("/usr/bin/owind", "health", *([endpoint] if endpoint else []), check=False).returncode == 0,
                  f"{endpoint or 'the server'} answers")

    def test_any_other_user_can_run_it(self):
        self.start("--user", "1000730000:0")
        self.assertEqual(200, http.ask(self.port, target="/").status)

    def test_options_follow_the_name_of_the_image(self):
        container = self.start(command=["--shards", "1", "--mode", "development"])
        self.assertIn("1 shard (--shards)", container.log())

    def test_limits_of_cpu_and_memory_are_seen_and_said(self):
        container = self.start("-m", "256m", "--cpus", "1")
        self.assertIn("1 shard (CPU quota 1), 256 application threads (one for each MiB of memory.", container.log())
        self.assertIn("managed heap up to 192 MiB (of memory.", container.log())
        self.assertIn("workstation collector (1 CPU, 256 MiB)", container.log())

    def test_orphans_are_reaped(self):
        container = self.start()
        container.exec("/bin/sh", "-c", "for i in 1 2 3 4 5; do (/bin/true; /bin/true) & done; exit 0")
        states = "for p in /proc/[0-9]*; do read -r line < $p/stat && echo \"$line\"; done 2>/dev/null; true"
        until(lambda: ") Z " not in container.exec("/bin/sh", "-c", states).stdout, "no zombie is left")
        self.assertEqual("owind-init\n", container.exec("cat", "/proc/1/comm").stdout)

    def test_the_end_of_the_server_is_the_end_of_the_container(self):
        """The kernel ends the process that serves, as it does when memory runs out."""
        container = self.start()
        container.exec("/bin/sh", "-c", 'for p in /proc/[0-9]*; do test "$(cat $p/comm)" != owind || kill -9 ${p#/proc/}; done')
        until(lambda: not container.is_running(), "the container ends")
        self.assertEqual(137, container.state()["ExitCode"])

    def test_a_container_of_192_mib_serves_100_000_requests_at_32_connections(self):
        container = self.start("-m", "192m")
        done = subprocess.run(["ab", "-q", "-k", "-n", "100000", "-c", "32", f"http://127.0.0.1:{self.port}/status?body=hello"],
                              capture_output=True, text=True, timeout=300)
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertRegex(done.stdout, r"Complete requests:\s+100000\n")
        self.assertRegex(done.stdout, r"Failed requests:\s+0\n")
        self.assertNotIn("Non-2xx", done.stdout)
        self.assertTrue(container.is_running())
        self.assertFalse(container.state()["OOMKilled"])

    def test_the_first_answer_comes_soon(self):
        """From `podman run` to the first answer of the application: a figure, printed; the deadline is generous."""
        import time
        began = time.monotonic()
        self.start()
        self.assertEqual(200, http.ask(self.port, target="/").status)
        print(f"    container start to first answer: {time.monotonic() - began:.2f} s")


class StopTest(ImageCase):
    def test_term_drains_under_load_and_cuts_nothing(self):
        """The readiness turns first, then the visitors go elsewhere, then the listeners close: none of them sees an error."""
        # Long enough for what is asked after TERM, also on a slow machine.
        container = self.start(env={"OWIND_DRAIN_DELAY": "15s"})
        with Load(self.port, {"/download?bytes=3000000": 3000000, "/status?body=x": 1, "/delay?ms=300": None}) as load:
            load.more(100)
            container.engine.podman("kill", "-s", "TERM", container.name)
            until(lambda: http.ask(self.admin, target="/-/ready").status == 503, "ready is 503")
            load.more(30)
        self.assertEqual([], load.failures)
        until(lambda: not container.is_running(), "the container ends", 60)
        self.assertEqual(0, container.state()["ExitCode"])
        self.assertIn("stopped", container.log())

    def test_what_is_in_flight_ends_whole(self):
        container = self.start()
        with http.Connection(self.port) as connection:
            connection.send_head("GET", "/delay?ms=1500")
            until(lambda: http.ask(self.port, target="/").status == 200, "the server answers beside it")
            container.engine.podman("kill", "-s", "TERM", container.name)
            response = connection.read_response()
            self.assertEqual((200, b"delayed", True), (response.status, response.body, response.complete))
        until(lambda: not container.is_running(), "the container ends", 40)
        self.assertEqual(0, container.state()["ExitCode"])


class RefusalTest(ImageCase):
    def refuse(self, *options, image=images.APP, env=(), code=1):
        """Starts, expects it to end, and returns the error: what is wrong, and on the next line what to change."""
        words = [word for key, value in dict(env).items() for word in ("-e", f"{key}={value}")]
        ended, _, error = self.engine.run_to_end(image, *HARDENED, *words, *options)
        self.assertEqual(code, ended, error)
        lines = [line for line in error.splitlines() if not line[:4].isdigit()]
        self.assertTrue(lines[0].startswith("owind"), error)
        self.assertLessEqual(len(lines), 3, error)
        return "\n".join(lines)

    def test_no_application(self):
        text = self.refuse(image=images.OWIND, code=2)
        self.assertIn("/app", text)
        self.assertIn("owind serve APP.dll", text)

    def test_a_socket_folder_that_is_read_only(self):
        folder = self.engine.folder / "sockets"
        folder.mkdir(exist_ok=True)
        text = self.refuse("-v", f"{folder}:/run/owind:ro", env={"OWIND_LISTEN": "unix:/run/owind/owind.sock"})
        self.assertIn("/run/owind", text)
        self.assertIn("Read-only file system", text)
        self.assertIn("write to it", text)

    def test_a_user_who_may_not_write_to_the_socket_folder(self):
        folder = self.engine.folder / "of-root"
        folder.mkdir(mode=0o755, exist_ok=True)
        text = self.refuse("-v", f"{folder}:/run/owind", "--user", "1000", env={"OWIND_LISTEN": "unix:/run/owind/owind.sock"})
        self.assertIn("Permission denied", text)
        self.assertIn("1000", text)

    def test_too_little_memory_for_the_runtime(self):
        text = self.refuse("-m", "40m", env={"OWIND_LISTEN": "127.0.0.1:0"})
        self.assertIn("40 MiB", text)
        self.assertIn("48 MiB or more: docker run --memory", text)

    def test_a_variable_that_is_wrong(self):
        self.assertIn("OWIND_SHARDS", self.refuse(env={"OWIND_SHARDS": "many"}, code=2))


class AppDockerfileTest(unittest.TestCase):
    def test_it_is_four_lines_at_most(self):
        lines = [line for line in (ROOT / "docker/app.Dockerfile").read_text().splitlines() if line and not line.startswith("#")]
        self.assertLessEqual(len(lines), 6)

    def test_the_context_holds_no_build_output(self):
        ignored = (ROOT / ".dockerignore").read_text().split()
        for name in ("build", ".git", "**/bin", "**/obj"):
            self.assertIn(name, ignored)


if __name__ == "__main__":
    unittest.main()
