"""`owind serve` as a child process."""
import socket

from . import places
from .process import Process


def connect(endpoint, seconds=20):
    """A connected socket; `endpoint` as --listen has it: fcgi://unix:/path or http://127.0.0.1:5000."""
    address = endpoint.removeprefix("fcgi://").removeprefix("http://")
    if address.startswith("unix:"):
        stream = socket.socket(socket.AF_UNIX)
        target = address[5:]
    else:
        host, port = address.rsplit(":", 1)
        host = host.strip("[]")
        stream = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        target = (host, int(port))
    stream.settimeout(seconds)
    try:
        stream.connect(target)
    except OSError:
        stream.close()
        raise
    return stream


class Owind(Process):
    """Starts at construction; `wait_until_ready` returns when it has said so and every endpoint accepts."""

    def __init__(self, app, folder, options=(), listen=None, env=None, name="owind", pass_fds=()):
        self.endpoints = listen if listen is not None else [f"fcgi://unix:{folder}/owind.sock"]
        command = [places.OWIND, "serve", app]
        for endpoint in self.endpoints:
            command += ["--listen", endpoint]
        super().__init__(name, command + list(options), folder, env, pass_fds=pass_fds)

    @property
    def endpoint(self):
        return self.endpoints[0]

    def wait_until_ready(self, seconds=30):
        self.wait_for_log("ready", seconds)
        for endpoint in self.endpoints:
            if "fd:" not in endpoint:
                connect(endpoint).close()
        return self
