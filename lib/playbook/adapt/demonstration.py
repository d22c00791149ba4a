"""Load that moves, against fixed configurations and against policies: who keeps the promise for more seconds?"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import loadgen
from loadgen.profiles import Profile
from playbook import progress, stopwatch
from playbook.adapt import earlier
from playbook.adapt.controller import Adapted, Pace, Target, adapt
from playbook.adapt.governor import Governor
from playbook.adapt.seconds import by_second
from playbook.drawing.moving import SECONDS
from playbook.errors import LoadFailed, PlaybookError
from playbook.monitor import beside
from playbook.promise import Promise
from playbook.records import record
from playbook.serve import client
from playbook.serve.alive import check_unmeasured
from playbook.serve.cores import step_aside
from playbook.serve.spec import ServerSpec
from playbook.stress.load import Load
from playbook.stress.stress import level_of
from playbook.tfserving.config import Config
from playbook.tune.workbench import RunningServer, Workbench, check_answered

#: Shares of the time, and of the highest rate, of the four parts: low, ramp, spike, low.
SHAPE = ((0.0, 0.15), (0.25, 0.15), (0.5, 0.7), (0.5, 0.95), (0.7, 0.95), (0.7, 0.15), (1.0, 0.15))

PROBE_CLIENTS = 32
FEWEST_CLIENTS = 2
WAITED = 0.3  # of a request's time-out: a busy machine makes a round longer
LONGEST_PROBE_S = 15.0


@dataclass(frozen=True)
class Choice:
    """One way to run the server while load moves: a fixed configuration, or a policy that starts from one."""

    name: str
    config: Config
    governor: Callable[[], Governor] | None = None


@dataclass(frozen=True)
class Demonstration:
    """Who plays what: the server, the choices, the load and the limit."""

    run_dir: Path
    spec: ServerSpec
    load: Load
    promise: Promise
    pace: Pace
    choices: Sequence[Choice]
    highest_rps: float  # 0: 95 % of what a closed loop on the high-throughput choice shows
    request_ms: float = 1.0  # of one request alone: as stress timed it, else by export's batch curve
    skipped: str = ""  # why nothing is held
    notes: Sequence[str] = ()  # what was left out of it, and why

    @property
    def moving_s(self) -> float:
        """Length of the moving load."""
        return self.pace.for_s or 0.0


@dataclass
class ChoiceRun:
    """How a choice did: one row a second, and what it changed."""

    choice: Choice
    seconds: pd.DataFrame  # as `by_second` makes it
    adapted: Adapted | None
    summary: Mapping[str, Any]
    began_ns: int  # CLOCK_MONOTONIC of the first request

    @property
    def kept_s(self) -> int:
        """Seconds that kept the promise, as `by_second` judges them."""
        return int(self.seconds["kept"].sum())


def moving_load(highest_rps: float, duration_s: float, path: Path) -> Path:
    """Write the rate profile: low, ramp, spike, low, as shares of `highest_rps`; returns the trace file."""
    shares = np.array(SHAPE)
    return Profile(shares[:, 0] * duration_s, shares[:, 1] * highest_rps).write(path)


def perform(
    bench: Workbench, choice: Choice, trace: Path, prepared: Demonstration, on_progress: Callable[[dict], None]
) -> ChoiceRun:
    """Hold the moving load on one choice, on the live server.

    Args:
        bench: Its server is switched to the choice's configuration first.
        choice: A fixed configuration or a policy.
        trace: The rate profile.
        prepared: The promise, how often a policy looks, and where the requests and the change journal go.
        on_progress: Told about twice a second what the load shows.

    Raises:
        ServerDied: The server ended under the load, or hangs.
        LoadFailed: It refused connections, or nothing could be measured.
    """
    pace, out_dir = prepared.pace, prepared.run_dir
    server = bench.bring("trial", choice.config)
    load = replace(bench.load, duration_s=prepared.moving_s, ramp_up_s=0.0)
    level = level_of(server.handle, load, bench.bodies(load.protocol), arrival="trace", trace=str(trace))
    folder, latest = _folder(prepared, choice), dict[str, Any]()

    def tell(so_far: dict[str, Any]) -> None:
        latest.update(so_far)
        on_progress(so_far)

    with (
        beside.others(beside.ours(server.handle.container_id)) as others_cores,
        _controlled(server, choice, pace, out_dir, lambda: latest.get("p99_ms"), load.client_cpus) as controlled,
    ):
        summary = _held(server, choice, level, folder, tell)
    summary["others_cores"] = round(others_cores[0], 2)
    adapted = controlled.result() if controlled else None
    server.config = adapted.config if adapted else choice.config
    stopwatch.add(prepared.moving_s)
    seconds = by_second(folder / "requests.parquet", prepared.promise)
    return ChoiceRun(choice, seconds, adapted, summary, int(seconds["began_ns"].min()))


def _held(
    server: RunningServer, choice: Choice, level: loadgen.Level, folder: Path, on_progress: Any
) -> dict[str, Any]:
    """The summary of the level; a server that did not outlive it, or did not answer it, is no result."""
    try:
        summary = loadgen.hold(level, folder, on_progress, is_alive=client.asker(server.handle))
    except loadgen.LoadgenError as error:
        check_unmeasured(server.handle)
        raise LoadFailed(f"{choice.name} could not be measured: {error}") from error
    check_answered(server.handle, summary, choice.name)
    return summary


@contextmanager
def _controlled(
    server: RunningServer,
    choice: Choice,
    pace: Pace,
    out_dir: Path,
    client_p99_ms: Callable[[], float | None],
    cpus: tuple[int, ...],
) -> Iterator[Future | None]:
    """Let the choice's policy control the server while the block lasts, in a thread that leaves it its cores."""
    if choice.governor is None:
        yield None
        return
    stop, target = threading.Event(), Target(server.handle, server.base_path)
    pool = ThreadPoolExecutor(1, "adapt", step_aside, (cpus,))
    control = partial(adapt, stop=stop, client_p99_ms=client_p99_ms)
    try:
        yield pool.submit(control, target, choice.governor(), choice.config, pace, out_dir)
    except BaseException:
        stop.set()
        pool.shutdown(wait=False)  # it may wait for an answer of the very server that hangs
        raise
    pool.shutdown()


def play(prepared: Demonstration) -> list[ChoiceRun]:
    """Hold the same load on every choice, one after the other, on one live server.

    Raises:
        ServerDied: The server ended under the load, or hangs. What was held before stays in the run folder.
        LoadFailed: It refused connections, or nothing could be measured.
        VersionChanged: The model's folder holds another version than export wrote.
    """
    if prepared.skipped:
        return []
    choices, runs = prepared.choices, []
    with (
        progress.live("adapt", len(choices) * prepared.moving_s) as bar,
        Workbench(prepared.spec, prepared.run_dir, prepared.load) as bench,
    ):
        before = earlier.read(prepared.run_dir, earlier.key_of(prepared))
        highest_rps = before.highest_rps or prepared.highest_rps or 0.95 * _probe(bench, prepared)
        trace = moving_load(before.note_rate(highest_rps), prepared.moving_s, bench.folder / "moving.csv")
        try:
            for number, choice in enumerate(choices):
                if kept := before.played.get(choice.name):
                    runs.append(_again(choice, kept, prepared))
                    continue
                tell = partial(_tell, bar, number * prepared.moving_s, choice.name)
                runs.append(perform(bench, choice, trace, prepared, tell))
                before.add(choice.name, _folder(prepared, choice), runs[-1].summary, earlier.plain_of(runs[-1].adapted))
        except PlaybookError:
            keep_seconds(prepared.run_dir, runs)
            raise
    return runs


def _folder(prepared: Demonstration, choice: Choice) -> Path:
    """Where the requests of a choice go."""
    plain = "".join(letter if letter.isalnum() else "-" for letter in choice.name)
    return record.data_dir(prepared.run_dir) / "requests" / f"adapt_{plain}"


def _again(choice: Choice, kept: Mapping[str, Any], prepared: Demonstration) -> ChoiceRun:
    """How a choice did that an earlier attempt played, from its rows."""
    seconds = by_second(_folder(prepared, choice) / "requests.parquet", prepared.promise)
    adapted = earlier.adapted_of(kept["adapted"])
    return ChoiceRun(choice, seconds, adapted, kept["summary"], int(seconds["began_ns"].min()))


def _tell(bar: Any, before_s: float, name: str, so_far: Mapping[str, Any]) -> None:
    failed = f", {so_far['errors']} failed" if so_far.get("errors") else ""
    progress.seen(so_far)
    bar.update(before_s + so_far["elapsed_s"], f"{name}: {so_far['rate_rps']:,.0f}/s{failed}")


def _probe(bench: Workbench, prepared: Demonstration) -> float:
    """What the server carries in a closed loop, in requests/s, with the last fixed choice: three rounds, 15 s at most.

    Raises:
        LoadFailed: No request was answered.
    """
    fixed = [c.config for c in prepared.choices if c.governor is None][-1]
    row = bench.hold(
        bench.bring("trial", fixed), **probe_times(prepared), arrival="closed", concurrency=_probe_clients(prepared)
    )
    if not row["throughput_rps"]:
        kinds = ", ".join(f"{count} {kind}" for kind, count in row["errors_by_kind"].items())
        raise LoadFailed(f"No request was answered with {fixed.words()} ({kinds or 'none came back'}).")
    return row["throughput_rps"]


def _probe_clients(prepared: Demonstration) -> int:
    """As many as are answered well inside the time-out, when the server takes one request after the other."""
    fits = int(WAITED * prepared.load.timeout_s * 1000 / prepared.request_ms)
    return max(FEWEST_CLIENTS, min(PROBE_CLIENTS, fits))


def probe_times(prepared: Demonstration) -> dict[str, float]:
    """Window and ramp-up of the probe, in seconds."""
    round_s = _probe_clients(prepared) * prepared.request_ms / 1000
    return {"duration_s": max(1.0, min(3 * round_s, LONGEST_PROBE_S)), "ramp_up_s": max(0.2, min(round_s, 5.0))}


def keep_seconds(run_dir: Path, played: Sequence[ChoiceRun]) -> None:
    """Write `data/adapt_seconds.parquet`: one row a second and choice; nothing where nothing was held."""
    if not played:
        return
    frames = [p.seconds.assign(contender=p.choice.name) for p in played]
    record.write_parquet(record.data_dir(run_dir) / SECONDS, pd.concat(frames, ignore_index=True))
