"""Stopping while requests run, in the visitor's eyes: what has begun breaks off visibly, what has not is a 503."""
import signal
import tempfile
import unittest
from pathlib import Path

from harness import http, places
from harness.case import Case
from harness.nginx import CELLS, Nginx
from harness.waiting import until


class NginxStopTest(Case):
    def is_broken_off(self, connection):
        """The last chunk is missing [RFC 9112 §8]."""
        try:
            return not connection.rest().endswith(b"0\r\n\r\n")
        except ConnectionResetError:
            return True

    def check(self, number, *options):
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        endpoints = {"unix": f"fcgi://unix:{folder}/owind.sock", "tcp": f"fcgi://127.0.0.1:{places.free_port()}"}
        owind = self.start(places.TOUR, *options, listen=list(endpoints.values()))
        nginx = Nginx(folder, endpoints)
        self.addCleanup(nginx.stop)
        nginx.wait_until_ready()
        begun, waiting = {}, {}
        for cell in CELLS:
            port = nginx.port(cell)
            for found, target in ((begun, f"/events?count=2&gate=never-{cell}"), (waiting, f"/gate/wait?name={cell}")):
                found[cell] = http.Connection(port)
                self.addCleanup(found[cell].close)
                found[cell].send_head("GET", target)
            begun[cell].read_until(b"data: event 1\n\n")
            until(lambda: http.ask(port, target=f"/gate/count?name={cell}").body == b"1", "the request waits")
        owind.signal(number)
        owind.wait(20)
        for cell in CELLS:
            with self.subTest(str(cell)):
                response = waiting[cell].read_response()
                self.assertEqual((503, True), (response.status, response.complete))
                self.assertTrue(self.is_broken_off(begun[cell]))

    def test_int_breaks_what_has_begun_and_answers_503_to_what_has_not(self):
        self.check(signal.SIGINT)

    def test_the_end_of_the_drain_breaks_what_has_begun_and_answers_503_to_what_has_not(self):
        self.check(signal.SIGTERM, "--drain-timeout", "1")


if __name__ == "__main__":
    unittest.main()
