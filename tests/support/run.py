#!/usr/bin/env python3
"""nginx and owind on a free loopback port, until Ctrl-C: what `./dev run` starts.

  run.py --owind PATH --conf FOLDER APP.dll [OWIND-OPTION …]

nginx runs conf/nginx/owind.conf as it stands; only the port, the socket and the path of the included file are replaced.
"""
import argparse
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

START_SECONDS = 30


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def nginx_configuration(conf, folder, port):
    """A main configuration around owind.conf; the workers run as the user who starts it, who owns the socket."""
    site = (conf / "owind.conf").read_text()
    site = site.replace("/run/owind/owind.sock", f"{folder}/owind.sock")
    site = re.sub(r"\blisten 80;", f"listen 127.0.0.1:{port};", site)
    site = site.replace("include owind_params;", f"include {conf.resolve()}/owind_params;")
    user = "user root;\n" if os.geteuid() == 0 else ""
    temporary = "".join(f"  {kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    return (f"{user}worker_processes 1;\ndaemon off;\npid {folder}/nginx.pid;\nerror_log stderr warn;\n"
            f"events {{ worker_connections 1024; }}\nhttp {{\n  access_log off;\n{temporary}{site}\n}}\n")


def stop(process):
    if process and process.poll() is None:
        process.terminate()
        try:
            process.wait(35)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--owind", required=True)
    arguments.add_argument("--conf", type=Path, required=True)
    arguments.add_argument("app")
    arguments.add_argument("options", nargs=argparse.REMAINDER)
    options = arguments.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="owind-run-"))
    port, nginx, owind = free_port(), None, None

    def interrupted(*_):
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM):  # a shell starts background jobs with SIGINT ignored
        signal.signal(number, interrupted)
    try:
        (folder / "nginx.conf").write_text(nginx_configuration(options.conf, folder, port))
        # Groups of their own: Ctrl-C reaches this script only, which then stops both in order.
        owind = subprocess.Popen([options.owind, "serve", options.app, "--listen", f"fcgi://unix:{folder}/owind.sock",
                                  *options.options], start_new_session=True)
        nginx = subprocess.Popen([shutil.which("nginx") or "/usr/sbin/nginx", "-p", str(folder), "-c",
                                  f"{folder}/nginx.conf"], start_new_session=True)
        url, deadline = f"http://127.0.0.1:{port}/", time.monotonic() + START_SECONDS
        while True:
            for process, name in ((owind, "owind"), (nginx, "nginx")):
                if process.poll() is not None:
                    print(f"run: {name} ended with exit code {process.returncode}", file=sys.stderr)
                    return 1
            try:
                urllib.request.urlopen(url, timeout=5).close()
                break
            except urllib.error.HTTPError as error:
                if error.code != 502:
                    break
            except OSError:
                pass
            if time.monotonic() > deadline:
                print(f"run: no answer from {url} in {START_SECONDS} s", file=sys.stderr)
                return 1
            time.sleep(0.05)
        print(f"{options.app} answers at {url}   (Ctrl-C ends it)", flush=True)
        while owind.poll() is None and nginx.poll() is None:
            time.sleep(0.2)
        print("run: a process has ended; stopping", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        stop(nginx)
        stop(owind)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
