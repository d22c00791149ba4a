"""One chain at a time in a run folder: who works there stands in `.lock`, and holds it for as long as it lives."""

from __future__ import annotations

import contextlib
import fcntl
import json
import socket
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from playbook.errors import ParameterError
from playbook.records.process import begun_s, living

FILE = ".lock"


@dataclass(frozen=True)
class Holder:
    """The process that works in a run folder."""

    pid: int
    started: float  # s since boot
    host: str

    @property
    def words(self) -> str:
        """Who it is, for a message."""
        return f"pid {self.pid}" + ("" if self.host == socket.gethostname() else f" on {self.host}")


def holder(run_dir: Path) -> Holder | None:
    """Who works in this run folder now; None when nobody does. What a killed process left there counts for nothing."""
    path = Path(run_dir) / FILE
    try:
        with path.open("r+") as file, _tried(file.fileno()) as free:
            noted = _noted(file.read())
            if free is not None:
                return None if free else noted or Holder(0, 0.0, socket.gethostname())
    except OSError:
        return None
    return noted if noted and living(noted.pid, noted.started) else None


def check_free(run_dir: Path) -> None:
    """Return when nobody works in this run folder.

    Raises:
        ParameterError: a chain runs in it; names its pid and what to do.
    """
    if (busy := holder(run_dir)) is not None:
        raise _refused(run_dir, busy)


@contextlib.contextmanager
def held(run_dir: Path) -> Iterator[None]:
    """Hold a run folder for the length of a `with` block; a process that is killed in it holds it no longer.

    Raises:
        ParameterError: another chain holds it.
    """
    check_free(run_dir)
    me = psutil.Process()
    path = Path(run_dir) / FILE
    with path.open("a+") as file, _tried(file.fileno()) as free:
        if free is False:
            file.seek(0)
            raise _refused(run_dir, _noted(file.read()) or Holder(0, 0.0, socket.gethostname()))
        file.truncate(0)
        file.write(json.dumps(asdict(Holder(me.pid, begun_s(me), socket.gethostname()))))
        file.flush()
        try:
            yield
        finally:
            file.truncate(0)  # it stays, empty: who removed it could take it from under one that has just opened it


@contextlib.contextmanager
def _tried(descriptor: int) -> Iterator[bool | None]:
    """Whether the file's lock could be had (it is kept until the file is closed); None where there are no locks."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        yield False
    except OSError:  # a shared folder without locks: the pid decides
        yield None
    else:
        yield True


def _noted(text: str) -> Holder | None:
    try:
        return Holder(**json.loads(text))
    except (ValueError, TypeError):
        return None  # being written at this moment


def _refused(run_dir: Path, busy: Holder) -> ParameterError:
    return ParameterError(
        f"{Path(run_dir).name} still runs ({busy.words}), and two chains in one run folder would end each other. Wait "
        f"for it, or end it (kill -INT {busy.pid}), then --resume {Path(run_dir).name}."
    )
