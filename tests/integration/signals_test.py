"""Stopping: what runs may end, what is new is refused, and the process leaves."""
import os
import signal
import unittest

from harness import fastcgi, places
from harness.case import Case
from harness.fastcgi import Client, request
from harness.owind import connect
from harness.waiting import until


class SignalsTest(Case):
    def waiting_request(self, owind, path="/gate/wait"):
        """A request that is in the application, on a connection of its own."""
        client = Client(owind.endpoint)
        self.addCleanup(client.close)
        client.send(request(uri=f"{path}?name=stop"))
        until(lambda: fastcgi.ask(owind.endpoint, uri="/gate/count?name=stop").body == b"1", "the request waits")
        return client

    def refused(self, owind):
        try:
            connect(owind.endpoint).close()
            return False
        except OSError:
            return True

    def check_drain(self, number):
        """The connection that is kept open carries the request that opens the gate, as that of a web server would."""
        owind = self.start(places.TOUR)
        client = Client(owind.endpoint)
        self.addCleanup(client.close)
        client.send(request(1, uri="/delay?ms=1500"))
        until(lambda: fastcgi.ask(owind.endpoint, uri="/").status == 200, "the server answers")
        owind.signal(number)
        until(lambda: self.refused(owind), "new connections are refused")
        self.assertEqual(b"delayed", client.wait(1).body)
        self.assertEqual(0, owind.wait())

    def test_term_lets_the_request_in_flight_end(self):
        self.check_drain(signal.SIGTERM)

    def test_quit_lets_the_request_in_flight_end(self):
        self.check_drain(signal.SIGQUIT)

    def test_what_has_connected_when_term_comes_is_served(self):
        """It waits in the backlog, accepted by nobody: closing the listening socket would reset it."""
        for endpoint in (None, [f"fcgi://127.0.0.1:{places.free_port()}"]):
            owind = self.start(places.TOUR, listen=endpoint)
            owind.signal(signal.SIGSTOP)
            clients = [Client(owind.endpoint) for _ in range(100)]
            for client in clients:
                self.addCleanup(client.close)
                client.send(request(uri="/status?body=served"))
            owind.signal(signal.SIGTERM)
            owind.signal(signal.SIGCONT)
            for client in clients:
                self.assertEqual(b"served", client.wait(1).body)
            self.assertEqual(0, owind.wait())

    def test_term_without_requests_ends_at_once(self):
        owind = self.start(places.TOUR)
        idle = Client(owind.endpoint)
        self.addCleanup(idle.close)
        idle.ask()
        owind.signal(signal.SIGTERM)
        self.assertEqual(0, owind.wait(25))

    def test_term_gives_up_on_a_request_after_the_drain_timeout(self):
        owind = self.start(places.TOUR, "--drain-timeout", "1")
        self.waiting_request(owind)
        owind.signal(signal.SIGTERM)
        owind.wait(25)

    def test_term_gives_up_on_a_request_that_never_ends(self):
        owind = self.start(places.TOUR, "--drain-timeout", "1")
        with Client(owind.endpoint) as client:
            client.send(request(uri="/never/after-head"))
            client.read_record()
            owind.signal(signal.SIGTERM)
            owind.wait(25)

    def test_int_cancels_what_runs_and_ends(self):
        owind = self.start(places.TOUR)
        self.waiting_request(owind)
        owind.signal(signal.SIGINT)
        owind.wait(25)

    def test_a_second_term_ends_at_once(self):
        owind = self.start(places.TOUR, "--drain-timeout", "600")
        self.waiting_request(owind)
        owind.signal(signal.SIGTERM)
        until(lambda: self.refused(owind), "new connections are refused")
        self.assertTrue(owind.is_running())
        owind.signal(signal.SIGTERM)
        owind.wait(25)

    def test_a_blocked_handler_does_not_keep_the_process(self):
        owind = self.start(places.TOUR, "--drain-timeout", "1")
        with Client(owind.endpoint) as client:
            client.send(request(uri="/block?ms=600000"))
            until(lambda: fastcgi.ask(owind.endpoint, uri="/").status == 200, "the server answers beside it")
            owind.signal(signal.SIGTERM)
            owind.wait(25)

    def test_the_socket_file_is_gone_afterwards(self):
        owind = self.start(places.TOUR)
        path = owind.endpoint.removeprefix("fcgi://unix:")
        owind.signal(signal.SIGTERM)
        owind.wait()
        self.assertFalse(os.path.exists(path))

    def test_a_null_reference_is_an_exception_and_not_the_end_of_the_process(self):
        """The runtime's own signal handling works beside ours: a Task that is null is dereferenced somewhere."""
        owind = self.start(places.TOUR)
        for _ in range(3):
            self.assertEqual(500, fastcgi.ask(owind.endpoint, uri="/error/null").status)
        self.assertTrue(owind.is_running())


if __name__ == "__main__":
    unittest.main()
