"""Watch a server while something else happens: metrics and resources go to Parquet from a process of its own."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import duckdb
import requests
from urllib3.exceptions import ProtocolError

from loadgen import memory
from playbook.errors import MonitorError, ParameterError
from playbook.knobs import METRICS_PATH
from playbook.monitor import resources
from playbook.records import names, places, record, runs, secrets, store, trust
from playbook.records.parts import PartWriter
from playbook.records.sessions import connection

READY_TIMEOUT_S = 20.0
LAST_SAMPLE_S = 0.3  # after something failed; what it has seen before is on disk
ANSWER_TIMEOUT_S = 5.0  # of the first look, which says at once that an address is wrong


@contextmanager
def watching(
    handle: Any, run_dir: Path, every_s: float = 1.0, pids: Mapping[str, int] | None = None
) -> Iterator[subprocess.Popen]:
    """Sample the server of `handle` while the block runs; `data/{metrics,resources,events}/*.parquet` of the run.

    The first sample is on disk before the block begins and the last is taken when it ends (where it fails, if that
    takes no time). A server without
    metrics or without a process of this machine is watched by what there is; a page that gives none becomes an event.

    Args:
        handle: A `playbook.serve.serve.Handle` (its `metrics_url`, `pid`, `container_id` are read), or None.
        run_dir: The run folder.
        every_s: Seconds between samples.
        pids: Processes to sample, by name; the handle's server and the calling process ("client") by default.

    Raises:
        MonitorError: the monitor's own process did not come up.
    """
    server, containers = _server(handle)
    known = {"client": os.getpid(), **server} if pids is None else dict(pids)
    config = {"url": getattr(handle, "metrics_url", None), "every_s": every_s, "pids": known, "containers": containers}
    since, process = memory.OomWatch(), _begin({**config, "folder": str(record.data_dir(run_dir))}, every_s)
    try:
        yield process
    except BaseException:  # what failed is told first: a server that hangs gives no last sample
        _end(process, LAST_SAMPLE_S)
        raise
    else:
        ended = process.poll()
        _end(process)
        if ended is not None:
            _tell_ended(record.data_dir(run_dir), ended, since.why(process.pid) if ended == -signal.SIGKILL else "")


def collect(url: str, every_s: float = 1.0, for_s: float | None = None, outputs: Path = Path("outputs")) -> Path:
    """Collect the metrics of a running server into a new run folder; returns the folder.

    Args:
        url: The metrics page, or only `http://host:port`; TensorFlow Serving's usual path is then added.
        every_s: Seconds between samples.
        for_s: How long; None goes on until interrupted (Ctrl-C), which is a good end too.
        outputs: Where run folders lie.

    Raises:
        ParameterError: not an HTTP address, or a time that is not positive.
        MonitorError: nothing was received at all.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise ParameterError(f"An address such as http://127.0.0.1:8501 was expected, {url!r} was given.")
    if every_s <= 0 or (for_s is not None and for_s <= 0):
        raise ParameterError(f"Times must be positive: every {every_s} s for {for_s} s was given.")
    url = secrets.take(names.check("metrics_url", url))
    parts = urlsplit(url)
    url = url if parts.path not in ("", "/") else f"{parts.scheme}://{parts.netloc}{METRICS_PATH}"
    _check_answers(url)
    run_dir = runs.create(Path(outputs), Path("monitor"), {"url": url, "every_s": every_s, "for_s": for_s})
    config = {"url": url, "every_s": every_s, "for_s": for_s, "pids": {}, "folder": str(record.data_dir(run_dir))}
    process = _begin(config, every_s)
    try:
        with suppress(KeyboardInterrupt):
            process.wait()
    finally:
        said = _end(process)
    if process.returncode:
        raise MonitorError(
            f"The monitor of {url} {_how_ended(process.returncode)} before its time: {said or 'it said nothing'}. What "
            f"was collected until then lies in {run_dir}."
        )
    if not places.whole_files(run_dir, "metrics"):
        raise MonitorError(f"Nothing was collected from {url}. {_last_event(run_dir)}")
    return run_dir


def _check_answers(url: str) -> None:
    """Return when something that speaks HTTP answers there, whatever it says.

    Raises:
        MonitorError: nothing listens, or what does speaks something else, as a gRPC port does.
    """
    shown = secrets.masked(url)
    try:
        with connection(url) as session:
            session.get(url, timeout=ANSWER_TIMEOUT_S).close()
    except requests.Timeout as error:
        raise MonitorError(f"{shown} was asked and did not answer within {ANSWER_TIMEOUT_S:g} s.") from error
    except requests.ConnectionError as error:
        if why := trust.problem(url):
            raise MonitorError(f"{shown} was asked: {why}") from error
        if isinstance(error.args[0] if error.args else None, ProtocolError):
            raise MonitorError(
                f"What listens at {shown} does not speak HTTP/1.1: is it the gRPC port (8500)? Metrics are on the REST "
                "port (8501)."
            ) from error
        raise MonitorError(
            f"Nothing answers at {shown}. Is the server up, and is this its REST port (8501)?"
        ) from error


def _begin(config: dict[str, Any], every_s: float) -> subprocess.Popen:
    """Start the process and wait until its first sample is on disk."""
    command = [sys.executable, "-m", "playbook.monitor.watch", json.dumps(config)]
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=secrets.environment(),
    )
    assert process.stdout is not None  # a pipe was asked for
    ready, _, _ = select.select([process.stdout], [], [], READY_TIMEOUT_S + every_s)
    if ready and process.stdout.readline().strip() == "watching":
        return process
    with suppress(subprocess.TimeoutExpired):
        process.wait(1.0 if ready else 0.0)  # its output is closed: it ends
    ended = process.poll()
    process.kill()
    tail = process.communicate()[1].strip().splitlines()[-1:]
    waited = (
        _how_ended(ended) if ended is not None else f"was waited for {READY_TIMEOUT_S + every_s:g} s and did not start"
    )
    raise MonitorError(f"The monitor {waited}: {' '.join(tail).removeprefix('playbook.errors.') or 'it said nothing'}.")


def _end(process: subprocess.Popen, within_s: float = READY_TIMEOUT_S) -> str:
    """Close its input, which asks it to take a last sample and stop; the last line of what it said on stderr."""
    try:
        said = process.communicate(timeout=within_s)[1]
    except subprocess.TimeoutExpired:
        process.kill()
        said = process.communicate()[1]
    return " ".join((said or "").strip().splitlines()[-1:])


def _how_ended(code: int) -> str:
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"


def _tell_ended(data: Path, code: int, why: str) -> None:
    """Say and keep that the monitor was not there to the end: what it did not see is not to be taken for nothing."""
    now, utc = time.monotonic_ns(), datetime.now(timezone.utc).replace(tzinfo=None)
    how = _how_ended(code)
    text = f"it {how} before what it watched: no sample after that"
    with duckdb.connect(config={"threads": 1}) as db:
        writer = PartWriter(db, "events", data / "events")
        writer.add((now, utc, "gone", "monitor", text))
        writer.flush()
    print(f"The monitor of the server {how} before the load did: there are no metrics after that. {why}".rstrip())


def _server(handle: Any) -> tuple[dict[str, int], dict[str, str]]:
    """The server by its process, or by its container where this machine does not see the process; proxies before it."""
    container_id = getattr(handle, "container_id", None)
    pid = resources.container_pid(container_id) if container_id else getattr(handle, "pid", None)
    proxies = _proxies(handle) if container_id else {}
    return ({"server": pid} if pid else {}) | proxies, ({"server": container_id} if container_id and not pid else {})


def _proxies(handle: Any) -> dict[str, int]:
    """Docker's user-land proxies that the requests of a container pass: their CPU is no one's otherwise."""
    ways = {"proxy_rest": urlsplit(handle.rest_url), "proxy_grpc": urlsplit(f"//{handle.grpc_target}")}
    ports = {who: way.port for who, way in ways.items() if way.hostname == "127.0.0.1" and way.port}
    return {who: pid for who, port in ports.items() if (pid := resources.proxy_pid(port))}


def _last_event(run_dir: Path) -> str:
    with store.table(run_dir, "events") as db:
        row = db.execute(
            "SELECT detail FROM events WHERE event IN ('gone', 'problem') ORDER BY at_ns DESC LIMIT 1"
        ).fetchone()
    return row[0] if row else ""
