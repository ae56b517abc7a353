"""Listening: every kind of endpoint, and what may not be taken."""
import os
import pwd
import signal
import socket
import stat
import unittest

from harness import fastcgi, places
from harness.case import Case
from harness.owind import connect
from harness.process import Process, die_with_parent
from harness.waiting import until


class SocketsTest(Case):
    def path(self, name="app.sock"):
        return f"{self.folder}/{self.id().rsplit('.', 1)[1][-40:]}.{name}"

    def test_several_endpoints_serve_at_once(self):
        listen = [f"fcgi://unix:{self.path('a')}", f"unix:{self.path('b')}", f"fcgi://127.0.0.1:{places.free_port()}",
                  f"fcgi://[::1]:{places.free_port()}"]
        owind = self.start(places.HELLO, listen=listen)
        for endpoint in listen:
            self.assertEqual(b"Hello, World!", fastcgi.ask(endpoint).body)
        for endpoint in listen:
            self.assertIn(endpoint.removeprefix("fcgi://"), owind.log())

    def test_an_inherited_socket_serves(self):
        """fcgi://fd:N, as a process that hands down its listening socket gives it."""
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        os.set_inheritable(listener.fileno(), True)
        owind = self.launch(places.HELLO, listen=[f"fcgi://fd:{listener.fileno()}"], pass_fds=(listener.fileno(),))
        owind.wait_until_ready()
        self.assertEqual(b"Hello, World!", fastcgi.ask(f"127.0.0.1:{listener.getsockname()[1]}").body)

    def spawned(self, *options, env=None):
        """As spawn-fcgi and lighttpd start it: the listening socket on descriptor 0 [FastCGI 1.0 §2.2]. Returns its port."""
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        process = Process("spawned", [places.OWIND, "serve", places.TOUR, *options], self.folder, env, stdin=listener)
        self.addCleanup(process.stop)
        process.wait_for_log("ready")
        return f"127.0.0.1:{listener.getsockname()[1]}"

    def test_a_socket_on_descriptor_0_is_listened_on_without_being_asked_for(self):
        self.assertEqual(200, fastcgi.ask(self.spawned()).status)

    def test_a_socket_on_descriptor_0_is_left_alone_when_another_endpoint_is_given(self):
        path = self.path()
        listener = self.spawned("--listen", f"unix:{path}")
        self.assertEqual(200, fastcgi.ask(f"unix:{path}").status)
        client = connect(listener)  # taken by the backlog, and by nobody
        self.addCleanup(client.close)
        client.settimeout(0.3)
        client.sendall(fastcgi.request())
        with self.assertRaises(TimeoutError):
            client.recv(1)

    def test_only_the_web_servers_that_the_environment_names_are_served(self):
        """FCGI_WEB_SERVER_ADDRS [FastCGI 1.0 §3.2]"""
        self.assertEqual(200, fastcgi.ask(self.spawned(env={"FCGI_WEB_SERVER_ADDRS": "192.0.2.1,127.0.0.1"})).status)
        for addresses in ("192.0.2.1", "nonsense"):
            with self.assertRaises(ConnectionError):
                fastcgi.ask(self.spawned(env={"FCGI_WEB_SERVER_ADDRS": addresses}))

    def test_standard_descriptors_that_the_parent_closed_are_not_taken_for_sockets(self):
        """Else a connection would be written to as the log."""
        for closed in ((0,), (1, 2), (0, 1, 2)):
            with self.subTest(closed):
                path = self.path("".join(map(str, closed)))
                pid = os.fork()
                if pid == 0:
                    silent = os.open(os.devnull, os.O_RDWR)
                    for descriptor in range(3):
                        os.close(descriptor) if descriptor in closed else os.dup2(silent, descriptor)
                    die_with_parent()
                    os.execv(places.OWIND, [str(places.OWIND), "serve", str(places.HELLO), "--listen", f"unix:{path}"])
                try:
                    until(lambda: os.path.exists(path), "the socket")
                    answer = until(lambda: self.answer(f"unix:{path}"), "an answer")
                    self.assertEqual(b"Hello, World!", answer)
                    for descriptor in closed:
                        self.assertEqual("/dev/null", os.readlink(f"/proc/{pid}/fd/{descriptor}"))
                finally:
                    os.kill(pid, signal.SIGTERM)
                    self.assertEqual(0, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))

    def answer(self, endpoint):
        try:
            return fastcgi.ask(endpoint).body
        except OSError:
            return None

    def test_a_stale_socket_file_is_replaced(self):
        path = self.path()
        stale = socket.socket(socket.AF_UNIX)
        stale.bind(path)
        stale.close()
        owind = self.start(places.HELLO, listen=[f"fcgi://unix:{path}"])
        self.assertEqual(b"Hello, World!", fastcgi.ask(owind.endpoint).body)

    def test_a_live_socket_is_refused_and_left_alone(self):
        first = self.start(places.HELLO, listen=[f"fcgi://unix:{self.path()}"])
        second = self.launch(places.HELLO, listen=[first.endpoint])
        self.assertNotEqual(0, second.wait(30))
        self.assertIn(self.path(), second.log())
        self.assertEqual(b"Hello, World!", fastcgi.ask(first.endpoint).body)

    def test_a_file_that_is_no_socket_is_refused_and_left_alone(self):
        path = self.path()
        with open(path, "w") as file:
            file.write("precious")
        owind = self.launch(places.HELLO, listen=[f"fcgi://unix:{path}"])
        self.assertNotEqual(0, owind.wait(30))
        with open(path) as file:
            self.assertEqual("precious", file.read())

    def test_the_socket_has_the_mode_and_owner_that_were_asked_for(self):
        owind = self.start(places.HELLO)
        found = os.stat(owind.endpoint.removeprefix("fcgi://unix:"))
        self.assertEqual(0o660, stat.S_IMODE(found.st_mode))
        options = ["--socket-mode", "0600"]
        if os.geteuid() == 0:
            options += ["--socket-owner", "nobody", "--socket-group", "nogroup"]
        owind = self.start(places.HELLO, *options)
        found = os.stat(owind.endpoint.removeprefix("fcgi://unix:"))
        self.assertEqual(0o600, stat.S_IMODE(found.st_mode))
        if os.geteuid() == 0:
            self.assertEqual("nobody", pwd.getpwuid(found.st_uid).pw_name)

    def test_a_port_in_use_is_refused(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            owind = self.launch(places.HELLO, listen=[f"fcgi://127.0.0.1:{taken.getsockname()[1]}"])
            self.assertNotEqual(0, owind.wait(30))
            self.assertIn(str(taken.getsockname()[1]), owind.log())

    def test_a_folder_that_is_not_there_is_refused(self):
        owind = self.launch(places.HELLO, listen=[f"fcgi://unix:{self.folder}/no/such/app.sock"])
        self.assertNotEqual(0, owind.wait(30))
        self.assertIn("/no/such/app.sock", owind.log())

    def test_a_path_too_long_for_a_socket_is_refused(self):
        owind = self.launch(places.HELLO, listen=[f"fcgi://unix:{self.folder}/{'x' * 120}"])
        self.assertNotEqual(0, owind.wait(30))

    def test_an_address_that_is_not_loopback_needs_an_allowed_peer(self):
        """FastCGI has no authentication."""
        port = places.free_port()
        owind = self.launch(places.HELLO, listen=[f"fcgi://0.0.0.0:{port}"])
        self.assertNotEqual(0, owind.wait(30))
        self.assertIn("--allow", owind.log())
        allowed = self.launch(places.HELLO, "--allow", "127.0.0.0/8", listen=[f"fcgi://0.0.0.0:{port}"])
        allowed.wait_for_log("ready")
        self.assertEqual(b"Hello, World!", fastcgi.ask(f"127.0.0.1:{port}").body)

    def test_a_peer_that_is_not_allowed_is_closed(self):
        port = places.free_port()
        owind = self.launch(places.HELLO, "--allow", "192.0.2.1", listen=[f"fcgi://0.0.0.0:{port}"])
        owind.wait_for_log("ready")
        with self.assertRaises((ConnectionError, OSError)):
            fastcgi.ask(f"127.0.0.1:{port}")


if __name__ == "__main__":
    unittest.main()
