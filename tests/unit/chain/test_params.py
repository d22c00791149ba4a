"""Parameters: a typo is refused before anything starts."""

from pathlib import Path

import nbformat
import pytest

from playbook.chain import params, ranges
from playbook.errors import ParameterError, RecordExists
from playbook.records import record, runs


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    cell = nbformat.v4.new_code_cell(
        "concurrency: list = [1]  # clients\nduration_s: float = 1.0  # s\nname: str = 'x'"
    )
    cell.metadata["tags"] = ["parameters"]
    path = tmp_path / "40_stress.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)
    return path


def test_each_notebook_gets_only_what_it_declares(notebook: Path) -> None:
    assert params.select({"concurrency": [2]}, [notebook]) == {notebook: {"concurrency": [2]}}


def test_an_unknown_name_is_refused_and_the_nearest_is_named(notebook: Path) -> None:
    with pytest.raises(ParameterError, match=r"'concurency'. Did you mean 'concurrency'\?"):
        params.select({"concurency": [2]}, [notebook])


@pytest.mark.parametrize(
    ("name", "value"), [("concurrency", 4), ("duration_s", "long"), ("duration_s", True), ("name", 7)]
)
def test_a_value_of_another_type_is_refused(notebook: Path, name: str, value: object) -> None:
    with pytest.raises(ParameterError, match=f"Parameter '{name}' must be of type"):
        params.select({name: value}, [notebook])


def test_a_list_that_papermill_passed_as_text_is_refused_with_the_option_that_passes_a_list(notebook: Path) -> None:
    with pytest.raises(ParameterError, match=r"papermill's -p passes text: -y '\{concurrency: \[4\]\}'"):
        params.select({"concurrency": "[4]"}, [notebook])
    with pytest.raises(ParameterError, match=r"'four' is a str\.$"):
        params.select({"concurrency": "four"}, [notebook])


def test_a_whole_number_will_do_for_a_float(notebook: Path) -> None:
    assert params.select({"duration_s": 3}, [notebook])[notebook] == {"duration_s": 3}


@pytest.mark.parametrize(
    ("text", "words"),
    [("a: [1", "is not YAML"), ("- a\n- b\n", "name: value"), ("just words", "name: value")],
)
def test_a_file_that_is_no_flat_yaml_is_refused_by_name(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "broken.yml"
    path.write_text(text)
    with pytest.raises(ParameterError, match=rf"broken\.yml.*{words}"):
        params.read(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=r"absent\.yml was expected"):
        params.read(tmp_path / "absent.yml")


def test_assignments_are_read_as_yaml() -> None:
    assert params.assignments(["a=[1, 2]", "b=true", "c=x=y"]) == {"a": [1, 2], "b": True, "c": "x=y"}
    assert params.assignments(["grpc_url="]) == {"grpc_url": ""}


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("model_name=2026-13-45", "is not a YAML value: month must be"),
        ("model_name=2026-11-27", "a date; a text, a number, true or false is expected"),
        ("space={2: [1]}", "has the key 2; a text is expected"),
        ("space=&me {of: *me}", "does it hold itself"),
        ("seed=" + "9" * 5000, "is not a YAML value: Exceeds the limit"),
        ("variants=" + "[" * 3000, "nested too deep|is not a YAML value"),
        ("variants=" + "[" * 20 + "]" * 20, "nested more than 8 deep"),
    ],
)
def test_what_yaml_makes_of_a_slip_is_refused_in_a_sentence(word: str, expected: str) -> None:
    with pytest.raises(ParameterError, match=expected):
        params.assignments([word])


def test_an_assignment_without_a_value_is_refused() -> None:
    with pytest.raises(ParameterError, match="NAME=VALUE"):
        params.assignments(["duration_s"])


def test_computed_defaults_are_refused(tmp_path: Path) -> None:
    cell = nbformat.v4.new_code_cell("a: int = 1\nb = a + 1")
    cell.metadata["tags"] = ["parameters"]
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), tmp_path / "n.ipynb")
    with pytest.raises(ParameterError, match="line 2"):
        params.declared(tmp_path / "n.ipynb")


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("duration_s", -1.0, "above 0"),
        ("duration_s", 0.0, "above 0"),
        ("concurrency", [0], "from 1"),
        ("concurrency", [1, "x"], "from 1"),
        ("rate_shares", [float("inf")], "above 0"),
        ("rate_shares", [float("nan")], "above 0"),
        ("headroom", 1.0, "from 0 to 0.95"),
        ("seed", -1, "from 0 to"),
        ("rest_api_port", 70_000, "from 0 to 65535"),
        ("probe_clients", 0, "from 1"),
        ("low_latency", {"max_batch_size": float("nan")}, "a finite number is expected"),
        ("max_error_share", 1.5, "from 0 to 1"),
        ("concurrency", [1] * 2_000_000, "at most 1,000"),
        ("variants", ["xla"] * 2_000_000, "at most 1,000"),
    ],
)
def test_a_number_out_of_its_range_is_refused_with_what_is_expected(name: str, value: object, expected: str) -> None:
    with pytest.raises(ParameterError, match=f"{name} .*{expected}"):
        params.check_values({name: value})


def test_every_range_is_of_a_parameter_there_is_and_every_default_is_inside() -> None:
    notebooks = [runs.NOTEBOOK_DIR / f"{name}.ipynb" for name in runs.NOTEBOOKS.values()]
    declared = {name: value for path in notebooks for name, (_, value) in params.declared(path).items()}
    assert set(ranges.RANGES) <= set(declared)
    params.check_values(declared)


def test_a_notebook_run_by_hand_is_told_of_a_wrong_type_as_the_chain_tells_it() -> None:
    defaults = {n: v for n, (_, v) in params.declared(runs.NOTEBOOK_DIR / "40_stress.ipynb").items()}
    with pytest.raises(ParameterError, match=r"'concurrency' must be of type list; '\[1, 2\]' is a str"):
        params.resolved("stress", defaults | {"concurrency": "[1, 2]"})


def test_a_notebook_whose_record_stands_is_refused_before_it_works(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(runs.NOTEBOOK_DIR)
    run = tmp_path / "run"
    for verb in ("serve", "analyze"):
        record.save(run, verb, params={}, results={}, verdict="")
        declared = params.declared(runs.NOTEBOOK_DIR / f"{runs.NOTEBOOKS[verb]}.ipynb")
        defaults = {name: value for name, (_, value) in declared.items()}
        if verb == "serve":
            with pytest.raises(RecordExists, match=r"serve.json stands already.*nothing was started"):
                params.resolved(verb, defaults | {"run_dir": str(run)})
        else:
            params.resolved(verb, defaults | {"run_dir": str(run)})


@pytest.mark.parametrize(
    ("asked", "sent"), [({}, 4), ({"rows_per_request": 8}, 8), ({"request_mix": [{"rows": 4}]}, 1)]
)
def test_a_model_that_takes_one_number_of_rows_is_sent_it_where_none_was_asked_for(tmp_path, asked, sent):
    values = {"run_dir": str(tmp_path), "rows_per_request": 1, "request_mix": []} | asked
    assert params.of_the_model(values)["rows_per_request"] == values["rows_per_request"]  # nothing is exported yet
    record.save(tmp_path, "export", params={}, results={"max_rows_per_request": 4}, verdict="")
    assert params.of_the_model(values)["rows_per_request"] == sent
