"""tensorflow_model_server's command line as data: its 48 flags, and what the official image puts in front."""

from __future__ import annotations

# Every flag of tensorflow_model_server 2.20.0 by kind (model_servers/main.cc).
_KINDS = {
    "a whole number": """port rest_api_port rest_api_num_threads rest_api_timeout_in_ms
        model_config_file_poll_wait_seconds num_load_threads num_unload_threads max_num_load_retries
        load_retry_interval_micros file_system_poll_wait_seconds tensorflow_session_parallelism
        tensorflow_intra_op_parallelism tensorflow_inter_op_parallelism grpc_max_threads
        num_request_iterations_for_warmup num_tflite_pools num_tflite_interpreters_per_pool""",
    "true or false": """rest_api_enable_cors_support enable_batching allow_version_labels_for_unavailable_models
        enable_per_model_batching_parameters flush_filesystem_caches use_alts_credentials enable_model_warmup version
        remove_unused_fields_from_bundle_metagraph prefer_tflite_model enable_signature_method_name_check
        xla_cpu_compilation_enabled xla_gpu_compilation_enabled enable_profiler skip_initialize_tpu
        enable_grpc_healthcheck_service enable_serialization_as_tensor_content""",
    "a number": "per_process_gpu_memory_fraction",
    "text": """grpc_socket_path batching_parameters_file model_config_file model_name model_base_path
        tensorflow_session_config_file ssl_config_file platform_config_file saved_model_tags grpc_channel_arguments
        monitoring_config_file thread_pool_factory_config_file mixed_precision""",
}
FLAGS = {name: kind for kind, names in _KINDS.items() for name in names.split()}
FORMS = {"a whole number": r"[+-]?\d+", "true or false": r"(?i)(true|false|0|1)", "a number": r"[+-]?[\d.]+(e-?\d+)?"}
_OF_BATCHING = {  # as people call them: the field
    **dict.fromkeys(("max_batch_size", "batch_size"), "max_batch_size { value: ... }"),
    **dict.fromkeys(("batch_timeout_micros", "batch_timeout"), "batch_timeout_micros { value: ... }"),
    "max_enqueued_batches": "max_enqueued_batches { value: ... }",
    "num_batch_threads": "num_batch_threads { value: ... }",
    **dict.fromkeys(("allowed_batch_sizes", "allowed_batch_size", "allowed_sizes", "allowed_size"),
                    "allowed_batch_sizes: ..., one line a size,"),
}  # fmt: skip
# Invented in articles; what their readers were after.
INVENTED = {
    "enable_per_model_metrics": "Drop it: request metrics carry a model_name label anyway; metrics need "
    "--monitoring_config_file.",
    **{name: f"Write {field} into a file, and name it: --enable_batching --batching_parameters_file=..."
       for name, field in _OF_BATCHING.items()},
}  # fmt: skip
# What other programs or older servers call a flag, where no likeness of letters tells.
RENAMED = {
    "grpc_port": "port",
    "grpc_api_port": "port",
    "tensorflow_session_parallelism_inter": "tensorflow_inter_op_parallelism",
    "tensorflow_session_parallelism_intra": "tensorflow_intra_op_parallelism",
    "use_tflite_model": "prefer_tflite_model",  # until 2.2
    "config_file": "model_config_file",
    "gpu_memory_fraction": "per_process_gpu_memory_fraction",
    "tensorflow_gpu_memory_fraction": "per_process_gpu_memory_fraction",
}
# What the official image's entrypoint puts in front of the user's arguments (tf_serving_entrypoint.sh).
ENTRYPOINT = {"port": "8500", "rest_api_port": "8501", "model_name": "model", "model_base_path": "/models/model"}
