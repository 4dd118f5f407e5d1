"""A headless Chromium that opens pages, asked by the DevTools protocol."""

import asyncio
import base64
import json
import shutil
import subprocess
import time
import urllib.request
from pathlib import Path

from tornado.websocket import websocket_connect

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


class Chromium:
    """A browser with one page, as a context.

    Attributes
    ----------
    requests : list of str
        What has been loaded.
    problems : list of str
        What the browser complained of.
    """

    def __init__(self, profile: Path) -> None:
        self._profile = profile

    def __enter__(self):
        options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0"]
        self._process = subprocess.Popen(
            [CHROMIUM, *options, f"--user-data-dir={self._profile}", "about:blank"],
            stderr=subprocess.DEVNULL,
        )
        try:
            self._connect()
        except BaseException:
            self._process.terminate()
            raise
        return self

    def _connect(self) -> None:
        port_file = self._profile / "DevToolsActivePort"
        deadline = time.monotonic() + 60
        while not (port_file.exists() and port_file.read_text().count("\n")):
            assert time.monotonic() < deadline, "Chromium does not start"
            time.sleep(0.05)
        port = port_file.read_text().splitlines()[0]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list") as answer:
            targets = json.load(answer)
        address = next(t["webSocketDebuggerUrl"] for t in targets if t["type"] == "page")
        self._loop = asyncio.new_event_loop()
        self._socket = self._run(websocket_connect, address, max_message_size=1 << 28)
        self._number = 0
        self.requests: list[str] = []
        self.problems: list[str] = []
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def __exit__(self, *_: object) -> None:
        self._socket.close()
        self._process.terminate()
        self._process.wait()
        self._run(asyncio.sleep, 0)
        self._loop.close()

    def _run(self, function, *arguments, **options):
        async def wait():
            return await function(*arguments, **options)

        return self._loop.run_until_complete(wait())

    def _read(self) -> dict:
        message = json.loads(self._run(self._socket.read_message))
        match message.get("method"):
            case "Network.requestWillBeSent":
                self.requests.append(message["params"]["request"]["url"])
            case "Log.entryAdded":
                self.problems.append(message["params"]["entry"]["text"])
        return message

    def call(self, method: str, **parameters: object) -> dict:
        """Call a method of the protocol and return its result."""
        self._number += 1
        call = {"id": self._number, "method": method, "params": parameters}
        self._run(self._socket.write_message, json.dumps(call))
        while (message := self._read()).get("id") != self._number:
            pass
        assert "error" not in message, message
        return message["result"]

    def open(self, path: Path, *, width: int, dark: bool = False) -> None:
        """Open a file in a window as wide as a phone or a screen."""
        mobile = width < 600
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=800,
            deviceScaleFactor=2 if mobile else 1,
            mobile=mobile,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.call("Page.navigate", url=path.resolve().as_uri())
        while self._read().get("method") != "Page.loadEventFired":
            pass

    def evaluate(self, expression: str) -> object:
        """Return the value of JavaScript in the page."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        return result["result"].get("value")

    def screenshot(self, path: Path, *, clip: dict | None = None) -> None:
        """Write a picture of the whole page, or of a part."""
        parameters = {"clip": clip} if clip else {}
        result = self.call("Page.captureScreenshot", captureBeyondViewport=True, **parameters)
        path.write_bytes(base64.b64decode(result["data"]))

    def pdf(self, path: Path) -> None:
        """Print the page on A4."""
        result = self.call(
            "Page.printToPDF", paperWidth=8.27, paperHeight=11.69, preferCSSPageSize=True
        )
        path.write_bytes(base64.b64decode(result["data"]))
