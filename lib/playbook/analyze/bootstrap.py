"""Block bootstrap of a level's latency: requests depend on their neighbours, so whole stretches of time are redrawn.

A level is cut into blocks of time and each block becomes a histogram. A replicate draws blocks with replacement, which
is one matrix product for all replicates, and reads its percentiles from the added histograms.

Source: H. Kuensch, The jackknife and the bootstrap for general stationary observations, Annals of Statistics 17 (1989).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from playbook.records.run_folder import Rows

BLOCKS = 30
BINS = 400
REPLICATES = 300


@dataclass(frozen=True)
class BlockWindow:
    """One stretch of load, cut into blocks: good answers by latency bin, and the seconds of each block."""

    counts: np.ndarray  # blocks x bins
    block_s: float
    edges_ms: np.ndarray  # bins + 1

    def replicates(self, rng: np.random.Generator, number: int = REPLICATES) -> tuple[np.ndarray, np.ndarray]:
        """Histograms (number + 1, bins) and good answers a second; row 0 is the window itself, the others are redrawn.

        Blocks of a short series vary a little less than they should; the draw is widened for it.
        """
        blocks = len(self.counts)
        weights = rng.multinomial(blocks, np.full(blocks, 1 / blocks), size=number).astype(float)
        weights = np.concatenate([np.ones((1, blocks)), 1 + (weights - 1) * np.sqrt(blocks / (blocks - 1))])
        histograms = np.maximum(weights @ self.counts, 0.0)
        return histograms, histograms.sum(axis=1) / (blocks * self.block_s)


def edges(samples: Sequence[Rows]) -> np.ndarray:
    """Bin edges in ms that give every latency of these levels about the same resolution, finer towards the tail."""
    latency = np.concatenate([rows.latency_ms for rows in samples])
    tail = 1 - np.geomspace(1.0, 1e-4, BINS // 2)
    shares = np.unique(np.concatenate([np.linspace(0, 1, BINS // 2 + 1), tail]))
    cuts = np.unique(np.quantile(latency, shares))
    if len(cuts) == 1:
        return cuts[0] * np.array([0.99, 1.01])
    return np.concatenate([cuts[:-1], [cuts[-1] * (1 + 1e-9) + 1e-12]])  # the slowest belongs to the last bin


def cut(rows: Rows, edges_ms: np.ndarray, blocks: int = BLOCKS) -> BlockWindow:
    """A level as blocks of equal time, by when requests were due."""
    due = rows.scheduled_ns[rows.ok]
    start, end = int(due.min()), int(due.max()) + 1
    block = np.minimum((due - start) * blocks // (end - start), blocks - 1)
    place = np.clip(np.searchsorted(edges_ms, rows.latency_ms, "right") - 1, 0, len(edges_ms) - 2)
    flat = np.bincount(block * (len(edges_ms) - 1) + place, minlength=blocks * (len(edges_ms) - 1))
    return BlockWindow(flat.reshape(blocks, -1).astype(float), (end - start) / blocks / 1e9, edges_ms)


def quantile(histograms: np.ndarray, edges_ms: np.ndarray, share: float) -> np.ndarray:
    """The `share` quantile of each histogram, linear inside its bin."""
    total = np.cumsum(histograms, axis=1)
    wanted = share * total[:, -1:]
    place = np.minimum((total < wanted).sum(axis=1), histograms.shape[1] - 1)
    row = np.arange(len(histograms))
    before = np.where(place > 0, total[row, np.maximum(place - 1, 0)], 0.0)
    inside = np.maximum(histograms[row, place], 1e-12)
    part = np.clip((wanted[:, 0] - before) / inside, 0.0, 1.0)
    return edges_ms[place] + part * (edges_ms[place + 1] - edges_ms[place])
