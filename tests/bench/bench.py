#!/usr/bin/env python3
"""Measures owind and prints Markdown: `./dev bench [hello|http|stall|large|start|alloc|idle|dev …]` (all of them without a word).

Quiet machine, please: what else runs is measured with it. Each figure is a module of figures/.
"""
import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "integration")]

from figures import alloc, dev, hello, http, idle, large, stall, start  # noqa: E402

FIGURES = {"hello": hello, "http": http, "stall": stall, "large": large, "start": start, "alloc": alloc, "idle": idle, "dev": dev}


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("figures", nargs="*", metavar="|".join(FIGURES))
    arguments.add_argument("--rounds", type=int, default=5, help="interleaved rounds of hello, of which the median counts")
    arguments.add_argument("--seconds", type=int, default=3, help="length of one measurement of hello")
    arguments.add_argument("--quick", action="store_true", help="large: 320 MiB in place of 5 GiB")
    arguments.add_argument("--output", type=Path, help="write the Markdown there as well")
    options = arguments.parse_args()
    if unknown := [name for name in options.figures if name not in FIGURES]:
        arguments.error(f"no such figure: {' '.join(unknown)}")
    cpu = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, cwd=HERE).stdout.strip()
    text = (f"## owind {commit}, {time.strftime('%Y-%m-%d %H:%M UTC', time.gmtime())}\n\n"
            f"{os.cpu_count()} × {cpu}, Linux {os.uname().release}. `./dev bench {' '.join(sys.argv[1:])}`\n\n")
    print(text, flush=True)
    for name in options.figures or FIGURES:
        began = time.monotonic()
        part = FIGURES[name].run(options)
        print(part, flush=True)
        print(f"({name}: {time.monotonic() - began:.0f} s)", file=sys.stderr)
        text += part + "\n"
    if options.output:
        options.output.write_text(text)
    return 1 if "**no**" in text else 0


if __name__ == "__main__":
    sys.exit(main())
