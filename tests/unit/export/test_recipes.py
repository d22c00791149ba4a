"""The recipes learn what they are for, the same each time, and their graphs prepare what clients send."""

from pathlib import Path

import numpy as np
import pytest
from export_models import build, trained

from playbook.errors import ModelError
from playbook.export import datasets, export, preprocessing, preprocessing_proof
from playbook.tfserving import signatures


@pytest.fixture(scope="module")
def image_bytes() -> export.Staged:
    return trained("digits_bytes")


@pytest.mark.parametrize(
    ("recipe", "metric", "least"),
    [
        ("digits_mlp", "accuracy", 0.95),
        ("digits_cnn", "accuracy", 0.95),
        ("wine_classify", "accuracy", 0.9),
        ("diabetes_regress", "r2", 0.4),
    ],
)
def test_a_recipe_is_good_on_rows_it_never_saw(recipe: str, metric: str, least: float) -> None:
    quality = export.quality(trained(recipe))
    assert quality["metric"] == metric
    assert quality["value"] >= least
    assert quality["rows"] >= 44


def test_the_default_model_is_the_one_the_chain_is_built_on() -> None:
    (one,) = trained("digits_mlp").signatures
    (taken,), (given,) = one.inputs, one.outputs
    assert (one.name, one.method, taken.alias, taken.dtype, taken.shape) == (
        "serving_default", "Predict", "inputs", "float32", (-1, 784),
    )  # fmt: skip
    assert (given.alias, given.shape) == ("probabilities", (-1, 10))


def test_the_same_seed_trains_the_same_model_and_another_seed_another(tmp_path: Path) -> None:
    answers = [trained("digits_mlp").reference, build(tmp_path, "digits_mlp").reference]
    answers.append(build(tmp_path, "digits_mlp", seed=8).reference)
    assert (answers[0].outputs["probabilities"] == answers[1].outputs["probabilities"]).all()
    assert (answers[0].inputs["inputs"] != answers[2].inputs["inputs"]).any()


def test_no_held_out_row_was_trained_on() -> None:
    for split in (datasets.digits(7), datasets.wine(7), datasets.diabetes(7)):
        trained = {row.tobytes() for row in split.train_x}
        again = sum(row.tobytes() in trained for row in split.test_x)
        assert again <= 1  # two wines of the set are measured alike
        assert 0.2 < len(split.test_x) / (len(split.test_x) + len(split.train_x)) < 0.3


def test_labels_come_out_of_classify() -> None:
    staged = trained("wine_classify")
    methods = {one.name: one.method for one in staged.signatures}
    assert methods == {"serving_default": "Classify", "predict": "Predict"}
    best = staged.reference.outputs["scores"].argmax(axis=1)
    names = [row[column] for row, column in zip(staged.reference.outputs["classes"], best, strict=True)]
    right = [name == f"grower_{label}".encode() for name, label in zip(names, staged.held_out.labels, strict=True)]
    assert np.mean(right) >= 0.9


def test_regress_and_predict_agree() -> None:
    from playbook.export.savedmodel import Loaded

    staged = trained("diabetes_regress")
    assert staged.signature.method == "Regress"
    with Loaded(staged.path) as loaded:
        predict = signatures.pick(loaded.signatures, "predict")
        bare = loaded.run(predict, staged.held_out.rows["predict"])
    assert np.allclose(bare["outputs"], staged.reference.outputs["outputs"], atol=1e-3)


# ---- preprocessing in the graph


def test_graph_and_python_preprocessing_agree_to_a_millionth(image_bytes: export.Staged) -> None:
    rows = preprocessing_proof.parity(image_bytes)
    assert {row["encoding"].split(",")[0] for row in rows} == {"PNG", "JPEG", "base64 of a tensor"}
    assert all(row["rows"] == 128 and row["max_abs_diff"] <= 1e-6 for row in rows)
    assert any(row["max_abs_diff"] > 0 for row in rows)  # two computations, not one compared with itself


def test_another_normalisation_would_be_found(image_bytes: export.Staged, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preprocessing, "HALF_RANGE", 128.0)
    with pytest.raises(ModelError, match="is not Python's, within 1e-06"):
        preprocessing_proof.parity(image_bytes)


def test_a_model_without_preprocessing_has_nothing_to_prove() -> None:
    assert preprocessing_proof.parity(trained("digits_mlp")) == []
    assert "no preprocessing to prove" in preprocessing_proof.table([])


@pytest.mark.parametrize("count", [1, 2, 33])
def test_raw_images_come_in_any_number_and_size(image_bytes: export.Staged, count: int) -> None:
    from playbook.export.savedmodel import Loaded

    random = np.random.default_rng(count)
    shapes = random.integers(8, 60, (count, 2))
    images = [preprocessing.encode_image(random.integers(0, 256, shape).astype(np.uint8)) for shape in shapes]
    rows = np.empty(count, dtype=object)
    rows[:] = images
    with Loaded(image_bytes.path) as loaded:
        answers = loaded.run(image_bytes.signature, {"image_bytes": rows})["probabilities"]
    assert answers.shape == (count, 10)
    assert np.allclose(answers.sum(axis=1), 1, atol=1e-5)


def test_both_base64_alphabets_and_missing_padding_are_read(image_bytes: export.Staged) -> None:
    from playbook.export.recipes import serialized_base64
    from playbook.export.savedmodel import Loaded

    text = next(
        found for image in image_bytes.held_out.image_rows if {*b"+/="} <= {*(found := serialized_base64(image))}
    )
    spellings = [text, text.translate(bytes.maketrans(b"+/", b"-_")), text.rstrip(b"="), text[:76] + b"\n" + text[76:]]
    rows = np.empty(4, dtype=object)
    rows[:] = spellings
    with Loaded(image_bytes.path) as loaded:
        answers = loaded.run(signatures.pick(loaded.signatures, "tensor_base64"), {"tensor_base64": rows})
    assert (answers["probabilities"] == answers["probabilities"][0]).all()


def test_bytes_that_are_no_image_are_refused_and_said(image_bytes: export.Staged) -> None:
    from playbook.export.savedmodel import Loaded

    with Loaded(image_bytes.path) as loaded, pytest.raises(ModelError, match="refused the rows image_bytes object"):
        loaded.run(image_bytes.signature, {"image_bytes": np.array([b"GIF89a"], dtype=object)})


def test_bytes_on_the_wire_are_five_times_fewer(image_bytes: export.Staged) -> None:
    rows = {row["encoding"]: row for row in preprocessing_proof.wire(image_bytes, ".", "attach", 1)}
    assert rows["base64 of a PNG in JSON"]["times_fewer"] >= 5
    assert rows["base64 of a tensor in JSON"]["times_fewer"] >= 5
    assert rows["floats in JSON"]["times_fewer"] == 1
    assert all(row["latency_ms"] is None for row in rows.values())


def test_bilinear_scaling_is_tensorflows() -> None:
    from playbook.tfserving.tensorflow import tensorflow

    images = np.random.default_rng(0).integers(0, 256, (2, 31, 17)).astype(np.uint8)
    for size in ((28, 28), (40, 9), (1, 1), (64, 64)):
        theirs = tensorflow().image.resize(images[..., None], size, "bilinear").numpy()[..., 0]
        assert np.abs(preprocessing.resize_bilinear(images, *size) - theirs).max() < 1e-3
