"""What 10,000 idle connections cost: CPU a foreground request beside them and without, resident memory of each."""
import resource
import shutil
import tempfile
from pathlib import Path

from harness.fastcgi import Client

from . import peers, tools
from .hello import direct
from .measure import median, number, table, verdicts

IDLE = 10_000
ROUNDS = 10
SECONDS = 2
OPTIONS = ("--shards", "1", "--max-connections", str(IDLE + 1000), "--idle-timeout", "3600")


def served(endpoint):
    client = Client(endpoint)
    if client.ask().status != 200:
        raise RuntimeError("a connection was not served")
    return client


def run(options):
    tools.build()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, IDLE + 1000), max(hard, IDLE + 1000)))
    processes, folders, clients, found = [], [], [], {"none": [], "idle": []}
    try:
        servers = {}
        for name in found:
            folders.append(Path(tempfile.mkdtemp(prefix="owind-bench-")))
            folder = folders[-1]
            servers[name] = peers.start_owind(folder, options=OPTIONS)
            processes.append(servers[name][0])
            direct(*servers[name], 3)
        process, endpoint = servers["idle"]
        warm = [served(endpoint) for _ in range(200)]
        before = process.resident_bytes()
        clients = [served(endpoint) for _ in range(IDLE - len(warm))]
        each = (process.resident_bytes() - before) / len(clients)
        for number_of_round in range(ROUNDS):
            order = sorted(servers, reverse=number_of_round % 2 == 1)
            for name in order:
                found[name].append(direct(*servers[name], SECONDS))
        alive = sum(client.ask().status == 200 for client in clients[::100])
    finally:
        for client in clients:
            client.close()
        for process in processes:
            process.stop()
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    cpu = {name: median(one["cpu"] for one in rounds) for name, rounds in found.items()}
    ratio = median(idle["cpu"] / none["cpu"] for idle, none in zip(found["idle"], found["none"]))
    done = sum(one["done"] for one in found["idle"])
    text = f"### {IDLE:,} idle connections\n\n"
    text += table(["idle connections", "CPU µs a foreground request", "requests/s"],
                  [[number(count), number(cpu[name], 2), number(median(one["rps"] for one in found[name]))]
                   for name, count in (("none", 0), ("idle", IDLE))])
    text += (f"\nMedians of {ROUNDS} interleaved rounds of {SECONDS} s, Unix socket, `--shards 1`, two processes. "
             f"{number(done)} foreground requests beside the idle connections, 0 failed; {alive} of "
             f"{len(clients[::100])} idle ones were served afterwards.\n\n")
    return text + verdicts([("bytes of resident memory an idle connection", each, "≤", 2048, 0),
                            ("CPU a foreground request, with ÷ without (median of the rounds' ratios)", ratio, "≤", 1.05, 3)])
