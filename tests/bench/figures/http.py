"""Hello, World! over HTTP without a front end: requests a second and CPU for each, against Kestrel with the same answer.

Both servers run all the time and are measured in turn, so that a noisy minute meets both. Decide by CPU: rates move with the
neighbours.
"""
import shutil
import tempfile
from pathlib import Path

from harness import places
from harness.owind import Owind
from harness.waiting import until

from . import peers
from .hello import CONNECTIONS, with_wrk
from .measure import median, number, table, verdicts


def start_owind(folder):
    port = places.free_port()
    process = Owind(places.HELLO, folder, ("--shards", "1"), listen=[f"http://127.0.0.1:{port}"])
    process.wait_until_ready()
    return process, port


def start_kestrel(folder):
    process, where = peers.start_kestrel(folder, "tcp")
    return process, int(where.rsplit(":", 1)[1])


def run(options):
    folder = Path(tempfile.mkdtemp(prefix="owind-bench-"))
    processes, results = {}, {}
    try:
        for name, start in (("owind", start_owind), ("kestrel", start_kestrel)):
            processes[name] = start(folder)
            until(peers.answers_http(processes[name][1]), f"{name} answers")
        for process, port in processes.values():  # warm: tiered compilation, caches
            with_wrk(process, port, 3)
        for _ in range(options.rounds):
            for name, (process, port) in processes.items():
                results.setdefault(name, []).append(with_wrk(process, port, options.seconds))
    finally:
        for process, _ in processes.values():
            process.stop()
        shutil.rmtree(folder, ignore_errors=True)

    def of(name, what):
        return median(found[what] for found in results[name])

    text = f"### Hello, World!: HTTP, TCP loopback (`wrk -t1 -c{CONNECTIONS}`), owind with `--shards 1`\n\n"
    text += table(["server", "requests/s", "CPU µs/request", "p50 µs", "p99 µs"],
                  [[name, number(of(name, "rps")), number(of(name, "cpu"), 2), number(of(name, "p50us")), number(of(name, "p99us"))]
                   for name in processes])
    text += f"\nMedians of {options.rounds} interleaved rounds of {options.seconds} s.\n\n"
    return text + verdicts([("HTTP: rate ÷ Kestrel", of("owind", "rps") / of("kestrel", "rps"), "≥", 1.5, 2),
                            ("HTTP: CPU ÷ Kestrel", of("owind", "cpu") / of("kestrel", "cpu"), "≤", 0.5, 2)])
