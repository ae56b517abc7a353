"""docker/compose.yaml: nginx and owind from one command, over a socket in a volume."""
import re
import unittest

import support  # noqa: F401 - finds the harness
import yaml
from harness import http, places
from harness.waiting import until
from support import images
from support.engine import ROOT, run

FILE = ROOT / "docker/compose.yaml"


class ComposeTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.engine = images.engine()
        cls.port = places.free_port()
        cls.env = {**cls.engine.env, "APP_IMAGE": images.APP, "NGINX_IMAGE": images.NGINX, "PORT": f"127.0.0.1:{cls.port}",
                   "COMPOSE_PROJECT_NAME": "owindtest"}

    def compose(self, *words, check=True):
        return run(["podman-compose", "--podman-run-args=--pull=never", "-p", "owindtest", "-f", FILE, *words], self.env, check=check)

    def answers(self):
        try:
            return http.ask(self.port, target="/").status == 200
        except OSError:
            return False

    def test_one_command_up_requests_through_nginx_and_down(self):
        self.addCleanup(self.compose, "down", "-v", check=False)
        up = self.compose("up", "-d")
        try:
            until(self.answers, "nginx hands requests to owind", 30)
        except AssertionError as error:
            logs = [self.engine.podman("logs", name, check=False).stderr for name in self.engine.left()]
            raise AssertionError(f"{error}\n{logs}\n{up.stdout}\n{up.stderr}") from None
        response = http.ask(self.port, target="/environment")
        self.assertEqual(200, response.status)
        self.assertEqual([b"echoed"] * 20, [http.ask(self.port, "POST", "/echo", body=b"echoed").body for _ in range(20)])
        owind, nginx = sorted(self.engine.left(), key=lambda name: "nginx" in name)
        for name in (owind, nginx):
            config = self.engine.inspect(name)
            self.assertTrue(config["HostConfig"]["ReadonlyRootfs"], name)
            self.assertEqual([], config.get("EffectiveCaps") or [], name)
        self.assertEqual("1654", self.engine.podman("exec", owind, "id", "-u").stdout.strip())
        # The probe of the file, by hand: there is no systemd to run it.
        service = yaml.safe_load(FILE.read_text())["services"]["owind"]
        self.assertEqual("CMD", service["healthcheck"]["test"][0])
        self.engine.podman("exec", owind, *service["healthcheck"]["test"][1:])
        # A new container, with nginx still there: it finds the new socket in the same place.
        self.engine.podman("restart", "-t", "35", owind)
        until(self.answers, "nginx finds owind again", 30)
        self.compose("stop", "-t", "35")
        for name in (owind, nginx):
            self.assertEqual(0, self.engine.inspect(name)["State"]["ExitCode"], self.engine.podman("logs", name, check=False))
        self.compose("down", "-v")
        self.assertEqual([], self.engine.left())


class ComposeFileTest(unittest.TestCase):
    """What podman-compose does not look at."""

    def test_it_agrees_with_the_image_and_with_nginx(self):
        services = yaml.safe_load(re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", FILE.read_text()))["services"]
        owind, nginx = services["owind"], services["nginx"]
        socket = owind["environment"]["OWIND_LISTEN"]
        configuration = (ROOT / "docker/nginx/nginx.conf").read_text()
        self.assertIn(f"server {socket} ", configuration)
        self.assertTrue(set(owind["volumes"]) & set(nginx["volumes"]), "the socket's volume is in both")
        port = re.search(r"listen (\d+);", configuration)[1]
        self.assertEqual([f"8080:{port}"], nginx["ports"])
        for place in nginx["volumes"]:
            if place.startswith("."):
                self.assertTrue((FILE.parent / place.split(":")[0]).exists(), place)
        # --drain-timeout's default, and some.
        self.assertGreater(int(owind["stop_grace_period"].rstrip("s")), 30)


if __name__ == "__main__":
    unittest.main()
