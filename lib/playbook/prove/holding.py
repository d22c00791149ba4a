"""Hold the promised rate: the levels of stress on the proven configuration, then the rate until the evidence stands."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from loadgen.verdict import evidence
from playbook import progress
from playbook.errors import LoadFailed, ServerDied, VersionChanged
from playbook.monitor.monitor import watching
from playbook.promise import WRONG_SHARE
from playbook.prove import overload
from playbook.prove.proof import Proof
from playbook.serve import serve
from playbook.serve.handle import Handle
from playbook.stress import stress

DEPENDENT = 30.0  # requests taken to be worth one independent one before any was seen: a batch makes neighbours alike
AT_FIRST = 0.6  # share of the budget that the first window may take: it may turn out INVALID
CALM_S = 1.0  # shortest window of the promised rate


@dataclass
class Held:
    """What was held: the levels, then the windows of the promised rate; the last two say what cut it short."""

    handle: Handle | None  # None: nothing was held
    levels: list[dict[str, Any]]
    windows: list[dict[str, Any]] = field(default_factory=list)
    ended: str | None = None  # the server died or hung
    unmeasured: str | None = None  # the load could not be held, or not on this model: that says nothing of the server
    swept: bool = False  # whether all levels were held, so that what came after them are windows

    @property
    def checked(self) -> int:
        """Answers compared with the expected ones, of all levels and windows."""
        return sum((row.get("answers") or {}).get("checked") or 0 for row in [*self.levels, *self.windows])


def hold(proof: Proof) -> Held:
    """Start the server of the proof, hold the levels, then the promised rate until it is proven or the budget ends.

    A server that dies or hangs, a load that cannot be measured, or another version of the model that answers, ends the
    proof; what was measured before it stays: `ended` (by the server) or `unmeasured` tells.

    Raises:
        ServerNotReady: the server did not come up.
    """
    if proof.hopeless:
        return Held(None, [])
    passport = proof.run.stress.get("passport") or stress.passport(proof.load)
    with (
        _server(proof) as handle,
        watching(handle, proof.run.run_dir, proof.every_s),
        stress.bench(handle, proof.run.run_dir, proof.load, passport, "prove") as under,
    ):
        held = Held(handle, under.rows)
        try:
            stress.sweep(under, proof.levels)
            held.levels, held.swept = list(under.rows), True
            _promised_rate(proof, under, held)
        except (ServerDied, VersionChanged, LoadFailed) as error:
            _keep_all(held, under.rows)
            died = isinstance(error, ServerDied)
            if died:
                progress.failed(f"{type(error).__name__}: {error}")
            held.ended, held.unmeasured = (str(error), None) if died else (None, str(error))
    return held


def _keep_all(held: Held, rows: list[dict[str, Any]]) -> None:
    """Of a holding that was cut short also the row in which that happened: a level, or a window once all levels were
    held."""
    if held.swept:
        held.windows = rows[len(held.levels) :]
    else:
        held.levels = list(rows)


def needed_answers(share: float = WRONG_SHARE, confidence: float = 0.95) -> int:
    """Answers without a wrong one after which a share of `share` wrong ones would have shown with `confidence`."""
    return math.ceil(math.log(1 - confidence) / math.log(1 - share))


def pooled(proof: Proof, windows: list[dict[str, Any]]) -> dict[str, Any]:
    """The claim that the promise holds at the rate of one replica, from the claims of several windows."""
    claims = [window["claim"] for window in windows if window.get("claim")]
    return evidence.pooled(claims, proof.promise.p99_limit_ms, proof.rate_rps, 0.99, proof.confidence)


def _promised_rate(proof: Proof, under: stress.Bench, held: Held) -> None:
    """Windows of the promised rate until the claim stands and enough answers were compared, or the budget is spent."""
    end, settings = time.monotonic() + proof.budget_s, {"arrival": "poisson", "rate_rps": proof.rate_rps}
    with progress.live("prove", proof.budget_s) as bar:
        while (left := end - time.monotonic()) > CALM_S:
            seconds = max(CALM_S, min(left - proof.load.ramp_up_s, _wanted_s(proof, held)))
            under.window(seconds, settings, progress.Stretch(bar, proof.budget_s - left, seconds))
            held.windows.append(under.rows[-1])
            bar.update(proof.budget_s - max(0.0, end - time.monotonic()), pooled(proof, held.windows)["text"])
            if _settled(proof, held):
                return


def _wanted_s(proof: Proof, held: Held) -> float:
    """Seconds that the next window should take: what the claim and the comparison of answers still lack."""
    claims = _claims(proof, held)
    first = (evidence.requests_needed(0.0, DEPENDENT, 0.99, proof.confidence) or 0) / proof.rate_rps
    first = min(first, AT_FIRST * proof.budget_s)
    lacking = max(0.0 if claim["proven"] else claim["hold_s"] or first for claim in claims) if held.windows else first
    answers = max(0, needed_answers() - held.checked) / proof.rate_rps
    return max(CALM_S, proof.load.duration_s, lacking, answers)


def _settled(proof: Proof, held: Held) -> bool:
    last = held.windows[-1]
    if (last.get("answers") or {}).get("wrong"):
        return True
    return all(claim["proven"] for claim in _claims(proof, held)) and held.checked >= needed_answers()


def _claims(proof: Proof, held: Held) -> list[dict[str, Any]]:
    """What must stand for a kept promise: the claim of the VALID windows, and with unsteady ones counted in."""
    valid = [window for window in held.windows if window["valid"]]
    return [claim for claim in (pooled(proof, valid), overload.counted_in(proof, held.windows)) if claim]


@contextlib.contextmanager
def _server(proof: Proof) -> Iterator[Handle]:
    """The server of the proof for the length of the block, with the version that is to be proven; one that is attached
    to is left as it is."""
    if proof.attached:
        yield replace(serve.start(proof.spec, proof.run.run_dir, name="prove"), version=proof.version)
        return
    with serve.running(proof.spec, proof.run.run_dir, name="prove") as handle:
        yield replace(handle, version=proof.version)
