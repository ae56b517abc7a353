"""`owind dev` as tests use it."""
import os
import re
import tempfile
from pathlib import Path

from . import http, places
from .process import Process
from .waiting import until

# No compiler or build server is left behind.
QUIET = {"MSBUILDDISABLENODEREUSE": "1", "UseSharedCompilation": "false", "DOTNET_CLI_USE_MSBUILD_SERVER": "0",
         "DOTNET_CLI_TELEMETRY_OPTOUT": "1", "DOTNET_SKIP_FIRST_TIME_EXPERIENCE": "1"}
BUILD_SECONDS = 180


def processes_with(mark):
    found = []
    for name in os.listdir("/proc"):
        try:
            if name.isdigit() and f"DEV_TEST_MARK={mark}".encode() in Path(f"/proc/{name}/environ").read_bytes().split(b"\0"):
                found.append(int(name))
        except OSError:
            pass  # it has gone, or is somebody else's
    return found


class Dev(Process):
    """`owind dev` in the folder of a project."""

    def __init__(self, project, *arguments, name="dev", env=None, command=None, terminal=False):
        # Its log is not in the folder that it watches.
        folder = Path(tempfile.mkdtemp(prefix="log-", dir=project.parent))
        super().__init__(name, command or ["env", "-C", project, places.OWIND, "dev", *arguments], folder, {**QUIET, **(env or {})},
                         terminal=terminal)
        self.project = project
        self.since = 0

    def wait_for(self, text, seconds=BUILD_SECONDS):
        """The next line with this text that has not been waited for."""
        def seen():
            at = self.log().find(text, self.since)
            if at < 0:
                if not self.is_running():
                    raise AssertionError(f"owind dev ended with {self.child.returncode}:\n{self.log()[-4000:]}")
                return False
            self.since = self.log().find("\n", at)
            return self.since >= 0
        until(seen, f"'{text}' from owind dev:\n{self.log()[-2000:]}", seconds)

    @property
    def port(self):
        return int(re.search(r"http://127\.0\.0\.1:(\d+)", self.log()).group(1))

    def ask(self, target="/", **more):
        return http.ask(self.port, target=target, **{"host": "localhost", **more})

    def edit(self, name, *replacements):
        """As editors do: a new file in the place of the old one. `replacements`: old, new, and so on, all in one change."""
        file = self.project / name
        text = file.read_text()
        for old, new in zip(replacements[::2], replacements[1::2], strict=True):
            assert old in text, (old, text)
            text = text.replace(old, new)
        beside = self.project / f"{name}.tmp"
        beside.write_text(text)
        beside.rename(file)
