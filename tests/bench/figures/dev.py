"""owind dev: from the save of a file to the answer that has it, and from the end of the first build to the first answer.

The time that `dotnet build` takes, as owind dev prints it, is the compiler's own, and subtracted.
"""
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from harness import places
from harness.dev import Dev

from .measure import median, number, table, verdicts

EDITS = 7
# As a user has it: the compiler stays for the next build.
AS_USUAL = {"MSBUILDDISABLENODEREUSE": "0", "UseSharedCompilation": "true"}


def until_answered(dev, text, began):
    """Seconds since `began` until a page has the text; asks all the time, as a visitor who waits."""
    while True:
        try:
            if text in dev.ask(seconds=60).body:
                return time.monotonic() - began
        except (OSError, ConnectionError, AttributeError):
            pass
        if time.monotonic() - began > 180:
            raise RuntimeError(f"owind dev does not answer:\n{dev.log()}")
        time.sleep(0.002)


def build_seconds(dev, line):
    found = re.findall(rf"^{line}.* build ([\d.]+) s, start", dev.log(), re.M)
    return float(found[-1])


def run(options):
    folder = Path(tempfile.mkdtemp(prefix="owind-bench-"))
    subprocess.run([places.OWIND, "new", "hello"], cwd=folder, check=True, capture_output=True)
    began = time.monotonic()
    dev = Dev(folder / "hello", "--listen", f"http://127.0.0.1:{places.free_port()}", env=AS_USUAL)
    edits = []
    try:
        text = "Hello from hello"
        all_of_it = until_answered(dev, text.encode(), began)
        dev.wait_for("ready ")
        first = all_of_it - build_seconds(dev, "ready")
        for number_of in range(EDITS):
            other = f"Hello number {number_of}"
            began = time.monotonic()
            dev.edit("Startup.cs", text, other)
            all_of_it = until_answered(dev, other.encode(), began)
            dev.wait_for("reloaded ")
            edits.append((all_of_it, build_seconds(dev, "reloaded")))
            text = other
    finally:
        dev.stop()
        shutil.rmtree(folder, ignore_errors=True)
    beyond = [whole - build for whole, build in edits]
    return ("### owind dev\n\n"
            + table(["", "in all, s", "of it the build, s", "beyond it, s"],
                    [["save to answer", number(median(whole for whole, _ in edits), 2), number(median(build for _, build in edits), 2),
                      f"{number(median(beyond), 2)} ({number(min(beyond), 2)}–{number(max(beyond), 2)})"]])
            + f"\nMedian of {EDITS} edits.\n\n"
            + verdicts([("save to answer beyond the build, s", median(beyond), "≤", 0.5, 2),
                        ("first answer beyond the first build, s", first, "≤", 0.5, 2)]))
