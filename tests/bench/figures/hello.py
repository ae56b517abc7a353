"""Hello, World!: requests a second and CPU for each, direct and behind nginx, against the bare responder and peers.

All servers run all the time; in each round every one is measured once, so that a noisy minute meets all of them.
Decide by CPU: rates move with the neighbours.
"""
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from . import peers, tools
from .measure import cpu_seconds, median, number, table, verdicts

CONNECTIONS = 32


def direct(process, endpoint, seconds, more=()):
    before = cpu_seconds(process.pid)
    found = tools.fcgibench(endpoint, seconds, "-w", 0, "-c", CONNECTIONS, *more)
    found["cpu"] = (cpu_seconds(process.pid) - before) / max(1, found["done"]) * 1e6
    if found["failed"] or found["non2xx"]:
        raise RuntimeError(f"{process.name}: {found['failed']:.0f} failed, {found['non2xx']:.0f} not 2xx")
    return found


MICROSECONDS = {"us": 1, "ms": 1000, "s": 1_000_000}


def with_wrk(process, port, seconds):
    before = cpu_seconds(process.pid)
    run = subprocess.run([shutil.which("wrk"), "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency",
                          f"http://127.0.0.1:{port}/"], capture_output=True, text=True, timeout=seconds + 60)
    done = int(re.search(r"(\d+) requests in", run.stdout)[1])
    if "Non-2xx" in run.stdout or "Socket errors" in run.stdout:
        raise RuntimeError(f"{process.name}:\n{run.stdout}")
    quantiles = {name: float(value) * MICROSECONDS[unit]
                 for name, value, unit in re.findall(r"^\s+(50|99)%\s+([\d.]+)(us|ms|s)$", run.stdout, re.M)}
    return {"rps": float(re.search(r"Requests/sec:\s+([\d.]+)", run.stdout)[1]),
            "cpu": (cpu_seconds(process.pid) - before) / max(1, done) * 1e6,
            "done": done, "p50us": quantiles.get("50"), "p99us": quantiles.get("99")}


def behind_nginx(process, front, port, seconds):
    before = cpu_seconds(front.pid)
    found = with_wrk(process, port, seconds)
    return {**found, "nginx": (cpu_seconds(front.pid) - before) / max(1, found["done"]) * 1e6}


def run(options):
    tools.build()
    folder = Path(tempfile.mkdtemp(prefix="owind-bench-"))
    processes, results = [], {}

    def started(pair):
        processes.append(pair[0])
        return pair

    def add(name, found):
        results.setdefault(name, []).append(found)

    def of(name, what):
        return median(found[what] for found in results.get(name, []))

    try:
        servers = {"raw": started(peers.start_raw(folder)), "owind": started(peers.start_owind(folder)),
                   "php-fpm": started(peers.start_php(folder))}
        kestrels = {f"kestrel_{transport}": started(peers.start_kestrel(folder, transport)) for transport in ("tcp", "unix")}
        upstreams = {name.replace("-", "_"): ("fastcgi", endpoint.removeprefix("fcgi://"))
                     for name, (_, endpoint) in servers.items()}
        upstreams |= {name: ("proxy", where) for name, (_, where) in kestrels.items()}
        front = peers.Front(folder, upstreams)
        processes.append(front)
        php = ("-s", "/index.php", "-r", str(folder))
        for name, (process, endpoint) in servers.items():  # warm: tiered compilation, caches
            direct(process, endpoint, 3, php if name == "php-fpm" else ())
        for name, (process, _) in kestrels.items():
            behind_nginx(process, front, front.ports[name], 3)
        for _ in range(options.rounds):
            for name, (process, endpoint) in servers.items():
                add(name, direct(process, endpoint, options.seconds, php if name == "php-fpm" else ()))
            for name, (process, _) in (servers | kestrels).items():
                add("nginx " + name, behind_nginx(process, front, front.ports[name.replace("-", "_")], options.seconds))
    finally:
        for process in reversed(processes):
            process.stop()
        shutil.rmtree(folder, ignore_errors=True)

    def ratio(name, base, what):
        above, below = of(name, what), of(base, what)
        return above / below if above is not None and below else None

    better = max(("kestrel_tcp", "kestrel_unix"), key=lambda name: of("nginx " + name, "rps"))
    text = f"### Hello, World!: FastCGI direct, Unix socket, {CONNECTIONS} kept connections, `--shards 1`\n\n"
    text += table(["server", "requests/s", "CPU µs/request", "p50 µs", "p99 µs", "rate ÷ bare C", "CPU ÷ bare C"],
                  [[name, number(of(name, "rps")), number(of(name, "cpu"), 2), number(of(name, "p50us")), number(of(name, "p99us")),
                    number(ratio(name, "raw", "rps"), 2), number(ratio(name, "raw", "cpu"), 2)] for name in servers])
    text += f"\n### Hello, World!: behind nginx, kept connections (`wrk -t1 -c{CONNECTIONS}`, one nginx worker)\n\n"
    text += table(["server", "requests/s", "server CPU µs/request", "nginx CPU µs/request", "p50 µs", "p99 µs", "rate ÷ bare C"],
                  [[name, number(of("nginx " + name, "rps")), number(of("nginx " + name, "cpu"), 1),
                    number(of("nginx " + name, "nginx"), 1), number(of("nginx " + name, "p50us")),
                    number(of("nginx " + name, "p99us")), number(ratio("nginx " + name, "nginx raw", "rps"), 2)]
                   for name in list(servers) + list(kestrels)])
    text += f"\nMedians of {options.rounds} interleaved rounds of {options.seconds} s. Kestrel's better transport: {better[8:]}.\n\n"
    return text + verdicts([
        ("direct: CPU ÷ bare C", ratio("owind", "raw", "cpu"), "≤", 1.6, 2),
        ("direct: rate ÷ bare C", ratio("owind", "raw", "rps"), "≥", 0.65, 2),
        ("direct: rate ÷ php-fpm", ratio("owind", "php-fpm", "rps"), "≥", 5, 2),
        ("behind nginx: rate ÷ bare C", ratio("nginx owind", "nginx raw", "rps"), "≥", 0.95, 2),
        ("behind nginx: rate ÷ Kestrel", ratio("nginx owind", "nginx " + better, "rps"), "≥", 1.8, 2),
        ("behind nginx: CPU ÷ Kestrel", ratio("nginx owind", "nginx " + better, "cpu"), "≤", 0.25, 2),
    ])
