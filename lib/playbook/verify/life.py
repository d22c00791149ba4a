"""Questions about versions: warm-up, the swap, and what becomes of the old one."""

from __future__ import annotations

import time

from playbook.verify import probe_model
from playbook.verify.asking import Question
from playbook.verify.places import Place
from playbook.verify.reached import CouldNotAsk, Reached

Seen = tuple[bool, str]
_SWAP_S = 20.0


def _states(server: Reached) -> dict[str, str]:
    rows = server.get(f"/v1/models/{server.model}").json()["model_version_status"]
    return {row["version"]: row["state"] for row in rows}


def _until(server: Reached, version: str, state: str) -> dict[str, str]:
    """The states once this version has this one, or when the time is over."""
    until = time.monotonic() + _SWAP_S
    while (seen := _states(server)).get(version) != state and time.monotonic() < until:
        time.sleep(0.1)
    return seen


def _folder(server: Reached):
    if server.folder is None:
        raise CouldNotAsk("it was not started here")
    return server.folder / "model"


def _warmup(place: Place) -> Seen:
    server = place.server("life")
    read = [s for s in server.metrics().values() if s.name.endswith(":model_warmup_records_read")]
    count = sum(series.value or 0.0 for series in read)
    logged = "Number of warmup records read: 2" in server.log()
    return count == 2 and logged, f"{count:g} records counted, {'and' if logged else 'not'} logged"


def _swap(place: Place) -> Seen:
    server = place.server("life")
    probe_model.write(_folder(server), 2)
    failed, asked, until = 0, 0, time.monotonic() + _SWAP_S
    while (seen := _states(server)) != {"2": "AVAILABLE", "1": "END"} and time.monotonic() < until:
        failed += server.predict({"instances": [1.0]}).status_code != 200
        asked += 1
    return seen == {
        "2": "AVAILABLE",
        "1": "END",
    } and not failed, f"{seen}; {failed} of {asked} requests meanwhile failed"


def _old_version(place: Place) -> Seen:
    server = place.server("life")
    if _until(server, "1", "END").get("1") != "END":
        raise CouldNotAsk("version 1 was not unloaded")
    reply = server.post(f"/v1/models/{server.model}/versions/1:predict", {"instances": [1.0]})
    holds = reply.status_code == 404 and "Specific(probe, 1)" in reply.text
    return holds, f"HTTP {reply.status_code}: {reply.text}"


def _broken_warmup(place: Place) -> Seen:
    server = place.server("life")
    probe_model.write(_folder(server), 3, b"this is no TFRecord at all, and too long to be a header of one")
    seen = _until(server, "3", "END")
    answered = server.predict({"instances": [1.0]}).status_code
    holds = seen.get("3") == "END" and seen.get("2") == "AVAILABLE" and answered == 200
    return holds, f"{seen}; predict: HTTP {answered}"


_SWAPS = "adapt, drill and publish, which swap versions under load"
QUESTIONS = [
    Question(
        "warmup",
        "versions",
        "warm-up records are replayed before a version is AVAILABLE, counted and logged",
        "export's warm-up files and 30_warmup",
        _warmup,
    ),
    Question(
        "swap", "versions", "a new version is loaded before the old one goes, and no request fails", _SWAPS, _swap
    ),
    Question("old_version", "versions", "a version that was unloaded is 404 Specific(...)", _SWAPS, _old_version),
    Question(
        "broken_warmup",
        "versions",
        "a broken warm-up file fails the load of its version alone",
        "why publish replays the file first",
        _broken_warmup,
    ),
]
