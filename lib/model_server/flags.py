"""The 48 flags of tensorflow_model_server 2.20 (and three of ours), and its way of reading a command line."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Flag:
    """One flag: its name, type (`int32 int64 float bool string`), default and one line of help."""

    name: str
    type: str
    default: object
    help: str


CPUS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)

FLAGS = (
    Flag("port", "int32", 8500, "TCP port to listen on for gRPC/HTTP API. Disabled if port set to zero."),
    Flag("grpc_socket_path", "string", "", "If non-empty, listen to a UNIX socket for gRPC API on the given path."),
    Flag("rest_api_port", "int32", 0, "Port to listen on for HTTP/REST API. Off when zero; must differ from --port."),
    Flag("rest_api_num_threads", "int32", 4 * CPUS, "Threads for HTTP/REST API; one of them runs the event loop."),
    Flag("rest_api_timeout_in_ms", "int32", 30000, "Timeout for HTTP/REST API calls."),
    Flag("rest_api_enable_cors_support", "bool", False, "Enable CORS headers in response."),
    Flag("enable_batching", "bool", False, "enable batching"),
    Flag(
        "allow_version_labels_for_unavailable_models",
        "bool",
        False,
        "Allow a new version label to point at a version that is not available yet.",
    ),
    Flag("batching_parameters_file", "string", "", "Text proto BatchingParameters; needs --enable_batching."),
    Flag("model_config_file", "string", "", "Text proto ModelServerConfig; overrides model_name and model_base_path."),
    Flag("model_config_file_poll_wait_seconds", "int32", 0, "Seconds between reads of model_config_file; 0 = once."),
    Flag("model_name", "string", "default", "Name of the model; ignored if --model_config_file is set."),
    Flag("model_base_path", "string", "", "Path of the model's versions; ignored if --model_config_file is set."),
    Flag("num_load_threads", "int32", 0, "Threads that load servables; 0 = one after another in the manager."),
    Flag("num_unload_threads", "int32", 0, "Threads that unload servables; 0 = in the manager."),
    Flag("max_num_load_retries", "int32", 5, "Further attempts after a failed load."),
    Flag("load_retry_interval_micros", "int64", 60 * 1000 * 1000, "Microseconds between load attempts."),
    Flag(
        "file_system_poll_wait_seconds", "int32", 1, "Seconds between polls for versions; 0 = once, negative = never."
    ),
    Flag("flush_filesystem_caches", "bool", True, "Flush filesystem caches after the initial load."),
    Flag("tensorflow_session_parallelism", "int64", 0, "Threads of a session, intra- and inter-op; 0 = auto."),
    Flag("tensorflow_session_config_file", "string", "", "Text proto tensorflow.ConfigProto."),
    Flag("tensorflow_intra_op_parallelism", "int64", 0, "Threads one operation may use; 0 = auto."),
    Flag("tensorflow_inter_op_parallelism", "int64", 0, "Operations that may run at once; 0 = auto."),
    Flag("use_alts_credentials", "bool", False, "Use Google ALTS credentials."),
    Flag("ssl_config_file", "string", "", "Text proto SSLConfig; gRPC then needs TLS."),
    Flag("platform_config_file", "string", "", "Text proto PlatformConfigMap; most other options are then ignored."),
    Flag("per_process_gpu_memory_fraction", "float", 0.0, "Share of GPU memory the server may use."),
    Flag("saved_model_tags", "string", "serve", "Comma-separated tags of the MetaGraph to load."),
    Flag("grpc_channel_arguments", "string", "", "Comma-separated key=value arguments of the gRPC server."),
    Flag("grpc_max_threads", "int32", 4 * CPUS, "Most gRPC calls that are handled at a time."),
    Flag("enable_model_warmup", "bool", True, "Replay assets.extra/tf_serving_warmup_requests at load."),
    Flag("num_request_iterations_for_warmup", "int32", 0, "Times each warm-up record is replayed; used if > 0."),
    Flag("version", "bool", False, "Display version"),
    Flag("monitoring_config_file", "string", "", "Text proto MonitoringConfig."),
    Flag("remove_unused_fields_from_bundle_metagraph", "bool", True, "Keep only what serving needs of the MetaGraph."),
    Flag("prefer_tflite_model", "bool", False, "Serve model.tflite where a version has one."),
    Flag("num_tflite_pools", "int32", CPUS, "TFLite interpreter pools of a model."),
    Flag("num_tflite_interpreters_per_pool", "int32", 1, "TFLite interpreters in a pool."),
    Flag("enable_signature_method_name_check", "bool", False, "Demand a standard method_name of signatures."),
    Flag("xla_cpu_compilation_enabled", "bool", False, "Enable XLA:CPU JIT."),
    Flag("xla_gpu_compilation_enabled", "bool", False, "Enable XLA:GPU JIT."),
    Flag("enable_profiler", "bool", True, "Enable profiler service."),
    Flag("thread_pool_factory_config_file", "string", "", "Text proto ThreadPoolFactoryConfig."),
    Flag("mixed_precision", "string", "", "Only bfloat16 is known."),
    Flag("skip_initialize_tpu", "bool", False, "Whether to skip auto initializing TPU."),
    Flag("enable_grpc_healthcheck_service", "bool", False, "Enable the standard gRPC healthcheck service."),
    Flag("enable_per_model_batching_parameters", "bool", False, "Read batching_params.pbtxt of each version."),
    Flag("enable_serialization_as_tensor_content", "bool", False, "Answer with tensor_content."),
)
OWN_FLAGS = (
    Flag("bind_address", "string", "127.0.0.1", "(ours) Address both ports are bound to."),
    Flag("batch_wakeup", "string", "fast", "(ours) When idle batch threads look: fast, or as those of tensorflow do."),
    Flag("reject_unsafe_ops", "bool", False, "(ours) Refuse models whose graph reaches files, the network or Python."),
)

_RANGES = {"int32": 1 << 31, "int64": 1 << 63}


@dataclass
class ParsedFlags:
    """What a command line said: every flag's value, unknown arguments, and complaints about bad values."""

    values: dict[str, object]
    unknown: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


def _value(flag: Flag, text: str) -> object:
    """The flag's value, ValueError (of a bool KeyError) when the text is not of its type."""
    if flag.type == "bool":
        return {"true": True, "1": True, "false": False, "0": False}[text.lower()]
    if flag.type == "float":
        return float(text)
    if flag.type == "string":
        return text
    if not text.lstrip("+-").isascii() or not text.lstrip("+-").isdigit():
        raise ValueError(text)
    number = int(text)
    if not -_RANGES[flag.type] <= number < _RANGES[flag.type]:
        raise ValueError(text)
    return number


def parse(arguments: Sequence[str]) -> ParsedFlags:
    """Read `--name=value` arguments as TensorFlow's flag parser does: the last one wins, `--` ends them.

    Unknown arguments are collected, not refused; so is the value after a blank, which is not a value here.
    """
    known = {flag.name: flag for flag in (*FLAGS, *OWN_FLAGS)}
    parsed = ParsedFlags({name: flag.default for name, flag in known.items()})
    for position, argument in enumerate(arguments):
        if argument == "--":
            parsed.unknown.extend(arguments[position + 1 :])
            break
        name, equals, text = argument[2:].partition("=")
        flag = known.get(name) if argument.startswith("--") else None
        if flag is None or not (equals or flag.type == "bool"):
            parsed.unknown.append(argument)
            continue
        try:
            parsed.values[name] = _value(flag, text) if equals else True
        except (ValueError, KeyError):
            parsed.complaints.append(f"Couldn't interpret value {text} for flag {name}.")
    return parsed


def usage(command: str) -> str:
    """The usage text: one line a flag with its default, type and help."""
    lines = [f"usage: {command}", "Flags:"]
    for flag in (*FLAGS, *OWN_FLAGS):
        default = str(flag.default).lower() if flag.type == "bool" else flag.default
        shown = f'"{default}"' if flag.type == "string" else default
        lines.append(f"\t--{flag.name + '=' + str(shown):<50}\t{flag.type}\t{flag.help}")
    return "\n".join(lines) + "\n"
