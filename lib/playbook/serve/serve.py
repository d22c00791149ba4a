"""Serve: start a server of any kind, find it again from another process, end it whatever happens."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from loadgen import memory
from playbook.errors import ServerNotReady
from playbook.knobs import METRICS_PATH
from playbook.records import journal, record, secrets, trust, whole_file
from playbook.records.process import begun_s, ended
from playbook.serve import client, listening, refused_model, speaking, unknown_flag
from playbook.serve import owner as ownership
from playbook.serve.cores import split_cpus
from playbook.serve.handle import Handle
from playbook.serve.spec import ServerSpec, choose_port, from_parameters

__all__ = [
    "Handle",
    "ServerSpec",
    "from_parameters",
    "running",
    "split_cpus",
    "start",
    "stop",
    "stop_all",
]

UNHEARD_S = 0.3


def start(
    spec: ServerSpec,
    run_dir: Path,
    timeout_s: float = 60.0,
    name: str = "serve",
    why: str = "as the parameters ask",
    owner: int | None = None,
) -> Handle:
    """Start the server, wait until the model is AVAILABLE, and note its flags in the change journal.

    One that is attached to is only waited for: it runs already, and its flags are not known.

    Args:
        name: Its config files, log and process note are kept under this name in the run folder.
        why: The reason, for the journal.
        owner: The process with which the server ends, however that one ends. When left out: the runner of the chain
            where one started this notebook; else none, and the server outlives its kernel, as JupyterLab needs it.

    Raises:
        ParameterError: a port that was asked for is taken, or there is no ssl_config_file.
        ServerNotReady: not AVAILABLE within `timeout_s`, or started without a flag it does not know, or another program
            answers at its port, or the TLS of its gRPC port is not what was asked for; it has been ended.
        DockerUnavailable: as `containers.start`.
    """
    run_dir = Path(run_dir).resolve()
    if spec.server == "attach":
        secrets.recall(run_dir)
        reach(spec)
        secrets.keep(run_dir)
        return _attach(spec, timeout_s)
    spec.check_files()
    config_dir = run_dir / "config" / name
    config_dir.mkdir(parents=True, exist_ok=True)
    for file, text in spec.config_files().items():
        whole_file.write_text(config_dir / file, text)
    ports = choose_port("rest_api_port", spec.rest_api_port), choose_port("port", spec.port)
    if spec.server == "docker":
        from playbook.serve import containers

        handle = containers.start(spec, run_dir, config_dir, *ports, name=name)
    else:
        handle = _start_process(spec, run_dir, config_dir, *ports)
    note, owner = handle.note(run_dir, name), owner or ownership.named()
    if owner is not None:
        ownership.bind(note, owner)
    handle = _await(handle, timeout_s)
    try:
        speaking.agree(spec, handle, run_dir)
    except ServerNotReady:
        stop(handle)
        raise
    journal.note(run_dir, name.split("-")[0], "server flags", None, " ".join(handle.flags), why)
    return handle


def stop(handle: Handle, grace_s: float = 5.0) -> bool:
    """End the server, if it is ours; whether one was there. One that has ended already is no error.

    One that answers nothing hears no polite word either: it is given `UNHEARD_S` alone.
    """
    if handle.container_id:
        from playbook.serve import containers

        return containers.stop(handle.container_id)
    process = handle.process()
    if process is None:
        return False
    with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
        patience_s = grace_s if client.responds(handle, UNHEARD_S) else min(grace_s, UNHEARD_S)
        os.killpg(process.pid, signal.SIGTERM)
        if not ended(handle.pid, handle.pid_started, patience_s):
            os.killpg(process.pid, signal.SIGKILL)
            ended(handle.pid, handle.pid_started, grace_s)
    return True


@contextlib.contextmanager
def running(spec: ServerSpec, run_dir: Path, timeout_s: float = 60.0, name: str = "serve") -> Iterator[Handle]:
    """A server for the length of a `with` block; it ends with this process, however that ends."""
    handle = start(spec, run_dir, timeout_s, name, owner=os.getpid())
    try:
        yield handle
    finally:
        stop(handle)


def stop_all(run_dir: Path) -> list[str]:
    """End every server that this run started and that still lives; returns what was ended, in words."""
    stopped = []
    for note, handle in Handle.noted(run_dir):
        if stop(handle):
            stopped.append(f"{handle.server} server of '{handle.model_name}' ({handle.container_id or handle.pid})")
        note.unlink(missing_ok=True)  # who watches a server for its owner may have been first
    return stopped


def _start_process(spec: ServerSpec, run_dir: Path, config_dir: Path, rest_api_port: int, port: int) -> Handle:
    flags = spec.flags(config_dir, rest_api_port, port)
    command = _embedded(run_dir, config_dir.name) if spec.server == "embedded" else [_binary()]
    log_path = run_dir / "logs" / f"{config_dir.name}.log"
    log_path.parent.mkdir(parents=True, exist_ok=True)
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            [*command, *flags], stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True
        )
    if spec.cpus:
        _pin(process.pid, spec.cpus)
    return Handle(
        server=spec.server,
        model_name=spec.model_name,
        model_base_path=str(spec.model_base_path),
        rest_url=f"http://127.0.0.1:{rest_api_port}",
        grpc_target=f"127.0.0.1:{port}",
        metrics_url=f"http://127.0.0.1:{rest_api_port}{METRICS_PATH}",
        flags=flags,
        cpus=list(spec.cpus),
        log_path=str(log_path),
        pid=process.pid,
        pid_started=begun_s(psutil.Process(process.pid)),
    )


def _embedded(run_dir: Path, name: str) -> list[str]:
    """The embedded server's command: it refuses graphs that reach outside, unless export was told to let this one."""
    command = [sys.executable, "-m", "model_server"]
    if name.startswith("export") or not record.has(run_dir, "export"):
        return command  # export has looked at the graph itself, and its record is not there yet
    allowed = record.load(run_dir, "export")["results"].get("unsafe_ops")
    return command if allowed else [*command, "--reject_unsafe_ops"]


def _pin(pid: int, cpus: tuple[int, ...]) -> None:
    """Pin a process that has just begun, before it counts its cores and starts threads."""
    with contextlib.suppress(AttributeError, psutil.Error):  # macOS has no affinity; the record says what was asked
        psutil.Process(pid).cpu_affinity(list(cpus))


def _binary() -> str:
    path = shutil.which("tensorflow_model_server")
    if path is None:
        raise ServerNotReady(
            "server 'binary' needs tensorflow_model_server on the PATH, and it is not there. "
            "Install it, or use server 'embedded' or 'docker'."
        )
    return path


def reach(spec: ServerSpec) -> None:
    """Note how the addresses of a server that runs elsewhere are spoken to: headers, and TLS where they want it.

    The metrics page is told the headers only where it lies on the same host: a token is for one of them alone.
    """
    headers, rest = secrets.revealed("headers", spec.headers), urlsplit(spec.rest_url)
    grpc_url = spec.grpc_url if "//" in spec.grpc_url or not spec.grpc_url else f"grpc://{spec.grpc_url}"
    for url in filter(None, (spec.rest_url, grpc_url, spec.metrics_url)):
        trust.note(url, spec.trust())
        if url != spec.metrics_url or urlsplit(url).hostname == rest.hostname:
            secrets.take_headers(url, headers)


def _attach(spec: ServerSpec, timeout_s: float) -> Handle:
    rest_url = spec.rest_url.rstrip("/")
    handle = Handle(
        server="attach",
        model_name=spec.model_name,
        model_base_path=str(spec.model_base_path),
        rest_url=rest_url,
        grpc_target=spec.grpc_url.rpartition("//")[2],
        metrics_url=spec.metrics_url,
        flags=[],
        cpus=[],
    )
    client.wait_available(handle, timeout_s)
    return handle


def _await(handle: Handle, timeout_s: float) -> Handle:
    begun = time.monotonic()
    try:
        client.wait_available(handle, timeout_s, check=lambda: _check_started(handle))
        listening.check_own(handle, timeout_s - (time.monotonic() - begun))
        start_s = round(time.monotonic() - begun, 3)
        unknown_flag.check(handle)
    except BaseException:
        stop(handle)
        raise
    return replace(handle, start_s=start_s)


def _check_started(handle: Handle) -> None:
    if handle.container_id:
        from playbook.serve import containers

        containers.check_started(handle)
    refused_model.check(handle)
    if handle.pid and handle.process() is None:
        why = memory.ended_by_linux(handle.pid, handle.pid_started or 0.0)
        at_once = f"the {handle.server} server ended at once.{f' {why}' if why else ''}"
        raise ServerNotReady(
            f"'{handle.model_name}' was not AVAILABLE: {at_once}\n"
            f"  Last log lines ({handle.log_path}):\n{handle.log_tail(8)}\n"
            f"  Check that {handle.model_base_path} holds a numbered version folder with a SavedModel."
        )
