"""Analyze: where the time goes, what holds the server back, how much it carries, and what of it is proven."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from loadgen import claim
from playbook import knobs
from playbook.analyze import bottleneck, capacity, compare, ledger
from playbook.errors import RecordError
from playbook.monitor import series, usage
from playbook.promise import Promise
from playbook.records import journal
from playbook.records.agreement import rounded
from playbook.records.run_folder import Rows, RunFolder
from playbook.stress.levels import best as best_level
from playbook.stress.levels import described

REFUSED = ("http_503", "http_429", "grpc_14", "grpc_8")


@dataclass(frozen=True)
class Prices:
    """What an hour costs, in any currency; 0 leaves money out."""

    price_per_cpu_hour: float = 0.0
    price_per_gpu_hour: float = 0.0


def results(run: RunFolder, promise: Promise, compare_with: str = "", prices: Prices = Prices()) -> dict[str, Any]:
    """Everything the records and samples of a run say; `problems` tells what could not be said and why.

    Args:
        run: The run folder.
        promise: The limit, the failures allowed, the rate.
        compare_with: A run folder beside this one, `previous` for the newest earlier one of the same model, or empty.
        prices: Of a core and a GPU.

    Returns:
        `results` of analyze.json: `ledger[]` (a row a level), `bottleneck`, `capacity`, `certificate`, `cost`,
        `goodput_rps`, `comparison`, `changes`, `problems`. What is not known is None.
    """
    levels, problems = run.levels, []
    if not levels:
        problems.append("There is no load level in this run: run the 'stress' notebook first.")
    metrics, resources = series.read(run.run_dir), usage.read(run.run_dir)
    ledgers = [_ledger(run, level, metrics) for level in levels]
    problems += _level_problems(run, levels, metrics)
    valid = [level for level in levels if level.get("valid")]
    if levels and not valid:
        problems.append("No level is VALID: nothing is told of what is proven, of goodput and of cost.")
    hardest, best = _hardest(levels), _promised(levels, promise) or _hardest(valid)
    carried = capacity.estimate(levels, promise)
    found = {
        "limit_ms": promise.p99_limit_ms,
        "ledger": [found for found in ledgers if found],
        "bottleneck": hardest and asdict(_bottleneck(run, hardest, ledgers, metrics, resources)),
        "capacity": asdict(carried),
        "searched": (run.stress.get("max_rate") or {}).get("text"),
        "certificate": best and _certificate(run, best, promise),
        "cost": best and _cost(run, best, resources, prices),
        "goodput_rps": best and _goodput(run, best, promise),
        "comparison": _comparison(run, compare_with, problems),
        "changes": len(journal.read(run.run_dir)),
        "problems": problems + run.problems,
    }
    return rounded(found)


def verdict(results: Mapping[str, Any]) -> str:
    """One sentence: capacity, then the bottleneck."""
    found = results["bottleneck"]
    return f"{results['capacity']['text']} {found['text'] if found else ''}".strip()


def warnings(results: Mapping[str, Any]) -> list[str]:
    """What could not be said, and why."""
    return list(results["problems"])


def span_ns(rows: Rows) -> tuple[int, int]:
    """From the first request due to the last answer of a level."""
    return (int(rows.scheduled_ns.min()), int(rows.done_ns.max())) if len(rows) else (0, 0)


def _comparison(run: RunFolder, compare_with: str, problems: list[str]) -> dict[str, Any] | None:
    if not compare_with:
        return None
    base = compare.previous(run.run_dir) if compare_with == "previous" else run.run_dir.resolve().parent / compare_with
    if base is None:
        problems.append("This is the first record of this model on this server and machine: nothing to compare with.")
        return None
    try:
        return compare.compare(base, run.run_dir).to_json()
    except RecordError as error:
        problems.append(str(error))
        return None


def _hardest(levels: list[dict[str, Any]]) -> dict[str, Any] | None:
    return max(levels, key=lambda level: level.get("throughput_rps") or 0.0, default=None)


def _promised(levels: list[dict[str, Any]], promise: Promise) -> dict[str, Any] | None:
    """The best level inside the limit; of open loops where there are any, since users do not wait for the server."""
    opened = [level for level in levels if level["arrival"] != "closed"]
    inside = [best_level(some, promise) for some in (opened, levels)]
    return next((level for level in inside if level), None)


def _ledger(run: RunFolder, level: Mapping[str, Any], metrics: series.Metrics) -> dict[str, Any] | None:
    rows = run.rows(level["level"])
    if not len(rows):
        return None
    found = ledger.build(rows, metrics.window(*span_ns(rows)), run.model, _floor_us(run), _row_us(run))
    return {"level": level["level"], "load": described(level), **found.to_json()} if found else None


def _bottleneck(
    run: RunFolder,
    level: Mapping[str, Any],
    ledgers: list[dict[str, Any] | None],
    metrics: series.Metrics,
    resources: usage.Resources,
) -> bottleneck.Bottleneck:
    told = next((found for found in ledgers if found and found["level"] == level["level"]), None)
    entry = ledger.Ledger(**{k: v for k, v in told.items() if k not in ("level", "load")}) if told else None
    rows = run.rows(level["level"])
    used = resources.used("server", *span_ns(rows)) if len(rows) else None
    refused = sum(count for kind, count in (level.get("errors_by_kind") or {}).items() if kind in REFUSED)
    names = ("protocol", "mean_in_flight", "throughput_rps", "client_cpu_share", "lateness_p99_us", "latency_p99_ms")
    threads = knobs.default("rest_api_num_threads", run.server_cores)
    return bottleneck.find(
        bottleneck.Evidence(
            **{name: level.get(name) for name in names},
            refused_share=refused / level["requests"] if level.get("requests") else None,
            ledger=entry,
            server_cores=used and used.cores,
            run_ms=_lightest_run_ms(ledgers),
            allotted_cores=run.server_cores,
            run_delay_share=used and used.run_delay_share,
            throttled_share=used and used.throttled_share,
            memory_growth_mib_s=used and used.memory_growth_mib_s,
            memory_growth_share=used and used.memory_growth_share,
            batching=_batching(run),
            rest_threads=run.params("serve").get("rest_api_num_threads") or threads,
            grpc_threads=run.params("serve").get("grpc_max_threads") or threads,
        )
    )


def _lightest_run_ms(ledgers: list[dict[str, Any] | None]) -> float | None:
    """Mean run of the model, padding included, at the level with the least latency."""
    runs = [
        (found["total_ns"], found["mean_ns"]["graph_run"] + found["mean_ns"].get("padding", 0))
        for found in ledgers
        if found and found["mean_ns"].get("graph_run") and not found.get("batch_rows")
    ]
    return min(runs)[1] / 1e6 if runs else None


def _certificate(run: RunFolder, level: Mapping[str, Any], promise: Promise) -> dict[str, Any]:
    """The load generator's claim on a level's requests, under the record's names."""
    rows = run.rows(level["level"])
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


def _cost(
    run: RunFolder, level: Mapping[str, Any], resources: usage.Resources, prices: Prices
) -> dict[str, float | None] | None:
    rate, rows = level.get("throughput_rps"), run.rows(level["level"])
    if not rate or not run.server_cores:
        return None
    used = resources.used("server", *span_ns(rows)) if len(rows) else None
    each = used.cores / rate if used and used.cores else None
    gpus = 1.0 if run.environment().get("gpu") else 0.0
    return capacity.cost(rate, run.server_cores, each, prices.price_per_cpu_hour, gpus, prices.price_per_gpu_hour)


def _goodput(run: RunFolder, level: Mapping[str, Any], promise: Promise) -> float | None:
    rows = run.rows(level["level"])
    start, end = span_ns(rows)
    return capacity.goodput_rps(rows.latency_ms, promise.p99_limit_ms, (end - start) / 1e9)


def _batching(run: RunFolder) -> dict[str, Any] | None:
    params = run.params("serve")
    names = ("max_batch_size", "batch_timeout_micros", "num_batch_threads", "max_enqueued_batches")
    return {name: params.get(name) for name in names} if params.get("enable_batching") else None


def _floor_us(run: RunFolder) -> float | None:
    floor_ms = (run.stress.get("passport") or {}).get("floor_ms")
    return floor_ms * 1e3 if floor_ms is not None else None


def _row_us(run: RunFolder) -> float | None:
    fit = (run.results("export").get("batch_curve") or {}).get("fit") or {}
    return fit["b_ms"] * 1e3 if fit.get("b_ms") is not None else None


def _level_problems(run: RunFolder, levels: list[dict[str, Any]], metrics: series.Metrics) -> list[str]:
    problems = []
    for level in levels:
        name, rows = f"level {level['level']} ({described(level)})", run.rows(level["level"])
        if not level.get("requests"):
            problems.append(f"{name} is empty: no request was sent in its window.")
        elif not len(rows):
            problems.append(f"{name} has no raw rows, so its latency cannot be split.")
        elif not rows.ok.any():
            problems.append(f"{name}: all {len(rows):,} requests failed, so there is no latency to speak of.")
    if levels and not metrics.times_ns:
        problems.append("No server metrics were kept: the ledger splits the client's side only.")
    return problems
