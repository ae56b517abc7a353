"""Managed memory that one hello request costs: GC.GetTotalAllocatedBytes over at least 10⁵ of them."""
import shutil
import tempfile
from pathlib import Path

from harness import fastcgi, places

from . import peers, tools
from .measure import number, verdicts


def run(options):
    tools.build()
    folder = Path(tempfile.mkdtemp(prefix="owind-bench-"))
    owind, endpoint = peers.start_owind(folder, places.BUILD / "bench/Figures/Figures.dll")
    try:
        tools.fcgibench(endpoint, 2, "-w", 0)
        before, done = int(fastcgi.ask(endpoint, uri="/gc").body), 0
        while done < 100_000:
            done += tools.fcgibench(endpoint, 1, "-w", 0)["done"]
        each = (int(fastcgi.ask(endpoint, uri="/gc").body) - before) / done
    finally:
        owind.stop()
        shutil.rmtree(folder, ignore_errors=True)
    return (f"### Managed allocation\n\n{number(each)} bytes a request over {number(done)} hello requests.\n\n"
            + verdicts([("bytes a hello request", each, "≤", 1024, 0)]))
