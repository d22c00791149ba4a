"""Lint of batching parameters: their values, and the threads that must fill their batches."""

from __future__ import annotations

import re
from collections.abc import Iterator

from playbook import knobs
from playbook.lint.checks.command import Command
from playbook.lint.checks.schema import KINDS, PER_MODEL, read_config
from playbook.lint.checks.thread_counts import MOST_THREADS
from playbook.lint.forms import text_proto
from playbook.lint.forms.text import Text
from playbook.lint.rules.findings import Finding, finding

MAX_BATCH_SIZE = knobs.default("max_batch_size")  # when the file does not say
_FEW_THREADS = 4  # with timeout 0, up to about this many batch threads still let batches form
_ABSURD_BATCH = 16_384
_MANY_THREADS = 32  # where the cores are not known
_THREADS_A_CORE = 4
_TINY_MICROS, _LONG_MICROS = 100, 500_000
_DEEP_ROWS = 500_000
# field: (least value, what happens below it)
_LEAST = {
    "num_batch_threads": (1, "the server exits with code 255"),
    "max_batch_size": (1, "the model fails to load"),
    "batch_timeout_micros": (0, "the model fails to load"),
    "max_enqueued_batches": (0, "the model fails to load"),
}
Hit = tuple[str, str, dict]  # rule, field, words


class Values:
    """The numbers of a batching file."""

    def __init__(self, tree: text_proto.Field):
        self.tree = tree
        sizes = [_number(child.value) for child in tree.children if child.name == "allowed_batch_sizes"]
        self.sizes = [size for size in sizes if size is not None]
        self.lines = {child.name: child.line for child in tree.children}
        self.limit = self.number("max_batch_size", MAX_BATCH_SIZE)
        # False where a program fills the number in, or it is none
        self.known = "max_batch_size" not in self.lines or self.number("max_batch_size", -1) == self.limit
        self.splitting = (tree.wrapped("enable_large_batch_splitting") or "").lower() in ("true", "1", "t")

    def number(self, name: str, default: int) -> int:
        """The whole number of a field, `default` where it is absent or none."""
        value = self.tree.wrapped(name)
        if value is None:  # `name {}` is the wrapper's 0
            child = self.tree.first(name)
            return 0 if child is not None and child.is_message and not child.children else default
        number = _number(value)
        return default if number is None else number

    def has(self, name: str) -> bool:
        """True when the file sets the field."""
        return name in self.lines


def _number(value: str | None) -> int | None:
    """A whole number as text format writes it (decimal, 0x hexadecimal, 0 octal); None for anything else."""
    if value is None or not re.fullmatch(r"-?(0|[1-9]\d*|0[xX][0-9a-fA-F]+|0[0-7]+)", value):
        return None
    octal = re.fullmatch(r"(-?)0([0-7]+)", value)
    return int(octal[1] + octal[2], 8) if octal else int(value, 0)


def check_batching(text: Text, command: Command | None = None, per_version: bool = False) -> Iterator[Finding]:
    """Findings of one batching file; with the command line also those that need thread counts.

    `per_version` marks a version's own batching_params.pbtxt.
    """
    parsed = read_config(text, *(PER_MODEL if per_version else KINDS["batching_parameters_file"]))
    yield from parsed.findings
    yield from check_parameters(parsed.tree, text, command, per_version)


def check_parameters(
    tree: text_proto.Field, text: Text, command: Command | None, per_version: bool = False
) -> Iterator[Finding]:
    """Findings of the numbers of BatchingParameters, read from a file of their own or inside another."""
    values = Values(tree)
    checks = [_sizes, _numbers, _timeout, _splitting, _reach, _absurd, _padding]
    if command is not None and command.on("enable_per_model_batching_parameters") and not per_version:
        checks = [_threads_alone]
    for check in checks:
        for rule, name, words in check(values, command):
            if per_version and name == "num_batch_threads":
                continue  # a version's own file cannot set it
            line = values.lines.get(name) or min(values.lines.values(), default=None)  # of a default: where it applies
            yield finding(rule, text.path, text.line(line), **words)


def limit_of(text: Text) -> int | None:
    """The largest request a batching file lets in, in rows; None when it cannot be read."""
    parsed = read_config(text, *KINDS["batching_parameters_file"])
    return Values(parsed.tree).limit if parsed.accepted else None


def refused_at_load(text: Text) -> bool:
    """True when a version fails to load with this file of its own."""
    return any(hit.severity == "error" for hit in check_batching(text, per_version=True))


def _sizes(values: Values, _: Command | None) -> Iterator[Hit]:
    sizes, name = values.sizes, "allowed_batch_sizes"
    if not sizes:
        return
    if sizes[-1] != values.limit and values.known:
        yield "batching-last-allowed", name, {"last": sizes[-1], "batch": values.limit}
    if sizes != sorted({size for size in sizes if size > 0}):
        yield "batching-allowed-order", name, {"sizes": sizes}
    if min(sizes) > 1:
        yield "batching-no-small-size", name, {"smallest": min(sizes)}


def _numbers(values: Values, _: Command | None) -> Iterator[Hit]:
    for name, (least, effect) in _LEAST.items():
        value = values.number(name, 1)
        if name == "max_enqueued_batches" and values.splitting:
            least = 1
        if value < least:
            yield "batching-bad-number", name, {"field": name, "value": value, "effect": effect, "least": least}


def _threads_alone(values: Values, command: Command | None) -> Iterator[Hit]:
    for hit in _numbers(values, command):
        if hit[1] == "num_batch_threads":
            yield hit
    others = [name for name in values.lines if name not in ("num_batch_threads", "thread_pool_name")]
    if others:
        yield "per-model-global-ignored", others[0], {"fields": ", ".join(others)}


def _cores(command: Command | None) -> float | None:
    return (command.cpu_limit or command.cpus) if command else None


def _timeout(values: Values, command: Command | None) -> Iterator[Hit]:
    threads = values.number("num_batch_threads", (command.cpus if command else None) or 0)
    timeout = values.number("batch_timeout_micros", 0)
    if timeout == 0 and threads > _FEW_THREADS:
        yield "batching-timeout-zero", "batch_timeout_micros", {"threads": threads}
    if 0 < timeout < _TINY_MICROS and values.limit > 1:
        yield "batching-timeout-tiny", "batch_timeout_micros", {"timeout": timeout, "batch": values.limit}
    if timeout >= _LONG_MICROS:
        words = {"timeout": timeout, "seconds": timeout / 1e6}
        yield "batching-timeout-long", "batch_timeout_micros", words


def _splitting(values: Values, _: Command | None) -> Iterator[Hit]:
    name = "enable_large_batch_splitting"
    if not values.splitting:
        if values.has("max_execution_batch_size"):
            yield "batching-execution-unused", "max_execution_batch_size", {}
        return
    default = values.limit if values.has("max_batch_size") else 0
    execution = values.number("max_execution_batch_size", default)
    if execution <= 0:
        problem = "without max_batch_size the execution size becomes 0, and no batch can form"
        if values.has("max_execution_batch_size"):
            problem = f"max_execution_batch_size is {execution}, and no batch can form"
        yield "batching-splitting", name, {"problem": problem, "remedy": "Set max_batch_size."}
    elif execution > values.limit:
        problem = f"max_execution_batch_size {execution} is above max_batch_size {values.limit}, the load fails"
        yield "batching-splitting", name, {"problem": problem, "remedy": f"Use {values.limit} or less."}
    elif values.sizes and execution not in values.sizes and values.has("max_execution_batch_size"):
        problem = f"pieces of max_execution_batch_size {execution} are padded to another of {values.sizes}"
        yield "batching-splitting-padded", name, {"problem": problem, "remedy": "Take it from allowed_batch_sizes."}


def _reach(values: Values, command: Command | None) -> Iterator[Hit]:
    """Single-row requests that can wait at once: (rest_api_num_threads - 1) + grpc_max_threads."""
    rest = command.threads("rest_api_num_threads") if command else None
    if command is None or rest is None or not values.known:
        return
    rest = max(rest - 1, 0) if command.number("rest_api_port") else 0
    grpc, batch = command.threads("grpc_max_threads"), values.limit
    words = {"rest": rest, "grpc": grpc, "batch": batch, "wanted": batch + 1}
    if grpc is not None and rest + grpc < batch:
        yield "threads-cap-batch", "max_batch_size", {**words, "reach": rest + grpc}
    elif 0 < rest < batch:
        yield "rest-threads-cap-batch", "max_batch_size", {**words, "reach": rest}


def _absurd(values: Values, command: Command | None) -> Iterator[Hit]:
    threads, cores = values.number("num_batch_threads", 0), _cores(command)
    if values.limit > _ABSURD_BATCH:
        yield "batching-size-absurd", "max_batch_size", {"batch": f"{values.limit:,}"}
    if threads > MOST_THREADS:
        yield "batching-threads-impossible", "num_batch_threads", {"threads": f"{threads:,}"}
        threads = 0
    beyond = f"on {cores:g} cores" if cores else "is more than most machines have cores"
    if threads > (_THREADS_A_CORE * cores if cores else _MANY_THREADS):
        yield "batching-threads-absurd", "num_batch_threads", {"threads": threads, "beyond": beyond}
    queue = values.number("max_enqueued_batches", 10)
    if queue * values.limit > _DEEP_ROWS and values.has("max_enqueued_batches") and values.known:
        words = {"queue": queue, "batch": values.limit, "rows": queue * values.limit}
        yield "batching-queue-deep", "max_enqueued_batches", words


def _padding(values: Values, _: Command | None) -> Iterator[Hit]:
    if (values.tree.wrapped("pad_variable_length_inputs") or "").lower() in ("true", "1", "t"):
        yield "batching-padding", "pad_variable_length_inputs", {}
