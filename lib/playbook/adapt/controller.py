"""Adapt: change the batching parameters of a running server as load moves, by publishing versions, and take back
what did not help.

A server reads `batching_params.pbtxt` when it loads a version. So the server runs with
`--enable_batching --enable_per_model_batching_parameters`, and every change is a new version directory.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import requests

from playbook.adapt.governor import Decision, Governor
from playbook.errors import MonitorError, PlaybookError, ServerDied
from playbook.knobs import METRICS_PATH
from playbook.monitor.sensor import Sensor, SensorWindow, between
from playbook.records import journal, names, secrets
from playbook.serve import client
from playbook.serve.alive import living_versions
from playbook.serve.handle import Handle
from playbook.tfserving.config import Config
from playbook.tfserving.versions import batching_of as batching_in
from playbook.tfserving.versions import prune, switch
from playbook.tune.configured import batching_of

OVER = "were over"  # how a controller ends that was given a time
STOPPED = "a stop was asked for"
GONE_AFTER = 3  # windows in a row without an answer


@dataclass(frozen=True)
class Target:
    """The server that is adapted and the base path it polls, as this machine sees it."""

    handle: Handle
    base_path: Path


@dataclass(frozen=True)
class Pace:
    """How often to look, for how long, and how many versions to keep."""

    every_s: float = 5.0
    for_s: float | None = None  # None: until stopped
    keep: int = 3
    dry_run: bool = False
    switch_timeout_s: float = 60.0


@dataclass
class Adapted:
    """What was seen and done. `windows` are rows with the configuration each was seen in."""

    config: Config
    windows: list[dict[str, Any]] = field(default_factory=list)
    changes: list[dict[str, Any]] = field(default_factory=list)
    switch_s: list[float] = field(default_factory=list)
    ended: str = ""

    @property
    def to_the_end(self) -> bool:
        """Whether it went on for as long as it was to: else the server, or a change, has failed."""
        return self.ended == STOPPED or self.ended.endswith(OVER)


def attach(url: str, base_path: Path, model_name: str, metrics_url: str = "") -> Target:
    """A server that runs elsewhere, by its REST address and the base path it polls.

    Raises:
        ParameterError: a name or an address that is none.
        ServerNotReady: no version is AVAILABLE there.
    """
    names.check_all({"model_name": model_name, "rest_url": url, "metrics_url": metrics_url})
    rest_url = secrets.take(url).rstrip("/")
    page = secrets.take(metrics_url) or rest_url + METRICS_PATH
    handle = Handle("attach", model_name, str(base_path), rest_url, "", page, [], [])
    client.wait_available(handle, 10.0)
    return Target(handle, Path(base_path))


def present(target: Target, threads: Config) -> Config:
    """The configuration the server is in: its AVAILABLE version's batching file, over the thread flags given."""
    version = client.available_version(target.handle)
    batching = None if version is None else batching_in(target.base_path, version)
    if batching is None:
        return replace(threads, enable_batching=False).tidy()
    values = {name: value for name, value in asdict(batching).items() if value and name in asdict(threads)}
    return replace(threads, enable_batching=True, **values)


def adapt(
    target: Target,
    governor: Governor,
    config: Config,
    pace: Pace,
    run_dir: Path,
    stop: threading.Event | None = None,
    on_window: Callable[[dict[str, Any]], None] | None = None,
    client_p99_ms: Callable[[], float | None] | None = None,
) -> Adapted:
    """Look, decide, change, verify, until the time is over or a stop is asked for.

    It ends safely, leaving the last configuration that loaded, when the server is gone for some windows, when a
    version fails to load, when the base path is read-only, and when `stop` is set.

    Args:
        target: Server and base path.
        governor: Decides.
        config: What the server is in.
        pace: How often, how long.
        run_dir: Where the change journal goes.
        stop: Set by another thread or a signal to end after the present step.
        on_window: Told each window's row.
        client_p99_ms: The p99 a client sees now, where there is one to ask; the server's own otherwise.
    """
    state, stop = Adapted(config), stop or threading.Event()
    began = time.monotonic()
    for window in _windows(state, target, pace, stop):
        p99 = client_p99_ms() if client_p99_ms else None
        window = window if p99 is None else replace(window, p99_ms=p99)
        if not _step(state, target, governor, window, pace, run_dir, on_window):
            return state
        if pace.for_s is not None and time.monotonic() - began >= pace.for_s:
            state.ended = f"{pace.for_s:g} s {OVER}"
            return state
    state.ended = state.ended or STOPPED
    return state


def _windows(state: Adapted, target: Target, pace: Pace, stop: threading.Event) -> Iterator[SensorWindow]:
    """A window every `pace.every_s` until a stop is asked for, or the server does not answer for some in a row."""
    sensor, last, silent = Sensor(target.handle.metrics_url, target.handle.model_name), None, 0
    while not stop.wait(pace.every_s if last or silent else 0.0):
        try:
            reading, silent = sensor.read(), 0
        except MonitorError as error:
            silent += 1
            if silent >= GONE_AFTER:
                state.ended = f"the server did not answer {GONE_AFTER} times in a row ({error})"
                return
            continue
        if last:
            yield between(last, reading)
        last = reading


def _step(
    state: Adapted, target: Target, governor: Governor, window: SensorWindow, pace: Pace, run_dir: Path, on_window: Any
) -> bool:
    """One window: keep it, decide, act. False when adapting must end."""
    decision = governor.decide(time.monotonic(), window, state.config)
    if decision.effect and state.changes:
        journal.effect(run_dir, state.changes[-1]["at_ns"], decision.effect)
        state.changes[-1]["effect"] = decision.effect
    row = {"at_ns": time.monotonic_ns(), **asdict(window), **_parameters(state.config), "decision": decision.why}
    state.windows.append(row)
    if on_window:
        on_window(row)
    if decision.action == "stay":
        return True
    state.changes.append(_note(run_dir, state.config, decision, pace.dry_run))
    if pace.dry_run:
        governor.pending = None  # nothing was done, so it has no effect
        return True
    try:
        _, seconds = switch(
            target.base_path,
            batching_of(decision.config),
            lambda: living_versions(target.handle),
            pace.switch_timeout_s,
        )
        prune(target.base_path, pace.keep, spare=client.available_version(target.handle))
    except ServerDied as error:
        _not_done(run_dir, state, "the server has ended")
        state.ended = f"the server has ended: {error}"
        return False
    except (PlaybookError, requests.RequestException) as error:
        _not_done(run_dir, state, str(error))
        state.ended = f"a change could not be made, the version before it serves on: {error}"
        return False
    state.switch_s.append(seconds)
    state.config = decision.config
    return True


def _not_done(run_dir: Path, state: Adapted, why: str) -> None:
    """Say of the last change, in the journal and in its row, that it did not come about."""
    state.changes[-1]["effect"] = f"not done: {why}"
    journal.effect(run_dir, state.changes[-1]["at_ns"], state.changes[-1]["effect"])


def _note(run_dir: Path, before: Config, decision: Decision, dry_run: bool) -> dict[str, Any]:
    """Note a change in the journal; returns it as a row."""
    name = "batching parameters" + (" (rollback)" if decision.action == "back" else "")
    old, new = (_words(config) for config in (before, decision.config))
    why = decision.why + (" (dry run: not done)" if dry_run else "")
    at_ns = journal.note(run_dir, "adapt", name, old, new, why)
    return {"at_ns": at_ns, "name": name, "before": old, "after": new, "why": why, "effect": None}


def _words(config: Config) -> str:
    batching = batching_of(config)
    return batching.described() if batching else "batching off"


def _parameters(config: Config) -> dict[str, Any]:
    return {
        "enable_batching": config.enable_batching,
        "max_batch_size": config.max_batch_size,
        "batch_timeout_micros": config.batch_timeout_micros,
    }


@contextmanager
def stopping() -> Iterator[threading.Event]:
    """An event that SIGTERM and SIGINT set while the block runs."""
    stop = threading.Event()
    old = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)
