"""What happened to every version since the process started, and waiting for it (ServableStateMonitor)."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass

from model_server.errors import UNKNOWN, ServingError

START, LOADING, AVAILABLE, UNLOADING, END = 10, 20, 30, 40, 50


@dataclass(frozen=True)
class VersionState:
    """A version's state and, when its load failed, why."""

    state: int
    error: ServingError | None = None
    order: int = 0


class StateMonitor:
    """The latest state of every version ever wanted; END entries stay for the life of the process."""

    def __init__(self):
        self._models: dict[str, dict[int, VersionState]] = {}
        self._changed = threading.Condition()
        self._order = 0

    def set(self, name: str, version: int, state: int, error: ServingError | None = None) -> None:
        """Record a transition and wake whoever waits for it."""
        with self._changed:
            versions = dict(self._models.get(name, {}))
            self._order += 1
            versions[version] = VersionState(state, error, self._order)
            self._models[name] = versions
            self._changed.notify_all()

    def versions(self, name: str) -> dict[int, VersionState]:
        """version -> state of a model; empty when it was never seen."""
        return self._models.get(name, {})

    def now(self) -> int:
        """A mark in the order of transitions."""
        return self._order

    def wait_until_loaded(self, names: Iterable[str], since: int = 0, what: str = "servable") -> None:
        """Block until each model has a version AVAILABLE, or all versions wanted since the mark `since` have ended.

        Raises:
            ServingError: UNKNOWN that names the models which did not become available.
        """
        names = list(names)
        with self._changed:
            self._changed.wait_for(lambda: all(self._settled(name, since) for name in names))
            failed = [name for name in names if not self._available(name)]
            entries = [self._failure(name) for name in failed]
        if failed:
            text = "".join(f"{entry}}}, " for entry in entries)
            raise ServingError(UNKNOWN, f"{len(failed)} {what}(s) did not become available: {{{text}}}")

    def _available(self, name: str) -> bool:
        return any(entry.state == AVAILABLE for entry in self.versions(name).values())

    def _settled(self, name: str, since: int) -> bool:
        versions = [entry for entry in self.versions(name).values() if entry.order > since]
        return self._available(name) or (bool(versions) and all(entry.state == END for entry in versions))

    def _failure(self, name: str) -> str:
        version, entry = max(self.versions(name).items(), key=lambda item: (item[1].error is not None, item[0]))
        return f"{{name: {name} version: {version}}} due to error: {entry.error}"
