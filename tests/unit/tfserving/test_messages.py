"""Our own messages are TensorFlow Serving's, field by field; batching files are what its parser takes."""

import numpy as np
import pytest

from playbook.errors import ParameterError
from playbook.serve.cores import split_cpus
from playbook.serve.spec import ServerSpec, choose_port, from_parameters
from playbook.tfserving import messages, requests
from playbook.tfserving.batching import Batching
from playbook.tfserving.reference import Reference

OFFICIAL = """
import json, sys, types, importlib.util
spec = importlib.util.find_spec("tensorflow")
package = types.ModuleType("tensorflow"); package.__path__ = list(spec.submodule_search_locations)
sys.modules["tensorflow"] = package
from tensorflow_serving.apis import (classification_pb2, get_model_status_pb2, inference_pb2, model_management_pb2,
    predict_pb2, prediction_log_pb2, regression_pb2)
from tensorflow.core.protobuf import saved_model_pb2
found, queue = {}, [prediction_log_pb2.PredictionLog, get_model_status_pb2.GetModelStatusRequest,
    get_model_status_pb2.GetModelStatusResponse, model_management_pb2.ReloadConfigRequest,
    model_management_pb2.ReloadConfigResponse, saved_model_pb2.SavedModel]
queue = [message.DESCRIPTOR for message in queue]
while queue:
    message = queue.pop()
    if message.full_name in found or message.file.name == "google/protobuf/any.proto":
        continue
    found[message.full_name] = {
        field.name: [field.number, field.is_repeated, 5 if field.enum_type else field.type] for field in message.fields
    }
    queue += [field.message_type for field in message.fields if field.message_type]
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def official() -> dict[str, list[dict[str, list]]]:
    """The official descriptors by short name, read in a process of their own without the whole of TensorFlow."""
    import json
    import subprocess
    import sys

    done = subprocess.run([sys.executable, "-c", OFFICIAL], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    short: dict[str, list] = {}
    for name, fields in json.loads(done.stdout.splitlines()[-1]).items():
        short.setdefault(name.rsplit(".", 1)[-1], []).append(fields)
    return short


def test_every_field_has_the_official_number_type_and_label(official: dict) -> None:
    renamed = {"ExampleListWithContext": "ExampleListWithContext", "Class": "Class"}
    for name, message in messages.MESSAGES.items():
        if name == "BatchingParameters":  # not in the API package; its numbers are tested against the server
            continue
        candidates = official.get(renamed.get(name, name))
        if name in ("BoolValue", "StringValue"):
            continue
        assert candidates, f"{name} is not among the official messages"
        for field in message.DESCRIPTOR.fields:
            seen = [field.number, field.is_repeated, field.type]
            assert any(fields.get(field.name) == seen for fields in candidates), f"{name}.{field.name}: {seen}"


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6, dtype=np.float32).reshape(2, 3),
        np.array(3, dtype=np.int64),
        np.array([[True, False]]),
        np.array([1.5, 2.5], dtype=np.float16),
        np.array([0, 65535], dtype=np.uint16),
        np.zeros((0, 4), dtype=np.int32),
    ],
)
def test_an_array_survives_its_tensor_proto(array: np.ndarray) -> None:
    back = messages.from_tensor_proto(messages.to_tensor_proto(array))
    assert back.dtype == array.dtype
    np.testing.assert_array_equal(back, array)


def test_bytes_survive_their_tensor_proto() -> None:
    texts = np.empty(2, dtype=object)
    texts[:] = [b"\x00\xff", b""]
    assert list(messages.from_tensor_proto(messages.to_tensor_proto(texts))) == list(texts)


def test_too_few_values_are_filled_with_the_last_one() -> None:
    proto = messages.MESSAGES["TensorProto"](dtype=1, float_val=[1.0, 2.0])
    proto.tensor_shape.dim.add(size=4)
    assert messages.from_tensor_proto(proto).tolist() == [1.0, 2.0, 2.0, 2.0]


def test_a_dtype_without_a_number_is_refused() -> None:
    with pytest.raises(TypeError, match="complex64"):
        messages.to_tensor_proto(np.zeros(2, dtype=np.complex64))


def test_a_batching_file_reads_back_as_it_was_written() -> None:
    made = Batching(
        max_batch_size=32,
        batch_timeout_micros=0,
        num_batch_threads=2,
        allowed_batch_sizes=(1, 8, 32),
        pad_variable_length_inputs=True,
    )
    assert Batching.parse(made.text()) == made
    assert "batch_timeout_micros { value: 0 }" in made.text()


def test_a_bare_number_is_refused_as_tensorflow_serving_refuses_it() -> None:
    with pytest.raises(ParameterError, match="max_batch_size"):
        Batching.parse("max_batch_size: 32")


def test_allowed_sizes_must_end_with_the_largest_batch() -> None:
    with pytest.raises(ParameterError, match="8 was given, 32 expected"):
        Batching(max_batch_size=32, allowed_batch_sizes=(1, 8))
    with pytest.raises(ParameterError, match="1000 expected"):
        Batching(allowed_batch_sizes=(1, 8))


def test_a_spec_renders_flags_in_tensorflow_servings_form(tmp_path) -> None:
    spec = ServerSpec("m", tmp_path, batching=Batching(max_batch_size=8), rest_api_num_threads=16)
    flags = spec.flags(tmp_path / "config", 8501, 8500)
    assert all(flag.startswith("--") and "=" in flag for flag in flags)
    assert {"--port=8500", "--rest_api_port=8501", "--enable_batching=true", "--rest_api_num_threads=16"} <= set(flags)
    assert spec.config_files()["batching.config"] == "max_batch_size { value: 8 }\n"


def test_parameters_left_alone_set_no_flag(tmp_path) -> None:
    spec = from_parameters({"model_name": "m", "enable_batching": False, "max_batch_size": 8}, tmp_path)
    assert spec.batching is None
    assert not any("batching" in flag or "threads" in flag for flag in spec.flags(tmp_path, 1, 2))


def test_an_unknown_server_kind_is_refused(tmp_path) -> None:
    with pytest.raises(ParameterError, match="embedded, binary, docker, attach"):
        ServerSpec("m", tmp_path, server="cloud")


def test_a_port_that_was_asked_for_and_is_taken_is_an_error() -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = taken.getsockname()[1]
        with pytest.raises(ParameterError, match=f"rest_api_port {number} is taken"):
            choose_port("rest_api_port", number)
    assert choose_port("rest_api_port", 0) > 0


def test_server_and_client_get_disjoint_cores_where_there_are_two() -> None:
    import os

    server, client = split_cpus()
    assert set(server).isdisjoint(client) == (len(os.sched_getaffinity(0)) > 1)
    with pytest.raises(ParameterError, match=r"client_cpus names cores \[9999\]"):
        split_cpus(client_cpus=[9999])


def test_bodies_and_expected_answers_lie_side_by_side(tmp_path) -> None:
    import json

    rows = Reference(
        "serving_default", {"x": np.eye(4, dtype=np.float32)}, {"y": np.arange(4, dtype=np.float32)[:, None]}
    )
    folder = requests.write_bodies(tmp_path / "b", rows, rows_per_request=2)
    first = json.loads((folder / "00000.body").read_text())
    assert first == {"instances": [[1, 0, 0, 0], [0, 1, 0, 0]]}
    assert json.loads(requests.rest_body({"x": np.eye(1)}, "other"))["signature_name"] == "other"
    assert json.loads((folder / "00001.expect").read_text()) == {"predictions": [[2.0], [3.0]]}
    assert len(list(folder.glob("*.body"))) == 2
