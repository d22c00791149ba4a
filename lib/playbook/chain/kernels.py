"""Kernels that start warm: starters import what the notebooks import while other work is done, and make them."""

from __future__ import annotations

import ast
import contextlib
import json
import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import psutil

from playbook.records import runs

ANSWER_WITHIN_S = 60.0
TENSORFLOW = "playbook.export.recipes"  # the only verb that needs it is export, and it needs it first of all
AT_FIRST_USE = (  # what figures, tune's study and deploy's checks import when they are made
    *("pandas", "matplotlib.backends.backend_agg", "matplotlib.figure", "seaborn"),
    *("optuna.storages._rdb.storage", "sqlalchemy.dialects.sqlite"),
    "kubernetes_validate",
)


class Kernel:
    """A kernel process that a starter made, behind the methods of Popen that Jupyter calls."""

    stdin = stdout = stderr = None

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._process = psutil.Process(pid)

    def poll(self) -> int | None:
        """None while it runs; with what it ended is not known here, so 0."""
        with contextlib.suppress(psutil.NoSuchProcess):
            if self._process.is_running() and self._process.status() != psutil.STATUS_ZOMBIE:
                return None
        return 0

    def wait(self) -> int:
        """Wait until it has ended."""
        with contextlib.suppress(psutil.NoSuchProcess):
            self._process.wait()
        return 0

    def send_signal(self, signum: int) -> None:
        """Send it a signal, if it still runs."""
        with contextlib.suppress(psutil.NoSuchProcess):
            self._process.send_signal(signum)


class WarmStarter:
    """One starter process and the line to it.

    Args:
        modules: What it imports at once.
        once: It becomes one kernel itself; otherwise every kernel is a fork of it.
    """

    def __init__(self, modules: Iterable[str], once: bool = False) -> None:
        self.once = once
        self._line, theirs = socket.socketpair()
        self._line.settimeout(ANSWER_WITHIN_S)
        plan = {"channel": theirs.fileno(), "modules": list(modules), "once": once}
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "playbook.chain.warm", json.dumps(plan)],
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )

    def kernel(self, arguments: Sequence[str], cwd: str, env: dict[str, str]) -> Kernel | None:
        """A kernel with these arguments of ipykernel; None when the starter has ended or is used up."""
        order = {"argv": list(arguments), "cwd": cwd, "env": env}
        try:
            self._line.sendall(json.dumps(order).encode() + b"\n")
            answer = self._line.makefile().readline()
            return Kernel(json.loads(answer)["pid"]) if answer else None
        except (OSError, ValueError, psutil.NoSuchProcess):
            return None

    def close(self) -> None:
        """End the starter; a kernel that is left ends by itself when it sees that its parent has gone."""
        self._line.close()
        self._process.terminate()
        self._process.wait()


class WarmStarters:
    """The starters of one chain: one with TensorFlow for export, one for all other verbs."""

    def __init__(self, verbs: Sequence[str]) -> None:
        self._of: dict[str, WarmStarter] = {}
        if not sys.platform.startswith("linux"):  # a fork after these imports is not safe elsewhere
            return
        if "export" in verbs:
            self._of["export"] = WarmStarter([*imported_by("export"), TENSORFLOW], once=True)
        if others := [verb for verb in verbs if verb != "export"]:
            later = AT_FIRST_USE if set(others) - {"serve"} else ()
            shared = WarmStarter([*(name for verb in others for name in imported_by(verb)), *later])
            self._of |= dict.fromkeys(others, shared)

    def of(self, verb: str) -> WarmStarter | None:
        """The one that makes this verb's kernel; None where a kernel is started the ordinary way."""
        return self._of.get(verb)

    def close(self) -> None:
        """End them all."""
        for starter in set(self._of.values()):
            starter.close()


@contextlib.contextmanager
def warm_starters(verbs: Sequence[str]) -> Iterator[WarmStarters]:
    """The starters of these verbs, for the length of a `with` block; they warm up beside what else is done."""
    warm = WarmStarters(verbs)
    try:
        yield warm
    finally:
        warm.close()


def imported_by(verb: str) -> list[str]:
    """The modules that a verb's notebook imports, in its order."""
    notebook = Path(runs.NOTEBOOK_DIR) / f"{runs.NOTEBOOKS[verb]}.ipynb"
    cells = json.loads(notebook.read_text())["cells"]
    modules = []
    for cell in cells:
        nodes = ast.parse("".join(cell["source"])).body if cell["cell_type"] == "code" else []
        for node in nodes:
            if isinstance(node, ast.ImportFrom):
                modules += [str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)]
            elif isinstance(node, ast.Import):
                modules += [alias.name for alias in node.names]
    return modules
