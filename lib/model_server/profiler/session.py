"""TensorFlow's own profiler in this process, from the extension of its wheel and without TensorFlow's Python.

The extension is the one behind tf.profiler.experimental: it links the libraries that run the graphs, so that it sees
their operations and threads. It writes what it saw as TensorBoard's file; that is read again and goes on as a message.
"""

from __future__ import annotations

import functools
import importlib.util
import tempfile
import threading
from pathlib import Path
from typing import Any

from model_server import tensorflow_package
from model_server.batching.executors import as_serving_error
from model_server.errors import INTERNAL, UNIMPLEMENTED, ServingError
from model_server.profiler.timeline import Timeline

tensorflow_package.install()
from tensorflow.tsl.profiler.protobuf import xplane_pb2  # noqa: E402

_EXTENSION = "python/profiler/internal/_pywrap_profiler.so"
_HOST = "/host:CPU"
_ACTIVE = threading.Lock()  # held while a profile is under way


class ProfilerSession:
    """One profile, from its making to `collect`; there is one at a time in a process.

    Raises:
        ServingError: INTERNAL where one is under way already, UNIMPLEMENTED where TensorFlow brings no profiler.
    """

    def __init__(self) -> None:
        if not _ACTIVE.acquire(blocking=False):  # TensorFlow's extension takes the process down
            raise ServingError(INTERNAL, "Another profiling session active.")
        self._timeline = Timeline()
        self._folder = tempfile.TemporaryDirectory(prefix="profile-")
        try:
            self._session = extension().ProfilerSession()
            self._session.start(self._folder.name, {})
        except Exception as error:
            self._end()
            raise as_serving_error(error) from error
        self._timeline.start()

    def _end(self) -> None:
        self._folder.cleanup()
        _ACTIVE.release()

    def collect(self) -> tuple[xplane_pb2.XSpace, bool]:
        """End the profile: what was seen, and whether that is nothing at all.

        Raises:
            ServingError: INTERNAL with TensorFlow's text.
        """
        self._timeline.stop()
        try:
            self._session.export_to_tb()
            files = list(Path(self._folder.name).rglob("*.xplane.pb"))
            space = xplane_pb2.XSpace.FromString(files[0].read_bytes() if files else b"")
        except Exception as error:
            raise as_serving_error(error) from error
        finally:
            self._end()
        self._timeline.write(_host_plane(space), _start_ns(space))
        empty = not any(line.events for plane in space.planes for line in plane.lines)
        if self._timeline.left_out:
            space.warnings.append(f"{self._timeline.left_out} events of requests came after the most that are kept.")
        return space, empty


def _host_plane(space: xplane_pb2.XSpace) -> xplane_pb2.XPlane:
    """The plane that a trace viewer shows as the machine's threads."""
    for plane in space.planes:
        if plane.name == _HOST:
            return plane
    return space.planes.add(name=_HOST)


def _start_ns(space: xplane_pb2.XSpace) -> int:
    """When the profile began, in nanoseconds since 1970."""
    for plane in space.planes:
        for stat in plane.stats:
            if plane.stat_metadata[stat.metadata_id].name == "profile_start_time":
                return stat.uint64_value
    raise ServingError(INTERNAL, "TensorFlow's profile does not say when it began.")


@functools.cache
def extension() -> Any:
    """The extension's module; a server loads it at its start, so that a profile begins when it is asked for.

    Raises:
        ServingError: UNIMPLEMENTED where TensorFlow brings none.
    """
    path = tensorflow_package.folder() / _EXTENSION
    spec = importlib.util.spec_from_file_location("_pywrap_profiler", path)
    if spec is None or spec.loader is None or not path.exists():
        raise ServingError(UNIMPLEMENTED, f"This TensorFlow brings no profiler: there is no {path}.")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
