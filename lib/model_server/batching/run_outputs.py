"""What one run of the graph gave, and each request's share of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from model_server.eager import Ticket
from model_server.errors import ServingError
from model_server.json import reply

_MOST_NUMBERS = 1 << 16  # a larger output is written request by request, so that none waits for all


class RunOutputs:
    """The outputs of one run, possibly for many requests; the JSON of their rows is written once for all of them."""

    __slots__ = ("arrays", "texts")

    def __init__(self, arrays: Sequence[np.ndarray]):
        self.arrays = arrays
        self.texts: dict[str, list[str]] = {}

    def write(self, alias: str) -> list[str] | None:
        """The JSON of each row of the only output, under this alias, kept in `texts`; None where it is large.

        Raises:
            ServingError: JSON cannot show its type.
        """
        if self.arrays[0].size > _MOST_NUMBERS:
            return None
        texts = self.texts[alias] = reply.row_texts(alias, self.arrays[0])
        return texts


class Share:
    """One request's rows of a run: `start` to `stop`, or everything where `stop` is None."""

    __slots__ = ("_run", "_start", "_stop")

    def __init__(self, run: RunOutputs, start: int = 0, stop: int | None = None):
        self._run, self._start, self._stop = run, start, stop

    @property
    def arrays(self) -> list[np.ndarray]:
        """The outputs in the order in which they were fetched."""
        if self._stop is None:
            return list(self._run.arrays)
        return [array[self._start : self._stop] for array in self._run.arrays]


class RunTicket(Ticket):
    """What a coroutine awaits that has submitted a run: its Share."""

    __slots__ = ()

    def answer(self, run: RunOutputs, start: int = 0, stop: int | None = None) -> None:
        """The run is over, and these rows of it are the request's; called in the loop's thread, once."""
        self.resolve(Share(run, start, stop))

    def fail(self, error: ServingError) -> None:
        """There was no such run; called in the loop's thread instead of `answer`."""
        self.resolve(error)
