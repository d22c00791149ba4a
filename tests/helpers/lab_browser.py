"""JupyterLab as a user has it: started by the command of `make lab`, driven in Chromium by its debugging protocol."""

from __future__ import annotations

import base64
import contextlib
import itertools
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import websocket

ROOT = Path(__file__).parents[2]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"]
QUIET += ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--remote-allow-origins=*"]
PANEL = "[...window.jupyterapp.shell.widgets('main')].find(widget => widget.context?.path === {path})"
RUN_ALL = """(async () => {{
  const app = window.jupyterapp, panel = {panel};
  await panel.context.ready; await panel.sessionContext.ready;
  app.shell.activateById(panel.id);
  await app.commands.execute('notebook:run-all-cells');
  return JSON.stringify(panel.content.model.sharedModel.toJSON());
}})()"""


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Page:
    """One page of a Chromium."""

    def __init__(self, address: str) -> None:
        self._line = websocket.create_connection(address, timeout=300)
        self._numbers = itertools.count(1)

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """One command of the protocol and its answer."""
        number = next(self._numbers)
        self._line.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            said = json.loads(self._line.recv())
            if said.get("id") == number:
                assert "error" not in said, said
                return said["result"]

    def value(self, script: str) -> Any:
        """What a script comes to; a promise is awaited."""
        told = self.ask("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in told, told["exceptionDetails"]
        return told["result"].get("value")

    def until(self, script: str, within_s: float = 60.0) -> Any:
        """Wait until a script comes to something true; returns it."""
        end = time.monotonic() + within_s
        while time.monotonic() < end:
            with contextlib.suppress(AssertionError):
                if seen := self.value(script):
                    return seen
            time.sleep(0.3)
        raise TimeoutError(f"never true within {within_s:g} s: {script}")

    def open(self, address: str) -> None:
        """Go to an address."""
        self.ask("Page.navigate", url=address)

    def picture(self, path: Path) -> Path:
        """A screenshot, as an artefact that somebody can look at."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(self.ask("Page.captureScreenshot", format="png")["data"]))
        return path


@contextlib.contextmanager
def chromium(folder: Path, *flags: str, size: str = "1300,1100") -> Iterator[Page]:
    """A Chromium with one page, for the length of a `with` block."""
    port = free_port()
    command = [str(CHROMIUM), *QUIET, *flags, f"--window-size={size}", f"--remote-debugging-port={port}"]
    browser = subprocess.Popen(
        [*command, f"--user-data-dir={folder}", "about:blank"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield Page(_debugged(port))
    finally:
        browser.terminate()
        browser.wait(20)


def _debugged(port: int) -> str:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        with contextlib.suppress(OSError, StopIteration):
            pages = json.loads(urllib.request.urlopen(f"http://127.0.0.1:{port}/json", timeout=5).read())
            return next(page["webSocketDebuggerUrl"] for page in pages if page["type"] == "page")
        time.sleep(0.2)
    raise TimeoutError("Chromium did not open its debugging port within 60 s")


@contextlib.contextmanager
def lab(scratch: Path, analyzed: Path) -> Iterator[str]:
    """JupyterLab by `make lab`'s own command, its scratch run and the one 50 reads elsewhere; gives its address."""
    port, token = free_port(), "test"
    shown = subprocess.run(["make", "-n", "lab"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    command = re.search(r"^PATH=.*", shown.replace("\\\n", " "), re.MULTILINE)
    assert command, shown
    more = f"--no-browser --port={port} --IdentityProvider.token={token} --LabApp.expose_app_in_browser=True"
    python = Path(sys.executable).parent
    own = {f"JUPYTERLAB_{name}_DIR": str(scratch.parent.parent / name) for name in ("SETTINGS", "WORKSPACES")}
    server = subprocess.Popen(
        command[0].replace(".venv/bin/jupyter", f"{python}/jupyter") + " " + more,
        shell=True,
        cwd=ROOT,
        env={**os.environ, **own, "PLAYBOOK_SCRATCH": str(scratch), "PLAYBOOK_RUN_DIR": str(analyzed)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        _answers(f"{address}/api?token={token}")
        yield f"{address}/lab/tree/{{}}?token={token}&reset"
    finally:
        os.killpg(server.pid, 15)
        server.wait(30)


def _answers(address: str) -> None:
    end = time.monotonic() + 90
    while time.monotonic() < end:
        with contextlib.suppress(OSError), urllib.request.urlopen(address, timeout=5):
            return
        time.sleep(0.3)
    raise TimeoutError(f"{address} did not answer within 90 s")


def run_all(page: Page, address: str, path: str) -> dict[str, Any]:
    """Open a notebook in the lab and run all its cells; returns it with its outputs."""
    page.open(address.format(path))
    panel = PANEL.format(path=json.dumps(path))
    page.until(f"window.jupyterapp && {panel}?.content?.widgets?.length", 60)
    return json.loads(page.value(RUN_ALL.format(panel=panel)))
