"""What the levels of one verb say: the ledger, the bottleneck, capacity, the certificate, cost and goodput.

The same judgement for the default flags (stress) and for the proven configuration (prove).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from loadgen import claim
from playbook import knobs
from playbook.analyze import bottleneck, capacity, ledger
from playbook.monitor import series, usage
from playbook.promise import Promise
from playbook.records.run_folder import Rows, RunFolder
from playbook.stress.levels import best as best_level
from playbook.stress.levels import described

REFUSED = ("http_503", "http_429", "grpc_14", "grpc_8")
BATCHING = ("max_batch_size", "batch_timeout_micros", "num_batch_threads", "max_enqueued_batches")
OF_LEVEL = ("protocol", "mean_in_flight", "throughput_rps", "client_cpu_share", "lateness_p99_us", "latency_p99_ms")
USED = ("run_delay_share", "throttled_share", "memory_growth_mib_s", "memory_growth_share")  # of usage.Used
Level = Mapping[str, Any]


@dataclass(frozen=True)
class Prices:
    """What an hour costs, in any currency; 0 leaves money out."""

    price_per_cpu_hour: float = 0.0
    price_per_gpu_hour: float = 0.0
    currency: str = ""


FREE = Prices()


@dataclass(frozen=True)
class Judged:
    """A verb's levels with what was sampled beside them: `config` is what they were held against, knob by knob."""

    run: RunFolder
    verb: str
    levels: Sequence[Level]
    config: Mapping[str, Any]
    metrics: series.Metrics
    resources: usage.Resources

    def rows(self, level: Level) -> Rows:
        """The requests of a level."""
        return self.run.rows(level["level"], self.verb)


def judge(
    run: RunFolder,
    verb: str,
    promise: Promise,
    config: Mapping[str, Any],
    prices: Prices = FREE,
    levels: Sequence[Level] | None = None,
) -> dict[str, Any]:
    """What a verb's levels say of the server they were held against.

    Args:
        run: The run folder.
        verb: Whose levels: stress or prove.
        promise: The limit that is promised.
        config: The server's configuration, by the names of its knobs.
        prices: What a core and a GPU cost.
        levels: Rows of the levels; None takes those that the verb recorded.

    Returns:
        `ledger[]` (a row a level), `bottleneck`, `capacity`, `certificate`, `cost`, `goodput_rps`; what is not known
        is None.
    """
    levels = run.levels_of(verb) if levels is None else levels
    judged = Judged(run, verb, levels, config, series.read(run.run_dir), usage.read(run.run_dir))
    entries = ledger.split_waiting([entry for level in levels if (entry := _ledger(judged, level))])
    valid = [level for level in levels if level.get("valid")]
    hardest, best = _hardest(levels), _promised(levels, promise) or _hardest(valid)
    return {
        "ledger": entries,
        "bottleneck": hardest and asdict(_bottleneck(judged, hardest, entries)) | _behind(judged, hardest, entries),
        "capacity": asdict(capacity.estimate(levels, promise)),
        "certificate": best and _certificate(judged, best, promise),
        "cost": best and _cost(judged, best, prices),
        "goodput_rps": best and _goodput(judged, best, promise),
    }


def span_ns(rows: Rows) -> tuple[int, int]:
    """From the first request due to the last answer of a level."""
    return (int(rows.scheduled_ns.min()), int(rows.done_ns.max())) if len(rows) else (0, 0)


def _hardest(levels: Sequence[Level]) -> Level | None:
    return max(levels, key=lambda level: level.get("throughput_rps") or 0.0, default=None)


def _promised(levels: Sequence[Level], promise: Promise) -> Level | None:
    """The best level inside the limit; of open loops where there are any, since users do not wait for the server."""
    opened = [level for level in levels if level["arrival"] != "closed"]
    inside = [best_level(some, promise) for some in (opened, levels)]
    return next((level for level in inside if level), None)


def _ledger(judged: Judged, level: Level) -> dict[str, Any] | None:
    run, rows = judged.run, judged.rows(level)
    if not len(rows):
        return None
    window = judged.metrics.window(*span_ns(rows))
    entry = ledger.build(rows, window, run.model, _floor_us(run), _row_us(run))
    return {"level": level["level"], "load": described(level), **entry.to_json()} if entry else None


def _bottleneck(judged: Judged, level: Level, ledgers: Sequence[dict[str, Any]]) -> bottleneck.Bottleneck:
    kept = next((entry for entry in ledgers if entry["level"] == level["level"]), None)
    entry = ledger.Ledger(**{k: v for k, v in kept.items() if k not in ("level", "load")}) if kept else None
    run, rows = judged.run, judged.rows(level)
    used = judged.resources.used("server", *span_ns(rows)) if len(rows) else None
    refused = sum(count for kind, count in (level.get("errors_by_kind") or {}).items() if kind in REFUSED)
    threads = knobs.default("rest_api_num_threads", run.server_cores)
    measured: dict[str, Any] = {name: level.get(name) for name in OF_LEVEL}
    if used:
        measured |= {"server_cores": used.cores, **{name: getattr(used, name) for name in USED}}
    return bottleneck.find(
        bottleneck.Evidence(
            **measured,
            refused_share=refused / level["requests"] if level.get("requests") else None,
            ledger=entry,
            run_ms=_lightest_run_ms(ledgers),
            allotted_cores=run.server_cores,
            batching=_batching(judged.config),
            rest_threads=judged.config.get("rest_api_num_threads") or threads,
            grpc_threads=judged.config.get("grpc_max_threads") or threads,
        )
    )


def _behind(judged: Judged, level: Level, ledgers: Sequence[dict[str, Any]]) -> dict[str, float | None]:
    """The figures behind the bottleneck's sentence: CPU of a request and the model's run, in ms."""
    rows, rate = judged.rows(level), level.get("throughput_rps")
    used = judged.resources.used("server", *span_ns(rows)) if len(rows) else None
    cores = used.cores if used else None
    each = 1e3 * cores / rate if cores is not None and rate else None
    return {"cpu_ms_per_request": each, "run_ms": _lightest_run_ms(ledgers), "server_cores": cores}


def _lightest_run_ms(ledgers: Sequence[dict[str, Any]]) -> float | None:
    """Mean run of the model, padding included, at the unbatched level with the least latency; None without one."""
    runs = [
        (entry["total_ns"], entry["mean_ns"]["graph_run"] + entry["mean_ns"].get("padding", 0))
        for entry in ledgers
        if entry["mean_ns"].get("graph_run") and not entry.get("batch_rows")
    ]
    return min(runs)[1] / 1e6 if runs else None


def _certificate(judged: Judged, level: Level, promise: Promise) -> dict[str, Any]:
    """The load generator's claim on a level's requests, under the record's names."""
    rows = judged.rows(level)
    by_time = np.argsort(rows.scheduled_ns[rows.ok], kind="stable")
    failed = int(np.count_nonzero(~rows.ok))
    rate = level.get("throughput_rps") or 0.0
    proof = claim(rows.latency_ms[by_time], promise.p99_limit_ms, rate, failed=failed)
    return {
        "level": level["level"],
        "load": described(level),
        **{name: proof[name] for name in ("proven", "refuted", "text", "requests", "bound")},
        "beyond": proof["misses"],
        "inflation": proof["tau"],  # so many requests are worth one independent one
        "hold_s": None if proof["hold_s"] is None else float(proof["hold_s"]),
    }


def _cost(judged: Judged, level: Level, prices: Prices) -> dict[str, Any] | None:
    run, rate, rows = judged.run, level.get("throughput_rps"), judged.rows(level)
    if not rate or not run.server_cores:
        return None
    used = judged.resources.used("server", *span_ns(rows)) if len(rows) else None
    each = used.cores / rate if used and used.cores else None
    gpus = 1.0 if run.environment().get("gpu") else 0.0
    cost = capacity.cost(rate, run.server_cores, each, prices.price_per_cpu_hour, gpus, prices.price_per_gpu_hour)
    return {**cost, "currency": prices.currency}


def _goodput(judged: Judged, level: Level, promise: Promise) -> float | None:
    rows = judged.rows(level)
    start, end = span_ns(rows)
    return capacity.goodput_rps(rows.latency_ms, promise.p99_limit_ms, (end - start) / 1e9)


def _batching(config: Mapping[str, Any]) -> dict[str, Any] | None:
    return {name: config.get(name) for name in BATCHING} if config.get("enable_batching") else None


def _floor_us(run: RunFolder) -> float | None:
    floor_ms = (run.stress.get("passport") or {}).get("floor_ms")
    return floor_ms * 1e3 if floor_ms is not None else None


def _row_us(run: RunFolder) -> float | None:
    fit = (run.results("export").get("batch_curve") or {}).get("fit") or {}
    return fit["b_ms"] * 1e3 if fit.get("b_ms") is not None else None
