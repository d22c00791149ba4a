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
SHOTS = ROOT / ".pytest_cache" / "screenshots"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PATIENCE_S = 400.0  # a busy machine is no defect of the lab; pytest ends a test that hangs
QUIET = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"]
QUIET += ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--remote-allow-origins=*"]
PANEL = "[...window.jupyterapp.shell.widgets('main')].find(widget => widget.context?.path === {path})"
OPEN = """(async () => {{
  const app = window.jupyterapp;
  await app.commands.execute('docmanager:open', {{path: {path}}});
  const panel = {panel};
  await panel.context.ready; await panel.sessionContext.ready;
  app.shell.activateById(panel.id);
  for (const cell of panel.content.widgets) {{
    const text = cell.model.sharedModel.getSource(), given = {given};
    const lines = text.split('\\n').map(line => {{
      const name = line.match(/^(\\w+): \\w+ = /)?.[1];
      return name in given ? `${{name}} = ${{given[name]}}` : line;
    }});
    if (lines.join('\\n') !== text) cell.model.sharedModel.setSource(lines.join('\\n'));
  }}
}})()"""
# Runs all cells; meanwhile what the live boards show is noted whenever it changes: their words, and points per chart.
RUN_ALL = """(async () => {{
  const panel = {panel}, shown = [], last = [];
  const look = () => {{
    panel.node.querySelectorAll('.playbook-live').forEach((found, board) => {{
      const points = [...found.querySelectorAll('svg')].map(chart => chart.querySelectorAll('circle').length);
      const words = found.firstChild.textContent;
      if (words !== last[board]) shown.push({{board, words, points}});
      last[board] = words;
    }});
  }};
  const clock = setInterval(look, 100);
  await window.jupyterapp.commands.execute('notebook:run-all-cells');
  clearInterval(clock); look();
  panel.content.activeCellIndex = 0; panel.content.node.querySelector('.jp-WindowedPanel-outer').scrollTop = 0;
  return JSON.stringify({{shown, notebook: panel.content.model.sharedModel.toJSON()}});
}})()"""
CLOSE = """(async () => {{
  const panel = {panel};
  await panel.sessionContext.shutdown(); panel.dispose();
}})()"""
SETTINGS = {  # whatever is tried is not saved into the working tree; no cell waits to be drawn; nothing is asked
    "docmanager-extension/plugin": {"autosave": False},
    "notebook-extension/tracker": {"windowingMode": "none"},
    "apputils-extension/notification": {"fetchNews": "false"},
}


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Page:
    """One page of a Chromium."""

    def __init__(self, address: str) -> None:
        self._line = websocket.create_connection(address, timeout=PATIENCE_S)
        self._numbers = itertools.count(1)
        self.ask("Page.enable")

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """One command of the protocol and its answer."""
        number = next(self._numbers)
        self._line.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            said = json.loads(self._line.recv())
            if said.get("method") == "Page.javascriptDialogOpening":  # a lab whose notebooks were not saved asks back
                leave = {"id": next(self._numbers), "method": "Page.handleJavaScriptDialog", "params": {"accept": True}}
                self._line.send(json.dumps(leave))
            if said.get("id") == number:
                assert "error" not in said, said
                return said["result"]

    def value(self, script: str) -> Any:
        """What a script comes to; a promise is awaited."""
        told = self.ask("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in told, told["exceptionDetails"]
        return told["result"].get("value")

    def until(self, script: str, within_s: float = PATIENCE_S) -> Any:
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

    def drag(self, element: str, right_px: float) -> None:
        """Take what a script finds by the mouse and pull it to the right, as a hand does."""
        box = json.loads(self.value(f"JSON.stringify({element}.getBoundingClientRect())"))
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        steps = [("mouseMoved", 0.0), ("mousePressed", 0.0), ("mouseMoved", 0.5), ("mouseMoved", 1.0)]
        for kind, share in [*steps, ("mouseReleased", 1.0)]:
            at = {"x": x + share * right_px, "y": y, "button": "none" if kind == "mouseMoved" and not share else "left"}
            self.ask("Input.dispatchMouseEvent", type=kind, **at, clickCount=1, buttons=int(kind != "mouseReleased"))

    def click(self, element: str) -> None:
        """Press the mouse on what a script finds, as a hand does."""
        box = json.loads(self.value(f"JSON.stringify({element}.getBoundingClientRect())"))
        at = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2, "button": "left", "clickCount": 1}
        for kind in ("mousePressed", "mouseReleased"):
            self.ask("Input.dispatchMouseEvent", type=kind, **at)

    def screen(self, width: int = 1300, height: int = 1100) -> None:
        """Show the page in a window of this size."""
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def prefers(self, scheme: str) -> None:
        """The reader's system is `light` or `dark`."""
        self.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

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
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        with contextlib.suppress(OSError, StopIteration):
            pages = json.loads(urllib.request.urlopen(f"http://127.0.0.1:{port}/json", timeout=5).read())
            return next(page["webSocketDebuggerUrl"] for page in pages if page["type"] == "page")
        time.sleep(0.2)
    raise TimeoutError(f"Chromium did not open its debugging port within {PATIENCE_S} s")


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
    for name, settings in SETTINGS.items():
        kept = Path(own["JUPYTERLAB_SETTINGS_DIR"]) / "@jupyterlab" / f"{name}.jupyterlab-settings"
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(settings))
    log = scratch.parent.parent / "lab.log"
    with log.open("w") as said:
        server = subprocess.Popen(
            command[0].replace(".venv/bin/jupyter", f"{python}/jupyter") + " " + more,
            shell=True,
            cwd=ROOT,
            env={**os.environ, **own, "PLAYBOOK_SCRATCH": str(scratch), "PLAYBOOK_RUN_DIR": str(analyzed)},
            stdout=said,
            stderr=said,
            start_new_session=True,
        )
    address = f"http://127.0.0.1:{port}"
    try:
        _answers(f"{address}/api?token={token}", server, log)
        yield f"{address}/lab/tree/{{}}?token={token}&reset"
    finally:
        os.killpg(server.pid, 15)
        server.wait(60)


def _answers(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        with contextlib.suppress(OSError), urllib.request.urlopen(address, timeout=5):
            return
        assert server.poll() is None, f"the lab ended: {log.read_text()[-2000:]}"
        time.sleep(0.3)
    raise TimeoutError(f"{address} did not answer within {PATIENCE_S} s: {log.read_text()[-2000:]}")


def start(page: Page, address: str) -> None:
    """Load the lab, once for all notebooks."""
    page.open(address.format("notebooks/index.ipynb"))
    page.until(f"window.jupyterapp && {_panel('notebooks/index.ipynb')}?.content?.widgets?.length")
    page.value(f"{_panel('notebooks/index.ipynb')}.context.ready")
    close(page, "notebooks/index.ipynb")  # the lab runs the notebook that was opened last


def opened(page: Page, path: str, **given: object) -> None:
    """Open a notebook in the lab that is loaded, with these parameters in the place of its own."""
    told = json.dumps({name: repr(value) for name, value in given.items()})
    page.value(OPEN.format(path=json.dumps(path), panel=_panel(path), given=told))


def run_all(page: Page, path: str, **given: object) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Open a notebook and run all its cells; it with its outputs, and what its live boards showed meanwhile.

    Each state has the number of its `board` on the page, its `words` and the `points` of each of its charts.
    """
    opened(page, path, **given)
    told = json.loads(page.value(RUN_ALL.format(panel=_panel(path))))
    return told["notebook"], told["shown"]


def close(page: Page, path: str) -> None:
    """End a notebook's kernel and close it, unsaved."""
    page.value(CLOSE.format(panel=_panel(path)))


def _panel(path: str) -> str:
    return PANEL.format(path=json.dumps(path))
