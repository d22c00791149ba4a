"""Lint of a TensorFlow Serving command line: the flags themselves, and the limits they stand beside."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from playbook.lint.checks.command import Command
from playbook.lint.checks.file_systems import check_remote, is_relative
from playbook.lint.checks.flag_values import check_values
from playbook.lint.checks.flag_words import lost_to_platform, read_words
from playbook.lint.checks.thread_counts import check_threads
from playbook.lint.forms.text import is_unknown, line_of
from playbook.lint.rules.findings import Finding, finding

_LISTED = "grpc_channel_arguments"  # pairs in one flag
_EMPTIES = "enable_serialization_as_tensor_content"  # the fields that REST reads


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
        lost = [value for value in values[:-1] if value not in values[-1].split(",")] if name == _LISTED else []
        for value in lost:
            words = {"part": value, "problem": "stands before another flag of the name, and the last alone is read"}
            line = _line_of(command, name, value)
            findings.append(finding("grpc-arguments-malformed", command.path, line, **words))
        if len(values) > 1 and not command.partial and not _said_again(command, name, values):
            findings.append(_at(command, "flag-repeated", name, flag=f"--{name}", count=len(values), value=values[-1]))
    checks = [check_threads, check_values, _model, _polling, _same_port, _tensor_content, _one_file]
    if not command.partial:  # what is absent may stand elsewhere
        checks += [_ports, _batching]
    for check in checks:
        findings += check(command)
    return command, findings


def _at(command: Command, rule: str, name: str = "", /, **words: object) -> Finding:
    return finding(rule, command.path, command.at(name), **words)


def _said_again(command: Command, name: str, values: list[str]) -> bool:
    """True for one value that two parts of a text give, its entrypoint and its command: whichever wins is right."""
    places = [line_of(word) for word in command.words if word == f"--{name}={values[-1]}"]
    return len({*values}) == 1 and len(places) == len({*places} - {None})


def _line_of(command: Command, name: str, value: str) -> int | None:
    """Where a flag that is given several times has this value."""
    own = (line_of(word) for word in command.words if word == f"--{name}={value}")
    return next((line for line in own if line), command.at(name))


def _same_port(command: Command) -> Iterator[Finding]:
    rest, grpc = command.number("rest_api_port"), command.number("port", 0 if command.partial else 8500)
    if rest and rest == grpc and _tells_rest(command) and command.knows("port"):
        remedy = (
            "Give gRPC another port, by habit --port=8500."
            if rest == 8501
            else "Give REST another port, by habit 8501."
        )
        yield _at(command, "rest-port-is-grpc-port", "rest_api_port", port=rest, remedy=remedy)


def _one_file(command: Command) -> Iterator[Finding]:
    """One file for two flags, each of which reads a message of its own."""
    seen: dict[str, str] = {}
    for name, path in command.given.items():
        if name.endswith("_file") and path not in ("", "/dev/null") and not is_unknown(path):
            if path in seen:
                yield _at(command, "file-for-two", name, flag=f"--{name}", other=f"--{seen[path]}", path=path)
            seen.setdefault(path, name)


def _tensor_content(command: Command) -> Iterator[Finding]:
    if command.number("rest_api_port") and _tells_rest(command) and command.on(_EMPTIES):
        yield _at(command, "tensor-content-with-rest", _EMPTIES)


def _tells_rest(command: Command) -> bool:
    """True where REST's port stands in the words, or they are all there are: no further word is to tell it."""
    return not command.partial or any(word.startswith("--rest_api_port=") for word in command.words)


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


def _batching(command: Command) -> Iterator[Finding]:
    batching, file = command.on("enable_batching"), command.text("batching_parameters_file")
    if not command.knows("enable_batching"):
        return
    if file and not batching:
        yield _at(command, "batching-file-unused", "batching_parameters_file")
    if command.on("enable_per_model_batching_parameters") and not batching:
        yield _at(command, "per-model-unused", "enable_per_model_batching_parameters")
    told = file or command.on("enable_per_model_batching_parameters") or _in_one_word(command, "enable_batching")
    if batching and not told:
        yield _at(command, "batching-defaults", "enable_batching")


def _in_one_word(command: Command, name: str) -> bool:
    """True for a flag that stands in one word with others, so that the server has none of that name."""
    flag = re.compile(rf"--{name}(?![\w-])")
    return any(flag.search(whole) and whole.count("--") > 1 for word in command.words
               for whole in (str(word), getattr(word, "written", "")))  # fmt: skip


_TO_FILL_IN = re.compile(r"[A-Z][A-Z_]{3,}")  # EXPORTPATH: what a document's reader is to write


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
    elif is_relative(base) and not (command.in_prose and _TO_FILL_IN.fullmatch(base)):
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
    for name in (name for name, text in command.given.items() if name.endswith("_file") and "://" in text):
        hits = check_remote(command, command.text(name), command.path, command.at(name))
        yield from (hit for hit in hits if hit.rule != "poll-object-store")  # it is read, not listed
    if not command.text("model_config_file"):
        yield from check_remote(command, command.text("model_base_path"), command.path, command.at("model_base_path"))
