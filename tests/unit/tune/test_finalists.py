"""The best few trials are measured again in turns, and their medians decide."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from playbook.errors import ServerDied
from playbook.promise import Promise
from playbook.stress.load import Load
from playbook.tfserving.config import Config
from playbook.tune.memory import Memory
from playbook.tune.objective import Objective
from playbook.tune.plan import TuningPlan
from playbook.tune.search import SearchResult, Trial
from playbook.tune.steps import Tuning
from playbook.tune.timetable import timetable
from playbook.tune.timing import Timing

ONE, TWO, THREE, FOUR = (Config(enable_batching=True, max_batch_size=size) for size in (8, 16, 32, 64))


class Scripted(Tuning):
    """Tuning whose further measurements are written down: rates by configuration; None is a server that dies."""

    def __init__(self, folder, further: dict[Config, list[float | None]], **plan):
        made = TuningPlan({}, Objective(Promise(50.0)), **plan)
        bar = SimpleNamespace(update=lambda *_: None, total=1.0)
        table = timetable(made, Load(), Timing(1.0, 1, 5.0), budget_s=3600.0)
        super().__init__(SimpleNamespace(deaths=[]), table, bar, Memory(folder / "memory.json", "plan"))
        self.further, self.asked = {config: iter(rates) for config, rates in further.items()}, []

    def serving(self, config):
        self.asked.append(config)
        return next(self.further[config])

    def value(self, server, guess_rps):
        if server is None:
            raise ServerDied("the server ended")
        return told(server)


def told(rate: float | None) -> dict:
    return {"score": rate, "rate_rps": rate, "kept": True}


def found(**rates: float | None) -> SearchResult:
    configs = {"one": ONE, "two": TWO, "three": THREE, "four": FOUR}
    trials = [Trial(n, configs[name], "frontier", r, told(r)) for n, (name, r) in enumerate(rates.items())]
    return SearchResult(trials, "every chosen configuration was measured", 0)


def test_a_lucky_window_does_not_win(tmp_path):
    tuning = Scripted(tmp_path, {ONE: [800.0, 850.0], TWO: [970.0, 990.0]})
    final = tuning.final(found(one=1000.0, two=950.0, three=500.0))
    assert (final.best.config, final.best.score) == (TWO, 970.0)
    assert [trial.score for trial in final.trials] == [850.0, 970.0, 500.0]
    assert tuning.asked == [TWO, ONE, ONE, TWO]
    assert tuning.known[TWO]["rate_rps"] == 970.0


def test_who_was_measured_once_does_not_win_over_those_measured_three_times(tmp_path):
    tuning = Scripted(tmp_path, {ONE: [800.0, 800.0], TWO: [850.0, 850.0]}, finalists=2)
    final = tuning.final(found(one=1000.0, two=990.0, three=980.0))
    assert final.finalists == (ONE, TWO)
    assert (final.best.config, final.best.score) == (TWO, 850.0)


@pytest.mark.parametrize("rates", [{"one": 1000.0, "two": 800.0}, {"one": 1000.0}, {"one": None}, {"one": 0.0}])
def test_where_none_is_near_the_best_nothing_is_measured_again(tmp_path, rates):
    before = found(**rates)
    assert Scripted(tmp_path, {}).final(before) == before


def test_finalists_zero_leaves_it_out(tmp_path):
    before = found(one=1000.0, two=990.0)
    assert Scripted(tmp_path, {}, finalists=0).final(before) == before


def test_a_server_that_dies_in_a_final_has_kept_nothing_and_the_search_goes_on(tmp_path):
    tuning = Scripted(tmp_path, {ONE: [None, None], TWO: [None, 940.0]})
    final = tuning.final(found(one=1000.0, two=950.0))
    assert [trial.score for trial in final.trials] == [0.0, 940.0]
    assert final.best.config == TWO


def test_what_was_measured_again_before_a_kill_is_not_measured_a_third_time(tmp_path):
    Scripted(tmp_path, {ONE: [900.0, 900.0], TWO: [990.0, 980.0]}).final(found(one=1000.0, two=950.0))
    again = Scripted(tmp_path, {}).final(found(one=1000.0, two=950.0))
    assert (again.best.config, again.best.score) == (TWO, 980.0)
    assert replace(again, finalists=()).best.score == 980.0


def test_where_every_finalist_dies_the_best_of_the_others_is_told(tmp_path):
    tuning = Scripted(tmp_path, {ONE: [None, None], TWO: [None, None]})
    final = tuning.final(found(one=1000.0, two=950.0, three=500.0))
    assert (final.best.config, final.best.score) == (THREE, 500.0)
