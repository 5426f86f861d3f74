"""Drive a headless Chromium over a DevTools pipe, using only the standard library."""

import base64
import json
import os
import selectors
import shutil
import subprocess
import time

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PATIENCE = 60.0


def binary():
    """Return the path of an installed browser, or None."""
    return next((path for path in map(shutil.which, NAMES) if path), None)


class Browser:
    """A page in its own browser process, as a context manager; `events` are the protocol events received so far."""

    def __init__(self, home, width=1280, height=900):
        self.events = []
        self._number = 0
        self._buffer = b""
        to_read, self._to = os.pipe()
        self._from, to_write = os.pipe()
        # the browser reads its commands from descriptor 3 and answers on 4
        start = f'exec "$0" "$@" 3<&{to_read} 4>&{to_write}'
        words = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
        words += ["--disable-background-networking", "--disable-component-update", "--hide-scrollbars"]
        words += [f"--user-data-dir={home}", "--remote-debugging-pipe", f"--window-size={width},{height}"]
        self._process = subprocess.Popen(
            ["bash", "-c", start, binary(), *words, "about:blank"],
            pass_fds=(to_read, to_write),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        os.close(to_read)
        os.close(to_write)
        os.set_blocking(self._from, False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._from, selectors.EVENT_READ)
        self._session = None
        (page,) = [it for it in self.send("Target.getTargets")["targetInfos"] if it["type"] == "page"]
        self._session = self.send("Target.attachToTarget", targetId=page["targetId"], flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")
        self.send("Emulation.setFocusEmulationEnabled", enabled=True)
        self.resize(width, height)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._selector.close()
        os.close(self._to)
        os.close(self._from)

    def _next(self, deadline):
        while b"\0" not in self._buffer:
            left = deadline - time.monotonic()
            if left <= 0 or not self._selector.select(left):
                raise TimeoutError("the browser says nothing")
            piece = os.read(self._from, 1 << 20)
            if not piece:
                raise ConnectionError("the browser has gone")
            self._buffer += piece
        message, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(message)

    def send(self, method, **params):
        """Send a command and return its result."""
        self._number += 1
        command = {"id": self._number, "method": method, "params": params}
        if self._session:
            command["sessionId"] = self._session
        data = json.dumps(command).encode() + b"\0"
        while data:
            data = data[os.write(self._to, data) :]
        deadline = time.monotonic() + PATIENCE
        while True:
            message = self._next(deadline)
            if message.get("id") == self._number:
                if "error" in message:
                    raise RuntimeError(message["error"])
                return message["result"]
            self.events.append(message)

    def resize(self, width, height):
        """Set the size of the page's viewport, in CSS pixels."""
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def media(self, **features):
        """Emulate media features, as in prefers_color_scheme="dark"."""
        listed = [{"name": name.replace("_", "-"), "value": value} for name, value in features.items()]
        self.send("Emulation.setEmulatedMedia", features=listed)

    def open(self, path, ready="document.readyState === 'complete'"):
        """Open a file and wait until the expression `ready` is true."""
        self.run("window.isOld = true")
        self.send("Page.navigate", url=f"file://{path}")
        self.wait(f"!window.isOld && document.documentElement && ({ready})")

    def wait(self, expression):
        """Wait until a JavaScript expression is true."""
        deadline = time.monotonic() + PATIENCE
        while not self.run(f"Boolean({expression})"):
            if time.monotonic() > deadline:
                raise TimeoutError(expression)
            time.sleep(0.02)

    def run(self, expression):
        """Return the value of a JavaScript expression."""
        made = self.send(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True, userGesture=True
        )
        if "exceptionDetails" in made:
            raise RuntimeError(json.dumps(made["exceptionDetails"])[:2000])
        return made["result"].get("value")

    def picture(self, whole=False):
        """Return a screenshot of the page as PNG."""
        shot = self.send("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        return base64.b64decode(shot["data"])

    def complaints(self):
        """Return the page's exceptions, log entries, and console errors and warnings."""
        of = ("Runtime.exceptionThrown", "Log.entryAdded")
        said = [it["params"] for it in self.events if it.get("method") in of]
        return said + [
            it["params"]
            for it in self.events
            if it.get("method") == "Runtime.consoleAPICalled" and it["params"]["type"] in ("error", "warning")
        ]

    def requests(self):
        """Return the URLs of all requests that the page made."""
        return [it["params"]["request"]["url"] for it in self.events if it.get("method") == "Network.requestWillBeSent"]
