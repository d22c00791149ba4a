"""Schedules: seeded, shared out without loss, and true to their rate."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from loadgen import Level, LevelError
from loadgen.arrivals import schedule
from loadgen.profiles import Profile, diurnal, parse, ramp, read_trace, spike, steps


def level(**changes):
    base = {"arrival": "poisson", "rate_rps": 1000.0, "duration_s": 20.0, "ramp_up_s": 0.0}
    return Level("http://127.0.0.1:1/", bodies=Path("bodies"), **{**base, **changes})


def test_the_same_seed_gives_the_same_schedule_and_another_seed_another():
    assert np.array_equal(schedule(level(seed=3)), schedule(level(seed=3)))
    assert not np.array_equal(schedule(level(seed=3))[:100], schedule(level(seed=4))[:100])


def test_poisson_gaps_are_exponential():
    from scipy.stats import kstest

    gaps_s = np.diff(schedule(level())) / 1e9
    assert gaps_s.mean() == pytest.approx(1e-3, rel=0.03)
    assert kstest(gaps_s * 1000, "expon").pvalue > 0.01


def test_shares_of_several_workers_add_up_to_one_poisson_process():
    from scipy.stats import kstest

    shares = [schedule(level(processes=4), worker) for worker in range(4)]
    gaps_s = np.diff(np.sort(np.concatenate(shares))) / 1e9
    assert len(set(map(len, shares))) > 1
    assert gaps_s.mean() == pytest.approx(1e-3, rel=0.03)
    assert kstest(gaps_s * 1000, "expon").pvalue > 0.01


def test_constant_arrivals_are_evenly_spaced_however_many_workers_send_them():
    shares = [schedule(level(arrival="constant", processes=3), worker) for worker in range(3)]
    gaps_ns = np.diff(np.sort(np.concatenate(shares)))
    assert len(gaps_ns) == 20 * 1000 - 1
    assert gaps_ns == pytest.approx(1e6, abs=2)


def test_the_ramp_up_lies_before_the_window_and_carries_half_the_rate():
    due_s = schedule(level(ramp_up_s=10.0)) / 1e9
    assert due_s.min() >= -10.0
    assert np.count_nonzero(due_s < 0) == pytest.approx(5000, rel=0.06)
    assert np.count_nonzero(due_s >= 0) == pytest.approx(20000, rel=0.03)


def test_a_trace_of_timestamps_is_replayed_exactly_and_dealt_out_in_turn(tmp_path):
    times = tmp_path / "times.txt"
    times.write_text("# seconds\n0.5\n0.75\n1.0\n7.25\n99\n")
    traced = level(arrival="trace", trace=times, rate_rps=None)
    assert schedule(traced).tolist() == [500_000_000, 750_000_000, 1_000_000_000, 7_250_000_000]
    shares = [schedule(traced.with_(processes=2), worker).tolist() for worker in range(2)]
    assert sorted(shares[0] + shares[1]) == schedule(traced).tolist()


@pytest.mark.parametrize(
    ("profile", "where", "rate"),
    [
        (steps("100/400", 10), (12, 18), 400),
        (ramp(0, 200, 20), (9, 11), 100),
        (spike(50, 500, at_s=5, width_s=2), (5, 7), 500),
        (spike(50, 500, at_s=5, width_s=2), (8, 12), 50),
        (diurnal(10, 300, 20), (9, 11), 293),
    ],
)
def test_a_rate_profile_is_followed(profile, where, rate, tmp_path):
    path = profile.write(tmp_path / "profile.csv")
    counts = [
        np.count_nonzero((due >= where[0] * 1e9) & (due < where[1] * 1e9))
        for due in (schedule(level(arrival="trace", trace=path, rate_rps=None, seed=s)) for s in range(20))
    ]
    assert np.mean(counts) / (where[1] - where[0]) == pytest.approx(rate, rel=0.05)


def test_a_profile_may_be_written_in_place_of_a_file():
    assert isinstance(read_trace("spike:base=100,peak=1000,at_s=5,width_s=2"), Profile)
    assert parse("steps:rates=100/200,step_s=5").total() == pytest.approx(1500)


@pytest.mark.parametrize("text", ["spike:base=1", "steps:rates=a/b", "/no/such/file", "wave:height=3"])
def test_a_trace_that_cannot_be_read_is_refused_with_what_may_be(text):
    with pytest.raises(LevelError, match="trace"):
        read_trace(text)


@pytest.mark.parametrize("content", ["", "3\n2\n1\n", "1,2,3\n"])
def test_a_trace_file_must_be_ascending_with_one_or_two_columns(content, tmp_path):
    path = tmp_path / "trace.csv"
    path.write_text(content)
    with pytest.raises(LevelError, match="one or two columns"):
        read_trace(str(path))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"arrival": "closed"}, "concurrency"),
        ({"rate_rps": 0}, "rate_rps"),
        ({"arrival": "trace"}, "trace"),
        ({"protocol": "http3"}, "protocol"),
        ({"duration_s": 0}, "duration_s"),
        ({"check_share": 2}, "check_share"),
        ({"connections": 0}, "connections"),
        ({"processes": 0}, "processes"),
    ],
)
def test_a_level_that_cannot_be_held_names_the_field(changes, field):
    with pytest.raises(LevelError, match=field):
        level(**changes)


def test_a_level_survives_the_way_to_a_worker():
    there = level(cpus=(1,), seed=9, metrics_url="http://127.0.0.1:1/m")
    assert Level.from_json(there.to_json()) == there
