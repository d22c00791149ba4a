"""What was refuted reaches the verdict, the record and the README of the bundle; what was left open does not."""

import json
import subprocess
import sys
import time

import deployable_run
import pytest

from playbook import deploy
from playbook.deploy import refutation, use
from playbook.deploy.sizing import Demand
from playbook.promise import Promise
from playbook.serve.handle import Handle

HELD = {"rate_rps": 1260.0, "throughput_rps": 1255.0, "errors": 0, "errors_by_kind": {}, "limit_ms": 50.0}
KEPT = {**HELD, "p99_ms": 31.0, "inside_limit": True, "failed_checks": [], "beyond_limit_share": 0.0}
MISSED = {**KEPT, "p99_ms": 212.0, "inside_limit": False, "beyond_limit_share": 0.31}


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    run = deployable_run.make(tmp_path_factory.mktemp("outputs") / "refuted")
    plan = deploy.plan_of(run, deploy.IMAGE, Demand(5000.0))
    deploy.write(plan)
    return plan


def results(plan, checks=(), rehearsal=None, **more):
    return deploy.results(plan, [], checks=list(checks), rehearsal=rehearsal, **more)


def test_a_rehearsal_beyond_the_limit_refutes_the_deployment(plan):
    kept = results(plan, rehearsal=MISSED)
    verdict = deploy.verdict(kept)
    assert verdict.startswith("NOT CARRIED: in the rehearsal at the planned 1,260/s a replica p99 was 212.0 ms")
    assert "50 ms" in verdict
    assert "carry" not in verdict.partition(". ")[2]
    assert kept["refuted"] == [verdict.removeprefix("NOT CARRIED: ").partition(". Sized were")[0]]
    assert deploy.warnings(kept)[0].startswith("REFUTED: in the rehearsal")


def test_a_rehearsal_inside_the_limit_refutes_nothing(plan):
    kept = results(plan, rehearsal=KEPT)
    assert kept["refuted"] == []
    assert "replicas of 2 CPUs carry 5,000 requests/s" in deploy.verdict(kept)


@pytest.mark.parametrize(
    ("seen", "sentence"),
    [
        (
            {"errors": 90, "errors_by_kind": {"http_503": 88, "reset": 2}},
            "90 requests of the rehearsal failed (88 http_5",
        ),
        ({"throughput_rps": 700.0}, "it answered 700/s"),
        ({"failed_checks": ["server_dead"]}, "the server stopped answering in the rehearsal"),
        ({"answers": {"checked": 500, "wrong": 2}}, "2 of 500 checked replies of the rehearsal were wrong answers"),
        (
            {"throttled_share": 0.4, "throttled_limit": 0.02},
            "stopped the server in 40.0% of its periods; 2% are allowed",
        ),
    ],
)
def test_each_way_a_rehearsal_fails_is_said_in_the_verdict(plan, seen, sentence):
    kept = results(plan, rehearsal={**KEPT, **seen})
    assert sentence in deploy.verdict(kept)
    assert deploy.verdict(kept).startswith("NOT CARRIED: ")


@pytest.mark.parametrize(("errors", "refuted"), [(1, False), (6, False), (40, True)])
def test_failures_that_the_promised_share_may_show_refute_nothing_and_are_told(plan, errors, refuted):
    """One of 3,780 is a quarter of what 0.1 % allow."""
    counts = {"errors": errors, "errors_by_kind": {"reset": errors}, "requests": 3780, "max_error_share": 0.001}
    kept = results(plan, rehearsal={**KEPT, **counts})
    said = f"{errors} of 3,780 requests of the rehearsal failed ({errors} reset)"
    assert deploy.verdict(kept).startswith(f"NOT CARRIED: {said}") is refuted
    assert any(text.startswith(said) for text in deploy.warnings(kept)) is not refuted
    assert results(plan, rehearsal={**KEPT, **counts, "max_error_share": 0.0})["refuted"], "where none is allowed"


def test_a_few_answers_too_few_of_a_slow_model_are_chance_and_refute_nothing(plan):
    """15 of the 17.1 that 5.7/s bring in 3 s are nothing strange; in half a minute they would be, and 3 in 3 s are."""
    slow = {**KEPT, "rate_rps": 5.7, "throughput_rps": 5.0, "duration_s": 3.0, "p99_ms": None, "inside_limit": None}
    assert results(plan, rehearsal=slow)["refuted"] == []
    at = "in the rehearsal at the planned 5.7/s a replica it answered"
    for few in ({"duration_s": 60.0, "throughput_rps": 4.0}, {"throughput_rps": 1.0}):
        said = results(plan, rehearsal={**slow, **few})["refuted"]
        assert said == [f"{at} {(slow | few)['throughput_rps']}/s"]


def test_a_failed_check_refutes_and_a_check_not_tried_does_not(plan):
    rows = [{"what": "playbook lint", "outcome": "failed", "detail": "image not pinned"}]
    assert deploy.verdict(results(plan, rows)).startswith("NOT CARRIED: playbook lint: image not pinned")
    assert results(plan, [{**rows[0], "outcome": "not tried"}])["refuted"] == []


def test_a_slow_client_leaves_a_doubt_and_refutes_nothing(plan):
    seen = {**MISSED, "inside_limit": None, "throughput_rps": 500.0, "failed_checks": ["client_cpu"],
            "level_warnings": ["the client used 97% of a core"]}  # fmt: skip
    kept = results(plan, rehearsal=seen)
    assert kept["refuted"] == []
    assert any("the client used 97% of a core" in text for text in deploy.warnings(kept))


def test_a_busy_machine_leaves_a_doubt_and_refutes_nothing_but_what_it_cannot_cause(plan):
    busy = {**MISSED, "throughput_rps": 500.0, "disturbance": "other processes used 1.2 of 2 cores"}
    kept = results(plan, rehearsal=busy)
    assert kept["refuted"] == []
    assert deploy.verdict(kept).startswith("NOT PROVEN, as other processes used 1.2 of 2 cores in the rehearsal: ")
    assert any("planned rate: other processes used 1.2 of 2 cores" in text for text in deploy.warnings(kept))
    lied = results(plan, rehearsal={**busy, "answers": {"checked": 500, "wrong": 2}})
    assert deploy.verdict(lied).startswith("NOT CARRIED: 2 of 500 checked replies")


def test_what_other_processes_use_beside_a_server_is_seen(tmp_path):
    spin = "import time; end = time.monotonic() + 3\nwhile time.monotonic() < end: pass"
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as server:
        try:
            handle = Handle("embedded", "m", "", "", "", "", [], [], pid=server.pid)
            subprocess.run(["setsid", "-f", sys.executable, "-c", spin], check=True)  # no child of this process
            with use.watched(handle) as used:
                began = time.monotonic_ns()
                time.sleep(1.5)
        finally:
            server.kill()
    seen = used.over(began, 1.5)
    assert seen["others_cores"] > 0.2
    assert seen["cpu_cores"] < 0.2


def level(p99_ms, checks=(), requests=2000, misses=0):
    return {"latency_ms": {"p99": p99_ms}, "failed_checks": list(checks),
            "claim": {"requests": requests, "misses": misses, "tau": 1.0}}  # fmt: skip


@pytest.mark.parametrize(
    ("held", "inside"),
    [
        (level(31.0), True),
        (level(51.0), False),
        (level(51.0, ["client_late"]), None),
        (level(31.0, ["client_late"]), True),
        (level(None, ["too_few_samples"], requests=23, misses=22), False),
        (level(None, ["too_few_samples"], requests=23, misses=1), None),
    ],
)
def test_what_is_certain_is_told_from_what_does_not_show(held, inside):
    assert refutation.inside_limit(held, Promise(50.0)) is inside


def test_a_simulated_day_that_keeps_less_than_is_promised_is_in_the_verdict(plan):
    """An own simulation that says 80 % must not stand behind a sentence that says "carry"."""
    days = {"autoscaler": {"slo_attainment": 0.796}, "autoscaler, requests balanced": {"slo_attainment": 0.9995}}
    said = deploy.verdict(results(plan, rehearsal=KEPT, day=days))
    assert "Only 79.6% of the simulated day's requests are inside the limit where connections fall unevenly" in said
    assert said.endswith("99.9% where requests are balanced.") or said.endswith("100.0% where requests are balanced.")
    kept = deploy.verdict(results(plan, rehearsal=KEPT, day={"autoscaler": {"slo_attainment": 0.9995}}))
    assert "simulated" not in kept


def test_without_a_limit_nothing_is_inside_or_outside():
    assert refutation.inside_limit(level(31.0), None) is None


def test_the_readme_of_a_refuted_bundle_says_so(plan):
    readme = plan.run_dir / "deploy" / "README.md"
    deploy.sign(plan, results(plan, rehearsal=MISSED))
    assert "NOT CARRIED" in readme.read_text()
    deploy.sign(plan, results(plan, rehearsal=KEPT))
    assert "NOT CARRIED" not in readme.read_text()


def test_what_was_refuted_is_plain_json(plan):
    assert json.loads(json.dumps(results(plan, rehearsal=MISSED)["refuted"]))
