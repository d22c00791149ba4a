"""Ctrl-C ends `playbook` in one sentence from its first moment on, while Python still imports."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from command import PLAYBOOK, SMOKE

IMPORTED = "import time:"  # how Python's -X importtime begins a line, printed when a module has been imported

# Whatever started these tests may have SIGINT ignored; what a process ignores and what not outlives its exec.
HEARS = "import os, signal, sys; signal.signal(2, getattr(signal, sys.argv[1])); os.execv(sys.argv[2], sys.argv[2:])"


def begun(*words: object, hears: signal.Handlers = signal.SIG_DFL, **environment: str) -> subprocess.Popen[str]:
    """The command; SIGINT as a terminal starts it, or ignored."""
    return subprocess.Popen(
        [sys.executable, "-c", HEARS, hears.name, PLAYBOOK, *map(str, words)], stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, text=True, env=os.environ | environment,
    )  # fmt: skip


def interrupted(*words: object, imported: str, **how: Any) -> tuple[list[str], int]:
    """What a command says once it got SIGINT behind an import, without what it tells of imports; its exit code."""
    with begun(*words, **how, PYTHONPROFILEIMPORTTIME="1") as process:
        for line in process.stderr:
            if line.startswith(IMPORTED) and line.rpartition("|")[2].strip() == imported:
                break
        process.send_signal(signal.SIGINT)
        said = [line for line in process.stderr if not line.startswith(IMPORTED)]
    return said, process.returncode


@pytest.mark.parametrize("imported", ["typer", "playbook.cli.entry", "playbook.chain.params", "playbook.cli.chain"])
def test_while_python_imports_it_is_one_sentence(imported: str, tmp_path: Path) -> None:
    (said,), code = interrupted("run", SMOKE, "--only", "export", "--outputs", tmp_path, imported=imported)
    assert said.startswith("Interrupted (SIGINT)")
    assert code == 130


def test_a_command_that_waits_for_a_server_ends_in_the_same_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        process = begun("verify", f"http://127.0.0.1:{server.getsockname()[1]}", "--outputs", tmp_path)
        server.settimeout(120)
        server.accept()
        process.send_signal(signal.SIGINT)
        said = process.communicate()[1]
    assert (said, process.returncode) == ("Interrupted (SIGINT).\n", 130)


def test_where_it_is_ignored_as_behind_nohup_it_stays_ignored() -> None:
    assert interrupted("--version", imported="typer", hears=signal.SIG_IGN) == ([], 0)
