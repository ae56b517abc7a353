"""Large bodies: past 2³¹ and 2³² bytes over the socket, 64 MiB through nginx; byte-exact, with flat memory."""
import hashlib
import shutil
import tempfile
import threading
import time
from pathlib import Path

from harness import fastcgi, http, places
from harness.nginx import CELLS, Nginx
from harness.fastcgi import PARAMS, STDIN, Client, begin, pairs, parameters, record, request, stream

from . import peers, tools
from .measure import number, peak_resident_bytes, reset_peak, table, verdicts

MIB, GIB = 1 << 20, 1 << 30
BLOCK = 65536
REST = bytes((31 * j + 7) & 255 for j in range(BLOCK))[8:]


def blocks(count):
    """The content of /download?bytes=N, block by block."""
    for index in range(count // BLOCK):
        yield index.to_bytes(8, "big") + REST


def begin_upload(client, uri, count):
    client.send(begin(1) + stream(PARAMS, 1, pairs(parameters("POST", uri, count))))


def send_blocks(client, count, digest):
    for block in blocks(count):
        digest.update(block)
        client.send(record(STDIN, 1, block[:BLOCK // 2]) + record(STDIN, 1, block[BLOCK // 2:]))
    client.send(record(STDIN, 1))


def receive_body(client):
    """The sha256 of the body and its length, without keeping it."""
    digest, length, response = hashlib.sha256(), 0, client.response(1)
    while not response.ended:
        if client.read_record() is None:
            raise ConnectionError(f"closed after {length} bytes")
        if b"\r\n\r\n" in response.stdout or length:
            body = bytes(response.stdout) if length else response.body
            digest.update(body)
            length += len(body)
            if body:
                response.stdout.clear()
    return digest.hexdigest(), length


def upload(endpoint, count):
    digest = hashlib.sha256()
    with Client(endpoint, 600) as client:
        begin_upload(client, "/sha256", count)
        send_blocks(client, count, digest)
        return client.wait().body.decode() == f"{digest.hexdigest()} {count}"


def download(endpoint, count):
    expected = hashlib.sha256()
    for block in blocks(count):
        expected.update(block)
    with Client(endpoint, 600) as client:
        client.send(request(uri=f"/download?bytes={count}"))
        return receive_body(client) == (expected.hexdigest(), count)


def echo(endpoint, count):
    sent = hashlib.sha256()
    with Client(endpoint, 600) as client:
        begin_upload(client, "/echo/stream", count)
        sender = threading.Thread(target=send_blocks, args=(client, count, sent))
        sender.start()
        found = receive_body(client)
        sender.join()
        return found == (sent.hexdigest(), count)


def nginx_upload(port, count):
    data = b"".join(blocks(count))
    return http.ask(port, "POST", "/sha256", body=data, seconds=120).body.decode() == f"{hashlib.sha256(data).hexdigest()} {count}"


def nginx_download(port, count):
    expected, found = hashlib.sha256(b"".join(blocks(count))), hashlib.sha256()
    return http.ask(port, "GET", f"/download?bytes={count}", sink=found.update, seconds=120).complete and \
        found.digest() == expected.digest()


def nginx_echo(port, count):
    data = b"".join(blocks(count))
    return http.ask(port, "POST", "/echo", body=data, seconds=120).body == data


def run(options):
    tools.build()
    folder = Path(tempfile.mkdtemp(prefix="owind-bench-"))
    owind, endpoint = peers.start_owind(folder, places.TOUR, ())
    front = None
    rows, growth, exact = [], [], True
    try:
        front = start_front(folder, endpoint)
        port = front.port
        for _ in range(10):
            tools.fcgibench(endpoint, 0.3, "-w", 0, "-u", "/status?body=warm")
        while int(fastcgi.ask(endpoint, uri="/count").body) < 10_000:
            tools.fcgibench(endpoint, 1, "-w", 0, "-u", "/status?body=warm")
        scale = GIB if not options.quick else 64 * MIB
        parts = [("upload, direct", 5 * scale, lambda n: upload(endpoint, n), True),
                 ("download, direct", 5 * scale, lambda n: download(endpoint, n), True),
                 ("streaming echo, direct", scale, lambda n: echo(endpoint, n), True),
                 ("upload through nginx", 64 * MIB, lambda n: nginx_upload(port, n), True),
                 ("download through nginx", 64 * MIB, lambda n: nginx_download(port, n), True),
                 # The application itself holds the body here, so its memory is not the server's.
                 ("collecting echo through nginx", 64 * MIB, lambda n: nginx_echo(port, n), False)]
        for what, count, work, counts in parts:
            reset_peak(owind.pid)
            before, began = owind.resident_bytes(), time.monotonic()
            ok = work(count)
            took = time.monotonic() - began
            grown = (peak_resident_bytes(owind.pid) - before) / MIB
            exact = exact and ok
            if counts:
                growth.append(grown)
            rows.append([what, f"{count / MIB:,.0f} MiB", "yes" if ok else "**no**", number(count / took / 1e6), number(grown, 1)])
    finally:
        if front:
            front.stop()
        owind.stop()
        shutil.rmtree(folder, ignore_errors=True)
    text = "### Large bodies\n\n" + table(["what", "size", "byte-exact", "MB/s (with the client's hashing)", "peak growth MiB"], rows)
    return text + "\n" + verdicts([("byte-exact", 1 if exact else 0, "≥", 1, 0),
                                   ("growth of resident memory, MiB", max(growth), "≤", 32, 1)])


def start_front(folder, endpoint):
    """nginx in front of the tour; ready when it answers anything."""
    front = Nginx(folder, {"unix": endpoint})
    front.wait_until_ready()
    front.port = front.ports[CELLS[0], False]
    return front
