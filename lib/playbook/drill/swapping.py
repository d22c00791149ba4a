"""Acts on versions: a new one under load, the old one again, one that cannot be loaded, one with a bad warm-up file."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from playbook.drill.exercise import Exercise
from playbook.drill.ground import Ground, swap
from playbook.errors import PredictFailed, PublishFailed, ServerNotReady
from playbook.serve import reload_config
from playbook.serve.handle import Handle
from playbook.tfserving import versions, warmup_file

KEPT_WITHIN_S = 30.0
REFUSED_SHARE, GOOD_SHARE = 0.3, 0.7  # of the drill's time, until a bad version is END and a whole one answers


def new_version(place: Ground) -> str:
    """Publish the same model under the next number and wait until the server answers from it."""
    version, took_s = swap(place, place.exercise.drill_s)
    return f"version {version} answered {took_s:.1f} s after it was published"


def two_versions(base_path: Path) -> None:
    """A second version beside the first, so that there is one to go back to."""
    versions.publish(base_path, None)


@contextmanager
def both_kept(place: Ground) -> Iterator[Handle]:
    """The server keeps the two newest versions loaded, as a model_config_file of that policy would have it.

    Raises:
        ServerNotReady: it did not load both.
    """
    flag = "--model_base_path="
    base_path = next(one.removeprefix(flag) for one in place.handle.flags if one.startswith(flag))
    try:
        reload_config.keep(place.handle, place.handle.model_name, base_path, 2)
    except PredictFailed as error:
        raise ServerNotReady(f"Two versions were to be kept: {error}") from error
    end = time.monotonic() + KEPT_WITHIN_S
    while [row["state"] for row in place.status()].count("AVAILABLE") < 2:
        if time.monotonic() > end:
            raise ServerNotReady(f"Two versions were expected to be AVAILABLE within {KEPT_WITHIN_S:g} s.")
        time.sleep(0.05)
    yield place.handle


def roll_back(place: Ground) -> str:
    """Take the newest version away and wait until the one before it answers alone.

    Raises:
        PublishFailed: it did not within the drill's time.
    """
    newest, began = versions.numbers(place.base_path)[-1], time.monotonic()
    versions.remove(place.base_path, newest)
    while time.monotonic() - began < place.exercise.drill_s:
        states = {int(row["version"]): row["state"] for row in place.status()}
        if states.get(newest - 1) == "AVAILABLE" and states.get(newest) != "AVAILABLE":
            return f"version {newest - 1} answered again after {time.monotonic() - began:.1f} s"
        time.sleep(0.05)
    raise PublishFailed(f"version {newest - 1} did not answer within {place.exercise.drill_s:g} s")


def corrupt_version(place: Ground) -> str:
    """Publish a version whose graph is cut off, see what the server says of it, then a whole one above it."""
    return _refused_then_good(place, _cut_graph)


def bad_warmup(place: Ground) -> str:
    """Publish a version whose warm-up file is none, see what the server says of it, then a whole one above it."""
    return _refused_then_good(place, _spoil_warmup)


def without_warmup(base_path: Path) -> None:
    """Take the warm-up requests out of every version."""
    for number in versions.numbers(base_path):
        shutil.rmtree(versions.directory(base_path, number) / warmup_file.FILE.parent, ignore_errors=True)


def no_warmup(exercise: Exercise) -> str:
    """Why a start without warm-up cannot be compared with one that has it; empty when it can."""
    version = versions.exported(exercise.spec.model_base_path, exercise.version)
    return "" if (version / warmup_file.FILE).exists() else "the version holds no warm-up requests to leave out"


def _refused_then_good(place: Ground, spoil: Callable[[Path], None]) -> str:
    bad = _publish_spoilt(place.base_path, spoil)
    state, began = "unseen", time.monotonic()
    while time.monotonic() - began < REFUSED_SHARE * place.exercise.drill_s and state != "END":
        time.sleep(0.05)
        state = next((str(row["state"]) for row in place.status() if int(row["version"]) == bad), state)
    said = f"version {bad} was {state}, the old one served on"
    left_s = GOOD_SHARE * place.exercise.drill_s - (time.monotonic() - began)
    try:
        version, took_s = swap(place, left_s)
    except PublishFailed:
        return f"{said}; a whole version {bad + 1} did not answer within {left_s:.1f} s"
    return f"{said}; a whole version {version} answered {took_s:.1f} s after it was published"


def _publish_spoilt(base_path: Path, spoil: Callable[[Path], None]) -> int:
    """A copy of the newest version, spoilt before it gets its number: as TensorFlow Serving would find it."""
    number = versions.numbers(base_path)[-1] + 1
    part = base_path / f"{versions.PART}spoilt-{number}"
    shutil.copytree(versions.directory(base_path, number - 1), part)  # copies, no links: it is written to
    spoil(part)
    part.rename(base_path / str(number))
    return number


def _cut_graph(version: Path) -> None:
    graph = version / "saved_model.pb"
    graph.write_bytes(graph.read_bytes()[: graph.stat().st_size // 2])


def _spoil_warmup(version: Path) -> None:
    path = version / warmup_file.FILE
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"requests of last year's signature")
