"""Holds one level and tells what happened: workers, rows, file, checks, summary."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from loadgen import tls
from loadgen.arrivals import check_trace
from loadgen.bodies import read_bodies
from loadgen.errors import LevelError, ServerUnreachable
from loadgen.level import Level
from loadgen.rows import GRPC, HTTP, OK, REFUSED, UNSENT, WRONG, RequestRows
from loadgen.store import write_requests
from loadgen.verdict.answers import add_up
from loadgen.verdict.counters import balance, requests_served
from loadgen.verdict.enough import sufficiency
from loadgen.verdict.evidence import claim
from loadgen.verdict.steady import little
from loadgen.verdict.stood_still import not_the_clients, of_the_client, silences
from loadgen.verdict.summary import describe, due_inside
from loadgen.verdict.validity import Facts, audit
from loadgen.workers import addresses
from loadgen.workers.hang_watch import says_yes
from loadgen.workers.runner import run_here

PAGE_S = 2.5  # for a page of a server that `is_alive` can be asked of: that it hangs is to be told within 5 s
Runner = Callable[[Level, Callable[[dict[str, Any]], None] | None], tuple[RequestRows, list[dict[str, Any]]]]


def hold(
    level: Level,
    out_dir: Path,
    on_progress: Callable[[dict[str, Any]], None] | None = None,
    *,
    p99_limit_ms: float | None = None,
    confidence: float = 0.99,
    passport: dict[str, Any] | None = None,
    is_alive: Callable[[], bool] | None = None,
    runner: Runner = run_here,
) -> dict[str, Any]:
    """Hold `level`, write `out_dir/requests.parquet`, return the summary (fields: README of this package).

    Args:
        on_progress: Called about twice a second (ten times while the server stands still) with `elapsed_s, duration_s,
            requests, errors, rate_rps, p99_ms`.
        p99_limit_ms: The SLO; when given, `claim` says whether the rows prove or refute it.
        confidence: How sure a claim must be to be called proven or refuted.
        passport: What `loadgen.passport` returned; a bad one makes the level INVALID.
        is_alive: Asked (in a thread, again each second) when nothing was answered for `max(3 s, 5 x the slowest so
            far)`, and where the metrics page does not come: whether the server still answers a status request. No, an
            error or no word in 1 s: it is hung, and the level ends. Without it a silence of 1.5 times as long is taken
            for that, after a first answer. A cluster's workers do without.
        runner: Who holds the level: processes of this machine, or `loadgen.workers.cluster.dask_runner(address)`.

    Raises:
        LevelError: The level cannot be held as asked for (nothing to send, unreadable trace or certificate).
        ServerUnreachable: TLS was asked for and the handshake fails, with the reason; or it hung before the level.
        WorkerFailed: A worker process ended without its rows.
    """
    read_bodies(level.bodies)  # what cannot be held is refused here, not by a worker
    check_trace(level)
    _make_room(Path(out_dir))
    tls.check(level)
    served, problem = _served(level, is_alive)
    if is_alive and runner is run_here and not level.to_the_end:
        runner = partial(run_here, is_alive=is_alive)
    rows, workers = runner(level, on_progress)
    start_ns = workers[0]["start_ns"]
    duration_s = _duration_s(level, start_ns, workers)
    window = due_inside(rows, start_ns, start_ns + int(duration_s * 1e9))
    write_requests(Path(out_dir) / "requests.parquet", window, level.level)
    summary = describe(rows, start_ns, duration_s) | _of_workers(level, workers)
    summary["little"] = little(rows, workers)
    summary["mean_in_flight"] = summary["little"]["mean_in_flight"]
    summary |= sufficiency(summary, rows)
    summary["client_stood_still"] = of_the_client(
        [span for worker in workers for span in worker["unseen_ns"]], start_ns, duration_s
    )
    said = silences(rows, start_ns, summary["hung"])
    summary["stood_still"] = said if summary["hung"] else not_the_clients(said, summary["client_stood_still"])
    summary["passport"] = passport
    if summary["hung"]:  # its page would not come either
        problem = problem or "the server hung"
    summary |= _balance(level, served, problem, rows, is_alive)
    if p99_limit_ms is not None:
        summary["claim"] = prove(window, p99_limit_ms, summary["throughput_rps"], confidence)
    summary |= audit(Facts(level, rows, window, summary, start_ns))
    if hint := tls.hint(level, summary):
        summary["warnings"].insert(0, hint)
    return summary | {"level": level.public_json()}


def _make_room(out_dir: Path) -> None:
    """The directory of the rows: whether it can be written is told before the load, not after it."""
    try:
        out_dir.mkdir(parents=True, exist_ok=True)
    except OSError as wrong:
        raise LevelError(f"out is {str(out_dir)!r}, which cannot be a directory: {wrong}") from wrong


def prove(window: RequestRows, limit_ms: float, rate_rps: float, confidence: float) -> dict[str, Any]:
    """Is p99 at most `limit_ms` proven by these rows? A failed request counts as slower than any limit."""
    order = np.argsort(window.scheduled_ns, kind="stable")
    latency = np.where(window.kind == OK, (window.done_ns - window.scheduled_ns) / 1e6, np.inf)
    return claim(latency[order], limit_ms, rate_rps, confidence=confidence)


def _duration_s(level: Level, start_ns: int, workers: list[dict[str, Any]]) -> float:
    """Length of the window; shorter than asked for when the server died or hung."""
    ended = [w["edges_ns"][1] for w in workers if w["dead"] or w["hung"]]
    if not ended:
        return level.duration_s
    last = max(ended)
    return min(level.duration_s, max(0.001, (last - start_ns) / 1e9))


def _of_workers(level: Level, workers: list[dict[str, Any]]) -> dict[str, Any]:
    """What the workers counted themselves, added up; of CPU shares the highest."""
    shares = [w["cpu_s"] / w["edge_s"] for w in workers if w["edge_s"] > 0]
    return {
        "client_cpu_share": max(shares, default=None),
        "client_cpus": [w["cpu"] for w in workers],
        "client_niceness": [w["niceness"] for w in workers],
        "client_realtime": [w["realtime"] for w in workers],
        "processes": len(workers),
        "in_flight_cap": level.in_flight_cap(),
        "connections": level.connection_count(),
        "addresses": addresses.add_up([w["addresses"] for w in workers]),
        "connections_opened": sum(w["connections_opened"] for w in workers),
        "refusals": sum(w["refusals"] for w in workers),
        "answers": add_up([w["answers"] for w in workers]),
        "dead": any(w["dead"] for w in workers),
        "hung": any(w["hung"] for w in workers),
        "worker_memory_mb": max((w["memory_mb"] for w in workers if w["memory_mb"]), default=None),
    }


def _served(level: Level, is_alive: Callable[[], bool] | None) -> tuple[int, str]:
    if not level.metrics_url:
        return 0, ""
    try:
        return requests_served(level.metrics_url, **_page_access(level, is_alive)), ""
    except ServerUnreachable as wrong:
        if _hangs(wrong, is_alive):
            raise ServerUnreachable(
                f"The server answered nothing before the level, its status neither: {wrong}"
            ) from wrong
        return 0, str(wrong)


def _hangs(wrong: ServerUnreachable, is_alive: Callable[[], bool] | None) -> bool:
    """Whether a page did not come because the server answers nothing; one that refuses connections is dead."""
    cause = getattr(wrong.__cause__, "reason", wrong.__cause__)
    return is_alive is not None and isinstance(cause, TimeoutError) and not says_yes(is_alive)


def _page_access(level: Level, is_alive: Callable[[], bool] | None) -> dict[str, Any]:
    """How the server's own pages are read: with the level's TLS, and its credentials where it is the same server."""
    same = urlsplit(level.metrics_url or "").hostname == level.address()[0]
    given = {name: value for name, value in level.request_headers().items() if name.lower() == "authorization"}
    patience = {"timeout_s": PAGE_S} if is_alive else {}
    return {"tls": tls.context(level, pages=True), "headers": given if same else {}, **patience}


def _balance(
    level: Level, served: int, problem: str, rows: RequestRows, is_alive: Callable[[], bool] | None
) -> dict[str, Any]:
    """Counts of both sides since before the ramp-up; `balance` is None when there is no page to read.

    A server whose page does not come, nor an answer to `is_alive`, hangs since the end of the level.
    """
    if not level.metrics_url or problem:
        return {"balance": None, "balance_problem": problem}
    answered = np.isin(rows.kind, (OK, HTTP, GRPC, WRONG))
    never_sent = np.isin(rows.kind, (REFUSED, UNSENT)) | (rows.sent_ns == 0)
    uncertain = len(rows) - np.count_nonzero(answered) - np.count_nonzero(never_sent & ~answered)
    try:
        counts = balance(
            level.metrics_url,
            served,
            int(np.count_nonzero(answered)),
            int(uncertain),
            **_page_access(level, is_alive),
        )
    except ServerUnreachable as wrong:
        hung = {"hung": True} if not level.to_the_end and _hangs(wrong, is_alive) else {}
        return {"balance": None, "balance_problem": str(wrong), **hung}
    return {"balance": counts, "balance_problem": ""}
