"""How fast the embedded server reads and writes a request's numbers, with and without what is compiled."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from server_setting import CLIENT_CORE, Load, Row, in_turns, one_row

from model_server.json import fast, floats

_FLOAT32 = 1
_BODIES = 64


def bench_numbers(folder: Path, models: Path) -> list[Row]:
    """Bodies of 784 numbers read, compiled over simdjson; 60 answers of 10 numbers written, compiled over printf."""
    if fast.float_reader is None:
        return [Row("reading and writing numbers", "float_reader and float_writer are not built: no C compiler")]
    made = np.random.default_rng(7)
    kinds = {
        "of four decimals": [one_row()] * _BODIES,
        "of float32 through tolist()": made.random((_BODIES, 784), np.float32).tolist(),
    }
    answers = made.dirichlet(np.ones(10), 60).astype(np.float32)
    with _on_one_core():
        rows = [_reading(kind, values) for kind, values in kinds.items()]
        return [*rows, _writing(answers)]


def _reading(kind: str, values: Sequence[Sequence[float]]) -> Row:
    bodies = [json.dumps({"instances": [row]}).encode() for row in values]
    loads = _both(fast, "float_reader", lambda: [fast.read(body, _FLOAT32) for body in bodies], len(bodies))
    return _row(f"reading 784 numbers {kind}", "simdjson", loads)


def _writing(answers: np.ndarray) -> Row:
    loads = _both(floats, "float_writer", lambda: floats.number_rows(answers), len(answers))
    return _row("writing 10 numbers of float32", "printf", loads)


def _row(figure: str, peer: str, loads: dict[str, Load]) -> Row:
    compiled, plain = loads["compiled"], loads["plain"]
    times = [f"{1e6 / load.rate_rps:.2f} us" for load in (compiled, plain)]
    return Row(figure, times[0], f"{peer}: {times[1]}", compiled.over(plain))


def _both(module: object, name: str, work: Callable[[], object], count: int) -> dict[str, Load]:
    """Rates with what is compiled and without it, in turns."""
    compiled = getattr(module, name)

    def window(used: object) -> Load:
        setattr(module, name, used)
        done, started = 0, time.perf_counter()
        while time.perf_counter() - started < 0.2:
            work()
            done += count
        return Load((done / (time.perf_counter() - started),))

    try:
        return in_turns({"compiled": lambda: window(compiled), "plain": lambda: window(None)})
    finally:
        setattr(module, name, compiled)


@contextlib.contextmanager
def _on_one_core() -> Iterator[None]:
    """Keep this process on the client's core for a while."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {int(CLIENT_CORE)} & before or before)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
