"""Two replicas behind one front end, restarted one after the other under load: docs/scaling.md, with its files as they stand."""
import os
import re
import socket
import shutil
import tempfile
import time
import unittest
from pathlib import Path

import support  # noqa: F401 - finds the harness
from harness import http, places
from harness.process import Process
from harness.waiting import until
from support import images
from support.engine import ROOT, Container
from support.load import Load

TARGETS = {"/status?body=x": 1, "/download?bytes=300000": 300000, "/delay?ms=50": None}


class ScalingTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.engine = images.engine()

    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="owind-scale-", dir=places.TEMPORARY))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def replicas(self, scheme, delay):
        self.ports, self.admins, self.containers = [], [], []
        for name in ("a", "b"):
            port, admin = places.free_port(), places.free_port()
            container = Container(self.engine, images.APP, "--network", "host", "--read-only", "-m", "192m",
                                  "-e", f"OWIND_LISTEN={scheme}://127.0.0.1:{port}", "-e", f"OWIND_ADMIN=http://127.0.0.1:{admin}",
                                  "-e", f"OWIND_DRAIN_DELAY={delay}", name=f"owind-{name}")
            self.addCleanup(container.remove)
            self.ports.append(port)
            self.admins.append(admin)
            self.containers.append(container)
        for admin in self.admins:
            until(lambda admin=admin: self.is_ready(admin), "a replica is ready", 30)

    def is_ready(self, admin):
        try:
            return http.ask(admin, target="/-/ready").status == 200
        except OSError:
            return False

    def keep(self, process):
        self.addCleanup(process.stop)
        return process

    def haproxy(self, text):
        """conf/haproxy/owind-scale.cfg with the addresses of this test, and a socket to look into it."""
        self.front, self.runtime = places.free_port(), f"{self.folder}/haproxy.sock"
        text = text.replace("bind :80\n", f"bind 127.0.0.1:{self.front}\n").replace("check port 8081 ", "check ")
        for i, name in enumerate(("a", "b")):
            text, count = re.subn(rf"server {name} 10\.0\.0\.{i + 1}:8080", f"server {name} 127.0.0.1:{self.ports[i]} port {self.admins[i]}",
                                  text)
            self.assertEqual(1, count)
        path = self.folder / "haproxy.cfg"
        path.write_text(f"global\n    stats socket {self.runtime} mode 600 level admin\n\n{text}")
        process = self.keep(Process("haproxy", [shutil.which("haproxy") or "/usr/sbin/haproxy", "-db", "-f", path], self.folder))
        until(lambda: process.is_running() and self.states() == ["UP", "UP"] or not process.is_running(), "HAProxy sees both", 30)
        self.assertTrue(process.is_running(), process.log())

    def states(self):
        with socket.socket(socket.AF_UNIX) as runtime:
            try:
                runtime.connect(self.runtime)
            except OSError:
                return []
            runtime.sendall(b"show stat\n")
            text = b"".join(iter(lambda: runtime.recv(65536), b"")).decode()
        rows = [line.split(",") for line in text.splitlines()]
        status = rows[0].index("status")
        return [row[status].split()[0] for row in rows if len(row) > status and row[0] == "owind" and row[1] in ("a", "b")]

    def roll(self, seen=lambda: True):
        """Restarts one after the other, each when the front end has the other one back."""
        for container, admin in zip(self.containers, self.admins):
            began = time.monotonic()
            self.engine.podman("stop", "-t", "40", container.name)
            self.assertEqual(0, container.state()["ExitCode"], container.log())
            self.engine.podman("start", container.name)
            until(lambda: self.is_ready(admin) and seen(), "the replica is back", 30)
            print(f"    {container.name} restarted in {time.monotonic() - began:.1f} s")

    def check_both_serve(self, load):
        load.more(400)
        for container in self.containers:
            self.assertTrue(container.is_running())

    def test_a_rolling_restart_behind_haproxy_loses_no_request(self):
        self.replicas("http", "5s")
        self.haproxy((ROOT / "conf/haproxy/owind-scale.cfg").read_text())
        with Load(self.front, TARGETS) as load:
            self.roll(lambda: self.states() == ["UP", "UP"])
            self.check_both_serve(load)
        print(f"    rolling restart behind HAProxy: {load.answered} answered, {len(load.failures)} failed")
        self.assertEqual([], load.failures)

    def test_a_rolling_restart_behind_nginx_loses_no_get(self):
        self.replicas("fcgi", "0")
        self.front = places.free_port()
        text = (ROOT / "conf/nginx/owind-scale.conf").read_text()
        text = text.replace("listen 80;", f"listen 127.0.0.1:{self.front};").replace("include owind_params;",
                                                                                  f"include {ROOT}/conf/nginx/owind_params;")
        for i in (0, 1):
            text, count = re.subn(rf"server 10\.0\.0\.{i + 1}:9000", f"server 127.0.0.1:{self.ports[i]}", text)
            self.assertEqual(1, count)
        user = "user root;\n" if os.geteuid() == 0 else ""
        path, log = self.folder / "nginx.conf", self.folder / "access.log"
        path.write_text(f"{user}worker_processes 2;\ndaemon off;\npid {self.folder}/nginx.pid;\nerror_log stderr warn;\n"
                        f"events {{}}\nhttp {{\nlog_format upstream $upstream_addr;\naccess_log {log} upstream;\nclient_body_temp_path {self.folder}/body;\n"
                        f"fastcgi_temp_path {self.folder}/fastcgi;\n{text}\n}}\n")
        process = self.keep(Process("nginx", [places.NGINX, "-p", self.folder, "-c", path], self.folder))

        def answers():
            try:
                return http.ask(self.front, target="/").status == 200
            except OSError:
                return False
        until(lambda: answers() or not process.is_running(), "nginx serves")
        self.assertTrue(process.is_running(), process.log())
        with Load(self.front, TARGETS) as load:
            for container, admin, port in zip(self.containers, self.admins, self.ports):
                self.engine.podman("stop", "-t", "40", container.name)
                self.assertEqual(0, container.state()["ExitCode"], container.log())
                load.more(100)
                self.engine.podman("start", container.name)
                until(lambda: self.is_ready(admin), "the replica is back", 30)
                # nginx comes back to it when fail_timeout is over.
                mark = log.stat().st_size
                until(lambda: f":{port}\n" in log.read_text()[mark:], "nginx sends it requests again", 30)
            self.check_both_serve(load)
        print(f"    rolling restart behind nginx: {load.answered} answered, {len(load.failures)} failed")
        self.assertEqual([], load.failures)


if __name__ == "__main__":
    unittest.main()
