"""Other forms of a model answer as it does, within what is stated, or say why they are not there."""

import shutil
from dataclasses import replace
from pathlib import Path

import export_models
import numpy as np
import pytest
import zoo_models
from export_models import build, copy_of, trained

from playbook.errors import ParameterError
from playbook.export import asked, budget, differences, export, freeze, savedmodel, variant_views, variants, weights
from playbook.export.savedmodel import Loaded
from playbook.serve import client, serve
from playbook.tfserving import signatures

ALL = list(variants.FORMS)


def measure(staged: export.Staged, names: list[str], sizes: list[int], budget_s: float, keep=()) -> list[dict]:
    """Plan for these forms and sizes, whatever they cost, and measure them."""
    wishes = {"curve_batch_sizes": [1], "curve_s": 1.0, "variants": names, "variant_batch_sizes": sizes}
    plan = budget.make(budget.Cost(0.0, 1e-6), wishes | {"variant_s": 60.0, "warmup_sizes": [1]}, None, 512)
    return variants.measure(staged, plan, budget_s, keep)


@pytest.fixture(scope="module")
def staged(tmp_path_factory: pytest.TempPathFactory) -> export.Staged:
    return copy_of(trained("digits_mlp"), tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def rows(staged: export.Staged) -> dict[str, dict]:
    measured = measure(staged, ALL, [1, 16], 0.3)
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
    assert worst["as_trained"] <= 1e-6
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
    (row,) = measure(staged, ["inference"], [1], 0.02)
    assert [one.name for one in signatures.read(staged.path.parent / "inference")] == ["serving_default"]
    assert row["max_abs_diff"] == 0
    keeping = build(tmp_path / "run", model)
    measure(keeping, ["inference"], [1], 0.02, ["regress_x_to_y"])
    kept = {one.name: one.method for one in signatures.read(keeping.path.parent / "inference")}
    assert kept == {"serving_default": "Predict", "regress_x_to_y": "Regress"}


def test_a_form_that_cannot_be_built_says_why_and_the_others_are_measured(tmp_path: Path) -> None:
    staged = copy_of(trained("digits_bytes"), tmp_path)
    rows = {row["name"]: row for row in measure(staged, ["inference", "xla", "int8"], [1], 0.02)}
    assert rows["inference"]["reason"] is None
    assert "XLA does not compile the loops or branches" in rows["xla"]["reason"]
    lists = "TFLite does not convert TensorListFromTensor, in which loops gather their results"
    assert rows["int8"]["reason"] == lists  # asked for a map_fn of numbers, its calibrator ends the process
    assert differences.recommend(list(rows.values()), 1e-3) == "inference"
    table = variant_views.table(list(rows.values()), "inference")
    assert "| **inference** |" in table
    assert f"not built: {lists}" in table


def test_a_table_from_a_vocabulary_file_survives_freezing_and_moving(tmp_path: Path) -> None:
    model = export_models.with_vocabulary(tmp_path / "model", tmp_path / "words.txt")
    (tmp_path / "rows.jsonl").write_text('"one"\n"two"\n')
    staged = build(tmp_path / "run", model, rows_file=str(tmp_path / "rows.jsonl"))
    (row,) = measure(staged, ["inference"], [1], 0.02)
    assert (row["reason"], row["max_abs_diff"]) == (None, 0)
    (staged.path.parent / "inference").rename(tmp_path / "elsewhere")
    shutil.rmtree(staged.path)
    with Loaded(tmp_path / "elsewhere") as loaded:
        (answers,) = loaded.run(loaded.signatures[0], {"words": np.array([b"two", b"other"], dtype=object)}).values()
    assert answers.tolist() == [2, -1]


def test_a_variable_that_is_gathered_from_freezes(tmp_path: Path) -> None:
    staged = build(tmp_path / "run", export_models.gathering(tmp_path / "model", 50))
    row, half = measure(staged, ["inference", "float16"], [1], 0.02)
    assert (row["reason"], row["max_abs_diff"], half["reason"]) == (None, 0, None)
    assert staged.reference.inputs["ids"].max() > 8  # the whole table is asked, and nothing beyond it


def test_weights_that_no_graph_can_hold_are_said_and_the_model_as_trained_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(freeze, "MOST_BYTES", 50 * 20 * 4 - 1)
    staged = build(tmp_path / "run", export_models.gathering(tmp_path / "model", 50))
    trained_as, inference = measure(staged, ["as_trained", "inference"], [1], 0.02)
    assert trained_as["latency_ms"]
    assert "of variables do not fit into one graph, which ends at 2 GB" in inference["reason"]


def test_the_graph_is_frozen_once_for_all_forms(staged: export.Staged, monkeypatch: pytest.MonkeyPatch) -> None:
    calls, freezing = [], freeze.freeze
    monkeypatch.setattr(freeze, "freeze", lambda *given: (calls.append(given), freezing(*given))[1])
    measure(copy_of(staged, staged.base.parent / "once"), ["inference", "float16", "bfloat16"], [1], 0.02)
    assert len(calls) == 1


def test_text_answers_survive_freezing(tmp_path: Path) -> None:
    staged = copy_of(trained("wine_classify"), tmp_path)
    (row,) = measure(staged, ["inference"], [1], 0.02)
    assert row["max_abs_diff"] is not None
    assert row["max_abs_diff"] <= 1e-6


def row_of(name: str, ms: float, size: int, difference: float | None = 0.0, needs: str | None = None, **more) -> dict:
    row = {"name": name, "latency_ms": {"1": ms}, "round_ms": {"1": [ms] * 3}, "size_bytes": size, "needs": needs}
    return row | {"max_abs_diff": difference, "max_rel_diff": difference} | more


def test_a_gain_inside_the_scatter_recommends_nothing_new() -> None:
    trained = row_of("as_trained", 1.0, 99, round_ms={"1": [1.0, 1.2, 1.0]})
    lucky = row_of("float16", 0.9, 10, round_ms={"1": [0.8, 1.15, 0.99]})
    quick = row_of("inference", 0.6, 50, round_ms={"1": [0.5, 0.9, 0.6]})
    assert differences.recommend([trained, lucky], 1e-3) == "as_trained"
    assert differences.recommend([trained, lucky, quick], 1e-3) == "inference"


def test_tolerance_is_a_share_of_what_an_output_is_large() -> None:
    large, small = {"y": np.array([400.0, -3.0])}, {"y": np.array([1e-5, 2e-5])}
    assert differences.largest(large, {"y": large["y"] + 0.01}) == pytest.approx((0.01, 0.01 / 400))
    apart, share = differences.largest(small, {"y": small["y"] + 5e-6})
    assert (apart, share) == pytest.approx((5e-6, 0.25))
    assert differences.agrees({"max_abs_diff": 0.01, "max_rel_diff": 0.01 / 400}, 1e-3)
    assert not differences.agrees({"max_abs_diff": apart, "max_rel_diff": share}, 1e-3)
    broken = {"y": np.array([np.nan, -3.0])}
    assert differences.largest(large, broken) == (None, None)


def test_the_fastest_inside_the_tolerance_is_recommended() -> None:
    slow, fast, wrong = row_of("slow", 2.0, 10), row_of("fast", 1.0, 99), row_of("wrong", 0.1, 1, 0.5)
    assert differences.recommend([slow, fast, wrong], 1e-3) == "fast"
    assert differences.recommend([slow, fast, wrong], 1.0) == "wrong"


def test_of_equally_fast_forms_the_smaller_is_recommended() -> None:
    assert differences.recommend([row_of("large", 1.0, 99), row_of("small", 1.04, 10)], 0) == "small"
    assert differences.recommend([row_of("large", 1.0, 99), row_of("small", 1.06, 10)], 0) == "large"


def test_a_form_that_needs_a_flag_or_answers_other_text_is_not_recommended() -> None:
    assert differences.recommend([row_of("flag", 1.0, 1, needs="--x"), row_of("text", 1.0, 1, None)], 1.0) is None


def test_the_form_asked_for_is_published(tmp_path: Path) -> None:
    staged = copy_of(trained("digits_mlp"), tmp_path / "run")
    rows = measure(staged, ["as_trained", "float16"], [1], 0.02)
    chosen = variants.choose(staged, rows, "float16", None)
    export.add_warmup(chosen, [1, 2])
    version = export.publish_version(chosen, tmp_path / "run")
    published = tmp_path / "run" / "models" / "m" / str(version)
    assert (published / "saved_model.pb").stat().st_size < 250_000
    with Loaded(published) as loaded:
        answers = loaded.run(loaded.signatures[0], chosen.reference.inputs)
    assert np.allclose(answers["probabilities"], chosen.reference.outputs["probabilities"], atol=1e-6)
    assert np.abs(chosen.reference.outputs["probabilities"] - staged.reference.outputs["probabilities"]).max() > 0


def test_a_server_told_to_serves_the_8_bit_form_and_otherwise_the_graph(tmp_path: Path) -> None:
    staged = copy_of(trained("digits_mlp"), tmp_path / "run")
    rows = measure(staged, ["int8"], [1], 0.02)
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
        measure(staged, ["int4"], [1], 0.1)


def test_measuring_runs_on_one_thread(staged: export.Staged) -> None:
    from playbook.tfserving.tensorflow import tensorflow

    threading = tensorflow().config.threading
    assert (threading.get_intra_op_parallelism_threads(), threading.get_inter_op_parallelism_threads()) == (1, 1)


def _graph(path: Path):
    return signatures.meta_graph(path).graph_def


def test_a_weight_that_layers_share_stands_in_a_frozen_graph_once(tmp_path: Path) -> None:
    model = export_models.sharing(tmp_path / "model", width=300, uses=12)
    frozen = freeze.freeze(model, ["serving_default"])
    assert frozen.graph_def.ByteSize() < 1.5 * 300 * 300 * 4
    rows = measure(build(tmp_path / "run", model), ["as_trained", "inference", "float16"], [1], 0.1)
    assert all(row["reason"] is None for row in rows)
    assert differences.agrees(rows[1], 1e-5)


def test_a_state_that_a_run_writes_is_one_in_every_form_that_can_have_it(tmp_path: Path) -> None:
    staged = build(tmp_path / "run", export_models.counting(tmp_path / "model"), ignore_outputs=["asked"])
    rows = {row["name"]: row for row in measure(staged, ["as_trained", "inference", "float16", "xla"], [1], 0.02)}
    assert {name: row["reason"] for name, row in rows.items()} == dict.fromkeys(rows)
    for name in ("inference", "float16", "xla"):
        with Loaded(staged.path.parent / name) as loaded:
            (signature,) = loaded.signatures
            counts = [loaded.run(signature, {"x": np.zeros((1, 40), np.float32)})["asked"][0] for _ in range(3)]
        assert counts == [1, 2, 3]


@pytest.fixture
def few_bytes_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """The small models of the zoo are large ones here."""
    monkeypatch.setattr(weights, "LARGE_BYTES", 256)
    monkeypatch.setattr(weights, "MANY_BYTES", 512)
    monkeypatch.setattr(budget, "MANY_BYTES", 512)


def in_file(path: Path) -> int:
    return sum(file.stat().st_size for file in (path / "variables").glob("*.data*"))


@pytest.mark.parametrize("name", ["tokens", "reviews", "recurrent"])
def test_large_weights_stay_variables_in_every_form(name: str, tmp_path: Path, few_bytes_are_many: None) -> None:
    """Answers are the model's own, half-size ones are so in the file, and nothing is left beside the forms."""
    staged = build(tmp_path / "run", zoo_models.SMALL[name](tmp_path / "model"))
    rows = {row["name"]: row for row in measure(staged, ["as_trained", "inference", "float16", "xla"], [1, 2], 0.05)}
    place = staged.path.parent
    assert (rows["inference"]["reason"], rows["float16"]["reason"]) == (None, None)
    assert (rows["xla"]["reason"] is None) == (name == "tokens")
    assert all(differences.agrees(row, 0.01) for row in rows.values() if row["reason"] is None)
    ops = {node.op for node in _graph(place / "inference").node}
    assert "VarHandleOp" in ops
    assert in_file(place / "float16") < 0.65 * in_file(place / "inference")
    assert not list(place.glob(f"*{weights.FOLDER}"))
    with Loaded(place / "float16") as loaded:
        answers = asked.run_all(loaded.runner(loaded.signatures[0]), staged.reference.inputs, None, 8)
    assert 0 < differences.largest(staged.reference.outputs, answers)[1] < 0.01


def test_of_a_large_model_each_form_is_timed_between_parts_of_the_one_as_trained_and_one_is_open_at_a_time(
    tmp_path, few_bytes_are_many, monkeypatch
) -> None:
    open_now, most = list[int](), list[int]()

    class Counted(Loaded):
        def __enter__(self) -> Loaded:
            open_now.append(1)
            most.append(len(open_now))
            return super().__enter__()

        def __exit__(self, *raised: object) -> None:
            open_now.pop()
            super().__exit__(*raised)

    monkeypatch.setattr(savedmodel, "Loaded", Counted)
    staged = build(tmp_path / "run", zoo_models.tokens(tmp_path / "model"))
    wishes = {"curve_batch_sizes": [1], "curve_s": 1.0, "variants": ["as_trained", "inference", "bfloat16"]}
    wishes |= {"variant_batch_sizes": [1, 2], "variant_s": 60.0, "warmup_sizes": [1]}
    plan = budget.make(budget.Cost(0.0, 1e-6, mb=1.0), wishes, None, 512)
    assert plan.apart
    trained, *others = variants.measure(staged, plan, 0.05)
    assert [len(row["beside_ms"]["2"]) for row in others] == [budget.ROUNDS, budget.ROUNDS]
    assert trained["round_ms"] == others[0]["beside_ms"]
    assert (trained["beside_ms"], len(trained["latency_ms"])) == ({}, 2)
    assert (max(most), len(most) > 6) == (1, True)


def test_a_form_that_could_only_begin_long_after_the_plan_is_left_out_with_the_reason(staged: export.Staged) -> None:
    wishes = {"curve_batch_sizes": [1], "curve_s": 1.0, "variants": ["as_trained", "inference"]}
    wishes |= {"variant_batch_sizes": [1], "variant_s": 0.1, "warmup_sizes": [1]}
    plan = budget.make(budget.Cost(0.0, 1e-6), wishes, None, 512)
    late = replace(plan, building_s=-plan.variant_s - variants.LATE_S)  # its time is over as it begins
    trained, form = variants.measure(staged, late, 0.05)
    assert (trained["reason"], form["latency_ms"]) == (None, {})
    assert form["reason"].startswith("left out: the plan's")


def test_a_form_of_a_large_model_is_told_by_what_the_model_took_beside_it() -> None:
    """The machine was twice as fast when the second form was timed: that is no gain of the form."""
    trained = row_of("as_trained", 2.0, 99)
    same = row_of("inference", 1.0, 50, beside_ms={"1": [1.0] * 3})
    quick = row_of("float16", 1.4, 50, beside_ms={"1": [2.0] * 3})
    assert differences.recommend([trained, same], 1e-3) == "as_trained"
    assert differences.recommend([trained, same, quick], 1e-3) == "float16"
