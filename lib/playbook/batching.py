"""BatchingParameters: TensorFlow Serving's batching file as a value that is written and read back."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields

from playbook.errors import ParameterError

WRAPPED = (  # fields of a wrapper type: they need `name { value: N }`, a bare number is a parse error there
    "max_batch_size",
    "batch_timeout_micros",
    "max_enqueued_batches",
    "num_batch_threads",
    "enable_large_batch_splitting",
    "max_execution_batch_size",
)


@dataclass(frozen=True)
class Batching:
    """The batching parameters that are set; None is absent, and TensorFlow Serving's default holds.

    Source: TensorFlow Serving, session_bundle_config.proto, message BatchingParameters.
    """

    max_batch_size: int | None = None
    batch_timeout_micros: int | None = None
    max_enqueued_batches: int | None = None
    num_batch_threads: int | None = None
    allowed_batch_sizes: tuple[int, ...] = ()
    pad_variable_length_inputs: bool | None = None
    enable_large_batch_splitting: bool | None = None
    max_execution_batch_size: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "allowed_batch_sizes", tuple(self.allowed_batch_sizes))
        sizes = self.allowed_batch_sizes
        limit = 1000 if self.max_batch_size is None else self.max_batch_size
        if sizes and sizes[-1] != limit:
            raise ParameterError(
                f"The last of allowed_batch_sizes must be max_batch_size: {sizes[-1]} was given, {limit} awaited. "
                "TensorFlow Serving refuses to load the model otherwise."
            )

    def text(self) -> str:
        """The text proto, one field a line."""
        lines = []
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name == "allowed_batch_sizes":
                lines += [f"allowed_batch_sizes: {size}" for size in value]
            elif value is not None:
                plain = str(value).lower() if isinstance(value, bool) else str(value)
                wrapped = field.name in WRAPPED
                lines.append(f"{field.name} {{ value: {plain} }}" if wrapped else f"{field.name}: {plain}")
        return "".join(f"{line}\n" for line in lines)

    @classmethod
    def parse(cls, text: str) -> Batching:
        """Read back what `text` wrote, or any file of the same plain form.

        Raises:
            ParameterError: an unknown field or a value that is no number or bool; names the line.
        """
        plain = "\n".join(line.split("#", 1)[0] for line in text.splitlines())
        field = r"(\w+)\s*(?::\s*([\w-]+)|:?\s*\{\s*value\s*:\s*([\w-]+)\s*\})\s*[,;]?\s*"
        values: dict[str, int | bool | tuple[int, ...]] = {}
        known = {item.name for item in fields(cls)} | {"thread_pool_name"}
        rest = re.sub(r'thread_pool_name\s*:?\s*\{\s*value\s*:\s*"[^"]*"\s*\}', "", plain).strip()
        while rest:
            match = re.match(field, rest)
            if not match or match[1] not in known:
                raise ParameterError(f"Not a batching parameter: {rest.splitlines()[0]!r}.")
            value = _value(match[2] or match[3])
            if match[1] == "allowed_batch_sizes":
                values["allowed_batch_sizes"] = (*values.get("allowed_batch_sizes", ()), value)
            else:
                values[match[1]] = value
            rest = rest[match.end() :]
        return cls(**values)

    def described(self) -> str:
        """In words for a table or a verdict, e.g. `max_batch_size 32, batch_timeout_micros 0`."""
        parts = []
        for field in fields(self):
            value = getattr(self, field.name)
            if value not in (None, ()):
                shown = "/".join(map(str, value)) if isinstance(value, tuple) else value
                parts.append(f"{field.name} {shown}")
        return ", ".join(parts) or "TensorFlow Serving's batching defaults"


def _value(text: str) -> int | bool:
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    try:
        return int(text)
    except ValueError:
        raise ParameterError(f"A batching parameter must be a whole number, true or false, not {text!r}.") from None
