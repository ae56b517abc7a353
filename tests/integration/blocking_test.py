"""Handlers that keep their thread: they may be slow themselves, and nobody else is."""
import threading
import unittest

from harness import fastcgi, places
from harness.case import Case
from harness.fastcgi import PARAMS, STDIN, Client, begin, pairs, parameters, record, request, stream
from harness.waiting import until


class BlockingTest(Case):
    def block(self, owind, name, count):
        """`count` requests that keep their threads at the gate, on connections of their own."""
        clients = []
        for _ in range(count):
            client = Client(owind.endpoint, seconds=60)
            self.addCleanup(client.close)
            client.send(request(uri=f"/gate/block?name={name}"))
            clients.append(client)
        return clients

    def check_fast_beside_blocked(self, owind, count=24):
        clients = self.block(owind, "many", count)
        until(lambda: fastcgi.ask(owind.endpoint, uri="/gate/count?name=many").body == str(count).encode(), "all are blocked")
        with Client(owind.endpoint) as beside:
            for number in range(200):
                self.assertEqual(str(number).encode(), beside.ask(uri=f"/status?body={number}").body)
        fastcgi.ask(owind.endpoint, uri=f"/gate/open?name=many&times={count}")
        self.assertEqual({b"passed"}, {client.wait().body for client in clients})

    def test_fast_requests_are_served_while_many_handlers_block_one_shard(self):
        self.check_fast_beside_blocked(self.start(places.TOUR, "--shards", "1"))

    def test_fast_requests_are_served_under_dispatch_pool(self):
        self.check_fast_beside_blocked(self.start(places.TOUR, "--shards", "1", "--dispatch", "pool"))

    def test_requests_of_the_same_connection_are_served_while_one_blocks(self):
        owind = self.start(places.TOUR, "--shards", "1")
        with Client(owind.endpoint) as client:
            client.send(request(1, uri="/gate/block?name=same"))
            self.assertEqual(b"quick", client.ask(2, uri="/status?body=quick").body)
            client.send(request(3, uri="/gate/open?name=same"))
            self.assertEqual(b"passed", client.wait(1).body)

    def test_a_visitor_who_leaves_wakes_a_blocked_handler(self):
        owind = self.start(places.TOUR, "--shards", "1")
        for client in self.block(owind, "left", 3):
            until(lambda: fastcgi.ask(owind.endpoint, uri="/gate/count?name=left").body != b"0", "one is blocked")
            client.close()
        until(lambda: fastcgi.ask(owind.endpoint, uri="/gate/count?name=left").body == b"0", "all have gone")

    def read_slowly(self, owind, uri, count):
        """Uploads whose handlers wait for a body that comes later, many more than there may be threads."""
        clients = [Client(owind.endpoint, seconds=60) for _ in range(count)]
        for client in clients:
            self.addCleanup(client.close)
            client.send(begin(1) + stream(PARAMS, 1, pairs(parameters("POST", uri, 10))) + record(STDIN, 1, b"01234"))
        for client in clients:
            client.send(record(STDIN, 1, b"56789") + record(STDIN, 1))
        for client in clients:
            self.assertEqual(b"0123456789", client.wait().body)

    def test_more_waiting_handlers_than_threads_do_not_deadlock(self):
        """Result on a read of the body, four threads, sixteen uploads."""
        owind = self.start(places.TOUR, "--shards", "1", "--max-app-threads", "4")
        self.read_slowly(owind, "/sync/result", 16)

    def test_more_synchronous_reads_than_threads_do_not_deadlock(self):
        owind = self.start(places.TOUR, "--shards", "2", "--max-app-threads", "4")
        self.read_slowly(owind, "/sync", 16)

    def test_threads_leave_when_the_blocking_is_over(self):
        owind = self.start(places.TOUR, "--shards", "1")
        before = owind.threads()
        for client in self.block(owind, "short", 40):
            pass
        until(lambda: fastcgi.ask(owind.endpoint, uri="/gate/count?name=short").body == b"40", "all are blocked")
        self.assertGreaterEqual(owind.threads(), before + 30)
        fastcgi.ask(owind.endpoint, uri="/gate/open?name=short&times=40")
        until(lambda: owind.threads() <= before + 8, "the spare threads have gone", seconds=60)

    def test_a_slow_reader_of_a_download_holds_up_nobody(self):
        owind = self.start(places.TOUR, "--shards", "1")
        slow = [Client(owind.endpoint) for _ in range(8)]
        for client in slow:
            self.addCleanup(client.close)
            client.send(request(uri="/download?bytes=20000000"))
        for _ in range(50):
            self.assertEqual(200, fastcgi.ask(owind.endpoint).status)
        for client in slow:
            self.assertEqual(20_000_000, len(client.wait().body))

    def test_mixed_load_gives_every_request_its_own_answer(self):
        owind = self.start(places.TOUR, "--shards", "2")
        wrong = []

        def work(worker):
            with Client(owind.endpoint, seconds=60) as client:
                for number in range(60):
                    text = f"{worker}-{number}"
                    uri = f"/block?ms={number % 4}" if number % 5 == 0 else f"/status?body={text}"
                    body = client.ask(uri=uri).body
                    if body != (b"blocked" if number % 5 == 0 else text.encode()):
                        wrong.append((uri, body))

        threads = [threading.Thread(target=work, args=(worker,)) for worker in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual([], wrong)


if __name__ == "__main__":
    unittest.main()
