"""How a run ended, from its records: whether something failed, and what the answer to its promise is."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from playbook.promise import KEPT, NOT_KEPT
from playbook.records import run_folder
from playbook.stress import levels

FAILED, BAD_INPUT, GATE_NOT_KEPT, GATE_NOT_PROVEN = 1, 2, 3, 4


class Ending(NamedTuple):
    """The exit code of `playbook run`, and the sentence that explains one that is not 0."""

    code: int
    why: str


def outcome(run_dir: Path, gate: bool = False) -> Ending:
    """0 where no record tells of a failure, else 1; with `gate` also 3 for NOT KEPT and 4 for NOT PROVEN.

    A record says what failed: wrong answers, a server that died or hung, a rehearsal that refutes the plan. A gate
    without an answer is NOT PROVEN.
    """
    run = run_folder.read(run_dir)
    if failed := failures(run.records):
        return Ending(FAILED, failed[0])
    if not gate:
        return Ending(0, "")
    prove = run.results("prove")
    word, why = prove.get("answer"), prove.get("why") or "no stage proved the promise"
    if word == KEPT:
        return Ending(0, "")
    return Ending(GATE_NOT_KEPT if word == NOT_KEPT else GATE_NOT_PROVEN, f"{word or 'NOT PROVEN'}: {why}")


def failures(records: dict[str, dict[str, Any]]) -> list[str]:
    """What failed, by the records of a run: each a sentence."""
    results = {verb: content.get("results") or {} for verb, content in records.items()}
    sentences = [f"stress: {text}" for text in levels.faults(results.get("stress", {}).get("levels") or [])]
    keys = (
        *(("tune", "failures"), ("tune", "deaths"), ("prove", "failures")),
        *(("drill", "failures"), ("deploy", "refuted")),
    )
    for verb, key in keys:
        sentences += [f"{verb}: {text}" for text in results.get(verb, {}).get(key) or []]
    if unmeasured := results.get("prove", {}).get("unmeasured"):
        sentences.append(f"prove: {unmeasured}")
    sentences += [
        f"adapt: {choice['name']} answered wrongly"
        for choice in results.get("adapt", {}).get("contenders") or []
        if "wrong_answers" in (choice.get("failed_checks") or [])
    ]
    return sentences
