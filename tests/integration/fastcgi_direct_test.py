"""FastCGI spoken by hand, without a web server that would tidy it up."""
import hashlib
import socket
import struct
import unittest

from harness import fastcgi, places
from harness.case import Case
from harness.fastcgi import (ABORT, AUTHORIZER, DATA, END, FILTER, GET_VALUES, GET_VALUES_RESULT, PARAMS, STDIN, STDOUT,
                             UNKNOWN_TYPE, Client, begin, pairs, parameters, record, request, stream)
from harness.waiting import until


class FastCgiTest(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.owind = cls.start_owind(places.TOUR)

    def client(self):
        client = Client(self.owind.endpoint)
        self.addCleanup(client.close)
        return client

    def ask(self, **request_of):
        return fastcgi.ask(self.owind.endpoint, **request_of)

    def test_a_response_always_has_a_status(self):
        """[FastCGI 1.0 §6.2, RFC 3875 §6.3.3]"""
        response = self.ask(uri="/status?body=Hello")
        self.assertTrue(response.head.startswith("Status: 200 OK\r\n"), response.head)
        self.assertEqual((b"Hello", 0, 0), (response.body, response.application_status, response.protocol_status))
        self.assertTrue(response.stdout_ended)
        self.assertEqual(b"", bytes(response.stderr))

    def test_a_kept_connection_serves_request_after_request(self):
        """[FastCGI 1.0 §3.5]"""
        client = self.client()
        for number in range(200):
            self.assertEqual(str(number).encode(), client.ask(uri=f"/status?body={number}").body)

    def test_a_connection_that_is_not_kept_is_closed_after_the_response(self):
        client = self.client()
        client.send(request(uri="/status?body=last", keep=False))
        self.assertEqual(b"last", client.wait().body)
        self.assertTrue(client.is_closed_by_peer())

    def test_interleaved_requests_on_one_connection_do_not_mix(self):
        """Their records in turn; the first begun ends last [FastCGI 1.0 §3.3]."""
        client, ids = self.client(), (1, 7, 65535)
        bodies = {i: bytes([i & 255]) * 50_000 for i in ids}
        heads = {i: pairs(parameters("POST", "/sha256", 50_000)) for i in ids}
        for i in ids:
            client.send(begin(i))
        for position in range(0, max(map(len, heads.values())), 50):
            for i in ids:
                if piece := heads[i][position:position + 50]:
                    client.send(record(PARAMS, i, piece))
        for i in ids:
            client.send(record(PARAMS, i))
        for position in range(0, 50_000, 10_000):
            for i in ids:
                client.send(record(STDIN, i, bodies[i][position:position + 10_000]))
        for i in reversed(ids):
            client.send(record(STDIN, i))
        for i in ids:
            self.assertEqual(f"{hashlib.sha256(bodies[i]).hexdigest()} 50000".encode(), client.wait(i).body)

    def test_a_slow_request_does_not_hold_up_another_of_its_connection(self):
        client = self.client()
        client.send(request(1, uri="/gate/wait?name=slow"))
        self.assertEqual(b"quick", client.ask(2, uri="/status?body=quick").body)
        client.send(request(3, uri="/gate/open?name=slow"))
        self.assertEqual(b"passed", client.wait(1).body)

    def test_large_responses_of_one_connection_take_turns(self):
        client = self.client()
        client.send(request(1, uri="/download?bytes=8000000") + request(2, uri="/status?body=small"))
        kinds = []
        while not (client.response(1).ended and client.response(2).ended):
            kind, request_id, _ = client.read_record()
            if kind == END:
                kinds.append(request_id)
        self.assertEqual([2, 1], kinds)
        self.assertEqual(8_000_000, len(client.response(1).body))

    def test_parameters_may_be_cut_anywhere(self):
        """A record of one byte each [FastCGI 1.0 §3.4]."""
        client = self.client()
        client.send(begin(1) + stream(PARAMS, 1, pairs(parameters(uri="/headers", HTTP_X_LONG="v" * 300)), piece=1)
                    + record(STDIN, 1))
        self.assertIn(b"X-Long: " + b"v" * 300, client.wait().body)

    def test_bytes_may_arrive_one_by_one(self):
        client = self.client()
        for byte in request(method="POST", uri="/echo", body=b"slowly"):
            client.send(bytes([byte]))
        self.assertEqual(b"slowly", client.wait().body)

    def test_requests_may_arrive_all_at_once(self):
        client = self.client()
        client.send(b"".join(request(i, uri=f"/status?body={i}") for i in range(1, 101)))
        for i in range(1, 101):
            self.assertEqual(str(i).encode(), client.wait(i).body)

    def test_padding_and_reserved_bytes_are_ignored(self):
        client = self.client()
        client.send(struct.pack(">BBHHBB", 1, fastcgi.BEGIN, 1, 8, 255, 99) + struct.pack(">HB", 1, 1) + b"abcde" + b"\xff" * 255
                    + record(PARAMS, 1, pairs(parameters(uri="/status?body=padded")), padding=255)
                    + record(PARAMS, 1, padding=3) + record(STDIN, 1, padding=255))
        self.assertEqual(b"padded", client.wait().body)

    def test_get_values_is_answered_between_the_records_of_a_request(self):
        """Unknown names are left out [FastCGI 1.0 §4.1]."""
        client = self.client()
        client.send(begin(1) + record(GET_VALUES, 0, pairs({"FCGI_MPXS_CONNS": "", "FCGI_MAX_CONNS": "", "FCGI_MAX_REQS": "",
                                                            "NO_SUCH": ""}))
                    + request(1, uri="/status?body=after")[16:])
        self.assertEqual(b"after", client.wait().body)
        self.assertEqual([GET_VALUES_RESULT], [kind for kind, _ in client.management])
        content = client.management[0][1]
        self.assertIn(fastcgi.pair("FCGI_MPXS_CONNS", "1"), content)
        self.assertIn(b"FCGI_MAX_REQS", content)
        self.assertNotIn(b"NO_SUCH", content)

    def test_an_unknown_management_record_is_named_in_the_answer(self):
        """[FastCGI 1.0 §4.2]"""
        client = self.client()
        client.send(record(42, 0, b"whatever"))
        self.assertEqual((UNKNOWN_TYPE, 0), client.read_record()[:2])
        self.assertEqual(42, client.management[0][1][0])
        self.assertEqual(200, client.ask().status)

    def test_an_unknown_role_is_refused_and_the_connection_lives(self):
        """[FastCGI 1.0 §5.5]"""
        client = self.client()
        client.send(begin(1, role=9) + stream(PARAMS, 1, pairs(parameters())) + record(STDIN, 1))
        self.assertEqual(fastcgi.UNKNOWN_ROLE, client.wait().protocol_status)
        self.assertEqual(200, client.ask(2).status)

    def test_the_data_stream_is_ignored_by_a_responder(self):
        client = self.client()
        client.send(begin(1) + stream(PARAMS, 1, pairs(parameters(uri="/status?body=fine"))) + record(DATA, 1, b"x" * 100)
                    + record(DATA, 1) + record(STDIN, 1))
        self.assertEqual(b"fine", client.wait().body)

    def test_records_of_an_id_that_is_not_active_are_ignored(self):
        """[FastCGI 1.0 §3.3]"""
        client = self.client()
        client.send(record(STDIN, 5, b"stray") + record(ABORT, 6) + record(PARAMS, 7, b"\x01\x01ab"))
        self.assertEqual(200, client.ask().status)

    def test_an_abort_cancels_the_call_and_ends_the_request(self):
        """[FastCGI 1.0 §5.4]"""
        fired = lambda: int(self.ask(uri="/cancelled?path=/gate/wait").body)  # noqa: E731
        before, client = fired(), self.client()
        client.send(request(1, uri="/gate/wait?name=aborted"))
        until(lambda: self.ask(uri="/gate/count?name=aborted").body == b"1", "the request waits")
        client.send(record(ABORT, 1))
        client.wait(1)
        until(lambda: fired() == before + 1, "the cancellation")
        self.assertEqual(200, client.ask(2).status)

    def test_a_closed_connection_cancels_all_its_requests(self):
        fired = lambda: int(self.ask(uri="/cancelled?path=/gate/wait").body)  # noqa: E731
        before, client = fired(), self.client()
        for i in range(1, 6):
            client.send(request(i, uri="/gate/wait?name=closed"))
        until(lambda: self.ask(uri="/gate/count?name=closed").body == b"5", "five requests wait")
        client.close()
        until(lambda: fired() == before + 5, "five cancellations")

    def test_a_half_closed_connection_still_gets_its_response(self):
        client = self.client()
        client.send(request(uri="/delay?ms=1", keep=False))
        client.socket.shutdown(socket.SHUT_WR)
        try:
            self.assertEqual(b"delayed", client.wait().body)
        except ConnectionError:
            pass  # or is taken for an abort, as FastCGI lets a client abort by closing: but nothing in between
        self.assertEqual(200, self.ask().status)

    def test_an_early_response_is_delivered_in_spite_of_an_unread_upload(self):
        client = self.client()
        client.send(begin(1, keep=False) + stream(PARAMS, 1, pairs(parameters("POST", "/status?code=413&body=large", 500_000))))
        client.send(stream(STDIN, 1, b"x" * 500_000))
        response = client.wait()
        self.assertEqual((413, b"large"), (response.status, response.body))

    def test_an_echo_streams_both_ways_at_once(self):
        """16 MiB, read and written in turn: no side buffers it."""
        client, piece, found = self.client(), bytes(range(256)) * 128, hashlib.sha256()
        client.send(begin(1) + stream(PARAMS, 1, pairs(parameters("POST", "/echo/stream", 512 * len(piece)))))
        received = 0
        for number in range(512):
            client.send(record(STDIN, 1, piece))
            while received < (number - 8) * len(piece):
                client.read_record()
                received = len(client.response(1).stdout)
        client.send(record(STDIN, 1))
        found.update(client.wait().body)
        self.assertEqual(hashlib.sha256(piece * 512).hexdigest(), found.hexdigest())

    def test_a_body_that_is_shorter_than_its_length_cannot_be_read_to_an_end(self):
        """[FastCGI 1.0 §6.2] The application gets an IOException, and its request a 500."""
        client = self.client()
        for request_id, uri in enumerate(("/drain", "/echo", "/sync"), 1):
            client.send(begin(request_id) + stream(PARAMS, request_id, pairs(parameters("POST", uri, 100)))
                        + stream(STDIN, request_id, b"0123456789"))
            try:
                self.assertEqual(500, client.wait(request_id).status, uri)
            except ValueError:  # /sync had begun to answer
                client = self.client()
        self.owind.wait_for_log("The request body ended after 10 of 100 bytes.")

    def test_a_body_that_is_longer_than_its_length_is_read_to_its_end(self):
        """The end of STDIN counts: HAProxy announces what it holds of a chunked upload."""
        client = self.client()
        client.send(begin(1) + stream(PARAMS, 1, pairs(parameters("POST", "/drain", 3))) + stream(STDIN, 1, b"0123456789"))
        self.assertEqual(b"10", client.wait().body)

    def test_a_failure_after_the_head_is_noticed_by_a_client(self):
        """Either the connection breaks, or the promised length is missed: never a whole response."""
        for uri in ("/error/after", "/error/after?length=5000", "/error/short"):
            client = self.client()
            client.send(request(uri=uri))
            try:
                response = client.wait()
            except (ConnectionError, ValueError):
                continue
            promised = response.header("Content-Length")
            self.assertTrue(response.status == 500 or (promised and int(promised[0]) != len(response.body)), uri)

    def test_a_failure_after_the_head_leaves_the_other_requests_of_its_connection_alone(self):
        client = self.client()
        client.send(request(1, uri="/gate/wait?name=beside"))
        client.send(request(2, uri="/error/after?length=5000"))
        until(lambda: self.ask(uri="/gate/count?name=beside").body == b"1", "the first request waits")
        self.ask(uri="/gate/open?name=beside")
        self.assertEqual(b"passed", client.wait(1).body)

    def test_the_other_roles_get_an_answer_of_the_standard(self):
        """An Authorizer is served or refused, a Filter too; neither hangs."""
        for role in (AUTHORIZER, FILTER):
            client = self.client()
            client.send(begin(1, role) + stream(PARAMS, 1, pairs(parameters())) + record(STDIN, 1) + record(DATA, 1))
            response = client.wait()
            self.assertIn(response.protocol_status, (fastcgi.REQUEST_COMPLETE, fastcgi.UNKNOWN_ROLE))

    def test_stdout_records_are_within_the_standard(self):
        client = self.client()
        client.send(request(uri="/download?bytes=1000000"))
        while not client.response().ended:
            kind, _, content = client.read_record()
            if kind == STDOUT:
                self.assertLessEqual(len(content), fastcgi.MAX_CONTENT)


class HelloTest(Case):
    """The sample that a newcomer runs first: a program with Main, in a class of its own."""

    def test_hello_answers_without_running_main(self):
        owind = self.start(places.HELLO)
        response = fastcgi.ask(owind.endpoint)
        self.assertEqual((200, b"Hello, World!", ["13"], ["text/plain"]),
                         (response.status, response.body, response.header("Content-Length"), response.header("Content-Type")))
        self.assertNotIn("owind serve Hello.dll", owind.log())


if __name__ == "__main__":
    unittest.main()
