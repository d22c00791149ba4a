"""Server configurations as TensorFlow Serving spells them: one, a space of them, and what tells two apart."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from playbook import knobs
from playbook.errors import ParameterError
from playbook.knobs import WITH_BATCHING, meant

#: Knobs of TensorFlow's own threads, which the simulator takes no notice of.
UNSEEN = ("tensorflow_intra_op_parallelism", "tensorflow_inter_op_parallelism")
#: The largest space that is laid out; a bigger one is a mistake more often than a wish.
MOST_CONFIGS = 20_000


@dataclass(frozen=True)
class Config:
    """One configuration of the server, in the knobs of `playbook.knobs`; None and () are TensorFlow Serving's default.

    `batch_timeout_micros` has no None: its default is the number 0.
    An inter-op parallelism below 0 runs graphs in the thread that asks (ConfigProto); TensorFlow Serving passes it on
    only beside an intra-op parallelism above 0 (server.cc).
    """

    enable_batching: bool = False
    max_batch_size: int | None = None
    batch_timeout_micros: int = 0
    max_enqueued_batches: int | None = None
    allowed_batch_sizes: tuple[int, ...] = ()
    pad_variable_length_inputs: bool = False
    enable_large_batch_splitting: bool = False
    max_execution_batch_size: int | None = None
    num_batch_threads: int | None = None
    rest_api_num_threads: int | None = None
    grpc_max_threads: int | None = None
    tensorflow_intra_op_parallelism: int | None = None
    tensorflow_inter_op_parallelism: int | None = None
    protocol: str = "rest"

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Config:
        """Build from values as notebooks and records write them; unknown knobs raise `ParameterError`."""
        unknown = set(values) - set(NAMES)
        if unknown:
            raise ParameterError(f"Not a knob of the server: {', '.join(sorted(unknown))}. Known: {', '.join(NAMES)}.")
        plain: dict[str, Any] = {n: meant(n, value) if n in knobs.BY_NAME else value for n, value in values.items()}
        return cls(**{name: value for name, value in plain.items() if value is not None})

    def effective(self, name: str, cpus: float | None = None) -> Any:
        """A knob's value in force: as set, else TensorFlow Serving's own for so many cores.

        A batch is executed at `max_execution_batch_size` only where large ones are split, else at `max_batch_size`.
        """
        value = getattr(self, name)
        if name == "max_execution_batch_size" and (value is None or not self.enable_large_batch_splitting):
            return self.effective("max_batch_size")
        return knobs.default(name, cpus) if value is None else value

    def plain(self) -> dict[str, Any]:
        """The knobs as JSON types; null is TensorFlow Serving's default."""
        return {name: list(v) if isinstance(v := getattr(self, name), tuple) else v for name in NAMES}

    def changed(self, base: Config) -> dict[str, Any]:
        """The knobs in which this configuration differs from `base`, with this one's values."""
        mine = self.plain()
        return {name: mine[name] for name, value in base.plain().items() if mine[name] != value}

    def words(self, base: Config | None = None) -> str:
        """Say the configuration knob by knob, leaving out what equals `base` (TensorFlow Serving's flags)."""
        changed = self.changed(base or Config())
        return ", ".join(f"{name}={_spell(value)}" for name, value in changed.items()) or "the default flags"

    def tidy(self) -> Config:
        """The same behaviour with the knobs that cannot act at their default, so that equals compare equal."""
        inert = [] if self.enable_batching else list(WITH_BATCHING)
        inert += [] if self.enable_large_batch_splitting else ["max_execution_batch_size"]
        if (self.tensorflow_inter_op_parallelism or 0) < 0 and not self.tensorflow_intra_op_parallelism:
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


NAMES = tuple(field.name for field in fields(Config))
DEFAULT = Config()


def _spell(value: Any) -> str:
    if value is None:
        return "default"
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else str(value)


def _checks(c: Config) -> list[tuple[bool, str]]:
    values = {name: value for name in knobs.TUNED if (value := getattr(c, name)) not in (None, ())}
    refusals = [text for name, value in values.items() if (text := knobs.refusal(name, value))]
    sizes, largest = c.allowed_batch_sizes, c.effective("max_batch_size")
    split, executed = c.enable_batching and c.enable_large_batch_splitting, c.max_execution_batch_size
    return [
        *((True, text.rstrip(".")) for text in refusals),
        (
            bool(sizes) and sizes[-1] != largest,
            f"the last of allowed_batch_sizes={list(sizes)} must equal max_batch_size={largest}",
        ),
        (list(sizes) != sorted(set(sizes)), f"allowed_batch_sizes={list(sizes)} must increase"),
        (
            split and c.max_batch_size is None and executed is None,
            "enable_large_batch_splitting needs max_batch_size or max_execution_batch_size: without both a batch would "
            "be executed at 0 rows",
        ),
        (
            split and executed is not None and executed > largest,
            f"max_execution_batch_size={executed} must be max_batch_size={largest} or less",
        ),
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
