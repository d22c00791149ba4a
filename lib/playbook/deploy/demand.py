"""A day of demand, second by second: flat, diurnal, a spike, or the user's own CSV."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from playbook.errors import ParameterError

DAY_S = 86_400
_LONGEST_S = 7 * DAY_S
_NIGHT_SHARE = 0.25  # of the peak, in the quietest hour
_SPIKE_AT_S, _SPIKE_S, _SPIKE_RAMP_S, _BEFORE_SPIKE = 12 * 3600, 1800, 30, 0.3


def profile(name: str, peak_rps: float) -> np.ndarray:
    """Requests a second for each second of a day, shape (seconds,).

    Args:
        name: `flat`, `diurnal` (quietest at night, peak in the afternoon), `spike` (0.3 of the peak, then the peak
            within 30 s for half an hour), or the path of a CSV with the columns second and rate.
        peak_rps: The highest rate of the built-in profiles; a CSV gives rates itself.

    Raises:
        ParameterError: no such profile or file, or a CSV that is not two columns of rising seconds and rates.
    """
    second = np.arange(DAY_S)
    if name == "flat":
        return np.full(DAY_S, float(peak_rps))
    if name == "diurnal":
        wave = 0.5 - 0.5 * np.cos(2 * np.pi * (second - 3 * 3600) / DAY_S)
        return peak_rps * (_NIGHT_SHARE + (1 - _NIGHT_SHARE) * wave)
    if name == "spike":
        up = np.clip((second - _SPIKE_AT_S) / _SPIKE_RAMP_S, 0, 1)
        down = np.clip((second - _SPIKE_AT_S - _SPIKE_S) / _SPIKE_RAMP_S, 0, 1)
        return peak_rps * (_BEFORE_SPIKE + (1 - _BEFORE_SPIKE) * (up - down))
    if not Path(name).is_file():
        raise ParameterError(f"No profile {name!r}: it must be flat, diurnal, spike or the path of a CSV file.")
    return _from_csv(Path(name))


def _from_csv(path: Path) -> np.ndarray:
    with path.open(newline="") as file:
        rows = [row for row in csv.reader(file) if row]
    if rows and not _is_number(rows[0][0]):
        rows = rows[1:]
    try:
        seconds, rates = np.array([[float(row[0]), float(row[1])] for row in rows]).T
    except (ValueError, IndexError) as problem:
        raise ParameterError(f"{path} must hold two columns, second and rate a second: {problem}.") from problem
    if not (np.all(np.isfinite(rates)) and np.all(rates >= 0) and np.all(np.diff(seconds) > 0)):
        raise ParameterError(f"{path}: seconds must rise and rates must be 0 or more.")
    length = int(seconds[-1] - seconds[0]) + 1
    if length > _LONGEST_S:
        raise ParameterError(f"{path} spans {length:,} s; a profile may span 7 days at most.")
    return np.interp(np.arange(length) + seconds[0], seconds, rates)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
