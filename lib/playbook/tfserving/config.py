"""Server configurations as TensorFlow Serving spells them: one, a space of them, and what tells two apart."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from playbook.errors import ParameterError

#: Knobs a new version directory can change on a running server (per-model batching parameters).
LIVE = ("enable_batching", "max_batch_size", "batch_timeout_micros", "max_enqueued_batches", "allowed_batch_sizes")
#: Knobs that only mean something while batching is on.
BATCHING = (*LIVE[1:], "num_batch_threads")
#: Knobs of TensorFlow's own threads, which the simulator takes no notice of.
UNSEEN = ("tensorflow_intra_op_parallelism", "tensorflow_inter_op_parallelism")
#: The largest space that is laid out; a bigger one is a mistake more often than a wish.
MOST_CONFIGS = 20_000


@dataclass(frozen=True)
class Config:
    """One configuration of the server; 0 and () mean TensorFlow Serving's own default.

    An inter-op parallelism below 0 runs graphs in the thread that asks (ConfigProto); TensorFlow Serving passes it on
    only beside an intra-op parallelism above 0 (server.cc).
    """

    enable_batching: bool = False
    max_batch_size: int = 0
    batch_timeout_micros: int = 0
    max_enqueued_batches: int = 0
    allowed_batch_sizes: tuple[int, ...] = ()
    num_batch_threads: int = 0
    rest_api_num_threads: int = 0
    grpc_max_threads: int = 0
    tensorflow_intra_op_parallelism: int = 0
    tensorflow_inter_op_parallelism: int = 0
    protocol: str = "rest"

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Config:
        """Build from plain values (lists become tuples); knobs this class does not know raise `ParameterError`."""
        unknown = set(values) - set(KNOBS)
        if unknown:
            raise ParameterError(f"Not a knob of the server: {', '.join(sorted(unknown))}. Known: {', '.join(KNOBS)}.")
        return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in values.items()})

    def plain(self) -> dict[str, Any]:
        """The knobs as JSON types."""
        return {name: list(v) if isinstance(v := getattr(self, name), tuple) else v for name in KNOBS}

    def changed(self, base: Config) -> dict[str, Any]:
        """The knobs in which this configuration differs from `base`, with this one's values."""
        mine = self.plain()
        return {name: mine[name] for name, value in base.plain().items() if mine[name] != value}

    def words(self, base: Config | None = None) -> str:
        """Say the configuration knob by knob, leaving out what equals `base` (TensorFlow Serving's flags)."""
        told = self.changed(base or Config())
        return ", ".join(f"{name}={_spell(value)}" for name, value in told.items()) or "the default flags"

    def tidy(self) -> Config:
        """The same behaviour with the knobs that cannot act at their default, so that equals compare equal."""
        inert = [] if self.enable_batching else list(BATCHING)
        if self.tensorflow_inter_op_parallelism < 0 and self.tensorflow_intra_op_parallelism <= 0:
            inert.append("tensorflow_inter_op_parallelism")
        return self._without(inert)

    def as_simulated(self) -> Config:
        """The configuration that the simulator sees: without the knobs it takes no notice of."""
        return self._without(UNSEEN)

    def _without(self, names: Sequence[str]) -> Config:
        return replace(self, **{name: getattr(DEFAULT, name) for name in names})

    def contradictions(self) -> list[str]:
        """What TensorFlow Serving would refuse or choke on (its flags and batching rules), with knobs and remedy."""
        return [text for wrong, text in _checks(self) if wrong]


KNOBS = tuple(field.name for field in fields(Config))
DEFAULT = Config()


def _spell(value: Any) -> str:
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else str(value)


def _checks(c: Config) -> list[tuple[bool, str]]:
    numbers = {name: getattr(c, name) for name in KNOBS if isinstance(getattr(c, name), int)}
    negative = [n for n, value in numbers.items() if value < 0 and n != "tensorflow_inter_op_parallelism"]
    sizes, largest = c.allowed_batch_sizes, c.max_batch_size or 1000
    return [
        (bool(negative), f"{', '.join(negative)} must not be negative"),
        (
            c.rest_api_num_threads == 1,
            "rest_api_num_threads=1 freezes REST (its only thread runs the event loop): use 2+",
        ),
        (
            bool(sizes) and sizes[-1] != largest,
            f"the last of allowed_batch_sizes={list(sizes)} must equal max_batch_size={largest}",
        ),
        (list(sizes) != sorted(set(sizes)), f"allowed_batch_sizes={list(sizes)} must increase"),
        (c.protocol not in ("rest", "grpc"), f"protocol={c.protocol!r} must be rest or grpc"),
    ]


def expand(space: Mapping[str, Sequence[Any]], base: Config = DEFAULT) -> list[Config]:
    """Lay out every configuration of a space, without doubles, in a stable order.

    Args:
        space: Knob name to the values it may take; a knob not named keeps `base`'s value.
        base: Where every knob not in the space comes from.

    Raises:
        ParameterError: A knob is unknown or has no values, the space is too large, or configurations of it
            contradict themselves; all contradictions are named, before any server is started.
    """
    empty = [name for name, values in space.items() if isinstance(values, str) or not len(values)]
    if empty:
        raise ParameterError(f"The space gives no list of values for {', '.join(empty)}.")
    configs: dict[Config, None] = {}
    for i, values in enumerate(itertools.product(*space.values())):
        if i >= MOST_CONFIGS:
            raise ParameterError(f"The space holds more than {MOST_CONFIGS} configurations; shorten its lists.")
        configs[Config.of(base.plain() | dict(zip(space, values, strict=True))).tidy()] = None
    wrong = sorted({text for config in configs for text in config.contradictions()})
    if wrong:
        raise ParameterError("The space contradicts itself: " + "; ".join(wrong) + ".")
    return list(configs)
