"""The model's own answers: as many rows as there is time for, in calls that memory can hold, in their order."""

import time

import numpy as np
import pytest

from playbook.errors import ModelError
from playbook.export import asked
from playbook.tfserving import ragged


def doubled(rows: dict) -> dict:
    return {"y": np.asarray(rows["x"]) * 2}


def test_a_slow_model_is_asked_for_fewer_rows_but_never_for_less_than_eight() -> None:
    def slow(rows: dict) -> dict:
        time.sleep(0.02 * len(rows["x"]))
        return doubled(rows)

    rows = {"x": np.arange(400.0)}
    few = asked.ask(slow, rows, None, budget_s=0.5)
    assert 8 <= len(few.inputs["x"]) <= 30
    assert few.outputs["y"].tolist() == (few.inputs["x"] * 2).tolist()
    assert len(asked.ask(slow, rows, None, budget_s=0.01).inputs["x"]) == 8
    assert len(asked.ask(doubled, rows, None).inputs["x"]) == 400


def test_calls_are_small_where_rows_are_large() -> None:
    calls = []

    def run(rows: dict) -> dict:
        calls.append(len(rows["x"]))
        return {"y": rows["x"][:, 0]}

    asked.ask(run, {"x": np.zeros((40, 1 << 20), np.uint8)}, None)
    assert max(calls) == asked.CALL_BYTES >> 20


def test_ragged_rows_are_answered_in_their_order() -> None:
    rows = {"x": ragged.column([np.full(n, n) for n in (3, 1, 2, 3, 1)])}
    answers = asked.ask(lambda part: {"sum": part["x"].sum(axis=1), "same": part["x"]}, rows, None)
    assert answers.outputs["sum"].tolist() == [9, 1, 4, 9, 1]
    assert [row.tolist() for row in answers.outputs["same"]] == [[3] * 3, [1], [2] * 2, [3] * 3, [1]]


def test_outputs_that_change_by_themselves_are_named() -> None:
    turn = iter(range(100))
    answers = asked.ask(lambda part: {"y": part["x"], "count": part["x"] * 0 + next(turn)}, {"x": np.ones(9)}, None)
    assert answers.unstable == ("count",)


def test_outputs_that_depend_on_the_rows_beside_are_named() -> None:
    def run(part: dict) -> dict:
        wide = np.zeros((len(part["x"]), int(part["x"].max()) + 1))
        noise = part["x"] * (1 + 1e-6 * len(part["x"]))  # sums in another order
        return {"y": noise, "share": part["x"] / part["x"].sum(), "padded": wide, "text": np.array([b"a"] * len(wide))}

    answers = asked.ask(run, {"x": np.arange(1.0, 10.0)}, None)
    assert answers.by_company == ("share", "padded")
    assert asked.ask(run, {"x": np.arange(1.0, 9.0)}, 4).by_company == ()  # such requests are of four rows always


def test_an_answer_without_a_row_for_each_row_is_refused() -> None:
    with pytest.raises(ModelError, match=r"answers 9 rows with y \(1,\): the first dimension is not the row"):
        asked.run_all(lambda part: {"y": np.zeros(1)}, {"x": np.ones(9)}, None, 64)
