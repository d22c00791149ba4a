"""Lint of a TensorFlow Serving command line: the flags themselves, and the limits they stand beside."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from playbook import knobs
from playbook.lint.checks.command import Command, is_official
from playbook.lint.checks.flag_words import lost_to_platform, read_words
from playbook.lint.forms.text import is_unknown
from playbook.lint.rules.findings import Finding, finding

_OPERATIONS = ("tensorflow_intra_op_parallelism", "tensorflow_inter_op_parallelism")
_NEW = ("enable_grpc_healthcheck_service", "enable_serialization_as_tensor_content", "mixed_precision",
        "skip_initialize_tpu", "xla_gpu_compilation_enabled")  # fmt: skip
_POLL = "file_system_poll_wait_seconds"
_SHORT_TIMEOUT_MS = 100
_FEW_CALLS = 8  # the default of two cores: below it a handful of clients is refused
_PORTS = 2**16
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def check_command(command: Command) -> tuple[Command, list[Finding]]:
    """Findings that need the command line alone, and the command with its flags read.

    A text that only asks the binary for its version or its usage starts no server; nor does a bare container of it.
    """
    used = command.implied and (command.published or command.place.built or command.place.mounts)
    if command.path != "command line" and not used and [*command.words] in (["--version"], ["--help"]):
        return replace(command, partial=True), []
    given, lines, findings = read_words(command)
    open_name = any(word.startswith("-") and is_unknown(word.partition("=")[0]) for word in command.words)
    command = replace(command, given={name: values[-1] for name, values in given.items()}, lines=lines,
                      partial=command.partial or open_name)  # fmt: skip
    if lost := lost_to_platform(command):
        words = {"flags": ", ".join(f"--{name}" for name in lost), "verb": "is" if len(lost) == 1 else "are"}
        findings.append(_at(command, "platform-file-wins", lost[0], **words))
        command = replace(command, given={name: text for name, text in command.given.items() if name not in lost})
    for name, values in given.items():
        if len(values) > 1 and not command.partial:
            findings.append(_at(command, "flag-repeated", name, flag=f"--{name}", count=len(values), value=values[-1]))
    checks = [_threads, _parallelism, _numbers, _values, _model, _polling, _same_port, _one_file]
    if not command.partial:  # what is absent may stand elsewhere
        checks += [_ports, _batching]
    for check in checks:
        findings += check(command)
    return command, findings


def _at(command: Command, rule: str, name: str = "", /, **words: object) -> Finding:
    return finding(rule, command.path, command.at(name), **words)


def _same_port(command: Command) -> Iterator[Finding]:
    rest, grpc = command.number("rest_api_port"), command.number("port", 0 if command.partial else 8500)
    told = not command.partial or any(word.startswith("--rest_api_port=") for word in command.words)
    if rest and rest == grpc and told and command.knows("port"):
        yield _at(command, "rest-port-is-grpc-port", "rest_api_port", port=rest)


def _one_file(command: Command) -> Iterator[Finding]:
    """One file for two flags, each of which reads a message of its own."""
    seen: dict[str, str] = {}
    for name, path in command.given.items():
        if name.endswith("_file") and path not in ("", "/dev/null") and not is_unknown(path):
            if path in seen:
                yield _at(command, "file-for-two", name, flag=f"--{name}", other=f"--{seen[path]}", path=path)
            seen.setdefault(path, name)


def _ports(command: Command) -> Iterator[Finding]:
    rest, grpc = command.number("rest_api_port"), command.number("port", 8500)
    expects = [name for name in command.given if name.startswith("rest_api_") and name != "rest_api_port"]
    expects += [name for name in ("monitoring_config_file",) if name in command.given]
    if rest == 0 and expects and command.knows("rest_api_port"):
        yield _at(command, "rest-port-off", expects[0], expects="--" + expects[0])
    if grpc == 0 and command.knows("port") and not command.text("grpc_socket_path"):
        yield _at(command, "no-port", "port")
    if (rest or not command.knows("rest_api_port")) and not (command.managed or command.text("monitoring_config_file")):
        yield _at(command, "monitoring-missing")
    if rest and command.on("enable_serialization_as_tensor_content"):
        yield _at(command, "tensor-content-with-rest", "enable_serialization_as_tensor_content")


def _threads(command: Command) -> Iterator[Finding]:
    rest = command.number("rest_api_port") != 0 or not command.knows("rest_api_port") or command.partial
    if command.number("rest_api_num_threads") == 1 and rest:
        yield _at(command, "rest-threads-one", "rest_api_num_threads")
    calls = command.number("grpc_max_threads")
    if 0 < calls < min(_FEW_CALLS, 4 * (command.cpu_limit or command.cpus or _FEW_CALLS)):  # 4 a CPU is the default
        yield _at(command, "grpc-threads-few", "grpc_max_threads", threads=calls)
    if command.cpu_limit is not None:
        names = [name for name in knobs.THREAD_FLAGS if not command.number(name) and command.knows(name)]
        session = command.number("tensorflow_session_parallelism")
        elsewhere = session or command.text("platform_config_file")
        names = [name for name in names if not (elsewhere and name.startswith("tensorflow_"))]
        if names:
            yield _at(command, "cpu-limit-threads", limit=f"{command.cpu_limit:g}", flags=", ".join(names))


def _numbers(command: Command) -> Iterator[Finding]:
    for name in ("port", "rest_api_port"):
        port = command.number(name)
        if port != (taken := port % _PORTS):
            where = str(taken) if taken else "one that the system picks"
            yield _at(command, "port-out-of-range", name, flag=f"--{name}", port=port, taken=where)
    fraction = command.text("per_process_gpu_memory_fraction")
    if re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)", fraction) and not 0 <= float(fraction) <= 1:
        yield _at(command, "gpu-fraction-beyond", "per_process_gpu_memory_fraction", fraction=fraction)
    arguments = command.text("grpc_channel_arguments")
    for part in arguments.split(",") if arguments and not is_unknown(arguments) else ():
        if problem := _argument_problem(part):
            yield _at(command, "grpc-arguments-malformed", "grpc_channel_arguments", part=part, problem=problem)
    polled = command.number("model_config_file_poll_wait_seconds") > 0 and not command.partial
    if polled and not command.text("model_config_file"):
        yield _at(command, "config-poll-unused", "model_config_file_poll_wait_seconds")


def _argument_problem(part: str) -> str:
    name, equals, value = part.partition("=")
    if not equals:
        return "is no name=value (pairs are divided by commas)"
    wants_number = re.search(r"_(ms|length|size|bytes|pings|streams|time)$|\.max_|_without_", name)
    return "" if not wants_number or re.fullmatch(r"\s*[+-]?\d+\s*", value) else "wants a whole number"


def _values(command: Command) -> Iterator[Finding]:
    timeout_ms = command.number("rest_api_timeout_in_ms", 30_000)
    if 0 < timeout_ms < _SHORT_TIMEOUT_MS:
        yield _at(command, "rest-timeout-short", "rest_api_timeout_in_ms", timeout_ms=timeout_ms)
    precision = command.text("mixed_precision")
    if precision not in ("", "bfloat16") and not is_unknown(precision):
        yield _at(command, "mixed-precision-unknown", "mixed_precision", value=precision)
    release = re.search(r"tensorflow/serving:(\d+)\.(\d+)", command.place.image)
    for name in _NEW if release and (int(release[1]), int(release[2])) < (2, 12) else ():
        if name in command.given:
            yield _at(command, "flag-too-new", name, flag=f"--{name}", image=command.place.image)
    if command.on("version"):
        yield _at(command, "server-ends", "version", flag="--version", what="two version lines")
    if command.on("use_alts_credentials") and command.text("ssl_config_file"):
        yield _at(command, "ssl-with-alts", "use_alts_credentials")


def _batching(command: Command) -> Iterator[Finding]:
    batching, file = command.on("enable_batching"), command.text("batching_parameters_file")
    if not command.knows("enable_batching"):
        return
    if file and not batching:
        yield _at(command, "batching-file-unused", "batching_parameters_file")
    if command.on("enable_per_model_batching_parameters") and not batching:
        yield _at(command, "per-model-unused", "enable_per_model_batching_parameters")
    if batching and not file and not command.on("enable_per_model_batching_parameters"):
        yield _at(command, "batching-defaults", "enable_batching")


def _parallelism(command: Command) -> Iterator[Finding]:
    pair = [name for name in _OPERATIONS if command.number(name) > 0]
    inter = command.number("tensorflow_inter_op_parallelism")
    if inter < 0 and not pair:
        yield _at(command, "inter-op-ignored", "tensorflow_inter_op_parallelism", inter=inter)
    intra, session = command.number(_OPERATIONS[0]), command.number("tensorflow_session_parallelism")
    if (intra < 0 < inter) or (session < 0 and not pair):
        flag = _OPERATIONS[0] if intra < 0 else "tensorflow_session_parallelism"
        yield _at(command, "parallelism-negative", flag, flag=f"--{flag}", value=command.number(flag))
    if session <= 0 or not pair:
        return
    if len(pair) == 2:
        yield _at(command, "session-parallelism-conflict", "tensorflow_session_parallelism")
    else:
        yield _at(command, "session-parallelism-ignored", "tensorflow_session_parallelism", other=pair[0])


def _model(command: Command) -> Iterator[Finding]:
    base, config = command.text("model_base_path"), command.text("model_config_file")
    if command.partial and (config or not base):
        return
    if config:
        for name in ("model_name", "model_base_path"):
            if name in command.given:
                yield _at(command, "model-name-ignored", name, flag=f"--{name}")
    elif not base:
        yield _at(command, "no-model")
    elif is_relative(base):
        yield _at(command, "relative-base-path", "model_base_path", path=base, example=example_path(command, base))


def example_path(command: Command, base: str) -> str:
    """What the absolute path would be, where that is known."""
    if command.place.container:
        return f" (in the container, such as /models/{Path(base).name})"
    return f", such as {Path(base).absolute()}" if Path(base).is_dir() else ""


def _polling(command: Command) -> Iterator[Finding]:
    poll_s = command.number("file_system_poll_wait_seconds", 1)
    if poll_s < 0:
        yield _at(command, "poll-never", "file_system_poll_wait_seconds", poll_s=poll_s)
    if poll_s == 0 and command.number("model_config_file_poll_wait_seconds") > 0:
        yield _at(command, "poll-once-with-reload", "file_system_poll_wait_seconds")
    for name in (name for name, text in command.given.items() if name.endswith("_file") and text.startswith("s3://")):
        hits = check_remote(command, command.text(name), command.path, command.at(name))
        yield from (hit for hit in hits if hit.rule == "s3-not-supported")  # it is read, not listed
    if not command.text("model_config_file"):
        yield from check_remote(command, command.text("model_base_path"), command.path, command.at("model_base_path"))


def check_remote(command: Command, base: str, path: str, line: int | None) -> Iterator[Finding]:
    """Object stores: S3, which the binary no longer knows, and others listed every second."""
    image = command.place.image
    release = re.search(r"serving:(\d+)\.(\d+)", image)
    theirs = bool(image) and not is_official(image)  # another build may know S3
    if base.startswith("s3://") and not theirs and (not release or (int(release[1]), int(release[2])) >= (2, 7)):
        yield finding("s3-not-supported", path, line, path=base)
        return
    poll_s = command.number(_POLL, 1) if command.knows(_POLL) else 0
    if re.match(r"(gs|s3|hdfs|viewfs|az|abfs)://", base) and 0 < poll_s < 60:
        yield finding("poll-object-store", path, line, path=base, poll_s=poll_s)


def is_relative(base: str) -> bool:
    """True for a base path the server refuses; one that begins with an unknown value cannot be judged.

    Nor one that is a placeholder: MODEL_PATH, YOUR_MODEL_DIR/name.
    """
    if re.match(r"[A-Z]+(_[A-Z]+)+(/|$)", base):
        return False
    if re.match(r"~\w*/", base):
        return True  # a shell leaves the ~ behind a flag's = as it is, and no other program fills it in
    return not (base.startswith(("/", "$", "{{", "<", "%")) or _URI.match(base))
