"""What 75_drill says of rows with known figures: no more than they hold."""

from __future__ import annotations

import numpy as np
import pytest
from drill_rows import SECONDS, row

from playbook.drawing import outages
from playbook.drill import findings, soak, views
from playbook.drill.drills import DRILLS
from playbook.records.rows import DrillRow


def told(*rows: DrillRow, **changes) -> dict:
    base = {"model_name": "digits", "server": "embedded", "rate_rps": 500.0, "drills": list(rows), "left_out": []}
    base |= {"failures": findings._failures(rows), "compared": findings._compared(rows)}
    return {**base, "soak": None, "skipped": None, **changes}


CALM = {"lost": 0, "lost_by_code": {}, "seconds_outside": 0, "recovery_s": 0.0}


def test_the_verdict_names_what_each_drill_cost_and_what_cost_nothing() -> None:
    said = findings.verdict(told(row(), row("swap", **CALM)))
    assert said.startswith("2 drills on 'digits' (embedded server) at 500 requests/s cost users: ")
    assert "kill 300 of 3,000 requests, 2 s outside the promise, recovered after 1.4 s; nothing in swap." in said
    assert "5,400 answers compared, none wrong." in said


def test_a_drill_at_another_rate_than_the_others_is_told_with_it() -> None:
    said = findings.verdict(told(row(), row("half_cpu", rate_rps=6000.0), row("swap", rate_rps=6000.0, **CALM)))
    assert "at 500 requests/s cost users: kill 300 of" in said
    assert "half_cpu (at 6,000/s) 300 of" in said
    assert "nothing in swap (at 6,000/s)" in said


def test_a_server_that_ended_in_the_soak_is_a_failure_and_leads_the_verdict() -> None:
    figures = {"seconds": 60.0, "lost": 40, "requests": 60, "rate_rps": 1.0, "wrong": 0, "compared": 20}
    memory = soak.judge(soak.Memory(np.array([], int), np.array([])))
    kept = soak.told({**figures, **memory, "ended": "The embedded server (pid 7) has ended."})
    assert kept["words"].startswith("Soak of 1 minutes: The embedded server (pid 7) has ended; 40 of 60 requests lost;")
    results = told(soak=kept, failures=findings._failures([], kept))
    assert results["failures"] == ["in the soak: The embedded server (pid 7) has ended"]
    assert findings.verdict(results).startswith("in the soak: The embedded server (pid 7) has ended. ")


def test_a_drill_that_did_not_recover_says_within_what() -> None:
    assert "not recovered within 5 s" in findings.verdict(told(row(recovery_s=None)))


def test_a_doubtful_row_is_neither_a_loss_nor_nothing() -> None:
    results = told(row(doubt="the load generator was not free to measure (client_late)"), row("swap", **CALM))
    assert "nothing in swap; unclear in kill (300 requests lost)." in findings.verdict(results)
    assert findings.warnings(results) == ["kill: the load generator was not free to measure (client_late)."]
    assert "DOUBTFUL" in views.drills_table(results["drills"])


def test_a_wrong_answer_leads_the_verdict_and_is_a_failure() -> None:
    results = told(row("swap", wrong=3, compared=2700))
    assert results["failures"] == ["in the drill 'swap' 3 of 2,700 answers compared were wrong"]
    assert findings.verdict(results).startswith("in the drill 'swap' 3 of 2,700")
    assert "none wrong" not in findings.verdict(results)


@pytest.mark.parametrize(
    ("before", "after", "word"),
    [
        ({"lost": 1000, "seconds_outside": 4}, {"lost": 100, "seconds_outside": 2}, "better"),
        ({"lost": 100, "seconds_outside": 1}, {"lost": 1000, "seconds_outside": 4}, "worse"),
        ({"lost": 0, "seconds_outside": 1}, {"lost": 0, "seconds_outside": 0}, "no difference shown"),
        ({"lost": 1000, "seconds_outside": 2}, {"lost": 950, "seconds_outside": 2}, "no difference shown"),
        ({"lost": 1000, "seconds_outside": 2}, {"lost": 100, "seconds_outside": 5}, "mixed"),
        ({"lost": 3, "seconds_outside": 1}, {"lost": 0, "seconds_outside": 0}, "no difference shown"),
    ],
)
def test_a_remedy_is_called_better_only_where_it_shows(before, after, word) -> None:
    assert findings.helped(row("overload", **before), row("overload", True, **after)) == word
    assert f"overload by a queue bound: {word} (" in findings.verdict(
        told(row("overload", **before), row("overload", True, **after))
    )


def test_a_remedy_with_nothing_to_mend_is_said_to_be_that() -> None:
    said = findings.verdict(told(row("swap", **CALM), row("swap", True, **CALM)))
    assert "nothing to mend: swap by load threads." in said


def test_what_was_not_held_is_named_with_its_reason() -> None:
    results = told(row(), left_out=[{"drill": "cpu", "why": "no cgroup may be made here"}])
    assert "Not held: cpu (the reasons stand below)." in findings.verdict(results)
    assert "cpu was not held: no cgroup may be made here." in findings.warnings(results)
    assert "no cgroup may be made here" in views.left_out_table(results)


def test_nothing_drilled_is_said_with_the_reason_and_no_figure() -> None:
    said = findings.verdict(told(skipped="no drill was asked for"))
    assert said == "Nothing was drilled on 'digits' (embedded server): no drill was asked for."


def test_every_drill_says_what_tensorflow_serving_does_and_where_that_stands() -> None:
    for drill in DRILLS.values():
        assert drill.there
        assert drill.source
        assert bool(drill.remedied) == bool(drill.remedy) == bool(drill.how), drill.name


def test_the_figure_tells_lost_from_late_and_says_both_in_words() -> None:
    late = row("swap", lost=0, by_second={**SECONDS, "lost": [0, 0, 0], "slowest_ms": [5.0, 90.0, 5.0]})
    assert outages.states(row()) == [(-1, 0), (0, 2), (1, 0)]
    assert outages.states(late) == [(-1, 0), (0, 1), (1, 0)]
    picture = outages.outages([row(), late])
    assert "kill: 300 lost, recovered after 1.4 s" in picture.alt
    assert picture.png().startswith(b"\x89PNG")
