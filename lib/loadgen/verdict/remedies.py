"""What to change where requests fail, by how they fail: a smaller load cures an overload and nothing else."""

from __future__ import annotations

from collections.abc import Mapping

ADDRESS = "check the address, the model's name and the body: the server answers, and not to this"
SERVER = "look at the server: it was not there, or ended connections"
LOAD = "lower the load, or give the server more threads, a longer queue or more cores"
POOL = 'raise grpc_max_threads ("Server Threadpool Exhausted": it takes no more calls at a time), or lower the load'
PEER = "check that the port speaks this protocol"
#: By the kind of the error, first match first; a kind ending in _ stands for all that begin so.
REMEDIES = (
    ("http_404", ADDRESS),
    ("http_400", ADDRESS),
    ("grpc_5", ADDRESS),  # NOT_FOUND
    ("grpc_3", ADDRESS),  # INVALID_ARGUMENT
    ("grpc_12", ADDRESS),  # UNIMPLEMENTED
    ("http_401", "give credentials: the server refuses who asks"),
    ("http_403", "give credentials: the server refuses who asks"),
    ("grpc_16", "give credentials: the server refuses who asks"),
    ("grpc_7", "give credentials: the server refuses who asks"),
    ("grpc_8", POOL),  # RESOURCE_EXHAUSTED
    ("refused", SERVER),
    ("reset", SERVER),
    ("protocol", PEER),
    ("short_reply", SERVER),
    ("timeout", LOAD),
    ("unsent", LOAD),
    ("http_503", LOAD),
    ("http_429", LOAD),
    ("grpc_14", LOAD),  # UNAVAILABLE
    ("grpc_4", LOAD),  # DEADLINE_EXCEEDED
    ("wrong_answer", "find out which answer is right before believing any speed"),
    ("http_", "read the server's log: it fails these requests"),
    ("grpc_", "read the server's log: it fails these requests"),
)


def remedy(errors_by_kind: Mapping[str, int]) -> str:
    """What to do about the commonest kind of failure."""
    commonest = max(errors_by_kind, key=lambda kind: errors_by_kind[kind], default="")
    for kind, text in REMEDIES:
        if commonest == kind or (kind.endswith("_") and commonest.startswith(kind)):
            return text
    return LOAD
