"""Reads the directory of encoded requests: `NNNNN.body`, optional `NNNNN.expect` beside it, optional `check.json`."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path

from loadgen.errors import LevelError

DEFAULT_TOLERANCE = {"rtol": 1e-5, "atol": 1e-6}


@dataclass(frozen=True)
class Bodies:
    """Encoded request bodies, the replies they must get (None = any), and the tolerance of the comparison."""

    names: list[str]
    requests: list[bytes]
    expected: list[bytes | None]
    rtol: float
    atol: float


def read_bodies(path: Path) -> Bodies:
    """Read one file, or every `*.body` of a directory in name order.

    Raises:
        LevelError: There is nothing to send at `path`, or its `check.json` holds no tolerance.
    """
    files = sorted(path.glob("*.body")) if path.is_dir() else [path]
    if not files or not all(f.is_file() for f in files):
        raise LevelError(
            f"bodies is {str(path)!r}: no such file, or a directory without *.body files; write them first"
        )
    check = path / "check.json" if path.is_dir() else path.with_name("check.json")
    tolerance = _tolerance(check) if check.is_file() else DEFAULT_TOLERANCE
    expected = [f.with_suffix(".expect") for f in files]
    return Bodies(
        names=[f.name for f in files],
        requests=[f.read_bytes() for f in files],
        expected=[e.read_bytes() if e.is_file() else None for e in expected],
        rtol=tolerance["rtol"],
        atol=tolerance["atol"],
    )


def _tolerance(check: Path) -> dict[str, float]:
    """What `check.json` says, and the default of what it leaves out. Other names in it are left alone."""
    try:
        given = json.loads(check.read_text())
        if not isinstance(given, dict):
            raise TypeError(f"a {type(given).__name__}")
        read = {name: float(given.get(name, usual)) for name, usual in DEFAULT_TOLERANCE.items()}
        if beyond := [f"{name} is {value}" for name, value in read.items() if not 0 <= value < math.inf]:
            raise ValueError(", ".join(beyond))
    except (OSError, ValueError, TypeError, OverflowError, RecursionError) as wrong:
        raise LevelError(
            f"{str(check)!r} holds no tolerance ({wrong}); write numbers of at least 0, such as "
            f"{json.dumps(DEFAULT_TOLERANCE)}, or remove it"
        ) from wrong
    return read
