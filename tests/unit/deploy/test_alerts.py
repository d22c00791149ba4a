"""Each alert rings for the history a server really exports when that happens, and for no other; judged by promtool."""

import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import deployable_run
import pytest
import yaml

from playbook import deploy
from playbook.deploy import bundle, context
from playbook.deploy.sizing import Demand
from playbook.records.cited import Cited

pytestmark = pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
EVERY_S = 15
COUNT = ':tensorflow:serving:request_count{model_name="digits",status="%s",instance="a:8501",job="serving"}'
BUCKET = ':tensorflow:serving:request_latency_bucket{model_name="digits",API="predict",entrypoint="REST",le="%s"}'
TIMED = ':tensorflow:serving:request_latency_count{model_name="digits",API="predict",entrypoint="REST"}'
FAILED = ':tensorflow:cc:saved_model:load_attempt_count{model_path="/models/digits/4",status="fail"}'
PODS = '{container="serving",pod="digits-7d9f-x2"}'


@pytest.fixture(scope="module")
def rules(tmp_path_factory):
    run = deployable_run.make(tmp_path_factory.mktemp("outputs") / "alerts")
    deploy.write(deploy.plan_of(run, deploy.IMAGE, Demand(5000.0)))
    return run / "deploy" / "monitoring" / "rules.yml"


def steady(per_s, minutes=20):
    """A counter that grows by so much a second."""
    return f"0+{per_s * EVERY_S:g}x{minutes * 4}"


def served(rate_rps, inside_share=1.0, minutes=20):
    """What a server exports that answers so many a second, that share of them within 37 ms by its own clock."""
    return {
        COUNT % "OK": steady(rate_rps, minutes),
        BUCKET % "37481.3": steady(rate_rps * inside_share, minutes),
        BUCKET % "121440": steady(rate_rps, minutes),
        BUCKET % "+Inf": steady(rate_rps, minutes),
        TIMED: steady(rate_rps, minutes),
        'up{job="serving",instance="a:8501"}': f"1x{minutes * 4}",
    }


def ringing(rules, tmp_path, series, at, every_s=EVERY_S):
    """The alerts that fire at a time, by promtool's own evaluation of the history: all are expected to be silent."""
    names = [rule["alert"] for group in yaml.safe_load(rules.read_text())["groups"] for rule in group["rules"]]
    silent = [{"eval_time": at, "alertname": name, "exp_alerts": []} for name in names]
    inputs = [{"series": key, "values": values} for key, values in series.items()]
    test = {"interval": f"{every_s}s", "input_series": inputs, "alert_rule_test": silent}
    whole = {"rule_files": [str(rules)], "evaluation_interval": f"{every_s}s", "tests": [test]}
    (tmp_path / "tests.yml").write_text(json.dumps(whole))
    done = subprocess.run(["promtool", "test", "rules", tmp_path / "tests.yml"], capture_output=True, text=True)
    words = done.stdout + done.stderr
    fires = set(re.findall(r"alertname: *(\w+)", words))
    assert bool(fires) == bool(done.returncode), words
    return fires


def test_a_server_within_its_plan_wakes_nobody(rules, tmp_path):
    probes = {'probe_success{job="serving-probe"}': "1x80", 'probe_success{job="serving-alive"}': "1x80"}
    quiet = {**served(1000.0), **probes,
             'probe_duration_seconds{job="serving-probe"}': "0.012x80"}  # fmt: skip
    assert ringing(rules, tmp_path, quiet, "19m") == set()


def test_a_fleet_whose_connections_fall_as_unevenly_as_planned_wakes_nobody(rules, tmp_path):
    """Five pods, 1,000/s on the mean; the hottest has 1.4 times that, and was measured to carry 1,800/s."""
    rates = {"a": 1430.0, "b": 1180.0, "c": 990.0, "d": 810.0, "e": 590.0}

    def fleet(times):
        counts = {(COUNT % "OK").replace("a:8501", f"{pod}:8501"): steady(times * rate, 30)
                  for pod, rate in rates.items()}  # fmt: skip
        return {**counts, 'up{job="serving",instance="a:8501"}': "1x120"}

    assert ringing(rules, tmp_path, fleet(1.0), "24m") == set()
    assert ringing(rules, tmp_path, fleet(1.2), "24m") == {"ServingAbovePlan", "ServingOverCapacity"}


def test_an_overload_rings_although_the_servers_own_clock_sees_nothing(rules, tmp_path):
    """Offered 12,000/s, served 4,700/s: clients wait 10 s, the server's p99 stays inside, nothing is rejected."""
    assert ringing(rules, tmp_path, served(4700.0), "5m") == {"ServingOverCapacity"}


def test_a_flood_rings_also_where_the_server_answers_a_little_less_than_it_was_measured_to_carry(rules, tmp_path):
    """Measured at 1,800/s; flooded, on a slower node, it answers 1,700/s, whatever it is asked."""
    assert ringing(rules, tmp_path, served(1700.0), "5m") == {"ServingOverCapacity"}
    assert ringing(rules, tmp_path, served(1350.0), "5m") == set()


def test_the_history_of_a_real_overload_rings_what_clients_feel_and_not_what_the_server_says(tmp_path):
    """Scraped by a real Prometheus while a pod was asked for 1.6 times what it carries, after a calm minute.

    Its clients waited for most of a minute and more; its own p99 stayed inside the limit; scrapes and probes, which
    wait behind the predictions, failed now and then.
    """
    seen = json.loads((Path(__file__).parent / "overload_history.json").read_text())
    run = deployable_run.make(tmp_path / "run")
    plan = deploy.plan_of(run, deploy.IMAGE, Demand(5000.0))
    measured = {"rate_rps": Cited(seen["capacity_rps"], "drill"), "limit_ms": Cited(seen["limit_ms"], "drill")}
    sized = {"planned_rps": Cited(0.7 * seen["capacity_rps"], "drill"), "cpu_limit": Cited(seen["cores"], "drill")}
    plan = replace(plan, replica=replace(plan.replica, **measured), sizing=replace(plan.sizing, **sized))
    rules = tmp_path / "rules.yml"
    rules.write_text(bundle.render_only("monitoring/rules", context.of(plan))["monitoring/rules.yml"])
    assert ringing(rules, tmp_path, seen["series"], "45s") == set()
    late = ringing(rules, tmp_path, seen["series"], "4m")
    assert late >= {"ServingOverCapacity", "ServingProbeSlow"}
    assert not late & {"ServingP99OverLimit", "ServingDown", "ServingRejects"}


def test_a_probe_that_fails_more_often_than_not_rings_although_it_succeeds_now_and_then(rules, tmp_path):
    flapping = {**served(900.0), 'probe_success{job="serving-probe"}': "0 0 1 " * 26}
    assert ringing(rules, tmp_path, flapping, "6m") == {"ServingProbeFailed"}
    seldom = {**served(900.0), 'probe_success{job="serving-probe"}': "1 1 0 " * 26}
    assert ringing(rules, tmp_path, seldom, "6m") == set()


def test_a_client_that_waits_rings_although_the_rate_is_low(rules, tmp_path):
    slow = {**served(100.0), 'probe_success{job="serving-probe"}': "1x80",
            'probe_duration_seconds{job="serving-probe"}': "0.9x80"}  # fmt: skip
    assert ringing(rules, tmp_path, slow, "5m") == {"ServingProbeSlow"}


def test_throttling_and_a_full_cpu_ring_with_their_pod(rules, tmp_path):
    containers = {
        f"container_cpu_cfs_periods_total{PODS}": steady(10),
        f"container_cpu_cfs_throttled_periods_total{PODS}": steady(0.5),
        f"container_cpu_usage_seconds_total{PODS}": steady(1.9),
    }
    assert ringing(rules, tmp_path, {**served(900.0), **containers}, "12m") == {
        "ServingThrottled",
        "ServingCpuSaturated",
    }


def test_a_version_whose_first_load_failed_rings_although_the_series_is_born_at_one(rules, tmp_path):
    born = {**served(900.0), FAILED: "_x8 1x72"}
    assert ringing(rules, tmp_path, born, "1m") == set()
    assert ringing(rules, tmp_path, born, "4m") == {"ServingLoadFailed"}
    assert ringing(rules, tmp_path, born, "18m") == set()


def test_a_load_that_failed_long_ago_and_again_rings_again(rules, tmp_path):
    assert ringing(rules, tmp_path, {**served(900.0), FAILED: "1x60 2x20"}, "17m") == {"ServingLoadFailed"}


def test_a_full_queue_rings(rules, tmp_path):
    rejected = {**served(900.0), COUNT % "UNAVAILABLE": steady(3.0)}
    assert ringing(rules, tmp_path, rejected, "4m") == {"ServingRejects"}


@pytest.mark.parametrize("job", ["serving", "digits"])
def test_missing_metrics_ring_under_composes_and_under_the_operators_job_label(rules, tmp_path, job):
    gone = {f'up{{job="{job}",instance="a"}}': "1x20 0x60"}
    assert ringing(rules, tmp_path, gone, "4m") == set()
    assert ringing(rules, tmp_path, gone, "8m") == {"ServingNoMetrics"}


def test_down_is_told_from_busy(rules, tmp_path):
    gone = {'up{job="serving",instance="a"}': "1x20 0x60"}
    busy = {**gone, 'probe_success{job="serving-alive"}': "1x80"}
    down = {**gone, 'probe_success{job="serving-alive"}': "1x20 0x60"}
    assert ringing(rules, tmp_path, busy, "8m") == {"ServingNoMetrics"}
    assert ringing(rules, tmp_path, down, "8m") == {"ServingNoMetrics", "ServingDown"}


def test_late_and_failed_predictions_burn_the_promise(rules, tmp_path):
    late = served(900.0, inside_share=0.8)
    assert "ServingPromiseBurnsFast" in ringing(rules, tmp_path, late, "70m", every_s=60)
    failing = {**served(900.0), COUNT % "INTERNAL": steady(300.0)}
    assert "ServingPromiseBurnsFast" in ringing(rules, tmp_path, failing, "70m", every_s=60)
    slightly = served(900.0, inside_share=0.97)
    assert "ServingPromiseBurnsFast" not in ringing(rules, tmp_path, slightly, "70m", every_s=60)
