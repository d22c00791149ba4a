"""A server that answers fast and wrong is found in every way it may lie, and the run ends with exit code 1."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from command import playbook

from playbook.chain import outcome
from playbook.records import record, runs

SERVER = Path(__file__).parents[1] / "helpers" / "lying_server.py"
LOAD = {
    "concurrency": [4],
    "rate_shares": [],
    "duration_s": 1.0,
    "prove_level_s": 0.5,
    "prove_s": 2.5,
    "ramp_up_s": 0.2,
}


@pytest.fixture
def lied_to(exported: Path, tmp_path: Path) -> Iterator[Callable[..., tuple[subprocess.CompletedProcess[str], Path]]]:
    """lied_to(LIE, EVERY, *VERBS): the command's end, and the run it made through `attach`."""
    servers = []

    def run(lie: str, every: int, *verbs: str) -> tuple[subprocess.CompletedProcess[str], Path]:
        base = shutil.copytree(exported, tmp_path / "20260101T000000Z-lying")
        note = {"run_id": base.name, "params_name": "lying", "params": {}, "verbs": [], "started_utc": "2026-01-01"}
        (base / "run.json").write_text(json.dumps(note))
        server = subprocess.Popen(
            [sys.executable, SERVER, base, lie, str(every)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        servers.append(server)
        url = f"http://127.0.0.1:{server.stdout.readline().strip()}"
        params = LOAD | {"server": "attach", "rest_url": url, "target_rate_rps": 400.0, "seed": 7}
        (tmp_path / "lying.yml").write_text(yaml.safe_dump(params))
        only = [word for verb in ("serve", *verbs) for word in ("--only", verb)]
        done = playbook("run", tmp_path / "lying.yml", *only, "--outputs", tmp_path, timeout_s=200)
        return done, runs.find(tmp_path, "latest")

    yield run
    for server in servers:
        server.communicate(timeout=10)


@pytest.mark.parametrize(("lie", "every"), [("another_row", 1000), ("html_as_200", 200)])  # the others: unit/loadgen
def test_a_lie_makes_the_promise_not_kept_and_the_exit_code_1(lied_to, lie: str, every: int) -> None:
    done, run = lied_to(lie, every, "prove")
    results = record.load(run, "prove")["results"]
    assert results["answer"] == "NOT KEPT", done.stdout
    assert "wrong" in results["failures"][0]
    assert done.returncode == 1
    assert "wrong" in done.stderr
    page = (run / "record.md").read_text()
    assert page.startswith("# digits: FAILED")
    first = results["answers"]["first_wrong"]
    assert first["expected"] != first["got"]
    html = (run / "record.html").read_text()
    assert "<script" not in html
    assert not re.search(r'(href|src)="\s*javascript:', html)  # as text it may stand there


def test_a_lie_in_stress_alone_makes_its_level_invalid_and_fails_the_run(lied_to) -> None:
    done, run = lied_to("another_row", 100, "stress")
    (level,) = record.load(run, "stress")["results"]["levels"]
    assert not level["valid"]
    assert "wrong_answers" in level["failed_checks"]
    assert "met" not in record.load(run, "stress")["verdict"]
    assert done.returncode == 1


def test_a_server_that_breaks_the_protocol_now_and_then_fails_the_run_at_any_load(lied_to) -> None:
    done, run = lied_to("broken_http", 200, "stress")
    (level,) = record.load(run, "stress")["results"]["levels"]
    assert level["errors_by_kind"]["protocol"] > 0
    assert done.returncode == 1
    assert any("replies broke the protocol" in text for text in outcome.failures(record.read_all(run)))


def test_a_server_that_does_not_lie_is_not_accused(lied_to) -> None:
    done, run = lied_to("another_row", 10**9, "prove")
    results = record.load(run, "prove")["results"]
    assert results["failures"] == []
    assert results["answers"]["wrong"] == 0
    assert results["answers"]["checked"] > 500
    assert done.returncode == 0
