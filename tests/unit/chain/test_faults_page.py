"""`make faults` goes on where it was cut short; its page names a commit only for what was tried on that commit."""

import importlib
import json
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
THEN, NOW = "d57f865" + "0" * 33 + "\n", "0123abc" + "0" * 33 + "\n"
ROW = ["disk full", "nothing", 1.2, "No space left", 1, 0]


@pytest.fixture(scope="module")
def passes():
    sys.path.insert(0, str(BENCHMARKS))
    yield importlib.import_module("fault_passes").Pass
    sys.path.remove(str(BENCHMARKS))


@pytest.fixture
def earlier(tmp_path):
    """The file of a pass that kept one commit for all."""
    file = tmp_path / ".faults.json"
    cut = ["hang", "? not shown", None, "AssertionError: ", None, 0]
    file.write_text(json.dumps({"of": THEN, "tried": {ROW[0]: ROW, "hang": cut, "kills": ["| 1 |"]}, "took_s": 60.0}))
    return file


def never(*_):
    raise AssertionError("tried again")


def test_only_a_pass_that_is_asked_to_goes_on_behind_another_commit(passes, earlier):
    assert passes(keep=True, file=earlier, of=THEN).part(ROW[0], never) == ROW
    assert not passes(keep=True, file=earlier, of=NOW).has(ROW[0])
    assert not passes(keep=True, file=earlier, of=THEN, anew=True).has(ROW[0])
    assert passes(keep=True, file=earlier, of=NOW, on=True).part(ROW[0], never) == ROW


def test_what_did_not_come_to_its_end_is_tried_again_by_a_pass_that_goes_on(passes, earlier):
    assert passes(keep=True, file=earlier, of=THEN).has("hang")
    assert not passes(keep=True, file=earlier, of=NOW, on=True).has("hang")


def test_each_part_keeps_the_commit_that_it_was_tried_on_through_every_pass(passes, earlier):
    second = passes(keep=True, file=earlier, of=NOW, on=True)
    second.part("hang", lambda: ["hang", "nothing", 4.0, "hangs", 1, 0])
    third = passes(keep=True, file=earlier, of=NOW + "diff --git", on=True)
    third.part("figures", lambda: ["| memory |"])
    third.end()
    last = passes(keep=True, file=earlier, of=THEN, on=True)
    assert last.at == {ROW[0]: "d57f865", "kills": "d57f865", "hang": "0123abc", "figures": "0123abc+"}
    assert last.took_s >= 60.0


def test_a_pass_that_came_to_its_end_is_not_taken_for_one_that_was_cut_short(passes, earlier):
    passes(keep=True, file=earlier, of=THEN).end()
    assert not passes(keep=True, file=earlier, of=THEN).has(ROW[0])
    assert passes(keep=True, file=earlier, of=THEN, on=True).has(ROW[0])


def test_the_page_says_of_every_row_on_which_commit_it_was_tried(passes):
    driver, page = importlib.import_module("fault_driver"), importlib.import_module("fault_page")
    rows = [driver.Outcome(*ROW), driver.Outcome("hang", "nothing", 4.0, "a | b", 1, 0)]
    at = {ROW[0]: "d57f865", "hang": "0123abc+", "kills": "d57f865", "figures": "0123abc"}
    text = page.page(rows, ["| 1 | chain | 2 | 1 of 10 | 0 |"], ["| memory | 1 MB |"], 60.0, at)
    lines = {line.split(" | ")[0].strip("| "): line for line in text.splitlines() if line.startswith("| ")}
    assert lines[ROW[0]].endswith("| 1 | 0 | d57f865 |")
    assert lines["hang"].endswith("| a \\| b | 1 | 0 | 0123abc+ |")
    kills, _, server = text.partition("## Killed at random moments")[2].partition("## The embedded server")
    assert "commit d57f865." in kills
    assert "commit 0123abc." in server
