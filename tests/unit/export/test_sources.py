"""Every way to bring a model ends in the same staged SavedModel, and every wrong one in a sentence that helps."""

import json
import shutil
import sys
import zipfile
from pathlib import Path

import export_models
import numpy as np
import pytest
from export_models import build

from playbook.errors import ModelError, UnsafeModel
from playbook.export import export, sources
from playbook.tfserving import examples, signatures

FACTORY = """
from playbook.tfserving.tensorflow import tensorflow
tf = tensorflow()

class Halving(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec((None, 4), tf.float32, "x")])
    def __call__(self, x):
        return {"y": x / 2}

def module():
    return Halving()

def nothing():
    return 7

def broken():
    raise RuntimeError("the weights are gone")
"""


def left_over(run_dir: Path) -> list[Path]:
    return list((run_dir / "models" / "m").iterdir())


@pytest.fixture
def factory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "my_factory.py").write_text(FACTORY)
    monkeypatch.chdir(tmp_path)
    yield "my_factory"
    sys.modules.pop("my_factory", None)


@pytest.fixture(scope="module")
def keras_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A .keras file and one that carries code; TensorFlow was loaded without Keras, and finds it now."""
    from playbook.tfserving.tensorflow import tensorflow

    tensorflow()
    import keras

    folder = tmp_path_factory.mktemp("keras")
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3), keras.layers.Dropout(0.5)])
    model.save(folder / "good.keras")
    np.save(folder / "ones.npy", model(np.ones((1, 4), np.float32), training=False).numpy())
    keras.Sequential([keras.Input((4,)), keras.layers.Lambda(lambda x: x * 2)]).save(folder / "code.keras")

    class Doubled(keras.layers.Layer):
        def call(self, x: object) -> object:
            return x * 2

    keras.Sequential([keras.Input((4,)), Doubled()]).save(folder / "own.keras")
    return folder / "good.keras"


# ---- what works


def test_a_tensorflow_1_model_with_three_methods_is_taken_as_it_is(tmp_path: Path) -> None:
    model = export_models.half_plus_two(tmp_path / "half_plus_two")
    staged = build(tmp_path / "run", model)
    methods = {one.name: one.method for one in staged.signatures}
    assert methods == {"serving_default": "Predict", "regress_x_to_y": "Regress", "classify_x_to_y": "Classify"}
    x, y = staged.reference.inputs["x"], staged.reference.outputs["y"]
    assert np.allclose(y, x * 0.5 + 2)
    assert export.add_warmup(staged, [1, 4]) == 6
    assert export.publish_version(staged, tmp_path / "run") == 1


def test_rows_of_the_users_file_are_asked_and_judged(tmp_path: Path) -> None:
    model = export_models.half_plus_two(tmp_path / "half_plus_two")
    x = np.array([[1.0], [2.0], [4.0]], dtype=np.float32)
    np.savez(tmp_path / "rows.npz", x=x, labels=x.ravel() * 0.5 + 2)
    staged = build(tmp_path / "run", model, rows_file=str(tmp_path / "rows.npz"))
    assert staged.reference.outputs["y"].ravel().tolist() == [2.5, 3.0, 4.0]
    assert export.quality(staged) == {"metric": "r2", "value": 1.0, "rows": 3}


def test_several_inputs_of_several_types_get_rows(tmp_path: Path) -> None:
    staged = build(tmp_path / "run", export_models.two_inputs(tmp_path / "two"), input_shapes={"ids": [6]})
    assert staged.reference.inputs["ids"].shape == (64, 6)
    ids = staged.reference.inputs["ids"][:, 0]
    assert [int(name) for name in staged.reference.outputs["name"]] == ids.tolist()
    assert export.add_warmup(staged, [1, 2]) == 2


def test_examples_are_made_up_from_what_the_graph_parses(tmp_path: Path) -> None:
    from playbook.tfserving.tensorflow import tensorflow

    tf = tensorflow()
    features = {
        "age": tf.io.FixedLenFeature((), tf.float32),
        "codes": tf.io.FixedLenFeature((3,), tf.int64),
        "words": tf.io.VarLenFeature(tf.string),
        "visits": tf.io.RaggedFeature(tf.int64),
    }

    def call(inputs):
        parsed = tf.io.parse_example(inputs, features)
        ones = tf.sparse.map_values(lambda words: tf.ones_like(words, tf.float32), parsed["words"])
        visits = tf.cast(parsed["visits"].row_lengths(), tf.float32)
        return {"outputs": parsed["age"] + visits + tf.sparse.reduce_sum(ones, 1)}

    model = export_models.save(tmp_path / "model", call, {"inputs": ((None,), "string")})
    spec = examples.parsing_spec(signatures.meta_graph(model))
    assert spec == {
        "age": examples.Feature("float32", ()),
        "codes": examples.Feature("int64", (3,)),
        "words": examples.Feature("string", None),
        "visits": examples.Feature("int64", None),
    }
    answers = build(tmp_path / "run", model).reference.outputs["outputs"]
    assert ((answers >= 6) & (answers <= 7)).all()  # three words, three visits, an age of 0..1


def test_a_tensorflow_1_graph_that_parses_examples_is_read_too(tmp_path: Path) -> None:
    model = export_models.half_plus_two(tmp_path / "model")
    assert examples.parsing_spec(signatures.meta_graph(model)) == {"x": examples.Feature("float32", (1,))}
    staged = build(tmp_path / "run", model, signature="regress_x_to_y")
    y = staged.reference.outputs["outputs"]
    assert ((y >= 2) & (y <= 2.5)).all()


def test_a_signature_that_refuses_made_up_rows_goes_without_warmup_and_that_is_said(tmp_path: Path) -> None:
    shutil.copytree(export_models.trained("digits_bytes").path, tmp_path / "model")
    staged = build(tmp_path / "run", tmp_path / "model", signature="pixels")
    assert "tensor_base64" not in staged.held_out.rows  # made-up words are no serialized tensors
    refused = [one for one in staged.held_out.warnings if "No warm-up requests for signature" in one]
    assert len(refused) == 1
    assert ".staging" not in refused[0]
    assert export.add_warmup(staged, [1, 2]) == 4


def test_made_up_rows_that_the_measured_signature_refuses_stop_the_export(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"refused the rows \w+ object.*in `rows_file`"):
        build(tmp_path / "run", export_models.trained("digits_bytes").path, signature="tensor_base64")
    assert left_over(tmp_path / "run") == []


def test_a_vocabulary_travels_with_the_model(tmp_path: Path) -> None:
    words = tmp_path / "words.txt"
    model = export_models.with_vocabulary(tmp_path / "model", words)
    (tmp_path / "rows.jsonl").write_text('"one"\n"two"\n"what"\n')
    words.unlink()
    staged = build(tmp_path / "run", model, rows_file=str(tmp_path / "rows.jsonl"))
    assert staged.reference.outputs["numbers"].tolist() == [1, 2, -1]


def test_a_model_with_a_fixed_batch_is_measured_at_that_batch(tmp_path: Path) -> None:
    staged = build(tmp_path / "run", export_models.doubling(tmp_path / "fixed", (8, 4)))
    assert staged.batch_sizes([1, 2, 4]) == [8]
    assert any("takes 8 rows a request, no other number" in warning for warning in staged.held_out.warnings)
    assert export.add_warmup(staged, [1, 2, 4]) == 1
    assert export.batch_curve(staged, [1, 2], 0.05)["batch_sizes"] == [8]


def test_a_function_that_returns_a_module_is_called(factory: str, tmp_path: Path) -> None:
    staged = build(tmp_path / "run", f"{factory}:module")
    assert np.allclose(staged.reference.outputs["y"] * 2, staged.reference.inputs["x"])


def test_a_keras_file_answers_as_keras_does_without_dropout(keras_file: Path, tmp_path: Path) -> None:
    sources.save(str(keras_file), tmp_path / "exported", 1)
    signature = signatures.pick(signatures.read(tmp_path / "exported"), "serving_default")
    assert [(one.dtype, one.shape) for one in signature.inputs] == [("float32", (-1, 4))]
    np.savez(tmp_path / "ones.npz", **{signature.inputs[0].alias: np.ones((1, 4))})
    staged = build(tmp_path / "run", keras_file, rows_file=str(tmp_path / "ones.npz"))
    (answer,) = staged.reference.outputs.values()
    assert np.allclose(answer, np.load(keras_file.parent / "ones.npy"), atol=1e-6)


# ---- what does not


def test_a_keras_file_that_carries_code_is_refused(keras_file: Path, tmp_path: Path) -> None:
    with pytest.raises(UnsafeModel, match=r"code\.keras was not loaded: it carries Python code"):
        build(tmp_path / "run", keras_file.parent / "code.keras")
    assert left_over(tmp_path / "run") == []


def test_a_layer_that_is_not_known_here_is_named_with_what_to_do(keras_file: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"'Doubled' is a class of its maker's own.*export it with model\.export"):
        build(tmp_path / "run", keras_file.parent / "own.keras")


def test_a_keras_file_of_another_major_version_is_named(tmp_path: Path) -> None:
    path = tmp_path / "old.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": "2.15.0"}))
    with pytest.raises(ModelError, match=r"old\.keras was saved by Keras 2\.15\.0; Keras 3.*model\.export"):
        build(tmp_path / "run", path)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("m.keras", b"no zip", "is no Keras file"),
        ("m.h5", b"", "is no HDF5 file"),
        ("absent.keras", None, "is not there"),
    ],
)
def test_a_broken_keras_file_is_named(tmp_path: Path, name: str, content: bytes | None, says: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ModelError, match=says):
        build(tmp_path / "run", tmp_path / name)


@pytest.mark.parametrize(
    ("function", "says"),
    [
        ("broken", r"broken\(\) raised RuntimeError: the weights are gone"),
        ("nothing", "returned a int; a Keras model or a tf.Module is expected"),
        ("absent", "has no attribute 'absent'"),
    ],
)
def test_a_function_that_fails_says_how(factory: str, tmp_path: Path, function: str, says: str) -> None:
    with pytest.raises(ModelError, match=says):
        build(tmp_path / "run", f"{factory}:{function}")
    assert left_over(tmp_path / "run") == []


def test_a_module_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"No module named 'no_such_package'.*package\.module:function"):
        build(tmp_path / "run", "no_such_package.models:make")


def test_a_name_that_is_nothing_lists_the_recipes(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"'digits_mpl' was not found.*Recipes: digits_mlp, digits_cnn"):
        build(tmp_path / "run", "digits_mpl")


def test_a_directory_that_is_no_savedmodel_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match=r"empty is not a SavedModel: it has no saved_model\.pb"):
        build(tmp_path / "run", tmp_path / "empty")


def test_a_base_path_of_versions_is_told_from_a_savedmodel(tmp_path: Path) -> None:
    export_models.doubling(tmp_path / "base" / "12")
    with pytest.raises(ModelError, match=r"base path of versions\. Point `model` at one of them.*base/12"):
        build(tmp_path / "run", tmp_path / "base")


def test_a_file_in_place_of_a_directory_is_named(tmp_path: Path) -> None:
    (tmp_path / "model.txt").write_bytes(b"")
    with pytest.raises(ModelError, match="it is a file"):
        build(tmp_path / "run", tmp_path / "model.txt")


def test_a_frozen_graph_says_how_to_wrap_it(tmp_path: Path) -> None:
    (tmp_path / "frozen.pb").write_bytes(b"")
    with pytest.raises(ModelError, match=r"frozen\.pb is a graph without signatures.*wrap_function.*saved_model\.save"):
        build(tmp_path / "run", tmp_path / "frozen.pb")


@pytest.mark.parametrize("model", ["", " "])
def test_no_model_lists_the_recipes(tmp_path: Path, model: str) -> None:
    with pytest.raises(ModelError, match=r"model is empty\. Recipes: digits_mlp"):
        build(tmp_path / "run", model)


def test_a_model_without_signatures_is_named_as_it_was_given(tmp_path: Path) -> None:
    from playbook.tfserving.tensorflow import tensorflow

    tf = tensorflow()
    tf.saved_model.save(tf.Module(), str(tmp_path / "bare"))
    with pytest.raises(ModelError) as raised:
        build(tmp_path / "run", tmp_path / "bare")
    assert str(raised.value).startswith(f"{tmp_path / 'bare'} has no signature to serve")


def test_a_keras_file_of_the_old_format_loads_where_keras_loads_it(keras_file: Path, tmp_path: Path) -> None:
    import keras

    keras.saving.load_model(keras_file).save(tmp_path / "old.h5")
    staged = build(tmp_path / "run", tmp_path / "old.h5")
    assert len(staged.reference) == 64


def test_a_garbled_graph_is_named(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "saved_model.pb").write_bytes(b"\xff" * 64)
    with pytest.raises(ModelError, match=r"saved_model\.pb is not a SavedModel graph"):
        build(tmp_path / "run", tmp_path / "model")


def test_missing_variables_are_named(tmp_path: Path) -> None:
    model = export_models.half_plus_two(tmp_path / "model")
    next((model / "variables").glob("*.data*")).unlink()
    with pytest.raises(ModelError, match=r"does not load.*Export the model again"):
        build(tmp_path / "run", model)
    assert left_over(tmp_path / "run") == []


def test_a_graph_without_the_serve_tag_is_named_with_the_tags_it_has(tmp_path: Path) -> None:
    model = export_models.doubling(tmp_path / "model")
    proto = signatures.load_proto(model)
    proto.meta_graphs[0].meta_info_def.tags[:] = ["train"]
    (model / "saved_model.pb").write_bytes(proto.SerializeToString())
    with pytest.raises(ModelError, match=r"no graph tagged 'serve'; seen: train.*--saved_model_tags"):
        build(tmp_path / "run", model)


def test_an_unknown_signature_lists_the_known_ones(tmp_path: Path) -> None:
    model = export_models.half_plus_two(tmp_path / "model")
    with pytest.raises(ModelError, match="no signature 'classify'; it has classify_x_to_y, regress_x_to_y"):
        build(tmp_path / "run", model, signature="classify")


def test_an_input_of_unknown_rank_needs_a_shape(tmp_path: Path) -> None:
    model = export_models.doubling(tmp_path / "model", None)
    with pytest.raises(ModelError, match=r"'x' has unknown rank.*input_shapes: \{x: \[28, 28\]\}"):
        build(tmp_path / "run", model)
    assert left_over(tmp_path / "run") == []
    staged = build(tmp_path / "run", model, input_shapes={"x": [3, 2]})
    assert staged.reference.outputs["y"].shape == (64, 3, 2)


def test_rows_that_the_model_refuses_are_named_with_their_shapes(tmp_path: Path) -> None:
    from playbook.tfserving.tensorflow import tensorflow

    tf = tensorflow()
    weights = tf.ones((4, 2))
    model = export_models.save(tmp_path / "m", lambda x: {"y": tf.matmul(x, weights)}, {"x": ((None, None), "float32")})
    with pytest.raises(
        ModelError, match=r"refused the rows x float32 \(4, \d+\): Matrix size-incompatible.*rows_file.*input_shapes"
    ):
        build(tmp_path / "run", model)


def test_an_answer_without_the_batch_dimension_is_refused(tmp_path: Path) -> None:
    from playbook.tfserving.tensorflow import tensorflow

    tf = tensorflow()
    model = export_models.save(tmp_path / "m", lambda x: {"mean": tf.reduce_mean(x)}, {"x": ((None, 4), "float32")})
    with pytest.raises(ModelError, match=r"answers 64 rows with mean \(\): the first dimension is not the row"):
        build(tmp_path / "run", model)
