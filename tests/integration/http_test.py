"""HTTP/1.1 without a front end, and behind one that has no FastCGI: the real process, the real CLR."""
import hashlib
import os
import re
import signal
import socket
import threading
import unittest
from http.client import HTTPConnection

from harness import http, places
from harness.case import Case
from harness.owind import connect
from harness.process import Process
from harness.waiting import until


class HttpCase(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.port = places.free_port()
        cls.v6_port = places.free_port()
        cls.path = f"{cls.folder}/http.sock"
        cls.owind = cls.start_owind(places.TOUR, listen=[
            f"http://127.0.0.1:{cls.port}", f"http://[::1]:{cls.v6_port}", f"http://unix:{cls.path}",
            f"fcgi://unix:{cls.folder}/fcgi.sock"])

    def ask(self, method="GET", target="/", **more):
        return http.ask(self.port, method, target, **more)


class ListenersTest(HttpCase):
    def test_every_kind_of_listener_serves_beside_fastcgi(self):
        from harness import fastcgi
        for endpoint in self.owind.endpoints[:3]:
            with connect(endpoint) as stream:
                stream.sendall(b"GET /count HTTP/1.0\r\n\r\n")
                self.assertTrue(stream.makefile("rb").readline().startswith(b"HTTP/1.1 200 "), endpoint)
        self.assertEqual(200, fastcgi.ask(self.owind.endpoints[3], target="/count").status)

    def test_http_may_listen_on_every_address(self):
        owind = self.start(places.HELLO, listen=[f"http://0.0.0.0:{places.free_port()}"])
        self.assertEqual(b"Hello, World!", http.ask(int(owind.endpoint.rsplit(":", 1)[1])).body)

    def test_the_environment_says_who_asks_for_what(self):
        response = self.ask(target="/environment?a=1")
        text = response.body.decode()
        for part in ("owin.RequestMethod", "HTTP/1.1", "127.0.0.1", "test.example", "a=1"):
            self.assertIn(part, text)
        self.assertNotIn("fastcgi.Role", text)
        self.assertTrue(re.search(rf"server.LocalPort.{{0,40}}{self.port}", text), text)

    def test_date_and_server_are_there(self):
        response = self.ask()
        self.assertEqual(["owind"], response.header("Server"))
        self.assertRegex(response.header("Date")[0], r"^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$")


class BodiesTest(HttpCase):
    def test_large_bodies_pass_whole_both_ways(self):
        body = os.urandom(1 << 20) * 8
        response = self.ask("POST", "/echo", body=body)
        self.assertTrue(response.complete)
        self.assertEqual(hashlib.sha256(body).digest(), hashlib.sha256(response.body).digest())
        digest = self.ask("POST", "/sha256", body=body).body.decode()
        self.assertIn(hashlib.sha256(body).hexdigest(), digest.lower())

    def test_full_duplex_of_many_megabytes(self):
        """What nginx cannot pass: the response runs while the request does."""
        with http.Connection(self.port) as connection:
            connection.send_head("POST", "/echo/stream", [("Transfer-Encoding", "chunked")])
            sent = hashlib.sha256()

            def send():
                for number in range(64):
                    piece = bytes([number]) * 65536
                    sent.update(piece)
                    connection.send_chunk(piece)
                connection.socket.sendall(b"0\r\n\r\n")

            sender = threading.Thread(target=send)
            sender.start()
            got = hashlib.sha256()
            response = connection.read_response(got.update)
            sender.join()
        self.assertTrue(response.complete)
        self.assertEqual(sent.hexdigest(), got.hexdigest())

    def test_a_body_above_the_limit_is_a_413(self):
        response = self.ask("POST", "/drain", headers=[("Content-Length", "30000001")])
        self.assertEqual(413, response.status)
        with http.Connection(self.port) as connection:
            connection.send_head("POST", "/drain", [("Transfer-Encoding", "chunked")])
            for _ in range(31):
                connection.send_chunk(b"x" * 1_000_000)
            self.assertEqual(413, connection.read_response().status)

    def test_a_visitor_who_sends_64_mib_before_he_reads_gets_an_early_response(self):
        """The client of Python sends everything first. Announced or in chunks, and whatever the status; with Expect nobody asked
        for the body, and it comes all the same."""
        owind = self.start(places.TOUR, "--max-body-bytes", "0", listen=[f"http://127.0.0.1:{places.free_port()}"])
        port = int(owind.endpoint.rsplit(":", 1)[1])
        piece = bytes(1 << 16)
        for code in (200, 303, 404, 413, 500):
            for headers in ({"Content-Length": str(64 << 20)}, {"Transfer-Encoding": "chunked"},
                            {"Content-Length": str(64 << 20), "Expect": "100-continue"}):
                with self.subTest(code=code, **headers):
                    connection = HTTPConnection("127.0.0.1", port, timeout=30)
                    connection.request("POST", f"/status?code={code}&body=early", body=(piece for _ in range(1024)),
                                       headers=headers, encode_chunked="Transfer-Encoding" in headers)
                    response = connection.getresponse()
                    self.assertEqual((code, b"early"), (response.status, response.read()))
                    connection.close()

    def test_100_continue_comes_when_the_application_reads(self):
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as stream:
            stream.sendall(b"POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 5\r\n"
                           b"Expect: 100-continue\r\n\r\n")
            file = stream.makefile("rb")
            self.assertEqual(b"HTTP/1.1 100 Continue\r\n", file.readline())
            self.assertEqual(b"\r\n", file.readline())
            stream.sendall(b"hello")
            self.assertTrue(file.read().endswith(b"hello"))

    def test_the_client_of_python_keeps_its_connection(self):
        connection = HTTPConnection("127.0.0.1", self.port, timeout=20)
        for number in range(20):
            connection.request("POST", "/echo", body=f"{number}" * 100, headers={"Content-Type": "text/plain"})
            response = connection.getresponse()
            self.assertEqual(200, response.status)
            self.assertEqual(f"{number}" * 100, response.read().decode())
        connection.close()


class LimitsTest(HttpCase):
    """The defaults of docs/limits.md, and that the options reach the wire."""

    def statuses(self, port, line, fields, count, body):
        """Of requests that are one below a limit, at it, and one above it: a list for each limit."""
        ask = lambda *arguments, **more: http.ask(port, *arguments, **more).status
        # What the client sends itself: "GET  HTTP/1.1", and Host and Connection.
        own = len("Host: test.example\r\nConnection: close\r\n")
        return [[ask(target="/?" + "x" * (line + more - len("GET /? HTTP/1.1"))) for more in (-1, 0, 1)],
                [ask(headers=[("X", "x" * (fields + more - own - len("X: \r\n")))]) for more in (-1, 0, 1)],
                [ask(headers=[("X", "y")] * (count + more - 2)) for more in (-1, 0, 1)],
                [self.status_of_length(port, body + more) for more in (-1, 0, 1)]]

    @staticmethod
    def status_of_length(port, length):
        """Of a body that is announced and asked for (100), not sent."""
        with http.Connection(port) as connection:
            connection.send_head("POST", "/drain", [("Content-Length", str(length)), ("Expect", "100-continue")])
            return int(connection.read_until(b"\r\n").split()[1])

    def test_the_defaults_are_kestrels(self):
        self.assertEqual([[200, 200, 414], [200, 200, 431], [200, 200, 431], [100, 100, 413]],
                         self.statuses(self.port, 8 * 1024, 32 * 1024, 100, 30_000_000))

    def test_the_first_head_of_a_connection_has_the_time_of_a_head(self):
        port = places.free_port()
        self.start(places.HELLO, "--head-timeout", "1", "--idle-timeout", "300", listen=[f"http://127.0.0.1:{port}"])
        with http.Connection(port) as connection:
            connection.socket.sendall(b"GET / HTTP/1.1\r\n")
            self.assertEqual(408, connection.read_response().status)

    def test_each_has_an_option(self):
        port = places.free_port()
        self.start(places.TOUR, "--max-request-line-bytes", "16k", "--max-request-headers-bytes", "1k",
                   "--max-request-headers-count", "20", "--max-body-bytes", "40M", listen=[f"http://127.0.0.1:{port}"])
        self.assertEqual([[200, 200, 414], [200, 200, 431], [200, 200, 431], [100, 100, 413]],
                         self.statuses(port, 16 * 1024, 1024, 20, 40 * 1024 * 1024))


class FailuresTest(HttpCase):
    def test_an_exception_before_the_head_is_a_clean_500(self):
        response = self.ask(target="/error/before")
        self.assertEqual(500, response.status)
        self.assertTrue(response.complete)
        self.assertNotIn(b"the tour failed", response.body)
        # With its number, under which the log has the reason.
        number = re.search(r"Request (\w{16})<", response.body.decode()).group(1)
        self.owind.wait_for_log(f"[request {number}] ")
        self.assertIn("the tour failed", self.owind.log().split(f"[request {number}] ", 1)[1].splitlines()[0])

    def test_an_exception_after_the_head_cuts_the_response(self):
        self.assertFalse(self.ask(target="/error/after").complete)
        self.assertFalse(self.ask(target="/error/short").complete)

    def test_what_is_no_request_is_refused_and_the_connection_ends(self):
        for sent, status in ((b"nonsense\r\n\r\n", 400), (b"\x16\x03\x01\x00\xa5\x01", 400),
                             (b"GET / HTTP/1.1\r\n\r\n", 400), (b"GET / HTTP/9.9\r\nHost: a\r\n\r\n", 505),
                             (b"BREW / HTTP/1.1\r\nHost: a\r\n\r\n", 501),
                             (b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
                             (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 40000 + b"\r\n\r\n", 431)):
            with socket.create_connection(("127.0.0.1", self.port), timeout=20) as stream:
                stream.sendall(sent)
                self.assertTrue(stream.makefile("rb").read().startswith(b"HTTP/1.1 %d " % status), sent[:60])

    def test_term_lets_requests_end_and_says_that_their_connections_do(self):
        port = places.free_port()
        owind = self.start(places.TOUR, listen=[f"http://127.0.0.1:{port}"])
        waiting = socket.create_connection(("127.0.0.1", port), timeout=30)
        opener = socket.create_connection(("127.0.0.1", port), timeout=30)
        with waiting, opener:
            waiting.sendall(b"GET /gate/wait?name=term HTTP/1.1\r\nHost: a\r\n\r\n")
            until(lambda: b"1" in http.ask(port, target="/gate/count?name=term").body, "the request waits at its gate")
            opener.sendall(b"GET /gate/open?name=term HTTP/1.1\r\nHost: a\r\n")
            owind.signal(signal.SIGTERM)
            owind.wait_for_log("draining")
            opener.sendall(b"\r\n")
            for stream in (opener, waiting):
                answer = stream.makefile("rb").read()
                self.assertTrue(answer.startswith(b"HTTP/1.1 200 "), answer)
                self.assertIn(b"\r\nConnection: close\r\n", answer)
        self.assertEqual(0, owind.wait(40))


class BehindNginxTest(HttpCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.front_port = places.free_port()
        folder = cls.folder
        user = "user root;\n" if os.geteuid() == 0 else ""
        temporary = "".join(f"  {kind}_temp_path {folder}/{kind};\n"
                            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        configuration = folder / "proxy.conf"
        configuration.write_text(f"""{user}worker_processes 1;
daemon off;
pid {folder}/proxy.pid;
error_log stderr info;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_max_body_size 0;
{temporary}
  upstream app {{ server unix:{cls.path}; keepalive 8; }}
  server {{
    listen 127.0.0.1:{cls.front_port};
    location / {{
      proxy_pass http://app;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
    }}
  }}
}}
""")
        nginx = Process("nginx", [places.NGINX, "-p", folder, "-c", configuration], folder)
        cls.keep(nginx)

        def listening():
            try:
                connect(f"127.0.0.1:{cls.front_port}").close()
                return True
            except OSError:
                return False
        until(listening, "nginx listens")

    def front(self, method="GET", target="/", **more):
        return http.ask(self.front_port, method, target, **more)

    def test_requests_pass_over_kept_connections(self):
        for _ in range(50):
            self.assertEqual(200, self.front(target="/count").status)
        body = os.urandom(1 << 20)
        response = self.front("POST", "/echo", body=body)
        self.assertEqual(body, response.body)
        self.assertTrue(response.complete)

    def test_a_failure_after_the_head_is_seen_through_nginx(self):
        for target in ("/error/after", "/error/short"):
            self.assertFalse(self.front(target=target).complete)

    def test_a_large_download_passes_whole(self):
        size = 20_000_000
        response = self.front(target=f"/big?bytes={size}")
        self.assertTrue(response.complete)
        self.assertGreater(len(response.body), 0)


if __name__ == "__main__":
    unittest.main()
