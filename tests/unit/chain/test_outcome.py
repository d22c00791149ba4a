"""The exit code of a run: what failed is 1 whatever was asked; a gate tells NOT KEPT from NOT PROVEN."""

from __future__ import annotations

from pathlib import Path

import pytest

from playbook.chain import outcome
from playbook.promise import KEPT, NOT_KEPT, NOT_PROVEN
from playbook.records import record


def proof(run_dir: Path, **results: object) -> Path:
    record.save(run_dir, "prove", params={}, results={"failures": [], "unmeasured": None, **results}, verdict="proved")
    return run_dir


@pytest.mark.parametrize(("answer", "code"), [(KEPT, 0), (NOT_KEPT, 3), (NOT_PROVEN, 4)])
def test_a_gate_ends_by_the_answer_and_without_one_a_whole_record_is_0(tmp_path: Path, answer: str, code: int) -> None:
    run_dir = proof(tmp_path, answer=answer, why="p99 61 ms")
    assert outcome.outcome(run_dir, gate=True).code == code
    assert ("p99 61 ms" in outcome.outcome(run_dir, gate=True).why) == bool(code)
    assert outcome.outcome(run_dir) == (0, "")


def test_a_gate_without_a_proof_is_not_proven(tmp_path: Path) -> None:
    record.save(tmp_path, "stress", params={}, results={"levels": []}, verdict="held")
    assert outcome.outcome(tmp_path, gate=True) == (4, "NOT PROVEN: no stage proved the promise")


def test_what_failed_is_1_even_where_the_promise_would_be_kept(tmp_path: Path) -> None:
    run_dir = proof(tmp_path, answer=KEPT, why="")
    record.save(run_dir, "deploy", params={}, results={"refuted": ["a replica p99 was 61 ms"]}, verdict="refuted")
    for gate in (False, True):
        assert outcome.outcome(run_dir, gate=gate) == (1, "deploy: a replica p99 was 61 ms")
