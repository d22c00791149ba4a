"""Results that repeat: floats at so many digits, and where two results say something else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

SAME = 1e-6  # relative difference below which two floats are the same


def rounded(value: Any, digits: int = 6) -> Any:
    """The same value with every float at so many significant digits, so that a record reads well and repeats."""
    if isinstance(value, Mapping):
        return {key: rounded(item, digits) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [rounded(item, digits) for item in value]
    if isinstance(value, (float, np.floating)):
        return float(f"{value:.{digits}g}")
    return value


def differences(kept: Any, now: Any, path: str = "results") -> list[str]:
    """Where two results differ, in words; floats may differ by a millionth."""
    if isinstance(kept, dict) and isinstance(now, dict):
        names = sorted({*kept, *now})
        return [text for name in names for text in differences(kept.get(name), now.get(name), f"{path}.{name}")]
    if isinstance(kept, list) and isinstance(now, list) and len(kept) == len(now):
        pairs = enumerate(zip(kept, now, strict=True))
        return [text for place, (a, b) in pairs for text in differences(a, b, f"{path}[{place}]")]
    if isinstance(kept, float) and isinstance(now, (int, float)):
        return [] if abs(kept - now) <= SAME * max(abs(kept), abs(now)) else [f"{path} was {kept:g}, is {now:g}"]
    return [] if kept == now else [f"{path} was {kept!r}, is {now!r}"]
