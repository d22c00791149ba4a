"""Batch threads sleep until they are woken or their time has come; no task is lost between the two."""

from __future__ import annotations

import asyncio
import random
import time

import numpy as np
import pytest

from model_server.batching import scheduler as scheduling
from model_server.batching.options import QueueOptions
from model_server.batching.periodic_scheduler import LOOK_EVERY_NS, PeriodicScheduler, _look_ns
from model_server.batching.queue import Batch, Queue, Task
from model_server.batching.scheduler import BatchScheduler, Sleeper


def one_row() -> Task:
    return Task([np.zeros((1, 1))], 1, None, None)


class Ran:
    """A queue that notes when its tasks ran."""

    def __init__(self, takes_s: float = 0.0, **options):
        self._takes_s = takes_s
        self.sizes: list[int] = []
        self.ran_ns: dict[Task, int] = {}
        self.queue = Queue(QueueOptions(max_enqueued_batches=10_000, **options), self.note)

    def note(self, batch: Batch) -> None:
        self.sizes.append(len(batch.tasks))
        self.ran_ns |= dict.fromkeys(batch.tasks, time.monotonic_ns())
        time.sleep(self._takes_s)


async def until(told, timeout_s: float = 10) -> bool:
    """Whether it became true in time."""
    end = time.monotonic() + timeout_s
    while not told() and time.monotonic() < end:
        await asyncio.sleep(0.001)
    return told()


@pytest.mark.parametrize("kind", [BatchScheduler, PeriodicScheduler])
@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("timeout_micros", [0, 300])
def test_each_of_many_tasks_runs_once(threads, timeout_micros, kind):
    async def schedule() -> None:
        scheduler = kind(threads, defer=asyncio.get_running_loop().call_soon)
        queues = [Ran(max_batch_size=size, batch_timeout_micros=timeout_micros) for size in (3, 8)]
        for each in queues:
            scheduler.add_queue(each.queue)
        draw, count = random.Random(threads), 3000
        for _ in range(count):
            scheduler.schedule(draw.choice(queues).queue, one_row())
            if draw.random() < 0.3:
                await asyncio.sleep(draw.choice([0, 0, 0.0003, 0.001]))
        assert await until(lambda: sum(sum(each.sizes) for each in queues) >= count)
        await asyncio.sleep(0.01)
        assert sum(sum(each.sizes) for each in queues) == sum(len(each.ran_ns) for each in queues) == count

    asyncio.run(schedule())


@pytest.mark.parametrize("descriptors", [1024, 0], ids=["select", "poll"])
def test_a_lone_task_waits_for_its_time_out_and_no_other(descriptors, monkeypatch):
    monkeypatch.setattr(scheduling, "_MOST_SELECTED", descriptors)

    async def schedule() -> None:
        scheduler = BatchScheduler(2, defer=asyncio.get_running_loop().call_soon)
        slow = Ran(max_batch_size=8, batch_timeout_micros=3_600_000_000)
        quick = Ran(max_batch_size=8, batch_timeout_micros=20_000)
        scheduler.add_queue(slow.queue)
        scheduler.add_queue(quick.queue)
        scheduler.schedule(slow.queue, one_row())
        await asyncio.sleep(0.01)
        for _ in range(3):
            task = one_row()
            scheduler.schedule(quick.queue, task)
            assert await until(lambda task=task: task in quick.ran_ns)
            assert quick.ran_ns[task] - task.enqueued_ns >= 20_000_000
        assert not slow.ran_ns

    asyncio.run(schedule())


@pytest.mark.parametrize("slow_timeout_micros", [0, 10_000], ids=["woken for it", "by its own clock"])
@pytest.mark.parametrize("waits", [True, False], ids=["whose time comes", "that is ready"])
def test_while_one_thread_runs_a_slow_batch_the_other_runs_one(slow_timeout_micros, waits):
    async def schedule() -> None:
        scheduler = BatchScheduler(2, defer=asyncio.get_running_loop().call_soon)
        slow = Ran(takes_s=0.5, max_batch_size=8, batch_timeout_micros=slow_timeout_micros)
        other = Ran(max_batch_size=8, batch_timeout_micros=30_000 if waits else 0)
        scheduler.add_queue(slow.queue)
        scheduler.add_queue(other.queue)
        await asyncio.sleep(0.05)  # both threads sleep
        first, second = one_row(), one_row()
        if waits:
            scheduler.schedule(other.queue, second)
            await asyncio.sleep(0.01)  # one of them until it is due: the one that is woken first
        scheduler.schedule(slow.queue, first)
        assert await until(lambda: first in slow.ran_ns)
        if not waits:
            scheduler.schedule(other.queue, second)
        assert await until(lambda: second in other.ran_ns)
        assert other.ran_ns[second] < slow.ran_ns[first] + 400_000_000

    asyncio.run(schedule())


def test_who_is_woken_before_he_sleeps_does_not_sleep():
    sleeper = Sleeper()
    sleeper.wake()
    sleeper.sleep(None)
    started = time.monotonic()
    sleeper.sleep(0.05)
    assert time.monotonic() - started >= 0.05, "one call ends one sleep"


def test_a_look_is_the_first_of_those_every_millisecond_that_sees_the_batch():
    sleeper = Sleeper()
    sleeper.since_ns = 1_000
    assert _look_ns(sleeper, 0) == _look_ns(sleeper, 1_001) == 1_000 + LOOK_EVERY_NS
    assert _look_ns(sleeper, 1_000 + LOOK_EVERY_NS) == 1_000 + LOOK_EVERY_NS
    assert _look_ns(sleeper, 1_001 + LOOK_EVERY_NS) == 1_000 + 2 * LOOK_EVERY_NS


def test_a_periodic_thread_runs_a_full_batch_when_it_is_notified_and_a_late_one_at_its_look():
    async def schedule() -> None:
        scheduler = PeriodicScheduler(1)
        late = Ran(max_batch_size=2, batch_timeout_micros=3_000)
        scheduler.add_queue(late.queue)
        await asyncio.sleep(0.005)
        began_ns = {}
        for _ in range(20):
            task = one_row()
            began_ns[task] = time.monotonic_ns()
            scheduler.schedule(late.queue, task)
            assert await until(lambda task=task: task in late.ran_ns)
        assert all(late.ran_ns[task] - began_ns[task] >= 3_000_000 for task in began_ns)
        scheduler.schedule(late.queue, one_row())
        scheduler.schedule(late.queue, one_row())
        assert await until(lambda: late.sizes[-1] == 2)

    asyncio.run(schedule())


def test_an_idle_periodic_thread_finds_what_is_left_behind_a_batch_by_itself():
    async def schedule() -> None:
        scheduler = PeriodicScheduler(2)
        slow = Ran(takes_s=0.3, max_batch_size=1)
        scheduler.add_queue(slow.queue)
        for _ in range(4):
            scheduler.schedule(slow.queue, one_row())
        started = time.monotonic()
        assert await until(lambda: len(slow.sizes) == 4)
        assert time.monotonic() - started < 0.85  # both threads ran: one alone begins the fourth after 0.9 s

    asyncio.run(schedule())
