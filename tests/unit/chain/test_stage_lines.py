"""A stage tells its plan before it begins; a log shows it, and how far the stage is every ten seconds."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from playbook import progress, stage_plan
from playbook.chain import terminal
from playbook.records import record, runs
from playbook.stage_plan import StagePlan

PLAN = StagePlan.of([("a server", 4.0), ("nothing", 0.0), ("5 levels", 14.2)], ["32 clients: too slow"])


@pytest.fixture
def channel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(progress.CHANNEL, str(tmp_path / "progress.json"))
    stage_plan.take()
    yield tmp_path / "progress.json"
    stage_plan.take()


def test_a_plan_says_how_long_what_and_what_is_left_out() -> None:
    assert PLAN.words() == "About 18 s to come: a server, 5 levels. Left out: 32 clients: too slow."
    assert StagePlan.of([], ["it is hopeless"]).words() == "Nothing will be held. Left out: it is hopeless."


def test_a_record_keeps_what_was_told_first_beside_what_it_took(tmp_path: Path, channel: Path) -> None:
    progress.begin(PLAN)
    progress.begin(StagePlan.of([("less", 3.0)], ["more"]))
    kept = record.save(tmp_path / "run", "stress", params={}, results={}, verdict="")["plan"]
    assert (kept["expected_s"], kept["left_out"]) == (18.2, ["more"])
    assert 0 <= kept["took_s"] < 5
    assert record.save(tmp_path / "two", "stress", params={}, results={}, verdict="")["plan"] is None


def test_every_word_on_the_way_carries_the_plan_and_the_time_left(channel: Path) -> None:
    progress.begin(PLAN)
    with progress.live("stress", 5.0) as bar:
        bar.update(1.0, "1 client in a closed loop")
    state = json.loads(channel.read_text())
    assert state["plan"] == PLAN.words()
    assert 17 < state["left_s"] <= 18.2
    line = terminal.moving("stress", state, 4.0)
    assert line.startswith("stress       4 s  ████················  20%  about 18 s left; 1 client in a closed loop")


def test_a_log_has_the_plan_at_once_and_a_line_every_ten_seconds() -> None:
    lines: list[str] = []
    show = terminal.LogLines("stress", lines.append)
    state = {"stage": "stress", "done": 1.0, "total": 5.0, "text": "8 clients", "plan": PLAN.words(), "left_s": 12.0}
    for second in (0.2, 1.0, 9.0, 10.1, 15.0, 20.2):
        show(state, second)
    assert [line.split()[0] for line in lines] == ["stress"] * 3
    assert PLAN.words() in lines[0]
    assert "about 12 s left; 8 clients" in lines[1]


def test_a_stage_that_is_soon_over_puts_no_line_into_a_log() -> None:
    lines: list[str] = []
    terminal.LogLines("serve", lines.append)({"total": 0, "plan": "About 2 s to come: x.", "left_s": 2.0}, 0.5)
    assert lines == []


def test_the_lines_come_out_of_a_stage_that_runs_without_a_terminal(tmp_path: Path) -> None:
    out, file = io.StringIO(), tmp_path / "progress.json"
    line = terminal.StageLine(Console(file=out, width=300))
    file.write_text(json.dumps({"total": 0, "text": "", "plan": PLAN.words(), "left_s": 18.0}))
    with line.stage("stress", file):
        for _ in range(100):
            if out.getvalue():
                break
            __import__("time").sleep(0.05)
    assert "About 18 s to come: a server, 5 levels." in out.getvalue()


def test_what_failed_in_the_last_moment_of_a_stage_is_said(tmp_path: Path) -> None:
    out, file = io.StringIO(), tmp_path / "progress.json"
    with terminal.StageLine(Console(file=out, width=300)).stage("prove", file):
        file.write_text(json.dumps({"total": 0, "failed": ["ServerDied: it ended"]}))
    assert out.getvalue().count("Stage 'prove' failed: ServerDied: it ended") == 1


def test_a_machine_that_others_use_stretches_what_is_computed() -> None:
    assert 1.0 <= stage_plan.stretch() <= stage_plan.MOST_STRETCH
    assert stage_plan.stretch() == stage_plan.stretch()  # seen once a process


@pytest.mark.parametrize("verb", runs.NOTEBOOKS)
def test_every_notebook_tells_its_plan_before_its_work(verb: str) -> None:
    cells = json.loads((runs.NOTEBOOK_DIR / f"{runs.NOTEBOOKS[verb]}.ipynb").read_text())["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    tells = next(number for number, source in enumerate(code) if f"{verb}.begin({verb}.stage(" in source)
    works = next(number for number, source in enumerate(code) if f"{verb}.results(" in source)
    assert tells < works
