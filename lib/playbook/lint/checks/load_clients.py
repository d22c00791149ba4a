"""Calls that clients here keep in flight at once, against the threads that a server answers gRPC with."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from playbook.lint.checks.command import Command
from playbook.lint.forms.text import Text
from playbook.lint.rules.findings import Finding, finding

_GHZ = re.compile(r"(?m)^[^#\n]*\bghz\s(?:\\\s*\n|[^\n])*")
_AT_ONCE = re.compile(r"(?:\s-c|--concurrency)[= ]\s*(\d+)\b")
_STUB = re.compile(r"PredictionService(?:Stub|Client)|prediction_service_pb2")
_WORKERS = re.compile(r"(?m)^[^#\n]*(?:max_workers\s*=\s*|(?:Thread|Process)PoolExecutor\(\s*|\bPool\(\s*)(\d+)\b")


def check_load(texts: Iterable[Text], commands: Sequence[Command]) -> Iterator[Finding]:
    """A server whose grpc_max_threads is below the calls that clients in these texts make at once.

    Only where all servers here have the one flag: which of several is asked is not known.
    """
    given = {command.text("grpc_max_threads") for command in commands}
    threads = commands[0].number("grpc_max_threads") if len(given) == 1 else 0
    if threads < 1:
        return
    asked = [(int(count), text) for text in texts for count in _counts(text)]
    clients, text = max(asked, key=lambda pair: pair[0], default=(0, None))
    if text is not None and clients > threads - 1:
        command = next((each for each in commands if each.path == text.path), commands[0])
        words = {"threads": threads, "calls": threads - 1, "clients": clients, "who": text.path}
        yield finding("grpc-threads-below-clients", command.path, command.at("grpc_max_threads"), **words,
                      enough=clients + 1)  # fmt: skip


def _counts(text: Text) -> Iterator[str]:
    for line in _GHZ.findall(text.content):
        yield from _AT_ONCE.findall(line)
    if _STUB.search(text.content):
        yield from _WORKERS.findall(text.content)
