"""Forms of a model timed in turns: whatever else the machine does meets all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from playbook.export import curve
from playbook.export.budget import ROUNDS
from playbook.export.curve import Runner

BEFORE = (ROUNDS + 1) // 2  # rounds of the model as trained before those of a form; the others come after
Form = tuple[Runner, dict[str, Any]]  # what answers a batch, and its row


def take(
    forms: Sequence[Form],
    rows: Mapping[str, np.ndarray],
    sizes: Sequence[int],
    budget_s: float,
    progressed: Callable[[int], None] = lambda done: None,
    rounds: int = ROUNDS,
) -> None:
    """Write the latencies into the rows: `round_ms` by round, `latency_ms` their median.

    Args:
        forms: What takes turns.
        rows: Rows of the model's inputs.
        sizes: Rows a batch.
        budget_s: Seconds for all of it; each form is run once a round and size at least.
        progressed: Told the rounds that are over.
        rounds: How many.
    """
    share_s = budget_s / max(1, rounds * len(forms) * len(sizes))
    for number in range(rounds):
        progressed(number)
        for size in map(str, sizes):
            for run, row in forms:
                uncounted = 1 if number == 0 else 0
                took_ms = curve.latency_ms(run, rows, int(size), share_s, uncounted, 1)
                row["round_ms"].setdefault(size, []).append(round(took_ms, 5))
    for _, row in forms:
        row["latency_ms"] = {size: round(float(np.median(each)), 5) for size, each in row["round_ms"].items()}


class Beside:
    """A form of a large model timed between two parts of the model as trained, one of them open at a time.

    TensorFlow's allocator gives nothing back, so that two open at once would stay the memory of this process. What the
    trained one took meanwhile is kept as the form's `beside_ms`, a round for each of its own; the model as trained has
    the rounds that it took beside the first such form.
    """

    def __init__(self, rows: Mapping[str, np.ndarray], sizes: Sequence[int], budget_s: float) -> None:
        self._rows, self._sizes, self._budget_s = rows, sizes, budget_s / 2
        self._trained: dict[str, Any] = {"round_ms": {}}

    def trained(self, run: Runner, rounds: int) -> None:
        """Some of the rounds of the model as trained: first `BEFORE`, and after the form the others."""
        take([(run, self._trained)], self._rows, self._sizes, self._budget_s * rounds / ROUNDS, rounds=rounds)

    def form(self, form: Form) -> None:
        """The rounds of the form."""
        take([form], self._rows, self._sizes, self._budget_s)

    def keep(self, row: dict[str, Any], trained: dict[str, Any]) -> None:
        """Write what was seen beside the form into both rows."""
        row["beside_ms"] = self._trained["round_ms"]
        if not trained["round_ms"]:
            trained |= {name: self._trained[name] for name in ("round_ms", "latency_ms")}
