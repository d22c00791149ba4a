"""One replica, as the records measured it: its configuration, what it carries inside the limit, what it needs."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playbook.deploy import evidence
from playbook.knobs import TUNED
from playbook.promise import Promise
from playbook.records import store
from playbook.records.cited import Cited, Records


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
    extra_flags: Cited | None = None  # further flags it was measured with
    planned_cpu_cores: Cited | None = None  # cores it used at the planned rate, in the rehearsal
    max_error_share: float = Promise.max_error_share  # as stress was told; where nothing was told, the default
    valid: bool = True  # whether a VALID level stands behind the rate
    confirmed: bool = True  # False where prove was run and does not confirm it
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
    chosen = evidence.choose(records)
    server = records.get("serve", "server") or Cited("embedded", "assumed: there is no serve.json")
    return Replica(
        config=_config(records, chosen.tuned),
        tuned=chosen.tuned,
        rate_rps=chosen.rate_rps,
        p99_ms=chosen.p99_ms,
        curve=evidence.curve(records, chosen),
        valid=chosen.valid,
        confirmed=not chosen.valid or not chosen.unproven,
        limit_ms=evidence.limit_ms(records),
        max_error_share=_error_share(records),
        saturation_rps=evidence.saturation(records, chosen),
        cpus=_cpus(records),
        cpu_cores=_resource(run_dir, "quantile_cont(cpu_cores, 0.95)", "95th percentile of cpu_cores", chosen.tuned),
        memory_bytes=_resource(run_dir, "max(rss_bytes)", "largest rss_bytes", chosen.tuned),
        start_s=records.get("serve", "start_s"),
        slowest_ms=records.get("stress", "best.latency_max_ms"),
        server=server,
        extra_flags=_extra_flags(records),
        warnings=_warnings(records, chosen, server),
    )


def _warnings(records: Records, chosen: evidence.SizingEvidence, server: Cited) -> list[str]:
    words = [*chosen.unproven, *chosen.doubts] + ([] if chosen.tuned else [_untuned(records)])
    if server.value == "embedded":
        words.append(
            "Every rate here was measured on the embedded server, not on TensorFlow Serving: run params/docker.yml "
            "before you rely on these sizes."
        )
    return words


def _config(records: Records, tuned: bool) -> dict[str, Cited]:
    if tuned:
        best = records.need("tune", "best.config").value
        return {name: Cited(best[name], f"tune.json results.best.config.{name}") for name in TUNED if name in best}
    params = (records.of("serve") or {}).get("params", {})
    return {name: Cited(params[name], f"serve.json params.{name}") for name in TUNED if name in params}


def _extra_flags(records: Records) -> Cited | None:
    """What serve was given beside the knobs; tune and prove start their servers with it too."""
    params = (records.of("serve") or {}).get("params", {})
    words = list(params.get("extra_flags") or [])
    return Cited(words, "serve.json params.extra_flags") if words else None


def _error_share(records: Records) -> float:
    share = (records.of("stress") or {}).get("params", {}).get("max_error_share")
    return Promise.max_error_share if share is None else share


def _untuned(records: Records) -> str:
    batching = (records.of("serve") or {}).get("params", {}).get("enable_batching")
    what = "with batching as served" if batching else "the default flags"
    return (
        f"There is no tuning record: this deploys the configuration that stress measured ({what}). "
        "Run the 'tune' notebook for a better one."
    )


def _cpus(records: Records) -> Cited:
    cpus = records.get("serve", "cpus")
    if cpus is not None and cpus.value:
        return cpus.as_(len, "how many")
    environment = (records.of("stress") or records.of("serve") or {}).get("environment", {})
    return Cited(int(environment.get("cores") or 1), "stress.json environment.cores")


def _resource(run_dir: Path, what: str, words: str, tuned: bool) -> Cited | None:
    """A figure over the server's samples in data/resources while prove held it, else over all; None without samples.

    Prove's server is the one that ships; stress's had the default flags.
    """
    start_ns, end_ns = _proved_ns(run_dir)
    where = "who = 'server'" + (f" AND at_ns BETWEEN {start_ns} AND {end_ns}" if start_ns else "")
    with store.table(run_dir, "resources") as db:
        value = db.execute(f"SELECT {what} FROM resources WHERE {where}").fetchall()[0][0]
    if value is None or not math.isfinite(value) or value <= 0:
        return None
    of = "in prove" if start_ns else "under the default flags" if tuned else "in stress"
    return Cited(float(value), f"data/resources, {words} of the server {of}")


def _proved_ns(run_dir: Path) -> tuple[int | None, int | None]:
    """Begin and end of prove's requests; None, None where there are none."""
    with store.table(run_dir, "requests") as db:
        row = db.execute("SELECT min(scheduled_ns), max(done_ns) FROM requests WHERE stage = 'prove'").fetchone()
    return row if row else (None, None)


def rounded_up(step: float) -> Callable[[Any], float]:
    """Round up to a multiple of `step`, as requests and limits are written."""
    return lambda value: math.ceil(round(value / step, 9)) * step
