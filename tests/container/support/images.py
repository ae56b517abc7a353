"""The images of the tests, from nothing but Debian's packages and the .NET of this machine."""
import os
import shutil
import threading
import time
from pathlib import Path

from harness import places

from .engine import ROOT, Engine, run

BASE = "localhost/debian:bookworm-slim"
DOTNET = "localhost/owind-dotnet:10.0"
SDK = "localhost/owind-sdk:10.0"
NGINX = "localhost/nginx:stable"
OWIND = "localhost/owind:latest"
HELLO = "localhost/owind-hello:latest"
APP = "localhost/owind-app:latest"

_engine = None
_failure = None


def engine():
    """The engine of this process, with every image; built at the first call. What failed then fails again at once."""
    global _engine, _failure
    if _failure:
        raise _failure
    if _engine is None:
        try:
            made = Engine()
            build(made)
        except Exception as failure:
            _failure = failure
            raise
        _engine = made
    return _engine


def dotnet_root():
    return Path(os.path.realpath(shutil.which("dotnet"))).parent


def say(what, began):
    print(f"  {what}: {time.monotonic() - began:.0f} s", flush=True)


def build(engine):
    began = time.monotonic()
    base(engine)
    say("base image", began)
    began = time.monotonic()
    dotnet(engine)
    nginx = InBackground(lambda: build_nginx(engine))
    owind(engine)
    nginx.join()
    app(engine)
    say("images of owind, nginx and an application", began)


class InBackground(threading.Thread):
    def __init__(self, act):
        super().__init__()
        self.act, self.error = act, None
        self.start()

    def run(self):
        try:
            self.act()
        except BaseException as error:  # noqa: B036 - raised by join()
            self.error = error

    def join(self):
        super().join()
        if self.error:
            raise self.error


def base(engine):
    """Debian as the slim image has it: minimal, with the sources of this machine and empty caches. Kept between runs."""
    archive = ROOT / "build/container/bookworm.tar"
    if not archive.exists():
        folder = engine.folder / "bookworm"
        run(["debootstrap", "--variant=minbase", "bookworm", folder])
        if sources := list(Path("/etc/apt/sources.list.d").glob("debian*.sources")):
            (folder / "etc/apt/sources.list").unlink(missing_ok=True)
            for source in sources:
                shutil.copy(source, folder / "etc/apt/sources.list.d")
        for path in ["var/cache/apt", "var/lib/apt/lists"]:
            shutil.rmtree(folder / path)
            (folder / path).mkdir()
        archive.parent.mkdir(parents=True, exist_ok=True)
        run(["tar", "-C", folder, "-cf", f"{archive}.{os.getpid()}", "."])
        os.rename(f"{archive}.{os.getpid()}", archive)
        shutil.rmtree(folder)
    container = engine.buildah("from", "scratch").stdout.strip()
    engine.buildah("add", "-q", container, archive, "/")
    engine.buildah("config", "--cmd", "bash", container)
    engine.buildah("commit", "-q", "--rm", container, BASE)


def dotnet(engine):
    """The runtime where the public image has it, and an SDK image that is only a name: the machine's SDK is mounted."""
    root = dotnet_root()
    container = engine.buildah("from", "scratch").stdout.strip()
    for folder in ("host", "shared/Microsoft.NETCore.App"):
        engine.buildah("add", "-q", container, root / folder, f"/usr/share/dotnet/{folder}")
    engine.buildah("commit", "-q", "--rm", container, DOTNET)
    dockerfile(engine, "sdk", f"""FROM {BASE}
RUN apt-get update && apt-get install -y --no-install-recommends libssl3
ENV PATH=/usr/share/dotnet:/usr/sbin:/usr/bin:/sbin:/bin
""", SDK)


def dockerfile(engine, name, text, tag, *options):
    path = engine.folder / f"{name}.Dockerfile"
    path.write_text(text)
    empty = engine.folder / "tmp" / name
    empty.mkdir(exist_ok=True)
    engine.buildah("build", "--pull-never", "--format", "docker", "-f", path, "-t", tag, *options, empty)


def build_nginx(engine):
    """With the one setting of the public image that matters: QUIT is how it is stopped."""
    dockerfile(engine, "nginx", f"""FROM {BASE}
RUN apt-get update && apt-get install -y --no-install-recommends nginx-light && rm -rf /var/lib/apt/lists/* /var/cache/apt/*
STOPSIGNAL SIGQUIT
""", NGINX)


def owind_arguments():
    ccache = run(["ccache", "-k", "cache_dir"]).stdout.strip()
    Path(ccache).mkdir(parents=True, exist_ok=True)
    return ["--build-arg", f"DOTNET_IMAGE={DOTNET}", "--build-arg", f"SDK_IMAGE={SDK}", "--build-arg", "COMPATIBILITY=0",
            "-v", f"{dotnet_root()}:/usr/share/dotnet:ro", "-v", f"{ccache}:/ccache:rw"]


def owind(engine):
    engine.buildah("build", "--pull-never", "--format", "docker", "--jobs", "2", "-f", ROOT / "docker/Dockerfile", "-t", OWIND,
                   *owind_arguments(), ROOT)


def app(engine):
    """Two applications, as a user puts them on owind: a program, which is found, and the tour, a library, which is named."""
    for tag, assembly, options in ((HELLO, places.HELLO, []), (APP, places.TOUR, ["--env", "OWIND_APP=/app/Tour.dll"])):
        folder = engine.folder / assembly.stem
        shutil.copytree(assembly.parent, folder / "publish")
        engine.buildah("build", "--pull-never", "--format", "docker", "-f", ROOT / "docker/app.Dockerfile", "-t", tag, *options, folder)
