"""Lint of a batching parameters file: its syntax, its values, and the threads that must fill its batches."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path

from playbook import knobs
from playbook.errors import ParameterError
from playbook.lint import text_proto
from playbook.lint.flags import Command
from playbook.lint.rules import Finding, finding
from playbook.tfserving.messages import MESSAGES

_FIELDS = {field.name: field for field in MESSAGES["BatchingParameters"].DESCRIPTOR.fields}
_FEW_THREADS = 4  # with timeout 0, up to about this many batch threads still let batches form
# field: (least value, what happens below it)
_LEAST = {
    "num_batch_threads": (1, "the server exits with code 255"),
    "max_batch_size": (1, "the model fails to load"),
    "batch_timeout_micros": (0, "the model fails to load"),
    "max_enqueued_batches": (1, "it is raised to 1 in silence, or fails the load when splitting is on"),
}
Values = dict[str, list[str]]


def check_batching(path: Path, shown: str, command: Command | None = None) -> Iterator[Finding]:
    """Findings of one batching file; with the command line also those that need thread counts."""
    try:
        tree = text_proto.parse(path.read_text())
    except (ParameterError, UnicodeDecodeError) as problem:
        words = {"path": shown, "kind": "BatchingParameters", "problem": problem}
        yield finding("config-file-broken", shown, **words, effect="the server exits with code 255")
        return
    values: Values = {}
    lines = {field.name: field.line for field in tree.children}
    for field in tree.children:
        yield from _syntax(field, shown)
        inner = field.first("value") if field.is_message else field
        if inner is not None and inner.value is not None:
            values.setdefault(field.name, []).append(inner.value)
    for check in (_sizes, _numbers, _timeout, _splitting, _reach):
        for rule, name, words in check(values, command):
            yield finding(rule, shown, lines.get(name), **words)


def limit_of(path: Path) -> int | None:
    """The largest request a batching file lets in, in rows; None when it cannot be read."""
    try:
        size = text_proto.parse(path.read_text()).first("max_batch_size")
        return int(size.first("value").value) if size else knobs.default("max_batch_size")
    except (ParameterError, OSError, ValueError, AttributeError, TypeError):
        return None


def _syntax(field: text_proto.Field, shown: str) -> Iterator[Finding]:
    known = _FIELDS.get(field.name)
    if known is None:
        near = get_close_matches(field.name, _FIELDS, n=1)
        hint = f"Did you mean {near[0]}?" if near else f"Known are {', '.join(_FIELDS)}."
        yield finding("batching-unknown-field", shown, field.line, field=field.name, hint=hint)
    elif known.message_type and not field.is_message:
        yield finding("batching-bare-field", shown, field.line, field=field.name, value=field.value)
    elif field.is_message and not known.message_type:
        inner = field.first("value")
        value = inner.value if inner else "<value>"
        yield finding("batching-wrapped-field", shown, field.line, field=field.name, value=value)


def _number(values: Values, name: str, default: int) -> int:
    try:
        return int(values[name][-1])
    except (KeyError, ValueError):
        return default


def _limit(values: Values) -> int:
    return _number(values, "max_batch_size", knobs.default("max_batch_size"))


def _sizes(values: Values, _: Command | None) -> Iterator[tuple[str, str, dict]]:
    sizes = [int(size) for size in values.get("allowed_batch_sizes", ()) if size.lstrip("-").isdigit()]
    name = "allowed_batch_sizes"
    if not sizes:
        return
    if sizes[-1] != _limit(values):
        yield "batching-last-allowed", name, {"last": sizes[-1], "batch": _limit(values)}
    if sizes != sorted(set(sizes)):
        yield "batching-allowed-order", name, {"sizes": sizes}
    if min(sizes) > 1:
        yield "batching-no-small-size", name, {"smallest": min(sizes)}


def _numbers(values: Values, _: Command | None) -> Iterator[tuple[str, str, dict]]:
    for name, (least, effect) in _LEAST.items():
        value = _number(values, name, least)
        if value < least:
            yield "batching-bad-number", name, {"field": name, "value": value, "effect": effect, "least": least}


def _timeout(values: Values, command: Command | None) -> Iterator[tuple[str, str, dict]]:
    default = (command.cpus if command else None) or 0
    threads = _number(values, "num_batch_threads", default)
    if _number(values, "batch_timeout_micros", 0) == 0 and threads > _FEW_THREADS:
        yield "batching-timeout-zero", "batch_timeout_micros", {"threads": threads}


def _splitting(values: Values, _: Command | None) -> Iterator[tuple[str, str, dict]]:
    name = "enable_large_batch_splitting"
    if values.get(name, ["false"])[-1].lower() != "true":
        return
    execution = _number(values, "max_execution_batch_size", _limit(values))
    sizes = [int(size) for size in values.get("allowed_batch_sizes", ()) if size.isdigit()]
    problem = remedy = None
    if "max_batch_size" not in values and "max_execution_batch_size" not in values:
        problem, remedy = "without max_batch_size the execution size becomes 0", "Set max_batch_size."
    elif execution > _limit(values):
        problem = f"max_execution_batch_size {execution} is above max_batch_size {_limit(values)}, the load fails"
        remedy = f"Use {_limit(values)} or less."
    elif sizes and execution not in sizes:
        problem = f"pieces of max_execution_batch_size {execution} are padded to another of {sizes}"
        remedy = "Take it from allowed_batch_sizes."
    if problem:
        yield "batching-splitting", name, {"problem": problem, "remedy": remedy}


def _reach(values: Values, command: Command | None) -> Iterator[tuple[str, str, dict]]:
    """Single-row requests that can wait at once: (rest_api_num_threads - 1) + grpc_max_threads."""
    rest = command.threads("rest_api_num_threads") if command else None
    if command is None or rest is None:
        return
    rest = max(rest - 1, 0) if command.number("rest_api_port") else 0
    grpc, batch = command.threads("grpc_max_threads"), _limit(values)
    words = {"rest": rest, "grpc": grpc, "batch": batch, "wanted": batch + 1}
    if grpc is not None and rest + grpc < batch:
        yield "threads-cap-batch", "max_batch_size", {**words, "reach": rest + grpc}
    elif 0 < rest < batch:
        yield "rest-threads-cap-batch", "max_batch_size", {**words, "reach": rest}
