"""Visitors that ask without pause, and count every answer that was not whole and right."""
import threading

from harness import http
from harness.waiting import until


class Load:
    """`clients` threads, one connection a request. Each asks for the targets in turn: {target: its body's length, or None}."""

    def __init__(self, port, targets, clients=8):
        self.port, self.targets = port, targets
        self.answered, self.failures = 0, []
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._ask, args=(i,)) for i in range(clients)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        self.more(20)
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def more(self, count):
        """Waits until so many more were answered."""
        wanted = self.answered + count
        until(lambda: self.answered >= wanted or self.failures, f"{count} more answers", 60)

    def _ask(self, turn):
        targets = list(self.targets.items())
        while not self._stop.is_set():
            target, length = targets[turn % len(targets)]
            turn += 1
            try:
                response = http.ask(self.port, target=target)
                wrong = None
                if response.status != 200:
                    wrong = f"{target}: {response.status}"
                elif not response.complete or length not in (None, len(response.body)):
                    wrong = f"{target}: cut after {len(response.body)} bytes"
            except (OSError, ConnectionError) as error:
                wrong = f"{target}: {error!r}"
            with self._lock:
                if wrong:
                    self.failures.append(wrong)
                else:
                    self.answered += 1
