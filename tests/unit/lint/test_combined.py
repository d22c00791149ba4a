"""Several faults at once in whole projects, among odd ways of writing: each is named, and nothing else is said."""

import pytest
from lint_projects import judging
from lint_projects.draws import places, unmarked

from playbook.lint.report import Report

SEED, PROJECTS = 20261127, 200


@pytest.mark.parametrize("part", range(4))
def test_every_drawn_fault_is_named_and_nothing_else(part):
    share = range(SEED + part * PROJECTS // 4, SEED + (part + 1) * PROJECTS // 4)
    assert {seed: wrong for seed in share if (wrong := judging.judged(seed))} == {}


def test_the_projects_are_of_every_form_and_hold_faults_of_most_kinds():
    drawn = [judging.project(seed) for seed in range(SEED, SEED + PROJECTS)]
    assert {each.form for each in drawn} == {*judging.TEXTS, "cluster"}
    assert sum(len(each.faults) for each in drawn) > PROJECTS * 2
    assert len({fault.rule for each in drawn for fault in each.faults.values()}) > 60
    assert all(places(each.texts).keys() == each.faults.keys() for each in drawn)


def test_a_lint_that_says_nothing_is_found_out(monkeypatch):
    monkeypatch.setattr(judging, "examine", lambda _: Report([]))
    drawn = judging.project(SEED)
    assert {f"missed {fault.rule}" for fault in drawn.faults.values()} <= set(judging.judged(SEED))


def test_what_lint_gets_wrong_is_told_by_the_least_text_that_shows_it(monkeypatch):
    seed = next(seed for seed in range(SEED, SEED + 50) if len(judging.project(seed).faults) > 2)
    rule = judging.project(seed).faults[0].rule
    monkeypatch.setattr(judging, "named", lambda fault, *_: fault.rule != rule)
    plain, kept = judging.shrunk(seed, f"missed {rule}")
    least = judging.project(seed, plain, kept)
    assert [fault.rule for fault in least.faults.values()] == [rule]
    whole = judging.project(seed)
    assert sum(map(len, least.texts.values())) < sum(map(len, whole.texts.values()))
    assert f"missed {rule}" in judging.least(seed, f"missed {rule}")
    assert "\ue000" not in unmarked("".join(least.texts.values()))
