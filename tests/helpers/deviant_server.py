"""The embedded server with seeded deviations from TensorFlow Serving: `deviant_server.py NAME[,NAME...] FLAGS`.

DEVIATIONS tells each with the one question of `playbook verify` that must find it. They are changes inside the running
server, so that what is found is found over sockets, logs and exit codes.
"""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from collections.abc import Callable

FIND = {
    "version_in_words": "version",
    "silent_typo": "unknown_flag",
    "metric_renamed": "metric_names",
    "no_padding": "padded",
    "full_is_429": "queue_full",
    "wakes_at_once": "timeout_cost",
    "whole_decimals": "whole_numbers",
    "last_key_wins": "twice",
    "quiet_warmup": "warmup",
    "drains": "sigterm",
    "no_call_limit": "grpc_threads",
    "endless_rest": "timeout",
    "deaf_to_deadlines": "deadline",
}
Arguments = list[str]


def version_in_words(arguments: Arguments) -> Arguments:
    if "--version" in arguments:
        print("Model server, version one")
        os._exit(0)
    return arguments


def silent_typo(arguments: Arguments) -> Arguments:
    return [argument for argument in arguments if not argument.startswith("--no_such_flag")]


def metric_renamed(arguments: Arguments) -> Arguments:
    from model_server import metrics

    known = metrics.exported
    metrics.exported = lambda name: known(name.replace("runtime_latency", "model_latency"))
    return arguments


def no_padding(arguments: Arguments) -> Arguments:
    from model_server.batching.options import QueueOptions

    QueueOptions.padded_size = lambda self, size: size
    return arguments


def full_is_429(arguments: Arguments) -> Arguments:
    from model_server.batching import queue
    from model_server.errors import RESOURCE_EXHAUSTED

    queue.UNAVAILABLE = RESOURCE_EXHAUSTED
    return arguments


def wakes_at_once(arguments: Arguments) -> Arguments:
    return [*arguments, "--batch_wakeup=fast"]


def whole_decimals(arguments: Arguments) -> Arguments:
    from model_server.json import tensors

    strict = tensors.leaf
    tensors.leaf = lambda value, dtype: strict(int(value) if dtype == 9 and isinstance(value, float) else value, dtype)
    return arguments


def last_key_wins(arguments: Arguments) -> Arguments:
    from model_server.json import text

    text._comes_again = lambda document, body: False
    return arguments


def quiet_warmup(arguments: Arguments) -> Arguments:
    from model_server import log

    said = log.info
    log.info = lambda where, message: None if "Number of warmup records" in message else said(where, message)
    return arguments


def drains(arguments: Arguments) -> Arguments:
    def later(signum: int, frame: object) -> None:
        time.sleep(4)
        os._exit(0)

    signal.signal(signal.SIGTERM, later)
    return arguments


def no_call_limit(arguments: Arguments) -> Arguments:
    return [re.sub(r"^(--grpc_max_threads)=2$", r"\1=64", argument) for argument in arguments]


def endless_rest(arguments: Arguments) -> Arguments:
    return [argument for argument in arguments if not argument.startswith("--rest_api_timeout_in_ms=3")]


def deaf_to_deadlines(arguments: Arguments) -> Arguments:
    from model_server.grpc import heads

    heads.read_timeout_ns = lambda text: 10**15
    return arguments


DEVIATIONS: dict[str, Callable[[Arguments], Arguments]] = {name: globals()[name] for name in FIND}


if __name__ == "__main__":
    from model_server.__main__ import main

    given = ["--batch_wakeup=tensorflow", *sys.argv[2:]]
    for name in filter(None, sys.argv[1].split(",")):
        given = DEVIATIONS[name](given)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    code = main(given)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
