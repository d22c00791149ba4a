"""Search: the space, the frontier, the budget, the memory of a killed search."""

from dataclasses import replace

import optuna
import pytest

from playbook.errors import ParameterError, ServerDied, ServerHung, VersionChanged
from playbook.tfserving.config import DEFAULT, Config, expand
from playbook.tune.memory import Memory
from playbook.tune.search import Budget, frontier, search

SPACE = {
    "enable_batching": [False, True],
    "max_batch_size": [8, 32, 128],
    "batch_timeout_micros": [0, 1000, 5000],
    "rest_api_num_threads": [0, 65],
}


def worth(config: Config) -> float:
    if not config.enable_batching:
        return 100.0
    return 150.0 + config.max_batch_size - config.batch_timeout_micros / 100 + (config.rest_api_num_threads or 0)


class Counting:
    """A measure that counts its calls and fails where it is told to."""

    def __init__(self, failing=lambda config: False):
        self.seen, self.failing = [], failing

    def __call__(self, config):
        self.seen.append(config)
        if self.failing(config):
            raise ServerDied("the server ended")
        return {"score": worth(config)}


def test_a_space_holds_no_configuration_twice():
    configs = expand(SPACE)
    assert len(configs) == len(set(configs)) == 2 + 3 * 3 * 2
    assert configs.count(DEFAULT) == 1


@pytest.mark.parametrize(
    ("space", "named"),
    [
        ({"enable_batching": [True], "max_batch_size": [32], "allowed_batch_sizes": [[8, 16]]}, "allowed_batch_sizes"),
        ({"rest_api_num_threads": [1, 8]}, "rest_api_num_threads is 1; .* freezes REST"),
        ({"num_batch_threads": [-1], "enable_batching": [True]}, "num_batch_threads is -1; a whole number from 1"),
        ({"max_batchsize": [32]}, "max_batchsize"),
        ({"max_batch_size": []}, "max_batch_size"),
        ({"protocol": ["soap"]}, "soap"),
    ],
)
def test_a_space_that_contradicts_itself_is_refused_by_name(space, named):
    with pytest.raises(ParameterError, match=named):
        expand(space)


def test_the_frontier_keeps_the_simpler_of_two_that_behave_alike():
    simple, twin, slow = (Config(rest_api_num_threads=n) for n in (65, 66, 9))
    twin = Config(rest_api_num_threads=66, grpc_max_threads=8)
    predicted = {twin: (101.0, 4.0), simple: (100.0, 4.0), slow: (50.0, 4.0)}
    assert frontier(predicted, 5) == [simple, slow]


def test_threads_of_tensorflow_that_cannot_act_are_no_further_configuration():
    space = {"tensorflow_intra_op_parallelism": [0, 1], "tensorflow_inter_op_parallelism": [0, -1]}
    assert [config.words() for config in expand(space)] == [
        "the default flags",
        "tensorflow_intra_op_parallelism=1",
        "tensorflow_intra_op_parallelism=1, tensorflow_inter_op_parallelism=-1",
    ]


def test_what_no_prediction_tells_from_the_best_is_measured_though_patience_is_at_its_end():
    order = sorted(expand(SPACE), key=worth, reverse=True)
    threads = lambda best: [best, replace(best, tensorflow_intra_op_parallelism=1)]  # noqa: E731
    found = search(SPACE, Counting(), first=order, unseen=threads, budget=Budget(trials=50, patience=4))
    assert [t.source for t in found.trials] == ["frontier"] * 5 + ["unseen"]
    assert found.trials[-1].config == replace(order[0], tensorflow_intra_op_parallelism=1)
    assert "nothing was gained" in found.stopped
    short = search(SPACE, Counting(), first=order, unseen=threads, budget=Budget(trials=3))
    assert [t.source for t in short.trials] == ["frontier"] * 3


def test_the_grid_finds_the_best_of_everything():
    measure = Counting()
    found = search(SPACE, measure, first=[DEFAULT], kind="grid", budget=Budget(trials=1000))
    assert found.best.score == max(map(worth, expand(SPACE)))
    assert len(measure.seen) == len(expand(SPACE))


def test_simulate_measures_only_what_it_was_given_and_stops_when_nothing_is_gained():
    order = sorted(expand(SPACE), key=worth, reverse=True)
    measure = Counting()
    found = search(SPACE, measure, first=[DEFAULT, *order], budget=Budget(trials=50, patience=4))
    assert measure.seen == [DEFAULT, *order[:5]]
    assert "nothing was gained over the last 4 trials" in found.stopped


def test_optuna_goes_on_where_the_frontier_ends(tmp_path):
    measure = Counting()
    budget = Budget(trials=9, patience=100)
    found = search(SPACE, measure, first=[DEFAULT], kind="optuna", budget=budget, storage=tmp_path / "s.db")
    assert [t.source for t in found.trials] == ["default"] + ["optuna"] * 8
    assert len(set(measure.seen)) == len(measure.seen) == 9


def test_a_killed_search_resumes_without_measuring_again(tmp_path):
    class Killed(Exception):
        pass

    def dying(config):
        if len(measure.seen) == 4:
            raise Killed
        return measure(config)

    measure, order = Counting(), expand(SPACE)
    storage, budget = tmp_path / "tune.db", Budget(trials=8, patience=100)
    with pytest.raises(Killed):
        search(SPACE, dying, first=order, budget=budget, storage=storage)
    found = search(SPACE, measure, first=order, budget=budget, storage=storage)
    assert found.resumed == 4
    assert measure.seen == order[:8]


@pytest.mark.parametrize("error", [ServerHung, VersionChanged])
def test_a_server_that_hangs_or_another_model_ends_the_search_for_it_is_no_matter_of_a_configuration(error):
    def fails(config):
        raise error("whatever the configuration")

    with pytest.raises(error):
        search(SPACE, fails, first=[DEFAULT])


def test_a_server_that_dies_makes_a_failed_trial_and_the_search_goes_on(tmp_path):
    measure = Counting(failing=lambda config: config.max_batch_size == 128)
    found = search(SPACE, measure, kind="grid", budget=Budget(trials=100), storage=tmp_path / "s.db")
    failed = [t for t in found.trials if t.error]
    assert {t.config.max_batch_size for t in failed} == {128}
    assert all("the server ended" in t.error for t in failed)
    assert found.best.config.max_batch_size == 32


def test_an_unknown_search_is_refused():
    with pytest.raises(ParameterError, match="'random'"):
        search(SPACE, Counting(), kind="random")


def test_a_study_is_told_what_was_measured(tmp_path):
    search(SPACE, Counting(), first=[DEFAULT], budget=Budget(trials=3), storage=tmp_path / "s.db")
    study = optuna.load_study(study_name="tune", storage=f"sqlite:///{tmp_path / 's.db'}")
    assert study.best_value == 100.0


def test_memory_is_kept_for_one_plan_and_forgotten_when_it_is_finished(tmp_path):
    beside = tmp_path / "study.db"
    path = tmp_path / "memory.json"
    assert Memory(path, {"a": 1}).recall("x", lambda: 7) == 7
    beside.touch()
    memory = Memory(path, {"a": 1}, (beside,))
    assert memory.recall("x", lambda: 8) == 7
    assert beside.exists()
    memory.finish()
    assert Memory(path, {"a": 1}, (beside,)).recall("x", lambda: 9) == 9
    assert not beside.exists()
    assert Memory(path, {"a": 2}).recall("x", lambda: 10) == 10
