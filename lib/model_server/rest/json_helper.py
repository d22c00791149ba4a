"""The server's side of `json_process`: long bodies are read, and long replies written, by processes beside this one.

The parsers hold the interpreter lock: 80 MB of JSON in a thread would hold every other request up for a second. Here
such a body goes down a pipe as it came; what comes back are tensors, as they lie in memory.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np

from model_server import memory
from model_server.errors import RESOURCE_EXHAUSTED, ServingError
from model_server.flags import CPUS
from model_server.json import reply
from model_server.niceness import put_behind
from model_server.rest import reading
from model_server.rest.json_process import read_message, write_message

GIVE_BACK_S = 2.0
_MODULE = "model_server.rest.json_process"
T = TypeVar("T")


class JsonHelper:
    """Runs functions of long JSON in processes, as many as there are CPUs at most; called in threads of their own."""

    def __init__(self) -> None:
        self._places = threading.Semaphore(CPUS)
        self._idle: list[subprocess.Popen] = []
        self._lock = threading.Lock()
        self._giving_back: threading.Timer | None = None

    def read(self, work: Callable[..., T], pieces: deque[bytes], gzip: bool, arguments: tuple) -> T:
        """`work(text, *arguments)`, where the pieces, perhaps compressed, make the text; they are used up.

        Raises:
            ServingError: what `work` raises; RESOURCE_EXHAUSTED when the process ended over it.
        """
        return self._run(_read_gzip if gzip else _read_text, (work, arguments), pieces)

    def row_reply(self, outputs: Mapping[str, np.ndarray]) -> memoryview:
        """`json.reply.row_reply` of many numbers, as a view.

        Raises:
            ServingError: as `row_reply`; RESOURCE_EXHAUSTED when the process ended over it.
        """
        return memoryview(self._run(_written, (reply.row_reply, _contiguous(outputs))))

    def column_reply(self, outputs: Mapping[str, np.ndarray]) -> memoryview:
        """`json.reply.column_reply` of many numbers, as a view.

        Raises:
            ServingError: as `column_reply`; RESOURCE_EXHAUSTED when the process ended over it.
        """
        return memoryview(self._run(_written, (reply.column_reply, _contiguous(outputs))))

    def _run(self, work: Callable, arguments: tuple, pieces: deque[bytes] | None = None) -> Any:
        with self._places:
            outcome = self._asked(work, arguments, pieces)
        self._give_back_later()
        if isinstance(outcome, ServingError):
            raise outcome
        return outcome

    def _give_back_later(self) -> None:
        """What a long body took is given back when there was none for a moment: the next would want it again."""
        if self._giving_back:
            self._giving_back.cancel()
        self._giving_back = threading.Timer(GIVE_BACK_S, memory.give_back)
        self._giving_back.daemon = True
        self._giving_back.start()

    def _asked(self, work: Callable, arguments: tuple, pieces: deque[bytes] | None) -> Any:
        while True:
            process, is_new = self._process()
            count = len(pieces or ())
            try:
                write_message(process.stdin.fileno(), (work, arguments), pieces)  # type: ignore[union-attr]
                outcome, _ = read_message(process.stdout.fileno())  # type: ignore[union-attr]
            except (BrokenPipeError, EOFError):
                code, begun = _ended(process), pieces is not None and len(pieces) < count
                if is_new or code or begun:  # else it went idle at that very moment
                    text = (
                        f"The process that reads and writes long JSON ended with code {code}; is there memory enough?"
                    )
                    return ServingError(RESOURCE_EXHAUSTED, text)
                continue
            with self._lock:
                self._idle.append(process)
            return outcome

    def _process(self) -> tuple[subprocess.Popen, bool]:
        """A process that waits for work, and whether it was started for this."""
        with self._lock:
            while self._idle:
                process = self._idle.pop()
                if process.poll() is None:
                    return process, False
        process = subprocess.Popen([sys.executable, "-m", _MODULE], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        put_behind(process.pid)
        threading.Thread(target=self._reap, args=(process,), daemon=True).start()
        return process, True

    def _reap(self, process: subprocess.Popen) -> None:
        process.wait()
        with self._lock:
            if process in self._idle:
                self._idle.remove(process)


def _ended(process: subprocess.Popen) -> int:
    try:
        return process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def _contiguous(outputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Arrays that pickle hands over without a copy."""
    return {alias: np.ascontiguousarray(array) for alias, array in outputs.items()}


def _read_text(text: bytes, work: Callable[..., T], arguments: tuple) -> T:
    return work(text, *arguments)


def _read_gzip(sent: bytes, work: Callable[..., T], arguments: tuple) -> T:
    return work(reading.inflated(sent, reading.MOST_INFLATED) or b"", *arguments)


def _written(write: Callable[..., bytes], outputs: Mapping[str, np.ndarray]) -> np.ndarray:
    return np.frombuffer(write(outputs), np.uint8)
