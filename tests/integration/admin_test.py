"""Those who watch the process: `--admin`, `owind health`, and the delay between the order to stop and the end."""
import os
import signal
import subprocess
import unittest

from harness import fastcgi, http, places
from harness.case import Case
from harness.fastcgi import Client, request
from harness.waiting import until


def health(*arguments, env=None):
    """(exit code, the line) of `owind health`."""
    run = subprocess.run([places.OWIND, "health", *arguments], capture_output=True, text=True, timeout=30,
                         env={**os.environ, **(env or {})})
    text = run.stdout + run.stderr
    assert len(text.splitlines()) == 1, text
    assert bool(run.stdout) == (run.returncode == 0), run
    return run.returncode, text.strip()


class AdminTest(Case):
    def start_admin(self, app, *options, **more):
        self.port = places.free_port()
        self.ready = f"http://127.0.0.1:{self.port}/-/ready"
        return self.start(app, "--admin", f"http://127.0.0.1:{self.port}", *options, **more)

    def test_ready_is_200_when_the_application_is_there(self):
        self.start_admin(places.HELLO)
        for path, text in (("live", b"live\n"), ("ready", b"ready\n")):
            response = http.ask(self.port, target=f"/-/{path}")
            self.assertEqual((200, text), (response.status, response.body))
        self.assertEqual(404, http.ask(self.port, target="/").status)

    def test_ready_is_503_and_live_200_while_the_application_starts(self):
        """It is held up by a list of dependencies that is a pipe, into which nobody writes."""
        folder = self.folder / "starting"
        folder.mkdir()
        for file in places.HELLO.parent.iterdir():
            if file.name != "Hello.deps.json":
                (folder / file.name).symlink_to(file)
        dependencies = folder / "Hello.deps.json"
        os.mkfifo(dependencies)
        port = places.free_port()
        owind = self.launch(folder / "Hello.dll", "--admin", f"127.0.0.1:{port}")
        owind.wait_for_log("probes are answered")
        self.assertEqual(503, http.ask(port, target="/-/ready").status)
        self.assertEqual(200, http.ask(port, target="/-/live").status)
        self.assertIn("starting", health(f"http://127.0.0.1:{port}/-/ready")[1])
        owind.signal(signal.SIGKILL)
        owind.wait()

    def test_from_term_on_ready_is_503_while_new_connections_are_served(self):
        owind = self.start_admin(places.TOUR, "--drain-delay", "60s",
                                 listen=[f"fcgi://unix:{self.folder}/delay.sock", f"http://127.0.0.1:{places.free_port()}"])
        web = int(owind.endpoints[1].rsplit(":", 1)[1])
        owind.signal(signal.SIGTERM)
        until(lambda: http.ask(self.port, target="/-/ready").status == 503, "ready is 503")
        for _ in range(20):
            self.assertEqual(200, fastcgi.ask(owind.endpoint, uri="/").status)
            self.assertEqual(200, http.ask(web, target="/").status)
            self.assertEqual(503, http.ask(self.port, target="/-/ready").status)
            self.assertEqual(200, http.ask(self.port, target="/-/live").status)
        self.assertTrue(owind.is_running())
        self.assertEqual(1, health(self.ready)[0])
        self.assertEqual(0, health(owind.endpoint)[0])
        owind.signal(signal.SIGINT)
        self.assertEqual(128 + signal.SIGINT, owind.wait())

    def test_the_process_ends_when_the_delay_is_over(self):
        owind = self.start_admin(places.TOUR, "--drain-delay", "300ms")
        with Client(owind.endpoint) as client:
            client.send(request(1, uri="/delay?ms=1500"))
            until(lambda: fastcgi.ask(owind.endpoint, uri="/").status == 200, "the server answers")
            owind.signal(signal.SIGTERM)
            # The request in flight outlives the delay, and the page that says so outlives the listeners.
            owind.wait_for_log("request(s) in flight")
            self.assertEqual(503, http.ask(self.port, target="/-/ready").status)
            self.assertEqual(b"delayed", client.wait(1).body)
        self.assertEqual(0, owind.wait())

    def test_the_pages_answer_when_the_application_holds_every_thread(self):
        owind = self.start_admin(places.TOUR, "--shards", "1", "--max-app-threads", "4", "--drain-timeout", "0")
        clients = [Client(owind.endpoint) for _ in range(8)]
        for client in clients:
            self.addCleanup(client.close)
            client.send(request(uri="/block?ms=600000"))
        for path in ("live", "ready"):
            self.assertEqual(200, http.ask(self.port, target=f"/-/{path}").status)
        self.assertEqual(0, health(owind.endpoint)[0])

    def test_the_pages_on_a_unix_socket(self):
        path = f"{self.folder}/admin.sock"
        owind = self.start(places.HELLO, "--socket-mode", "0600", env={"OWIND_ADMIN": f"http://unix:{path}"})
        self.assertEqual(0o600, os.stat(path).st_mode & 0o777)
        self.assertEqual((0, f"http://unix:{path}:/-/ready: 200 OK"), health(env={"OWIND_ADMIN": f"http://unix:{path}"}))
        owind.signal(signal.SIGTERM)
        self.assertEqual(0, owind.wait())
        self.assertFalse(os.path.exists(path))

    def test_a_failed_start_leaves_no_socket(self):
        path = f"{self.folder}/failed.sock"
        owind = self.launch(places.test_app("NoStartup"), "--admin", f"http://unix:{path}")
        self.assertEqual(1, owind.wait())
        self.assertFalse(os.path.exists(path))

    def test_an_endpoint_that_is_not_http_is_refused(self):
        owind = self.launch(places.HELLO, "--admin", "fcgi://127.0.0.1:1")
        self.assertEqual(2, owind.wait())
        self.assertIn("--admin", owind.log())


class HealthTest(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.web = places.free_port()
        cls.tcp = places.free_port()
        cls.owind = cls.start_owind(places.TOUR, listen=[f"fcgi://unix:{cls.folder}/owind.sock", f"fcgi://127.0.0.1:{cls.tcp}",
                                                         f"http://127.0.0.1:{cls.web}"])

    def test_fastcgi_is_asked_for_its_values(self):
        for endpoint in (f"unix:{self.folder}/owind.sock", f"127.0.0.1:{self.tcp}", f"fcgi://127.0.0.1:{self.tcp}"):
            code, line = health(endpoint)
            self.assertEqual(0, code)
            self.assertIn("FCGI_MPXS_CONNS=1", line)

    def test_http_is_asked_for_a_path_of_the_application(self):
        self.assertEqual((0, f"http://127.0.0.1:{self.web}/: 200 OK"), health(f"http://127.0.0.1:{self.web}"))
        code, line = health(f"http://127.0.0.1:{self.web}/status?code=503&body=out+of+order")
        self.assertEqual(1, code)
        self.assertIn("503", line)

    def test_the_server_of_the_environment(self):
        self.assertEqual(0, health(env={"OWIND_LISTEN": f"unix:{self.folder}/owind.sock"})[0])

    def test_nobody_there_the_wrong_protocol_and_a_mistake_are_1(self):
        for arguments in (["unix:/no/such"], [f"127.0.0.1:{places.free_port()}"], [f"127.0.0.1:{self.web}"],
                          [f"http://127.0.0.1:{self.tcp}"], ["nonsense"], ["--timeout", "x"]):
            self.assertEqual(1, health(*arguments)[0], arguments)


if __name__ == "__main__":
    unittest.main()
