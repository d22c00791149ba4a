"""TensorFlow Serving's messages without TensorFlow: the fields this playbook uses, in a private pool.

Importing the official stubs costs TensorFlow's 13 s. These are wire-compatible with them (a test compares field
numbers and types with the messages that the pip packages hold). A oneof is written as plain optional messages, an enum
as int32: the bytes are the same.
Source: tensorflow/core/{framework,example}/*.proto, core/protobuf/{meta_graph,saved_model}.proto,
tensorflow_serving/{apis,config,util}/*.proto and servables/tensorflow/session_bundle_config.proto.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import Message

DEFINITIONS = """
message Int64Value { int64 value = 1; }
message BoolValue { bool value = 1; }
message StringValue { string value = 1; }
message Dim { int64 size = 1; string name = 2; }
message TensorShapeProto { repeated Dim dim = 2; bool unknown_rank = 3; }
message TensorProto {
  int32 dtype = 1; TensorShapeProto tensor_shape = 2; int32 version_number = 3; bytes tensor_content = 4;
  repeated float float_val = 5; repeated double double_val = 6; repeated int32 int_val = 7;
  repeated bytes string_val = 8; repeated int64 int64_val = 10; repeated bool bool_val = 11;
  repeated int32 half_val = 13; repeated uint32 uint32_val = 16; repeated uint64 uint64_val = 17;
}
message ModelSpec { string name = 1; Int64Value version = 2; string signature_name = 3; string version_label = 4; }
message PredictRequest {
  ModelSpec model_spec = 1; map<string, TensorProto> inputs = 2; repeated string output_filter = 3;
}
message PredictResponse { map<string, TensorProto> outputs = 1; ModelSpec model_spec = 2; }
message BytesList { repeated bytes value = 1; }
message FloatList { repeated float value = 1; }
message Int64List { repeated int64 value = 1; }
message Feature { BytesList bytes_list = 1; FloatList float_list = 2; Int64List int64_list = 3; }
message Features { map<string, Feature> feature = 1; }
message Example { Features features = 1; }
message ExampleList { repeated Example examples = 1; }
message ExampleListWithContext { repeated Example examples = 1; Example context = 2; }
message Input { ExampleList example_list = 1; ExampleListWithContext example_list_with_context = 2; }
message Class { string label = 1; float score = 2; }
message Classifications { repeated Class classes = 1; }
message ClassificationResult { repeated Classifications classifications = 1; }
message ClassificationRequest { ModelSpec model_spec = 1; Input input = 2; }
message ClassificationResponse { ClassificationResult result = 1; ModelSpec model_spec = 2; }
message Regression { float value = 1; }
message RegressionResult { repeated Regression regressions = 1; }
message RegressionRequest { ModelSpec model_spec = 1; Input input = 2; }
message RegressionResponse { RegressionResult result = 1; ModelSpec model_spec = 2; }
message InferenceTask { ModelSpec model_spec = 1; string method_name = 2; }
message MultiInferenceRequest { repeated InferenceTask tasks = 1; Input input = 2; }
message StatusProto { int32 error_code = 1; string error_message = 2; }
message ModelVersionStatus { int64 version = 1; int32 state = 2; StatusProto status = 3; }
message GetModelStatusRequest { ModelSpec model_spec = 1; }
message GetModelStatusResponse { repeated ModelVersionStatus model_version_status = 1; }
message PredictLog { PredictRequest request = 1; PredictResponse response = 2; }
message ClassifyLog { ClassificationRequest request = 1; ClassificationResponse response = 2; }
message RegressLog { RegressionRequest request = 1; RegressionResponse response = 2; }
message MultiInferenceLog { MultiInferenceRequest request = 1; }
message PredictionLog {
  ClassifyLog classify_log = 2; RegressLog regress_log = 3; MultiInferenceLog multi_inference_log = 4;
  PredictLog predict_log = 6;
}
message Latest { uint32 num_versions = 1; }
message All { }
message Specific { repeated int64 versions = 1; }
message ServableVersionPolicy { Latest latest = 100; All all = 101; Specific specific = 102; }
message ModelConfig {
  string name = 1; string base_path = 2; string model_platform = 4; ServableVersionPolicy model_version_policy = 7;
  map<string, int64> version_labels = 8;
}
message ModelConfigList { repeated ModelConfig config = 1; }
message ModelServerConfig { ModelConfigList model_config_list = 1; }
message ReloadConfigRequest { ModelServerConfig config = 1; repeated string metric_names = 2; }
message ReloadConfigResponse { StatusProto status = 1; }
message TensorInfo { string name = 1; int32 dtype = 2; TensorShapeProto tensor_shape = 3; }
message SignatureDef {
  map<string, TensorInfo> inputs = 1; map<string, TensorInfo> outputs = 2; string method_name = 3;
}
message AttrValue {
  bytes s = 2; int64 i = 3; float f = 4; bool b = 5; int32 type = 6; TensorShapeProto shape = 7;
  TensorProto tensor = 8;
}
message NodeDef {
  string name = 1; string op = 2; repeated string input = 3; string device = 4; map<string, AttrValue> attr = 5;
}
message VersionDef { int32 producer = 1; int32 min_consumer = 2; }
message GraphDef { repeated NodeDef node = 1; VersionDef versions = 4; }
message MetaInfoDef { repeated string tags = 4; }
message MetaGraphDef {
  MetaInfoDef meta_info_def = 1; GraphDef graph_def = 2; map<string, SignatureDef> signature_def = 5;
}
message SavedModel { int64 saved_model_schema_version = 1; repeated MetaGraphDef meta_graphs = 2; }
message BatchingParameters {
  Int64Value max_batch_size = 1; Int64Value batch_timeout_micros = 2; Int64Value max_enqueued_batches = 3;
  Int64Value num_batch_threads = 4; StringValue thread_pool_name = 5; repeated int64 allowed_batch_sizes = 6;
  bool pad_variable_length_inputs = 7; BoolValue enable_large_batch_splitting = 8;
  Int64Value max_execution_batch_size = 9;
}
"""

_SCALARS = ("double", "float", "int64", "uint64", "int32", "bool", "string", "bytes", "uint32")
_PACKAGE = "tfserving"


def _type(field: descriptor_pb2.FieldDescriptorProto, name: str) -> None:
    if name in _SCALARS:
        field.type = getattr(descriptor_pb2.FieldDescriptorProto, f"TYPE_{name.upper()}")
    else:
        field.type = descriptor_pb2.FieldDescriptorProto.TYPE_MESSAGE
        field.type_name = f".{_PACKAGE}.{name}"


def _add(message: descriptor_pb2.DescriptorProto, label: str, kind: str, name: str, number: int) -> None:
    field = message.field.add(name=name, number=number)
    field.label = field.LABEL_REPEATED if label or kind.startswith("map") else field.LABEL_OPTIONAL
    if not kind.startswith("map"):
        return _type(field, kind)
    key, value = re.findall(r"\w+", kind.removeprefix("map"))
    entry = message.nested_type.add(name=f"{name.title().replace('_', '')}Entry")
    entry.options.map_entry = True
    _add(entry, "", key, "key", 1)
    _add(entry, "", value, "value", 2)
    field.type = field.TYPE_MESSAGE
    field.type_name = f".{_PACKAGE}.{message.name}.{entry.name}"


def _build(definitions: str) -> Iterator[tuple[str, type[Message]]]:
    file = descriptor_pb2.FileDescriptorProto(name="tfserving.proto", package=_PACKAGE, syntax="proto3")
    for name, body in re.findall(r"message (\w+) \{(.*?)\}", definitions, re.DOTALL):
        message = file.message_type.add(name=name)
        for label, kind, field, number in re.findall(r"(repeated )?(map<.*?>|\w+) (\w+) = (\d+);", body):
            _add(message, label, kind, field, int(number))
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    for message in file.message_type:
        yield message.name, message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.{message.name}"))


# Every message class by name. Their fields are known when they are built and to no type checker, hence Any: here, once.
MESSAGES: dict[str, Any] = dict(_build(DEFINITIONS))

# TensorFlow's DataType numbers with their NumPy types (tensorflow/core/framework/types.proto).
DTYPES: dict[int, np.dtype] = {
    1: np.dtype(np.float32),
    2: np.dtype(np.float64),
    3: np.dtype(np.int32),
    4: np.dtype(np.uint8),
    5: np.dtype(np.int16),
    6: np.dtype(np.int8),
    7: np.dtype(object),
    9: np.dtype(np.int64),
    10: np.dtype(np.bool_),
    17: np.dtype(np.uint16),
    19: np.dtype(np.float16),
    22: np.dtype(np.uint32),
    23: np.dtype(np.uint64),
}
_NUMBERS = {dtype: number for number, dtype in DTYPES.items()}
_VALUES = {1: "float_val", 2: "double_val", 7: "string_val", 9: "int64_val", 10: "bool_val", 22: "uint32_val"}
_VALUES |= {23: "uint64_val", 19: "half_val"}


def to_tensor_proto(array: np.ndarray) -> Any:
    """The array as a TensorProto; numbers as `tensor_content`, the form that is cheapest to read.

    Raises:
        TypeError: a dtype that is not in `DTYPES`.
    """
    array = np.asarray(array)
    strings = array.dtype.kind in "OSU"
    number = 7 if strings else _NUMBERS.get(array.dtype)
    if number is None:
        raise TypeError(f"No TensorFlow dtype for NumPy {array.dtype}; known are {sorted(map(str, DTYPES.values()))}.")
    proto = MESSAGES["TensorProto"](dtype=number)
    for size in array.shape:
        proto.tensor_shape.dim.add(size=size)
    if not array.shape:
        proto.tensor_shape.SetInParent()
    if strings:
        proto.string_val.extend(item if isinstance(item, bytes) else str(item).encode() for item in array.ravel())
    else:
        proto.tensor_content = array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
    return proto


def from_tensor_proto(proto: Any) -> np.ndarray:
    """The TensorProto as an array; too few values are filled with the last one, as TensorFlow does.

    Raises:
        TypeError: a dtype this playbook does not read.
        ValueError: more values than the shape holds, or none for a shape that holds some.
    """
    dtype = DTYPES.get(proto.dtype)
    if dtype is None:
        raise TypeError(f"TensorProto of dtype number {proto.dtype}; readable are {sorted(DTYPES)}.")
    shape = tuple(dim.size for dim in proto.tensor_shape.dim)
    if proto.tensor_content:
        return np.frombuffer(proto.tensor_content, dtype=dtype).reshape(shape)
    values = getattr(proto, _VALUES.get(proto.dtype, "int_val"))
    if proto.dtype == 19:  # half precision travels as its bits in int32
        flat = np.array(values, dtype=np.uint16).view(np.float16)
    elif dtype.hasobject:
        flat = np.empty(len(values), dtype=object)
        flat[:] = list(values)
    else:
        flat = np.array(values, dtype=dtype)
    size = int(np.prod(shape, dtype=np.int64))
    if 0 < len(flat) < size:
        flat = np.concatenate([flat, np.repeat(flat[-1:], size - len(flat))])
    return flat.reshape(shape)
