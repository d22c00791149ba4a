"""Stress: hold load levels against the server and keep what each one showed."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import loadgen

from playbook import levels, progress, record
from playbook.bodies import write_bodies
from playbook.errors import LoadFailed
from playbook.handle import Handle
from playbook.reference import Reference


@dataclass(frozen=True)
class Load:
    """What all levels of a run share: the requests, the window and the client's cores."""

    protocol: str = "rest"
    duration_s: float = 5.0
    ramp_up_s: float = 1.0
    client_cpus: tuple[int, ...] = ()
    rows_per_request: int = 1
    timeout_s: float = 10.0
    processes: int = 1
    seed: int = 7


def level_of(handle: Handle, load: Load, bodies: Path, **settings: Any) -> loadgen.Level:
    """One load level against this server; `settings` are the level's own (concurrency, rate_rps, …)."""
    url = handle.predict_url if load.protocol == "rest" else f"grpc://{handle.grpc_target}"
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
        **settings,
    )


def sweep(
    handle: Handle,
    run_dir: Path,
    load: Load,
    concurrency: Iterable[int] = (1, 4, 16),
    rates_rps: Iterable[float] = (),
    rate_shares: Iterable[float] = (0.5, 0.8),
) -> list[dict[str, Any]]:
    """Hold every level in turn: closed loops first, then open loops.

    Args:
        concurrency: Closed loops, each with so many requests in flight.
        rates_rps: Open loops (Poisson arrivals) at these rates.
        rate_shares: Further open loops, at these shares of the best closed loop's throughput.

    Returns:
        One flat row a level, the `results.levels[]` of stress.json. Rows are kept in data/levels.json as they come.

    Raises:
        ServerDied: the server ended; finished levels stay on disk.
        LoadFailed: a level could not be measured at all.
    """
    reference = Reference.load(run_dir)
    closed, shares = list(concurrency), list(rate_shares)
    planned = len(closed) + len(list(rates_rps)) + len(shares)
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="bodies-") as folder, progress.live("stress", planned) as bar:
        bodies = write_bodies(
            Path(folder), reference, load.protocol, load.rows_per_request, model_name=handle.model_name
        )
        for clients in closed:
            settings = {"arrival": "closed", "concurrency": int(clients)}
            rows.append(_hold(handle, run_dir, load, bodies, len(rows), settings, bar))
        best = max((row["throughput_rps"] or 0.0 for row in rows), default=0.0)
        for rate in [*rates_rps, *(round(best * share, 1) for share in shares if best)]:
            settings = {"arrival": "poisson", "rate_rps": float(rate)}
            rows.append(_hold(handle, run_dir, load, bodies, len(rows), settings, bar))
    return rows


def passport(load: Load) -> dict[str, Any] | None:
    """What the load generator says of itself: floor, lateness, highest rate, stall error (about 3 s)."""
    return loadgen.passport(cpus=load.client_cpus)


def _hold(
    handle: Handle, run_dir: Path, load: Load, bodies: Path, number: int, settings: dict[str, Any], bar: Any
) -> dict[str, Any]:
    handle.check_alive()
    words = levels.described({"concurrency": None, "rate_rps": None, **settings})

    def tell(seen: Mapping[str, Any]) -> None:
        share = min(1.0, seen["elapsed_s"] / (load.duration_s + load.ramp_up_s))
        p99 = f"{seen['p99_ms']:.1f} ms" if seen.get("p99_ms") is not None else "-"
        bar.update(number + share, f"{words}: {seen['rate_rps']:,.0f}/s, p99 so far {p99}")

    folder = record.data_dir(run_dir) / "requests" / f"stress_{number:03d}"
    try:
        summary = loadgen.hold(level_of(handle, load, bodies, level=number, **settings), folder, on_progress=tell)
    except loadgen.LoadgenError as error:
        handle.check_alive()
        raise LoadFailed(f"Level {number} ({words}) could not be measured: {error}") from error
    row = levels.flat(
        summary, number, {**settings, "protocol": load.protocol, "rows_per_request": load.rows_per_request}
    )
    _keep(run_dir, row)
    handle.check_alive()
    return row


def _keep(run_dir: Path, row: dict[str, Any]) -> None:
    """Add the level to data/levels.json: what was measured outlives a run that dies."""
    path = record.data_dir(run_dir) / "levels.json"
    rows = [] if row["level"] == 0 or not path.exists() else json.loads(path.read_text())
    part = path.with_suffix(".part")
    part.write_text(json.dumps([*rows, row], indent=1))
    part.replace(path)
