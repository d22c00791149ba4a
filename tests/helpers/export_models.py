"""Small SavedModels for the tests of export, written by TensorFlow itself: good ones and awkward ones."""

from __future__ import annotations

import functools
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from playbook.export import export, publish
from playbook.tfserving.tensorflow import tensorflow


def build(run_dir: Path, model: object, **more) -> export.Staged:
    """Stage a model named `m`."""
    return export.build({"run_dir": run_dir, "model_name": "m", "model": str(model), "seed": 7} | more)


@functools.cache
def trained(recipe: str) -> export.Staged:
    """A recipe, trained once for all tests; they look at it and change nothing (`copy_of` is for changing)."""
    folder = tempfile.TemporaryDirectory(prefix="recipe-")
    staged = build(Path(folder.name), recipe)
    trained.folders.append(folder)
    return staged


trained.folders = []


def copy_of(staged: export.Staged, run_dir: Path) -> export.Staged:
    """The same staged model in another run folder, to be changed and published there."""
    place = publish.stage(run_dir / "models" / staged.base.name)
    shutil.copytree(staged.path, place / staged.path.name)
    return replace(staged, path=place / staged.path.name, base=place.parent)


def half_plus_two(path: Path) -> Path:
    """A TensorFlow 1 model with Predict, Classify and Regress signatures over tf.Examples, like the official one."""
    tf = tensorflow()
    v1, names = tf.compat.v1, {"x": tf.io.FixedLenFeature((1,), tf.float32)}
    with tf.Graph().as_default() as graph, v1.Session(graph=graph) as session:
        half, two = v1.get_variable("half", initializer=0.5), v1.get_variable("two", initializer=2.0)
        examples = v1.placeholder(tf.string, [None], name="examples")
        parsed = v1.parse_example(examples, names)["x"]
        x = v1.placeholder_with_default(parsed, [None, 1], name="x")
        y = tf.identity(x * half + two, name="y")
        session.run(v1.global_variables_initializer())
        sign, info = v1.saved_model.signature_def_utils, v1.saved_model.build_tensor_info
        definitions = {
            "serving_default": sign.build_signature_def({"x": info(x)}, {"y": info(y)}, "tensorflow/serving/predict"),
            "regress_x_to_y": sign.build_signature_def(
                {"inputs": info(examples)}, {"outputs": info(y)}, "tensorflow/serving/regress"
            ),
            "classify_x_to_y": sign.build_signature_def(
                {"inputs": info(examples)}, {"scores": info(y)}, "tensorflow/serving/classify"
            ),
        }
        builder = v1.saved_model.Builder(str(path))
        builder.add_meta_graph_and_variables(session, ["serve"], signature_def_map=definitions)
        builder.save()
    return path


def save(path: Path, call, specs: dict, module=None, name: str = "serving_default") -> Path:
    """Save one function of keyword inputs as one signature; `specs` gives (shape, dtype) by alias."""
    tf = tensorflow()
    tensors = {alias: tf.TensorSpec(shape, dtype, alias) for alias, (shape, dtype) in specs.items()}
    concrete = tf.function(call, autograph=False).get_concrete_function(**tensors)
    tf.saved_model.save(module or tf.Module(), str(path), signatures={name: concrete})
    return path


def doubling(path: Path, shape=(None, 4), dtype: str = "float32") -> Path:
    return save(path, lambda x: {"y": x * 2}, {"x": (shape, dtype)})


def two_inputs(path: Path) -> Path:
    """Two inputs of different types, two outputs, one of them text."""
    tf = tensorflow()

    def call(ids, weights):
        return {
            "total": tf.reduce_sum(weights, axis=1) + tf.cast(ids[:, 0], tf.float32),
            "name": tf.as_string(ids[:, 0]),
        }

    return save(path, call, {"ids": ((None, None), "int64"), "weights": ((None, 3), "float32")})


def gathering(path: Path, rows: int) -> Path:
    """An embedding of so many rows, gathered from a variable."""
    tf = tensorflow()
    module = tf.Module()
    module.table = tf.Variable(np.random.default_rng(1).random((rows, 20), dtype=np.float32))
    return save(path, lambda ids: {"y": tf.gather(module.table, ids)}, {"ids": ((None,), "int32")}, module)


def counting(path: Path) -> Path:
    """A dense layer that counts how often it was asked."""
    tf = tensorflow()
    module = tf.Module()
    module.w = tf.Variable(np.random.default_rng(1).standard_normal((40, 10)).astype(np.float32))
    module.asked = tf.Variable(0, dtype=tf.int64, trainable=False)

    def call(x):
        return {"y": x @ module.w, "asked": tf.fill([tf.shape(x)[0]], module.asked.assign_add(1))}

    return save(path, call, {"x": ((None, 40), "float32")}, module)


def sharing(path: Path, width: int, uses: int) -> Path:
    """One square matrix that so many layers share."""
    tf = tensorflow()
    module = tf.Module()
    module.w = tf.Variable(np.random.default_rng(1).standard_normal((width, width)).astype(np.float32) * width**-0.5)

    def call(x):
        for _ in range(uses):
            x = tf.nn.tanh(x @ module.w)
        return {"y": x[:, :4]}

    return save(path, call, {"x": ((None, width), "float32")}, module)


def reading_a_file(path: Path) -> Path:
    tf = tensorflow()
    return save(path, lambda x: {"y": tf.io.read_file("/etc/hostname") + x}, {"x": ((None,), "string")})


def calling_python(path: Path) -> Path:
    tf = tensorflow()
    return save(path, lambda x: {"y": tf.numpy_function(np.sqrt, [x], tf.float32)}, {"x": ((None,), "float32")})


def with_vocabulary(path: Path, words: Path) -> Path:
    """A vocabulary in the assets: reads a file, and may."""
    tf = tensorflow()
    words.write_text("zero\none\ntwo\n")
    module = tf.Module()
    line = tf.lookup.TextFileIndex
    initializer = tf.lookup.TextFileInitializer(str(words), tf.string, line.WHOLE_LINE, tf.int64, line.LINE_NUMBER)
    module.table = tf.lookup.StaticHashTable(initializer, -1)
    return save(path, lambda words: {"numbers": module.table.lookup(words)}, {"words": ((None,), "string")}, module)
