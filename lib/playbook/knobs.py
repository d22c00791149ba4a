"""The knobs of TensorFlow Serving in one table: what each is, its default, where it is written, what changes it.

Flags, batching files, the tuner's configurations, the columns of records and the parameters of 20_serve follow from
this table (tests compare them). A knob at TensorFlow Serving's default is None in Python and null in a record; what a
notebook writes for it (0, -1, false, []) is translated by `meant` alone.
Source: TensorFlow Serving 2.20, model_servers/main.cc and session_bundle_config.proto (message BatchingParameters).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from playbook.errors import ParameterError

FLAG, FIELD = "flag", "batching field"
METRICS_PATH = "/monitoring/prometheus/metrics"  # where TensorFlow Serving answers when its config names no other


@dataclass(frozen=True)
class Knob:
    """One knob.

    Attributes:
        name: As TensorFlow Serving spells it.
        kind: bool, int, or list (of whole numbers).
        home: FLAG of the command line, or FIELD of the batching file.
        default: TensorFlow Serving's own value; None where it depends on the cores or on another knob.
        per_core: The default is so many for each core the server may be scheduled on; 0 where it is not.
        live: A new version directory changes it on a running server (per-model batching); else it takes a restart.
        unit: Of the value; empty for counts and switches.
        meaning: In a few words.
        written: What a notebook writes to keep the default.
        tuned: The tuner may search over it.
        least: The smallest value that TensorFlow Serving works with.
    """

    name: str
    kind: type
    home: str
    default: Any
    per_core: int
    live: bool
    unit: str
    meaning: str
    written: Any = 0
    tuned: bool = True
    least: int = 1


KNOBS = (
    Knob("enable_batching", bool, FLAG, False, 0, True, "", "server-side batching", False),
    Knob("max_batch_size", int, FIELD, 1000, 0, True, "rows", "largest batch and largest request"),
    Knob("batch_timeout_micros", int, FIELD, 0, 0, True, "us", "longest wait of a batch's first request", -1, least=0),
    Knob("max_enqueued_batches", int, FIELD, 10, 0, True, "batches", "length of a queue"),
    Knob("num_batch_threads", int, FIELD, None, 1, False, "", "batches that run at a time, over all models"),
    Knob("allowed_batch_sizes", list, FIELD, (), 0, True, "rows", "a batch is padded up to one of these", []),
    Knob("pad_variable_length_inputs", bool, FIELD, False, 0, True, "", "pad other dimensions too", False),
    Knob("enable_large_batch_splitting", bool, FIELD, False, 0, True, "", "split large requests", False),
    Knob(
        "max_execution_batch_size",
        int,
        FIELD,
        None,
        0,
        True,
        "rows",
        "largest executed batch, where large ones are split",
    ),
    Knob("rest_api_num_threads", int, FLAG, None, 4, False, "", "HTTP threads, one of them the event loop", least=2),
    Knob("grpc_max_threads", int, FLAG, None, 4, False, "", "gRPC calls inside the server at a time"),
    Knob("tensorflow_intra_op_parallelism", int, FLAG, None, 1, False, "", "threads inside an operation"),
    Knob("tensorflow_inter_op_parallelism", int, FLAG, None, 1, False, "", "operations at a time", least=-1),
)
BY_NAME = {knob.name: knob for knob in KNOBS}
TUNED = tuple(knob.name for knob in KNOBS if knob.tuned)
#: Fields of the batching file, in the order it is written.
FIELDS = tuple(knob.name for knob in KNOBS if knob.home == FIELD)
#: Thread counts on the command line.
THREAD_FLAGS = tuple(knob.name for knob in KNOBS if knob.home == FLAG and knob.kind is int)
#: Knobs of the tuner that a new version directory changes on a running server.
LIVE = tuple(knob.name for knob in KNOBS if knob.live and knob.tuned)
#: Knobs that mean something only while batching is on.
WITH_BATCHING = tuple(name for name in FIELDS if name in TUNED)


def meant(name: str, written: Any) -> Any:
    """A value as written in a notebook or a record, by its one spelling in Python: None for the default.

    Lists become tuples; the default of a list is the empty one, as a batching file has no other way to leave it out.
    """
    knob = BY_NAME[name]
    if knob.kind is list and isinstance(written or (), (list, tuple)):
        return tuple(written or ())
    if written is None or (written == knob.written and knob.kind is int):
        return None
    return written


def chosen(values: Mapping[str, Any]) -> dict[str, Any]:
    """The knobs among these values that are not left at TensorFlow Serving's default, as `meant` spells them.

    Raises:
        ParameterError: a value of another type, or below what TensorFlow Serving works with.
    """
    known = {name: meant(name, values[name]) for name in BY_NAME if name in values}
    set_ = {name: value for name, value in known.items() if value is not None and value != () and value is not False}
    if wrong := [text for name, value in set_.items() if (text := refusal(name, value))]:
        raise ParameterError(" ".join(wrong))
    return set_


def refusal(name: str, value: Any) -> str | None:
    """Why a value (not None) cannot be one of this knob, with what is expected; None when it can."""
    knob = BY_NAME[name]
    if knob.kind is bool:
        return None if isinstance(value, bool) else f"{name} is {value!r}; true or false is expected."
    numbers = list(value) if isinstance(value, (list, tuple)) else [value]
    if (knob.kind is list) == isinstance(value, (list, tuple)) and all(_whole(n) and n >= knob.least for n in numbers):
        return None
    kind = "a list of whole numbers" if knob.kind is list else "a whole number"
    why = " (1 freezes REST: its only thread runs the event loop)" if name == "rest_api_num_threads" else ""
    return f"{name} is {value!r}; {kind} from {knob.least} is expected{why}, or {knob.written!r} for the default."


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def default(name: str, cpus: float | None = None) -> Any:
    """TensorFlow Serving's own value of a knob; None where it depends on another knob, or on cores that are not known.

    Args:
        name: The knob.
        cpus: Cores the server may be scheduled on; a quota does not change them.
    """
    knob = BY_NAME[name]
    return int(knob.per_core * cpus) if knob.per_core and cpus else knob.default


def in_words(values: Mapping[str, Any]) -> str:
    """Knobs and values for a table or a verdict, e.g. `max_batch_size 32, allowed_batch_sizes 8/32`."""
    return ", ".join(f"{name} {_shown(value)}" for name, value in values.items())


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return "/".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
