"""Lint of a TensorFlow Serving command line: the flags themselves, and the files and limits they stand beside."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path

from playbook import knobs
from playbook.lint.rules import Finding, finding
from playbook.tfserving.flags import ENTRYPOINT, FLAGS, FORMS, INVENTED


@dataclass(frozen=True)
class Command:
    """A command line and where it stands.

    `cpus` is what the process may be scheduled on (None unknown), `cpu_limit` a quota that does not change that;
    `by_entrypoint` when the official image adds its own flags. `given` holds the flags as read: the last one wins,
    bare booleans read as "true".
    """

    words: Sequence[str]
    path: str = "command line"
    line: int | None = None
    cpus: int | None = None
    cpu_limit: float | None = None
    by_entrypoint: bool = False
    given: dict[str, str] = field(default_factory=dict)

    def text(self, name: str, default: str = "") -> str:
        """The value in force, the entrypoint's own flags included."""
        implied = ENTRYPOINT.get(name, default) if self.by_entrypoint else default
        return self.given.get(name) or implied

    def number(self, name: str, default: int = 0) -> int:
        """The whole number in force; a value that does not parse counts as `default` (another rule reports it)."""
        text = self.text(name)
        return int(text) if re.fullmatch(r"[+-]?\d+", text) else default

    def on(self, name: str) -> bool:
        """True when a boolean flag is set."""
        return self.text(name).lower() in ("true", "1")

    def threads(self, name: str) -> int | None:
        """A server thread count: set, or the default for the CPUs known; None when neither is known."""
        set_to = self.number(name)
        if set_to > 0:
            return set_to
        return None if self.cpus is None else knobs.default(name, self.cpus)


def check_command(command: Command) -> tuple[Command, list[Finding]]:
    """Findings that need the command line alone, and the command with its flags read."""
    found: list[Finding] = []
    given: dict[str, list[str]] = {}
    words = list(command.words)
    for index, word in enumerate(words):
        if word == "--":
            break
        following = words[index + 1] if index + 1 < len(words) else ""
        found += _check_word(command, word, following, given)
    for name, values in given.items():
        if len(values) > 1:
            found.append(_at(command, "flag-repeated", flag=f"--{name}", count=len(values), value=values[-1]))
    command = replace(command, given={name: values[-1] for name, values in given.items()})
    for check in (_ports, _threads, _batching, _parallelism, _model, _polling):
        found += check(command)
    return command, found


def _at(command: Command, rule: str, **words: object) -> Finding:
    return finding(rule, command.path, command.line, **words)


def _check_word(command: Command, word: str, following: str, given: dict[str, list[str]]) -> Iterator[Finding]:
    if not word.startswith("-"):
        return
    name, _, value = word.lstrip("-").partition("=")
    kind = FLAGS.get(name)
    if kind is None or not word.startswith("--"):
        yield _at(command, "unknown-flag", flag=word.partition("=")[0], hint=_hint(name))
        return
    if "=" not in word and following and not following.startswith("-"):
        yield _at(command, "flag-value-after-blank", flag=word, value=following)
        if kind != "true or false":
            return
    if "=" not in word:
        value = "true"
        if kind != "true or false":
            yield _at(command, "flag-value-after-blank", flag=word, value="<value>")
            return
    given.setdefault(name, []).append(value)
    if kind in FORMS and "$" not in value and not re.fullmatch(FORMS[kind], value):
        yield _at(command, "flag-bad-value", flag=f"--{name}", value=value, kind=kind)


def _hint(name: str) -> str:
    if name in INVENTED:
        return INVENTED[name]
    if name.startswith("no") and FLAGS.get(name[2:].lstrip("-_")) == "true or false":
        return f"Write --{name[2:].lstrip('-_')}=false."
    near = get_close_matches(name.replace("-", "_"), FLAGS, n=1)
    return f"Did you mean --{near[0]}?" if near else "Drop it; tensorflow_model_server --help lists the flags."


def _ports(command: Command) -> Iterator[Finding]:
    rest, grpc = command.number("rest_api_port"), command.number("port", 8500)
    expects = [name for name in command.given if name.startswith("rest_api_") and name != "rest_api_port"]
    expects += [name for name in ("monitoring_config_file",) if name in command.given]
    if rest == 0 and expects:
        yield _at(command, "rest-port-off", expects="--" + expects[0])
    if rest and rest == grpc:
        yield _at(command, "rest-port-is-grpc-port", port=rest)
    if grpc == 0 and not command.text("grpc_socket_path"):
        yield _at(command, "no-port")
    if rest and not command.text("monitoring_config_file"):
        yield _at(command, "monitoring-missing")
    if rest and command.on("enable_serialization_as_tensor_content"):
        yield _at(command, "tensor-content-with-rest")


def _threads(command: Command) -> Iterator[Finding]:
    if command.number("rest_api_num_threads") == 1:
        yield _at(command, "rest-threads-one")
    if command.cpu_limit is not None:
        names = [name for name in knobs.THREAD_FLAGS if not command.number(name)]
        session = command.number("tensorflow_session_parallelism")
        names = [name for name in names if not (session and name.startswith("tensorflow_"))]
        if names:
            yield _at(command, "cpu-limit-threads", limit=f"{command.cpu_limit:g}", flags=", ".join(names))


def _batching(command: Command) -> Iterator[Finding]:
    batching, file = command.on("enable_batching"), command.text("batching_parameters_file")
    if file and not batching:
        yield _at(command, "batching-file-unused")
    if command.on("enable_per_model_batching_parameters") and not batching:
        yield _at(command, "per-model-unused")
    if batching and not file:
        yield _at(command, "batching-defaults")


def _parallelism(command: Command) -> Iterator[Finding]:
    intra_op, inter_op = "tensorflow_intra_op_parallelism", "tensorflow_inter_op_parallelism"
    pair = [name for name in (intra_op, inter_op) if command.number(name) > 0]
    inter = command.number(inter_op)
    if inter < 0 and not pair:
        yield _at(command, "inter-op-ignored", inter=inter)
    if command.number("tensorflow_session_parallelism") <= 0 or not pair:
        return
    if len(pair) == 2:
        yield _at(command, "session-parallelism-conflict")
    else:
        yield _at(command, "session-parallelism-ignored", other=pair[0])


def _model(command: Command) -> Iterator[Finding]:
    base, config = command.text("model_base_path"), command.text("model_config_file")
    if config:
        for name in ("model_name", "model_base_path"):
            if name in command.given:
                yield _at(command, "model-name-ignored", flag=f"--{name}")
    elif not base:
        yield _at(command, "no-model")
    elif is_relative(base):
        yield _at(command, "relative-base-path", path=base)


def _polling(command: Command) -> Iterator[Finding]:
    poll_s = command.number("file_system_poll_wait_seconds", 1)
    if poll_s < 0:
        yield _at(command, "poll-never", poll_s=poll_s)
    if poll_s == 0 and command.number("model_config_file_poll_wait_seconds") > 0:
        yield _at(command, "poll-once-with-reload")
    yield from remote_poll(command, command.text("model_base_path"), command.path, command.line)


def remote_poll(command: Command, base: str, path: str, line: int | None) -> Iterator[Finding]:
    """Object stores listed every second; also used for the base paths of a model config file."""
    poll_s = command.number("file_system_poll_wait_seconds", 1)
    if re.match(r"(gs|s3|hdfs|viewfs|az|abfs)://", base) and 0 < poll_s < 60:
        yield finding("poll-object-store", path, line, path=base, poll_s=poll_s)


def is_relative(base: str) -> bool:
    """True for a base path the server refuses; an unexpanded variable cannot be judged."""
    return not (Path(base).is_absolute() or re.match(r"[a-z0-9]+://", base) or base.startswith("$"))
