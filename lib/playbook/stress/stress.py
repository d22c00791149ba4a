"""Stress: hold load levels against the server, search the highest rate inside the limit, keep what each showed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import loadgen
from loadgen import temporary
from playbook import progress, stopwatch
from playbook.errors import LoadFailed
from playbook.markdown import number
from playbook.records import attempts, record, run_folder, secrets, trust
from playbook.serve import client
from playbook.serve.alive import another_version, check_alive, check_answering, check_unmeasured
from playbook.serve.handle import Handle
from playbook.stress import earlier, levels
from playbook.stress.load import Load
from playbook.stress.schedule import Hold, Schedule
from playbook.tfserving.requests import write_mix

Settings = Mapping[str, Any]
TIMED, TIMED_S = 8, 0.4  # requests with different rows, and the moment, in which one alone is timed


@dataclass
class Bench:
    """A server under load: the encoded requests are at hand and every finished level is on disk."""

    handle: Handle
    run_dir: Path
    load: Load
    passport: Mapping[str, Any] | None
    bodies: Path
    verb: str = "stress"  # whose levels these are
    rows: list[dict[str, Any]] = field(default_factory=list)
    earlier: list[dict[str, Any]] = field(default_factory=list)  # rows that an earlier attempt left, in its order

    def level(self, **settings: Any) -> loadgen.Level:
        """One load level; `settings` are its own (arrival, concurrency, rate_rps, …)."""
        return level_of(self.handle, self.load, self.bodies, level=len(self.rows), **settings)

    def window(
        self, duration_s: float, settings: Settings, bar: progress.Stretch, ramp_up_s: float | None = None
    ) -> dict[str, Any]:
        """Hold one level for a time of its own and keep its row; errors as `hold` raises them."""
        shared = self.load
        self.load = replace(
            shared, duration_s=duration_s, ramp_up_s=shared.ramp_up_s if ramp_up_s is None else ramp_up_s
        )
        try:
            return self.hold(settings, bar)
        finally:
            self.load = shared

    def hold(self, settings: Settings, bar: progress.Stretch) -> dict[str, Any]:
        """Hold one level and keep its row; one that an earlier attempt of this run has held is taken over from there.

        Raises:
            ServerDied: the server has ended; the levels before stay on disk.
            LoadFailed: nothing could be measured.
        """
        number = len(self.rows)
        if number < len(self.earlier) and earlier.is_this(self.earlier[number], settings):
            self.rows.append(earlier.told(self.earlier[number]))
            return self.rows[-1]
        self.leave_earlier()
        check_alive(self.handle)
        words = levels.described({"concurrency": None, "rate_rps": None, **settings})

        def tell(state: Mapping[str, Any]) -> None:
            share = min(1.0, state["elapsed_s"] / (self.load.duration_s + self.load.ramp_up_s))
            p99 = f"{state['p99_ms']:.1f} ms" if state.get("p99_ms") is not None else "-"
            progress.seen(state)
            bar.update(share, f"{words}: {state['rate_rps']:,.3g}/s, p99 so far {p99}")

        folder = self.folder(number)
        try:
            summary = loadgen.hold(self.level(**settings), folder, tell, **self.holder())
        except loadgen.LoadgenError as error:
            check_unmeasured(self.handle)
            raise LoadFailed(f"Level {number} ({words}) could not be measured: {error}") from error
        self.keep(summary, settings)
        check_answering(self.handle, summary)
        check_alive(self.handle)
        return self.rows[-1]

    def leave_earlier(self) -> None:
        """From here on this attempt measures itself: what is left of an earlier one is put aside."""
        if self.earlier:
            attempts.levels_aside(self.run_dir, self.verb, len(self.rows))
            self.earlier = []

    def folder(self, number: int) -> Path:
        """Where the rows of a level go."""
        return record.data_dir(self.run_dir) / "requests" / f"{self.verb}_{number:03d}"

    def holder(self) -> dict[str, Any]:
        """What `loadgen.hold` is given beside the level: the load's own, and whom to ask whether the server hangs."""
        return {**self.load.holder(self.passport), "is_alive": client.asker(self.handle)}

    def keep(self, summary: Mapping[str, Any], settings: Settings) -> None:
        """Add the level to the rows and to their file in data/ (`run_folder.levels_file`): that outlives a dead run."""
        stopwatch.add(summary["duration_s"] + self.load.ramp_up_s)
        summary = levels.of_one_version(summary, another_version(self.handle))
        self.rows.append(levels.flat(summary, len(self.rows), {**self.load.requests, **settings}))
        run_folder.keep_levels(self.run_dir, self.rows, self.verb)


def level_of(handle: Handle, load: Load, bodies: Path, **settings: Any) -> loadgen.Level:
    """One load level against this server; `settings` are the level's own (concurrency, rate_rps, …)."""
    url = handle.predict_url if load.protocol == "rest" else handle.grpc_url
    return loadgen.Level(
        url=url,
        protocol=load.protocol,
        bodies=bodies,
        duration_s=load.duration_s,
        ramp_up_s=load.ramp_up_s,
        timeout_s=load.timeout_s,
        processes=load.processes,
        cpus=tuple(load.client_cpus),
        seed=load.seed,
        metrics_url=handle.metrics_url or None,
        headers=secrets.header(url),
        **({**asdict(trusted)} if (trusted := trust.of(url)) else {}),
        **settings,
    )


@contextmanager
def bench(
    handle: Handle, run_dir: Path, load: Load, passport: Mapping[str, Any] | None = None, verb: str = "stress"
) -> Iterator[Bench]:
    """A bench for the length of a `with` block, its requests made from the run's reference rows."""
    with temporary.folder("bodies-") as folder:
        bodies = write_mix(folder, run_dir, load.mix, load.protocol, handle.model_name)
        kept = earlier.levels(run_dir, handle, load) if verb == "stress" else []
        yield Bench(handle, run_dir, load, passport, bodies, verb, earlier=kept)


def passport(load: Load) -> dict[str, Any]:
    """What the load generator says of itself: floor, lateness, highest rate, stall error (about 3 s)."""
    with stopwatch.measuring():
        return loadgen.passport(cpus=load.client_cpus, protocol=load.protocol)


def request_ms(handle: Handle, run_dir: Path, load: Load) -> float:
    """What one request takes alone on this server: the mean of as many as go into a moment, of one at least.

    The slowest of several does not count: the first may find a cold connection, or helpers that are yet to be started.

    Raises:
        LoadFailed: the server answered none.
    """
    with temporary.folder("timing-") as folder, stopwatch.measuring():
        bodies = write_mix(folder, run_dir, load.mix, load.protocol, handle.model_name, TIMED)
        brief = replace(load, duration_s=TIMED_S, ramp_up_s=0.0, processes=1, load_scheduler="")
        level = level_of(handle, brief, bodies, arrival="closed", concurrency=1)
        try:
            summary = loadgen.hold(level, folder / "rows", is_alive=client.asker(handle))
        except loadgen.LoadgenError as error:
            check_unmeasured(handle)
            raise LoadFailed(f"One request alone could not be timed: {error}") from error
    check_answering(handle, summary)
    mean = summary["latency_ms"]["mean"]
    if mean is None:
        check_alive(handle)
        kinds = ", ".join(f"{count} {kind}" for kind, count in summary["errors_by_kind"].items()) or "none came back"
        raise LoadFailed(f"No request was answered ({kinds}). The server's log: {handle.log_path}")
    return usual_ms(mean, summary["latency_ms"]["max"], summary["requests"] - summary["errors"])


def usual_ms(mean_ms: float, slowest_ms: float, answered: int) -> float:
    """The mean of the others than the slowest, where there are others."""
    return float(mean_ms if answered < 2 else (mean_ms * answered - slowest_ms) / (answered - 1))


def sweep(under: Bench, planned: Schedule) -> list[dict[str, Any]]:
    """Hold every level in turn, as planned; the whole list again for each repeat.

    Open loops at a share of the best rate take that from the levels before them, in the first pass.

    Returns:
        One flat row a level, the `results.levels[]` of stress.json.
    """
    with progress.live(under.verb, planned.expected_s) as bar:
        gone_s, best = 0.0, 0.0
        for turn in range(planned.repeats):
            for level in planned:
                stretch = progress.Stretch(bar, gone_s, level.whole_s)
                if settings := _settings(level, best):
                    row = under.window(level.duration_s, settings, stretch, level.ramp_up_s)
                    best = best if turn else max(best, row["throughput_rps"] or 0.0)
                gone_s += level.whole_s
    return under.rows


def _settings(level: Hold, best_rps: float) -> dict[str, Any] | None:
    """What the load generator is asked for; None for a share of nothing."""
    if level.concurrency is not None:
        return {"arrival": "closed", "concurrency": level.concurrency}
    rate = level.rate_rps if level.rate_rps is not None else round(best_rps * (level.share or 0.0), 1)
    return {"arrival": "poisson", "rate_rps": float(rate)} if rate else None


def find_max_rate(under: Bench, budget_s: float) -> dict[str, Any] | None:
    """Search the highest Poisson rate inside the limit, from a quarter to one and a half times the best level's.

    Every rate that was held becomes a level of its own. None when `budget_s` is 0, when nothing was answered before, or
    without a limit.
    """
    best = max((row["throughput_rps"] or 0.0 for row in under.rows), default=0.0)
    if not budget_s or not best or under.load.p99_limit_ms is None:
        return None
    settings = {"arrival": "poisson", "rate_rps": best}
    with progress.live("stress", budget_s) as bar:
        searched = loadgen.find_max_rate(
            under.level(**settings),
            under.load.p99_limit_ms,
            under.load.max_error_share,
            round(best / 4, 1),
            round(best * 1.5, 1),
            under.folder(len(under.rows)),
            budget_s,
            holder=_holder(under, bar),
        )
    return {name: value for name, value in searched.items() if name != "trials"}


def _holder(under: Bench, bar: Any) -> Any:
    """`loadgen.hold` for the search: its rows go where every level's rows are, its summary among the levels."""

    def hold(level: loadgen.Level, _: Path, p99_limit_ms: float) -> dict[str, Any]:
        under.leave_earlier()
        check_alive(under.handle)
        settings = {"arrival": level.arrival, "rate_rps": level.rate_rps}
        folder, given = under.folder(len(under.rows)), under.holder()
        try:
            summary = loadgen.hold(level.with_(level=len(under.rows)), folder, **given | {"p99_limit_ms": p99_limit_ms})
        except loadgen.LoadgenError as error:
            check_unmeasured(under.handle)
            raise LoadFailed(f"{level.rate_rps:,.0f} requests/s could not be measured: {error}") from error
        under.keep(summary, settings)
        check_answering(under.handle, summary)
        p99 = number(summary["latency_ms"]["p99"])
        bar.update(bar.total * 0.9, f"{level.rate_rps:,.0f}/s: p99 {p99} ms")
        return summary

    return hold
