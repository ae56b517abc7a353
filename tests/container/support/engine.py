"""podman and buildah as root, without a daemon and without a registry, with storage, networks and temporary files of their own."""
import atexit
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from harness import places
from harness.waiting import until


class CommandFailed(AssertionError):
    pass


def run(command, env=None, check=True, seconds=3600, **more):
    """A finished process with its output as text; a failure shows the end of it. The time only ends what hangs: a loaded machine
    compiles for long."""
    done = subprocess.run([str(word) for word in command], env=env, text=True, capture_output=True, timeout=seconds, **more)
    if check and done.returncode:
        raise CommandFailed(f"{' '.join(map(str, command))}\nexit code {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-6000:]}")
    return done


# Short: the paths of Unix sockets below it must fit into 107 bytes. The number of the process stands behind it.
PREFIX = "owind-ctr-"
PLACE = Path("/var/tmp")


def private_network():
    """10.N, of which no route of this machine speaks; another run at the same time begins its search elsewhere."""
    routes = []
    for line in Path("/proc/net/route").read_text().splitlines()[1:]:
        destination, mask = (int.from_bytes(bytes.fromhex(word)[::-1], "big") for word in (line.split()[1], line.split()[7]))
        if mask:
            routes.append((destination, mask))
    for n in range(100):
        second = 100 + (os.getpid() + n) % 100
        ours = (10 << 24) | (second << 16)
        if all((ours ^ destination) & mask & 0xFFFF0000 for destination, mask in routes):
            return f"10.{second}"
    raise AssertionError("every network from 10.100 to 10.199 is in use")


class Engine:
    def __init__(self):
        self.remove_left()
        self.make(Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=PLACE)))

    @classmethod
    def remove_left(cls):
        """What a run has left that was killed: its containers would go on and hold their ports."""
        for folder in PLACE.glob(f"{PREFIX}*"):
            pid = folder.name.removeprefix(PREFIX).split("-")[0]
            if pid.isdigit() and not Path(f"/proc/{pid}").exists():
                left = cls.__new__(cls)
                left.use(folder)
                left.remove()

    def use(self, folder):
        self.folder = folder
        self.env = {**os.environ, "CONTAINERS_CONF": f"{folder}/containers.conf", "TMPDIR": f"{folder}/tmp",
                    "CONTAINERS_STORAGE_CONF": f"{folder}/storage.conf", "BUILDAH_ISOLATION": "chroot"}

    def make(self, folder):
        self.use(folder)
        network = private_network()
        atexit.register(self.remove)
        # A run that is cancelled leaves nothing either.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        for name in ("tmp", "networks"):
            (self.folder / name).mkdir()
        (self.folder / "containers.conf").write_text(f"""[containers]
default_ulimits=["nofile=20000:20000","nproc=4096:4096"]
[engine]
runtime="runc"
cgroup_manager="cgroupfs"
events_logger="file"
tmp_dir="{self.folder}/tmp/libpod"
static_dir="{self.folder}/libpod"
volume_path="{self.folder}/volumes"
[network]
network_backend="netavark"
network_config_dir="{self.folder}/networks"
default_subnet="{network}.0.0/24"
default_subnet_pools=[{{"base"="{network}.128.0/17","size"=24}}]
""")
        # Native overlay, and where the kernel has none for this file system, plain copies.
        self.use_storage("overlay")
        if self.buildah("from", "scratch", check=False).returncode:
            self.use_storage("vfs")
            self.buildah("from", "scratch")
        self.buildah("rm", "-a")

    def use_storage(self, driver):
        (self.folder / "storage.conf").write_text(
            f'[storage]\ndriver="{driver}"\ngraphroot="{self.folder}/storage"\nrunroot="{self.folder}/run"\n')

    def buildah(self, *words, **more):
        return run(["buildah", *words], self.env, **more)

    def podman(self, *words, **more):
        return run(["podman", *words], self.env, **more)

    def inspect(self, name, what="container"):
        return json.loads(self.podman(what, "inspect", name).stdout)[0]

    def image_bytes(self, image):
        return self.inspect(image, "image")["Size"]

    def run_to_end(self, image, *options, command=()):
        """(exit code, stdout, stderr) of a container that ends by itself. Not `podman run --rm` in the foreground: without a
        journal it waits for 20 s for the news of the end."""
        container = Container(self, image, *options, name="owind-ending", command=command)
        try:
            until(lambda: not container.is_running(), "the container ends", 60)
            log = self.podman("logs", container.name)
            return container.state()["ExitCode"], log.stdout, log.stderr
        finally:
            container.remove()

    def left(self):
        """Containers and pods that exist, by name."""
        containers = self.podman("ps", "-a", "--format", "{{.Names}}").stdout.split()
        return containers + self.podman("pod", "ps", "--format", "{{.Name}}").stdout.split()

    def remove(self):
        """Leaves nothing: whatever failed before, the folder goes."""
        for words in (["pod", "rm", "-f", "-a", "-t", "0"], ["rm", "-f", "-a", "-t", "0"], ["volume", "rm", "-f", "-a"],
                      ["network", "prune", "-f"], ["umount", "-a"]):
            self.podman(*words, check=False)
        self.buildah("rm", "-a", check=False)
        mounts = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
        for mount in sorted((m for m in mounts if m.startswith(f"{self.folder}/")), reverse=True):
            run(["umount", "-l", mount], check=False)
        shutil.rmtree(self.folder, ignore_errors=True)
        # Only what is empty goes: groups of another engine's containers are not.
        for parent in (*Path("/sys/fs/cgroup").glob("libpod_parent"), *Path("/sys/fs/cgroup").glob("*/libpod_parent")):
            for group in sorted((folder for folder in parent.rglob("*") if folder.is_dir()), reverse=True):
                self._remove_group(group)
            self._remove_group(parent)

    @staticmethod
    def _remove_group(folder):
        try:
            folder.rmdir()
        except OSError:
            pass


class Container:
    """One that runs in the background; removed with the test."""

    def __init__(self, engine, image, *options, name, command=()):
        self.engine, self.name = engine, name
        engine.podman("run", "-d", "--pull=never", "--name", name, *options, image, *command)

    def log(self):
        done = self.engine.podman("logs", self.name, check=False)
        return done.stdout + done.stderr

    def exec(self, *command, check=True):
        return self.engine.podman("exec", self.name, *command, check=check)

    def state(self):
        return self.engine.inspect(self.name)["State"]

    def is_running(self):
        return self.state()["Running"]

    def stop(self, seconds=40):
        """TERM, and KILL after so long. The exit code."""
        self.engine.podman("stop", "-t", str(seconds), self.name)
        return self.state()["ExitCode"]

    def restart(self, seconds=40):
        self.engine.podman("restart", "-t", str(seconds), self.name)

    def remove(self):
        self.engine.podman("rm", "-f", "-t", "0", self.name, check=False)


ROOT = places.ROOT
