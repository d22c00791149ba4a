"""Requests of different lengths in one batch: export finds what the server's padding does to a model's answers."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import export_models
import numpy as np
import pytest
import zoo_models

from playbook.export import export
from playbook.serve import serve
from playbook.serve.client import predict_rest
from playbook.tfserving import ragged
from playbook.tfserving.batching import Batching
from playbook.tfserving.mergeable import padded, unbatchable
from playbook.tfserving.tensorflow import tensorflow


def bag(path: Path, how: str) -> Path:
    """Ids of any length: their mean; the mean of as many as `length` says; their largest; or one number a token."""
    tf = tensorflow()
    module = tf.Module()
    module.table = tf.Variable(zoo_models.weights(3, 50, 4))
    inputs = {"ids": ((None, None), "int32")}
    if how == "told":
        inputs["length"] = ((None,), "int32")

    def call(ids, length=None):
        rows = tf.gather(module.table, ids)
        if how == "told":
            seen = tf.cast(tf.sequence_mask(length, tf.shape(ids)[1]), tf.float32)[:, :, None]
            return {"y": tf.reduce_sum(rows * seen, 1) / tf.cast(length, tf.float32)[:, None]}
        reduced = {"mean": tf.reduce_mean, "largest": tf.reduce_max, "each": lambda one, axis: one[:, :, 0]}
        return {"y": reduced[how](rows, 1)}

    return export_models.save(path, call, inputs, module)


def rows_for(how: str, folder: Path) -> str:
    draw = np.random.default_rng(1)
    lines = []
    for length in draw.integers(2, 12, 40):
        ids = draw.integers(0, 50, length).tolist()
        lines.append(f'{{"ids": {ids}, "length": {length}}}' if how == "told" else f'{{"ids": {ids}}}')
    path = folder / f"{how}.jsonl"
    path.write_text("\n".join(lines) + "\n")
    return str(path)


@pytest.fixture(scope="module", params=["mean", "each", "told", "largest"])
def case(request, tmp_path_factory) -> tuple[str, export.Staged]:
    folder, how = tmp_path_factory.mktemp(request.param), request.param
    return how, export_models.build(folder / "run", bag(folder / "model", how), rows_file=rows_for(how, folder))


def test_padding_that_changes_answers_is_found_and_one_that_does_not_is_let_be(case) -> None:
    how, staged = case
    seen, doubts = staged.merged, " ".join(staged.held_out.warnings)
    assert seen["shapes"] == len(ragged.alike(staged.reference.inputs)) > 5
    assert "different shapes" in doubts
    assert ".staging" not in doubts
    exported = {"signature": "serving_default", "merging": seen}
    if how in ("mean", "each"):
        assert seen["changed_rows"] == seen["padded_rows"] > 20
        assert seen["outputs"] == ["y"]
        assert f"{seen['changed_rows']} of {seen['padded_rows']} rows" in doubts
        assert "changes the answers" in unbatchable(exported)
        assert not padded(exported)
    else:
        assert (seen["changed_rows"], seen["outputs"]) == (0, [])
        assert "keep their answers" in doubts
        assert unbatchable(exported) == ""
        assert padded(exported)


def test_the_server_pads_as_export_did(case) -> None:
    """Two requests of different lengths in one batch of a real server get the answers that export compared."""
    how, staged = case
    if how == "each":  # its answers grow with the padding; one kind of changed answers is enough
        return
    run_dir = staged.base.parents[1]
    export.publish_version(staged, run_dir)
    two = staged.reference.take(np.array([group[0] for group in ragged.alike(staged.reference.inputs)][:2]))
    batching = Batching(2, 2_000_000, num_batch_threads=1, pad_variable_length_inputs=True)
    with serve.running(serve.ServerSpec("m", staged.base, batching=batching), run_dir) as handle:
        ask = lambda number: predict_rest(handle, two.slice(number, number + 1).inputs, "serving_default", 30)  # noqa: E731
        with ThreadPoolExecutor(2) as pool:
            answers = np.concatenate([next(iter(one.values())) for one in pool.map(ask, (0, 1))])
    changed = ~np.isclose(answers, two.outputs["y"], rtol=1e-3, atol=1e-5).all(axis=1)
    assert changed.any() == (how == "mean")


def test_rows_that_the_server_cannot_pad_are_told_apart_from_those_that_answer_otherwise(tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"ids": [1, 2, 3]}\n{"ids": []}\n')
    total = lambda ids: {"n": tensorflow().reduce_sum(ids, 1)}  # noqa: E731
    model = export_models.save(tmp_path / "model", total, {"ids": ((None, None), "int32")})
    staged = export_models.build(tmp_path / "run", model, rows_file=str(rows))
    assert staged.reference.outputs["n"].tolist() == [6, 0]
    assert "'ids' is empty in some rows" in staged.merged["refused"]
    assert "leave batching off" in staged.held_out.warnings[-1]
    assert "padded ones cannot be answered" in unbatchable({"merging": staged.merged})
