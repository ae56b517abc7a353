"""The base of every integration test: a temporary folder a class, processes that end with it, logs when something fails."""
import shutil
import sys
import tempfile
import unittest
from pathlib import Path

from . import places
from .owind import Owind
from .nginx import CELLS, Nginx


class Case(unittest.TestCase):
    """`cls.folder` is the temporary folder; processes made by `cls.keep` are stopped at the end, last first."""

    @classmethod
    def setUpClass(cls):
        if not places.OWIND.exists():
            raise AssertionError(f"{places.OWIND} is not there: ./dev build")
        cls.folder = Path(tempfile.mkdtemp(prefix="owind-test-", dir=places.TEMPORARY))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.processes = []

    @classmethod
    def keep(cls, process):
        cls.processes.append(process)
        cls.addClassCleanup(process.stop)
        return process

    @classmethod
    def start_owind(cls, app, *options, **more):
        """A server of this class, ready."""
        return cls.keep(Owind(app, cls.folder, options, **more)).wait_until_ready()

    def start(self, app, *options, **more):
        """A server of this test only, ready; see `launch`."""
        return self.launch(app, *options, **more).wait_until_ready()

    def launch(self, app, *options, **more):
        """A server of this test only, in a folder of its own, not waited for. It is stopped when the test ends."""
        folder = Path(tempfile.mkdtemp(prefix="one-", dir=self.folder))
        process = Owind(app, folder, options, **more)
        self.own.append(process)
        self.addCleanup(process.stop)
        return process

    def run(self, result=None):
        self.own = []
        logged = {process: len(process.log()) for process in getattr(self, "processes", [])}
        failures = len(result.failures) + len(result.errors)
        self.addCleanup(self._show_logs, logged, result, failures)  # the first one added is the last one run
        return super().run(result)

    def _show_logs(self, logged, result, failures):
        """What the processes have logged during this test, if it fails."""
        if len(result.failures) + len(result.errors) == failures:
            return
        for process in self.processes + self.own:
            text = process.log()[logged.get(process, 0):]
            if text.strip():
                state = "running" if process.is_running() else f"exit code {process.child.returncode}"
                print(f"\n--- {self.id()}: {process.name} ({state})\n{text[-4000:]}", file=sys.stderr)


def each_cell(test):
    """Makes eight tests of one: test(self, cell) for each way through nginx."""
    test.is_for_each_cell = True
    return test


class NginxCase(Case):
    """One owind with the tour on a Unix and a TCP socket, one nginx with a port for each cell."""
    options = ()

    def __init_subclass__(cls):
        for name, test in list(vars(cls).items()):
            if getattr(test, "is_for_each_cell", False):
                delattr(cls, name)
                for cell in CELLS:
                    method = lambda self, test=test, cell=cell: test(self, cell)  # noqa: E731
                    method.__doc__ = test.__doc__
                    setattr(cls, f"{name}__{cell}", method)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        endpoints = {"unix": f"fcgi://unix:{cls.folder}/owind.sock", "tcp": f"fcgi://127.0.0.1:{places.free_port()}"}
        cls.owind = cls.start_owind(places.TOUR, *cls.options, listen=list(endpoints.values()))
        cls.nginx = cls.keep(Nginx(cls.folder, endpoints)).wait_until_ready()
