"""Whether a server that was started still lives, whatever kind it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import requests

from loadgen import memory
from playbook.errors import PredictFailed, ServerDied, ServerHung, VersionChanged
from playbook.serve import client, container_state
from playbook.serve.handle import Handle


def check_alive(handle: Handle) -> None:
    """Return when the server's process or container runs, in the version noted; one that is attached to is only asked.

    Raises:
        ServerDied: it has ended, with its last log lines; or another program answers at its address.
        VersionChanged: another version of the model answers there.
    """
    if handle.server == "attach":
        return _check_same(handle)
    if handle.container_id:
        container_state.check_alive(handle)
    if handle.pid and handle.process() is None:
        why = memory.ended_by_linux(handle.pid, handle.pid_started or 0.0)
        raise ServerDied(
            f"The {handle.server} server of '{handle.model_name}' (pid {handle.pid}) has ended while it was needed."
            f"{f' {why}' if why else ''}\n"
            f"  Last log lines ({handle.log_path}):\n{handle.log_tail()}\n"
            "  Start it again with the 'serve' notebook."
        )
    if other := another_version(handle):
        raise VersionChanged(other)


def check_answering(handle: Handle, summary: Mapping[str, Any]) -> None:
    """Return unless the load generator says that the server hung in this level.

    Raises:
        ServerHung: nothing was answered for seconds while requests were out, a status request neither.
    """
    if not summary.get("hung"):
        return
    spans = summary.get("stood_still") or []
    raise hung(handle, f" from second {spans[-1]['from_s']:.1f} of the level on" if spans else "")


def check_unmeasured(handle: Handle) -> None:
    """Return when a server that a load could not be held on lives and answers.

    Raises:
        ServerDied: it has ended.
        ServerHung: it answers nothing, its status neither.
        VersionChanged: as `check_alive`.
    """
    check_alive(handle)
    if handle.rest_url and not client.responds(handle, client.STATUS_S):
        raise hung(handle, "")


def hung(handle: Handle, since: str) -> ServerHung:
    """What is told of a server that lives and answers nothing; `since` says from when on, in words."""
    return ServerHung(
        f"The {handle.server} server of '{handle.model_name}' (pid {handle.pid}) hangs: it answered nothing{since}, "
        "its status neither, while requests were out.\n"
        f"  Last log lines ({handle.log_path}):\n{handle.log_tail()}\n"
        "  Look at what it waits for (py-spy dump, gdb, docker logs), then start it again with the 'serve' notebook."
    )


def another_version(handle: Handle) -> str:
    """That not the version answers that was there when serve.json was written, in a sentence; empty where it does.

    Empty as well where no version was noted, or the server cannot be asked at this moment: that is another finding.
    """
    if handle.version is None or not handle.rest_url:
        return ""
    try:
        version = client.available_version(handle, client.STATUS_S)
    except (requests.RequestException, PredictFailed):
        return ""
    return _other(handle, version)


def _other(handle: Handle, version: int | None) -> str:
    if handle.version in (None, version):
        return ""
    where = f"'{handle.model_name}' was expected at {handle.rest_url} with version {handle.version}"
    if version is None:
        folder = f", and at {handle.model_base_path}" if handle.server != "attach" else ""
        return f"{where}, and no version of it is AVAILABLE any more. Look at that server's log{folder}."
    folder = f" (somebody changed {handle.model_base_path})" if handle.server != "attach" else ""
    return (
        f"{where}, version {version} answers now{folder}. What was measured before is not about it: run 'serve' again, "
        "in a new run."
    )


def _check_same(handle: Handle) -> None:
    """A port outlives its program: what answers must be the model and the version that answered before."""
    where = f"'{handle.model_name}' was expected at {handle.rest_url}"
    try:
        version = client.available_version(handle, client.STATUS_S)
    except requests.Timeout:
        return  # slow or hung is another finding than ended
    except (requests.RequestException, PredictFailed) as error:
        raise ServerDied(f"{where}, and does not answer there any more: {error} Run 'serve' again.") from error
    if version is None:
        raise ServerDied(f"{where}, and no version of it is AVAILABLE any more. Look at that server's log.")
    if other := _other(handle, version):
        raise VersionChanged(other)


def living_versions(handle: Handle, timeout_s: float = 2.0) -> list[dict[str, Any]]:
    """Every version as `client.status` tells it; none where the server lives and does not answer in time.

    Raises:
        ServerDied: it does not answer because it has ended.
        PredictFailed: it answered with an error.
    """
    try:
        return client.status(handle, timeout_s)
    except requests.RequestException:
        check_alive(handle)
        return []
