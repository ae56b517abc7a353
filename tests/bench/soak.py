#!/usr/bin/env python3
"""A long mixed load through nginx and directly, with visitors who leave in the middle of everything: `./dev soak [SECONDS]`.

Every answer is checked. At the end the server must still answer, hold no more descriptors than before, and have grown by
less than 32 MiB since the first quarter. Prints a line of figures every ten seconds.
"""
import argparse
import random
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "integration")]

from harness import fastcgi, http, places  # noqa: E402
from harness.fastcgi import Client, request  # noqa: E402
from harness.nginx import CELLS, Nginx  # noqa: E402
from harness.owind import Owind  # noqa: E402
from harness.waiting import until  # noqa: E402

MIB = 1 << 20
WORKERS = 12


class Soak:
    def __init__(self, owind, nginx):
        self.owind, self.nginx = owind, nginx
        self.ends = threading.Event()
        self.lock = threading.Lock()
        self.done, self.wrong = 0, []

    def port(self):
        return self.nginx.port(random.choice(CELLS), random.random() < 0.3)

    # One kind of visit each; every one returns whether it went as it should.

    def hello(self):
        text = str(random.random())
        return http.ask(self.port(), target=f"/status?body={text}").body.decode() == text

    def upload(self):
        size = random.randrange(300_000)
        return http.ask(self.port(), "POST", "/drain", body=b"x" * size).body == str(size).encode()

    def echo(self):
        body = random.randbytes(random.randrange(100_000))
        return http.ask(self.port(), "POST", "/echo", body=body).body == body

    def download(self):
        size = random.randrange(3_000_000)
        response = http.ask(self.port(), target=f"/download?bytes={size}")
        return response.complete and len(response.body) == size

    def block(self):
        return http.ask(self.port(), target=f"/block?ms={random.randrange(30)}").body == b"blocked"

    def failure(self):
        return http.ask(self.port(), target="/error/task").status == 500

    def broken(self):
        try:
            response = http.ask(self.port(), target="/error/after?bytes=100000")
        except ConnectionError:
            return True
        return not response.complete

    def leave(self):
        """Goes away while the server sends, waits or reads."""
        with http.Connection(self.port()) as connection:
            kind = random.randrange(3)
            if kind == 0:
                connection.send_head("GET", "/download?bytes=30000000")
                connection.read_some()
            elif kind == 1:
                connection.send_head("GET", "/gate/wait?name=nobody")
            else:
                connection.send_head("POST", "/sha256", [("Content-Length", "1000000")])
                connection.socket.sendall(b"x" * random.randrange(500_000))
        return True

    def cut(self):
        """A FastCGI connection that ends anywhere inside a request."""
        data = request(method="POST", uri="/echo", body=b"x" * 5000)
        with Client(self.owind.endpoint) as client:
            client.send(data[:random.randrange(1, len(data))])
        return True

    def garbage(self):
        with Client(self.owind.endpoint) as client:
            try:
                client.send(random.randbytes(2000))
            except OSError:
                pass
        return True

    def work(self):
        kinds = [self.hello] * 10 + [self.upload, self.echo, self.download, self.block, self.block, self.failure, self.broken,
                                     self.leave, self.leave, self.cut, self.garbage]
        while not self.ends.is_set():
            kind = random.choice(kinds)
            try:
                fine = kind()
            except Exception as error:  # noqa: BLE001 (whatever it is, it is a finding)
                fine = False
                with self.lock:
                    self.wrong.append(f"{kind.__name__}: {error!r}")
            with self.lock:
                self.done += 1
                if not fine and len(self.wrong) < 100:
                    self.wrong.append(kind.__name__)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--seconds", type=float, default=300)
    seconds = arguments.parse_args().seconds
    folder = Path(tempfile.mkdtemp(prefix="owind-soak-"))
    endpoints = {"unix": f"fcgi://unix:{folder}/owind.sock", "tcp": f"fcgi://127.0.0.1:{places.free_port()}"}
    owind = Owind(places.TOUR, folder, listen=list(endpoints.values()))
    nginx = None
    try:
        owind.wait_until_ready()
        nginx = Nginx(folder, endpoints).wait_until_ready()
        soak = Soak(owind, nginx)
        workers = [threading.Thread(target=soak.work) for _ in range(WORKERS)]
        for worker in workers:
            worker.start()
        began, quarter = time.monotonic(), None
        while time.monotonic() - began < seconds and owind.is_running():
            time.sleep(min(10, seconds / 8))
            if quarter is None and time.monotonic() - began > seconds / 4:
                quarter = owind.resident_bytes()
            print(f"{time.monotonic() - began:6.0f} s: {soak.done} visits, {len(soak.wrong)} wrong, resident "
                  f"{owind.resident_bytes() / MIB:.0f} MiB, {owind.threads()} threads, {owind.descriptors()} descriptors", flush=True)
        soak.ends.set()
        for worker in workers:
            worker.join()
        findings = list(soak.wrong)
        if fastcgi.ask(owind.endpoint).status != 200:
            findings.append("does not answer afterwards")
        nginx.stop()
        try:
            until(lambda: owind.descriptors() < 80, "the descriptors of the visitors are closed", 60)
        except AssertionError as error:
            findings.append(str(error))
        grown = (owind.resident_bytes() - quarter) / MIB
        if grown > 32:
            findings.append(f"grew by {grown:.0f} MiB since the first quarter")
        print(f"{soak.done} visits, {len(findings)} findings, grown by {grown:.1f} MiB since the first quarter")
        for line in findings[:20]:
            print("  " + line)
        if findings:
            print(owind.log()[-4000:], file=sys.stderr)
        return 1 if findings else 0
    finally:
        if nginx:
            nginx.stop()
        owind.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
