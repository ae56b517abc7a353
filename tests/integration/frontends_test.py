"""One collection of requests through every front end, as conf/ configures it. Where a front end cannot do a thing, its class says
what it does instead."""
import hashlib
import os
import re
import socket
import unittest

from harness import frontends, http, places
from harness.case import Case
from harness.waiting import until

MIB = 1 << 20
BODY = os.urandom(MIB)
LARGE = BODY * 64


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def numbered(count):
    """The content of /download?bytes=N."""
    rest = bytes((31 * j + 7) & 255 for j in range(65536))[8:]
    blocks = (count + 65535) // 65536
    return b"".join(number.to_bytes(8, "big") + rest for number in range(blocks))[:count]


class Collection:
    """What every front end is asked. Attributes: what this one does instead."""
    front_end = None
    # The answer to a chunked upload; 200: passed on.
    chunked_status = 200
    # The same, when it is larger than the front end's buffer.
    large_chunked_status = 200
    # Whether the application sees a part of an upload before the rest was sent.
    uploads_stream = False
    # Whether a visitor who leaves is noticed while the application works on his complete request.
    tells_of_disconnects = True
    # Methods that the front end answers itself.
    refused_methods = {}
    # Whether the application's own reason phrase arrives.
    passes_reason = True
    # How much longer the URL of each of 30 requests at once is than that of the one before.
    url_step = 100

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder.chmod(0o755)
        # Whatever user the front end runs as.
        cls.owind = cls.start_owind(places.TOUR, "--socket-mode", "0666")
        cls.front = cls.keep(cls.front_end(cls.folder, cls.folder / "owind.sock")).wait_until_ready()

    def ask(self, target, method="GET", **more):
        return http.ask(self.front.port, method, target, **more)

    def environment(self, target, **more):
        response = self.ask(f"/mounted{target}", **more)
        self.assertEqual(200, response.status)
        return dict(line.split(": ", 1) for line in response.body.decode().splitlines() if ": " in line)

    def test_methods_arrive_as_they_were_sent(self):
        for method in ("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND"):
            body = b"x" if method in ("POST", "PUT", "PATCH") else None
            response = self.ask("/mounted/m", method, body=body)
            if method in self.refused_methods:
                self.assertEqual(self.refused_methods[method], response.status, method)
            else:
                self.assertIn(f"owin.RequestMethod: {method}\n", response.body.decode(), method)

    def test_the_path_is_decoded_exactly_once(self):
        """[OWIN 1.0.1 §5.3, §5.5]"""
        found = self.environment("/a%2Fb/%2541/%C3%A9/c//e?x=%20y&z=/%2F")
        self.assertEqual(("/mounted", "/a/b/%41/é/c//e", "x=%20y&z=/%2F"),
                         tuple(found["owin.Request" + name] for name in ("PathBase", "Path", "QueryString")))

    def test_unicode_in_paths_arrives(self):
        found = self.environment("/%E6%97%A5%E6%9C%AC/%F0%9F%90%98%20x+y")
        self.assertEqual("/日本/🐘 x+y", found["owin.RequestPath"])

    def test_an_empty_query_is_no_query(self):
        for target in ("/x", "/x?"):
            self.assertEqual("", self.environment(target).get("owin.RequestQueryString", ""))

    def test_host_and_addresses_are_the_visitors(self):
        found = self.environment("/x", host=f"test.example:{self.front.port}")
        self.assertIn(f"Host=[test.example:{self.front.port}]", found["owin.RequestHeaders"])
        self.assertEqual(("127.0.0.1", "http", "HTTP/1.1"),
                         (found["server.RemoteIpAddress"], found["owin.RequestScheme"], found["owin.RequestProtocol"]))

    def test_request_headers_keep_their_values(self):
        """Repeated ones as separate values or joined by a comma [RFC 9110 §5.3]."""
        response = self.ask("/headers", headers=[("X-One", "1"), ("X-Many", "a"), ("X-Many", "b, c"), ("Authorization", "Basic eDp5"),
                                                 ("Accept-Language", "de, en;q=0.5"), ("Proxy", "http://evil.example")])
        lines = response.body.decode().splitlines()
        for line in ("X-One: 1", "Accept-Language: de, en;q=0.5", "Authorization: Basic eDp5"):
            self.assertIn(line, lines)
        many = ", ".join(line.split(": ", 1)[1] for line in lines if line.startswith("X-Many: "))
        self.assertEqual("a, b, c", many)
        self.assertEqual([], [line for line in lines if line.startswith("Proxy")])  # httpoxy

    def test_cookies_go_both_ways(self):
        response = self.ask("/cookies", headers=[("Cookie", "a=1; b=2")])
        self.assertEqual(["a=1", "b=2"], response.body.decode().split())
        self.assertEqual(["session=abc; Path=/; HttpOnly", "theme=dark; Expires=Wed, 09 Jun 2038 10:18:14 GMT"],
                         response.header("Set-Cookie"))

    def test_response_headers_arrive_as_they_were_set(self):
        response = self.ask("/headers/set")
        self.assertEqual((201, b"set", True), (response.status, response.body, response.complete))
        self.assertEqual("Well Made" if self.passes_reason else "Created", response.reason)
        self.assertEqual("first, second", ", ".join(response.header("X-Two")))
        self.assertEqual(["a, b"], response.header("X-Comma"))
        self.assertEqual(["kept"], response.header("X-Mixed-Case"))

    def test_uploads_of_every_size_arrive_byte_by_byte(self):
        for size in (0, 1, 1000, 16383, 16384, 16385, 65535, 65536, MIB):
            response = self.ask("/sha256", "POST", body=BODY[:size])
            self.assertEqual(f"{sha256(BODY[:size])} {size}".encode(), response.body, size)

    def test_64_mib_go_up(self):
        response = self.ask("/sha256", "POST", body=LARGE, seconds=120)
        self.assertEqual(f"{sha256(LARGE)} {len(LARGE)}".encode(), response.body)

    def test_64_mib_come_down_with_and_without_a_length(self):
        for length in ("", "&length=no"):
            found, count = hashlib.sha256(), 64 * MIB
            response = self.ask(f"/download?bytes={count}{length}", sink=found.update, seconds=120)
            self.assertEqual((200, True), (response.status, response.complete))
            self.assertEqual(sha256(numbered(count)), found.hexdigest())

    def test_an_echo_that_reads_all_first(self):
        response = self.ask("/echo", "POST", body=BODY)
        self.assertTrue(response.complete)
        self.assertEqual(sha256(BODY), sha256(response.body))

    def test_chunked_uploads(self):
        for pieces, size in ((1, 1), (6, 1000), (6, 50_000)):
            with http.Connection(self.front.port) as connection:
                connection.send_head("POST", "/sha256", [("Transfer-Encoding", "chunked")])
                try:
                    for i in range(pieces):
                        connection.send_chunk(BODY[i * size:(i + 1) * size])
                    connection.send_chunk(b"")
                except (BrokenPipeError, ConnectionResetError):
                    pass
                response = connection.read_response()
            allowed = (self.chunked_status,) if pieces * size < 10_000 else (self.chunked_status, self.large_chunked_status)
            self.assertIn(response.status, allowed, (pieces, size))
            if response.status == 200:
                self.assertEqual(f"{sha256(BODY[:pieces * size])} {pieces * size}".encode(), response.body)

    def test_an_upload_in_chunks_has_no_wrong_length(self):
        """Absent, or what it really is."""
        if self.chunked_status != 200:
            return
        with http.Connection(self.front.port) as connection:
            connection.send_head("POST", "/mounted/x", [("Transfer-Encoding", "chunked")])
            for _ in range(3):
                connection.send_chunk(BODY[:5000])
            connection.send_chunk(b"")
            response = connection.read_response()
        self.assertEqual(200, response.status)
        found = re.search(rb"Content-Length=\[([^]]*)\]", response.body)
        self.assertIn(found and found[1], (None, b"15000"))

    def test_whether_an_upload_is_seen_while_it_arrives(self):
        target = f"/progress?name={self.id()}"
        with http.Connection(self.front.port) as connection:
            connection.send_head("POST", target, [("Content-Length", "200000")])
            connection.socket.sendall(bytes(100_000))
            if self.uploads_stream:
                until(lambda: self.ask(target).body not in (b"", b"0"), "a part in the application")
            else:
                self.assertEqual(200, self.ask("/").status)
                self.assertIn(self.ask(target).body, (b"", b"0"))
            connection.socket.sendall(bytes(100_000))
            self.assertEqual(b"200000", connection.read_response().body)

    def test_head_has_the_headers_of_get_and_no_body(self):
        response = self.ask("/download?bytes=100000", "HEAD")
        self.assertEqual((200, b"", True), (response.status, response.body, response.complete))
        self.assertEqual(["100000"], response.header("Content-Length"))

    def test_204_and_304_have_no_body_even_if_one_is_written(self):
        for code in (204, 304):
            for body in ("", "&body=swallowed"):
                response = self.ask(f"/status?code={code}{body}")
                self.assertEqual((code, b"", True), (response.status, response.body, response.complete))

    def test_statuses_and_redirects_pass(self):
        for code in (200, 201, 301, 302, 303, 307, 400, 401, 404, 418, 500, 503):
            location = "&location=http://test.example/elsewhere" if 300 <= code < 400 else ""
            response = self.ask(f"/status?code={code}&body=text{location}")
            self.assertEqual((code, True), (response.status, response.complete))
            if location:
                self.assertEqual(["http://test.example/elsewhere"], response.header("Location"))

    def test_a_redirect_to_a_path_is_the_visitors_to_follow(self):
        """A local redirect (RFC 3875 §6.2.2) would be followed here: Status says that it is none."""
        response = self.ask("/status?code=302&location=/elsewhere")
        self.assertEqual(302, response.status)
        self.assertTrue(response.header("Location")[0].endswith("/elsewhere"))

    def test_an_early_413_arrives_in_spite_of_the_upload(self):
        for size in (100_000, 64 * MIB):
            with http.Connection(self.front.port) as connection:
                connection.send_head("POST", "/status?code=413&body=large", [("Content-Length", str(size))])
                connection.send_until_answered(bytes(size))
                response = connection.read_response()
                self.assertEqual((413, b"large"), (response.status, response.body), size)

    def test_an_early_response_reaches_a_visitor_who_sends_64_mib_before_he_reads(self):
        for code in (200, 413):
            with http.Connection(self.front.port) as connection:
                connection.send_head("POST", f"/status?code={code}&body=early", [("Content-Length", str(64 * MIB))])
                connection.socket.sendall(LARGE)
                response = connection.read_response()
                self.assertEqual((code, b"early"), (response.status, response.body))

    def test_events_arrive_one_by_one(self):
        """Each is sent only after the one before was received: nothing on the way may hold them back."""
        gate = f"events-{self.front.name}"
        with http.Connection(self.front.port) as connection:
            connection.send_head("GET", f"/events?count=3&gate={gate}")
            self.assertEqual(200, connection.read_head()[0])
            for number in (1, 2, 3):
                connection.read_until(b"data: event %d\n\n" % number)
                if number < 3:
                    self.ask(f"/gate/open?name={gate}")
            connection.rest()

    def test_an_error_before_the_head_is_a_clean_500(self):
        for path in ("/error/before", "/error/task", "/error/null"):
            response = self.ask(path)
            self.assertEqual((500, True), (response.status, response.complete), path)
            self.assertNotIn(b"the tour failed", response.body, path)

    def test_an_error_after_the_head_is_never_a_whole_response(self):
        for path in ("/error/after", "/error/after?bytes=200000", "/error/after?length=5000", "/error/short"):
            self.check_broken(path)

    def check_broken(self, path):
        """Cut, or an error of the front end's own when it has not sent the head by then."""
        try:
            response = self.ask(path)
        except ConnectionError:
            return
        self.assertTrue(not response.complete or response.status in (500, 502, 503),
                        f"{path}: {response.status}, {len(response.body)} bytes, complete")

    def test_a_visitor_who_leaves_a_waiting_request(self):
        gate = f"left-{self.front.name}"
        count = lambda: self.ask(f"/gate/count?name={gate}").body  # noqa: E731
        with http.Connection(self.front.port) as connection:
            connection.send_head("GET", f"/gate/wait?name={gate}")
            until(lambda: count() == b"1", "the request waits at its gate")
        if self.tells_of_disconnects:
            until(lambda: count() == b"0", "the request has left its gate")
        else:
            self.assertEqual(b"1", count())
            self.ask(f"/gate/open?name={gate}")

    def test_a_visitor_who_leaves_mid_upload_disturbs_nobody(self):
        for _ in range(3):
            with http.Connection(self.front.port) as connection:
                connection.send_head("POST", "/sha256", [("Content-Length", "1000000")])
                connection.socket.sendall(BODY[:200_000])
                connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            self.assertEqual(200, self.ask("/").status)

    def test_a_visitor_who_leaves_mid_download_disturbs_nobody(self):
        for _ in range(3):
            with http.Connection(self.front.port) as connection:
                connection.send_head("GET", f"/download?bytes={64 * MIB}")
                connection.read_head()
            self.assertEqual(200, self.ask("/").status)

    def test_many_requests_at_once_get_their_own_answers(self):
        connections = [http.Connection(self.front.port) for _ in range(30)]
        for number, connection in enumerate(connections):
            self.addCleanup(connection.close)
            connection.send_head("GET", f"/status?body={number}-{'x' * number * self.url_step}")
        for number, connection in enumerate(connections):
            self.assertEqual(f"{number}-{'x' * number * self.url_step}".encode(), connection.read_response().body)


class NginxFrontEndTest(Collection, Case):
    front_end = frontends.Nginx


class HaProxyFrontEndTest(Collection, Case):
    front_end = frontends.HaProxy
    uploads_stream = True
    large_chunked_status = 400
    # Nothing of FastCGI tells of it once the request is complete.
    tells_of_disconnects = False
    # Parameters that do not fit into what is left of a buffer get 500 from it.
    url_step = 20

    def test_requests_share_a_connection(self):
        """It asks for FCGI_MPXS_CONNS and FCGI_MAX_REQS first [FastCGI 1.0 §4.1], and gives each a new id, 1, 3, 5 …"""
        self.assertEqual(200, self.ask("/").status)
        before, waiting = self.owind.descriptors(), []
        for _ in range(12):
            waiting.append(http.Connection(self.front.port))
            self.addCleanup(waiting[-1].close)
            waiting[-1].send_head("GET", "/gate/wait?name=shared")
        until(lambda: self.ask("/gate/count?name=shared").body == b"12", "all wait at their gate")
        self.assertLessEqual(self.owind.descriptors() - before, 4)
        for connection in waiting:
            self.ask("/gate/open?name=shared")
        for connection in waiting:
            self.assertEqual(200, connection.read_response().status)


class LighttpdFrontEndTest(Collection, Case):
    front_end = frontends.Lighttpd
    tells_of_disconnects = False
    passes_reason = False

    def test_an_error_after_the_head_is_never_a_whole_response(self):
        """It notices (unexpected end-of-file). Where it has not sent the head by then it gives the response the length of what
        there is, unless its length was told."""
        for path in ("/error/after?length=5000", "/error/short"):
            self.check_broken(path)
        self.ask("/error/after")
        until(lambda: self.front.log().count("unexpected end-of-file") >= 3, "lighttpd's own lines")


class ApacheFrontEndTest(Collection, Case):
    front_end = frontends.Apache
    uploads_stream = True
    # Nor does it look while it waits for the response.
    tells_of_disconnects = False


class CaddyFrontEndTest(Collection, Case):
    front_end = frontends.Caddy
    uploads_stream = True
    tells_of_disconnects = False
    passes_reason = False

    def test_an_error_after_the_head_is_never_a_whole_response(self):
        """It notices (aborting with incomplete response), and ends the response all the same, unless its length was told."""
        for path in ("/error/after?length=5000", "/error/short"):
            self.check_broken(path)
        self.ask("/error/after")
        until(lambda: "aborting with incomplete response" in self.front.log(), "Caddy's own line")


class LighttpdAuthorizerTest(Case):
    """The same application as an Authorizer [FastCGI 1.0 §6.3]: it is asked before a file, or itself as a Responder."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder.chmod(0o755)
        cls.owind = cls.start_owind(places.TOUR, "--socket-mode", "0666")
        cls.front = cls.keep(frontends.LighttpdAuthorizer(cls.folder, cls.folder / "owind.sock")).wait_until_ready()

    def test_what_is_allowed_is_served(self):
        response = http.ask(self.front.port, target="/private/page.txt?user=alice")
        self.assertEqual((200, b"for those who may"), (response.status, response.body))

    def test_what_is_refused_is_answered_by_the_application(self):
        response = http.ask(self.front.port, target="/private/page.txt")
        self.assertEqual((403, b"nobody may: Authorizer\n"), (response.status, response.body))

    def test_a_variable_that_the_authorizer_gives_reaches_the_responder(self):
        response = http.ask(self.front.port, target="/mounted/x?user=alice")
        self.assertEqual(200, response.status)
        self.assertIn("fastcgi.Role: Responder\n", response.body.decode())
        self.assertIn("server.User: ", response.body.decode())


if __name__ == "__main__":
    unittest.main()
