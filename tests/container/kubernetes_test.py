"""docker/kubernetes: the Deployments run as pods, and everything else in the files agrees with them."""
import re
import time
import unittest

import support  # noqa: F401 - finds the harness
import yaml
from harness import http
from harness.waiting import until
from support import images
from support.engine import ROOT
from support.load import Load

FOLDER = ROOT / "docker/kubernetes"
FILES = {name: list(yaml.safe_load_all((FOLDER / name).read_text())) for name in ("nginx.yaml", "http.yaml")}


def of_kind(name, kind):
    found = [document for document in FILES[name] if document["kind"] == kind]
    assert len(found) == 1, f"{name}: {len(found)} of {kind}"
    return found[0]


class PodCase(unittest.TestCase):
    """A Deployment as it stands in its file, with the images of the tests, and one pod at first."""

    @classmethod
    def setUpClass(cls):
        cls.engine = images.engine()

    def play(self, name):
        path = self.engine.folder / name
        documents = []
        for document in FILES[name]:
            # The engine knows no other kinds; they are compared below.
            if document["kind"] not in ("ConfigMap", "Deployment"):
                continue
            document = yaml.safe_load(yaml.safe_dump(document))
            if document["kind"] == "Deployment":
                document["spec"]["replicas"] = 1
                pod = document["spec"]["template"]["spec"]
                for container in pod["containers"]:
                    container["image"] = images.NGINX if container["name"] == "nginx" else images.APP
                    container["imagePullPolicy"] = "Never"
                    self.take_probes(container)
            documents.append(document)
        path.write_text(yaml.safe_dump_all(documents))
        self.addCleanup(self.engine.podman, "play", "kube", "--down", path, check=False)
        self.engine.podman("play", "kube", path)
        infra = self.engine.podman("pod", "inspect", "--format", "{{.InfraContainerID}}", f"{self.pod(name)}-pod-0").stdout.strip()
        networks = self.engine.inspect(infra)["NetworkSettings"]["Networks"]
        self.address = next(network["IPAddress"] for network in networks.values())
        return path

    def pod(self, name):
        return of_kind(name, "Deployment")["metadata"]["name"]

    def take_probes(self, container):
        """They need a kubelet, and are asked below instead; ports need none: pods have addresses of their own."""
        ports = {port["name"]: port["containerPort"] for port in container.pop("ports")}
        for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
            if probe := container.pop(kind, None):
                self.probes[container["name"], kind] = ports[probe["httpGet"]["port"]], probe["httpGet"]["path"]
        self.grace = container.pop("lifecycle", None)

    def setUp(self):
        self.probes = {}

    def probe(self, *which):
        try:
            return http.ask((self.address, self.probes[which][0]), target=self.probes[which][1]).status
        except OSError:
            return None

    def containers(self):
        return [name for name in self.engine.podman("ps", "-a", "--format", "{{.Names}}").stdout.split() if "infra" not in name]

    def logs(self):
        return "\n".join(self.engine.podman("logs", name, check=False).stderr for name in self.containers())

    def wait_until_ready(self):
        def ready():
            return all(self.probe(*which) == 200 for which in self.probes)
        try:
            until(ready, "every probe is 200", 30)
        except AssertionError as error:
            raise AssertionError(f"{error}: {[(which, self.probe(*which)) for which in self.probes]}\n{self.logs()}") from None

    def check_container(self, name):
        config = self.engine.inspect(name)
        self.assertTrue(config["HostConfig"]["ReadonlyRootfs"], name)
        self.assertEqual([], config.get("EffectiveCaps") or [], name)
        self.assertTrue(config["Config"]["User"].startswith("1654"), name)

    def check_down(self, path):
        began = time.monotonic()
        self.engine.podman("play", "kube", "--down", path)
        print(f"    pod down: {time.monotonic() - began:.1f} s")
        self.assertEqual([], self.engine.left())


class NginxDeploymentTest(PodCase):
    def test_nginx_and_owind_share_a_socket_in_one_pod(self):
        path = self.play("nginx.yaml")
        self.wait_until_ready()
        self.assertEqual({("owind", "startupProbe"), ("owind", "readinessProbe"), ("owind", "livenessProbe"),
                          ("nginx", "readinessProbe")}, set(self.probes))
        names = self.containers()
        self.assertEqual(2, len(names))
        for name in names:
            self.check_container(name)
        with Load((self.address, 8080), {"/status?body=x": 1, "/download?bytes=300000": 300000}, clients=4) as load:
            load.more(200)
        self.assertEqual([], load.failures)
        self.assertEqual(b"echoed", http.ask((self.address, 8080), "POST", "/echo", body=b"echoed").body)
        owind = next(name for name in names if "nginx" not in name)
        self.assertIn("192 application threads", self.engine.podman("logs", owind).stderr)
        self.engine.podman("kill", "-s", "TERM", owind)
        until(lambda: self.probe("owind", "readinessProbe") == 503, "the pod leaves the service")
        # The delay of the file: requests that nginx still sends are served.
        with Load((self.address, 8080), {"/status?body=x": 1}, clients=4) as load:
            load.more(200)
        self.assertEqual([], load.failures)
        self.engine.podman("kill", "-s", "INT", owind)
        self.check_down(path)


class HttpDeploymentTest(PodCase):
    def test_owind_serves_http_without_a_front_end(self):
        path = self.play("http.yaml")
        self.wait_until_ready()
        names = self.containers()
        self.assertEqual(1, len(names))
        self.check_container(names[0])
        with Load((self.address, 8080), {"/status?body=x": 1, "/download?bytes=300000": 300000}, clients=4) as load:
            load.more(200)
        self.assertEqual([], load.failures)
        self.engine.podman("kill", "-s", "INT", names[0])
        self.check_down(path)


class FilesTest(unittest.TestCase):
    """What no engine here looks at: names, labels, ports and times of one file agree with each other."""

    def pods(self):
        for name in FILES:
            deployment = of_kind(name, "Deployment")
            yield name, deployment, deployment["spec"]["template"]

    def test_service_and_budget_select_the_pods(self):
        for name, deployment, template in self.pods():
            labels = template["metadata"]["labels"]
            self.assertEqual(labels, deployment["spec"]["selector"]["matchLabels"])
            self.assertEqual(labels, of_kind(name, "Service")["spec"]["selector"])
            self.assertEqual(labels, of_kind(name, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"])
            for document in FILES[name]:
                self.assertTrue(document["metadata"]["name"].startswith(deployment["metadata"]["name"]))

    def test_the_budget_leaves_room_for_one_that_is_moved(self):
        for name, deployment, _ in self.pods():
            self.assertLess(of_kind(name, "PodDisruptionBudget")["spec"]["minAvailable"], deployment["spec"]["replicas"])
            self.assertEqual({"maxUnavailable": 0, "maxSurge": 1}, deployment["spec"]["strategy"]["rollingUpdate"])

    def test_ports_are_named_once_and_meant_by_service_and_probes(self):
        for name, _, template in self.pods():
            ports = [port for container in template["spec"]["containers"] for port in container["ports"]]
            names = [port["name"] for port in ports]
            self.assertEqual(len(names), len(set(names)))
            self.assertEqual(len(ports), len({port["containerPort"] for port in ports}))
            for port in of_kind(name, "Service")["spec"]["ports"]:
                self.assertIn(port["targetPort"], names)
            for container in template["spec"]["containers"]:
                own = [port["name"] for port in container["ports"]]
                for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
                    if kind in container:
                        self.assertIn(container[kind]["httpGet"]["port"], own)

    def test_owind_listens_where_the_ports_say(self):
        for name, _, template in self.pods():
            container = next(c for c in template["spec"]["containers"] if c["name"] == "owind")
            settings = {variable["name"]: variable["value"] for variable in container["env"]}
            ports = {port["name"]: port["containerPort"] for port in container["ports"]}
            self.assertEqual(f"http://0.0.0.0:{ports['admin']}", settings["OWIND_ADMIN"])
            if name == "http.yaml":
                self.assertEqual(f"http://0.0.0.0:{ports['http']}", settings["OWIND_LISTEN"])

    def test_the_times_of_a_stop_fit_into_each_other(self):
        for _, _, template in self.pods():
            settings = {v["name"]: v["value"] for c in template["spec"]["containers"] for v in c.get("env", [])}
            delay, drain = (int(settings[f"OWIND_DRAIN_{what}"].rstrip("s")) for what in ("DELAY", "TIMEOUT"))
            self.assertGreater(template["spec"]["terminationGracePeriodSeconds"], delay + drain)
            for container in template["spec"]["containers"]:
                if container["name"] == "nginx":
                    command = container["lifecycle"]["preStop"]["exec"]["command"]
                    self.assertLess(int(command[-1]), delay, "owind outlives nginx")

    def test_the_configuration_of_nginx_is_that_of_the_tree(self):
        data = of_kind("nginx.yaml", "ConfigMap")["data"]
        self.assertEqual((ROOT / "docker/nginx/nginx.conf").read_text(), data["nginx.conf"])
        self.assertEqual((ROOT / "conf/nginx/owind_params").read_text(), data["owind_params"])

    def test_mounts_are_volumes_and_the_socket_is_shared(self):
        for name, _, template in self.pods():
            volumes = {volume["name"] for volume in template["spec"]["volumes"]}
            mounts = [{m["name"]: m["mountPath"] for m in c["volumeMounts"]} for c in template["spec"]["containers"]]
            self.assertEqual(volumes, set().union(*mounts))
            if name == "nginx.yaml":
                self.assertEqual(["/run/owind"] * 2, [mount["socket"] for mount in mounts])
                listen = next(v["value"] for c in template["spec"]["containers"] for v in c.get("env", [])
                              if v["name"] == "OWIND_LISTEN")
                self.assertIn(f"server {listen} ", of_kind(name, "ConfigMap")["data"]["nginx.conf"])
                self.assertRegex(of_kind(name, "ConfigMap")["data"]["nginx.conf"], re.compile(r"listen 8080;"))

    def test_no_variable_of_a_service_is_taken_for_a_setting(self):
        for _, _, template in self.pods():
            self.assertIs(False, template["spec"]["enableServiceLinks"])

    def test_every_container_is_restricted_and_limited(self):
        for _, _, template in self.pods():
            security = template["spec"]["securityContext"]
            self.assertEqual((True, 1654, 1654), (security["runAsNonRoot"], security["runAsUser"], security["fsGroup"]))
            for container in template["spec"]["containers"]:
                self.assertEqual({"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}},
                                 container["securityContext"])
                self.assertIn("memory", container["resources"]["limits"])


if __name__ == "__main__":
    unittest.main()
