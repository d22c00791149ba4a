"""BatchingParameters: TensorFlow Serving's batching file as a value that is written and read back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from google.protobuf import text_format

from playbook import knobs
from playbook.errors import ParameterError
from playbook.tfserving.messages import MESSAGES


@dataclass(frozen=True)
class Batching:
    """The batching parameters that are set; None is absent, and TensorFlow Serving's default holds.

    Source: TensorFlow Serving, session_bundle_config.proto, message BatchingParameters.

    Raises:
        ParameterError: the last of allowed_batch_sizes is not max_batch_size.
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
        limit = knobs.default("max_batch_size") if self.max_batch_size is None else self.max_batch_size
        if sizes and sizes[-1] != limit:
            raise ParameterError(
                f"The last of allowed_batch_sizes must be max_batch_size: {sizes[-1]} was given, {limit} expected. "
                "TensorFlow Serving refuses to load the model otherwise."
            )

    def text(self) -> str:
        """The text proto, one field a line. A wrapper type needs `name { value: N }`: a bare number does not parse."""
        wrapped = {f.name for f in MESSAGES["BatchingParameters"].DESCRIPTOR.fields if f.message_type}
        lines = []
        for name in knobs.FIELDS:
            value = getattr(self, name)
            for item in value if isinstance(value, tuple) else (value,):
                plain = str(item).lower() if isinstance(item, bool) else item
                if item is not None:
                    lines.append(f"{name} {{ value: {plain} }}\n" if name in wrapped else f"{name}: {plain}\n")
        return "".join(lines)

    @classmethod
    def parse(cls, text: str) -> Batching:
        """Read a batching file. `thread_pool_name` only names threads and is dropped.

        Raises:
            ParameterError: not a text proto of BatchingParameters (with the parser's line and column), or values that
                contradict each other.
        """
        try:
            message = text_format.Parse(text, MESSAGES["BatchingParameters"]())
        except text_format.ParseError as error:
            raise ParameterError(f"Not a batching parameters file: {error}. Numbers need `{{ value: N }}`.") from error
        values: dict[str, Any] = {"allowed_batch_sizes": tuple(message.allowed_batch_sizes)}
        for descriptor, value in message.ListFields():
            if descriptor.name == "pad_variable_length_inputs":
                values[descriptor.name] = value
            elif descriptor.name not in ("allowed_batch_sizes", "thread_pool_name"):
                values[descriptor.name] = value.value
        return cls(**values)

    def described(self) -> str:
        """In words for a table or a verdict, e.g. `max_batch_size 32, batch_timeout_micros 0`."""
        values = {name: value for name in knobs.FIELDS if (value := getattr(self, name)) not in (None, ())}
        return knobs.in_words(values) or "TensorFlow Serving's batching defaults"
