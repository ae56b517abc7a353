"""One child process: its log in a file, ended by its own process id."""
import ctypes
import fcntl
import os
import pty
import signal
import subprocess
import termios
import threading

from .waiting import DEADLINE_SECONDS, until


LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1


def die_with_parent():
    """Runs in the child: a test run that is killed leaves nothing behind."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def take_terminal():
    """Runs in the child: it leads the session of the terminal on its descriptor 0."""
    die_with_parent()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


class Process:
    def __init__(self, name, command, folder, env=None, stdin=subprocess.DEVNULL, pass_fds=(), terminal=False):
        """`terminal`: it runs in one; see type()."""
        self.name = name
        self.command = [str(word) for word in command]
        self.log_path = folder / f"{name}.log"
        log = open(self.log_path, "ab", buffering=0)
        output = log
        if terminal:
            self.keyboard, stdin = pty.openpty()
            output = stdin
        self.child = subprocess.Popen(self.command, stdin=stdin, stdout=output, stderr=subprocess.STDOUT, cwd=folder,
                                      env={**os.environ, **(env or {})}, start_new_session=True, pass_fds=pass_fds,
                                      preexec_fn=take_terminal if terminal else die_with_parent)
        if terminal:
            os.close(stdin)
            self.screen = threading.Thread(target=self._show, args=(log,), daemon=True)
            self.screen.start()
        else:
            log.close()

    def _show(self, log):
        """What is written to the terminal goes to the log."""
        with log:
            try:
                while text := os.read(self.keyboard, 65536):
                    log.write(text)
            except OSError:
                pass  # the last one that had it open has gone
        os.close(self.keyboard)

    def type(self, keys):
        """As a user at the terminal; b"\\x03" is Ctrl-C."""
        os.write(self.keyboard, keys)

    @property
    def pid(self):
        return self.child.pid

    def log(self):
        return self.log_path.read_text(errors="replace")

    def is_running(self):
        return self.child.poll() is None

    def wait_for_log(self, text, seconds=DEADLINE_SECONDS):
        """Returns when the text stands in the log; fails at once if the process ends without it."""
        def seen():
            if text in self.log():
                return True
            if not self.is_running() and text not in self.log():
                raise AssertionError(f"{self.name} ended with {self.child.returncode} before '{text}':\n{self.log()[-4000:]}")
            return False
        until(seen, f"'{text}' in the log of {self.name}", seconds)

    def signal(self, number):
        os.kill(self.child.pid, number)

    def wait(self, seconds=20):
        """The exit code; a process that does not end is killed, and the test fails."""
        try:
            return self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
            raise AssertionError(f"{self.name} did not end within {seconds} s") from None

    def stop(self):
        """Ends it, however it takes it; for clean-up."""
        if not self.is_running():
            return
        self.signal(signal.SIGTERM)
        try:
            self.child.wait(10)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()

    # What /proc says about the process.

    def resident_bytes(self):
        with open(f"/proc/{self.pid}/statm") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def descriptors(self):
        """Open sockets. Others come and go with threads: each has its state file open."""
        count = 0
        for name in os.listdir(f"/proc/{self.pid}/fd"):
            try:
                count += os.readlink(f"/proc/{self.pid}/fd/{name}").startswith("socket:")
            except FileNotFoundError:
                pass
        return count

    def threads(self):
        return len(os.listdir(f"/proc/{self.pid}/task"))
