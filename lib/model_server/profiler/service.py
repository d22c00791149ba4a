"""tensorflow.ProfilerService: Profile and Terminate as TensorFlow's own server of it answers them; Monitor in words.

What is answered when was tried on the server that TensorFlow's wheel can start (2.21): a profile lasts as long as its
options say, and lies in `repository_root/session_id/host_name.xplane.pb` on the server's disk, where TensorBoard looks.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from google.protobuf.message import DecodeError

from model_server import eager, tensorflow_package
from model_server.batching.executors import as_serving_error, in_thread
from model_server.errors import INTERNAL, ServingError, invalid
from model_server.grpc.stream import Handler, Stream
from model_server.profiler import messages
from model_server.profiler.activity import activity
from model_server.profiler.session import ProfilerSession, extension

tensorflow_package.install()
from tensorflow.tsl.profiler.protobuf import profiler_options_pb2  # noqa: E402

_SERVICE = b"/tensorflow.ProfilerService/"
_LOOK_S = 0.02  # how often a profile under way looks whether it is still wanted
_MOST_STOPPED = 100
_MONITOR_MS = 1000  # where a request for the activity names no time
Answer = Callable[[Any, Stream], Awaitable[Any]]


class ProfilerService:
    """The three methods; `methods` goes to the connections."""

    def __init__(self) -> None:
        with contextlib.suppress(ServingError):  # who asks for a profile is told
            extension()
        self._stopped: set[str] = set()  # sessions that are to end early

    def methods(self) -> dict[bytes, Handler]:
        """path -> handler."""
        return {
            _SERVICE + b"Profile": _unary(self._profile, messages.ProfileRequest),
            _SERVICE + b"Terminate": _unary(self._terminate, messages.TerminateRequest),
            _SERVICE + b"Monitor": _unary(_monitor, messages.MonitorRequest),
        }

    async def _profile(self, request, stream: Stream):
        """Watch for as long as is asked, then write the file or answer with what was seen."""
        file, options = _target(request), profiler_options_pb2.ProfileOptions.FromString(request.opts)
        loop = asyncio.get_running_loop()
        session = await in_thread(loop, ProfilerSession)
        await self._wait(options.duration_ms / 1000, request.session_id, stream)
        space, empty = await in_thread(loop, session.collect)
        response = messages.ProfileResponse(empty_trace=empty)
        if request.emit_xspace:
            response.xspace = space.SerializeToString()
        else:
            await in_thread(loop, lambda: _save(file, space.SerializeToString()))
        return response

    async def _wait(self, duration_s: float, session_id: str, stream: Stream) -> None:
        """Until the time is over, the session is terminated, or the client has gone."""
        until_s = time.monotonic() + duration_s
        while stream.is_open and session_id not in self._stopped and (left_s := until_s - time.monotonic()) > 0:
            await asyncio.get_running_loop().create_task(asyncio.sleep(min(_LOOK_S, left_s)))
        self._stopped.discard(session_id)

    async def _terminate(self, request, stream: Stream):
        if len(self._stopped) > _MOST_STOPPED:  # sessions that nobody ever began
            self._stopped.clear()
        self._stopped.add(request.session_id)
        return messages.TerminateResponse()


async def _monitor(request, stream: Stream):
    """What the server did meanwhile, in words: there this method is unimplemented since TensorFlow 2.3."""
    seconds = (request.duration_ms or _MONITOR_MS) / 1000
    before = activity()
    await asyncio.get_running_loop().create_task(asyncio.sleep(seconds))
    return messages.MonitorResponse(data=activity().since(before, seconds))


def _unary(answer: Answer, request_type: Any) -> Handler:
    def handle(data: bytes, stream: Stream) -> None:
        eager.start(_serve(answer, request_type, data, stream))

    return handle


async def _serve(answer: Answer, request_type: Any, data: bytes, stream: Stream) -> None:
    try:
        message = await answer(request_type.FromString(data), stream)
    except DecodeError:
        stream.fail(INTERNAL, "")
    except Exception as error:
        failure = as_serving_error(error)
        stream.fail(failure.code, failure.message)
    else:
        stream.answer(message.SerializeToString())


def _target(request) -> Path:
    """Where the profile will lie.

    Raises:
        ServingError: INVALID_ARGUMENT for names that lead out of the folder.
    """
    for name in (request.session_id, request.host_name):
        if "/" in name or name in (".", ".."):
            raise invalid(f"A profile's session_id and host_name are names without '/', not {name!r}.")
    return Path(request.repository_root or ".") / request.session_id / f"{request.host_name}.xplane.pb"


def _save(file: Path, data: bytes) -> None:
    """Write a profile where TensorBoard looks for it.

    Raises:
        ServingError: INTERNAL where the server may not write there.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    except OSError as error:
        raise ServingError(INTERNAL, f"The server cannot write {file} ({error.strerror}).") from error
