"""TensorFlow Serving's knobs stand in one table; everything that lists them agrees with it."""

from dataclasses import fields
from pathlib import Path

import pytest

from model_server import flags as server_flags
from playbook import knobs
from playbook.chain import params
from playbook.errors import ParameterError
from playbook.records import tables
from playbook.serve.spec import ServerSpec, from_parameters
from playbook.tfserving.batching import Batching
from playbook.tfserving.config import NAMES, Config
from playbook.tfserving.flags import FLAGS
from playbook.tfserving.messages import MESSAGES

ROOT = Path(__file__).parents[3]
KINDS = {"a whole number": ("int32", "int64"), "true or false": ("bool",), "a number": ("float",), "text": ("string",)}
NOT_DEFAULT = {bool: True, int: 7, list: [7]}


def names_of(cls: type) -> set[str]:
    return {field.name for field in fields(cls)}


def test_every_list_of_knobs_follows_from_the_table() -> None:
    assert set(NAMES) == {*knobs.TUNED, "protocol"}
    assert names_of(Batching) == set(knobs.FIELDS)
    assert set(knobs.THREAD_FLAGS) <= names_of(ServerSpec)
    columns = {column.name: column for column in tables.TABLES["trials"]}
    assert set(knobs.TUNED) <= set(columns)
    assert columns["batch_timeout_micros"].unit == "us"
    message = {field.name for field in MESSAGES["BatchingParameters"].DESCRIPTOR.fields}
    assert set(knobs.FIELDS) == message - {"thread_pool_name"}
    assert set(knobs.BY_NAME) - set(knobs.FIELDS) <= set(FLAGS)


def test_the_serve_notebook_has_the_tuned_knobs_each_left_at_its_default() -> None:
    declared = params.declared(ROOT / "notebooks" / "20_serve.ipynb")
    for name in knobs.TUNED:
        kind, written = declared[name]
        knob = knobs.BY_NAME[name]
        assert (kind, written) == (knob.kind.__name__, knob.written), name
        assert knobs.chosen({name: written}) == {}
        assert knobs.chosen({name: NOT_DEFAULT[knob.kind]})


@pytest.mark.parametrize("notebook", sorted((ROOT / "notebooks").glob("[0-9]*.ipynb")), ids=lambda path: path.stem)
def test_a_knob_has_one_type_in_every_notebook(notebook: Path) -> None:
    for name, (kind, _) in params.declared(notebook).items():
        if name in knobs.BY_NAME:
            assert kind == knobs.BY_NAME[name].kind.__name__, name


def test_the_two_lists_of_the_servers_flags_are_equal() -> None:
    embedded = {flag.name: flag for flag in server_flags.FLAGS}
    assert set(embedded) == set(FLAGS)
    assert len(FLAGS) == 48
    for name, kind in FLAGS.items():
        assert embedded[name].type in KINDS[kind], name


def test_the_defaults_in_the_table_are_the_embedded_servers_own() -> None:
    embedded = {flag.name: flag.default for flag in server_flags.FLAGS}
    for name in ("enable_batching", "rest_api_num_threads", "grpc_max_threads"):
        assert knobs.default(name, server_flags.CPUS) == embedded[name]


@pytest.mark.parametrize("name", knobs.TUNED)
def test_a_configuration_at_its_defaults_is_spelled_one_way(name: str) -> None:
    written = knobs.BY_NAME[name].written
    assert Config.of({name: written}) == Config.of({name: None}) == Config()
    assert Config.of(Config().plain()) == Config()


def test_what_stands_for_a_default_never_reaches_the_server(tmp_path: Path) -> None:
    everything = {name: knobs.BY_NAME[name].written for name in knobs.TUNED} | {"enable_batching": True}
    spec = from_parameters({"model_name": "m", **everything}, tmp_path)
    assert spec.batching is not None
    assert spec.batching.text() == ""
    assert not [flag for flag in spec.flags(tmp_path, 8501, 8500) if any(name in flag for name in knobs.THREAD_FLAGS)]


def test_a_timeout_of_0_is_a_value_and_an_inter_op_of_minus_1_too(tmp_path: Path) -> None:
    asked = {"enable_batching": True, "batch_timeout_micros": 0, "tensorflow_inter_op_parallelism": -1}
    spec = from_parameters({"model_name": "m", **asked}, tmp_path)
    assert spec.batching.text() == "batch_timeout_micros { value: 0 }\n"
    assert "--tensorflow_inter_op_parallelism=-1" in spec.flags(tmp_path, 8501, 8500)


WRONG = {
    "max_batch_size": [-1, 2.5, "32", True, [8]],
    "num_batch_threads": [-1],
    "batch_timeout_micros": [-2, None, 0.5][:1],
    "allowed_batch_sizes": [8, [0, 8], ["8"], [True]],
    "rest_api_num_threads": [1, -4],
    "enable_batching": ["yes", 1],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in WRONG.items() for value in values])
def test_a_value_the_server_cannot_work_with_is_refused_before_it_starts(name, value, tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=rf"{name} is .* expected"):
        from_parameters({"model_name": "m", "enable_batching": True, name: value}, tmp_path)


def test_the_value_in_force_is_the_one_set_or_the_servers_own() -> None:
    config = Config(max_batch_size=32)
    assert config.effective("max_batch_size") == 32
    assert config.effective("max_enqueued_batches") == 10
    assert config.effective("rest_api_num_threads", 2) == 8
    assert config.effective("num_batch_threads") is None


def test_large_requests_are_split_only_where_the_server_could_load_that() -> None:
    split = {"enable_batching": True, "enable_large_batch_splitting": True}
    assert "needs max_batch_size" in Config.of(split).contradictions()[0]
    above = Config.of({**split, "max_batch_size": 32, "max_execution_batch_size": 64})
    assert above.contradictions() == ["max_execution_batch_size=64 must be max_batch_size=32 or less"]
    good = Config.of({**split, "max_batch_size": 64, "max_execution_batch_size": 16})
    assert not good.contradictions()
    assert good.effective("max_execution_batch_size") == 16
    unsplit = Config.of({**good.plain(), "enable_large_batch_splitting": False})
    assert unsplit.effective("max_execution_batch_size") == 64
    assert unsplit.tidy() == Config(enable_batching=True, max_batch_size=64)
