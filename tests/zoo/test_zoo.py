"""Models as people serve them go through export, serve and warm-up: rows, forms, plan, answers."""

import io
from pathlib import Path

import export_models
import numpy as np
import pytest
import zoo_models
from PIL import Image

from playbook import progress
from playbook.errors import ModelError
from playbook.export import differences, export, variants
from playbook.serve import answers, serve
from playbook.stress import stress
from playbook.stress.load import Load
from playbook.tfserving import ragged
from playbook.tfserving.mix import Mix
from playbook.tfserving.reference import Reference
from playbook.tune.mixture import kinds_of

WISHES = {"curve_batch_sizes": [1, 2, 4, 8], "curve_s": 0.3, "variant_batch_sizes": [1, 4], "variant_s": 0.5}
FORMS = ["as_trained", "inference", "float16"]


def built(name: str, folder: Path, **more) -> export.Staged:
    return export_models.build(folder / "run", zoo_models.SMALL[name](folder / name), **more)


@pytest.mark.parametrize("name", zoo_models.SMALL)
def test_a_model_goes_through_and_its_answers_are_its_own(name: str, tmp_path: Path) -> None:
    staged = built(name, tmp_path)
    plan = export.plan(staged, WISHES | {"variants": FORMS}, [1, 2, 4])
    assert 0 <= plan.cost.weights_mb <= 1.01 * plan.cost.mb  # what Keras writes three times is counted once
    rows = {row["name"]: row for row in variants.measure(staged, plan, 0.5)}
    assert (rows["inference"]["reason"], rows["as_trained"]["reason"]) == (None, None)
    assert differences.agrees(rows["inference"], 1e-5)
    if rows["float16"]["reason"] is None:
        assert differences.agrees(rows["float16"], 0.02)
    else:
        assert "no float32 weights" in rows["float16"]["reason"]
    assert export.add_warmup(staged, plan.warmup_sizes) >= 1
    export.publish_version(staged, tmp_path / "run")
    spec = serve.ServerSpec("m", staged.base)
    with serve.running(spec, tmp_path / "run") as handle:
        for protocol in ("rest", "grpc"):
            compared = answers.compare(handle, Reference.load(tmp_path / "run"), protocol, rows=16)
            assert compared.rows >= 16
            assert compared.worst < 1e-4


def test_a_frozen_form_with_a_table_is_served(tmp_path: Path) -> None:
    staged = built("reviews", tmp_path)
    plan = export.plan(staged, WISHES | {"variants": ["inference"]}, [1])
    chosen = variants.choose(staged, variants.measure(staged, plan, 0.1), "inference", None)
    export.publish_version(chosen, tmp_path / "run")
    with serve.running(serve.ServerSpec("m", staged.base), tmp_path / "run") as handle:
        assert answers.compare(handle, staged.reference, "grpc").worst < 1e-6


def test_generated_rows_are_what_the_model_is_for(tmp_path: Path) -> None:
    reviews = built("reviews", tmp_path).reference.inputs["review"]
    assert {word.decode() for review in reviews for word in review.split()} == set(zoo_models.WORDS)
    tokens = built("tokens", tmp_path)
    ids = np.concatenate(list(tokens.reference.inputs["input_ids"]))
    assert 400 < ids.max() < 500
    assert len(ragged.alike(tokens.reference.inputs)) >= 3
    assert any("different shapes" in doubt for doubt in tokens.held_out.warnings)
    assert Image.open(io.BytesIO(built("photos", tmp_path).reference.inputs["photo"][0])).format == "JPEG"
    clicks = built("clicks", tmp_path).held_out.rows
    assert set(clicks["raw"]["country"]) == {b"de", b"fr", b"us"}  # a string column stays one where others parse
    assert 250 < clicks["raw"]["item"].max() < 300


def test_a_mix_of_signatures_and_rows_is_what_the_server_gets(tmp_path: Path) -> None:
    """From the parameter to the wire: two signatures, two numbers of rows, every answer compared."""
    mix = [{"rows": 1, "weight": 3}, {"rows": 4, "signature": "raw"}]
    run = tmp_path / "run"
    staged = built("clicks", tmp_path, request_mix=mix)
    curve = export.batch_curve(staged, [1, 8], 0.1)
    export.publish_version(staged, run)
    assert {shape["signature"] for shape in curve["shapes"]} == {"serving_default", "raw"}
    assert {kind.queue for kind in kinds_of(Mix.of({"request_mix": mix}), curve)} == {0, 1}
    load = Load(duration_s=0.8, ramp_up_s=0.2, request_mix=mix)
    with (
        serve.running(serve.ServerSpec("m", staged.base), run) as handle,
        stress.bench(handle, run, load) as under,
        progress.live("a mix", 1.0) as bar,
    ):
        level = under.hold({"arrival": "closed", "concurrency": 4}, progress.Stretch(bar, 0.0, 1.0))
    assert (level["request_mix"], level["rows_per_request"]) == ("75 % of 1 row, 25 % of 4 rows for 'raw'", None)
    assert (level["errors"], level["answers"]["wrong"]) == (0, 0)
    assert level["answers"]["checked"] > 50


def test_a_signature_of_the_mix_that_the_model_has_not_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no signature 'row'"):
        built("clicks", tmp_path, request_mix=[{"rows": 1}, {"rows": 4, "signature": "row"}])


def test_a_model_that_takes_one_row_says_so_and_is_asked_row_by_row(tmp_path: Path) -> None:
    staged = built("detector", tmp_path)
    assert len(staged.reference) > 8
    assert export.plan(staged, WISHES | {"variants": []}, [1, 2]).warmup_sizes == (1,)
    curve = export.batch_curve(staged, [1, 2], 0.1)
    assert curve["batch_sizes"] == [1]
    export.publish_version(staged, tmp_path / "run")
    assert Reference.load(tmp_path / "run").fixed_rows == 1
    kept = export.results(staged, tmp_path / "run", 1, {"batch_curve": curve, "warmup_records": 0})
    assert kept["max_rows_per_request"] == 1


def test_a_keras_layer_in_a_module_is_refused_in_its_own_words_with_the_remedy(tmp_path: Path) -> None:
    model = zoo_models.keras_inside(tmp_path / "model")
    with pytest.raises(ModelError) as raised:
        export_models.build(tmp_path / "run", model)
    text = str(raised.value)
    assert "Could not find variable" in text
    assert "model.export(directory)" in text
    assert f"of {model} refused" in text
    assert "Graph execution error" not in text
    assert ".staging" not in text
