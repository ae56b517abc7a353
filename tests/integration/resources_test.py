"""What a server must survive without: memory for idle connections, descriptors, a disk for its log."""
import os
import resource
import subprocess
import time
import unittest

from harness import fastcgi, places
from harness.case import Case
from harness.fastcgi import Client
from harness.waiting import until

IDLE = 10_000


def cpu_seconds(pid):
    """User and system time of a process, all threads."""
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class IdleConnectionsTest(Case):
    def test_ten_thousand_idle_connections_cost_little_and_harm_nobody(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard != resource.RLIM_INFINITY and hard < IDLE + 1000:
            hard = IDLE + 1000  # root may
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, IDLE + 1000), hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        owind = self.start(places.HELLO, "--max-connections", str(IDLE + 100))

        def connect():
            client = Client(owind.endpoint)
            self.addCleanup(client.close)
            self.assertEqual(200, client.ask().status)
            return client

        warm = [connect() for _ in range(200)]
        foreground = warm[0]
        for _ in range(2000):
            self.assertEqual(200, foreground.ask().status)
        before = owind.resident_bytes()
        clients = []
        for _ in range(IDLE - len(warm)):
            clients.append(connect())
            if len(clients) % 10 == 0:
                self.assertEqual(200, foreground.ask().status)
        each = (owind.resident_bytes() - before) / len(clients)
        print(f"\n    {each:.0f} bytes of resident memory an idle connection", flush=True)
        self.assertLessEqual(each, 2048)
        for _ in range(2000):
            self.assertEqual(200, foreground.ask().status)
        self.assertEqual(200, clients[-1].ask().status)


class DescriptorsTest(Case):
    def test_without_descriptors_it_waits_quietly_and_goes_on_when_there_are_some(self):
        owind = self.start(places.HELLO)
        kept = Client(owind.endpoint)
        self.addCleanup(kept.close)
        self.assertEqual(200, kept.ask().status)
        limits = resource.prlimit(owind.pid, resource.RLIMIT_NOFILE)
        open_now = len(os.listdir(f"/proc/{owind.pid}/fd"))
        resource.prlimit(owind.pid, resource.RLIMIT_NOFILE, (min(64, open_now), limits[1]))
        waiting = [Client(owind.endpoint) for _ in range(80)]
        for client in waiting:
            self.addCleanup(client.close)
            client.send(fastcgi.request())
        until(lambda: "raise the limit of open files" in owind.log(), "a line that says what is missing")
        self.assertEqual(200, kept.ask().status)
        began, used, lines = time.monotonic(), cpu_seconds(owind.pid), len(owind.log().splitlines())
        # The one thing that only time shows: that nothing spins.
        time.sleep(2)
        took = time.monotonic() - began
        self.assertLess((cpu_seconds(owind.pid) - used) / took, 0.1)
        self.assertLessEqual(len(owind.log().splitlines()) - lines, 12 * took)
        resource.prlimit(owind.pid, resource.RLIMIT_NOFILE, limits)
        for client in waiting:
            self.assertEqual(200, client.wait(1).status)


class LogTest(Case):
    def test_a_full_disk_or_a_closed_log_stops_no_request(self):
        for name, stderr in (("full", "/dev/full"), ("closed", None)):
            with self.subTest(name):
                endpoint = f"fcgi://unix:{self.folder}/{name}.sock"
                command = [str(places.OWIND), "serve", str(places.TOUR), "--listen", endpoint, "--log-level", "debug"]
                if stderr:
                    with open(stderr, "w") as sink:
                        process = subprocess.Popen(command, stderr=sink, stdout=sink, stdin=subprocess.DEVNULL)
                else:
                    reading, writing = os.pipe()
                    process = subprocess.Popen(command, stderr=writing, stdout=writing, stdin=subprocess.DEVNULL)
                    os.close(writing)
                    os.close(reading)
                self.addCleanup(process.wait)
                self.addCleanup(process.terminate)
                until(lambda: self.answers(endpoint), "an answer")
                for _ in range(200):
                    self.assertEqual(500, fastcgi.ask(endpoint, uri="/error/before").status)
                self.assertEqual(200, fastcgi.ask(endpoint).status)

    def answers(self, endpoint):
        try:
            return fastcgi.ask(endpoint).status == 200
        except OSError:
            return False


if __name__ == "__main__":
    unittest.main()
