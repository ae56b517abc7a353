"""From the start of the process to the first answer of hello."""
import shutil
import tempfile
import time
from pathlib import Path

from harness import fastcgi, places
from harness.owind import Owind

from .measure import median, number, verdicts


def once():
    folder = Path(tempfile.mkdtemp(prefix="owind-bench-"))
    began = time.monotonic()
    owind = Owind(places.HELLO, folder, ("--shards", "1"))
    try:
        while True:
            try:
                if fastcgi.ask(owind.endpoint).status == 200:
                    return time.monotonic() - began
            except OSError:
                if not owind.is_running() or time.monotonic() - began > 30:
                    raise RuntimeError(f"owind did not start:\n{owind.log()}") from None
                time.sleep(0.001)
    finally:
        owind.stop()
        shutil.rmtree(folder, ignore_errors=True)


def run(options):
    times = [once() for _ in range(max(5, options.rounds))]
    return (f"### Start to first answer\n\nMedian of {len(times)}: {number(median(times) * 1000)} ms "
            f"({number(min(times) * 1000)}–{number(max(times) * 1000)}).\n\n"
            + verdicts([("start to first answer, s", median(times), "≤", 0.5, 3)]))
