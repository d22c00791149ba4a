"""Watches base paths and tells the manager which versions are wanted (FileSystemStoragePathSource)."""

from __future__ import annotations

import threading
from collections.abc import Callable

from model_server import log
from model_server.errors import ServingError
from model_server.models.version_policy import WatchedModel, poll

_WHERE = "tensorflow_serving/sources/storage_path/file_system_storage_path_source.cc:"
Aspire = Callable[[str, dict[int, str]], None]


class StorageSource:
    """A thread that lists all base paths every `wait_s` seconds (0: once; negative: never)."""

    def __init__(self, aspire: Aspire, wait_s: float):
        self._aspire, self._wait_s = aspire, wait_s
        self._models: tuple[WatchedModel, ...] = ()
        self._lock = threading.Lock()
        self._started = False

    @property
    def names(self) -> set[str]:
        """The models that are watched: a config that was refused half-way added none."""
        return {model.name for model in self._models}

    def watch(self, models: tuple[WatchedModel, ...]) -> None:
        """Watch exactly these from now on; models left out are unloaded at once. The first call starts the thread."""
        with self._lock:
            gone = {model.name for model in self._models} - {model.name for model in models}
            self._models = models
            for name in gone:
                self._aspire(name, {})
            if not self._started and self._wait_s >= 0:
                self._started = True
                threading.Thread(target=self._watch, name="fs_poll", daemon=True).start()

    def _watch(self) -> None:
        pause = threading.Event()
        while True:
            self.poll()
            if self._wait_s == 0:
                return
            pause.wait(self._wait_s)

    def poll(self) -> None:
        """List every base path now. One that is missing stops the poll for all models; nothing is unloaded."""
        with self._lock:
            try:
                wanted = poll(self._models)
            except ServingError as error:
                text = f"FileSystemStoragePathSource encountered a filesystem access error: {error.message}"
                log.error(_WHERE + "353", text)
                return
            for name, versions in wanted.items():
                self._aspire(name, versions)
