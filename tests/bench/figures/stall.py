"""Fast requests beside slow ones: 16 clients of hello beside 8 and 32 clients of a handler that sleeps ten milliseconds, in
a fresh process each, under --dispatch steal and --dispatch pool. Curves are requests of the fast handler per second."""
import shutil
import subprocess
import tempfile
from pathlib import Path

from harness import places

from . import peers, tools
from .measure import number, table, verdicts

SECONDS = 20


def curve(dispatch, slow_clients):
    folder = Path(tempfile.mkdtemp(prefix="owind-bench-"))
    owind, endpoint = peers.start_owind(folder, places.BUILD / "bench/Figures/Figures.dll", ("--dispatch", dispatch))
    address = endpoint.removeprefix("fcgi://")
    try:
        slow = subprocess.Popen([tools.TARGET / "fcgibench", "-t", address, "-c", str(slow_clients), "-u", "/block", "-w", "0",
                                 "-d", str(SECONDS + 2)], stdout=subprocess.PIPE, text=True)
        fast = tools.fcgibench(endpoint, SECONDS, "-w", 0, "-c", 16, "--curve")
        slow_out, _ = slow.communicate(timeout=60)
        return fast, tools.figures_of(slow_out), owind.threads()
    finally:
        owind.stop()
        shutil.rmtree(folder, ignore_errors=True)


def run(options):
    tools.build()
    text, found = "### Fast requests beside slow ones (requests/s of 16 fast clients, second by second)\n\n", {}
    rows = []
    for slow_clients in (8, 32):
        for dispatch in ("steal", "pool"):
            fast, slow, threads = curve(dispatch, slow_clients)
            counts = (fast["curve"] + [0] * SECONDS)[:SECONDS]
            found[slow_clients, dispatch] = (sum(counts[:10]) / 10, sum(counts[10:]) / (SECONDS - 10))
            rows.append([str(slow_clients), dispatch, " ".join(number(count) for count in counts[:10]),
                         number(found[slow_clients, dispatch][1]), number(fast["p50us"]), number(fast["p99us"]),
                         number(slow["rps"]), str(threads)])
    text += table(["slow clients", "dispatch", "seconds 1–10", "11–20 (mean)", "p50 µs", "p99 µs", "slow requests/s", "threads"], rows)

    def ratio(slow_clients, part):
        return found[slow_clients, "steal"][part] / max(1, found[slow_clients, "pool"][part])

    return text + "\n" + verdicts([("beside 32, first 10 s: steal ÷ pool", ratio(32, 0), "≥", 20, 1),
                                   ("beside 8, after 10 s: steal ÷ pool", ratio(8, 1), "≥", 1.5, 2)])
