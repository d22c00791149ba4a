"""What requests of a load are like to the server: which queue each waits in, and what running it costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from playbook.tfserving.config import Config
from playbook.tfserving.mix import Mix, Part
from playbook.tune.queues import BatchQueues, SizedQueues
from playbook.tune.request_path import Kind, RequestPath, batch_costs, padded_rows

LEAST, LIKE = 0.02, 0.1  # of a usual row's cost: with less the fixed part is doubted; what is not told apart
CHEAP = 0.05  # of one row's call: where a row costs less, lengths are told by the whole call


def kinds_of(mix: Mix, curve: Mapping[str, Any]) -> tuple[Kind, ...]:
    """The kinds of requests of a mix, with what a row of each length costs; () where all are alike.

    Args:
        mix: What is sent.
        curve: `batch_curve` of export.json; its `shapes` are the lengths of each signature, timed.
    """
    kinds = []
    for part in mix.parts:
        queue = mix.signatures.index(part.signature)
        for share, stretch, factor in _lengths(part, curve):
            kinds.append(Kind(part.weight * share, part.rows, stretch, queue, factor))
    same = all(abs(kind.stretch - 1) < LIKE and abs(kind.factor - 1) < LIKE for kind in kinds)
    return () if same and len({(kind.rows, kind.queue) for kind in kinds}) == 1 else tuple(kinds)


def _lengths(part: Part, curve: Mapping[str, Any]) -> list[tuple[float, float, float]]:
    """Shares of the lengths of a part, and what a row of each costs beside a usual one: `stretch`, `factor`."""
    measured = [one for one in curve.get("shapes") or [] if one["signature"] == curve.get("signature")]
    own = not part.signature or part.signature == curve.get("signature")
    timed = measured if own else [one for one in curve.get("shapes") or [] if one["signature"] == part.signature]
    if not timed or (own and len(timed) == 1):
        return [(1.0, 1.0, 1.0)]
    fixed, row = max(0.0, curve["fit"]["a_ms"]), curve["fit"]["b_ms"]
    stretches = [(one["of_usual"] * (fixed + row) - fixed) / row if row > 0 else 0.0 for one in timed]
    if own and row > CHEAP * (fixed + row) and min(stretches) > LEAST:
        return [(one["share"], stretch, 1.0) for one, stretch in zip(timed, stretches, strict=True)]
    return [(one["share"], 1.0, one["of_usual"]) for one in timed]


class Alike:
    """Requests of one kind, over as many signatures as there are shares.

    Args:
        path: Costs of the server.
        config: Its configuration.
        total: Requests.
        shares: Of the signatures.
        rng: Draws the signature of each.
    """

    def __init__(
        self, path: RequestPath, config: Config, total: int, shares: Sequence[float], rng: np.random.Generator
    ) -> None:
        tasks = max(1, int(config.effective("max_batch_size") // path.rows)) if config.enable_batching else 1
        waits_ms = config.batch_timeout_micros / 1000.0
        self.queues = BatchQueues(len(shares), tasks, config.effective("max_enqueued_batches"), waits_ms)
        self._cost = batch_costs(path, config, tasks)
        self.longest_ms = self._cost[1]  # of a request alone
        several = len(shares) > 1
        self._pick = rng.choice(len(shares), total, p=np.array(shares) / sum(shares)).tolist() if several else None

    def queue_of(self, request: int) -> int:
        """The queue in which a request waits."""
        return self._pick[request] if self._pick else 0

    def alone_ms(self, request: int) -> float:
        """Core time of a request that is run by itself."""
        return self._cost[1]

    def batch_ms(self, requests: Sequence[int]) -> float:
        """Core time of a batch of these requests, filler rows included."""
        return self._cost[len(requests)]


class Mixture:
    """Requests of several kinds, or large ones that are split.

    In a batch, rows of different lengths are padded to the longest: each costs what that one does.

    Args:
        path: Costs of the server, and the kinds.
        config: Its configuration.
        total: Requests.
        shares: Of the signatures, where the path has no kinds.
        rng: Draws the kind of each.
    """

    def __init__(
        self, path: RequestPath, config: Config, total: int, shares: Sequence[float], rng: np.random.Generator
    ) -> None:
        kinds = path.mix or tuple(Kind(share, int(path.rows), 1.0, number) for number, share in enumerate(shares))
        weights = np.array([kind.share for kind in kinds])
        self._kinds = [kinds[number] for number in rng.choice(len(kinds), total, p=weights / weights.sum())]
        self._path, self._config = path, config
        splits = config.enable_batching and config.enable_large_batch_splitting
        self.queues = SizedQueues(
            1 + max(kind.queue for kind in kinds),
            [kind.rows for kind in self._kinds],
            config.effective("max_execution_batch_size"),
            config.effective("max_enqueued_batches"),
            config.batch_timeout_micros / 1000.0,
            splits,
        )
        self.longest_ms = max(self._alone_ms(kind) for kind in kinds)

    def queue_of(self, request: int) -> int:
        """The queue in which a request waits."""
        return self._kinds[request].queue

    def alone_ms(self, request: int) -> float:
        """Core time of a request that is run by itself."""
        return self._alone_ms(self._kinds[request])

    def batch_ms(self, requests: Sequence[int]) -> float:
        """Core time of the batch that was taken last, filler rows and padding included."""
        kinds = [self._kinds[request] for request in requests]
        rows = padded_rows(self._config, self.queues.rows) * max(kind.stretch for kind in kinds)
        return self._path.run_ms(rows, False) * max(kind.factor for kind in kinds) + self._path.batch_fixed_ms

    def _alone_ms(self, kind: Kind) -> float:
        return self._path.run_ms(kind.rows * kind.stretch, False) * kind.factor
