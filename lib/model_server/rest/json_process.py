"""`python -m model_server.rest.json_process`: reads and writes long JSON for the server, one job after another.

A job comes on standard input and its outcome goes to standard output, each as `write_message` sends it. The process
ends when the server does, and by itself when nothing was asked for some time: its memory is then the system's again.
"""

from __future__ import annotations

import io
import os
import pickle
import select
import signal
import struct
import sys
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from model_server.errors import INTERNAL, ServingError

IDLE_S = 10.0
_HEAD = struct.Struct("<QQ")  # bytes of the pickle, number of the buffers behind it
_SIZE = struct.Struct("<Q")


class _Pickler(pickle.Pickler):
    """Sends arrays of strings as one block of bytes: a pickle of millions of strings holds the lock all along."""

    def reducer_override(self, value: object) -> Any:
        if type(value) is not np.ndarray or value.dtype != object:
            return NotImplemented
        strings = value.ravel().tolist()
        lengths = np.fromiter((len(string) for string in strings), np.int64, len(strings))
        block = np.empty(int(lengths.sum()), np.uint8)
        view, start = block.data, 0
        for string in strings:
            stop = start + len(string)
            view[start:stop] = string
            start = stop
        return _strings, (value.shape, lengths, block)


def _strings(shape: tuple[int, ...], lengths: np.ndarray, block: np.ndarray) -> np.ndarray:
    strings, view, start = np.empty(len(lengths), object), block.data, 0
    for index, length in enumerate(lengths.tolist()):
        strings[index] = bytes(view[start : start + length])
        start += length
    return strings.reshape(shape)


def write_message(file: int, message: object, pieces: deque[bytes] | None = None) -> None:
    """Send an object, its arrays as they lie in memory, and the pieces, each of which is let go when it is sent.

    Nothing long is copied, and nothing long is freed, while the interpreter's lock is held.
    """
    buffers: list[pickle.PickleBuffer] = []
    data = io.BytesIO()
    _Pickler(data, protocol=5, buffer_callback=buffers.append).dump(message)
    views = [buffer.raw() for buffer in buffers]
    sizes = [view.nbytes for view in views] + [sum(map(len, pieces or ()))]
    head = _HEAD.pack(len(data.getbuffer()), len(sizes)) + b"".join(map(_SIZE.pack, sizes))
    for part in (head, data.getbuffer(), *views):
        _write(file, part)
    while pieces:
        _write(file, pieces.popleft())


def read_message(file: int) -> tuple[Any, memoryview]:
    """An object that was sent, and the bytes of its pieces.

    Raises:
        EOFError: the other side has ended.
    """
    length, count = _HEAD.unpack(_read(file, _HEAD.size))
    sizes = [_SIZE.unpack(_read(file, _SIZE.size))[0] for _ in range(count)]
    data = _read(file, length)
    *buffers, pieces = [_read(file, size) for size in sizes]
    return pickle.loads(data, buffers=buffers), pieces


def _write(file: int, data: Any) -> None:
    view = memoryview(data).cast("B")
    while view.nbytes:
        view = view[os.write(file, view) :]


def _read(file: int, size: int) -> memoryview:
    data = view = np.empty(size, np.uint8).data
    while view.nbytes:
        count = os.readv(file, [view])
        if not count:
            raise EOFError
        view = view[count:]
    return data


def outcome_of(work: Callable[..., Any], arguments: Iterable[object]) -> object:
    """What the work returns, or the error that the client shall see."""
    try:
        return work(*arguments)
    except ServingError as error:
        return error
    except Exception as error:
        return ServingError(INTERNAL, f"{type(error).__name__}: {error}")


def main() -> None:
    """Do jobs until nobody asks any more."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.setrecursionlimit(10_000)
    source, target = os.dup(0), os.dup(1)
    os.dup2(2, 1)  # what anything prints goes to the log
    while select.select((source,), (), (), IDLE_S)[0]:
        try:
            (work, arguments), pieces = read_message(source)
            text = (pieces.tobytes(),) if pieces.nbytes else ()
            write_message(target, outcome_of(work, (*text, *arguments)))
            del work, arguments, pieces, text
        except (EOFError, BrokenPipeError):
            return


if __name__ == "__main__":
    from model_server.rest import json_process  # what is sent names its functions by this module, not by __main__

    json_process.main()
