"""A protobuf message that code builds, as the text proto it amounts to, on the lines that set its fields."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass
class Message:
    """A message while it is built: its fields by name, each with its line, in the order that they are set."""

    kind: str
    line: int
    fields: list[tuple[str, str | Message, int]] = field(default_factory=list)

    def part(self, name: str, line: int) -> Message:
        """The message in a field, as protobuf makes one where there is none yet."""
        held = [value for key, value, _ in self.fields if key == name and isinstance(value, Message)]
        return held[-1] if held else self.begin(name, line)

    def add(self, name: str, value: str | Message, line: int) -> None:
        """Put one more value behind a field's others."""
        self.fields.append((name, value, line))

    def begin(self, name: str, line: int) -> Message:
        """Put an empty message behind a field's others."""
        inner = Message("", line)
        self.add(name, inner, line)
        return inner

    def give(self, name: str, value: str | Message, line: int) -> None:
        """Give a field this value instead of any other."""
        self.fields = [each for each in self.fields if each[0] != name]
        self.fields.append((name, value, line))

    def drop_empty(self, name: str) -> bool:
        """Take out the messages of this name in which no field is set; whether there were any."""
        kept = [each for each in self.fields
                if each[0] != name or not isinstance(each[1], Message) or each[1].fields]  # fmt: skip
        dropped, self.fields = len(kept) < len(self.fields), kept
        inner = [value.drop_empty(name) for _, value, _ in kept if isinstance(value, Message)]
        return dropped or any(inner)

    @property
    def first_line(self) -> int:
        """The first line that a field in it is set on; its own where none is."""
        inner = [value.first_line for _, value, _ in self.fields if isinstance(value, Message)]
        return min([*inner, *(line for _, _, line in self.fields)], default=self.line)

    def written(self, without: set[str]) -> str:
        """The text, without the fields of these names; a field stands no higher than the one before it."""
        pieces, line = [], self.first_line
        for text, place in self._pieces(without):
            pieces.append("\n" * max(place - line, 0) + text)
            line = max(line, place)
        return " ".join(pieces)

    def _pieces(self, without: set[str]) -> Iterator[tuple[str, int]]:
        for name, value, line in self.fields:
            if name in without:
                continue
            if isinstance(value, Message):
                yield f"{name} {{", min(line, value.first_line)
                yield from value._pieces(without)
                yield "}", 0
            else:
                yield f"{name}: {value}", line
