"""Tune: find the configuration that keeps the promise best, measured against the default flags.

The default is measured first. Two short probes fit the simulator, which ranks the whole space; only its
frontier is measured, on servers with the real flags, and of its best what differs in knobs the simulator does not see.
The winner is then measured against the default in turns.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from playbook import progress, record
from playbook.serving.spec import ServerSpec
from playbook.stress import Load
from playbook.tuning.memory import Memory
from playbook.tuning.search import frontier, search
from playbook.tuning.space import DEFAULT, Config, expand
from playbook.tuning.steps import Plan, Tuned, Tuning
from playbook.tuning.workbench import Workbench


@dataclass(frozen=True)
class Point:
    """One promise for one model: the run folder it was exported to, its server, its plan."""

    name: str
    run_dir: Path
    spec: ServerSpec
    plan: Plan


def tune(point: Point, load: Load, out_dir: Path) -> Tuned:
    """Find the best configuration of the plan's space for one point.

    Args:
        point: Model and promise.
        load: Window and cores of the client.
        out_dir: The run folder that keeps the study, `data/tune-<point>.db`: a killed search goes on from it.

    Raises:
        ParameterError: The space contradicts itself; nothing was started.
        ServerNotReady: The default server does not start.
    """
    plan, curve = point.plan, record.load(point.run_dir, "export")["results"]["batch_curve"]
    configs = expand(plan.space, DEFAULT)
    storage = record.data_dir(out_dir) / f"tune-{point.name}.db"
    memory = Memory(storage.with_suffix(".json"), [asdict(plan), asdict(point.spec), asdict(load)], beside=(storage,))
    steps = plan.budget.trials + 3
    with progress.live(f"tune {point.name}", steps) as bar, Workbench(point.spec, point.run_dir, load) as bench:
        tuning = Tuning(bench, plan, bar, memory)
        default, fitted = tuning.default(), tuning.fit(curve)
        tuning.predict(configs)
        first = frontier({c: tuning.behaviour(c) for c in configs if c != DEFAULT}, plan.frontier)
        found = search(
            plan.space,
            tuning.measure,
            first=[DEFAULT, *first],
            unseen=lambda best: [c for c in configs if c.as_simulated() == best.as_simulated()],
            kind=plan.search,
            budget=plan.budget,
            storage=storage,
            seed=plan.seed,
        )
        tuned = Tuned(plan, default, found, fitted, tuning.predicted)
        if tuned.best.config != DEFAULT and tuned.best.score:
            tuned.repeats = tuning.repeat(tuned.best)
            tuned.ablation = tuning.ablate(tuned.best)
        tuned.probes, tuned.measured_s = tuning.probes, bench.measured_s
    memory.finish()
    return tuned


def for_all(points: Sequence[Point], tuned: Sequence[Tuned], load: Load) -> dict[str, Any]:
    """One configuration for every point, and what it costs each.

    The candidates are the default and each point's best; each is measured at every point where it has not been. The
    one whose worst share of a point's best is highest is chosen.
    """
    candidates = list(dict.fromkeys([DEFAULT, *(t.best.config for t in tuned)]))
    shares: dict[Config, list[float]] = {config: [] for config in candidates}
    for point, result in zip(points, tuned, strict=True):
        known = {trial.config: trial.score or 0.0 for trial in result.found.trials}
        with progress.live(f"one for all {point.name}", 1) as bar, Workbench(point.spec, point.run_dir, load) as bench:
            tuning = Tuning(bench, point.plan, bar, Memory(bench.folder / "cross.json", point.name))
            tuning.path, tuning.probes = result.fit.path, result.probes
            scores = {c: known[c] if c in known else tuning.measure(c)["score"] or 0.0 for c in candidates}
        for config in candidates:
            shares[config].append(scores[config] / max(scores.values()) if max(scores.values()) else 0.0)
    chosen = max(candidates, key=lambda config: min(shares[config]))
    kept = {point.name: round(share, 4) for point, share in zip(points, shares[chosen], strict=True)}
    return {"config": chosen.plain(), "words": chosen.words(), "share_of_best": kept}


def trials_frame(points: Sequence[Point], tuned: Sequence[Tuned]) -> pd.DataFrame:
    """One row a trial: its configuration, what was measured and what the simulator had said."""
    rows = []
    for point, result in zip(points, tuned, strict=True):
        for trial in result.found.trials:
            said = result.predicted.get(trial.config, {})
            rows.append(
                {"point": point.name, "trial": trial.number, "source": trial.source}
                | {"score": trial.score, "error": trial.error, "config": trial.config.words()}
                | {name: trial.measured.get(name) for name in _MEASURED}
                | {f"predicted_{name}": _finite(said.get(name)) for name in _PREDICTED}
                | trial.config.plain()
            )
    return pd.DataFrame(rows)


def keep_trials(run_dir: Path, trials: pd.DataFrame) -> None:
    """Write `data/trials.parquet`."""
    record.write_parquet(record.data_dir(run_dir) / "trials.parquet", trials)


def warnings(trials: pd.DataFrame) -> list[str]:
    """What is to be known of single trials: those that failed, and those whose window stayed INVALID."""
    failed = [f"{row.config}: {row.error}" for row in trials.itertuples() if isinstance(row.error, str)]
    doubtful = [f"{row.config}: its best window is INVALID" for row in trials[trials["valid"].eq(False)].itertuples()]
    return failed + doubtful


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


_PREDICTED = ("score", "rate_rps", "p99_ms", "p50_ms", "batch_rows")
_MEASURED = ("kept", "valid", "rate_rps", "p99_ms", "p50_ms", "batch_rows", "core_ms_per_request", "windows")


def results(points: Sequence[Point], tuned: Sequence[Tuned], shared: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The results of tune.json: the first point's at the top, every point's under `points`."""
    told = [
        {"point": point.name, "model_name": point.spec.model_name} | _result(result)
        for point, result in zip(points, tuned, strict=True)
    ]
    return told[0] | {"points": told, "for_all": shared}


def _result(tuned: Tuned) -> dict[str, Any]:
    gain, low, high = tuned.gain()
    figures = ("rate_rps", "p99_ms", "p50_ms", "batch_rows", "core_ms_per_request", "score", "kept", "valid")
    take = lambda told: {name: told.get(name) for name in figures}  # noqa: E731
    best = tuned.best
    return {
        "kind": tuned.plan.objective.kind,
        "objective": tuned.plan.objective.words(),
        "p99_limit_ms": tuned.plan.objective.limit.p99_ms,
        "default": {"config": DEFAULT.plain()} | take(tuned.default),
        "best": {"config": best.config.plain(), "words": best.config.words()} | take(best.measured),
        "nearest": _nearest(tuned),
        "gain": gain,
        "gain_low": low,
        "gain_high": high,
        "repeats": [list(pair) for pair in tuned.repeats],
        "ablation": tuned.ablation,
        "space": {name: list(values) for name, values in tuned.plan.space.items()},
        "configurations": len(expand(tuned.plan.space, DEFAULT)),
        "trials": len(tuned.found.trials),
        "resumed": tuned.found.resumed,
        "stopped": tuned.found.stopped,
        "measured_s": round(tuned.measured_s, 1),
        "simulator": {
            "path": asdict(tuned.fit.path),
            "errors": tuned.fit.errors,
            "probes": [vars(p) | {"config": p.config.words()} for p in tuned.probes],
        },
    }


def _nearest(tuned: Tuned) -> dict[str, Any] | None:
    """The trial with the lowest p99, for when no trial keeps the limit."""
    told = [trial for trial in tuned.found.trials if trial.measured.get("p99_ms") is not None]
    near = min(told, key=lambda trial: trial.measured["p99_ms"], default=None)
    figures = ("p99_ms", "nearest_rate_rps")
    return near and {"words": near.config.words()} | {name: near.measured.get(name) for name in figures}
