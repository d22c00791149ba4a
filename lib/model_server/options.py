"""Flags turned into what the parts of the server need, with TensorFlow Serving's checks of contradictory options."""

from __future__ import annotations

from dataclasses import dataclass

from model_server import log, tensorflow_package, text_proto
from model_server.config_messages import BatchingParameters, MonitoringConfig, SSLConfig
from model_server.errors import ServingError, invalid
from model_server.grpc.tls import Pem

tensorflow_package.install()
from tensorflow.core.protobuf import config_pb2  # noqa: E402

DEFAULT_METRICS_PATH = "/monitoring/prometheus/metrics"
BATCH_WAKEUPS = ("fast", "tensorflow")
_INERT = {
    "use_alts_credentials": "ALTS credentials exist only inside Google's cloud",
    "per_process_gpu_memory_fraction": "this server runs on CPUs",
    "xla_cpu_compilation_enabled": "the XLA JIT is not switched by this server",
    "xla_gpu_compilation_enabled": "this server runs on CPUs",
    "platform_config_file": "platform configs need TensorFlow Serving itself",
    "mixed_precision": "the graph is run as it was saved",
    "skip_initialize_tpu": "there is no TPU support here",
}


@dataclass(frozen=True)
class BatchingSettings:
    """Batching switched on: the parameters of the file (or none) and whether each version brings its own."""

    parameters: BatchingParameters
    thread_pool_name: str
    per_model: bool


def check(values: dict) -> None:
    """Refuse contradictory flags.

    Raises:
        ServingError: INVALID_ARGUMENT; the server does not start.
    """
    check_own(values)
    if not values["model_base_path"] and not values["model_config_file"]:
        raise invalid("Both server_options.model_base_path and server_options.model_config_file are empty!")
    if not values["port"] and not values["grpc_socket_path"]:
        raise invalid("At least one of server_options.grpc_port or server_options.grpc_socket_path must be set.")
    if values["use_alts_credentials"] and values["ssl_config_file"]:
        raise invalid("Either use_alts_credentials must be false or ssl_config_file must be empty.")
    if values["batching_parameters_file"] and not values["enable_batching"]:
        raise invalid(
            "server_options.batching_parameters_file is set without setting server_options.enable_batching to true."
        )
    names = ("tensorflow_session_parallelism", "tensorflow_intra_op_parallelism", "tensorflow_inter_op_parallelism")
    if all(values[name] > 0 for name in names):
        raise invalid(
            "Either configure server_options.tensorflow_session_parallelism or "
            "(server_options.tensorflow_intra_op_parallelism, server_options.tensorflow_inter_op_parallelism) "
            "separately. You cannot configure all."
        )


def check_own(values: dict) -> None:
    """Refuse values of our own flags that mean nothing.

    Raises:
        ServingError: INVALID_ARGUMENT; the server does not start.
    """
    if values["batch_wakeup"] not in BATCH_WAKEUPS:
        raise invalid(f"--batch_wakeup is one of {', '.join(BATCH_WAKEUPS)}; it was {values['batch_wakeup']!r}.")


def warn_inert(values: dict, defaults: dict) -> None:
    """One warning line for each flag that was set and cannot act here."""
    for name, reason in _INERT.items():
        if values[name] != defaults[name]:
            log.warning("model_server", f"--{name} has no effect in the embedded server: {reason}.")


def batching(values: dict) -> BatchingSettings | None:
    """The batching options, None when batching is off.

    Raises:
        ServingError: the file is missing or does not parse.
    """
    if not values["enable_batching"]:
        return None
    path = values["batching_parameters_file"]
    parameters = text_proto.read(path, BatchingParameters) if path else BatchingParameters()
    name = parameters.thread_pool_name.value if parameters.HasField("thread_pool_name") else "batch_threads"
    if not path:
        name = "model_server_batch_threads"
    return BatchingSettings(parameters, name, values["enable_per_model_batching_parameters"])


def session_config(values: dict) -> bytes:
    """The serialized ConfigProto of every session; the flags overwrite the file's thread counts, even with 0.

    A negative inter-op count runs graphs in the thread that asks, but is seen only beside an intra-op count above 0.

    Raises:
        ServingError: the file is missing or does not parse.
    """
    path = values["tensorflow_session_config_file"]
    config: config_pb2.ConfigProto = text_proto.read(path, config_pb2.ConfigProto) if path else config_pb2.ConfigProto()
    intra, inter = values["tensorflow_intra_op_parallelism"], values["tensorflow_inter_op_parallelism"]
    if intra <= 0 and inter <= 0:  # as server.cc asks
        intra = inter = values["tensorflow_session_parallelism"]
    config.intra_op_parallelism_threads, config.inter_op_parallelism_threads = intra, inter
    config.gpu_options.per_process_gpu_memory_fraction = values["per_process_gpu_memory_fraction"]
    return config.SerializeToString()


def shared_threads(serialized: bytes) -> bool:
    """Whether all sessions of this ConfigProto run on the same threads, made once."""
    config: config_pb2.ConfigProto = config_pb2.ConfigProto.FromString(serialized)
    return not config.use_per_session_threads and not config.session_inter_op_thread_pool


def metrics_path(values: dict) -> str | None:
    """Where Prometheus may scrape; None without a monitoring config that enables it.

    Raises:
        ServingError: the file is missing or does not parse.
    """
    if not values["monitoring_config_file"]:
        return None
    config = text_proto.read(values["monitoring_config_file"], MonitoringConfig).prometheus_config
    return (config.path or DEFAULT_METRICS_PATH) if config.enable else None


def tls(values: dict) -> Pem | None:
    """TLS for the gRPC port from --ssl_config_file; None without one. A bad file aborts the process, as there."""
    path = values["ssl_config_file"]
    if not path:
        return None
    try:
        config = text_proto.read(path, SSLConfig)
    except ServingError as error:
        log.fatal("tensorflow_serving/model_servers/server.cc:98", f"Check failed: {error}")
    return Pem(config.server_key, config.server_cert, config.custom_ca if config.client_verify else None)


def check_pool(threads: int) -> None:
    """A pool of no threads aborts the process, as there."""
    if threads < 1:
        where = "external/local_tsl/tsl/platform/threadpool.cc:99"
        log.fatal(where, f"Check failed: num_threads >= 1 ({threads} vs. 1)")


def check_thread_pool_factory(values: dict) -> None:
    """Refuse a thread pool factory: the stock server registers none.

    Raises:
        ServingError: INVALID_ARGUMENT, once the models are loaded.
    """
    if values["thread_pool_factory_config_file"]:
        raise invalid("Couldn't find factory for config proto message type of thread_pool_factory_config_file")


def grpc_calls(values: dict) -> int:
    """gRPC calls at work at a time; no thread at all aborts the process, as there."""
    threads = values["grpc_max_threads"]
    if threads < 1:
        where = "src/cpp/thread_manager/thread_manager.cc:138"
        log.fatal(where, "No thread quota available to even create the minimum required polling threads (i.e 1).")
    return threads


def rest_workers(values: dict) -> int:
    """REST requests at work at a time: one thread of the pool runs the event loop (so 1 thread serves none)."""
    return max(0, values["rest_api_num_threads"] - 1)


def grpc_arguments(values: dict) -> list[tuple[str, object]]:
    """The arguments of --grpc_channel_arguments; a value that parses as an integer is one."""
    text = values["grpc_channel_arguments"]
    pairs = [item.split("=", 1) for item in text.split(",")] if text else []
    if any(len(pair) < 2 for pair in pairs):  # there, what stands behind the vector's end is taken for the value
        log.fatal("tensorflow_serving/model_servers/server.cc:84", f"--grpc_channel_arguments={text} is no name=value")
    return [(key, int(text) if text.lstrip("-").isdigit() else text) for key, text in pairs]
