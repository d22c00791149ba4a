"""The servers that questions are put to, each started once: what flags and files they have."""

from __future__ import annotations

from playbook.knobs import METRICS_PATH
from playbook.tfserving.flags import FLAGS
from playbook.verify.places import Setup

_MONITORING = ("monitoring.txt", f'prometheus_config {{ enable: true path: "{METRICS_PATH}" }}\n')
_WATCHED = "--monitoring_config_file={folder}/monitoring.txt"
_BATCHED = ("--enable_batching=true", "--batching_parameters_file={folder}/batching.txt", _WATCHED)
NOT_A_FLAG = "--no_such_flag_exists=1"
WAIT_MICROS = 2000
ROOM, QUEUED, SIZES = 4, 2, (2, 4)  # max_batch_size, max_enqueued_batches and allowed_batch_sizes of `batched`
FULL = 64  # max_batch_size of `waiting`
REST_THREADS, GRPC_THREADS = 3, 2  # of `few`
LIMIT_MS = 300  # of `impatient`


def _batching(**fields: int) -> tuple[str, str]:
    lines = [f"{name} {{ value: {value} }}" for name, value in fields.items()]
    return "batching.txt", "\n".join(lines) + "\n"


def _batched_file() -> tuple[str, str]:
    name, text = _batching(
        max_batch_size=ROOM, batch_timeout_micros=0, max_enqueued_batches=QUEUED, num_batch_threads=1
    )
    return name, text + "".join(f"allowed_batch_sizes: {size}\n" for size in SIZES)


# Flags that take a file or a device are left out of `flags`: they cannot be given a value that changes nothing.
_HARMLESS = {"a whole number": "", "true or false": "false", "a number": "0", "text": None}
_KEEP = {
    "rest_api_num_threads": "16", "rest_api_timeout_in_ms": "30000", "num_load_threads": "2",
    "num_unload_threads": "2", "max_num_load_retries": "0", "load_retry_interval_micros": "1000000",
    "file_system_poll_wait_seconds": "1", "model_config_file_poll_wait_seconds": "0",
    "tensorflow_session_parallelism": "0", "tensorflow_intra_op_parallelism": "1",
    "tensorflow_inter_op_parallelism": "1", "grpc_max_threads": "8", "num_request_iterations_for_warmup": "1",
    "num_tflite_pools": "1", "num_tflite_interpreters_per_pool": "1", "saved_model_tags": "serve",
    "grpc_channel_arguments": "grpc.max_concurrent_streams=100", "flush_filesystem_caches": "true",
    "enable_model_warmup": "true", "remove_unused_fields_from_bundle_metagraph": "true",
}  # fmt: skip
_ELSEWHERE = {"port", "rest_api_port", "model_name", "model_base_path", "version"}


def every_flag() -> tuple[str, ...]:
    """The flags that take no file and no device, each with a harmless value."""
    given = {name: _KEEP.get(name, _HARMLESS[kind]) for name, kind in FLAGS.items() if name not in _ELSEWHERE}
    return tuple(f"--{name}={value}" for name, value in given.items() if value)


SETUPS = {
    "plain": Setup(("--rest_api_num_threads=16", "--grpc_max_threads=16", _WATCHED), (_MONITORING,)),
    "flags": Setup((*every_flag(), NOT_A_FLAG)),
    "batched": Setup((*_BATCHED, "--rest_api_num_threads=40"), (_MONITORING, _batched_file())),
    "waiting": Setup(
        _BATCHED,
        (_MONITORING, _batching(max_batch_size=FULL, batch_timeout_micros=WAIT_MICROS, num_batch_threads=1)),
    ),
    "few": Setup(
        (*_BATCHED, f"--rest_api_num_threads={REST_THREADS}", f"--grpc_max_threads={GRPC_THREADS}"),
        (_MONITORING, _batching(max_batch_size=64, batch_timeout_micros=0, num_batch_threads=1)),
    ),
    "impatient": Setup((f"--rest_api_timeout_in_ms={LIMIT_MS}", "--rest_api_num_threads=8")),
    "life": Setup(
        (_WATCHED, "--file_system_poll_wait_seconds=1", "--max_num_load_retries=0", "--rest_api_num_threads=8"),
        (_MONITORING,),
    ),
}
