"""The ground of one drill: a server of its own on a private copy of the model, that may be ended and started again."""

from __future__ import annotations

import os
import random
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from playbook.drill.balancer import Balancer
from playbook.drill.exercise import Exercise
from playbook.errors import ParameterError, ServerNotReady
from playbook.serve import serve, signalling
from playbook.serve.alive import living_versions
from playbook.serve.handle import Handle
from playbook.serve.spec import ServerSpec, choose_port
from playbook.tfserving import versions
from playbook.tfserving.config import Config
from playbook.tune.configured import spec_of

START_TIMEOUT_S = 60.0
PORTS = (20_000, 32_000)
FREE_WITHIN_S = 5.0


@dataclass
class Ground:
    """A server under drill; `handle` is the one that users call."""

    exercise: Exercise
    spec: ServerSpec
    base_path: Path
    name: str
    handle: Handle
    others: list[Handle] = field(default_factory=list)  # further servers of this drill, ended with it
    balancer: Balancer | None = None  # what stands before them, where something does

    def status(self) -> list[dict[str, Any]]:
        """Every version as the server tells it; none where it lives and does not answer."""
        return living_versions(self.handle)

    def start_again(self) -> float:
        """Start the server anew on the same ports, as a supervisor does; seconds until it was AVAILABLE.

        Raises:
            ServerNotReady: it did not come up, or at another address than the one that users call.
        """
        called = self.handle.rest_url
        serve.stop(self.handle)
        _wait_free(self.spec)
        self.handle = self._start(self.spec, self.name)
        if self.handle.rest_url != called:
            raise ServerNotReady(
                f"The server was expected at {called} again and came up at {self.handle.rest_url}: another container "
                "took its address. Hold the drill again."
            )
        return float(self.handle.start_s or 0.0)

    def one_more(self) -> Handle:
        """A further server of the same kind and model, on ports of its own."""
        self.others.append(self._start(_with_ports(self.spec), f"{self.name}-{len(self.others) + 2}"))
        return self.others[-1]

    def _start(self, spec: ServerSpec, name: str) -> Handle:
        return serve.start(spec, self.exercise.run.run_dir, START_TIMEOUT_S, name, "a drill", owner=os.getpid())

    def end(self) -> None:
        """End every server of the drill."""
        for handle in [*self.others, self.handle]:
            if handle.server != "attach":
                _wake(handle)
                serve.stop(handle)


@contextmanager
def ground(
    exercise: Exercise,
    name: str,
    config: Config,
    flags: tuple[str, ...] = (),
    prepare: Callable[[Path], None] | None = None,
) -> Iterator[Ground]:
    """The server of a drill for the length of a block; one that is attached to is taken as it runs.

    Args:
        exercise: What is drilled.
        name: Of the drill; logs and notes are kept as `drill-<name>`.
        config: The configuration.
        flags: Further flags of the command line.
        prepare: Changes the base path of the private copy before the server starts.

    Raises:
        ServerNotReady: it did not come up.
        VersionChanged: the model's folder holds another version than export wrote.
    """
    run_dir, named = exercise.run.run_dir, f"drill-{name}"
    if exercise.attached:
        handle = serve.start(exercise.spec, run_dir, name=named)
        yield Ground(exercise, exercise.spec, exercise.spec.model_base_path, named, handle)
        return
    folder = Path(tempfile.mkdtemp(prefix=".drill-", dir=run_dir)).resolve()
    made: Ground | None = None
    try:
        base_path = folder / exercise.spec.model_name
        base_path.mkdir()
        source = exercise.spec.model_base_path
        versions.publish(base_path, None, versions.exported(source, exercise.version))
        if prepare:
            prepare(base_path)
        configured = spec_of(config, exercise.spec)
        extra = tuple(flag for flag in configured.extra_flags if _name(flag) not in map(_name, flags))
        spec = _with_ports(replace(configured, model_base_path=base_path, extra_flags=(*extra, *flags)))
        handle = serve.start(spec, run_dir, START_TIMEOUT_S, named, "a drill", owner=os.getpid())
        made = Ground(exercise, spec, base_path, named, handle)
        yield made
    finally:
        if made:
            made.end()
        shutil.rmtree(folder, ignore_errors=True)


def swap(place: Ground, timeout_s: float) -> tuple[int, float]:
    """Publish the same version again under the next number and wait until the server answers from it.

    Raises:
        PublishFailed: it was not taken; the old one serves on.
    """
    return versions.switch(place.base_path, None, partial(living_versions, place.handle), timeout_s)


def _wake(handle: Handle) -> None:
    """A server that a drill stopped still can only be ended awake."""
    if signalling.lives(handle):
        signalling.send(handle, signal.SIGCONT)


def _with_ports(spec: ServerSpec) -> ServerSpec:
    """The same server on ports of its own that no client is given by chance while the server is away."""
    rest, grpc = _free_port(), _free_port()
    return replace(spec, rest_api_port=rest, port=grpc)


def _free_port() -> int:
    """A free port below those that a system gives to outgoing connections (Linux from 32768, others from 49152)."""
    for _ in range(50):
        port = random.randrange(*PORTS)
        with suppress(ParameterError):
            return choose_port("port", port)
    raise ServerNotReady(f"A free port was expected between {PORTS[0]} and {PORTS[1]}; fifty tries found none.")


def _wait_free(spec: ServerSpec) -> None:
    """Wait until the ports of a server that has ended are free: its last threads hold them a moment longer than it."""
    end = time.monotonic() + FREE_WITHIN_S
    for port in (spec.rest_api_port, spec.port):
        while time.monotonic() < end:
            with suppress(ParameterError):
                choose_port("port", port)
                break
            time.sleep(0.02)


def _name(flag: str) -> str:
    return flag.partition("=")[0]
