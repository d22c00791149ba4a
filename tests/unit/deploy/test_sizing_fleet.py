"""Sizing: replicas, bounds and money follow from one measured replica; a day is simulated second by second."""

import time

import numpy as np
import pytest

from playbook.deploy import autoscaler, demand, fleet, fleet_figure, imbalance, policies, simulation, sizing
from playbook.deploy.replica import Replica
from playbook.errors import ParameterError
from playbook.records.cited import Cited


def replica(rate_rps=1000.0, saturation_rps=1200.0, cpus=2, start_s=5.0, **more):
    given = {name: Cited(value, f"test.{name}") for name, value in
             {"rate_rps": rate_rps, "saturation_rps": saturation_rps, "cpus": cpus, "start_s": start_s,
              "p99_ms": 40.0, "limit_ms": 50.0, "cpu_cores": 1.6, "memory_bytes": 300 * 2**20, "slowest_ms": 80.0,
              "server": "docker", **more}.items()}  # fmt: skip
    return Replica(config={}, tuned=True, **given)


def sized(target_rate_rps, headroom=0.3, min_replicas=2, one=None, connections_per_pod=0.0):
    """Behind a balancer that spreads requests, unless told."""
    wanted = sizing.Demand(target_rate_rps, headroom, min_replicas, connections_per_pod=connections_per_pod)
    return sizing.size(one or replica(), wanted)


def pods(**change):
    given = {"slo_rps": 1000.0, "saturation_rps": 1200.0, "target_rps": 700.0, "start_s": 30.0, "least": 2, "most": 50,
             "connections_per_pod": 0.0, "node_s": 0.0}  # fmt: skip
    return fleet.Pods(**{**given, **change})


def test_replicas_carry_the_target_at_the_planned_rate():
    assert sized(7000.0).replicas.value == 10
    assert sized(7001.0).replicas.value == 11
    assert sized(10.0).replicas.value == 2


def test_money_is_cores_times_price_over_predictions():
    now, double, fivefold = sized(7000.0).costs
    assert now["cost_per_hour"] == pytest.approx(10 * 2 * 0.04)
    assert now["cost_per_million"] == pytest.approx(0.8 / (7000 * 3600) * 1e6, rel=1e-3)
    assert (double["replicas"], fivefold["replicas"]) == (20, 50)


def test_the_autoscaler_aims_at_the_cpu_use_of_the_planned_rate():
    fleet_of = sized(7000.0)
    assert fleet_of.cpu_request.value == 2
    assert fleet_of.cpu_target_percent.value == 56  # 1.6 cores of 2 at the measured rate, less 30 %
    assert (fleet_of.min_replicas.value, fleet_of.max_replicas.value) == (4, 20)


def test_the_cpu_use_of_the_rehearsal_goes_before_that_of_other_flags():
    one = replica(planned_cpu_cores=0.9)
    assert sized(7000.0, one=one).cpu_target_percent.value == 45
    assert sized(7000.0, one=one).cpu_target_percent.source.startswith("test.planned_cpu_cores")


@pytest.mark.parametrize("target_rps", [100.0, 900.0, 1300.0, 2000.0, 2800.0, 5000.0, 7000.0])
def test_the_fleet_carries_its_target_with_one_replica_lost(target_rps):
    for headroom in (0.1, 0.3, 0.5):
        assert (sized(target_rps, headroom).replicas.value - 1) * 1000.0 >= target_rps
    assert sized(target_rps, min_replicas=1).replicas.value == -(-target_rps // 700.0)


def test_a_replica_more_for_the_lost_one_says_why():
    assert sized(2000.0).replicas.value == 3
    assert "and one to lose" in sized(1300.0 * 1.07, 0.3).replicas.source


@pytest.mark.parametrize("cpus", [1, 2, 1.5, 3])
def test_requests_equal_limits_in_whole_cores(cpus):
    fleet_of = sized(900.0, one=replica(cpus=cpus))
    assert fleet_of.cpu_request.value == fleet_of.cpu_limit.value == int(-(-cpus // 1))
    assert fleet_of.memory_request_mib.value == fleet_of.memory_limit_mib.value == 640


def test_pods_of_cores_that_the_server_left_idle_are_said_to_be_too_large():
    """As on a machine of sixteen cores, where the digits used 2.4 of the server's twelve."""
    (told,) = [text for text in sized(900.0, one=replica(cpus=12, cpu_cores=2.4)).warnings if "server_cpus" in text]
    assert told.startswith("The server used 2.4 of its 12 cores under load, and every pod asks for 12:")
    assert "server_cpus=[0, 1, 2]" in told
    busy = (replica(cpus=12, cpu_cores=7.0), replica(cpus=12, cpu_cores=2.0, planned_cpu_cores=7.0), replica(cpus=2))
    assert not any("server_cpus" in text for one in busy for text in sized(900.0, one=one).warnings)


def test_a_target_beyond_what_was_measured_is_extrapolated_with_a_loud_note():
    assert any(text.startswith("EXTRAPOLATED: 7,000") for text in sized(7000.0).warnings)
    assert not any(text.startswith("EXTRAPOLATED") for text in sized(900.0).warnings)


@pytest.mark.parametrize(
    "wrong",
    [
        {"target_rate_rps": 0.0},
        {"target_rate_rps": float("nan")},
        {"headroom": 1.0},
        {"min_replicas": 0},
        {"connections_per_pod": -1.0},
        {"connections_per_pod": float("inf")},
    ],
)
def test_a_demand_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(ParameterError):
        sizing.Demand(**{"target_rate_rps": 10.0, **wrong})


@pytest.mark.parametrize("name", ["flat", "diurnal", "spike"])
def test_a_built_in_day_peaks_at_the_target(name):
    rates = demand.profile(name, 5000.0)
    assert len(rates) == 86_400
    assert rates.max() == pytest.approx(5000.0, rel=1e-3)
    assert rates.min() > 0


def test_the_users_own_day_is_read_from_csv(tmp_path):
    path = tmp_path / "day.csv"
    path.write_text("second,rate_rps\n0,100\n10,200\n20,0\n")
    rates = demand.profile(str(path), 1.0)
    assert len(rates) == 21
    assert rates[5] == pytest.approx(150.0)


@pytest.mark.parametrize("text", ["0,1\n0,2\n", "0,-1\n1,2\n", "a,b\nc,d\n", "0\n", "0,1\n900000,1\n"])
def test_a_broken_csv_is_refused(tmp_path, text):
    path = tmp_path / "day.csv"
    path.write_text(text)
    with pytest.raises(ParameterError):
        demand.profile(str(path), 1.0)


def test_an_unknown_profile_is_refused():
    with pytest.raises(ParameterError, match="flat, diurnal, spike"):
        demand.profile("diurnale", 1.0)


def test_no_request_is_lost_or_invented():
    day = simulation.simulate(demand.profile("spike", 20_000.0), pods())
    left = day.offered.sum() - day.served.sum() - day.refused.sum()
    assert 0 <= left <= 50 * 1200 * 0.05
    assert (day.served <= day.ready * 1200).all()
    assert ((day.attained >= 0) & (day.attained <= 1)).all()


def test_p99_of_a_second_is_read_from_the_measured_curve():
    curve = ((0.0, 10.0), (500.0, 20.0), (1000.0, 45.0))
    day = simulation.simulate(np.full(600, 5000.0), pods(least=10, most=10, curve=curve))
    assert np.median(day.p99_ms) == pytest.approx(20.0, rel=0.02)
    over = simulation.simulate(np.full(600, 11_000.0), pods(least=10, most=10, curve=curve))
    assert over.p99_ms.min() >= 45.0
    assert np.isnan(simulation.simulate(np.full(60, 10.0), pods()).p99_ms).all()


def test_a_steady_load_keeps_the_promise_with_the_sized_replicas():
    day = simulation.simulate(np.full(3600, 6900.0), pods(least=10, most=10))
    assert day.attained.min() > 0.99
    assert day.refused.sum() == 0


def test_one_pod_too_few_breaks_it():
    day = simulation.simulate(np.full(3600, 6900.0), pods(least=6, most=6))
    assert day.attained.max() < 0.99
    assert day.attained.mean() < 0.8


def test_slower_pods_cost_more_seconds_in_a_spike():
    rates = demand.profile("spike", 20_000.0)
    fast, slow = (simulation.simulate(rates, pods(start_s=start_s)) for start_s in (5.0, 180.0))
    below = [(day.attained < 0.99).sum() for day in (fast, slow)]
    assert 0 < below[0] < below[1]
    assert fast.refused.sum() < slow.refused.sum()


def test_the_autoscaler_follows_the_rules_of_kubernetes():
    rates = np.concatenate([np.full(300, 1400.0), np.full(600, 14_000.0), np.full(900, 1400.0)])
    day = simulation.simulate(rates, pods())
    decisions = day.wanted[:: autoscaler.SYNC_S]
    up = decisions[1:] - decisions[:-1]
    assert (up <= np.maximum(decisions[:-1], 4)).all()
    assert day.wanted.max() <= 50
    first_up = int(np.argmax(day.wanted > day.wanted[0]))
    assert first_up >= 300 + autoscaler.METRIC_DELAY_S - autoscaler.SYNC_S
    ready_at = int(np.argmax(day.ready > day.ready[0]))
    assert ready_at == first_up + 30
    first_down = 900 + int(np.argmax(day.wanted[900:] < day.wanted[900]))
    assert first_down >= 900 + autoscaler.DOWN_WINDOW_S
    assert day.ready[-1] < day.ready.max()


def test_a_small_change_of_load_within_the_tolerance_changes_nothing():
    day = simulation.simulate(np.concatenate([np.full(600, 7000.0), np.full(600, 7400.0)]), pods(least=2))
    assert set(day.wanted) == {10.0}


def test_a_day_at_a_million_requests_a_second_takes_seconds():
    one, wanted = replica(), sizing.Demand(1e6, connections_per_pod=0.0)
    size = sizing.size(one, wanted)
    planned = fleet.Pods.planned(one, size, schedule_s=20.0)
    begun = time.perf_counter()
    day = simulation.simulate(demand.profile("diurnal", 1e6), planned)
    assert time.perf_counter() - begun < 5.0
    told = day.results(wanted, 2)
    assert told["requests"] > 5e10
    assert told["pods_max"] > 1000
    assert told["slo_attainment"] > 0.999
    assert told["cost_per_million"] == pytest.approx(told["cost"] / told["requests"] * 1e6)


def test_the_figure_of_a_day_is_drawn_and_described():
    planned = pods()
    picture = fleet_figure.day(simulation.simulate(np.full(7200, 3000.0), planned), planned, "flat")
    assert picture.png()[:4] == b"\x89PNG"
    assert "requests/s" in picture.alt


def test_eight_pods_and_64_connections_have_a_hottest_pod_of_one_and_a_half_times_the_mean():
    over = imbalance.twentieths(8, 8.0)
    assert over.mean() == pytest.approx(1.0)
    assert over[-1] == pytest.approx(imbalance.hottest(8, 8.0))
    assert over[-1] == pytest.approx(1.5, abs=0.05)
    assert (np.diff(over) > -1e-9).all()
    assert (imbalance.twentieths(8, 0.0) == 1.0).all()
    assert imbalance.twentieths(8, 1000.0)[-1] < 1.06


def test_a_large_fleet_need_not_spare_the_pods_that_get_half_a_percent_of_the_requests():
    over = imbalance.loads(1600, 8.0)
    spared = imbalance.hottest(1600, 8.0)
    assert spared < over[-1]
    assert over[over > spared].sum() / 1600 <= 0.005


@pytest.mark.parametrize("target_rps", [2000.0, 7000.0, 20_000.0, 100_000.0])
def test_the_sized_fleet_keeps_the_promise_however_its_connections_fall(target_rps):
    """Drawn anew two hundred times, each pod with its own number of connections: the planned fleet, at its target."""
    size = sized(target_rps, connections_per_pod=8.0)
    pods, random = size.replicas.value, np.random.default_rng(1)
    assert pods > size.replicas_balanced.value or target_rps == 2000.0
    connections = random.multinomial(8 * pods, np.full(pods, 1 / pods), size=200)
    loads_rps = target_rps * connections / (8 * pods)
    late = (np.where(loads_rps > 1000.0, loads_rps, 0.0).sum(axis=1) / target_rps) > 0.01
    assert late.mean() < 0.1, "pods above the measured rate get more requests than the promise may lose"
    blind = target_rps * random.multinomial(8 * pods, np.full(pods, 1 / pods), size=200) / (8 * pods)
    planned_evenly = blind * pods / size.replicas_balanced.value
    assert (planned_evenly.max(axis=1) > 1000.0).mean() > 0.3 or target_rps == 2000.0


def test_what_uneven_connections_cost_is_said_with_the_way_not_to_pay_it():
    size = sized(7000.0, connections_per_pod=8.0)
    (said,) = [text for text in size.warnings if "connections fall unevenly" in text]
    assert said.startswith(f"{size.replicas.value - 10} of the {size.replicas} replicas")
    assert "deploy with connections_per_pod 0" in said
    assert not any("unevenly" in text for text in sized(7000.0).warnings)
    assert sized(7000.0, connections_per_pod=0.0).replicas.value == size.replicas_balanced.value == 10
    assert sized(7000.0, connections_per_pod=400.0).replicas.value <= 11


def test_connections_that_fall_unevenly_cost_requests_that_an_even_balancer_serves_in_time():
    rates = np.full(3600, 7600.0)
    even, uneven = (simulation.simulate(rates, pods(least=10, most=10, connections_per_pod=c)) for c in (0.0, 8.0))
    assert even.attained.min() > 0.99
    assert uneven.attained.max() < 0.99


def test_queues_queue_until_the_client_gives_up():
    """1,300/s on a pod of 1,200/s: the wait grows by 1/12 s a second, and nothing is cut at the limit of 50 ms."""
    day = simulation.simulate(np.full(300, 1300.0), pods(least=1, most=1, timeout_s=10.0))
    assert day.refused[:60].sum() == 0
    assert day.refused[200:].sum() == pytest.approx(100 * 100, rel=0.3)
    assert day.attained[30:].max() == 0.0
    total = day.served.sum() + day.refused.sum()
    assert day.offered.sum() - total == pytest.approx(12_000, rel=0.01)


def test_what_waits_at_a_pod_stays_there_when_others_come():
    """One pod of 1,200/s has nine seconds of work waiting when a second comes, and 1,400/s go on arriving.

    The first gets 700/s and works its queue off at 500/s: 20 s and more, in which half of the requests are late. Had
    the newcomer taken half of the queue, it would be 10 s.
    """
    rates = np.concatenate([np.full(60, 500.0), np.full(1740, 1400.0)])
    lost = (fleet.Loss(60, 0.5),)
    day = simulation.simulate(rates, pods(least=2, most=2, start_s=40.0), losses=lost)
    ready = 60 + int(np.argmax(day.ready[61:] == 2)) + 1
    backlog = (day.offered - day.served - day.refused)[:ready].sum()
    late = int((day.attained[ready:] < 0.99).sum())
    assert day.ready[ready - 1] == 1
    assert late == pytest.approx(backlog / (1200 - 700), rel=0.15)
    assert day.attained[ready + 2 : ready + late - 3].mean() == pytest.approx(0.5, abs=0.05)


def test_a_lost_pod_comes_back_and_a_lost_zone_waits_for_nodes():
    rates = np.full(1800, 6400.0)
    losses = (fleet.Loss(300), fleet.Loss(900, 1 / 3, nodes_too=True))
    day = simulation.simulate(rates, pods(least=10, most=10, node_s=120.0), losses=losses)
    assert day.ready[299] == 10
    assert (day.ready[301:330] == 9).all()
    assert day.ready[331] == 10
    assert (day.ready[901:1050] == 6).all()
    assert day.ready[1051] == 10
    assert day.attained[310:325].min() > 0.99  # 6,400/s on nine pods of 1,000/s
    assert day.attained[960] < 0.99


def test_the_count_sized_for_a_lost_replica_keeps_the_promise_when_it_is_lost():
    for target in (900.0, 1300.0, 2000.0, 2700.0):
        replicas = sized(target).replicas.value
        day = simulation.simulate(np.full(300, target), pods(least=replicas, most=replicas, start_s=1000.0),
                                  losses=(fleet.Loss(100),))  # fmt: skip
        assert day.ready[-1] == replicas - 1
        assert day.attained[110:].mean() > 0.98


def test_the_contest_shows_each_policy_on_each_day_and_how_near_the_shipped_one_is():
    wanted = sizing.Demand(30_000.0)
    rows = policies.contest(replica(), sizing.size(replica(), wanted), wanted, schedule_s=20.0)
    kept = {row["day"]: row["slo_attainment"] for row in rows if row["policy"] == autoscaler.SHIPPED}
    assert kept["flat"] > policies.PROMISED_SHARE < kept["diurnal"], "eight connections a pod fall at random"
    assert {(row["day"], row["policy"]) for row in rows} == {
        (day, policy) for day in policies.DAYS for policy in autoscaler.WINDOWS_S
    }
    assert all(row["cost_over_best"] >= 1.0 for row in rows)
    near, sentence = policies.shipped(rows)
    assert near, sentence
    assert "within 5% on every day" in sentence
    assert "cpu (shipped)" in policies.table(rows)


def test_a_policy_that_is_cheapest_and_keeps_too_little_is_said_to():
    rows = [{"day": "flat", "policy": "cpu", "slo_attainment": 0.80, "cost": 10.0},
            {"day": "flat", "policy": "in_flight", "slo_attainment": 0.87, "cost": 30.0}]  # fmt: skip
    near, sentence = policies.shipped(policies.judged(rows))
    assert near
    assert "It keeps less than the 99% that are promised: flat 80.0% (in_flight 87.0%)." in sentence


def test_a_dearer_shipped_policy_is_said_to_be():
    rows = [{"day": "flat", "policy": "cpu", "slo_attainment": 0.999, "cost": 12.0},
            {"day": "flat", "policy": "requests", "slo_attainment": 0.9995, "cost": 10.0},
            {"day": "flat", "policy": "in_flight", "slo_attainment": 0.9, "cost": 1.0}]  # fmt: skip
    near, sentence = policies.shipped(policies.judged(rows))
    assert not near
    assert "flat 1.200" in sentence
