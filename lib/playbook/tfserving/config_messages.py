"""The messages of TensorFlow Serving's config files, as the server's text parser knows them; a light import.

Source: tensorflow_serving/config/{model_server,monitoring,ssl,platform,logging}_config.proto,
tensorflow_serving/sources/storage_path/file_system_storage_path_source.proto,
tensorflow_serving/servables/tensorflow/{session_bundle_config,thread_pool_factory_config}.proto and
tensorflow/core/protobuf/{config,rewriter_config,cluster}.proto and xla/tsl/protobuf/coordination_config.proto. A test
compares the ones that the pip packages hold with them, field by field. Of the parameters of custom graph optimizers
(tensorflow/core/framework/attr_value.proto) and of experimental_fixed_input_tensors whole tensors are not described.
"""

from __future__ import annotations

from google.protobuf import any_pb2, descriptor_pb2, wrappers_pb2

from playbook.tfserving.proto_tables import MessageType, build

_SERVING = """
message Latest { uint32 num_versions = 1; }
message All { }
message Specific { repeated int64 versions = 1; }
message ServableVersionPolicy {
  oneof policy_choice: Latest latest = 100; oneof policy_choice: All all = 101;
  oneof policy_choice: Specific specific = 102;
}
enum ModelType { MODEL_TYPE_UNSPECIFIED = 0; TENSORFLOW = 1; OTHER = 2; }
message LogCollectorConfig { string type = 1; string filename_prefix = 2; }
message PerTaskSamplingConfig { string dc = 1; int32 task_index = 2; double sampling_rate = 3; }
message SamplingConfig {
  double sampling_rate = 1; int32 attributes = 2; repeated PerTaskSamplingConfig per_task_sampling_configs = 3;
}
message LoggingConfig {
  LogCollectorConfig log_collector_config = 1; SamplingConfig sampling_config = 2;
  google.protobuf.Any custom_logging_config = 3;
}
message ModelConfig {
  string name = 1; string base_path = 2; ModelType model_type = 3; string model_platform = 4;
  LoggingConfig logging_config = 6; ServableVersionPolicy model_version_policy = 7;
  map<string, int64> version_labels = 8;
}
message ModelConfigList { repeated ModelConfig config = 1; }
message ModelServerConfig {
  oneof config: ModelConfigList model_config_list = 1; oneof config: google.protobuf.Any custom_model_config = 2;
}
message BatchingParameters {
  google.protobuf.Int64Value max_batch_size = 1; google.protobuf.Int64Value batch_timeout_micros = 2;
  google.protobuf.Int64Value max_enqueued_batches = 3; google.protobuf.Int64Value num_batch_threads = 4;
  google.protobuf.StringValue thread_pool_name = 5; repeated int64 allowed_batch_sizes = 6;
  bool pad_variable_length_inputs = 7; google.protobuf.BoolValue enable_large_batch_splitting = 8;
  google.protobuf.Int64Value max_execution_batch_size = 9;
}
message PrometheusConfig { bool enable = 1; string path = 2; }
message MonitoringConfig { PrometheusConfig prometheus_config = 1; }
message SSLConfig { string server_key = 1; string server_cert = 2; string custom_ca = 3; bool client_verify = 4; }
message SessionBundleConfig {
  string session_target = 1; tensorflow.ConfigProto session_config = 2; BatchingParameters batching_parameters = 3;
  google.protobuf.Int32Value session_run_load_threadpool_index = 4;
  uint64 experimental_transient_ram_bytes_during_load = 5; repeated string saved_model_tags = 6;
  repeated NamedTensorProto experimental_fixed_input_tensors = 778; bool enable_model_warmup = 779;
  ModelWarmupOptions model_warmup_options = 780; bool enable_session_metadata = 781;
  bool remove_unused_fields_from_bundle_metagraph = 782; bool prefer_tflite_model = 783;
  bool resource_estimation_uses_validation_result = 784; int32 num_tflite_interpreters = 785;
  int32 num_tflite_interpreters_per_pool = 786; int32 num_tflite_pools = 787;
  bool wrap_session_with_no_threading_params = 788; bool enable_per_model_batching_params = 789;
  bool enable_saved_model_config = 790; string mixed_precision = 791;
}
message NamedTensorProto { string name = 1; }
message ModelWarmupOptions {
  google.protobuf.Int32Value num_request_iterations = 1; google.protobuf.Int32Value num_model_warmup_threads = 2;
  string model_name = 3; int64 model_version = 4; bool enable_all_batch_sizes_warmup = 5;
}
message SavedModelBundleSourceAdapterConfig { SessionBundleConfig legacy_config = 1000; }
message PlatformConfig { google.protobuf.Any source_adapter_config = 1; }
message PlatformConfigMap { map<string, PlatformConfig> platform_configs = 1; }
message ThreadPoolFactoryConfig { google.protobuf.Any thread_pool_factory_config = 1; }
"""
_TENSORFLOW = """
message ConfigProto {
  map<string, int32> device_count = 1; int32 intra_op_parallelism_threads = 2; int32 inter_op_parallelism_threads = 5;
  bool use_per_session_threads = 9; repeated ThreadPoolOptionProto session_inter_op_thread_pool = 12;
  int32 placement_period = 3; repeated string device_filters = 4; GPUOptions gpu_options = 6;
  GPUOptions pluggable_device_options = 18; bool allow_soft_placement = 7; bool log_device_placement = 8;
  GraphOptions graph_options = 10; int64 operation_timeout_in_ms = 11; RPCOptions rpc_options = 13;
  ClusterDef cluster_def = 14; bool isolate_session_state = 15; bool share_cluster_devices_in_session = 17;
  ConfigProto_Experimental experimental = 16;
}
message ThreadPoolOptionProto { int32 num_threads = 1; string global_name = 2; }
message GPUOptions {
  double per_process_gpu_memory_fraction = 1; bool allow_growth = 4; string allocator_type = 2;
  int64 deferred_deletion_bytes = 3; string visible_device_list = 5; int32 polling_active_delay_usecs = 6;
  int32 polling_inactive_delay_msecs = 7; bool force_gpu_compatible = 8; GPUOptions_Experimental experimental = 9;
}
message GPUOptions_Experimental {
  repeated GPUOptions_Experimental_VirtualDevices virtual_devices = 1; int32 num_virtual_devices_per_gpu = 15;
  bool use_unified_memory = 2; int32 num_dev_to_dev_copy_streams = 3; string collective_ring_order = 4;
  bool timestamped_allocator = 5; int32 kernel_tracker_max_interval = 7; int32 kernel_tracker_max_bytes = 8;
  int32 kernel_tracker_max_pending = 9; double internal_fragmentation_fraction = 10; bool use_cuda_malloc_async = 11;
  bool disallow_retry_on_allocation_failure = 12; float gpu_host_mem_limit_in_mb = 13;
  bool gpu_host_mem_disallow_growth = 14; int32 gpu_system_memory_size_in_mb = 16;
  bool populate_pjrt_gpu_client_creation_info = 17; int32 node_id = 18;
  GPUOptions_Experimental_StreamMergeOptions stream_merge_options = 19;
}
message GPUOptions_Experimental_VirtualDevices {
  repeated float memory_limit_mb = 1; repeated int32 priority = 2; repeated int32 device_ordinal = 3;
}
message GPUOptions_Experimental_StreamMergeOptions {
  bool merge_host_to_device_stream = 1; bool merge_device_to_host_stream = 2; bool merge_device_to_device_stream = 3;
}
message GraphOptions {
  bool enable_recv_scheduling = 2; OptimizerOptions optimizer_options = 3; int64 build_cost_model = 4;
  int64 build_cost_model_after = 9; bool infer_shapes = 5; bool place_pruned_graph = 6;
  bool enable_bfloat16_sendrecv = 7; int32 timeline_step = 8; RewriterConfig rewrite_options = 10;
}
message OptimizerOptions {
  bool do_common_subexpression_elimination = 1; bool do_constant_folding = 2; int64 max_folded_constant_in_bytes = 6;
  bool do_function_inlining = 4; OptimizerOptions_Level opt_level = 3;
  OptimizerOptions_GlobalJitLevel global_jit_level = 5; bool cpu_global_jit = 7;
}
message RewriterConfig {
  RewriterConfig_CpuLayout cpu_layout_conversion = 50; RewriterConfig_Toggle layout_optimizer = 1;
  RewriterConfig_Toggle constant_folding = 3; RewriterConfig_Toggle shape_optimization = 13;
  RewriterConfig_Toggle remapping = 14; RewriterConfig_Toggle common_subgraph_elimination = 24;
  RewriterConfig_Toggle arithmetic_optimization = 7; RewriterConfig_Toggle dependency_optimization = 8;
  RewriterConfig_Toggle loop_optimization = 9; RewriterConfig_Toggle function_optimization = 10;
  RewriterConfig_Toggle debug_stripper = 11; bool disable_model_pruning = 2;
  RewriterConfig_Toggle scoped_allocator_optimization = 15; RewriterConfig_Toggle pin_to_host_optimization = 18;
  RewriterConfig_Toggle implementation_selector = 22; RewriterConfig_Toggle auto_mixed_precision = 23;
  RewriterConfig_Toggle auto_mixed_precision_mkl = 25;
  RewriterConfig_Toggle auto_mixed_precision_onednn_bfloat16 = 31;
  RewriterConfig_Toggle auto_mixed_precision_cpu = 29; bool disable_meta_optimizer = 19;
  bool disable_tfg_optimizer = 32; RewriterConfig_Toggle use_plugin_optimizers = 28;
  RewriterConfig_Toggle experimental_conditional_code_motion = 30;
  RewriterConfig_NumIterationsType meta_optimizer_iterations = 12; int32 min_graph_nodes = 17;
  bool experimental_disable_compressed_tensor_optimization = 26;
  bool experimental_disable_folding_quantization_emulation = 27; RewriterConfig_MemOptType memory_optimization = 4;
  string memory_optimizer_target_node_name_scope = 6; int64 meta_optimizer_timeout_ms = 20;
  AutoParallelOptions auto_parallel = 5; bool fail_on_optimizer_errors = 21;
  ScopedAllocatorOptions scoped_allocator_opts = 16; repeated string optimizers = 100;
  repeated RewriterConfig_CustomGraphOptimizer custom_optimizers = 200;
  VerifierConfig inter_optimizer_verifier_config = 300; VerifierConfig post_optimization_verifier_config = 301;
}
message AutoParallelOptions { bool enable = 1; int32 num_replicas = 2; }
message ScopedAllocatorOptions { repeated string enable_op = 1; }
message RewriterConfig_CustomGraphOptimizer { string name = 1; map<string, AttrValue> parameter_map = 2; }
message AttrValue {
  oneof value: AttrValue_ListValue list = 1; oneof value: bytes s = 2; oneof value: int64 i = 3;
  oneof value: float f = 4; oneof value: bool b = 5; oneof value: DataType type = 6;
  oneof value: TensorShapeProto shape = 7; oneof value: string placeholder = 9; oneof value: NameAttrList func = 10;
}
message AttrValue_ListValue {
  repeated bytes s = 2; repeated int64 i = 3; repeated float f = 4; repeated bool b = 5; repeated DataType type = 6;
  repeated TensorShapeProto shape = 7; repeated NameAttrList func = 9;
}
message NameAttrList { string name = 1; map<string, AttrValue> attr = 2; }
message TensorShapeProto { repeated TensorShapeProto_Dim dim = 2; bool unknown_rank = 3; }
message TensorShapeProto_Dim { int64 size = 1; string name = 2; }
message VerifierConfig { int64 verification_timeout_in_ms = 1; VerifierConfig_Toggle structure_verifier = 2; }
message RPCOptions {
  bool use_rpc_for_inprocess_master = 1; string compression_algorithm = 2; int32 compression_level = 3;
  bool cache_rpc_response = 4; bool disable_session_connection_sharing = 5; int32 num_channels_per_target = 6;
}
message ClusterDef { repeated JobDef job = 1; }
message JobDef { string name = 1; map<int32, string> tasks = 2; }
message ConfigProto_Experimental {
  string collective_group_leader = 1; string executor_type = 3; int32 recv_buf_max_chunk = 4;
  bool use_numa_affinity = 5; bool collective_deterministic_sequential_execution = 6; bool collective_nccl = 7;
  bool share_session_state_in_clusterspec_propagation = 8; bool disable_thread_spinning = 9;
  bool share_cluster_devices_in_session = 10; SessionMetadata session_metadata = 11;
  bool optimize_for_static_graph = 12; bool enable_mlir_bridge = 13;
  ConfigProto_Experimental_MlirBridgeRollout mlir_bridge_rollout = 17; bool enable_mlir_graph_optimization = 16;
  bool disable_output_partition_graphs = 14; int64 xla_fusion_autotuner_thresh = 15; bool use_tfrt = 18;
  bool enable_multi_host = 27; bool tfrt_use_ifrt = 32; int32 backend_server_port = 28; bool target_tpu = 29;
  bool target_gpu = 30; int32 stream_merge_threshold = 31; bool disable_functional_ops_lowering = 21;
  bool xla_prefer_single_graph_cluster = 22; CoordinationServiceConfig coordination_config = 23;
  bool disable_optimize_for_static_graph = 24; bool disable_eager_executor_streaming_enqueue = 26;
  bool finalize_function_library_runtime = 33; bool finalize_resource_manager = 34; string tf2xla_dump_dir = 35;
  bool online_cost_analysis = 36;
}
message SessionMetadata { string name = 1; int64 version = 2; }
message CoordinationServiceConfig {
  string service_type = 1; string service_leader = 2; bool enable_health_check = 3;
  int64 cluster_register_timeout_in_ms = 4; bool cluster_register_with_barrier = 14;
  int64 heartbeat_timeout_in_ms = 5; repeated CoordinatedJob coordinated_job_list = 10;
  int64 shutdown_barrier_timeout_in_ms = 7; bool agent_destruction_without_shutdown = 8;
  repeated string recoverable_jobs = 9; bool allow_new_incarnation_to_reconnect = 11; bool force_disable = 12;
  bool poll_for_error_from_service_at_startup = 13;
}
message CoordinatedJob { string name = 1; int32 num_tasks = 2; }
enum OptimizerOptions_Level { L1 = 0; L0 = -1; }
enum OptimizerOptions_GlobalJitLevel { DEFAULT = 0; OFF = -1; ON_1 = 1; ON_2 = 2; }
enum RewriterConfig_CpuLayout { NO_CONVERSION_ON_CPU = 0; NCHW_TO_NHWC = 1; NHWC_TO_NCHW = 2; }
enum RewriterConfig_Toggle {
  DEFAULT = 0; ON = 1; OFF = 2; AGGRESSIVE = 3; EXPERIMENTAL_MLIR = 4; EXPERIMENTAL_BOTH = 5;
}
enum RewriterConfig_NumIterationsType { DEFAULT_NUM_ITERS = 0; ONE = 1; TWO = 2; }
enum RewriterConfig_MemOptType {
  DEFAULT_MEM_OPT = 0; NO_MEM_OPT = 1; MANUAL = 2; SWAPPING_HEURISTICS = 4; RECOMPUTATION_HEURISTICS = 5;
  SCHEDULING_HEURISTICS = 6; HEURISTICS = 3;
}
enum VerifierConfig_Toggle { DEFAULT = 0; ON = 1; OFF = 2; }
enum ConfigProto_Experimental_MlirBridgeRollout {
  MLIR_BRIDGE_ROLLOUT_UNSPECIFIED = 0; MLIR_BRIDGE_ROLLOUT_ENABLED = 1; MLIR_BRIDGE_ROLLOUT_DISABLED = 2;
}
"""
# types.proto: each type has one for references, 100 above
# fmt: off
_DTYPES = (
    "INVALID", "FLOAT", "DOUBLE", "INT32", "UINT8", "INT16", "INT8", "STRING", "COMPLEX64", "INT64", "BOOL", "QINT8",
    "QUINT8", "QINT32", "BFLOAT16", "QINT16", "QUINT16", "UINT16", "COMPLEX128", "HALF", "RESOURCE", "VARIANT",
    "UINT32", "UINT64", "FLOAT8_E5M2", "FLOAT8_E4M3FN", "FLOAT8_E4M3FNUZ", "FLOAT8_E4M3B11FNUZ", "FLOAT8_E5M2FNUZ",
    "INT4", "UINT4", "INT2", "UINT2", "FLOAT4_E2M1FN",
)
# fmt: on
_TYPES = " ".join(f"DT_{name} = {number};" for number, name in enumerate(_DTYPES))
_REFERENCES = " ".join(f"DT_{name}_REF = {100 + number};" for number, name in enumerate(_DTYPES) if number)
_TENSORFLOW += f"enum DataType {{ {_TYPES} {_REFERENCES} }}\n"


def _file(message: MessageType) -> descriptor_pb2.FileDescriptorProto:
    return descriptor_pb2.FileDescriptorProto.FromString(message.DESCRIPTOR.file.serialized_pb)


_WRAPPERS = descriptor_pb2.FileDescriptorProto.FromString(wrappers_pb2.DESCRIPTOR.serialized_pb)
_ANY = descriptor_pb2.FileDescriptorProto.FromString(any_pb2.DESCRIPTOR.serialized_pb)
_TF_MESSAGES = build(_TENSORFLOW, "tensorflow")
CONFIG_MESSAGES: dict[str, MessageType] = {
    **build(_SERVING, "tensorflow.serving", (_WRAPPERS, _ANY, _file(_TF_MESSAGES["ConfigProto"]))),
    "ConfigProto": _TF_MESSAGES["ConfigProto"],
}
