"""What requests of a load are like to the server: which queue each waits in, and what running it costs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from playbook.tfserving.config import Config
from playbook.tune.queues import BatchQueues, SizedQueues
from playbook.tune.request_path import Kind, RequestPath, batch_costs, padded_rows


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
        stretch = max(self._kinds[request].stretch for request in requests)
        return self._path.run_ms(padded_rows(self._config, self.queues.rows) * stretch, True)

    def _alone_ms(self, kind: Kind) -> float:
        return self._path.run_ms(kind.rows * kind.stretch, False)
