"""Where a server is asked: started here as often as questions need it, as a process or a container, or only reached."""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loadgen import temporary
from playbook.errors import ServerNotReady
from playbook.knobs import METRICS_PATH
from playbook.serve.spec import choose_port
from playbook.verify import probe_model
from playbook.verify.reached import CouldNotAsk, Reached

START_S = 60.0
ONCE_S = 30.0
ENV = ("MODEL_NAME", "MODEL_BASE_PATH")  # variables that an image's entrypoint reads
FIRST = -10  # niceness of a server under question
# Becomes the server, which so ends when the asker does (PR_SET_PDEATHSIG); what runs between fork and exec in a process
# of threads may crash instead.
_LAUNCH = (
    *(sys.executable, "-I", "-S", "-c"),
    "import ctypes, os, sys; getattr(ctypes.CDLL(None), 'prctl', print)(1, 9); os.execvp(sys.argv[1], sys.argv[1:])",
)
_DYING_S = 1.0  # from a connection that breaks to the exit code
_KILLED = (-signal.SIGKILL, 128 + signal.SIGKILL)  # by the machine, which had no memory left, or by a person


@dataclass(frozen=True)
class Setup:
    """A server that questions share: its flags, and its config files by name (named {folder}/NAME in the flags)."""

    flags: tuple[str, ...] = ()
    files: tuple[tuple[str, str], ...] = ()


class Place(ABC):
    """A kind of server under question. Servers are started when they are first asked for and end with `close`."""

    def __init__(self, setups: Mapping[str, Setup]):
        self._setups = setups
        self._running: dict[str, Reached] = {}
        self._failed: dict[str, str] = {}
        self._asked: Reached | None = None
        self._kept = contextlib.ExitStack()
        self.folder = self._kept.enter_context(temporary.folder("verify-"))

    def server(self, name: str = "plain") -> Reached:
        """The server with this setup.

        Raises:
            CouldNotAsk: it did not start, or cannot be started here.
        """
        if name in self._failed:
            raise CouldNotAsk(self._failed[name])
        if name not in self._running:
            try:
                self._running[name] = self._begin(name)
            except ServerNotReady as error:
                self._failed[name] = f"the server did not start with {' '.join(self._setups[name].flags)}: {error}"
                raise CouldNotAsk(self._failed[name]) from error
        self._asked = self._running[name]
        if (code := self._asked.ended()) is not None:
            raise CouldNotAsk(f"the server ended with code {code} while it was asked something else")
        return self._asked

    def crash(self) -> str | None:
        """How the server that was asked last ended of itself; None where it lives, or was killed from outside."""
        asked, until = self._asked, time.monotonic() + _DYING_S
        if asked is None:
            return None
        while (code := asked.ended()) is None and time.monotonic() < until:
            time.sleep(0.05)
        if code is None or code in _KILLED:
            return None
        return f"the server ended with code {code} when it was asked this. Its last words: {asked.log()[-200:]}"

    def _begin(self, name: str) -> Reached:
        setup, folder = self._setups[name], self.folder / name
        folder.mkdir()
        for file, text in setup.files:
            (folder / file).write_text(text)
        self.prepare(name, folder / "model")
        return self.start(name, folder, [flag.format(folder=self.inside(folder)) for flag in setup.flags])

    def prepare(self, name: str, base_path: Path) -> None:
        """The probe model, version 1, with two warm-up records where the setup is about the life of versions."""
        probe_model.write(base_path, 1, probe_model.warmup_file() if name == "life" else None)

    def inside(self, folder: Path) -> str:
        """The folder as the server sees it."""
        return str(folder)

    @abstractmethod
    def start(self, name: str, folder: Path, flags: Sequence[str]) -> Reached:
        """Start a server that serves the model of this folder, and wait until it answers.

        Raises:
            ServerNotReady: it ended or did not answer.
        """

    @abstractmethod
    def once(self, flags: Sequence[str], files: Mapping[str, str] = {}) -> tuple[int | None, str]:
        """Run the server's command line to its end: exit code (None: it had to be ended) and what it printed.

        Raises:
            CouldNotAsk: it cannot be run here.
        """

    def facts(self) -> dict[str, Any]:
        """What is known of the server beside its answers: image, digest, architecture."""
        return {}

    def close(self) -> None:
        """End what was started and remove its files."""
        for reached in self._running.values():
            reached.end()
        self._kept.close()


class ProcessPlace(Place):
    """The embedded server or tensorflow_model_server, as processes."""

    def __init__(self, command: Sequence[str], setups: Mapping[str, Setup]):
        super().__init__(setups)
        self._command = list(command)

    def start(self, name: str, folder: Path, flags: Sequence[str]) -> Reached:
        """See Place.start."""
        ports = choose_port("rest_api_port", 0), choose_port("port", 0)
        log_path = folder / "log"
        own = [f"--rest_api_port={ports[0]}", f"--port={ports[1]}", f"--model_name={probe_model.NAME}",
               f"--model_base_path={folder / 'model'}"]  # fmt: skip
        with log_path.open("wb") as log:
            process = subprocess.Popen(
                [*_LAUNCH, *self._command, *own, *flags], stdout=log, stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
            )  # fmt: skip
        with contextlib.suppress(OSError):  # before other work where that is allowed: fractions of a ms are told
            os.setpriority(os.PRIO_PROCESS, process.pid, FIRST)
        reached = Reached(
            f"http://127.0.0.1:{ports[0]}", f"127.0.0.1:{ports[1]}", METRICS_PATH, folder=folder,
            log=lambda: log_path.read_text(errors="replace"), end=lambda: _end(process), ended=process.poll,
            terminate=process.terminate,
        )  # fmt: skip
        wait_for(reached)
        return reached

    def once(self, flags: Sequence[str], files: Mapping[str, str] = {}) -> tuple[int | None, str]:
        """See Place.once."""
        with tempfile.TemporaryDirectory(dir=self.folder) as name:
            for file, text in files.items():
                (Path(name) / file).write_text(text)
            command = [*self._command, *(flag.format(folder=name) for flag in flags)]
            try:
                done = subprocess.run(command, capture_output=True, text=True, timeout=ONCE_S, stdin=subprocess.DEVNULL)
            except subprocess.TimeoutExpired as error:
                return None, "".join(_text(part) for part in (error.stdout, error.stderr))
        return done.returncode % 256, done.stdout + done.stderr

    def facts(self) -> dict[str, Any]:
        """See Place.facts."""
        return {"architecture": platform.machine(), "command": " ".join(self._command)}


class AttachedPlace(Place):
    """A server that runs already; it is asked and never changed."""

    def __init__(self, reached: Reached):
        super().__init__({})
        self._running["plain"] = reached

    def server(self, name: str = "plain") -> Reached:
        """See Place.server."""
        if name != "plain":
            raise CouldNotAsk("it needs a server with flags of its own: playbook verify --image, or --server binary")
        return self._running["plain"]

    def start(self, name: str, folder: Path, flags: Sequence[str]) -> Reached:
        """See Place.start."""
        raise CouldNotAsk("nothing is started beside a server that runs already")

    def once(self, flags: Sequence[str], files: Mapping[str, str] = {}) -> tuple[int | None, str]:
        """See Place.once."""
        raise CouldNotAsk("its command line cannot be run: playbook verify --image, or --server binary")


def _text(part: str | bytes | None) -> str:
    return part.decode(errors="replace") if isinstance(part, bytes) else part or ""


def _end(process: subprocess.Popen) -> None:
    if process.poll() is None:
        process.kill()
    process.wait()


def wait_for(reached: Reached) -> None:
    """Wait until the probe model is AVAILABLE; a server that did not come up is ended.

    Raises:
        ServerNotReady: with its last words.
    """
    until = time.monotonic() + START_S
    while time.monotonic() < until and reached.ended() is None:
        with contextlib.suppress(OSError, ValueError):
            if '"AVAILABLE"' in reached.get(f"/v1/models/{probe_model.NAME}").text:
                return
        time.sleep(0.05)
    reached.end()
    raise ServerNotReady(f"it did not serve the probe model. Its last words: {reached.log()[-400:]}")


def embedded(setups: Mapping[str, Setup]) -> ProcessPlace:
    """The embedded server, its batch threads woken as TensorFlow's are: what stands in for TensorFlow Serving."""
    return ProcessPlace([sys.executable, "-m", "model_server", "--batch_wakeup=tensorflow"], setups)


def binary(setups: Mapping[str, Setup]) -> ProcessPlace:
    """tensorflow_model_server of the PATH.

    Raises:
        ServerNotReady: there is none.
    """
    path = shutil.which("tensorflow_model_server")
    if path is None:
        raise ServerNotReady(
            "tensorflow_model_server is not on the PATH; use --image, or the URL of a server that runs."
        )
    return ProcessPlace([path], setups)
