"""Rules of TLS files and platform files, and of fields that are read and do nothing."""

from __future__ import annotations

from playbook.knobs import METRICS_PATH

# id, severity, message, remedy, source; line breaks stand where a sentence is longer than a line
# fmt: off
ROWS = (
    ("ssl-paths", "error",
     "{field} holds no PEM text: the fields of SSLConfig hold the text itself, not a path, so gRPC cannot listen and "
     "the server exits.",
     "Paste the PEM text, with \\n for its line ends.",
     "ssl_config.proto; server.cc"),
    ("ssl-missing", "error",
     "The TLS file has no {field}: gRPC cannot listen, and the server exits with code 255.",
     "Give the PEM text of the server's key and of its certificate.",
     "ssl_config.proto; server.cc"),
    ("ssl-wrong-kind", "error",
     "{field} holds a {has}, where a {kind} belongs: gRPC cannot listen, and the server exits with code 255.",
     "Put each PEM text into its own field.",
     "ssl_config.proto; server.cc"),
    ("ssl-locked-key", "error",
     "{field} is locked by a passphrase, which nobody can give: gRPC cannot listen, and the server exits with code "
     "255.",
     "Write the key without one (openssl rsa -in key.pem -out open.pem), and guard the file.",
     "server.cc; gRPC"),
    ("ssl-one-line", "error",
     "{field} is PEM text without line ends, which is none: gRPC cannot listen, and the server exits with code 255.",
     "Write \\n behind the BEGIN line, behind each line of the text, and behind the END line.",
     "RFC 7468; server.cc"),
    ("ssl-no-authority", "error",
     "client_verify is true and custom_ca is missing: no client's certificate can be checked, so none is let in.",
     "Add custom_ca with the PEM text of the authority that signs the clients' certificates.",
     "server.cc; gRPC ssl_transport_security.cc"),
    ("ssl-authority-unused", "warning",
     "custom_ca without client_verify does nothing: clients are not asked for a certificate.",
     "Add client_verify: true, if only known clients are to be let in.",
     "server.cc"),
    ("platform-not-there", "error",
     "The platform file names no platform 'tensorflow' (it has {keys}), which models ask for: the server exits with "
     "code 255.",
     "Write platform_configs {{ key: \"tensorflow\" value {{ source_adapter_config {{ ... }} }} }}.",
     "server_core.cc"),
    ("platform-without-adapter", "error",
     "Platform {key} has no source_adapter_config: nothing can load its models, and the server exits with code 255.",
     "Write source_adapter_config {{ [type.googleapis.com/"
     "tensorflow.serving.SavedModelBundleSourceAdapterConfig] {{ legacy_config {{ ... }} }} }}.",
     "server_core.cc; class_registration.h"),
    ("platform-per-model", "warning",
     "enable_per_model_batching_params without batching_parameters does nothing: nothing is batched.",
     "Add batching_parameters {{ }} beside it.",
     "session_bundle_config.proto"),
    ("platform-warmup-off", "note",
     "With a platform file warm-up is off unless the file says otherwise: warm-up requests beside the model are not "
     "replayed.",
     "Add enable_model_warmup: true to legacy_config.",
     "session_bundle_config.proto; server.cc"),
    ("monitoring-path-lost", "warning",
     "Metrics path {path} holds what belongs to no path, or hides the server's own URLs under /v1/.",
     f"Write path: \"{METRICS_PATH}\".",
     "http_server.cc"),
    ("label-twice", "warning",
     "Label {label} is given twice: the last one is kept.",
     "Give each label one version.",
     "text format (maps)"),
    ("config-variable", "note",
     "base_path {path} begins with a variable, and the server fills in none: it is read as it stands.",
     "Write the path, or fill it in before the server starts (envsubst).",
     "server_core.cc"),
    ("batching-execution-unused", "warning",
     "max_execution_batch_size does nothing without enable_large_batch_splitting.",
     "Add enable_large_batch_splitting {{ value: true }}, or drop it.",
     "session_bundle_config.proto"),
)
# fmt: on
