"""Writes every model the conformance tests serve: `python make_models.py FOLDER`. One TensorFlow process for all."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from model_server.errors import ServingError
from model_server.runtime.python_session import PythonSavedModel

v1 = tf.compat.v1
F32, I32, I64, STR = tf.float32, tf.int32, tf.int64, tf.string


def spec(dtype, *shape, name=None):
    return tf.TensorSpec(shape, dtype, name=name)


def save(folder: Path, module: tf.Module, **signatures) -> None:
    tf.saved_model.save(module, str(folder), signatures=signatures)


def half_plus(folder: Path, offset: float, width: int | None = None) -> None:
    module = tf.Module()
    module.half, module.offset = tf.Variable(0.5), tf.Variable(offset)
    shape = (None,) if width is None else (None, width)

    @tf.function(input_signature=[spec(F32, *shape, name="x")])
    def serve(x):
        return {"y": x * module.half + module.offset}

    @tf.function(input_signature=[spec(F32, *shape, name="x")])
    def triple(x):
        return {"y": x * 3.0}

    save(folder, module, serving_default=serve, triple=triple)


def heavy(folder: Path) -> None:
    """80 MB of weights."""
    module = tf.Module()
    module.weights = [tf.Variable(tf.ones((1024, 1024))) for _ in range(20)]

    @tf.function(input_signature=[spec(F32, None, 1024, name="x")])
    def serve(x):
        return {"y": tf.add_n([x @ weight for weight in module.weights])[:, :1]}

    save(folder, module, serving_default=serve)


def two_inputs(folder: Path) -> None:
    @tf.function(input_signature=[spec(F32, None, 2, name="a"), spec(F32, None, 2, name="b")])
    def serve(a, b):
        return {"sum": a + b, "difference": a - b}

    module = tf.Module()
    module.serve = serve
    save(folder, module, serving_default=serve)


def strings(folder: Path) -> None:
    @tf.function(input_signature=[spec(STR, None, name="text")])
    def serve(text):
        return {"upper": tf.strings.upper(text), "raw_bytes": text, "length": tf.strings.length(text)}

    module = tf.Module()
    module.serve = serve
    save(folder, module, serving_default=serve)


def ragged(folder: Path) -> None:
    @tf.function(input_signature=[spec(I32, None, None, name="tokens")])
    def serve(tokens):
        return {"total": tf.reduce_sum(tokens, axis=1), "width": tf.ones_like(tokens[:, 0]) * tf.shape(tokens)[1]}

    module = tf.Module()
    module.serve = serve
    save(folder, module, serving_default=serve)


def echo(folder: Path) -> None:
    """One signature for each element type, named after it; the output is the input."""
    module, signatures = tf.Module(), {}
    names = "float32 float64 int32 int64 int16 int8 uint8 uint16 uint32 uint64 bool string half bfloat16 complex64"
    for name in names.split():
        signature = [spec(tf.as_dtype(name), None, name="x")]
        signatures[name] = tf.function(lambda x: {"y": tf.identity(x)}, input_signature=signature)
    signatures["any_shape"] = tf.function(
        lambda x: {"y": tf.identity(x)}, input_signature=[tf.TensorSpec(None, F32, name="x")]
    )
    module.functions = signatures
    save(folder, module, **signatures)


def casts(folder: Path) -> None:
    """One signature for each type of output, named after it; and one with rows of its own number, all from floats."""
    module, signatures = tf.Module(), {}
    names = "half bfloat16 complex64 complex128 uint16 uint8 int8 int16 uint32 uint64 float64"
    for name in names.split():
        cast = tf.as_dtype(name)
        signature = [spec(F32, None, name="x")]
        signatures[name] = tf.function(lambda x, cast=cast: {"y": tf.cast(x, cast)}, input_signature=signature)
    signatures["no_rows_of_half"] = tf.function(
        lambda x: {"y": tf.cast(x[:0], tf.half)}, input_signature=[spec(F32, None, name="x")]
    )
    module.functions = signatures
    save(folder, module, **signatures)


def outside(root: Path) -> None:
    """Models that reach outside their graph, and one that reads a vocabulary of its own."""
    serve = [spec(STR, None, name="x")]
    reads = tf.function(lambda x: {"y": tf.map_fn(tf.io.read_file, x)}, input_signature=serve)
    python = tf.function(
        lambda x: {"y": tf.ensure_shape(tf.numpy_function(lambda a: a, [x], STR), [None])}, input_signature=serve
    )
    prints = tf.function(
        lambda x: (tf.print(x, output_stream="file:///tmp/printed"), {"y": tf.identity(x)})[1], input_signature=serve
    )
    for name, function in (("reads", reads), ("python", python), ("prints", prints)):
        module = tf.Module()
        module.serve = function
        save(root / name / "1", module, serving_default=function)
    words = root / "words.txt"
    words.parent.mkdir(parents=True, exist_ok=True)
    words.write_text("a\nb\n")
    module = tf.Module()
    module.file, module.weight = tf.saved_model.Asset(str(words)), tf.Variable(1)
    source = tf.lookup.TextFileInitializer(
        module.file, STR, tf.lookup.TextFileIndex.WHOLE_LINE, I64, tf.lookup.TextFileIndex.LINE_NUMBER
    )
    module.table = tf.lookup.StaticHashTable(source, -1)
    module.serve = tf.function(lambda x: {"y": module.table.lookup(x)}, input_signature=serve)
    save(root / "vocabulary" / "1", module, serving_default=module.serve)


def odd(folder: Path) -> None:
    """Signatures that break batching: a scalar output, and one with the wrong number of rows; and a slow one."""

    @tf.function(input_signature=[spec(F32, None, name="x")])
    def scalar(x):
        return {"y": tf.reduce_sum(x)}

    @tf.function(input_signature=[spec(F32, None, name="x")])
    def short(x):
        return {"y": x[:1] * 0 + tf.constant([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0])}

    @tf.function(input_signature=[spec(I32, None, name="steps")])
    def slow(steps):
        matrix = tf.eye(256)
        _, matrix = tf.while_loop(
            lambda i, m: i < tf.reduce_max(steps), lambda i, m: (i + 1, tf.matmul(m, m)), [0, matrix]
        )
        return {"y": tf.cast(steps, F32) * 0 + matrix[0, 0]}

    @tf.function(input_signature=[spec(F32, None, 4, name="x")])
    def matrix(x):
        return {"y": tf.matmul(x, tf.ones([4, 2]))}

    module = tf.Module()
    module.functions = [scalar, short, slow, matrix]
    save(folder, module, scalar=scalar, short=short, slow=slow, matrix=matrix)


def tf1_half_plus_two(folder: Path) -> None:
    """The classic saved_model_half_plus_two: classify, regress and predict signatures over one string tensor."""
    with tf.Graph().as_default(), v1.Session() as session:
        a, b = v1.get_variable("a", initializer=0.5), v1.get_variable("b", initializer=2.0)
        serialized = v1.placeholder(STR, [None], name="tf_example")
        parsed = v1.parse_example(serialized, {"x": v1.FixedLenFeature([1], F32, default_value=[0.0])})
        x = tf.identity(parsed["x"], name="x")
        y, y2 = tf.add(a * x, b, name="y"), tf.add(a * x, 3.0, name="y2")
        classes = tf.tile(tf.constant([["no", "yes"]]), [tf.shape(x)[0], 1])
        scores = tf.concat([y, y2], axis=1)
        other = v1.placeholder(STR, [None], name="other_example")
        parsed_other = v1.parse_example(other, {"x": v1.FixedLenFeature([1], F32, default_value=[0.0])})
        ints = tf.cast(scores, I32)
        session.run(v1.global_variables_initializer())
        info, signature = v1.saved_model.build_tensor_info, v1.saved_model.build_signature_def
        builder = v1.saved_model.Builder(str(folder))
        builder.add_meta_graph_and_variables(
            session,
            ["serve"],
            {
                "serving_default": signature({"x": info(x)}, {"y": info(y)}, "tensorflow/serving/predict"),
                "regress": signature({"inputs": info(serialized)}, {"outputs": info(y)}, "tensorflow/serving/regress"),
                "regress_other": signature(
                    {"inputs": info(other)}, {"outputs": info(3.5 * parsed_other["x"])}, "tensorflow/serving/regress"
                ),
                "regress_wide": signature(
                    {"inputs": info(serialized)}, {"outputs": info(scores)}, "tensorflow/serving/regress"
                ),
                "regress_double": signature(
                    {"inputs": info(serialized)},
                    {"outputs": info(tf.cast(y, tf.float64))},
                    "tensorflow/serving/regress",
                ),
                "regress_short": signature(
                    {"inputs": info(serialized)}, {"outputs": info(y[:1])}, "tensorflow/serving/regress"
                ),
                "int_scores": signature(
                    {"inputs": info(serialized)}, {"scores": info(ints)}, "tensorflow/serving/classify"
                ),
                "int_classes": signature(
                    {"inputs": info(serialized)}, {"classes": info(ints)}, "tensorflow/serving/classify"
                ),
                "own_method": signature({"inputs": info(serialized)}, {"outputs": info(y)}, "our/method"),
                "regress2": signature(
                    {"inputs": info(serialized)}, {"outputs": info(y2)}, "tensorflow/serving/regress"
                ),
                "classify": signature(
                    {"inputs": info(serialized)},
                    {"classes": info(classes), "scores": info(scores)},
                    "tensorflow/serving/classify",
                ),
                "scores": signature(
                    {"inputs": info(serialized)}, {"scores": info(scores)}, "tensorflow/serving/classify"
                ),
            },
        )
        builder.save()


def keras_export(folder: Path) -> None:
    import keras

    keras.utils.set_random_seed(7)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="softmax")])
    model.export(str(folder), verbose=False)


def with_defaults(folder: Path) -> None:
    """two_inputs again, with a default for `b` written into the SignatureDef."""
    two_inputs(folder)
    file = folder / "saved_model.pb"
    saved = saved_model_pb2.SavedModel.FromString(file.read_bytes())
    signature = saved.meta_graphs[0].signature_def["serving_default"]
    signature.defaults["b"].CopyFrom(tf.make_tensor_proto([[10.0, 20.0]]))
    file.write_bytes(saved.SerializeToString())


def digits(folder: Path) -> None:
    """784-128-10, the shape of the playbook's default model, with seeded weights."""
    module = tf.Module()
    tf.random.set_seed(7)
    module.w1, module.b1 = tf.Variable(tf.random.normal([784, 128], stddev=0.05)), tf.Variable(tf.zeros([128]))
    module.w2, module.b2 = tf.Variable(tf.random.normal([128, 10], stddev=0.1)), tf.Variable(tf.zeros([10]))

    @tf.function(input_signature=[spec(F32, None, 784, name="inputs")])
    def serve(inputs):
        hidden = tf.nn.relu(inputs @ module.w1 + module.b1)
        return {"probabilities": tf.nn.softmax(hidden @ module.w2 + module.b2)}

    save(folder, module, serving_default=serve)


def tflite(folder: Path, source: Path) -> None:
    converter = tf.lite.TFLiteConverter.from_saved_model(str(source), signature_keys=["serving_default"])
    (folder / "model.tflite").write_bytes(converter.convert())


class Raw(str):
    """Bytes that a flexbuffer writes as a string, as the C++ writer of signatures does."""

    data = b""

    def encode(self, *_: object) -> bytes:
        return self.data


def with_metadata(file: Path, source: Path, **signatures: tuple[str, str, str, str]) -> None:
    """A copy of a .tflite whose metadata names signatures: key -> (input alias, tensor, output alias, tensor)."""
    from flatbuffers import Builder, flexbuffers
    from tensorflow.core.protobuf import meta_graph_pb2
    from tensorflow.lite.python import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(source.read_bytes(), 0)
    entries = flexbuffers.Builder()
    with entries.Map():
        for key, (alias, fed, output, fetched) in signatures.items():
            signature = meta_graph_pb2.SignatureDef(method_name="tensorflow/serving/predict")
            signature.inputs[alias].CopyFrom(meta_graph_pb2.TensorInfo(name=fed, dtype=1))
            signature.outputs[output].CopyFrom(meta_graph_pb2.TensorInfo(name=fetched, dtype=1))
            text = Raw()
            text.data = signature.SerializeToString()
            entries.Key(key)
            entries.String(text)
    buffer, entry = schema.BufferT(), schema.MetadataT()
    buffer.data = list(entries.Finish())
    entry.name, entry.buffer = "signature_defs_metadata", len(model.buffers)
    model.buffers.append(buffer)
    model.metadata.append(entry)
    packed = Builder(1 << 16)
    packed.Finish(model.Pack(packed), b"TFL3")
    file.parent.mkdir(parents=True)
    file.write_bytes(bytes(packed.Output()))


def keep_answers(folder: Path, *arrays: np.ndarray) -> None:
    """What the whole of TensorFlow answers for the default signature, beside the versions in answers.npz."""
    model = PythonSavedModel(str(folder / "1"))
    signature = model.signatures["serving_default"]
    names = [[info.name for _, info in sorted(side.items())] for side in (signature.inputs, signature.outputs)]
    outputs = model.run(model.prepare(*names), [[array] for array in arrays], 5000)
    try:
        model.run(model.prepare(*names), [[np.zeros((1, 3), np.uint8)] for _ in arrays])
        code = 0
    except ServingError as error:
        code = error.code
    fields = {f"input{i}": a for i, a in enumerate(arrays)} | {f"output{i}": a for i, a in enumerate(outputs)}
    np.savez(folder / "answers.npz", code=code, **fields)


def main(root: Path) -> None:
    half_plus(root / "half_plus_two" / "00000123", 2.0)
    half_plus(root / "half_plus_three" / "1", 3.0)
    heavy(root / "heavy" / "1")
    two_inputs(root / "two_inputs" / "1")
    with_defaults(root / "defaults" / "1")
    strings(root / "strings" / "1")
    ragged(root / "ragged" / "1")
    echo(root / "echo" / "1")
    odd(root / "odd" / "1")
    tf1_half_plus_two(root / "tf1" / "1")
    keras_export(root / "keras" / "1")
    digits(root / "digits" / "1")
    half_plus(root / "lite" / "1", 2.0, width=1)
    tflite(root / "lite" / "1", root / "lite" / "1")
    lite, default = root / "lite" / "1" / "model.tflite", root / "lite_signatures" / "1" / "model.tflite"
    names = {"serving_default": ("x", "serving_default_x:0", "y", "StatefulPartitionedCall:0")}
    other = ("number", "serving_default_x:0", "half", "StatefulPartitionedCall:0")
    with_metadata(default, lite, **names, other=other)
    with_metadata(root / "lite_unknown" / "1" / "model.tflite", lite, serving_default=("x", "nobody", "y", "nobody"))
    casts(root / "casts" / "1")
    outside(root / "outside")
    made = np.random.default_rng(7)
    keep_answers(root / "digits", made.random((5, 784), np.float32))
    keep_answers(root / "two_inputs", made.random((3, 2), np.float32), made.random((3, 2), np.float32))
    keep_answers(root / "strings", np.array([b"a", b"\xff\x00", b"b"], object))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
