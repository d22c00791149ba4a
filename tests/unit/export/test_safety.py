"""Before a SavedModel is run, what in it reaches outside the graph is named and refused."""

from pathlib import Path

import export_models
import pytest

from playbook.errors import UnsafeModel
from playbook.export import export, safety


def settings(run_dir: Path, model: Path, **more) -> dict:
    return {"run_dir": run_dir, "model_name": "m", "model": str(model), "seed": 1} | more


def test_a_model_that_reads_a_file_is_refused_before_it_runs(tmp_path: Path) -> None:
    model = export_models.reading_a_file(tmp_path / "model")
    with pytest.raises(UnsafeModel, match=r"ReadFile: reads files.*allow_unsafe_ops: true"):
        export.build(settings(tmp_path / "run", model))
    assert list((tmp_path / "run" / "models" / "m").iterdir()) == []


def test_a_model_that_reads_a_file_runs_when_it_is_allowed_and_the_record_says_so(tmp_path: Path) -> None:
    model = export_models.reading_a_file(tmp_path / "model")
    staged = export.build(settings(tmp_path / "run", model, allow_unsafe_ops=True))
    assert list(staged.unsafe_ops) == ["ReadFile: reads files"]
    hostname = Path("/etc/hostname").read_bytes()
    assert all(answer.startswith(hostname) for answer in staged.reference.outputs["y"])


def test_a_model_that_calls_python_is_refused(tmp_path: Path) -> None:
    model = export_models.calling_python(tmp_path / "model")
    with pytest.raises(UnsafeModel, match="PyFunc: runs Python"):
        safety.check(model)


def test_a_vocabulary_among_the_assets_is_no_danger(tmp_path: Path) -> None:
    model = export_models.with_vocabulary(tmp_path / "model", tmp_path / "words.txt")
    assert safety.check(model) == []


def test_a_vocabulary_outside_of_the_assets_is(tmp_path: Path) -> None:
    from playbook.tfserving import signatures

    model = export_models.with_vocabulary(tmp_path / "model", tmp_path / "words.txt")
    proto = signatures.load_proto(model)
    del proto.meta_graphs[0].asset_file_def[:]
    (model / "saved_model.pb").write_bytes(proto.SerializeToString())
    with pytest.raises(UnsafeModel, match="InitializeTableFromTextFileV2: reads a file that is not among"):
        safety.check(model)


def test_storing_variables_is_allowed_until_a_request_reaches_it(tmp_path: Path) -> None:
    from playbook.tfserving import signatures

    model = export_models.half_plus_two(tmp_path / "model")
    assert safety.check(model) == []  # its saver writes and reads files
    proto = signatures.load_proto(model)
    graph = proto.meta_graphs[0]
    saver = next(node.name for node in graph.graph_def.node if node.op == "SaveV2")
    next(node for node in graph.graph_def.node if node.name == "y").input.append(f"^{saver}")
    (model / "saved_model.pb").write_bytes(proto.SerializeToString())
    with pytest.raises(UnsafeModel, match="SaveV2: reads or writes files when a request comes"):
        safety.check(model)


def test_printing_is_allowed_except_to_a_file(tmp_path: Path) -> None:
    from playbook.tfserving.tensorflow import tensorflow

    tf = tensorflow()

    def printing(stream: str):
        def call(x):
            with tf.control_dependencies([tf.raw_ops.PrintV2(input=tf.as_string(x[0]), output_stream=stream)]):
                return {"y": x + 1}

        return call

    specs = {"x": ((None,), "float32")}
    assert safety.check(export_models.save(tmp_path / "log", printing("stderr"), specs)) == []
    with pytest.raises(UnsafeModel, match="PrintV2: output_stream names a file"):
        safety.check(export_models.save(tmp_path / "file", printing(f"file://{tmp_path}/out"), specs))


def test_every_refused_operation_is_one_tensorflow_knows() -> None:
    from playbook.tfserving.tensorflow import tensorflow

    tensorflow()
    from tensorflow.core.framework import op_def_pb2
    from tensorflow.python.client import pywrap_tf_session

    listed = op_def_pb2.OpList.FromString(bytes(pywrap_tf_session.TF_GetBuffer(pywrap_tf_session.TF_GetAllOpList())))
    known = {operation.name for operation in listed.op}
    assert {*safety.OUTSIDE, *safety.SAVER, *safety.VOCABULARY, *safety.GUARDED} <= known
