"""What 70_adapt says of who kept most seconds, and why."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from playbook.adapt import words
from playbook.adapt.controller import Adapted, Pace
from playbook.adapt.demonstration import Choice, ChoiceRun, Demonstration
from playbook.adapt.findings import results
from playbook.promise import Promise
from playbook.records import record
from playbook.serve.spec import ServerSpec
from playbook.stress.load import Load
from playbook.tfserving.config import Config

DEMONSTRATION = Demonstration(
    Path(), ServerSpec("digits", Path("models/digits")), Load(), Promise(50.0), Pace(for_s=4.0), [], 1000.0
)
OFFERED = (100, 900, 1000, 100)
SUMMARY = {"requests": sum(OFFERED), "latency_ms": {"p99": 80.0, "max": 90.0}}


def played(name: str, slowest_ms: tuple[float, ...], policy: bool = False, wait_micros: int = 0) -> ChoiceRun:
    """Four seconds of moving load."""
    config = Config(enable_batching=True, max_batch_size=64, batch_timeout_micros=wait_micros)
    kept = [ms <= 50 for ms in slowest_ms]
    seconds = pd.DataFrame({"offered": OFFERED, "slowest_ms": slowest_ms, "errors": 0, "beyond": 0, "kept": kept})
    governor = (lambda: None) if policy else None
    adapted = Adapted(config, switch_s=[0.2]) if policy else None
    return ChoiceRun(Choice(name, config, governor), seconds, adapted, SUMMARY, 0)


def said_of(runs: list[ChoiceRun]) -> str:
    """The verdict of a record that keeps these."""
    return words.verdict(results(DEMONSTRATION, runs))


GOOD, LATE, BAD = (2.0, 20.0, 30.0, 4.0), (2.0, 80.0, 30.0, 4.0), (60.0, 80.0, 90.0, 60.0)


def test_a_policy_that_kept_more_seconds_pays():
    told = said_of([played("fixed", (2.0, 80.0, 90.0, 4.0)), played("policy", GOOD, policy=True)])
    assert "fixed 2 s; policy 4 s. 1 live change, 0 failed requests." in told
    assert told.endswith("Adapting pays here: policy kept 2 s more than the best fixed choice.")


def test_a_second_more_each_held_once_is_no_difference():
    told = said_of([played("fixed", LATE), played("policy", GOOD, policy=True)])
    assert told.endswith(
        "No difference is shown: policy kept 1 s more than the best fixed choice, and each was held once."
    )


def test_one_that_kept_fewer_does_not_and_the_verdict_says_why():
    told = said_of([played("fixed", GOOD), played("policy", LATE, policy=True)])
    assert "Adapting does not pay here: fixed kept 1 s more than the best policy." in told
    assert (
        "the slowest answer of a second is 3.0 ms (median) with fixed, as a batch takes what waits and no more, so"
        in told
    )
    assert told.endswith("policy lost its 1 s at 900/s and more.")


@pytest.mark.parametrize(
    ("fixed", "policy", "said", "unsaid"),
    [
        (played("fixed", GOOD, wait_micros=2000), GOOD, "keeps as many seconds with fewer parts", "what waits"),
        (played("fixed", BAD), BAD, "The load is too much for each of them.", "Why"),
        (played("fixed", (60.0, 20.0, 30.0, 60.0)), (60.0, 60.0, 20.0, 60.0), "fixed kept 1 s more", "low load"),
    ],
)
def test_a_reason_is_only_told_where_the_seconds_show_it(fixed, policy, said, unsaid):
    told = said_of([fixed, played("policy", policy, policy=True)])
    assert said in told
    assert unsaid not in told.partition("failed requests.")[2]


@pytest.mark.parametrize("policy", [GOOD, BAD])
def test_beside_a_busy_neighbour_nothing_is_concluded(policy, monkeypatch):
    monkeypatch.setattr(record, "environment", lambda: {"cores": 2})
    runs = [played("fixed", LATE), played("policy", policy, policy=True)]
    quiet, busy = ({**SUMMARY, "others_cores": cores} for cores in (0.1, 1.43))
    runs = [replace(run, summary=summary) for run, summary in zip(runs, (quiet, busy), strict=True)]
    assert said_of(runs).endswith(
        "Nothing is concluded: other processes used 1.4 of 2 cores meanwhile. Quiet the machine and run 70_adapt again."
    )
    assert "Nothing is concluded" not in said_of([replace(run, summary=quiet) for run in runs])


def test_without_a_policy_there_is_nothing_to_compare():
    assert said_of([played("fixed", GOOD)]).endswith("0 live changes, 0 failed requests.")


def test_a_policy_whose_time_was_over_did_not_end_early() -> None:
    runs = [played("fixed", GOOD), played("policy", GOOD, policy=True), played("other", GOOD, policy=True)]
    runs[1].adapted.ended, runs[2].adapted.ended = "4 s were over", "the server did not answer"
    doubts = words.warnings(results(DEMONSTRATION, runs))
    assert doubts == ["other ended early: the server did not answer"]


def test_nothing_is_concluded_from_a_run_whose_client_measured_itself() -> None:
    runs = [played("fixed", LATE), played("policy", GOOD, policy=True)]
    runs[1].summary = SUMMARY | {"failed_checks": ["client_cpu"], "warnings": ["the client used 97% of a core"]}
    kept = results(DEMONSTRATION, runs)
    assert "Nothing is concluded: policy (client_cpu) cannot be relied on." in words.verdict(kept)
    assert "policy: the client used 97% of a core" in words.warnings(kept)


@pytest.mark.parametrize(("beyond", "concluded"), [(5, False), (30, True)])
def test_a_handful_of_requests_a_second_concludes_nothing_unless_chance_cannot_explain_it(beyond, concluded):
    kept = results(DEMONSTRATION, [played("fixed", GOOD), played("policy", LATE, policy=True)])
    for one in kept["contenders"]:
        one |= {"requests": 40, "requests_a_second": 10.0, "beyond": beyond * one["policy"]}
    said = words.verdict(kept)
    assert ("Adapting does not pay here" in said) is concluded
    assert (
        "Nothing is concluded: a second held 10 requests at the median, too few to tell them apart." in said
    ) is not concluded
