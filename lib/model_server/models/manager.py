"""Loads wanted versions and unloads the others without a gap (AspiredVersionsManager, availability preserving)."""

from __future__ import annotations

import contextlib
import math
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from model_server import log
from model_server.batching.executors import as_serving_error
from model_server.errors import ServingError
from model_server.models.servable import Servable
from model_server.models.states import AVAILABLE, END, LOADING, START, UNLOADING, StateMonitor
from model_server.niceness import step_behind

_WHERE = "tensorflow_serving/core/loader_harness.cc:"
_BASIC = "tensorflow_serving/core/basic_manager.cc:"
NEW, COMING, READY, LEAVING, FAILED, GONE = "new", "coming", "ready", "leaving", "failed", "gone"
QUIET_S = 3.0  # without a load or an unload, after which memory is given back: the next version would want it again
WORTH_BYTES = 64 << 20  # of unloaded versions on disk: what small ones leave behind is the next one's
Load = Callable[[str, int, str], Servable]


@dataclass(frozen=True)
class ManagerOptions:
    """Threads (0: loads run one by one) and retries of the flags.

    `shared_threads`: every session runs on threads that TensorFlow makes once, at the first load, and not at each.
    """

    num_load_threads: int = 0
    num_unload_threads: int = 0
    initial_load_threads: int = 4
    max_num_load_retries: int = 5
    load_retry_interval_s: float = 60.0
    shared_threads: bool = True


@dataclass
class _Harness:
    name: str
    version: int
    path: str
    aspired: bool = True
    phase: str = NEW
    servable: Servable | None = None
    size_bytes: int = 0

    def __str__(self) -> str:
        return f"{{name: {self.name} version: {self.version}}}"


class Manager:
    """Keeps `serving` in step with what is aspired.

    `serving`: name -> version -> Servable, and None -> the newest version's; replaced as a whole.
    """

    def __init__(self, load: Load, states: StateMonitor, options: ManagerOptions, give_memory_back: Callable[[], None]):
        self.serving: dict[str, dict[int | None, Servable]] = {}
        self._load, self._states, self._options = load, states, options
        self._give_memory_back, self._give_back_s = give_memory_back, math.inf  # when, in time.monotonic()
        self._left_bytes = 0  # by versions unloaded since
        self._loaded = False  # whether any version ever was
        self._wake = threading.Condition(threading.RLock())
        self._aspired: dict[str, dict[int, str]] = {}
        self._harnesses: dict[str, dict[int, _Harness]] = {}
        self._load_pool: ThreadPoolExecutor | None = ThreadPoolExecutor(max(1, options.initial_load_threads), "load")
        self._unload_pool = _pool(options.num_unload_threads, "unload")
        self._one_by_one = ThreadPoolExecutor(1, "manage")
        threading.Thread(target=self._manage, name="manager", daemon=True).start()

    def aspire(self, name: str, versions: dict[int, str]) -> None:
        """Want exactly these versions (number -> path) of a model from now on."""
        with self._wake:
            self._aspired[name] = versions
            self._wake.notify_all()

    def end_initial_load(self) -> None:
        """The first models are loaded: later loads use num_load_threads."""
        with self._wake:
            if self._load_pool:
                self._load_pool.shutdown(wait=False)
            self._load_pool = _pool(self._options.num_load_threads, "load")

    def _manage(self) -> None:
        while True:
            with self._wake:
                job = self._next_job()
                if job is None:
                    self._wake.wait(min(self._give_back_s - time.monotonic(), threading.TIMEOUT_MAX))
                    continue
            job()

    def _next_job(self) -> Callable[[], None] | None:
        """What is to be done now: a load, an unload, or nothing of it for a while, so that memory is given back."""
        action = self._next_action()
        if action is not None:
            work, harness, pool = action
            harness.phase = COMING if harness.phase == NEW else LEAVING
            return lambda: self._begin(work, harness, pool)
        if time.monotonic() < self._give_back_s:
            return None
        self._give_back_s, self._left_bytes = math.inf, 0
        return self._give_memory_back

    def _begin(self, work: Callable[[_Harness], None], harness: _Harness, pool: ThreadPoolExecutor | None) -> None:
        done = (pool or self._one_by_one).submit(self._behind_requests, work, harness)
        if pool is None:
            done.result()

    def _behind_requests(self, work: Callable[[_Harness], None], harness: _Harness) -> None:
        """Load or unload in a thread that leaves the cores to those that answer requests.

        On one core a load otherwise takes their turns, some 50 ms of them. A thread hands its niceness on to those it
        starts: none may be TensorFlow's own, which run the graph.
        """
        if self._loaded and self._options.shared_threads:
            step_behind()
        work(harness)

    def _next_action(self):
        for name in list(self._aspired):
            self._adopt(name)
        for harnesses in self._harnesses.values():
            action = self._policy(list(harnesses.values()))
            if action is not None:
                return action
        return None

    def _adopt(self, name: str) -> None:
        """Make harnesses for newly wanted versions, mark the others; a version on its way out is waited for first."""
        wanted, harnesses = self._aspired[name], self._harnesses.setdefault(name, {})
        if any(version in wanted and harness.phase == LEAVING for version, harness in harnesses.items()):
            return
        for version, harness in list(harnesses.items()):
            harness.aspired = version in wanted
            if not harness.aspired and harness.phase in (NEW, FAILED, GONE):
                if harness.phase == NEW:
                    self._states.set(name, version, END)
                del harnesses[version]
        for version, path in wanted.items():
            if version not in harnesses:
                harnesses[version] = _Harness(name, version, path)
                self._states.set(name, version, START)
        del self._aspired[name]

    def _policy(self, harnesses: list[_Harness]):
        """Unload when a wanted version serves, none is wanted or two unwanted ones are ready; else load the highest."""
        aspired = [h for h in harnesses if h.aspired]
        unwanted = sorted((h for h in harnesses if not h.aspired and h.phase == READY), key=lambda h: h.version)
        serving = any(h.phase == READY for h in aspired)
        if unwanted and (serving or not aspired or len(unwanted) > 1):
            return self._do_unload, unwanted[0], self._unload_pool
        new = [h for h in aspired if h.phase == NEW]
        return (self._do_load, max(new, key=lambda h: h.version), self._load_pool) if new else None

    def _do_load(self, harness: _Harness) -> None:
        log.info(_BASIC + "740", f"Successfully reserved resources to load servable {harness}")
        log.info(_WHERE + "67", f"Approving load for servable version {harness}")
        log.info(_WHERE + "75", f"Loading servable version {harness}")
        self._states.set(harness.name, harness.version, LOADING)
        try:
            servable = self._load_with_retries(harness)
        except ServingError as error:
            self._finish(harness, FAILED, END, error)
            return
        log.info(_WHERE + "90", f"Successfully loaded servable version {harness}")
        harness.servable, harness.size_bytes, self._loaded = servable, _size_bytes(harness.path), True
        with self._wake:
            self._serve(harness, servable)
        self._finish(harness, READY, AVAILABLE)

    def _serve(self, harness: _Harness, servable: Servable | None) -> None:
        """Let a version answer requests; None: let it no longer."""
        others = {v: s for v, s in self.serving.get(harness.name, {}).items() if v not in (None, harness.version)}
        versions = others | {harness.version: servable} if servable else others
        newest = {None: versions[max(versions)]} if versions else {}
        self.serving = {**self.serving, harness.name: versions | newest}

    def _load_with_retries(self, harness: _Harness) -> Servable:
        retries = self._options.max_num_load_retries
        for attempt in range(retries + 1):
            if attempt:
                log.info(_WHERE + "49", f"Retrying of Loading servable: {harness} retry: {attempt}")
            try:
                servable = self._load(harness.name, harness.version, harness.path)
            except Exception as error:
                failure = as_serving_error(error)
            else:
                if attempt == retries:
                    self._log_exhausted(harness)
                return servable
            log.error(_WHERE + "49", f"Loading servable: {harness} failed: {failure}")
            if attempt < retries and not self._still_wanted(harness, self._options.load_retry_interval_s):
                log.info(_WHERE + "49", f"Retrying of Loading servable: {harness} was cancelled.")
                break
        else:
            self._log_exhausted(harness)
        raise failure

    def _log_exhausted(self, harness: _Harness) -> None:
        """The last attempt there may be is over, well or badly (retrier.cc)."""
        retries = self._options.max_num_load_retries
        log.info(_WHERE + "49", f"Retrying of Loading servable: {harness} exhausted max_num_retries: {retries}")

    def _still_wanted(self, harness: _Harness, wait_s: float) -> bool:
        """Wait between two attempts; False as soon as nobody wants the version any more."""

        def unwanted() -> bool:
            wanted = self._aspired.get(harness.name)
            return not harness.aspired or (wanted is not None and harness.version not in wanted)

        with self._wake:
            return not self._wake.wait_for(unwanted, wait_s)

    def _do_unload(self, harness: _Harness) -> None:
        log.info(_WHERE + "127", f"Quiescing servable version {harness}")
        with self._wake:
            self._serve(harness, None)
        self._states.set(harness.name, harness.version, UNLOADING)
        log.info(_WHERE + "134", f"Unloading servable version {harness}")
        if harness.servable:
            harness.servable.close()
        harness.servable = None
        log.info(_WHERE + "141", f"Done unloading servable version {harness}")
        self._finish(harness, GONE, END)

    def _finish(self, harness: _Harness, phase: str, state: int, error: ServingError | None = None) -> None:
        with self._wake:
            harness.phase = phase
            self._left_bytes += harness.size_bytes if phase == GONE else 0
            if self._left_bytes >= WORTH_BYTES:
                self._give_back_s = time.monotonic() + QUIET_S
            if phase == GONE or (phase == FAILED and not harness.aspired):
                self._harnesses[harness.name].pop(harness.version, None)
            self._states.set(harness.name, harness.version, state, error)
            self._wake.notify_all()


def _pool(threads: int, name: str) -> ThreadPoolExecutor | None:
    return ThreadPoolExecutor(threads, name) if threads > 0 else None


def _size_bytes(path: str) -> int:
    """What a version takes on disk, by which TensorFlow Serving too estimates its memory (bundle_factory_util.cc)."""
    files = (os.path.join(folder, name) for folder, _, names in os.walk(path) for name in names)
    with contextlib.suppress(OSError):  # it may be removed by now
        return sum(os.path.getsize(file) for file in files)
    return 0
