"""The native tools of the bench: compiled into build/bench when their sources are newer."""
import subprocess

from harness import places

SOURCES = places.ROOT / "tests/bench/tools"
TARGET = places.ROOT / "build/bench"


def build():
    TARGET.mkdir(parents=True, exist_ok=True)
    newest = max(path.stat().st_mtime for path in SOURCES.iterdir())
    commands = {
        "fcgibench": ["g++", "-O2", "-std=c++20", SOURCES / "fcgibench.cpp", SOURCES / "load.cpp", SOURCES / "request.cpp"],
        "raw_responder": ["gcc", "-O2", SOURCES / "raw_responder.c"],
    }
    for name, command in commands.items():
        target = TARGET / name
        if not target.exists() or target.stat().st_mtime < newest:
            subprocess.run([*map(str, command), "-o", str(target)], check=True)


def fcgibench(target, seconds, *more):
    """Runs the load generator; its figures by name (`curve` is a list)."""
    address = target.removeprefix("fcgi://")
    run = subprocess.run([TARGET / "fcgibench", "-t", address, "-d", str(seconds), *map(str, more)], capture_output=True,
                         text=True, timeout=seconds + 60)
    return figures_of(run.stdout, run.stderr)


def figures_of(stdout, stderr=""):
    found = dict(word.split("=", 1) for word in stdout.split() if "=" in word)
    if not found:
        raise RuntimeError(f"fcgibench: {stderr.strip()}")
    curve = [int(count) for count in found.pop("curve", "").split(",") if count]
    return {**{name: float(value) for name, value in found.items()}, "curve": curve}
