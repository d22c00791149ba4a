"""The one table of lint rules: what TensorFlow Serving accepts in silence and gets wrong, with remedy and source.

A rule is data; the checks that raise it live in `lint_flags`, `lint_batching`, `lint_models` and `lint_containers`.
Sources name a section of TensorFlow Serving's own guides, or an issue of tensorflow/serving (`#NNNN`).
"""

from __future__ import annotations

from dataclasses import dataclass

from playbook.monitor.scrape import METRICS_PATH

SEVERITIES = ("error", "warning", "note")


@dataclass(frozen=True)
class Rule:
    """One mistake. `message` and `remedy` are templates over the words its check supplies."""

    id: str
    severity: str
    message: str
    remedy: str
    source: str


@dataclass(frozen=True)
class Finding:
    """A rule met at a place; `line` counts from 1, None where a line makes no sense."""

    rule: str
    severity: str
    message: str
    remedy: str
    source: str
    path: str
    line: int | None = None


# fmt: off
_TABLE = (
    # --- command line
    ("unknown-flag", "error", "{flag} is no flag of tensorflow_model_server: it prints 'unknown argument' and starts "
     "without the setting.", "{hint}", "main.cc flag list; tsl command_line_flags.cc"),
    ("flag-value-after-blank", "error", "{flag} {value}: a value after a blank is not read; both words are dropped "
     "and the default stays.", "Write {flag}={value}.", "tsl command_line_flags.cc"),
    ("flag-bad-value", "error", "{flag}={value} is not {kind}: the server prints its usage and exits with code 255.",
     "Give {kind}.", "tsl command_line_flags.cc"),
    ("flag-repeated", "note", "{flag} is given {count} times; the last one ({value}) wins.", "Keep one.", "tsl "
     "command_line_flags.cc"),
    ("rest-port-off", "error", "rest_api_port is 0 (the default): there is no REST and no metrics, yet {expects} "
     "needs it.", "Add --rest_api_port=8501.", "main.cc; #462, #1863"),
    ("rest-port-is-grpc-port", "error", "rest_api_port and port are both {port}: only a log line says so, and the "
     "server continues without REST.", "Give REST another port, by habit 8501.", "server.cc"),
    ("no-port", "error", "port is 0 and there is no grpc_socket_path: the server exits with code 255.", "Set "
     "--port=8500 or --grpc_socket_path.", "server.cc"),
    ("rest-threads-one", "error", "rest_api_num_threads=1 freezes REST: the event loop uses up one thread.", "Use 2 "
     "or more; about max_batch_size + 1 when requests are batched.", "#1576"),
    ("threads-cap-batch", "warning", "Every waiting request holds a thread: {rest} REST and {grpc} gRPC threads can "
     "gather at most {reach} single-row requests, so a batch of max_batch_size {batch} never fills.", "Raise "
     "rest_api_num_threads and grpc_max_threads above {batch}, or lower max_batch_size to {reach}.",
     "batching/README.md; #1529"),
    ("rest-threads-cap-batch", "note", "REST alone can gather at most {reach} single-row requests; max_batch_size is "
     "{batch}.", "For REST clients raise rest_api_num_threads to {wanted}.", "batching/README.md; #1529"),
    ("batching-file-unused", "error", "batching_parameters_file without enable_batching: the server exits with code "
     "255.", "Add --enable_batching.", "server.cc"),
    ("per-model-unused", "warning", "enable_per_model_batching_parameters without enable_batching is ignored in "
     "silence: nothing is batched.", "Add --enable_batching.", "server.cc"),
    ("batching-defaults", "note", "enable_batching without a file: max_batch_size 1000, timeout 0, 10 batches in the "
     "queue, one thread a CPU.", "Write a batching_parameters_file with measured values (playbook run, verb tune).",
     "batching/README.md"),
    ("session-parallelism-ignored", "warning", "tensorflow_session_parallelism is ignored in silence because {other} "
     "is set.", "Set intra and inter op parallelism, and drop the session flag.", "server.cc; #1237, #2060"),
    ("session-parallelism-conflict", "error", "Session, intra and inter parallelism are all set: the server exits "
     "with code 255.", "Drop tensorflow_session_parallelism.", "server.cc; #2060"),
    ("inter-op-ignored", "warning", "tensorflow_inter_op_parallelism={inter} is ignored in silence: a count below 0 "
     "(graphs run in the thread that asks) is passed on only beside an intra-op count above 0.",
     "Set tensorflow_intra_op_parallelism too.", "server.cc; direct_session.cc"),
    ("session-config-overridden", "warning", "The {field} of tensorflow_session_config_file is overwritten by the "
     "flag, even by the flag's default 0.", "Set {flag} instead.", "server.cc"),
    ("no-model", "error", "Neither model_base_path nor model_config_file: the server exits with code 255.", "Add "
     "--model_base_path=/absolute/path.", "server.cc"),
    ("relative-base-path", "error", "Base path {path} is relative: 'Expected model to have an absolute path or URI', "
     "exit code 255.", "Give the absolute path as the server sees it (in the container: /models/...).",
     "server_core.cc"),
    ("model-name-ignored", "warning", "{flag} is ignored because model_config_file is given.", "Put name and path "
     "into the config file.", "server.cc"),
    ("labels-at-start", "error", "The config file gives label {label} at start-up, before any version is loaded: "
     "exit code 255.", "Add --allow_version_labels_for_unavailable_models=true, or set labels by a second reload.",
     "#1608, #1230, #1413"),
    ("config-file-missing", "error", "{flag} names {path}, which is not there: {effect}.", "Write it, or mount it.",
     "server.cc; #1863"),
    ("config-file-broken", "error", "{path} is not readable as {kind}: {problem}.", "Correct it; {effect}.",
     "server.cc; #1863"),
    ("monitoring-missing", "warning", "There is no monitoring_config_file: the metrics URL answers 404 and no "
     "bottleneck can be named.", "Add --monitoring_config_file with prometheus_config {{ enable: true path: "
     f"\"{METRICS_PATH}\" }}}}.", "#462"),
    ("monitoring-path", "error", "Metrics path {path} has no leading slash: it never matches a URL.", "Write path: "
     "\"/{path}\".", "http_server.cc"),
    ("monitoring-off", "warning", "The monitoring file does not enable prometheus_config: there are no metrics.",
     "Write prometheus_config {{ enable: true }}.", "http_server.cc"),
    ("tensor-content-with-rest", "error", "enable_serialization_as_tensor_content with REST: the JSON writer reads "
     "the fields that this flag leaves empty.", "Use the flag only with --rest_api_port=0.", "predict_util.cc, "
     "json_tensor.cc"),
    ("poll-object-store", "warning", "{path} is listed every {poll_s} s for each model: on an object store each "
     "listing costs money and quota.", "Set --file_system_poll_wait_seconds=300, or 0 to look once.", "#1916, #1291, "
     "#1295"),
    ("poll-never", "error", "file_system_poll_wait_seconds={poll_s} is negative: the server waits at start for ever.",
     "Use 0 (look once) or more.", "file_system_storage_path_source.cc"),
    ("poll-once-with-reload", "warning", "With file_system_poll_wait_seconds=0 a model added by a config reload is "
     "never found and the reload call hangs.", "Set it to 1 or more.", "#1519"),
    # --- batching file
    ("batching-bare-field", "error", "{field}: {value} has no 'value' wrapper: parse error, exit code 255.", "Write "
     "{field} {{ value: {value} }}.", "session_bundle_config.proto"),
    ("batching-wrapped-field", "error", "{field} takes a bare value; the wrapper is a parse error, exit code 255.",
     "Write {field}: {value}.", "session_bundle_config.proto"),
    ("batching-unknown-field", "error", "{field} is no field of BatchingParameters: parse error, exit code 255.",
     "{hint}", "session_bundle_config.proto"),
    ("batching-last-allowed", "error", "The last of allowed_batch_sizes is {last}, max_batch_size is {batch}: the "
     "model fails to load, after five minutes of retries.", "End the list with {batch}.", "batching_session.cc"),
    ("batching-allowed-order", "warning", "allowed_batch_sizes {sizes} are not increasing: a batch may be padded to "
     "a larger size than needed.", "Sort them.", "batching_session.cc"),
    ("batching-no-small-size", "warning", "The smallest allowed batch size is {smallest}: a single request pays for "
     "{smallest} rows.", "Put 1 and small sizes into allowed_batch_sizes, or leave the list out.", "#1529, #1312"),
    ("batching-timeout-zero", "warning", "batch_timeout_micros 0 with {threads} batch threads: any idle thread takes "
     "whatever is there, so batches stay at one request.", "Use 1 to 4 batch threads, or a timeout of 1,000 to "
     "10,000.", "batching/README.md; #1529, #1312"),
    ("batching-bad-number", "error", "{field} is {value}: {effect}.", "Use a value of {least} or more.",
     "batching_session.cc, shared_batch_scheduler.h"),
    ("batching-splitting", "error", "enable_large_batch_splitting: {problem}.", "{remedy}", "bundle_factory_util.cc"),
    ("batching-rewritten-in-place", "warning", "{what} rewrites the batching file in place: the server reads it "
     "once, at start, so nothing changes.", "Publish a new version folder with its own batching_params.pbtxt "
     "(--enable_per_model_batching_parameters), or restart; see notebook 70_adapt.", "server.cc; "
     "session_bundle_config.proto"),
    ("per-model-file-missing", "warning", "Version {version} has no batching_params.pbtxt: with per-model batching "
     "it is not batched at all.", "Write {version}/batching_params.pbtxt beside saved_model.pb.",
     "saved_model_bundle_factory.cc"),
    # --- model folder
    ("no-version", "error", "{path} holds no numbered version folder: the server waits at start for ever, with no "
     "port open.", "Move the SavedModel to {path}/1/.", "file_system_storage_path_source.cc"),
    ("version-not-numeric", "warning", "{name}/ holds a SavedModel but its name is no number: it is ignored.",
     "Rename it to a number.", "file_system_storage_path_source.cc"),
    ("version-half-copied", "error", "Version {version} is incomplete ({problem}): its load fails and is not tried "
     "again.", "Copy to a non-numeric name and rename when complete; publish the next number.",
     "aspired_versions_manager.cc"),
    ("warmup-too-many", "error", "{count} warm-up records: the limit is 1,000; beyond it the model fails to load.",
     "Keep a handful of records for each shape; repeat them with --num_request_iterations_for_warmup.",
     "saved_model_warmup_util.h"),
    ("warmup-too-large", "error", "A warm-up record has {rows} rows, max_batch_size is {batch}: it is refused and "
     "the model fails to load.", "Write warm-up records of {batch} rows at most, or raise max_batch_size.",
     "saved_model_warmup.cc, batching_session.cc"),
    ("warmup-unknown-signature", "error", "A warm-up record asks for signature '{name}', which the model does not "
     "have ({known}): the model fails to load.", "Write the warm-up file anew with this export.",
     "saved_model_warmup.cc"),
    ("warmup-unreadable", "error", "The warm-up file is no TFRecord of PredictionLog ({problem}): the model fails to "
     "load.", "Write it with the export verb.", "saved_model_warmup_util.cc"),
    ("warmup-misplaced", "warning", "{path} is not read: warm-up requests belong to "
     "<version>/assets.extra/tf_serving_warmup_requests.", "Move the file.", "saved_model_warmup_util.h"),
    # --- containers
    ("cmd-over-entrypoint", "error", "CMD names {word}, but the image's entrypoint already runs the server: the word "
     "is appended as an unknown argument.", "Keep only flags in CMD, in exec form: CMD [\"--enable_batching=true\"].",
     "tf_serving_entrypoint.sh"),
    ("cmd-shell-form", "error", "CMD in shell form reaches the entrypoint as '/bin/sh -c ...': every flag in it is "
     "lost.", "Use the exec form: CMD [\"--flag=value\", ...].", "tf_serving_entrypoint.sh; Dockerfile reference"),
    ("entrypoint-replaced", "warning", "ENTRYPOINT is replaced: MODEL_NAME and MODEL_BASE_PATH are no longer read "
     "and rest_api_port falls back to 0.", "Leave the entrypoint; append flags by CMD.", "tf_serving_entrypoint.sh"),
    ("sysctl-in-dockerfile", "warning", "A sysctl in a Dockerfile does nothing: no one reads /etc/sysctl.conf at "
     "container start, and /proc/sys is read-only.", "Use docker run --sysctl, compose sysctls or the pod's "
     "securityContext.sysctls; REST's listen backlog is fixed at 128 anyway.", "docker run reference; evhttp"),
    ("tool-not-in-image", "error", "The health check calls {tool}, which {image} does not contain: it always fails.",
     "Read the state through bash's /dev/tcp (see docker/Dockerfile).", "tools/docker/Dockerfile; #2219"),
    ("health-by-code", "warning", "The health check looks at the HTTP code only: the status URL answers 200 while "
     "the model is LOADING or END.", "Read the state: grep -q '\"state\": \"AVAILABLE\"'.", "#2219, #671"),
    ("health-word-available", "warning", "The health check greps for AVAILABLE, which also matches UNAVAILABLE.",
     "Grep for '\"state\": \"AVAILABLE\"'.", "get_model_status.proto"),
    ("image-not-pinned", "warning", "Image {image} is not pinned: {problem}.", "Name a release, such as "
     "tensorflow/serving:2.20.0, or a digest.", "docker tag reference"),
    ("metrics-path-mismatch", "error", "Metrics are scraped at {path}, the server shows them at {served}.", "Set "
     "metrics_path: {served}.", "http_server.cc; #462"),
    ("metrics-params", "error", "The scrape sends a query string: the server answers 400.", "Drop params.",
     "http_server.cc"),
    ("cpu-limit-threads", "warning", "CPU is limited to {limit} but {flags} follow the node's cores: pools are "
     "throttled and p99 jumps.", "Set them for {limit} CPUs, or use a cpuset.", "tensorflow #17206; #1618"),
    ("sysctl-host-network", "error", "sysctls are refused with the host's network.", "Drop one of the two.", "docker "
     "run reference"),
    ("no-drain", "warning", "There is no preStop hook: the server dies at once on SIGTERM and cuts the requests in "
     "flight.", "Add preStop sleep so that the balancer stops sending first.", "#1853, #356"),
    ("liveness-without-startup", "warning", "A liveness probe without a startup probe: the port opens only after "
     "load and warm-up, so a slow load is killed again and again.", "Add a startupProbe.", "server.cc; #2219"),
)
# fmt: on

RULES: dict[str, Rule] = {row[0]: Rule(*row) for row in _TABLE}


def finding(rule_id: str, path: str, line: int | None = None, /, **words: object) -> Finding:
    """The finding of rule `rule_id` at a place; raises KeyError for a rule or a word the table does not know."""
    rule = RULES[rule_id]
    message, remedy = rule.message.format(**words), rule.remedy.format(**words)
    return Finding(rule.id, rule.severity, message, remedy, rule.source, path, line)
