"""The requests of a load: which signatures, how many rows, in which shares. Lengths are those of the reference rows.

One fixed shape is the simplest mix. Stress, tune, prove, adapt, the simulator and the load-test Job all take it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from playbook.errors import ParameterError
from playbook.records.batch_curve import request_ms, wire_ms

FEWEST_BODIES, MOST_BODIES = 256, 1024  # different requests of a mix
_KEYS = ("rows", "weight", "signature")


@dataclass(frozen=True)
class Part:
    """Requests of one kind; `signature` "" is the one that export measured."""

    rows: int = 1
    weight: float = 1.0
    signature: str = ""


@dataclass(frozen=True)
class Mix:
    """What users send; the weights of the parts add up to 1."""

    parts: tuple[Part, ...] = (Part(),)

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Mix:
        """The mix of a notebook's `request_mix`; where that is empty, requests of `rows_per_request` rows.

        Raises:
            ParameterError: an entry that is none; says which and what is expected.
        """
        entries, rows = list(settings.get("request_mix") or ()), settings.get("rows_per_request", 1)
        if not entries:
            return cls((Part(rows),))
        if rows not in (None, 1):
            raise ParameterError(f"request_mix and rows_per_request {rows} are both given; the rows stand in the mix.")
        parts = [_part(entry) for entry in entries]
        whole = sum(part.weight for part in parts)
        return cls(tuple(Part(part.rows, round(part.weight / whole, 9), part.signature) for part in parts))

    @property
    def is_plain(self) -> bool:
        """Whether all requests are of one kind."""
        return len(self.parts) == 1

    @property
    def rows_per_request(self) -> int | None:
        """The rows of every request; None where they differ."""
        sizes = {part.rows for part in self.parts}
        return sizes.pop() if len(sizes) == 1 else None

    @property
    def most_rows(self) -> int:
        """The rows of the largest request."""
        return max(part.rows for part in self.parts)

    @property
    def mean_rows(self) -> float:
        """The rows of the mean request."""
        return sum(part.weight * part.rows for part in self.parts)

    @property
    def signatures(self) -> tuple[str, ...]:
        """The signatures that are asked, in order."""
        return tuple(dict.fromkeys(part.signature for part in self.parts))

    def usual_most(self, beyond: float = 0.01) -> int:
        """The rows of the largest request that a p99 sees: no more than `beyond` of all are larger."""
        share = 0.0
        for part in sorted(self.parts, key=lambda one: -one.rows):
            share += part.weight
            if share > beyond:
                return part.rows
        return self.most_rows

    def mean_ms(self, exported: Mapping[str, Any]) -> float | None:
        """What the mean request takes alone on one core by export's batch curve, in milliseconds; None without a curve.

        Args:
            exported: `results` of export.json.
        """
        each = [request_ms(exported, part.rows) for part in self.parts]
        known = [part.weight * ms for part, ms in zip(self.parts, each, strict=True) if ms is not None]
        return sum(known) if len(known) == len(each) else None

    def asked_ms(self, exported: Mapping[str, Any], protocol: str) -> float | None:
        """As `mean_ms`, and about what writing, sending and reading it takes: of a request that no server was asked."""
        run_ms = self.mean_ms(exported)
        return None if run_ms is None else run_ms + wire_ms(exported, self.mean_rows, protocol)

    def counts(self, total: int | None = None) -> list[int]:
        """How many bodies each part gets, one at least, so that all of them in turn are the mix.

        Args:
            total: Bodies in all, about; when left out as many as the rarest part needs, 256 to 1,024.
        """
        rarest = min(part.weight for part in self.parts)
        total = total or min(MOST_BODIES, max(FEWEST_BODIES, math.ceil(1 / rarest)))
        return [max(1, round(part.weight * total)) for part in self.parts]

    def described(self) -> list[dict[str, Any]] | None:
        """As records keep it; null for requests of one kind of the measured signature."""
        if self.is_plain and not self.parts[0].signature:
            return None
        return [{"rows": part.rows, "weight": part.weight, "signature": part.signature} for part in self.parts]

    def words(self) -> str:
        """In words, e.g. `80 % of 1 row, 20 % of 8 rows for 'raw'`."""
        return ", ".join(f"{100 * part.weight:.3g} % of {_rows(part)}" for part in self.parts)


def _rows(part: Part) -> str:
    named = f" for {part.signature!r}" if part.signature else ""
    return f"{part.rows} row{'s' * (part.rows != 1)}{named}"


def _part(entry: Any) -> Part:
    keys: Sequence[Any] = list(entry) if isinstance(entry, Mapping) else []
    if not keys or set(keys) - set(_KEYS):
        raise ParameterError(f"request_mix has the entry {entry!r}; {_EXPECTED}")
    rows, weight, signature = entry.get("rows", 1), entry.get("weight", 1.0), entry.get("signature", "")
    whole = isinstance(rows, int) and not isinstance(rows, bool) and rows >= 1
    share = isinstance(weight, (int, float)) and not isinstance(weight, bool) and math.isfinite(weight) and weight > 0
    if not (whole and share and isinstance(signature, str)):
        raise ParameterError(f"request_mix has the entry {entry!r}; {_EXPECTED}")
    return Part(rows, float(weight), signature)


_EXPECTED = "rows (a whole number from 1), weight (above 0) and signature (a name, or left out) are expected."
