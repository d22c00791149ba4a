"""Drills on a container: the engine's own kill, pause and quota, and the container that comes up again is called."""

from __future__ import annotations

import pytest
from drilled import practised

pytestmark = [pytest.mark.docker, pytest.mark.timeout(300)]

DRILLS = ("swap", "sigterm", "kill", "hang", "half_cpu")


@pytest.fixture(scope="module")
def rows(run, image):
    asked = {"server": "docker", "image": image, "drill_s": 3.0, "target_rate_rps": 60.0, "p99_limit_ms": 2000.0}
    results = practised(run, *DRILLS, **asked)
    return {row["drill"]: row for row in results["drills"]}


def test_each_drill_was_held_and_no_answer_was_wrong(rows):
    assert tuple(sorted(rows)) == tuple(sorted(DRILLS))
    assert all(row["requests"] > 0 and not row["wrong"] for row in rows.values())


@pytest.mark.parametrize("name", ["sigterm", "kill"])
def test_a_container_that_is_ended_comes_up_again_where_users_call_it(rows, name):
    assert "AVAILABLE again after" in rows[name]["seen"]
    assert rows[name]["lost"] > 0


def test_a_container_that_is_paused_answers_nothing_and_one_with_half_its_cores_answers(rows):
    assert rows["hang"]["lost"] > 0
    assert "cores for" in rows["half_cpu"]["seen"]
    assert rows["half_cpu"]["lost"] == 0


def test_no_container_of_a_drill_is_left(rows, run, engine):
    left = engine.containers.list(all=True, filters={"label": f"playbook.run={run.name}"})
    assert [container.name for container in left] == []
