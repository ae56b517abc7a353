"""Limits, broken input and timeouts: what is refused, how, and that nobody else notices."""
import os
import unittest

from harness import fastcgi, places
from harness.case import Case
from harness.fastcgi import BEGIN, PARAMS, STDIN, Client, begin, pairs, parameters, record, request, stream
from harness.waiting import until


class BrokenInputTest(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.owind = cls.start_owind(places.TOUR)

    def assert_closed_with_one_line(self, data):
        """The connection that sends this is closed, one line is logged for it, and a request beside it goes on. A server
        of its own: its log has nothing else in it."""
        owind = self.start(places.TOUR)
        with Client(owind.endpoint) as beside, Client(owind.endpoint) as broken:
            beside.send(begin(1) + stream(PARAMS, 1, pairs(parameters("POST", "/drain", 5))))
            before = len(owind.log().splitlines())
            broken.send(data)
            self.assertTrue(broken.is_closed_by_peer(), "the connection stays open")
            beside.send(stream(STDIN, 1, b"12345"))
            self.assertEqual(b"5", beside.wait().body)
            added = until(lambda: owind.log().splitlines()[before:], "a log line")
            self.assertEqual(1, len(added), added)
            self.assertTrue(added[0].isprintable(), repr(added[0]))

    def test_an_http_request_closes_the_connection(self):
        self.assert_closed_with_one_line(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")

    def test_a_wrong_version_closes_the_connection(self):
        """[FastCGI 1.0 §3.3]"""
        self.assert_closed_with_one_line(record(BEGIN, 1, b"\0\1\1\0\0\0\0\0", version=2))

    def test_a_begin_of_a_wrong_length_closes_the_connection(self):
        self.assert_closed_with_one_line(record(BEGIN, 1, b"\0\1\1"))

    def test_a_second_begin_of_an_active_id_closes_the_connection(self):
        self.assert_closed_with_one_line(begin(1) + begin(1))

    def test_a_pair_longer_than_its_stream_closes_the_connection_or_is_a_400(self):
        with Client(self.owind.endpoint) as client:
            client.send(begin(1) + stream(PARAMS, 1, b"\x05\x64HELLO" + b"short") + record(STDIN, 1))
            try:
                self.assertEqual(400, client.wait().status)
            except ConnectionError:
                pass

    def test_lengths_near_the_end_of_their_range_are_refused_without_memory(self):
        """Two lengths whose sum overflows 32 bits."""
        before = self.owind.resident_bytes()
        for lengths in (b"\xff\xff\xff\xff\xff\xff\xff\xff", b"\xff\xff\xff\xff\x01", b"\x80\x00\x00\x01\xff\xff\xff\xfe"):
            with Client(self.owind.endpoint) as client:
                client.send(begin(1) + record(PARAMS, 1, lengths + b"x" * 100) + record(PARAMS, 1) + record(STDIN, 1))
                try:
                    self.assertIn(client.wait().status, (400, 431))
                except ConnectionError:
                    pass
        self.assertLess(self.owind.resident_bytes() - before, 64 << 20)

    def test_garbage_closes_connections_and_nothing_else(self):
        for _ in range(100):
            with Client(self.owind.endpoint) as client:
                try:
                    client.send(os.urandom(3000))
                except (BrokenPipeError, ConnectionResetError):
                    pass
        for _ in range(50):
            with Client(self.owind.endpoint) as client:
                try:
                    client.send(b"\x01" + os.urandom(2999))
                except (BrokenPipeError, ConnectionResetError):
                    pass
        self.assertEqual(200, fastcgi.ask(self.owind.endpoint).status)

    def test_what_a_visitor_sends_is_escaped_in_the_log(self):
        evil = "/error/before?x=\x1b[31mred\r\n2026-01-01 forged line"
        fastcgi.ask(self.owind.endpoint, uri=evil, HTTP_USER_AGENT="a\x1b]0;title\x07\nforged line")
        until(lambda: "the tour failed before the head" in self.owind.log(), "the exception in the log")
        self.assertNotIn("\x1b", self.owind.log())
        self.assertNotIn("\n2026-01-01 forged", self.owind.log())

    def test_clients_that_vanish_at_every_point_of_a_request_leave_nothing_behind(self):
        whole = request(method="POST", uri="/echo", body=b"x" * 300)
        fastcgi.ask(self.owind.endpoint)
        descriptors = self.owind.descriptors()
        for cut in range(1, len(whole), 7):
            with Client(self.owind.endpoint) as client:
                client.send(whole[:cut])
        until(lambda: self.owind.descriptors() <= descriptors, "the descriptors of the lost connections")
        self.assertEqual(b"x" * 300, fastcgi.ask(self.owind.endpoint, method="POST", uri="/echo", body=b"x" * 300).body)

    def test_clients_that_vanish_in_the_middle_of_a_download_leave_nothing_behind(self):
        descriptors = self.owind.descriptors()
        for _ in range(20):
            with Client(self.owind.endpoint) as client:
                client.send(request(uri="/download?bytes=50000000"))
                client.read_record()
        until(lambda: self.owind.descriptors() <= descriptors, "the descriptors of the lost connections")

    def test_idle_and_half_open_connections_do_not_keep_others_from_being_served(self):
        clients = [Client(self.owind.endpoint) for _ in range(300)]
        for client in clients:
            self.addCleanup(client.close)
        for client in clients[:150]:
            client.send(begin(1) + record(PARAMS, 1, b"\x0e"))
        for _ in range(20):
            self.assertEqual(200, fastcgi.ask(self.owind.endpoint).status)
        self.assertEqual(200, clients[-1].ask().status)


class LimitsTest(Case):
    def test_parameters_over_the_limit_are_431(self):
        owind = self.start(places.TOUR, "--max-params-bytes", "8192")
        with Client(owind.endpoint) as client:
            self.assertEqual(200, client.ask(uri="/", HTTP_X_FILL="x" * 7000).status)
            self.assertEqual(431, client.ask(2, uri="/", HTTP_X_FILL="x" * 9000).status)
            self.assertEqual(200, client.ask(3, uri="/").status)

    def test_too_many_parameters_are_431(self):
        owind = self.start(places.TOUR)
        many = {f"HTTP_X_{i}": "" for i in range(5000)}
        self.assertEqual(431, fastcgi.ask(owind.endpoint, **many).status)

    def test_a_body_over_the_limit_is_413(self):
        owind = self.start(places.TOUR, "--max-body-bytes", "1000")
        self.assertEqual(b"1000", fastcgi.ask(owind.endpoint, method="POST", uri="/drain", body=b"x" * 1000).body)
        self.assertEqual(413, fastcgi.ask(owind.endpoint, method="POST", uri="/drain", body=b"x" * 1001).status)

    def test_a_request_too_many_is_a_503_of_the_application_level(self):
        """An ordinary response that a web server passes on, with OVERLOADED beside it [FastCGI 1.0 §5.5]."""
        owind = self.start(places.TOUR, "--max-requests-in-flight", "1")
        with Client(owind.endpoint) as client:  # one connection: its records are seen in their order
            client.send(begin(1) + stream(PARAMS, 1, pairs(parameters("POST", "/drain", 5))) + record(STDIN, 1, b"12"))
            response = client.ask(2, uri="/")
            self.assertEqual((503, fastcgi.OVERLOADED), (response.status, response.protocol_status))
            self.assertTrue(response.header("Retry-After"))
            client.send(record(STDIN, 1, b"345") + record(STDIN, 1))
            self.assertEqual(b"5", client.wait(1).body)
            self.assertEqual(200, client.ask(3, uri="/").status)

    def warm_up(self, owind):
        """The first request of an application compiles; on a slow machine that takes longer than these timeouts."""
        until(lambda: fastcgi.ask(owind.endpoint).status == 200, "the first answer")

    def test_a_request_that_takes_too_long_is_504_and_its_call_is_cancelled(self):
        owind = self.start(places.TOUR, "--request-timeout", "1", "--max-requests-in-flight", "2")
        self.warm_up(owind)
        with Client(owind.endpoint) as client:
            self.assertEqual(504, client.ask(uri="/gate/wait?name=late").status)
            until(lambda: fastcgi.ask(owind.endpoint, uri="/cancelled?path=/gate/wait").body == b"1", "the cancellation")

    def test_requests_that_never_complete_free_their_slots(self):
        owind = self.start(places.TOUR, "--request-timeout", "1", "--max-requests-in-flight", "4")
        self.warm_up(owind)
        clients = [Client(owind.endpoint) for _ in range(4)]
        for client in clients:
            self.addCleanup(client.close)
            client.send(request(uri="/never"))
        self.assertEqual([504] * 4, [client.wait().status for client in clients])
        until(lambda: fastcgi.ask(owind.endpoint).status == 200, "a slot is free")

    def test_a_timeout_after_the_head_breaks_the_response(self):
        owind = self.start(places.TOUR, "--request-timeout", "1")
        self.warm_up(owind)
        with Client(owind.endpoint) as client:
            client.send(request(uri="/never/after-head"))
            with self.assertRaises((ConnectionError, ValueError)):
                client.wait()


if __name__ == "__main__":
    unittest.main()
