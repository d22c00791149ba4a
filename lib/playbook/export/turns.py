"""Forms of a model timed in turns: whatever else the machine does meets all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from playbook.export import curve
from playbook.export.budget import ROUNDS
from playbook.export.curve import Runner

Form = tuple[Runner, dict[str, Any]]  # what answers a batch, and its row


def take(
    forms: Sequence[Form],
    rows: Mapping[str, np.ndarray],
    sizes: Sequence[int],
    budget_s: float,
    progressed: Callable[[int], None] = lambda done: None,
) -> None:
    """Write the latencies into the rows: `round_ms` by round, `latency_ms` their median.

    Args:
        forms: What takes turns.
        rows: Rows of the model's inputs.
        sizes: Rows a batch.
        budget_s: Seconds for all of it; each form is run once a round and size at least.
        progressed: Told the rounds that are over.
    """
    share_s = budget_s / max(1, ROUNDS * len(forms) * len(sizes))
    for number in range(ROUNDS):
        progressed(number)
        for size in map(str, sizes):
            for run, row in forms:
                uncounted = 1 if number == 0 else 0
                took_ms = curve.latency_ms(run, rows, int(size), share_s, uncounted, 1)
                row["round_ms"].setdefault(size, []).append(round(took_ms, 5))
    for _, row in forms:
        row["latency_ms"] = {size: round(float(np.median(each)), 5) for size, each in row["round_ms"].items()}


def beside(form: Form, trained: Form, rows: Mapping[str, np.ndarray], sizes: Sequence[int], budget_s: float) -> None:
    """Time a form in turns with the model as trained, and keep what that took meanwhile as `beside_ms`.

    The model as trained has the rounds that it took beside the first such form.
    """
    (run, row), (run_trained, row_trained) = form, trained
    meanwhile: dict[str, Any] = {"round_ms": {}}
    take([(run_trained, meanwhile), (run, row)], rows, sizes, budget_s)
    row["beside_ms"] = meanwhile["round_ms"]
    if not row_trained["round_ms"]:
        row_trained |= {name: meanwhile[name] for name in ("round_ms", "latency_ms")}
