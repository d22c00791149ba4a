"""Requests of several sizes and lengths in the simulator: batches form as the server's own queue forms them."""

from dataclasses import replace

import numpy as np
import pytest

from model_server.batching.options import QueueOptions
from model_server.batching.queue import Queue, Task
from model_server.errors import ServingError
from playbook.tfserving.config import Config
from playbook.tune.queues import SizedQueues
from playbook.tune.request_path import Kind, RequestPath
from playbook.tune.simulate import poisson, simulate

PER_ROW = RequestPath(0.0, 1.0, 1e-6, 1e-6, wire_ms=0.0, spread=0.0, slice_ms=1000.0)
BATCHED = Config(enable_batching=True, max_batch_size=32, rest_api_num_threads=200, max_enqueued_batches=1000)


def of_the_server(sizes, limit: int, batches: int, largest: int | None) -> tuple[list, list[int]]:
    """Rows of each batch, and which requests the embedded server's queue refused."""
    split = None if largest is None else (lambda task, pieces: [Task([], n, task.ticket, None) for n in pieces])
    options = QueueOptions(
        max_batch_size=largest or limit,
        max_enqueued_batches=batches,
        enable_large_batch_splitting=largest is not None,
        max_execution_batch_size=limit,
    )
    queue, refused, taken = Queue(options, lambda batch: None, split), [], []
    for number, size in enumerate(sizes):
        try:
            queue.add(Task([], size, number, None))
        except ServingError:
            refused.append(number)
        if number % 3 == 2 and queue.due_ns() == 0:
            taken.append(queue.take().size)
    while queue.due_ns() == 0:
        taken.append(queue.take().size)
    return taken, refused


@pytest.mark.parametrize("largest", [None, 50], ids=["whole", "split"])
@pytest.mark.parametrize("batches", [4, 1000])
def test_batches_of_mixed_sizes_form_as_in_the_servers_own_queue(batches: int, largest: int | None) -> None:
    sizes = np.random.default_rng(5).choice([1, 3, 8, 14, *([33, 50] if largest else [])], 400).tolist()
    queues = SizedQueues(1, sizes, 16, batches, 0.0, largest is not None)
    refused, taken = [], []
    for number in range(len(sizes)):
        refused += [] if queues.add(number, 0, 0.0) else [number]
        if number % 3 == 2 and queues.take(0.0):
            taken.append(queues.rows)
    while queues.take(0.0):
        taken.append(queues.rows)
    assert (taken, refused) == of_the_server(sizes, 16, batches, largest)
    assert bool(refused) == (batches == 4)
    assert queues.waiting == 0


def test_a_split_request_is_answered_when_its_last_piece_has_run() -> None:
    queues = SizedQueues(1, [20, 4], 8, 10, 0.0, True)
    assert queues.add(0, 0, 0.0)
    assert queues.add(1, 0, 0.0)
    batches = [queues.take(0.0) for _ in range(3)]
    assert [queues.finished(batch) for batch in batches] == [[], [], [0, 1]]


def test_a_mix_costs_what_its_rows_cost_and_a_padded_batch_what_its_longest_row_does() -> None:
    mixed = replace(PER_ROW, rows=2.5, kinds=(Kind(0.5, 1), Kind(0.5, 4)))
    alone = simulate(mixed, Config(), np.arange(2000) * 100.0).latency_ms
    assert set(np.round(alone).tolist()) == {1.0, 4.0}
    assert alone.mean() == pytest.approx(2.5, rel=0.05)
    lengths = replace(PER_ROW, kinds=[[0.5, 1, 1.0, 0], [0.5, 1, 3.0, 0]])  # as a record holds them
    assert lengths.work_rows == 2.0
    pairs = np.repeat(np.arange(1000) * 100.0, 2)
    waiting = replace(BATCHED, batch_timeout_micros=2000, max_batch_size=2)
    costs = np.round(simulate(lengths, waiting, pairs, drop=0.0).latency_ms).tolist()
    assert set(costs) == {2.0, 6.0}  # two short rows; or two of which one is long
    assert costs.count(6.0) == pytest.approx(0.75 * len(costs), rel=0.1)


def test_signatures_of_a_mix_do_not_share_batches() -> None:
    one = replace(PER_ROW, run_fixed_ms=5.0, kinds=(Kind(0.5, 1), Kind(0.5, 1)))
    two = replace(one, kinds=(Kind(0.5, 1), Kind(0.5, 1, 1.0, 1)))
    batches = [simulate(path, BATCHED, concurrency=32, requests=4000).mean_batch_rows for path in (one, two)]
    assert batches[0] > 1.5 * batches[1]


def test_splitting_lets_a_request_be_larger_than_a_batch() -> None:
    large = replace(PER_ROW, rows=64)
    with pytest.raises(ValueError, match="64 rows is larger"):
        simulate(large, BATCHED, concurrency=1)
    split = replace(BATCHED, max_batch_size=64, enable_large_batch_splitting=True, max_execution_batch_size=16)
    seen = simulate(large, split, poisson(5, 300))
    assert seen.percentile(1) == pytest.approx(64.0, rel=0.01)
    assert seen.mean_batch_rows == pytest.approx(16.0, rel=0.05)
