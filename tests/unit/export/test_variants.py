"""Other forms of a model answer as it does, within what is stated, or say why they are not there."""

from pathlib import Path

import export_models
import numpy as np
import pytest
from export_models import build, copy_of, trained

from playbook.errors import ParameterError
from playbook.export import export, freeze, variant_views, variants
from playbook.export.savedmodel import Loaded
from playbook.serve import client, serve
from playbook.tfserving import signatures

ALL = list(variants.FORMS)


@pytest.fixture(scope="module")
def staged(tmp_path_factory: pytest.TempPathFactory) -> export.Staged:
    return copy_of(trained("digits_mlp"), tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def rows(staged: export.Staged) -> dict[str, dict]:
    measured = variants.measure(staged, ALL, [1, 16], 0.3)
    return {row["name"]: row for row in measured}


def test_every_form_of_the_default_model_is_built_and_measured(rows: dict[str, dict]) -> None:
    assert {name: row["reason"] for name, row in rows.items()} == dict.fromkeys(ALL)
    for row in rows.values():
        assert set(row["latency_ms"]) == {"1", "16"}
        assert row["size_bytes"] > 0
        assert row["load_s"] > 0
        assert row["first_ms"] > 0
        assert row["quality"]["value"] >= 0.95


def test_differences_are_as_large_as_the_form_explains(rows: dict[str, dict]) -> None:
    worst = {name: row["max_abs_diff"] for name, row in rows.items()}
    assert worst["as_trained"] == 0
    assert worst["inference"] <= 1e-6
    assert worst["xla"] <= 1e-5
    assert 0 < worst["float16"] < worst["bfloat16"] < 0.02
    assert 0 < worst["int8"] < 0.1


def test_each_form_is_as_small_as_it_should_be(rows: dict[str, dict]) -> None:
    size = {name: row["size_bytes"] for name, row in rows.items()}
    weights = (784 * 128 + 128 * 10) * 4
    assert size["as_trained"] > 3 * weights  # the optimizer's two slots are still in it
    assert weights < size["inference"] < 1.1 * weights
    assert size["float16"] < 0.55 * size["inference"]
    assert size["bfloat16"] < 0.55 * size["inference"]
    assert size["int8"] < 0.3 * size["inference"]


def test_dropout_and_variables_are_gone_from_the_inference_form(staged: export.Staged) -> None:
    before = {node.op for f in _graph(staged.path).library.function for node in f.node_def}
    assert {"If", "StatelessRandomUniformV2"} & before
    after = {node.op for node in freeze.freeze(staged.path, ["serving_default"]).graph_def.node}
    assert after == {"Placeholder", "Const", "MatMul", "BiasAdd", "Relu", "Softmax", "Identity"}


def test_signatures_nobody_asked_for_are_pruned(tmp_path: Path) -> None:
    model = export_models.half_plus_two(tmp_path / "model")
    staged = build(tmp_path / "run", model)
    (row,) = variants.measure(staged, ["inference"], [1], 0.02)
    assert [one.name for one in signatures.read(staged.path.parent / "inference")] == ["serving_default"]
    assert row["max_abs_diff"] == 0
    keeping = build(tmp_path / "run", model)
    variants.measure(keeping, ["inference"], [1], 0.02, ["regress_x_to_y"])
    kept = {one.name: one.method for one in signatures.read(keeping.path.parent / "inference")}
    assert kept == {"serving_default": "Predict", "regress_x_to_y": "Regress"}


def test_a_form_that_cannot_be_built_says_why_and_the_others_are_measured(tmp_path: Path) -> None:
    staged = copy_of(trained("digits_bytes"), tmp_path)
    rows = {row["name"]: row for row in variants.measure(staged, ["inference", "xla", "int8"], [1], 0.02)}
    assert rows["inference"]["reason"] is None
    assert "XLA does not compile the loops or branches" in rows["xla"]["reason"]
    assert rows["int8"]["reason"] == "TFLite has no 8-bit form of DecodeJpeg, DecodePng, ResizeBilinear, Substr"
    assert variants.recommend(list(rows.values()), 1e-3) == "inference"
    table = variant_views.table(list(rows.values()), "inference")
    assert "| **inference** |" in table
    assert "not built: TFLite has no 8-bit form of DecodeJpeg" in table


def test_tables_that_an_initialiser_fills_are_said_not_to_freeze(tmp_path: Path) -> None:
    model = export_models.with_vocabulary(tmp_path / "model", tmp_path / "words.txt")
    (tmp_path / "rows.jsonl").write_text('"one"\n"two"\n')
    staged = build(tmp_path / "run", model, rows_file=str(tmp_path / "rows.jsonl"))
    rows = {row["name"]: row for row in variants.measure(staged, ["as_trained", "inference"], [1], 0.02)}
    assert rows["as_trained"]["max_abs_diff"] == 0
    assert rows["inference"]["reason"]
    assert rows["inference"]["latency_ms"] == {}


def test_text_answers_survive_freezing(tmp_path: Path) -> None:
    staged = copy_of(trained("wine_classify"), tmp_path)
    (row,) = variants.measure(staged, ["inference"], [1], 0.02)
    assert row["max_abs_diff"] is not None
    assert row["max_abs_diff"] <= 1e-6


def row_of(name: str, ms: float, size: int, difference: float | None = 0.0, needs: str | None = None) -> dict:
    return {"name": name, "latency_ms": {"1": ms}, "size_bytes": size, "max_abs_diff": difference, "needs": needs}


def test_the_fastest_inside_the_tolerance_is_recommended() -> None:
    slow, fast, wrong = row_of("slow", 2.0, 10), row_of("fast", 1.0, 99), row_of("wrong", 0.1, 1, 0.5)
    assert variants.recommend([slow, fast, wrong], 1e-3) == "fast"
    assert variants.recommend([slow, fast, wrong], 1.0) == "wrong"


def test_of_equally_fast_forms_the_smaller_is_recommended() -> None:
    assert variants.recommend([row_of("large", 1.0, 99), row_of("small", 1.04, 10)], 0) == "small"
    assert variants.recommend([row_of("large", 1.0, 99), row_of("small", 1.06, 10)], 0) == "large"


def test_a_form_that_needs_a_flag_or_answers_other_text_is_not_recommended() -> None:
    assert variants.recommend([row_of("flag", 1.0, 1, needs="--x"), row_of("text", 1.0, 1, None)], 1.0) is None


def test_the_form_asked_for_is_published(tmp_path: Path) -> None:
    staged = copy_of(trained("digits_mlp"), tmp_path / "run")
    rows = variants.measure(staged, ["as_trained", "float16"], [1], 0.02)
    chosen = variants.choose(staged, rows, "float16", None)
    export.add_warmup(chosen, [1, 2])
    version = export.publish_version(chosen, tmp_path / "run")
    published = tmp_path / "run" / "models" / "m" / str(version)
    assert (published / "saved_model.pb").stat().st_size < 250_000
    with Loaded(published) as loaded:
        answers = loaded.run(loaded.signatures[0], chosen.reference.inputs)
    assert (answers["probabilities"] == chosen.reference.outputs["probabilities"]).all()
    assert np.abs(chosen.reference.outputs["probabilities"] - staged.reference.outputs["probabilities"]).max() > 0


def test_a_server_told_to_serves_the_8_bit_form_and_otherwise_the_graph(tmp_path: Path) -> None:
    staged = copy_of(trained("digits_mlp"), tmp_path / "run")
    rows = variants.measure(staged, ["int8"], [1], 0.02)
    export.publish_version(variants.choose(staged, rows, "int8", None), tmp_path / "run")
    asked = staged.reference.slice(0, 64)
    for flag, least, most in (("--prefer_tflite_model=true", 1e-3, rows[0]["max_abs_diff"] + 1e-6), ("", 0, 1e-5)):
        spec = serve.ServerSpec("m", staged.base, extra_flags=(flag,) if flag else ())
        with serve.running(spec, tmp_path / "run") as handle:
            (answers,) = client.predict_rest(handle, asked.inputs).values()
        assert least <= np.abs(answers - asked.outputs["probabilities"]).max() <= most


def test_a_form_that_was_not_measured_cannot_be_published(staged: export.Staged) -> None:
    with pytest.raises(ParameterError, match="publish_variant 'xla' cannot be published: it is not in `variants`"):
        variants.choose(staged, [], "xla", None)


def test_an_unknown_form_is_refused(staged: export.Staged) -> None:
    with pytest.raises(ParameterError, match="variants names int4; there are as_trained, inference"):
        variants.measure(staged, ["int4"], [1], 0.1)


def test_measuring_runs_on_one_thread(staged: export.Staged) -> None:
    from playbook.tfserving.tensorflow import tensorflow

    threading = tensorflow().config.threading
    assert (threading.get_intra_op_parallelism_threads(), threading.get_inter_op_parallelism_threads()) == (1, 1)


def _graph(path: Path):
    return signatures.meta_graph(path).graph_def
