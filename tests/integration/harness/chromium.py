"""A browser without a window, driven by the DevTools protocol over a pair of pipes."""
import base64
import json
import os
import queue
import shutil
import signal
import subprocess
import threading

from .process import die_with_parent
from .waiting import until

# The first start makes a profile, and machines are slow.
SECONDS = 60


class Chromium:
    """One browser with one page."""

    def __init__(self, folder):
        program = shutil.which("chromium")
        if not program:
            raise AssertionError("the browser chromium is not there (Debian package chromium)")
        self.log_path = folder / "chromium.log"
        profile = folder / "profile"
        to_browser, ours_out = os.pipe()
        ours_in, from_browser = os.pipe()
        # It reads commands from descriptor 3 and writes to 4.
        command = ["bash", "-c", f'exec "$@" 3<&{to_browser} 4>&{from_browser}', "chromium", program, "--headless=new", "--no-sandbox",
                   "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--no-default-browser-check", "--disable-extensions",
                   "--disable-component-update", "--disable-background-networking", "--disable-sync", "--mute-audio",
                   f"--user-data-dir={profile}", "--remote-debugging-pipe", "--window-size=1100,800", "about:blank"]
        with open(self.log_path, "ab") as log:
            self.child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, cwd=folder,
                                          env={**os.environ, "HOME": str(folder)}, start_new_session=True,
                                          pass_fds=(to_browser, from_browser), preexec_fn=die_with_parent)
        os.close(to_browser)
        os.close(from_browser)
        self._out = os.fdopen(ours_out, "wb", buffering=0)
        self._in = os.fdopen(ours_in, "rb")
        self._answers = {}
        self._arrived = queue.Queue()
        self._number = 0
        self._session = None
        threading.Thread(target=self._read, daemon=True).start()
        targets = until(lambda: [t for t in self.call("Target.getTargets")["targetInfos"] if t["type"] == "page"], "the browser's page")
        self._session = self.call("Target.attachToTarget", targetId=targets[0]["targetId"], flatten=True)["sessionId"]
        self.call("Page.enable")
        self.call("Emulation.setDeviceMetricsOverride", width=1100, height=800, deviceScaleFactor=1, mobile=False)

    def _read(self):
        pending = b""
        while True:
            piece = os.read(self._in.fileno(), 1 << 16)
            if not piece:
                self._arrived.put(None)
                return
            *messages, pending = (pending + piece).split(b"\0")
            for message in messages:
                message = json.loads(message)
                if "id" in message:
                    self._arrived.put(message)

    def call(self, method, **parameters):
        """One command of the protocol, and its result."""
        self._number += 1
        number = self._number
        command = {"id": number, "method": method, "params": parameters}
        if self._session:
            command["sessionId"] = self._session
        self._out.write(json.dumps(command).encode() + b"\0")
        while number not in self._answers:
            try:
                message = self._arrived.get(timeout=SECONDS)
            except queue.Empty:
                raise AssertionError(f"the browser does not answer {method}:\n{self.log()[-2000:]}") from None
            if message is None:
                raise AssertionError(f"the browser has ended:\n{self.log()[-2000:]}")
            self._answers[message["id"]] = message
        answer = self._answers.pop(number)
        if "error" in answer:
            raise AssertionError(f"{method}: {answer['error']}")
        return answer["result"]

    def log(self):
        return self.log_path.read_text(errors="replace")

    def go(self, url):
        self.call("Page.navigate", url=url)

    def evaluate(self, expression):
        """The value of a JavaScript expression in the page; None where it throws, as while the page changes."""
        try:
            answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        except AssertionError as error:
            if "context" in str(error) or "navigated" in str(error):
                return None
            raise
        return answer["result"].get("value")

    def text(self):
        """What a reader sees."""
        return self.evaluate("document.readyState == 'complete' && document.body ? document.body.innerText : ''") or ""

    def wait_for_text(self, text, seconds=SECONDS):
        until(lambda: text in self.text(), f"'{text}' in the page, which says:\n{self.text()[:2000]}", seconds)

    def colours(self, scheme):
        """'light' or 'dark'."""
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def screenshot(self, file):
        """The whole page, if it is not endless."""
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], 3000), "scale": 1}
        picture = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)["data"]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(base64.b64decode(picture))

    def stop(self):
        if self.child.poll() is None:
            os.kill(self.child.pid, signal.SIGTERM)
            try:
                self.child.wait(10)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
        self._out.close()
