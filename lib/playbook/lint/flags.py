"""Lint of a TensorFlow Serving command line: the flags themselves, and the limits they stand beside."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from playbook import knobs
from playbook.lint.command import Command, is_official, nearest_flag
from playbook.lint.rules import Finding, finding
from playbook.lint.text import Word, is_unknown, line_of
from playbook.tfserving.flags import FLAGS, INVENTED

_OPERATIONS = ("tensorflow_intra_op_parallelism", "tensorflow_inter_op_parallelism")
_WIDE = ("load_retry_interval_micros", "tensorflow_session_parallelism", *_OPERATIONS)  # int64, the others int32
_FLOAT = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|(?i:[+-]?(inf|infinity|nan))")
_NEW = ("enable_grpc_healthcheck_service", "enable_serialization_as_tensor_content", "mixed_precision",
        "skip_initialize_tpu", "xla_gpu_compilation_enabled")  # fmt: skip
_DOCKER_OPTIONS = {"-p", "-v", "-e", "-d", "-it", "--name", "--mount", "--publish", "--volume", "--env", "--rm",
                   "--network", "--gpus", "--restart"}  # fmt: skip
_SHORT_TIMEOUT_MS = 100
_FEW_CALLS = 4
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def check_command(command: Command) -> tuple[Command, list[Finding]]:
    """Findings that need the command line alone, and the command with its flags read."""
    findings: list[Finding] = []
    given: dict[str, list[str]] = {}
    lines: dict[str, int | None] = {}
    words = list(_parted(command, findings))
    if next((word for word in words if _is_left_over(word)), "") == "--help":
        findings.append(_at(command, "server-ends", flag="--help", what="the usage"))
        words = [word for word in words if word != "--help"]
    for index, word in enumerate(words):
        if word == "--":
            break
        following = words[index + 1] if index + 1 < len(words) else ""
        findings += _check_word(command, word, following, given, lines)
    command = replace(command, given={name: values[-1] for name, values in given.items()}, lines=lines)
    for name, values in given.items():
        if len(values) > 1 and not command.partial:
            findings.append(_at(command, "flag-repeated", name, flag=f"--{name}", count=len(values), value=values[-1]))
    checks = [_threads, _parallelism, _values]
    if not command.partial:
        checks += [_ports, _batching, _model, _polling]
    for check in checks:
        findings += check(command)
    return command, findings


def _parted(command: Command, findings: list[Finding]) -> Iterator[str]:
    """The words, those that hold several flags parted as they were meant; each such word is a finding."""
    for word in command.words:
        several = re.match(r"(--\w+)=\S*\s+(--\w+)", word)
        if several is None or several[2][2:] not in FLAGS:
            yield word
            continue
        line = line_of(word) or command.line
        findings.append(finding("flags-in-one-word", command.path, line, flag=several[1], other=several[2]))
        yield from (Word(part, line) for part in word.split())


def _at(command: Command, rule: str, name: str = "", /, **words: object) -> Finding:
    return finding(rule, command.path, command.at(name), **words)


def _check_word(
    command: Command, word: str, following: str, given: dict[str, list[str]], lines: dict[str, int | None]
) -> Iterator[Finding]:
    line = line_of(word) or command.line
    if not word.startswith("-") or word.startswith("-$"):
        return
    shown, equals, value = word.partition("=")
    name = shown[2:] if shown.startswith("--") else ""
    kind = FLAGS.get(name)
    if kind is None:
        if not is_unknown(shown.partition(" ")[0]):
            yield _unknown(command, word, following, line)
        return
    if not equals:
        if following and not following.startswith("-") and (kind != "true or false" or _bool(following)):
            yield finding("flag-value-after-blank", command.path, line, flag=word, value=following)
        elif kind != "true or false":
            yield finding("flag-value-after-blank", command.path, line, flag=word, value="<value>")
        if kind != "true or false":
            return
        value = "true"
    given.setdefault(name, []).append(value)
    lines[name] = line
    if kind != "text" and not is_unknown(value) and not _fits(name, kind, value):
        yield finding("flag-bad-value", command.path, line, flag=f"--{name}", value=value, kind=kind)


def _is_left_over(word: str) -> bool:
    name, equals, _ = word.removeprefix("--").partition("=")
    kind = FLAGS.get(name) if word.startswith("--") else None
    return kind is None or not (equals or kind == "true or false")


def _bool(value: str) -> bool:
    return value.lower() in ("true", "false", "0", "1")


def _fits(name: str, kind: str, value: str) -> bool:
    if kind == "true or false":
        return _bool(value)
    if kind == "a number":
        return bool(_FLOAT.fullmatch(value))
    bits = 63 if name in _WIDE else 31
    return bool(re.fullmatch(r"[+-]?\d+", value)) and -(2**bits) <= int(value) < 2**bits


def _unknown(command: Command, word: str, following: str, line: int | None) -> Finding:
    shown, _, value = word.partition("=")
    name, _, inside = shown.lstrip("-").partition(" ")
    if word.startswith("--") and name in FLAGS:  # "--port 8500" as one quoted word
        return finding("flag-value-after-blank", command.path, line, flag=f"--{name}", value=inside.strip() or value)
    if not word.startswith("--") and name in FLAGS:
        hint = f"Write --{name}={value or following or '<value>'}, with two dashes."
    elif shown in _DOCKER_OPTIONS:
        hint = "It is an option of docker run: put it before the image's name."
    else:
        hint = _hint(name)
    return finding("unknown-flag", command.path, line, flag=shown, hint=hint)


def _hint(name: str) -> str:
    if name in INVENTED:
        return INVENTED[name]
    if name.startswith("no") and FLAGS.get(name[2:].lstrip("-_")) == "true or false":
        return f"Write --{name[2:].lstrip('-_')}=false."
    near = nearest_flag(name)
    return f"Did you mean --{near}?" if near else "Drop it; tensorflow_model_server --help lists the flags."


def _ports(command: Command) -> Iterator[Finding]:
    rest, grpc = command.number("rest_api_port"), command.number("port", 8500)
    expects = [name for name in command.given if name.startswith("rest_api_") and name != "rest_api_port"]
    expects += [name for name in ("monitoring_config_file",) if name in command.given]
    if rest == 0 and expects and command.knows("rest_api_port"):
        yield _at(command, "rest-port-off", expects[0], expects="--" + expects[0])
    if rest and rest == grpc and command.knows("port"):
        yield _at(command, "rest-port-is-grpc-port", "rest_api_port", port=rest)
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
    if 0 < calls < _FEW_CALLS:
        yield _at(command, "grpc-threads-few", "grpc_max_threads", threads=calls)
    if command.cpu_limit is not None:
        names = [name for name in knobs.THREAD_FLAGS if not command.number(name) and command.knows(name)]
        session = command.number("tensorflow_session_parallelism")
        names = [name for name in names if not (session and name.startswith("tensorflow_"))]
        if names:
            yield _at(command, "cpu-limit-threads", limit=f"{command.cpu_limit:g}", flags=", ".join(names))


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
    poll_s = command.number("file_system_poll_wait_seconds", 1)
    if re.match(r"(gs|s3|hdfs|viewfs|az|abfs)://", base) and 0 < poll_s < 60:
        yield finding("poll-object-store", path, line, path=base, poll_s=poll_s)


def is_relative(base: str) -> bool:
    """True for a base path the server refuses; one that begins with an unknown value cannot be judged."""
    return not (base.startswith(("/", "$", "{{", "~", "<", "%")) or _URI.match(base))
