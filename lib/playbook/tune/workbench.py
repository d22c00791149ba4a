"""Real servers to measure configurations on: started with real flags, switched live where a version can do it."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import loadgen
from playbook import stopwatch
from playbook.errors import LoadFailed, MonitorError, PublishFailed, ServerDied, WrongAnswers
from playbook.knobs import LIVE
from playbook.monitor.resources import ProcessTree
from playbook.monitor.sensor import Sensor, between
from playbook.records import run_folder
from playbook.serve import client, serve
from playbook.serve.alive import check_alive, check_answering, check_unmeasured, living_versions
from playbook.serve.handle import Handle
from playbook.serve.spec import ServerSpec
from playbook.stress.levels import described, flat
from playbook.stress.load import Load
from playbook.stress.stress import level_of
from playbook.tfserving.config import Config
from playbook.tfserving.requests import write_mix
from playbook.tfserving.versions import exported, publish, switch
from playbook.tune.configured import batching_of, live_spec_of, restart_key, spec_of
from playbook.tune.timetable import SAMPLES

LONGEST_S = 60.0  # no window is longer, where nobody has planned its time


@dataclass
class RunningServer:
    """A server that runs and the configuration it is in; `sensor` knows the server's series once it has read a page."""

    handle: Handle
    config: Config
    live: bool
    base_path: Path
    sensor: Sensor


class Workbench:
    """Servers of one tuning run, on private copies of the model; every one is ended when the block ends.

    Args:
        spec: The server as it would be started by default: kind, model, cores.
        run_dir: The run folder; logs and notes of the servers go there.
        load: Window and cores of the client.
        on_progress: Told in words what is being held, about twice a second.
    """

    def __init__(self, spec: ServerSpec, run_dir: Path, load: Load, on_progress: Callable[[str], None] | None = None):
        self.spec, self.run_dir, self.load = spec, Path(run_dir), load
        self.tell = on_progress or (lambda text: None)
        self.samples, self.longest_s = SAMPLES, LONGEST_S  # requests of a window at a rate, and its cap
        self.limit_ms: float | None = None  # of p99: windows count their requests beyond it
        self.benches: dict[str, RunningServer] = {}
        self.wrong: list[str] = []  # configurations that answered wrongly, with the first such reply
        self.deaths: list[str] = []  # servers that ended and did not have to: not by their configuration alone
        self.held = 0  # windows held, and the seconds they took: the measuring time
        self.measured_s = 0.0
        self.starts_s: list[float] = []  # what each start took, with the end of the server before it
        self.version = run_folder.read(self.run_dir).results("export").get("version")

    def __enter__(self) -> Workbench:
        self.folder = Path(tempfile.mkdtemp(prefix=".tune-", dir=self.run_dir))
        return self

    def __exit__(self, *exc: object) -> None:
        for name in list(self.benches):
            self.end(name)
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self, name: str, config: Config, live: bool = False) -> RunningServer:
        """Start a server under a name, ending the one that had it.

        Raises:
            VersionChanged: The model's folder holds another version than export wrote.
            ServerNotReady: It did not come up.
        """
        began = time.monotonic()
        self.end(name)
        base_path = self.folder / f"{name}-{len(self.starts_s)}" / self.spec.model_name
        base_path.mkdir(parents=True)
        publish(base_path, batching_of(config) if live else None, exported(self.spec.model_base_path, self.version))
        spec = replace((live_spec_of if live else spec_of)(config, self.spec), model_base_path=base_path.resolve())
        handle = serve.start(spec, self.run_dir, name=f"tune-{name}", owner=os.getpid())
        bench = self.benches[name] = RunningServer(
            handle, config, live, base_path, Sensor(handle.metrics_url, handle.model_name)
        )
        self.starts_s.append(time.monotonic() - began)
        return bench

    def bring(self, name: str, config: Config) -> RunningServer:
        """The live server of a name in this configuration: by a new version where that is enough, else by a restart."""
        bench = self.benches.get(name)
        if bench is not None and _gone(bench):
            self.deaths.append(f"with {bench.config.words()} the server ended between two measurements")
        if bench is None or not bench.live or restart_key(bench.config) != restart_key(config) or _gone(bench):
            return self.start(name, config, live=True)
        if any(getattr(bench.config, knob) != getattr(config, knob) for knob in LIVE):
            try:
                switch(bench.base_path, batching_of(config), partial(living_versions, bench.handle))
            except ServerDied:
                self.deaths.append(f"the server ended while it was switched to {config.words()}")
                return self.start(name, config, live=True)
            except PublishFailed:
                return self.start(name, config, live=True)
        bench.config = config
        return bench

    def end(self, name: str) -> None:
        """End a server."""
        if bench := self.benches.pop(name, None):
            serve.stop(bench.handle)

    def hold(
        self,
        bench: RunningServer,
        duration_s: float | None = None,
        ramp_up_s: float | None = None,
        **settings: Any,
    ) -> dict[str, Any]:
        """Hold one level against a server and return its row, with what the server told and what it cost.

        Args:
            bench: The server.
            duration_s: Length of the window; by default the load's, longer where a rate needs it for its samples.
            ramp_up_s: Before it; by default the load's.
            settings: The level's own: arrival, concurrency, rate_rps.

        Raises:
            ServerDied: the server ended in the window.
            ServerHung: it answered nothing any more, its status neither.
            LoadFailed: nothing could be measured, or the server refused connections.
            WrongAnswers: a reply was not what the model answers.
        """
        check_alive(bench.handle)
        load = replace(self.load, protocol=bench.config.protocol, duration_s=duration_s or self._window_s(settings))
        load = load if ramp_up_s is None else replace(load, ramp_up_s=ramp_up_s)
        tree = _tree(bench.handle)
        before, _ = _read(bench.sensor), tree and tree.sample()
        summary = self._held(bench, load, settings)
        used, after = tree and tree.sample(), _read(bench.sensor)
        check_alive(bench.handle)
        row = flat(summary, self.held, load.requests | settings)
        self.held, self.measured_s = self.held + 1, self.measured_s + load.duration_s + load.ramp_up_s
        stopwatch.add(load.duration_s + load.ramp_up_s)
        self._check_answers(bench, row)
        window = between(before, after) if before and after else None
        row["batch_rows"] = window and window.batch_rows
        row["queue_ms"] = window and window.queue_ms
        row["core_ms_per_request"] = _core_ms(used, window)
        p99 = "too few requests for a p99" if row["latency_p99_ms"] is None else f"p99 {row['latency_p99_ms']:.1f} ms"
        self.tell(f"{described(row)}: {row['throughput_rps'] or 0:,.0f}/s, {p99}")
        return row

    def _check_answers(self, bench: RunningServer, row: Mapping[str, Any]) -> None:
        """No rate counts for a configuration that answers wrongly."""
        if not (row["answers"] or {}).get("wrong"):
            return
        said = next((text for text in row["warnings"] if "checked replies" in text), "wrong answers")
        self.wrong.append(f"with {bench.config.words()}, {described(row)}: {said}")
        raise WrongAnswers(self.wrong[-1])

    def _window_s(self, settings: Mapping[str, Any]) -> float:
        """So long that the samples come in, and never longer than the cap."""
        shortest_s, rate = self.load.duration_s, settings.get("rate_rps")
        return max(shortest_s, min(self.samples / rate, self.longest_s)) if rate else shortest_s

    def _held(self, bench: RunningServer, load: Load, settings: Mapping[str, Any]) -> dict[str, Any]:
        """The summary of one level; what it shows on the way is told."""
        words, whole_s = described({"concurrency": None, **settings}), load.duration_s + load.ramp_up_s

        def tell(so_far: Mapping[str, Any]) -> None:
            self.tell(f"{words}: {min(so_far['elapsed_s'], whole_s):.0f} of {whole_s:.0f} s")

        with tempfile.TemporaryDirectory(dir=self.folder) as raw:
            level = level_of(bench.handle, load, self.bodies(load.protocol), level=self.held, **settings)
            alive = client.asker(bench.handle)
            try:
                summary = loadgen.hold(level, Path(raw), tell, p99_limit_ms=self.limit_ms, is_alive=alive)
            except loadgen.LoadgenError as error:
                check_unmeasured(bench.handle)
                raise LoadFailed(f"{words} could not be measured: {error}") from error
        check_answered(bench.handle, summary, words)
        return summary

    def bodies(self, protocol: str) -> Path:
        """The encoded requests of the model, written once a protocol."""
        folder = self.folder / f"bodies-{protocol}"
        if not folder.exists():
            write_mix(folder, self.run_dir, self.load.mix, protocol, self.spec.model_name)
        return folder


def check_answered(handle: Handle, summary: Mapping[str, Any], words: str) -> None:
    """Return when a server answered until the end of a level.

    Args:
        handle: The server.
        summary: Of the level.
        words: What was held, for the message.

    Raises:
        ServerDied: It has ended.
        ServerHung: It lives and answers nothing, its status neither.
        LoadFailed: It lives and refuses connections.
    """
    check_alive(handle)
    check_answering(handle, summary)
    if not summary["dead"]:
        return
    kinds = ", ".join(f"{count} {kind}" for kind, count in summary["errors_by_kind"].items())
    raise LoadFailed(
        f"The server stopped answering after {summary['duration_s']:.1f} s under {words} ({kinds or 'no replies'}) and "
        "its process still runs: does it refuse connections? Nothing can be concluded. "
        f"Its log: {handle.log_path}"
    )


def _core_ms(used: Any, window: Any) -> float | None:
    """Core time of the server for one request, in milliseconds, ramp-up included in both."""
    answered = window.rate_rps * (1 - window.error_share) * window.seconds if window else 0.0
    return 1000 * used.cpu_s / answered if used and used.cpu_s and answered else None


def _gone(bench: RunningServer) -> bool:
    return bench.handle.pid is not None and bench.handle.process() is None


def _read(sensor: Sensor) -> Any:
    with suppress(MonitorError):
        return sensor.read()
    return None


def _tree(handle: Handle) -> ProcessTree | None:
    return ProcessTree("server", handle.pid) if handle.pid else None
