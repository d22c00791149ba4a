"""Messages of TensorFlow Serving's config files that the pip package lacks, built from their field numbers.

Source: tensorflow_serving/servables/tensorflow/session_bundle_config.proto and
tensorflow_serving/config/{monitoring_config,ssl_config}.proto.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from model_server.run_time_messages import classes

if TYPE_CHECKING:
    from typing import TypeAlias

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


if TYPE_CHECKING:  # classes made at run time: a type checker knows none of their fields
    BatchingParameters: TypeAlias = Any
    PrometheusConfig: TypeAlias = Any
    MonitoringConfig: TypeAlias = Any
    SSLConfig: TypeAlias = Any
else:
    _CLASSES = classes("tensorflow.serving", _MESSAGES)
    BatchingParameters = _CLASSES["BatchingParameters"]
    PrometheusConfig = _CLASSES["PrometheusConfig"]
    MonitoringConfig = _CLASSES["MonitoringConfig"]
    SSLConfig = _CLASSES["SSLConfig"]
