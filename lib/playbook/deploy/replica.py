"""One replica, as the records measured it: its configuration, what it carries inside the limit, what it needs."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playbook.errors import SizingRefused
from playbook.knobs import TUNED
from playbook.promise import Promise
from playbook.records import store
from playbook.records.cited import Cited, Records

KNOBS = TUNED


@dataclass(frozen=True)
class Replica:
    """A server as measured. Every value knows its record field; None is what was not measured."""

    config: dict[str, Cited]
    tuned: bool
    rate_rps: Cited  # most requests a second inside the limit
    p99_ms: Cited | None  # at that rate
    limit_ms: Cited | None
    saturation_rps: Cited  # the highest rate any level reached
    cpus: Cited  # cores the server had
    cpu_cores: Cited | None  # cores it used under load, 95th percentile
    memory_bytes: Cited | None  # largest resident size
    start_s: Cited | None  # from the command to AVAILABLE
    slowest_ms: Cited | None  # the longest answer of the best level
    server: Cited  # embedded, binary, docker or attach
    curve: Cited | None = None  # (requests/s, p99 in ms) in rising order, as levels showed them
    proven: bool = True  # False when no VALID level stands behind the rate
    max_error_share: float = 0.001  # as stress was told; where nothing was told, the default
    warnings: list[str] = field(default_factory=list)

    @property
    def promise(self) -> Promise | None:
        """What a replica is held against; None where no limit was measured against."""
        return None if self.limit_ms is None else Promise(self.limit_ms.value, self.max_error_share)


def of_run(run_dir: Path) -> Replica:
    """Read what one replica is and carries from the records of a run.

    The configuration is tune.json's best; without a tuning record it is the one that stress measured.

    Raises:
        RecordUnreadable: neither tuning nor stress was run.
        SizingRefused: levels were measured properly, and none kept the limit.
    """
    records = Records(run_dir)
    tuned = records.get("tune", "best.rate_rps") is not None
    if not tuned:
        records.need("stress", "levels")
    rate, p99, unproven = _carried(records, tuned)
    config = _config(records, tuned)
    warnings = unproven + ([] if tuned else [_untuned(records)])
    server = records.get("serve", "server") or Cited("embedded", "assumed: there is no serve.json")
    if server.value == "embedded":
        warnings.append(
            "Every rate here was measured on the embedded server, not on TensorFlow Serving: run params/docker.yml "
            "before you rely on these sizes."
        )
    return Replica(
        config=config,
        tuned=tuned,
        rate_rps=rate,
        p99_ms=p99,
        curve=_curve(records, rate, p99),
        proven=not unproven,
        limit_ms=records.get("stress", "limit_ms"),
        max_error_share=_error_share(records),
        saturation_rps=_saturation(records, rate),
        cpus=_cpus(records),
        cpu_cores=_resource(run_dir, "quantile_cont(cpu_cores, 0.95)", "95th percentile of cpu_cores"),
        memory_bytes=_resource(run_dir, "max(rss_bytes)", "largest rss_bytes"),
        start_s=records.get("serve", "start_s"),
        slowest_ms=records.get("stress", "best.latency_max_ms"),
        server=server,
        warnings=warnings,
    )


def _carried(records: Records, tuned: bool) -> tuple[Cited, Cited | None, list[str]]:
    """Rate and p99 of the best configuration, and what is to be said when no VALID level stands behind them.

    Raises:
        SizingRefused: levels were measured properly, and none kept the limit.
    """
    for verb, rate, p99 in (("tune", "rate_rps", "p99_ms"), ("stress", "throughput_rps", "latency_p99_ms")):
        found = records.get(verb, f"best.{rate}")
        if found is not None and found.value > 0 and (tuned or verb == "stress"):
            valid = records.get(verb, "best.valid")
            doubt = [f"NOT PROVEN: the best of {verb}.json is not VALID; measure longer and deploy again."]
            found = _lowest_repeat(records, found) if tuned else found
            return found, records.get(verb, f"best.{p99}"), doubt if valid is not None and not valid.value else []
    levels, limit = records.need("stress", "levels").value, records.get("stress", "limit_ms")
    if limit is None:
        raise SizingRefused(
            "stress.json names no best level and no limit (results.best and results.limit_ms are null), so no rate is "
            "known to keep a promise. Set p99_limit_ms and run 'stress' again."
        )
    unsure = {
        index: level["throughput_rps"]
        for index, level in enumerate(levels)
        if not _tells(level) and level.get("throughput_rps") and (level.get("latency_p99_ms") or 0) <= limit.value
    }
    if any(map(_tells, levels)) or not unsure:
        raise SizingRefused(
            f"No measured configuration kept the limit of {limit} ms (stress.json results.best is null), so there is "
            "nothing to size a deployment with. Raise p99_limit_ms, or measure lower loads, and run 'stress' again."
        )
    best = max(unsure, key=unsure.__getitem__)
    where = f"levels.{best}"
    told = (
        f"NOT PROVEN: no level of stress.json is VALID with enough requests for a p99; the size rests on "
        f"results.{where}, {unsure[best]:,.0f}/s, "
        "which proves nothing about p99. Hold the levels longer (duration_s) and deploy again."
    )
    return records.need("stress", f"{where}.throughput_rps"), records.get("stress", f"{where}.latency_p99_ms"), [told]


def _error_share(records: Records) -> float:
    share = (records.of("stress") or {}).get("params", {}).get("max_error_share")
    return Promise.max_error_share if share is None else share


def _tells(level: Mapping[str, Any]) -> bool:
    """Whether a level says anything of p99: it is VALID, and had enough requests for one."""
    return bool(level.get("valid")) and level.get("latency_p99_ms") is not None


def _lowest_repeat(records: Records, best: Cited) -> Cited:
    """The lowest rate the winner reached when it was measured again; its own where that was lower, or not done.

    The best of several noisy trials is likely a lucky one: what is promised rests on what it does every time.
    """
    kind, repeats = records.get("tune", "kind"), records.get("tune", "repeats")
    scores = [winner for _, winner in repeats.value if winner > 0] if repeats else []
    if not scores or (kind is not None and kind.value != "max_rate") or min(scores) >= best.value:
        return best
    return Cited(min(scores), "tune.json results.repeats, the winner's lowest")


def _config(records: Records, tuned: bool) -> dict[str, Cited]:
    if tuned:
        best = records.need("tune", "best.config").value
        return {name: Cited(best[name], f"tune.json results.best.config.{name}") for name in KNOBS if name in best}
    params = (records.of("serve") or {}).get("params", {})
    return {name: Cited(params[name], f"serve.json params.{name}") for name in KNOBS if name in params}


def _untuned(records: Records) -> str:
    batching = (records.of("serve") or {}).get("params", {}).get("enable_batching")
    what = "with batching as served" if batching else "the default flags"
    return (
        f"There is no tuning record: this deploys the configuration that stress measured ({what}). "
        "Run the 'tune' notebook for a better one."
    )


def _curve(records: Records, rate: Cited, p99: Cited | None) -> Cited | None:
    """p99 over the rate: the levels of stress.json, stretched so that their best rate is the replica's own."""
    levels = records.get("stress", "levels")
    known = [level for level in levels.value if level.get("latency_p99_ms")] if levels else []
    valid = [level for level in known if level.get("valid")] or known
    best = records.get("stress", "best.throughput_rps")
    stretch = rate.value / best.value if best is not None and best.value else 1.0
    points = {level["throughput_rps"] * stretch: level["latency_p99_ms"] for level in valid}
    if p99 is not None:
        points[rate.value] = p99.value
    if not points:
        return None
    how = "" if stretch == 1.0 else f", rates × {stretch:.2f} to end at {rate.source}"
    return Cited(sorted(points.items()), f"stress.json results.levels{how}")


def _saturation(records: Records, rate: Cited) -> Cited:
    levels = records.get("stress", "levels")
    rates = {index: level.get("throughput_rps") or 0.0 for index, level in enumerate(levels.value if levels else [])}
    best = max(rates, key=rates.__getitem__, default=None)
    if best is None or rates[best] <= rate.value:
        return rate
    return Cited(rates[best], f"stress.json results.levels.{best}.throughput_rps")


def _cpus(records: Records) -> Cited:
    cpus = records.get("serve", "cpus")
    if cpus is not None and cpus.value:
        return cpus.as_(len, "how many")
    environment = (records.of("stress") or records.of("serve") or {}).get("environment", {})
    return Cited(int(environment.get("cores") or 1), "stress.json environment.cores")


def _resource(run_dir: Path, what: str, words: str) -> Cited | None:
    """A figure over the server's samples in data/resources; None without samples."""
    with store.table(run_dir, "resources") as db:
        value = db.execute(f"SELECT {what} FROM resources WHERE who = 'server'").fetchall()[0][0]
    if value is None or not math.isfinite(value) or value <= 0:
        return None
    return Cited(float(value), f"data/resources, {words} of the server")


def rounded_up(step: float) -> Callable[[Any], float]:
    """Round up to a multiple of `step`, as requests and limits are written."""
    return lambda value: math.ceil(round(value / step, 9)) * step
