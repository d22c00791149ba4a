"""Messages of TensorFlow Serving's config files that the pip package lacks, built from their field numbers.

Source: tensorflow_serving/servables/tensorflow/session_bundle_config.proto and
tensorflow_serving/config/{monitoring_config,ssl_config}.proto.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, wrappers_pb2

if TYPE_CHECKING:
    from typing import TypeAlias

_FIELD = descriptor_pb2.FieldDescriptorProto
_KINDS = {
    "bool": _FIELD.TYPE_BOOL,
    "bytes": _FIELD.TYPE_BYTES,
    "double": _FIELD.TYPE_DOUBLE,
    "int32": _FIELD.TYPE_INT32,
    "int64": _FIELD.TYPE_INT64,
    "string": _FIELD.TYPE_STRING,
}

# message -> fields as (number, name, kind); a kind with a dot is a message, a leading * means repeated
_MESSAGES = {
    "BatchingParameters": (
        (1, "max_batch_size", "google.protobuf.Int64Value"),
        (2, "batch_timeout_micros", "google.protobuf.Int64Value"),
        (3, "max_enqueued_batches", "google.protobuf.Int64Value"),
        (4, "num_batch_threads", "google.protobuf.Int64Value"),
        (5, "thread_pool_name", "google.protobuf.StringValue"),
        (6, "allowed_batch_sizes", "*int64"),
        (7, "pad_variable_length_inputs", "bool"),
        (8, "enable_large_batch_splitting", "google.protobuf.BoolValue"),
        (9, "max_execution_batch_size", "google.protobuf.Int64Value"),
    ),
    "PrometheusConfig": ((1, "enable", "bool"), (2, "path", "string")),
    "MonitoringConfig": ((1, "prometheus_config", "tensorflow.serving.PrometheusConfig"),),
    "SSLConfig": (
        (1, "server_key", "string"),
        (2, "server_cert", "string"),
        (3, "custom_ca", "string"),
        (4, "client_verify", "bool"),
    ),
}


def _pool() -> descriptor_pool.DescriptorPool:
    pool = descriptor_pool.DescriptorPool()
    pool.Add(descriptor_pb2.FileDescriptorProto.FromString(wrappers_pb2.DESCRIPTOR.serialized_pb))
    file = descriptor_pb2.FileDescriptorProto(
        name="model_server/config.proto", package="tensorflow.serving", syntax="proto3"
    )
    file.dependency.append("google/protobuf/wrappers.proto")
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for number, field, kind in fields:
            label = _FIELD.LABEL_REPEATED if kind.startswith("*") else _FIELD.LABEL_OPTIONAL
            added = message.field.add(number=number, name=field, label=label)
            if "." in kind:
                added.type, added.type_name = _FIELD.TYPE_MESSAGE, "." + kind
            else:
                added.type = _KINDS[kind.lstrip("*")]
    pool.Add(file)
    return pool


def _classes() -> dict[str, type]:
    pool = _pool()
    find = pool.FindMessageTypeByName
    return {name: message_factory.GetMessageClass(find(f"tensorflow.serving.{name}")) for name in _MESSAGES}


if TYPE_CHECKING:  # classes made at run time: a type checker knows none of their fields
    BatchingParameters: TypeAlias = Any
    PrometheusConfig: TypeAlias = Any
    MonitoringConfig: TypeAlias = Any
    SSLConfig: TypeAlias = Any
else:
    _CLASSES = _classes()
    BatchingParameters = _CLASSES["BatchingParameters"]
    PrometheusConfig = _CLASSES["PrometheusConfig"]
    MonitoringConfig = _CLASSES["MonitoringConfig"]
    SSLConfig = _CLASSES["SSLConfig"]
