"""The cold start: the first requests of a fresh server, one after the other, warmed up in three ways. No TensorFlow."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import requests

from playbook import markdown, progress, stopwatch
from playbook.errors import ParameterError, WarmupNotApplied
from playbook.monitor.scrape import Parser
from playbook.records.batch_curve import first_run_s, replay_s
from playbook.records.sessions import connection
from playbook.serve import serve
from playbook.serve.handle import Handle
from playbook.serve.spec import ServerSpec
from playbook.stage_plan import StagePlan, stretch
from playbook.tfserving.reference import Reference
from playbook.tfserving.requests import grpc_body, rest_body
from playbook.tfserving.warmup_file import REMEDY
from playbook.warmup.sending import sender, timed_ms

WAYS = ("cold", "client_warm", "assets")
UNWARMED = 2  # of them on servers that replay nothing
UNKNOWN: Mapping[str, Any] = MappingProxyType({})
RECORDS_READ = ":tensorflow:serving:model_warmup_records_read"
NO_WARMUP = "--enable_model_warmup=false"
TIMED = 4  # requests that are timed for the plan; the first of them does not count
END_S = 0.4  # of a server
TELL_S = 0.5  # between two words on how far it is
FEWEST = 10  # first requests on a server, however long they take


@dataclass(frozen=True)
class ColdStartPlan:
    """What is sent to each fresh server: requests of one row (or as many as the model insists on), taken in turn.

    `first_requests` may be fewer than were `wanted`: as many as fit into the seconds given, at `request_ms` each.
    """

    protocol: str = "rest"
    first_requests: int = 100
    client_warmup_requests: int = 16
    repeats: int = 1
    start_timeout_s: float = 60.0
    wanted: int | None = None
    request_ms: float | None = None
    start_s: float | None = None  # with the warm-up requests of the version
    replay_s: float = 0.0  # of it, what those take
    first_run_s: float = 0.0  # of a signature beyond a later one, on a server that replays none

    def __post_init__(self) -> None:
        for name in ("first_requests", "client_warmup_requests", "repeats"):
            if getattr(self, name) < 1:
                raise ParameterError(f"{name} must be at least 1; it is {getattr(self, name)}.")

    @property
    def left_out(self) -> list[str]:
        """What the time does not suffice for, in words."""
        if self.wanted in (None, self.first_requests) or self.request_ms is None:
            return []
        return [
            f"{self.wanted - self.first_requests} of {self.wanted} first requests on each server: one takes "
            f"{markdown.number(self.request_ms)} ms"
        ]

    @property
    def expected_s(self) -> float | None:
        """Seconds for all servers, starts included; None until a request was timed."""
        if self.request_ms is None:
            return None
        asked_s = (self.first_requests * len(WAYS) + self.client_warmup_requests) * self.request_ms / 1e3
        started_s = len(WAYS) * ((self.start_s or 0.0) + END_S * stretch())
        spared_s = UNWARMED * min(self.start_s or 0.0, max(0.0, self.replay_s - self.first_run_s))
        return self.repeats * (asked_s + started_s - spared_s)


def planned(
    plan: ColdStartPlan, handle: Handle, reference: Reference, budget_s: float, exported: Mapping[str, Any] = UNKNOWN
) -> ColdStartPlan:
    """The plan with as many first requests as fit into the budget: the running server is timed first.

    Args:
        plan: What is wished for.
        handle: A server that runs with the same model and is warm.
        reference: Rows.
        budget_s: Seconds for the first requests of all ways and repeats; ten on each server are measured at least.
        exported: `results` of export.json, which timed what warm-up requests take.

    Raises:
        PredictFailed: the server cannot be reached, or refuses a request.
    """
    bodies = _bodies(handle, reference, plan)
    with sender(handle, plan.protocol) as send:
        took_ms = [timed_ms(send, bodies[number % len(bodies)]) for number in range(TIMED)]
    return fitted(plan, float(np.median(took_ms[1:])), handle.start_s or 0.0, budget_s, exported)


def fitted(
    plan: ColdStartPlan, request_ms: float, start_s: float, budget_s: float, exported: Mapping[str, Any] = UNKNOWN
) -> ColdStartPlan:
    """The plan with as many first requests as fit, where one takes `request_ms` and a server starts in `start_s`."""
    fits = int(budget_s * 1e3 / request_ms / len(WAYS) / plan.repeats)
    first = min(plan.first_requests, max(FEWEST, fits))
    return replace(
        plan,
        first_requests=first,
        client_warmup_requests=min(plan.client_warmup_requests, first),
        wanted=plan.first_requests,
        request_ms=request_ms,
        start_s=start_s,
        replay_s=replay_s(exported),
        first_run_s=first_run_s(exported),
    )


def stage(plan: ColdStartPlan) -> StagePlan:
    """The plan of the stage: fresh servers and the first requests on each."""
    servers = len(WAYS) * plan.repeats
    words = f"{servers} fresh servers, {plan.first_requests} requests of {markdown.number(plan.request_ms)} ms on each"
    return StagePlan.of([(words, plan.expected_s or 0.0)], plan.left_out)


def measure(spec: ServerSpec, run_dir: Path, reference: Reference, plan: ColdStartPlan) -> list[dict[str, Any]]:
    """The first latencies of fresh servers, a row a way, the ways interleaved over the repeats.

    Each row: `way`, `latency_ms` (by request number, median over repeats), `start_s`, `records_read` (None unknown).
    A server that is only attached to cannot be started afresh: no rows.

    Raises:
        ServerNotReady: a server did not start, as with a warm-up file it cannot read.
        WarmupNotApplied: a server that was to replay the warm-up requests did not.
    """
    if spec.server == "attach":
        return []
    rounds: list[list[dict[str, Any]]] = []
    with progress.live("fresh servers", plan.repeats * len(WAYS)) as bar:
        for turn in range(plan.repeats):
            rounds.append([])
            for number, way in enumerate(WAYS):
                bar.update(turn * len(WAYS) + number, f"starting a server, {way.replace('_', ' ')}")
                stretch = progress.Stretch(bar, turn * len(WAYS) + number, 1.0)
                rounds[-1].append(_once(way, spec, run_dir, reference, plan, stretch))
    rows = []
    for number, way in enumerate(WAYS):
        turns = [one[number] for one in rounds]
        latency = np.median([row["latency_ms"] for row in turns], axis=0)
        start_s = float(np.median([row["start_s"] for row in turns]))
        rows.append(turns[0] | {"way": way, "latency_ms": [round(float(x), 4) for x in latency], "start_s": start_s})
    return rows


def records_read(handle: Handle) -> int | None:
    """How many warm-up records the server says it has replayed, over all its loads; None when it shows no metrics."""
    if not handle.metrics_url:
        return None
    try:
        with connection(handle.metrics_url) as session:
            reply = session.get(handle.metrics_url, timeout=10)
    except requests.RequestException:
        return None
    if reply.status_code != 200:
        return None
    series_found, _ = Parser().parse(reply.text)
    return sum(int(series.value or 0) for series in series_found if series.name == RECORDS_READ)


def check_applied(handle: Handle, expected: int) -> int | None:
    """The records a server has replayed, when there are metrics to tell.

    Raises:
        WarmupNotApplied: the file is there, warm-up is on, and nothing was replayed.
    """
    read = records_read(handle)
    if read == 0 and expected and NO_WARMUP not in handle.flags:
        raise WarmupNotApplied(
            f"{expected} warm-up requests lie in {handle.model_base_path} and the server at {handle.rest_url} has "
            f"replayed none (model_warmup_records_read is 0).\n  Last log lines ({handle.log_path}):\n"
            f"{handle.log_tail()}\n  Check that it serves the version with assets.extra. {REMEDY}"
        )
    return read


def summary(rows: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """For each way: the first latency, the slowest, and what the requests took beyond as many steady ones, in ms.

    Steady is the median of the later half of all requests.
    """
    if not rows:
        return {}
    steady = float(np.median([x for row in rows for x in row["latency_ms"][len(row["latency_ms"]) // 2 :]]))
    return {
        row["way"]: {
            "first_ms": row["latency_ms"][0],
            "max_ms": max(row["latency_ms"]),
            "extra_ms": round(sum(row["latency_ms"]) - steady * len(row["latency_ms"]), 3),
            "steady_ms": round(steady, 4),
            "start_s": row["start_s"],
        }
        for row in rows
    }


def _once(
    way: str, spec: ServerSpec, run_dir: Path, reference: Reference, plan: ColdStartPlan, bar: progress.Stretch
) -> dict[str, Any]:
    flags = spec.extra_flags if way == "assets" else (*spec.extra_flags, NO_WARMUP)
    fresh = replace(spec, extra_flags=flags, rest_api_port=0, port=0)
    with serve.running(fresh, run_dir, plan.start_timeout_s, f"warmup-{way}") as handle:
        with sender(handle, plan.protocol) as send:
            bodies = _bodies(handle, reference, plan)
            if way == "client_warm":
                for number in range(plan.client_warmup_requests):
                    send(bodies[-1 - number % len(bodies)])
            with stopwatch.measuring():
                latencies = _asked(send, bodies, plan.first_requests, bar, way.replace("_", " "))
        read = check_applied(handle, 1) if way == "assets" else None
        return {"latency_ms": latencies, "start_s": handle.start_s, "records_read": read}


def _asked(
    send: Callable[[bytes], None], bodies: Sequence[bytes], count: int, bar: progress.Stretch, way: str
) -> list[float]:
    """The latencies of so many requests; told between them, and not so often that it would disturb quick ones."""
    latencies, told_s = list[float](), time.monotonic()
    for number in range(count):
        latencies.append(timed_ms(send, bodies[number % len(bodies)]))
        if time.monotonic() - told_s > TELL_S:
            told_s = time.monotonic()
            bar.update((number + 1) / count, f"{way}, request {number + 1} of {count}")
    return latencies


def _bodies(handle: Handle, reference: Reference, plan: ColdStartPlan) -> list[bytes]:
    """The requests that are measured, and after them those of the client-side warm-up: others, while there are rows."""
    bodies, rows = [], reference.fixed_rows or 1
    for number in range(min(len(reference) // rows, plan.first_requests + plan.client_warmup_requests)):
        row = reference.slice(number * rows, (number + 1) * rows)
        if plan.protocol == "rest":
            bodies.append(rest_body(row.inputs, row.signature))
        else:
            bodies.append(grpc_body(row.inputs, row.signature, handle.model_name))
    return bodies
