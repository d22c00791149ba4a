"""What requests did while a profile was taken: when each came, waited and ran, as lines of a trace.

TensorFlow's profiler sees its own operations and threads. Requests pass through an event loop, which it does not know;
their times are those that the metrics count anyway.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from heapq import heappop, heappush

from model_server import metrics, tensorflow_package

tensorflow_package.install()
from tensorflow.tsl.profiler.protobuf import xplane_pb2  # noqa: E402

MOST_EVENTS = 200_000  # of one kind in a profile; later ones are left out, and the trace says so
_FIRST_LINE = 1 << 40  # TensorFlow's lines have thread numbers as theirs
_WATCHED = {
    "requests": metrics.request_latency,
    "runs, with the wait for a batch": metrics.runtime_latency,
    "waiting for a batch": metrics.queuing_latency,
    "graph runs": metrics.graph_run_time_usecs_histogram,
}
Event = tuple[int, int, str]  # began at (ns since 1970), took (ns), name


class Timeline:
    """Listens to the metrics from `start` to `stop`."""

    def __init__(self) -> None:
        self._events: dict[str, list[Event]] = {row: [] for row in _WATCHED}
        self.left_out = 0

    def start(self) -> None:
        """Note what is counted from now on."""
        for row, histogram in _WATCHED.items():
            histogram.watch(partial(self._note, row))

    def stop(self) -> None:
        """Note nothing more."""
        for histogram in _WATCHED.values():
            histogram.watch(None)

    def _note(self, row: str, labels: tuple[str, ...], micros: float) -> None:
        """Something took so long and is over now."""
        events, took_ns = self._events[row], int(1000 * micros)
        if len(events) < MOST_EVENTS:
            events.append((time.time_ns() - took_ns, took_ns, " ".join(filter(None, labels)) or row))
        else:
            self.left_out += 1

    def write(self, plane: xplane_pb2.XPlane, start_ns: int) -> None:
        """Add the lines to a plane.

        Args:
            start_ns: When the profile began, from which a trace counts; what began before is shown from there.
        """
        lines = [
            (f"{row} {1 + lane}" if lane else row, events)
            for row, seen in self._events.items()
            for lane, events in enumerate(_lanes(seen))
        ]
        known = {data.name: number for number, data in plane.event_metadata.items()}
        for index, (name, events) in enumerate(lines):
            line = plane.lines.add(id=_FIRST_LINE + index, display_id=_FIRST_LINE + index, name=name)
            for began_ns, took_ns, what in events:
                early_ns = max(0, start_ns - began_ns)
                line.events.add(
                    metadata_id=_number(plane, known, what),
                    offset_ps=1000 * (began_ns + early_ns - start_ns),
                    duration_ps=1000 * max(0, took_ns - early_ns),
                )


def _lanes(events: Sequence[Event]) -> list[list[Event]]:
    """The events in rows of which none overlaps with the next: a trace nests what overlaps."""
    lanes: list[list[Event]] = []
    free: list[tuple[int, int]] = []  # heap of (free from, lane)
    for event in sorted(events):
        if free and free[0][0] <= event[0]:
            _, lane = heappop(free)
        else:
            lane = len(lanes)
            lanes.append([])
        lanes[lane].append(event)
        heappush(free, (event[0] + event[1], lane))
    return lanes


def _number(plane: xplane_pb2.XPlane, known: dict[str, int], name: str) -> int:
    """The number under which a plane keeps the name of an event."""
    if name not in known:
        number = known[name] = max(plane.event_metadata, default=0) + 1
        plane.event_metadata[number].id, plane.event_metadata[number].name = number, name
    return known[name]
