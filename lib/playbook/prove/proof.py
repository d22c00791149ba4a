"""What is to be proven, and what that takes: the levels, then the promised rate until the evidence stands."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from loadgen.verdict import evidence
from playbook.errors import ParameterError
from playbook.prove.candidate import Candidate, candidate_of
from playbook.records.batch_curve import asked_ms, bodies_s
from playbook.records.run_folder import RunFolder
from playbook.serve.expense import END_S, start_s
from playbook.stage_plan import StagePlan, stretch
from playbook.stress.load import Load
from playbook.stress.schedule import BETWEEN_S, Schedule, planned
from playbook.tune.outlook import UNKNOWN_MS

USUAL = 3.0  # dependent requests that are worth one independent one, in windows of a few hundred of them


@dataclass(frozen=True)
class Proof(Candidate):
    """A candidate that is to be proven, and how: the levels, then the promised rate inside a budget."""

    budget_s: float
    confidence: float
    every_s: float
    levels: Schedule  # what is held before the promised rate, and for how long
    hopeless: str = ""  # why nothing needs to be held: one request alone breaks the promise


def proof_of(settings: Mapping[str, Any]) -> Proof:
    """The proof that a notebook's parameters ask for, of what tune found or, without tuning, of what was served.

    Raises:
        ParameterError: nothing to start (no export), or a share, a budget or a confidence that is none.
    """
    if not 0.5 < settings["confidence"] < 1 or settings["prove_s"] <= 0:
        raise ParameterError(
            f"confidence is {settings['confidence']} and prove_s {settings['prove_s']}; a confidence between 0.5 and 1 "
            "(0.95 is usual) and a positive number of seconds were expected."
        )
    one = candidate_of({**settings, "duration_s": settings["prove_level_s"]})
    return Proof(
        **vars(one),
        levels=_levels(one.run, settings, one.load),
        budget_s=settings["prove_s"],
        confidence=settings["confidence"],
        every_s=settings["monitor_every_s"],
        hopeless=one.hopeless_because(),
    )


def _levels(run: RunFolder, settings: Mapping[str, Any], load: Load) -> Schedule:
    """The levels of stress again, planned by what one request took there; where nothing was timed, by export."""
    alone = asked_ms(run.run_dir) or load.mix.asked_ms(run.results("export"), load.protocol) or UNKNOWN_MS
    return planned(load, alone, settings["concurrency"], (), settings["rate_shares"], budget_s=settings["prove_s"])


def stage(proof: Proof) -> StagePlan:
    """What the proof takes: a server, the levels, the promised rate for as long as it may."""
    if proof.hopeless:
        return StagePlan((), (proof.hopeless.rstrip("."),))
    started = 0.0 if proof.attached else start_s(proof.run.run_dir) + END_S * stretch()
    rate = f"the promised rate up to {proof.budget_s:g} s"
    between_s = BETWEEN_S * len(proof.levels.levels) * (stretch() - 1)
    beyond = proof.rate_rps > 1000 / proof.levels.request_ms  # what is not carried is waited for until its time-out
    held_s = proof.budget_s + (proof.load.timeout_s if beyond else 0.0)
    started += bodies_s(proof.run.results("export"))
    parts = [("a server", started), (proof.levels.words, proof.levels.expected_s + between_s), (rate, held_s)]
    return StagePlan.of(parts, [*proof.levels.left_out, *_uncertain(proof)])


def _uncertain(proof: Proof) -> list[str]:
    """That the seconds given bring too few requests to be sure of a p99, where it is so at this rate."""
    usual = evidence.requests_needed(0.0, USUAL, 0.99, proof.confidence) or 0
    if proof.rate_rps * proof.budget_s >= usual:
        return []
    needs_s = math.ceil(usual / proof.rate_rps)
    return [
        f"certainty, as a rule: it takes some {usual:,} requests, {needs_s:,} s at {proof.rate_rps:g}/s, and prove_s "
        f"is {proof.budget_s:g}"
    ]
