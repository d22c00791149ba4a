"""A run folder with known contents: a queue of one server is simulated and written as the playbook writes it."""

import json
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from playbook.monitor import series
from playbook.records import record
from playbook.records.parts import PartWriter
from playbook.serve.handle import Handle
from playbook.stress import levels
from playbook.stress.load import Load

SHELL_US, NET_US, FLOOR_US = 180.0, 90.0, 60.0
LE = [10 * 1.8**power for power in range(33)] + [float("inf")]
PLAN = (("closed", 1, None), ("closed", 4, None), ("poisson", None, 900.0), ("poisson", None, 1500.0))


def make(folder: Path, seed=1, slow=1.0, seconds=3.0, plan=PLAN, limit_ms=3.0, metrics=True, server="embedded"):
    """Write a run whose every service takes 480 us (times `slow`) behind a queue of one."""
    rng, base = np.random.default_rng(seed), 10**12
    data = folder / "data"
    data.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps({"run_id": folder.name, "command": "playbook run params/quick.yml"}))
    rows, totals = [], np.zeros((2, 36))
    writer = PartWriter(duckdb.connect(), "metrics", data / "metrics")
    usage = PartWriter(duckdb.connect(), "resources", data / "resources")
    for number, (arrival, clients, rate) in enumerate(plan):
        frame, run_us = _level(rng, number, base, arrival, clients, rate, seconds, slow)
        record.write_parquet(data / "requests" / f"stress_{number:03d}" / "requests.parquet", frame)
        _sample(writer, usage, totals, frame, run_us, base, seconds)
        rows.append(_row(frame, number, arrival, clients, rate, seconds))
        base += int((seconds + 0.7) * 1e9)
    if metrics:
        writer.flush()
        usage.flush()
    save(folder, rows, limit_ms, seed, server)
    return folder


def save(folder: Path, rows: list, limit_ms=3.0, seed=1, server="embedded"):
    """Write the JSON records around these levels."""
    exported = {"model_name": "digits", "fingerprint": "f" * 64, "batch_curve": {"fit": {"a_ms": 0.2, "b_ms": 0.002}}}
    record.save(folder, "export", params={}, results=exported, verdict="exported")
    served = {"server": server, "model_name": "digits", "cpus": [0], "configuration": "batching off", "flags": ["--x"]}
    record.save(folder, "serve", params={"enable_batching": False}, results=served, verdict="up")
    results = levels.results(
        _handle(server), rows, Load(p99_limit_ms=limit_ms, client_cpus=(1,)), {"floor_ms": FLOOR_US / 1e3}
    )
    params = {"protocol": "rest", "p99_limit_ms": limit_ms, "max_error_share": 0.001, "seed": seed}
    record.save(folder, "stress", params=params, results=results, verdict="stressed")


def _handle(server: str) -> Handle:
    return Handle(server, "digits", "/models/digits", "http://127.0.0.1:1", "127.0.0.1:2", "", [], [0])


def _level(rng, number, base, arrival, clients, rate, seconds, slow):
    count = int(seconds * (rate or 1200 * min(clients, 2)))
    service_us = 480 * slow * rng.lognormal(-0.02, 0.2, count)
    due = np.sort(rng.random(count) * seconds)
    gained = service_us[:-1] / 1e6 - np.diff(due)
    wait = np.concatenate([[0], np.cumsum(gained)])
    wait_us = (wait - np.minimum.accumulate(wait)) * 1e6 if rate else np.full(count, 480 * slow * (clients - 1.0))
    inside_us = wait_us + service_us
    scheduled = (base + due * 1e9).astype(np.int64)
    sent = scheduled + rng.integers(2_000, 20_000, count)
    done = sent + ((inside_us + NET_US + FLOOR_US) * 1e3).astype(np.int64)
    order = np.argsort(done)
    frame = pd.DataFrame({"level": number, "worker": 0, "scheduled_ns": scheduled, "sent_ns": sent, "done_ns": done})
    frame = frame.assign(status=200, error=pd.Series([None] * count, dtype="str"), bytes=300).iloc[order]
    return frame, (inside_us - SHELL_US)[order]


def _sample(writer, usage, totals, frame, run_us, base, seconds):
    done, before = frame["done_ns"].to_numpy(), 0
    for second in np.arange(0, seconds + 0.01, 0.5):
        at = int(base + second * 1e9)
        when, now = datetime(2026, 11, 22) + timedelta(microseconds=at // 1000), int(np.searchsorted(done, at))
        for place, values in enumerate((run_us[before:now] + SHELL_US, run_us[before:now])):
            totals[place] += [values.sum(), len(values), *((values <= limit).sum() for limit in LE)]
        count = float(totals[0, 1])
        labels = {"model_name": "digits", "API": "predict", "entrypoint": "REST"}
        for name, kept in ((series.REQUEST, totals[0]), (series.RUNTIME, totals[1])):
            told = (None, float(f"{kept[0]:.6g}"), count, LE, [float(value) for value in kept[2:]])
            writer.add((at, when, name, "histogram", json.dumps(labels), *told))
        for name, value in ((series.GRAPH_RUNS, count), (series.GRAPH_RUN_TIME, float(totals[1, 0]))):
            writer.add((at, when, name, "counter", "{}", value, None, None, None, None))
        cpu = count * 480e-6
        usage.add((at, when, "server", 1, None, cpu, 2**28, 20, 0.1 * cpu, 0.0, None, None, None))
        before = now


def _row(frame, number, arrival, clients, rate, seconds):
    latency = ((frame["done_ns"] - frame["scheduled_ns"]) / 1e6).to_numpy()
    at = {name: float(np.quantile(latency, share)) for name, share in (("p50", 0.5), ("p90", 0.9), ("p95", 0.95))}
    at |= {"mean": float(latency.mean()), "p99": float(np.quantile(latency, 0.99)), "max": float(latency.max())}
    at |= {"p99_low": 0.95 * at["p99"], "p99_high": 1.06 * at["p99"], "p999": None}
    count = len(latency)
    summary = {"requests": count, "errors": 0, "errors_by_kind": {}, "duration_s": seconds, "latency_ms": at}
    summary |= {"throughput_rps": count / seconds, "offered_rps": count / seconds, "service_ms": {"p99": at["p99"]}}
    summary |= {"mean_in_flight": count / seconds * at["mean"] / 1e3, "client_cpu_share": 0.3, "valid": True}
    summary |= {"lateness_us": {"p99": 20.0}, "warnings": []}
    settings = {"arrival": arrival, "concurrency": clients, "rate_rps": rate, "protocol": "rest", "rows_per_request": 1}
    return levels.flat(summary, number, settings)
