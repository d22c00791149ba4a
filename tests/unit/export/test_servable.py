"""Will it serve? What a stock server does not know is named, with the node that brings it."""

import re
from pathlib import Path

import export_models
import pytest
from export_models import build

from playbook.errors import UnsafeModel
from playbook.export import servable, tensorflow_errors
from playbook.tfserving import signatures


def with_op(path: Path, op: str) -> Path:
    model = export_models.doubling(path)
    proto = signatures.load_proto(model)
    proto.meta_graphs[0].graph_def.node.add(name="tokenizer/split", op=op)
    (model / "saved_model.pb").write_bytes(proto.SerializeToString())
    return model


def test_a_plain_model_has_no_remark(tmp_path: Path) -> None:
    assert servable.remarks(export_models.doubling(tmp_path / "m")) == []


@pytest.mark.parametrize(
    ("op", "says"),
    [
        ("MyFastHash", r"MyFastHash \(node 'tokenizer/split'\) is no operation that a stock tensorflow_model_server"),
        ("WordpieceTokenizeWithOffsets", "is TensorFlow Text's: TensorFlow Serving registers it"),
        ("SimpleMLInferenceOpWithHandle", "TensorFlow Decision Forests's"),
        ("EagerPyFunc", "calls Python: no server runs it"),
    ],
)
def test_an_operation_that_a_stock_server_may_not_run_is_named(tmp_path: Path, op: str, says: str) -> None:
    (remark,) = servable.remarks(with_op(tmp_path / "m", op))

    assert re.search(says, remark)


def test_a_model_newer_than_the_server_is_warned_about(tmp_path: Path) -> None:
    model = export_models.doubling(tmp_path / "m")
    proto = signatures.load_proto(model)
    proto.meta_graphs[0].meta_info_def.tensorflow_version = "2.99.0"
    (model / "saved_model.pb").write_bytes(proto.SerializeToString())
    assert servable.remarks(model, "embedded") == []
    (remark,) = servable.remarks(model, "docker")
    assert "written by TensorFlow 2.99.0, and the newest TensorFlow Serving is 2.20" in remark


def test_remarks_reach_the_doubts_of_the_export(tmp_path: Path) -> None:
    staged = build(tmp_path / "run", export_models.calling_python(tmp_path / "m"), allow_unsafe_ops=True)
    assert any("calls Python" in doubt for doubt in staged.held_out.warnings)


@pytest.mark.parametrize(
    ("message", "says"),
    [
        ("Graph execution error:\n\nindices[1] = 11 is not in [0, 10)\n\t [[{{node Gather}}]]", "keep ids below 10"),
        ("Graph execution error:\n\nUnknown image file format. One of JPEG", "give the bytes of real ones"),
        ("Could not find variable a/kernel. This could", r"model\.export\(directory\)"),
        ("ValueError: callback pyfunc_3 is not found\n", "no server can run that"),
        ("data.shape = [4,8] does not start with segment_ids.shape = [5]", "parts of a RaggedTensor"),
        ("Op type not registered 'Foo' in binary running on h.", "Operation Foo comes from a library of its own"),
    ],
)
def test_the_models_own_words_come_with_a_remedy(message: str, says: str) -> None:

    words = tensorflow_errors.words(RuntimeError(message))
    assert "Graph execution error" not in words
    assert re.search(says, words)


def test_python_inside_a_model_is_refused_with_what_helps(tmp_path: Path) -> None:
    with pytest.raises(UnsafeModel, match="No server can run Python operations, whatever allow_unsafe_ops says"):
        build(tmp_path / "run", export_models.calling_python(tmp_path / "m"))
