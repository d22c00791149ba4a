"""Rehearsal: the bundle's own files, started as they would ship, asked for the model's answers and put under load."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import loadgen
from loadgen import temporary
from playbook import stopwatch
from playbook.deploy import encryption, refutation, server_flags, use
from playbook.deploy.manifest_numbers import NON_ROOT, THROTTLED
from playbook.deploy.plan import DeployPlan
from playbook.errors import LoadFailed, ParameterError
from playbook.prove.answer import disturbance
from playbook.records import record
from playbook.serve import answers, client, containers, serve, speaking
from playbook.serve.alive import check_alive, check_answering, check_unmeasured
from playbook.serve.handle import Handle
from playbook.serve.spec import ServerSpec
from playbook.stress import stress
from playbook.stress.load import Load
from playbook.tfserving.batching import Batching
from playbook.tfserving.reference import Reference
from playbook.tfserving.requests import TOLERANCE, write_mix

BUILD = ("auto", "always", "never")
_PARITY_ROWS = 64
# REST connections: fewer than the 128 that TensorFlow Serving lets wait to be accepted. Docker's proxy accepts any
# number for it at once, and resets those whose turn never came.
_CONNECTIONS = 100
_SLOWER = 1.5  # a p99 this many times the record's is worth a word; a short window scatters
# What the spec renders itself.
_CONFIGURED = ("monitoring_config_file", "enable_batching", "batching_parameters_file", "ssl_config_file")
_THREADS = re.compile(r"--(rest_api_num_threads|grpc_max_threads|tensorflow_int\w+_op_parallelism)=(\d+)")


def choose(plan: DeployPlan, build: str) -> tuple[bool, str]:
    """Whether to build and start the image, and why (not).

    `auto` builds where an engine runs and has the base image, so that nothing large is downloaded unasked; `always`
    pulls it; `never` starts the recorded kind of server from the bundle's files.

    Raises:
        ParameterError: another word.
        DockerUnavailable: `always`, and there is no engine.
    """
    if build not in BUILD:
        raise ParameterError(f"build is {build!r}; it must be one of {', '.join(BUILD)}.")
    if build == "never":
        return False, "the image was not built: build is 'never'"
    problem = containers.problem() or _unread(plan)
    if problem is None and (build == "always" or containers.has_image(plan.image)):
        return True, f"the image was built on {plan.image} and started"
    if build == "always":
        containers.engine()
        raise ParameterError(f"build is 'always', and {problem}.")
    problem = problem or f"{plan.image} is not on this machine (build: always pulls it)"
    return False, f"the image was not built: {problem}"


def _unread(plan: DeployPlan) -> str | None:
    """Why the image could not be started: the key of its TLS is for other eyes; None where it can."""
    if plan.tls is None or plan.tls.readable(NON_ROOT.value):
        return None
    return f"user {NON_ROOT}, as whom it runs, may not read {plan.tls.asked['ssl_config_file']}"


def run(plan: DeployPlan, image: bool, duration_s: float, client_cpus: list[int], why: str = "") -> dict[str, Any]:
    """Start the bundle, compare its answers with the model's, and hold one level at the planned rate.

    Args:
        plan: The plan whose bundle is written already.
        image: Build the image and start that; else start the recorded kind of server from the bundle's files.
        duration_s: Measurement window, s.
        client_cpus: The client's cores; [] chooses.
        why: What `choose` said.

    Raises:
        PredictFailed: the answers differ from the exported model's.
        ServerNotReady, DockerUnavailable: it does not come up.
        ServerDied, LoadFailed: it ended or hung under load, or the load could not be measured.
    """
    reference = Reference.load(plan.run_dir)
    with _running(plan, image) as handle:
        rows = min(_PARITY_ROWS, plan.max_batch_size)
        difference = answers.parity(handle, reference, plan.protocol, rows)
        with use.watched(handle) as used:
            level = _hold(plan, handle, duration_s, client_cpus)
    p99_ms, claim = level["latency_ms"]["p99"], level.get("claim")
    used_up = used.over(level["start_ns"], level["duration_s"])
    limit_ms = plan.replica.limit_ms.value if plan.replica.limit_ms else None
    return {
        "server": handle.server,
        "image": plan.local_image if image else None,
        "why": why,
        "start_s": handle.start_s,
        "parity_max_abs_diff": difference,
        "tolerance": TOLERANCE,
        "rate_rps": level["rate_rps"],
        "duration_s": level["duration_s"],
        "throughput_rps": level["throughput_rps"],
        "requests": level["requests"],
        "errors": level["errors"],
        "max_error_share": plan.replica.max_error_share,
        "errors_by_kind": level["errors_by_kind"],
        "p99_ms": p99_ms,
        "limit_ms": limit_ms,
        "beyond_limit_share": claim["misses"] / claim["requests"] if claim and claim["requests"] else None,
        "answers": level["answers"],
        "valid": level["valid"],
        "failed_checks": level["failed_checks"],
        "level_warnings": level["warnings"],
        **used_up,
        "disturbance": disturbance([used_up["others_cores"]], os.cpu_count() or 1, [level]),
        "throttled_limit": THROTTLED.value,
        "inside_limit": refutation.inside_limit(level, plan.replica.promise),
    }


def spec_of(plan: DeployPlan) -> ServerSpec:
    """The server that the bundle's files describe, read back from them."""
    folder = plan.run_dir / "deploy"
    dockerfile = (folder / "Dockerfile").read_text()
    command = json.loads(next(line for line in dockerfile.splitlines() if line.startswith("CMD "))[4:])
    threads: dict[str, Any] = {name: int(count) for name, count in _THREADS.findall(" ".join(command))}
    extra = [flag for flag in command if server_flags.name_of(flag) not in (*threads, *_CONFIGURED)]
    file = folder / "config" / "batching.config"
    kind = plan.replica.server.value
    return ServerSpec(
        model_name=plan.model_name,
        model_base_path=(folder / "models" / plan.models.name).resolve(),
        server="embedded" if kind == "attach" else kind,
        batching=Batching.parse(file.read_text()) if file.exists() else None,
        cpus=serve.split_cpus()[0],
        image=plan.image if kind == "docker" else "",
        extra_flags=tuple(extra),
        **(plan.tls.asked if plan.tls else {}),
        **threads,
    )


@contextmanager
def _running(plan: DeployPlan, image: bool) -> Iterator[Handle]:
    if not image:
        with serve.running(spec_of(plan), plan.run_dir, name="deploy") as handle:
            yield handle
        return
    containers.build(plan.run_dir / "deploy", plan.local_image, plan.image)
    ssl_config = {plan.tls.asked["ssl_config_file"]: encryption.FILE} if plan.tls else {}
    cores = plan.sizing.cpu_limit.value
    handle = containers.start_image(plan.local_image, plan.run_dir, plan.model_name, cores, files=ssl_config)
    try:
        speaking.agree(spec_of(plan), handle, plan.run_dir)
        yield handle
    finally:
        containers.stop(str(handle.container_id))


def _hold(plan: DeployPlan, handle: Handle, duration_s: float, client_cpus: list[int]) -> dict[str, Any]:
    """One open-loop level at the planned rate; its rows are kept as `data/requests/deploy_000`."""
    cpus = serve.split_cpus(handle.cpus, client_cpus)[1]
    load = Load(plan.protocol, duration_s, min(1.0, duration_s / 2), cpus)
    rate = round(plan.sizing.planned_rps.value, 1)
    rows = record.data_dir(plan.run_dir) / "requests" / "deploy_000"
    with temporary.folder("bodies-") as folder:
        bodies = write_mix(folder, plan.run_dir, plan.mix, plan.protocol, plan.model_name)
        connections = _CONNECTIONS if plan.protocol == "rest" else None
        level = stress.level_of(handle, load, bodies, arrival="poisson", rate_rps=rate, connections=connections)
        try:
            limit = plan.replica.limit_ms
            summary = loadgen.hold(
                level, rows, p99_limit_ms=limit.value if limit else None, is_alive=client.asker(handle)
            )
        except loadgen.LoadgenError as error:
            check_unmeasured(handle)
            raise LoadFailed(f"The rehearsal at {rate:,.0f} requests/s could not be measured: {error}") from error
    stopwatch.add(load.duration_s + load.ramp_up_s)
    check_alive(handle)
    check_answering(handle, summary)
    return {**summary, "rate_rps": rate}


def words(level: dict[str, Any], plan: DeployPlan) -> str:
    """What the rehearsal showed, in one sentence, beside the record."""
    p99 = "unknown (too few requests)" if level["p99_ms"] is None else f"{level['p99_ms']:.1f} ms"
    record_p99 = plan.replica.p99_ms.value if plan.replica.p99_ms else None
    sentence = (
        f"At the planned {level['rate_rps']:,.0f}/s the bundle answered {level['throughput_rps']:,.0f}/s, p99 {p99}"
    )
    if record_p99 and level["p99_ms"]:
        slower = level["p99_ms"] > _SLOWER * record_p99
        sentence += f" (the record's at its full rate: {record_p99:.1f} ms{'; SLOWER than recorded' if slower else ''})"
    return f"{sentence}; answers differ from the model's by {level['parity_max_abs_diff']:.1e} at most; {level['why']}."
