"""Rows of different shapes are kept, grouped into requests of rows that are alike, and come back as they went."""

import json
from pathlib import Path

import numpy as np
import pytest

from playbook.errors import ParameterError
from playbook.tfserving import ragged, warmup_file
from playbook.tfserving.reference import Reference
from playbook.tfserving.requests import write_bodies
from playbook.tfserving.signatures import Signature, Tensor

LENGTHS = (2, 3, 2, 5, 3, 2)
IDS = ragged.column([np.arange(n, dtype=np.int64) + 10 * n for n in LENGTHS])
NAMES = ragged.column([np.array([b"a\0", b"bc"][: n % 2 + 1], dtype=object) for n in LENGTHS])
ROWS = Reference("serving_default", {"ids": IDS}, {"sum": np.array([row.sum() for row in IDS]), "names": NAMES})


def test_rows_of_one_shape_are_a_plain_array() -> None:
    assert ragged.column([np.zeros(3), np.ones(3)]).shape == (2, 3)
    assert ragged.is_ragged(IDS)
    assert ragged.stacked(IDS[[0, 2, 5]]).tolist() == [[20, 21]] * 3


def test_each_request_holds_rows_that_are_alike_and_every_row_is_in_one() -> None:
    parts = list(ragged.parts({"ids": IDS}, 2))
    assert sorted(int(number) for part in parts for number in part) == list(range(6))
    assert all(len({LENGTHS[number] for number in part}) == 1 for part in parts)
    assert max(map(len, parts)) == 2


def test_a_request_of_exactly_so_many_rows_is_filled_up_from_its_own_shape() -> None:
    parts = [part.tolist() for part in ragged.parts({"ids": IDS}, 1, exactly=2)]
    assert parts == [[0, 2], [5, 0], [1, 4], [3, 3]]


def test_a_reference_of_ragged_rows_comes_back_from_disk(tmp_path: Path) -> None:
    Reference("s", ROWS.inputs, ROWS.outputs, 2, ("sum",)).save(tmp_path)
    kept = Reference.load(tmp_path)
    assert (kept.fixed_rows, kept.ignored, list(kept.compared)) == (2, ("sum",), ["names"])
    assert [row.tolist() for row in kept.inputs["ids"]] == [row.tolist() for row in IDS]
    assert kept.inputs["ids"][0].dtype == np.int64
    assert [row.tolist() for row in kept.outputs["names"]] == [row.tolist() for row in NAMES]


@pytest.mark.parametrize("rows", [1, 2])
def test_bodies_hold_rows_of_one_length_each(tmp_path: Path, rows: int) -> None:
    reference = Reference("serving_default", ROWS.inputs, {"sum": ROWS.outputs["sum"]})
    write_bodies(tmp_path / "bodies", reference, "rest", rows)
    bodies = sorted((tmp_path / "bodies").glob("*.body"))
    sent = [json.loads(body.read_bytes())["instances"] for body in bodies]
    assert all(len(instances) == rows and len({len(row) for row in instances}) == 1 for instances in sent)
    assert {len(row) for instances in sent for row in instances} == set(LENGTHS)
    for body, instances in zip(bodies, sent, strict=True):
        expected = json.loads(body.with_suffix(".expect").read_bytes())["predictions"]
        assert expected == [sum(row) for row in instances]
    if rows == 1:
        assert [len(instances[0]) for instances in sent] == list(LENGTHS)  # in the order of the file, not by length


def test_a_model_of_fixed_rows_is_not_asked_for_others(tmp_path: Path) -> None:
    fixed = Reference("s", {"x": np.zeros((8, 2))}, {"y": np.zeros(8)}, fixed_rows=8)
    with pytest.raises(ParameterError, match="takes requests of 8 rows and no others; rows_per_request is 1"):
        write_bodies(tmp_path / "bodies", fixed)
    write_bodies(tmp_path / "bodies", fixed, rows_per_request=8)
    assert len(list((tmp_path / "bodies").glob("*.body"))) == 1


def test_ignored_outputs_leave_nothing_to_compare_a_reply_with(tmp_path: Path) -> None:
    write_bodies(tmp_path / "bodies", Reference("s", {"x": np.zeros((4, 2))}, {"y": np.zeros(4)}, ignored=("y",)))
    assert not list((tmp_path / "bodies").glob("*.expect"))


def test_each_warm_up_request_holds_rows_of_one_length(tmp_path: Path) -> None:
    signature = Signature("s", "Predict", (Tensor("ids", "int64", (-1, -1)),), (Tensor("y", "int64", (-1,)),))
    (tmp_path / "assets.extra").mkdir()
    warmup_file.write(tmp_path, list(warmup_file.logs(signature, {"ids": IDS}, [1, 2, 4])))
    shapes = [warmup_file.request_of(log)[1]["ids"].shape for log in warmup_file.read(tmp_path)]
    assert [shape[0] for shape in shapes] == [1, 2, 4]
    assert {shape[1] for shape in shapes} == set(LENGTHS)
