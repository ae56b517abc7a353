"""Where things are. OWIND_BUILD names another build than build/release."""
import os
import shutil
import socket
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
BUILD = Path(os.environ.get("OWIND_BUILD", ROOT / "build/release"))
OWIND = BUILD / "owind"
NGINX = shutil.which("nginx") or "/usr/sbin/nginx"
HELLO = BUILD / "samples/hello/Hello.dll"
TOUR = BUILD / "samples/tour/Tour.dll"
KATANA_STYLE = BUILD / "samples/katana-style/KatanaStyle.dll"

# The paths of Unix sockets in it must fit into 107 bytes.
TEMPORARY = tempfile.gettempdir() if len(tempfile.gettempdir()) <= 40 else "/tmp"


def test_app(name):
    """An application of tests/integration/apps."""
    return BUILD / "tests" / name / f"{name}.dll"


_given = set()


def free_port():
    """A port of 127.0.0.1 that nobody listens on, and none that was given before: the kernel may well name one again."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        if port not in _given:
            _given.add(port)
            return port
