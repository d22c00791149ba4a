"""What tuning showed, as rows and as the results of tune.json."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from playbook import markdown
from playbook.records import record
from playbook.tune import gain
from playbook.tune.gain import Gain
from playbook.tune.plan import Tuned, TuningPoint
from playbook.tune.request_path import wakeup_of

_PREDICTED = ("score", "rate_rps", "p99_ms", "p50_ms", "batch_rows")
_MEASURED = ("kept", "valid", "rate_rps", "p99_ms", "p50_ms", "batch_rows", "core_ms_per_request", "windows")
_FIGURES = (
    *("rate_rps", "p99_ms", "p50_ms", "batch_rows", "core_ms_per_request"),
    *("score", "kept", "valid", "requests", "beyond_limit"),
)
#: By objective: the figure whose value is told, and the unit it is told in. A score is larger when better.
FIGURES = {
    "max_rate": ("rate_rps", "requests/s"),
    "min_p99_at_rate": ("p99_ms", "ms p99"),
    "min_cost_at_rate": ("core_ms_per_request", "core ms a request"),
}


def trials_frame(points: Sequence[TuningPoint], tuned: Sequence[Tuned]) -> pd.DataFrame:
    """One row a trial: its configuration, what was measured and what the simulator had said."""
    rows = []
    for point, result in zip(points, tuned, strict=True):
        for trial in result.searched.trials:
            said = result.predicted.get(trial.config, {})
            rows.append(
                {"point": point.name, "trial": trial.number, "source": trial.source}
                | {"score": trial.score, "error": trial.error, "config": trial.config.words()}
                | {"finalist": trial.config in result.searched.finalists}
                | {name: trial.measured.get(name) for name in _MEASURED}
                | {f"predicted_{name}": _finite(said.get(name)) for name in _PREDICTED}
                | trial.config.plain()
            )
    return pd.DataFrame(rows)


def keep_trials(run_dir: Path, trials: pd.DataFrame) -> None:
    """Write `data/trials.parquet`; nothing where nothing was tuned."""
    if not len(trials):
        return
    record.write_parquet(record.data_dir(run_dir) / "trials.parquet", trials)


def warnings(results: Mapping[str, Any]) -> list[str]:
    """What is to be known of single trials, failed or INVALID, and what was left out."""
    failed = [text for point in results["points"] for key in ("failures", "deaths") for text in point.get(key) or []]
    sentences = [*failed, *results["doubts"]]
    for point in results["points"]:
        if point["server"] == "embedded" and len((point.get("space") or {}).get("protocol", ())) > 1:
            sentences.append(f"{point['point']}: {_PROTOCOLS}")
        sentences += [f"Batching left the space: {point['unbatched']}."] if point.get("unbatched") else []
        sentences += [f"{point['point']}: {_SHORT.format(**few)}"] if (few := _fewest(point)) else []
        sentences += [f"{point['point']}, left out for want of time: {text}" for text in point.get("left_out") or []]
    return sentences


_PROTOCOLS = (
    "REST and gRPC were compared on the embedded server, where a predict of numbers costs nearly the same over both. "
    "TensorFlow Serving reads JSON and speaks gRPC with other code: compare them with server: docker or binary before "
    "you choose (playbook verify tells what each costs there)"
)
_SHORT = (
    "windows were too short for a p99 ({requests:.0f} requests; it needs 1,000). The limit is judged by the share of "
    "requests beyond it, which proves less: raise max_minutes"
)


def _fewest(point: Mapping[str, Any]) -> dict[str, float]:
    """The requests of the best window where they were too few for a p99."""
    best = point.get("best") or {}
    short = best.get("kept") and best.get("p99_ms") is None and best.get("requests")
    return {"requests": best["requests"]} if short else {}


def _doubts(trials: pd.DataFrame) -> list[str]:
    if not len(trials):
        return []
    failed = [f"{row.config}: {row.error}" for row in trials.itertuples() if isinstance(row.error, str)]
    doubtful = [f"{row.config}: its best window is INVALID" for row in trials[trials["valid"].eq(False)].itertuples()]
    return failed + doubtful


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def results(
    points: Sequence[TuningPoint], tuned: Sequence[Tuned], shared: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The results of tune.json: the first point's at the top, every point's under `points`."""
    rows = [
        {"point": point.name, "model_name": point.spec.model_name, "server": point.spec.server} | _result(result)
        for point, result in zip(points, tuned, strict=True)
    ]
    return rows[0] | {"points": rows, "for_all": shared, "doubts": _doubts(trials_frame(points, tuned))}


def _result(tuned: Tuned) -> dict[str, Any]:
    """One point's results; what was not measured is null."""
    plan = tuned.plan
    shared = {
        "kind": plan.objective.kind,
        "objective": plan.objective.words(),
        "p99_limit_ms": plan.objective.promise.p99_limit_ms,
        "skipped": tuned.skipped or None,
        "failures": list(tuned.failures),
        "deaths": list(tuned.deaths),
        "unbatched": plan.unbatched or None,
        "space": {name: list(values) for name, values in plan.space.items()},
        "configurations": len(plan.configs),
        "trials": len(tuned.searched.trials),
        "resumed": tuned.searched.resumed,
        "stopped": tuned.searched.stopped,
        "measured_s": round(tuned.measured_s, 1),
        "planned_s": tuned.planned_s and round(tuned.planned_s, 1),
        "took_s": tuned.took_s and round(tuned.took_s, 1),
        "schedule": tuned.schedule or None,
        "left_out": list(tuned.left_out),
        "ablation": tuned.ablation,
        "simulator": {
            "batch_wakeup": next((wakeup_of(fit.path) for fit in tuned.fits.values()), None),
            "paths": {protocol: asdict(fit.path) for protocol, fit in tuned.fits.items()},
            "errors": {protocol: fit.errors for protocol, fit in tuned.fits.items()},
            "probes": [vars(p) | {"config": p.config.words()} for p in tuned.probes],
        },
    }
    return shared | (_NOTHING if tuned.skipped else _measured(tuned))


_NOTHING: dict[str, Any] = {"gain_shown": False, "repeats": []} | dict.fromkeys(
    ("default", "best", "nearest", "gain", "gain_low", "gain_high", "gain_words", "gain_rates")
)


def _measured(tuned: Tuned) -> dict[str, Any]:
    """Default, best and the gain between them."""
    kind, best = tuned.plan.objective.kind, tuned.best
    gained = tuned.gain()
    default_figures = _as_gained(kind, gained, 0, tuned.default)
    best_figures = _as_gained(kind, gained, 1, best.measured)
    name = FIGURES[kind][0]
    return {
        "default": {"config": tuned.plan.base.plain()} | default_figures,
        "best": {"config": best.config.plain(), "words": best.config.words()} | best_figures,
        "nearest": _nearest(tuned),
        "gain": gained.ratio,
        "gain_low": gained.low,
        "gain_high": gained.high,
        "gain_shown": gained.shown,
        "gain_words": gain.words(gained, figure(kind, default_figures)),
        "gain_rates": [default_figures[name], best_figures[name]] if gained.ratio else None,
        "repeats": [[one["score"] or 0.0 for one in pair] for pair in tuned.repeats],
    }


def _as_gained(kind: str, gained: Gain, side: int, measured: Mapping[str, Any]) -> dict[str, Any]:
    """The figures of default (0) or winner (1): those the gain was computed from, where there is one.

    The figure of the objective is the geometric mean of the repeats, so that the two of them have the gain as their
    quotient; the others are medians.
    """
    scores = gained.scores()
    if scores is None:
        return {name: measured.get(name) for name in _FIGURES}
    figures = {name: gained.middle(side, name) for name in _FIGURES}
    value = scores[side] if kind == "max_rate" else 1000.0 / scores[side]
    return figures | {"score": scores[side], FIGURES[kind][0]: value, "kept": True, "valid": _all_valid(gained, side)}


def _all_valid(gained: Gain, side: int) -> bool:
    return all(bool(pair[side].get("valid", True)) for pair in gained.used)


def figure(kind: str, measured: Mapping[str, Any]) -> str:
    """What was measured, in the unit of the objective: `18,182 requests/s at p99 3.8 ms`."""
    name, unit = FIGURES[kind]
    if kind != "max_rate":
        return f"{markdown.number(measured[name])} {unit}"
    if measured.get("p99_ms") is not None:
        return f"{markdown.number(measured[name])} {unit} at p99 {measured['p99_ms']:.1f} ms"
    requests = measured.get("requests")
    counted = f" with {measured['beyond_limit']:.0f} of {requests:.0f} requests beyond the limit" if requests else ""
    return f"{markdown.number(measured[name])} {unit}{counted}"


def _nearest(tuned: Tuned) -> dict[str, Any] | None:
    """The trial with the lowest p99, for when no trial keeps the limit."""
    known = [trial for trial in tuned.searched.trials if trial.measured.get("p99_ms") is not None]
    if not known:
        return None
    near = min(known, key=lambda trial: trial.measured["p99_ms"])
    figures = ("p99_ms", "nearest_rate_rps", "certain")
    return {"words": near.config.words()} | {name: near.measured.get(name) for name in figures}
