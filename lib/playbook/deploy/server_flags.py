"""The server's command line in the manifests: each flag with the record field, or the rule, it came from."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from pathlib import Path

from playbook.deploy.replica import Replica
from playbook.errors import SizingRefused
from playbook.knobs import BY_NAME, THREAD_FLAGS, default
from playbook.records.cited import Cited
from playbook.serve.spec import from_parameters

CONFIG_DIR = "/etc/tensorflow-serving"
AGE_S = 30  # after which a gRPC connection is asked to look for the servers of the day
_OURS = ("port", "rest_api_port", "model_name", "model_base_path", "monitoring_config_file", "enable_batching",
         "batching_parameters_file")  # fmt: skip
_FILES = re.compile(r"_(file|path)$")


def flags(replica: Replica, protocol: str) -> list[Cited]:
    """The arguments after the image's entrypoint, in order; the last of a name wins, and none stands twice.

    Args:
        replica: What was measured.
        protocol: The protocol it was measured over, rest or grpc.

    Raises:
        SizingRefused: the record's own flags name files that the image has not.
    """
    written = [Cited(f"--monitoring_config_file={CONFIG_DIR}/monitoring.config", "fixed: no metrics without it")]
    batching = replica.config.get("enable_batching")
    if batching is not None and batching.value:
        written.append(Cited("--enable_batching=true", batching.source))
        written.append(Cited(f"--batching_parameters_file={CONFIG_DIR}/batching.config", batching.source))
    extra = extra_flags(replica)
    own = {name_of(flag) for flag in extra}
    written += [flag for flag in thread_flags(replica, protocol) if name_of(flag) not in own]
    if "enable_profiler" not in own:
        written.append(Cited("--enable_profiler=false", "fixed: whoever may ask for predictions may not profile"))
    return [*written, *(flag for flag in extra if name_of(flag) != "grpc_channel_arguments"), _channel(replica, extra)]


def thread_flags(replica: Replica, protocol: str) -> list[Cited]:
    """The four thread counts as flags: as measured, or TensorFlow Serving's default for the measured cores.

    A CPU quota does not change those defaults, they follow the node's cores; so they are always written out.
    """
    counts = {name: _threads(replica, name, BY_NAME[name].per_core) for name in THREAD_FLAGS}
    counts["grpc_max_threads"] = _grpc_threads(replica, protocol, counts)
    return [Cited(f"--{name}={count.value}", count.source) for name, count in counts.items()]


def _threads(replica: Replica, name: str, factor: int) -> Cited:
    measured = replica.config.get(name)
    if measured is not None and measured.value:
        return measured
    how = "the default for these cores" if factor == 1 else f"{factor} × these cores, the default"
    return Cited(factor * replica.cpus.value, f"{replica.cpus.source}: {how}")


def _grpc_threads(replica: Replica, protocol: str, counts: dict[str, Cited]) -> Cited:
    """Calls the server lets in: it refuses the next one at once, so never fewer than REST gets or batches take.

    Source: gRPC's synchronous server answers RESOURCE_EXHAUSTED "Server Threadpool Exhausted" beyond its thread quota.
    """
    own = counts["grpc_max_threads"]
    if protocol == "grpc" and replica.config.get("grpc_max_threads") == own:
        return own  # measured with this count, over this protocol
    rest = counts["rest_api_num_threads"]
    needs = [own, Cited(rest.value, f"{rest.source}: as many calls as REST may have, else gRPC is refused")]
    batching, rows = replica.config.get("enable_batching"), replica.config.get("max_batch_size")
    if batching is not None and batching.value:
        size = (
            rows
            if rows is not None and rows.value
            else Cited(default("max_batch_size"), f"{batching.source}: the default")
        )
        needs.append(Cited(2 * size.value, f"{size.source}: two batches of calls, else gRPC is refused"))
    return max(needs, key=lambda need: need.value)


def extra_flags(replica: Replica) -> list[Cited]:
    """The flags the record was measured with beside the knobs, carried into the deployment.

    Raises:
        SizingRefused: one of them names a file, which the image would not have, or what the image itself sets.
    """
    given = replica.extra_flags
    words = list(given.value) if given is not None else []
    refused = [word for word in words if _FILES.search(name_of(word)) or name_of(word) in _OURS]
    if given is not None and refused:
        raise SizingRefused(
            f"The rates were measured with {' '.join(refused)} ({given.source}), which this image cannot have: it sets "
            "its own names, ports and config files. Measure without them, or build an image that has the file."
        )
    return [Cited(word, given.source) for word in words] if given is not None else []


def _channel(replica: Replica, extra: Iterable[Cited]) -> Cited:
    """Connections that end: a gRPC client looks for new pods only when its connection does."""
    slowest = replica.slowest_ms.value if replica.slowest_ms else 10_000.0
    wanted = {"grpc.max_connection_age_ms": AGE_S * 1000,
              "grpc.max_connection_age_grace_ms": 1000 * math.ceil(slowest / 1e3)}  # fmt: skip
    theirs = [str(flag).partition("=")[2] for flag in extra if name_of(flag) == "grpc_channel_arguments"]
    named = {pair.partition("=")[0] for text in theirs for pair in text.split(",")}
    ours = [f"{name}={value}" for name, value in wanted.items() if name not in named]
    source = f"fixed: gRPC clients look for new pods every {AGE_S} s; grace: the slowest answer"
    return Cited(f"--grpc_channel_arguments={','.join([*theirs, *ours])}", source)


def name_of(flag: object) -> str:
    """A flag's name, without dashes and value."""
    return str(flag).lstrip("-").partition("=")[0]


def config_files(replica: Replica, model_name: str) -> dict[str, str]:
    """The server's config files; each line of the batching file names its record field."""
    knobs = {name: cited.value for name, cited in replica.config.items()}
    sources = {name: cited.source for name, cited in replica.config.items()}
    if not knobs.get("num_batch_threads"):
        knobs["num_batch_threads"] = replica.cpus.value
        sources["num_batch_threads"] = f"{replica.cpus.source}: the default for these cores"
    spec = from_parameters({**knobs, "model_name": model_name}, Path("/models") / model_name)
    files = spec.config_files()
    if "batching.config" in files:
        lines = [f"{line}  # {sources.get(_field(line), 'fixed')}" for line in files["batching.config"].splitlines()]
        files["batching.config"] = "\n".join(lines) + "\n"
    return files


def _field(line: str) -> str:
    return re.split(r"[ :{]", line, maxsplit=1)[0]


def measured_over(protocol: str) -> str:
    """What is to be said of the protocol that was not measured."""
    other = "gRPC" if protocol == "rest" else "REST"
    return (
        f"{other} was not measured: every rate here is of {'REST' if protocol == 'rest' else 'gRPC'}. The Services "
        f"offer both; run the notebooks with protocol: {other.lower()} before you rely on it."
    )
