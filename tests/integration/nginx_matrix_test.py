"""Everything that nginx changes about a request or a response, in each of the eight ways to reach owind through it:
{Unix, TCP} × {fastcgi_keep_conn on, off} × {fastcgi_buffering on, off}."""
import hashlib
import os
import socket
import unittest

from harness import http
from harness.case import NginxCase, each_cell
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


class NginxMatrixTest(NginxCase):
    def ask(self, cell, target, method="GET", streamed=False, **more):
        return http.ask(self.nginx.port(cell, streamed), method, target, **more)

    @each_cell
    def test_a_get_is_answered(self, cell):
        response = self.ask(cell, "/status?body=Hello")
        self.assertEqual((200, b"Hello", True), (response.status, response.body, response.complete))
        self.assertEqual(["tour"], response.header("X-Served-By"))
        self.assertEqual(["outer>inner"], response.header("X-Chain"))

    @each_cell
    def test_an_upload_arrives_byte_by_byte(self, cell):
        for size in (1, 1000, MIB):
            response = self.ask(cell, "/sha256", "POST", body=BODY[:size])
            self.assertEqual(f"{sha256(BODY[:size])} {size}".encode(), response.body)

    @each_cell
    def test_an_empty_upload_is_an_empty_body(self, cell):
        response = self.ask(cell, "/sha256", "POST", body=b"")
        self.assertEqual(f"{sha256(b'')} 0".encode(), response.body)

    @each_cell
    def test_64_mib_go_up(self, cell):
        response = self.ask(cell, "/sha256", "POST", body=LARGE)
        self.assertEqual(f"{sha256(LARGE)} {len(LARGE)}".encode(), response.body)

    @each_cell
    def test_an_early_response_reaches_a_visitor_who_sends_64_mib_before_he_reads(self, cell):
        """With fastcgi_request_buffering off nginx stops to pass an upload on when it has the head of the response."""
        response = self.ask(cell, "/status?code=303&body=early", "POST", streamed=True, body=LARGE)
        self.assertEqual((303, b"early", True), (response.status, response.body, response.complete))

    @each_cell
    def test_64_mib_come_down(self, cell):
        found, count = hashlib.sha256(), 64 * MIB
        response = self.ask(cell, f"/download?bytes={count}", sink=found.update)
        self.assertEqual((200, True), (response.status, response.complete))
        self.assertEqual(sha256(numbered(count)), found.hexdigest())

    @each_cell
    def test_64_mib_are_echoed_by_an_application_that_reads_all_first(self, cell):
        response = self.ask(cell, "/echo", "POST", body=LARGE)
        self.assertTrue(response.complete)
        self.assertEqual(sha256(LARGE), sha256(response.body))

    @each_cell
    def test_a_mebibyte_without_a_length_comes_down_whole(self, cell):
        response = self.ask(cell, f"/download?bytes={MIB}&length=no")
        self.assertTrue(response.complete)
        self.assertEqual(numbered(MIB), response.body)

    @each_cell
    def test_a_small_body_is_echoed_while_it_arrives(self, cell):
        response = self.ask(cell, "/echo/stream", "POST", body=BODY[:3000], headers=[("Content-Type", "application/x-test")])
        self.assertEqual(BODY[:3000], response.body)
        self.assertEqual(["application/x-test"], response.header("Content-Type"))

    @each_cell
    def test_synchronous_reads_and_writes_echo(self, cell):
        self.assertEqual(BODY[:100_000], self.ask(cell, "/sync/result", "POST", body=BODY[:100_000]).body)
        self.assertEqual(BODY[:3000], self.ask(cell, "/sync", "POST", body=BODY[:3000]).body)

    @each_cell
    def test_a_chunked_upload_arrives_without_its_chunks(self, cell):
        """With and without request buffering: once nginx knows the length, once it does not."""
        for streamed in (False, True):
            with self.subTest(streamed=streamed), http.Connection(self.nginx.port(cell, streamed)) as connection:
                connection.send_head("POST", "/sha256", [("Transfer-Encoding", "chunked")])
                for i in range(0, 300_000, 50_000):
                    connection.send_chunk(BODY[i:i + 50_000])
                connection.send_chunk(b"")
                response = connection.read_response()
                self.assertEqual(f"{sha256(BODY[:300_000])} 300000".encode(), response.body)

    @each_cell
    def test_an_upload_is_seen_while_it_arrives(self, cell):
        """Without request buffering the application gets the first half before the second is sent."""
        target = f"/progress?name={cell}"
        with http.Connection(self.nginx.port(cell, streamed=True)) as connection:
            connection.send_head("POST", target, [("Content-Length", "20")])
            connection.socket.sendall(b"0123456789")
            until(lambda: self.ask(cell, target).body == b"10", "the first half in the application")
            connection.socket.sendall(b"abcdefghij")
            self.assertEqual(b"20", connection.read_response().body)

    @each_cell
    def test_the_path_is_decoded_exactly_once(self, cell):
        """[OWIN 1.0.1 §5.3, §5.5]"""
        response = self.ask(cell, "/mounted/a%2Fb/%2541/%C3%A9/c//e?x=%20y&z=/%2F")
        text = response.body.decode()
        self.assertIn("owin.RequestPathBase: /mounted\n", text)
        self.assertIn("owin.RequestPath: /a/b/%41/é/c//e\n", text)
        self.assertIn("owin.RequestQueryString: x=%20y&z=/%2F\n", text)

    @each_cell
    def test_request_headers_keep_their_values(self, cell):
        """Repeated ones as separate values or joined by a comma [RFC 9110 §5.3]; Cookie joined by a semicolon."""
        response = self.ask(cell, "/headers", headers=[("X-One", "1"), ("X-Many", "a"), ("X-Many", "b, c"), ("X-Empty", ""),
                                                       ("Accept-Language", "de, en;q=0.5"), ("X-Bytes", "caf\xe9")])
        lines = response.body.decode().splitlines()
        self.assertIn("X-One: 1", lines)
        self.assertIn("Accept-Language: de, en;q=0.5", lines)
        self.assertEqual("a, b, c", ", ".join(line.split(": ", 1)[1] for line in lines if line.startswith("X-Many: ")))
        self.assertIn("Host: test.example", lines)

    @each_cell
    def test_the_host_keeps_its_port(self, cell):
        lines = self.ask(cell, "/headers", host="Test.Example:8443").body.decode().splitlines()
        self.assertIn("Host: test.example:8443", lines)

    @each_cell
    def test_response_headers_arrive_as_they_were_set(self, cell):
        """Two values are two lines; what belongs to the connection does not pass [RFC 9110 §7.6.1]."""
        response = self.ask(cell, "/headers/set")
        self.assertEqual((201, "Well Made", b"set"), (response.status, response.reason, response.body))
        self.assertEqual(["first", "second"], response.header("X-Two"))
        self.assertEqual(["a, b"], response.header("X-Comma"))
        self.assertEqual(["kept"], response.header("X-Mixed-Case"))
        self.assertEqual([], response.header("Keep-Alive"))
        self.assertEqual([], response.header("Transfer-Encoding"))

    @each_cell
    def test_cookies_go_both_ways(self, cell):
        response = self.ask(cell, "/cookies", headers=[("Cookie", "a=1; b=2"), ("Cookie", "c=3")])
        self.assertEqual(["a=1", "b=2", "c=3"], response.body.decode().split())
        self.assertEqual(["session=abc; Path=/; HttpOnly", "theme=dark; Expires=Wed, 09 Jun 2038 10:18:14 GMT"],
                         response.header("Set-Cookie"))

    @each_cell
    def test_head_has_the_headers_of_get_and_no_body(self, cell):
        response = self.ask(cell, "/download?bytes=100000", "HEAD")
        self.assertEqual((200, b"", True), (response.status, response.body, response.complete))
        self.assertEqual(["100000"], response.header("Content-Length"))

    @each_cell
    def test_204_and_304_have_no_body_even_if_one_is_written(self, cell):
        """[RFC 9110 §15.3.5, §15.4.5]"""
        for code in (204, 304):
            for body in ("", "&body=swallowed"):
                response = self.ask(cell, f"/status?code={code}{body}")
                self.assertEqual((code, b"", True), (response.status, response.body, response.complete))

    @each_cell
    def test_a_redirect_passes(self, cell):
        response = self.ask(cell, "/status?code=302&location=/elsewhere")
        self.assertEqual(302, response.status)
        self.assertTrue(response.header("Location")[0].endswith("/elsewhere"))

    @each_cell
    def test_what_nobody_answers_is_404(self, cell):
        self.assertEqual(404, self.ask(cell, "/nowhere").status)

    @each_cell
    def test_events_arrive_one_by_one(self, cell):
        """Each is sent only after the one before was received: nothing on the way may hold them back."""
        port, gate = self.nginx.port(cell), f"events-{cell}"
        with http.Connection(port) as connection:
            connection.send_head("GET", f"/events?count=3&gate={gate}")
            status, _, headers = connection.read_head()
            self.assertEqual(200, status)
            self.assertIn(("Content-Type", "text/event-stream"), headers)
            connection.read_until(b"data: event 1\n\n")
            http.ask(port, target=f"/gate/open?name={gate}")
            connection.read_until(b"data: event 2\n\n")
            http.ask(port, target=f"/gate/open?name={gate}")
            connection.read_until(b"data: event 3\n\n")
            connection.rest()

    @each_cell
    def test_sending_headers_run_last_registered_first(self, cell):
        response = self.ask(cell, "/sending")
        self.assertEqual(["third second first"], response.header("X-Order"))
        self.assertEqual(b"late registration: InvalidOperationException", response.body)

    @each_cell
    def test_an_error_before_the_head_is_a_clean_500(self, cell):
        """[OWIN 1.0.1 §6.1]"""
        for path in ("/error/before", "/error/task", "/error/cancelled", "/error/null", "/error/header"):
            response = self.ask(cell, path)
            self.assertEqual((500, True), (response.status, response.complete), path)
            self.assertEqual([], response.header("X-Leftover"), path)
            self.assertEqual([], response.header("Set-Cookie"), path)
            self.assertNotIn(b"the tour failed", response.body, path)

    @each_cell
    def test_an_error_after_the_head_is_never_a_whole_response(self, cell):
        for path in ("/error/after", "/error/after?bytes=200000", "/error/after?length=5000", "/error/after?bytes=200000&length=300000",
                     "/error/short", "/error/long"):
            with self.subTest(path):
                try:
                    response = self.ask(cell, path)
                except ConnectionError:
                    continue  # nginx had not passed the head on yet and gave up the connection
                self.assertTrue(not response.complete or response.status in (500, 502),
                                f"{path}: {response.status}, {len(response.body)} bytes, complete")

    @each_cell
    def test_a_response_head_that_is_too_large_is_a_500(self, cell):
        self.assertEqual(500, self.ask(cell, "/error/large-head?bytes=1000000").status)

    @each_cell
    def test_a_visitor_who_leaves_cancels_the_call(self, cell):
        """owin.CallCancelled fires once [OWIN 1.0.1 §6.2]."""
        fired = lambda: int(self.ask(cell, "/cancelled?path=/gate/wait").body)  # noqa: E731
        before, gate = fired(), f"left-{cell}"
        with http.Connection(self.nginx.port(cell)) as connection:
            connection.send_head("GET", f"/gate/wait?name={gate}")
            until(lambda: self.ask(cell, f"/gate/count?name={gate}").body == b"1", "the request waits at its gate")
        until(lambda: fired() == before + 1, "the cancellation")
        until(lambda: self.ask(cell, f"/gate/count?name={gate}").body == b"0", "the request has left its gate")

    @each_cell
    def test_a_visitor_who_leaves_mid_upload_disturbs_nobody(self, cell):
        for streamed in (False, True):
            with http.Connection(self.nginx.port(cell, streamed)) as connection:
                connection.send_head("POST", "/sha256", [("Content-Length", "1000000")])
                connection.socket.sendall(BODY[:200_000])
                connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            self.assertEqual(200, self.ask(cell, "/").status)


if __name__ == "__main__":
    unittest.main()
