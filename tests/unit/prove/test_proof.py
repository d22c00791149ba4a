"""What is proven: the rate of one replica, with the winner of tune or, without tuning, what was served."""

from __future__ import annotations

import json
import math
from pathlib import Path

import deployable_run
import numpy as np
import pytest

from playbook.chain import params
from playbook.errors import ParameterError
from playbook.prove import holding, overload, words
from playbook.prove.candidate import shared_out
from playbook.prove.holding import needed_answers
from playbook.prove.proof import proof_of, stage
from playbook.records.run_folder import Rows
from playbook.records.runs import NOTEBOOK_DIR


@pytest.fixture
def settings(tmp_path: Path) -> dict:
    """The notebook's own defaults, on a run that was tuned."""
    run = deployable_run.make(tmp_path / "run")
    defaults = {name: value for name, (_, value) in params.declared(NOTEBOOK_DIR / "65_prove.ipynb").items()}
    return defaults | {"run_dir": str(run), "target_rate_rps": 2000.0}


@pytest.mark.parametrize(
    ("target", "expected", "shared"),
    [
        (2000.0, 17_000.0, (1, 2000.0)),  # one carries it with headroom left
        (2000.0, 1600.0, (2, 1000.0)),
        (2000.0, 2100.0, (2, 1000.0)),  # it could, but not with the headroom left
        (2000.0, None, (1, 2000.0)),  # nothing was measured: all of it on one
        (None, 1000.0, (1, 700.0)),  # no rate was promised: what could be
    ],
)
def test_the_promised_rate_is_shared_by_as_few_replicas_as_leave_the_headroom(target, expected, shared) -> None:
    assert shared_out(target, expected, headroom=0.3) == shared


def test_a_number_of_replicas_that_is_asked_for_is_taken() -> None:
    assert shared_out(2000.0, 17_000.0, 0.3, replicas=4) == (4, 500.0)


def test_about_30_000_answers_show_one_wrong_in_10_000_with_95_percent_certainty() -> None:
    needed = needed_answers()
    assert 29_900 < needed < 30_000
    assert math.isclose(1 - (1 - 1e-4) ** needed, 0.95, rel_tol=1e-4)


def test_the_winner_of_tune_is_proven_at_what_it_reached_every_time(settings) -> None:
    deployable_run.change(Path(settings["run_dir"]), "tune", "repeats", [[780.0, 1900.0], [810.0, 1500.0]])
    proof = proof_of(settings)
    assert proof.tuned
    assert proof.config.enable_batching
    assert proof.expected_rps == 1500.0
    assert (proof.replicas, proof.rate_rps) == (2, 1000.0)


def test_without_tuning_what_was_served_is_proven_and_said_not_to_be_tuned(settings) -> None:
    run = Path(settings["run_dir"])
    (run / "tune.json").unlink()
    proof = proof_of(settings)
    assert not proof.tuned
    assert proof.expected_rps == json.loads((run / "stress.json").read_text())["results"]["best"]["throughput_rps"]


@pytest.mark.parametrize("change", [{"confidence": 1.5}, {"confidence": 0.2}, {"prove_s": 0.0}])
def test_a_confidence_or_a_budget_that_is_none_is_refused(settings, change) -> None:
    with pytest.raises(ParameterError, match="were expected"):
        proof_of(settings | change)


def test_a_run_without_a_model_is_refused(settings) -> None:
    (Path(settings["run_dir"]) / "export.json").unlink()
    with pytest.raises(ParameterError, match="no exported model"):
        proof_of(settings)


def test_a_promise_that_one_request_alone_breaks_is_answered_without_a_server(settings) -> None:
    curve = {"batch_sizes": [1], "latency_ms": [87.0], "fit": {"a_ms": 80.0, "b_ms": 7.0}}
    deployable_run.change(Path(settings["run_dir"]), "export", "batch_curve", curve)
    proof = proof_of(settings | {"p99_limit_ms": 40.0})
    held = holding.hold(proof)
    kept = words.results(proof, held)
    assert (kept["answer"], kept["levels"], kept["windows"]) == ("NOT KEPT", [], [])
    assert words.verdict(kept).startswith("NOT KEPT, and nothing was held: one row takes 87 ms alone on one core")
    assert "What would help" in kept["why"]
    assert words.warnings(kept) == [kept["skipped"]]


def test_a_holding_that_is_cut_short_keeps_the_row_in_which_that_happened() -> None:
    rows = [{"level": number} for number in range(4)]
    early, late = holding.Held(None, []), holding.Held(None, rows[:2], [rows[2]], swept=True)
    for held in (early, late):
        holding._keep_all(held, rows)
    assert (early.levels, early.windows) == (rows, [])
    assert (late.levels, late.windows) == (rows[:2], rows[2:]), "of the promised rate, and no level"


def test_a_rate_too_low_for_certainty_inside_its_seconds_is_told_before_they_are_spent(settings) -> None:
    told = " ".join(stage(proof_of(settings | {"target_rate_rps": 50.0, "prove_s": 8.0})).left_out)
    assert "certainty, as a rule: it takes some 895 requests" in told
    assert "18 s at 50/s, and prove_s is 8" in told
    assert "certainty" not in " ".join(stage(proof_of(settings | {"prove_s": 8.0})).left_out)


def window(misses: int, *checks: str, requests: int = 2000) -> dict:
    claim = {"requests": requests, "misses": misses, "tau": 40.0 if checks else 1.5}
    return {"valid": not checks, "failed_checks": list(checks), "claim": claim, "answers": {"checked": 40_000}}


@pytest.mark.parametrize(
    ("windows", "counted", "settled"),
    [
        ([window(2)], None, True),
        ([window(2), window(0, "not_steady")], (2, 4000), True),
        ([window(2), window(300, "not_steady")], (302, 4000), False),
        ([window(2), window(300, "not_steady", "offered_rate")], (302, 4000), False),
        ([window(2), window(300, "not_steady", "client_late")], None, True),  # the client may have been what was slow
        ([window(2), window(300, "count_balance")], None, True),  # somebody else asked the server
    ],
)
def test_unsteady_windows_count_unless_the_generator_or_somebody_else_made_them(settings, windows, counted, settled):
    """How dependent their requests are does not: a drift makes one request of many."""
    proof = proof_of(settings)
    told = overload.counted_in(proof, windows)
    assert (told and (told["misses"], told["requests"])) == counted
    assert holding._settled(proof, holding.Held(None, [], windows)) is settled
    more_s = holding._wanted_s(proof, holding.Held(None, [], windows))
    assert (more_s > proof.load.duration_s) is not settled


def _rows(latency_ms: np.ndarray, rate_rps: float = 100.0) -> Rows:
    due_ns = (np.arange(len(latency_ms)) / rate_rps * 1e9).astype(np.int64)
    return Rows(due_ns, due_ns, due_ns + (latency_ms * 1e6).astype(np.int64), np.ones(len(due_ns), bool))


@pytest.mark.parametrize(
    ("latency_ms", "checks", "refuted"),
    [
        (np.linspace(10, 3000, 800), ["not_steady"], True),  # the queue grows
        (np.linspace(3000, 10, 800), ["not_steady"], False),  # the queue of a slow beginning is worked off
        (np.linspace(10, 3000, 800), ["not_steady", "client_late"], False),  # the client may have been what was slow
        (np.full(800, 20.0), ["not_steady"], False),
    ],
)
def test_only_a_queue_that_grows_to_the_end_refutes_from_windows_that_are_not_valid(
    settings, latency_ms, checks, refuted
) -> None:
    proof = proof_of(settings | {"target_rate_rps": 100.0, "p99_limit_ms": 1400.0})
    proof.run._rows["prove", 9] = _rows(latency_ms)
    told = overload.refutation(proof, proof.run, [{"level": 9, "failed_checks": checks}])
    assert (told is not None) == refuted
    if told:
        assert (told["requests"], told["refuted"], told["proven"]) == (400, True, False)
