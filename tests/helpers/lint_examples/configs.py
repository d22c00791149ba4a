"""Rules of config files and of model folders."""

from __future__ import annotations

from lint_examples.shapes import (
    AUTHORITY,
    CERTIFICATE,
    DOCKER,
    KEY,
    NAMED,
    ONE,
    OTHER,
    PLATFORM,
    RUN,
    compose,
    listed,
    models,
    saved_model,
)

CONFIGS: dict[str, dict[str, str | bytes]] = {
    "ssl-missing": {"tls.config": KEY},
    "ssl-wrong-kind": {"tls.config": KEY.replace("server_key", "server_cert") + CERTIFICATE.replace("_cert", "_key")},
    "ssl-locked-key": {"tls.config": KEY.replace("PRIVATE", "ENCRYPTED PRIVATE") + CERTIFICATE},
    "ssl-one-line": {"tls.config": KEY.replace(r"\n", "") + CERTIFICATE},
    "ssl-no-authority": {"tls.config": KEY + CERTIFICATE + "client_verify: true"},
    "ssl-authority-unused": {"tls.config": KEY + CERTIFICATE + AUTHORITY},
    "platform-not-there": {"run.sh": "tensorflow_model_server --model_base_path=/m --platform_config_file=p.config\n",
                           "p.config": PLATFORM % ("tf", "enable_model_warmup: true")},
    "platform-without-adapter": {"p.config": 'platform_configs { key: "tensorflow" }'},
    "platform-per-model": {"p.config": PLATFORM % ("tensorflow", "enable_per_model_batching_params: true")},
    "platform-warmup-off": {"p.config": PLATFORM % ("tensorflow", "")},
    "monitoring-path-lost": {"m.config": 'prometheus_config { enable: true path: "/metrics?all=1" }'},
    "label-twice": listed(ONE + ' version_labels { key: "a" value: 1 } version_labels { key: "a" value: 2 }'),
    "config-variable": listed(ONE.replace('"/m"', '"$ROOT/m"')),
    "batching-execution-unused": {"b.config": "max_batch_size { value: 8 } max_execution_batch_size { value: 4 }"},
    "make-variable-lost": {"Makefile": "P = /m\nrun:\n\ttensorflow_model_server --model_base_path=$$(P)\n"},
    # batching
    "threads-cap-batch": {
        "run.sh": RUN.format(options="", flags=f"{NAMED} --rest_api_num_threads=5 --grpc_max_threads=8"),
        "b.config": "max_batch_size { value: 64 }",
    },
    "rest-threads-cap-batch": {
        "run.sh": RUN.format(options="", flags=f"{NAMED} --rest_api_num_threads=5"),
        "b.config": "max_batch_size { value: 64 }",
    },
    "batching-bare-field": {"b.config": "max_batch_size: 64"},
    "batching-wrapped-field": {"b.config": "max_batch_size { value: 64 } allowed_batch_sizes { value: 64 }"},
    "batching-unknown-field": {"b.config": "max_batch_size { value: 64 } batch_timeout_micro { value: 5 }"},
    "batching-last-allowed": {"b.config": "max_batch_size { value: 64 } allowed_batch_sizes: 1"},
    "batching-allowed-order": {"b.config": "max_batch_size { value: 4 } allowed_batch_sizes: [2, 1, 4]"},
    "batching-no-small-size": {"b.config": "max_batch_size { value: 64 } allowed_batch_sizes: 64"},
    "batching-timeout-zero": {"b.config": "batch_timeout_micros { value: 0 } num_batch_threads { value: 16 }"},
    "batching-timeout-tiny": {"b.config": "max_batch_size { value: 64 } batch_timeout_micros { value: 5 }"},
    "batching-timeout-long": {"b.config": "max_batch_size { value: 64 } batch_timeout_micros { value: 5000000 }"},
    "batching-bad-number": {"b.config": "num_batch_threads { value: 0 }"},
    "batching-size-absurd": {"b.config": "max_batch_size { value: 5000000 }"},
    "batching-threads-absurd": {"b.config": "num_batch_threads { value: 400 }"},
    "batching-threads-impossible": {"b.config": "num_batch_threads { value: 100000 }"},
    "batching-queue-deep": {"b.config": "max_batch_size { value: 64 } max_enqueued_batches { value: 1000000 }"},
    "batching-padding": {"b.config": "max_batch_size { value: 64 } pad_variable_length_inputs: true"},
    "batching-padding-useless": {
        "run.sh": f"tensorflow_model_server {NAMED} --model_base_path=/m\n",
        "b.config": "max_batch_size { value: 64 } pad_variable_length_inputs: true",
        "m/1/saved_model.pb": saved_model(),
    },
    "batching-splitting": {
        "b.config": "enable_large_batch_splitting { value: true } batch_timeout_micros { value: 9 }"
    },
    "batching-splitting-padded": {
        "b.config": "max_batch_size { value: 8 } enable_large_batch_splitting { value: true } "
        "max_execution_batch_size { value: 4 } allowed_batch_sizes: [2, 8]"
    },
    "batching-rewritten-in-place": {"tune.sh": "sed -i 's/max_batch_size.*/x/' /etc/batching.config"},
    "per-model-file-missing": {
        "run.sh": RUN.format(options="", flags="--enable_batching --enable_per_model_batching_parameters"),
        "m/1/saved_model.pb": saved_model(),
    },
    "per-model-file-broken": {
        "run.sh": RUN.format(options="", flags="--enable_batching --enable_per_model_batching_parameters"),
        "m/1/saved_model.pb": saved_model(),
        "m/1/batching_params.pbtxt": "max_batch_size: 4",
    },
    "per-model-global-ignored": {
        "run.sh": f"tensorflow_model_server {NAMED} --enable_per_model_batching_parameters --model_base_path=/m\n",
        "b.config": "max_batch_size { value: 64 }",
    },
    # config files
    "session-config-overridden": {
        "run.sh": "tensorflow_model_server --tensorflow_session_config_file=/s.pbtxt --model_base_path=/m\n",
        "s.pbtxt": "intra_op_parallelism_threads: 4",
    },
    "labels-at-start": listed(f'{ONE} version_labels {{ key: "stable" value: 1 }}'),
    "label-version-not-served": listed(
        f'{ONE} model_version_policy {{ specific {{ versions: 1 }} }} version_labels {{ key: "stable" value: 2 }}',
        "--allow_version_labels_for_unavailable_models",
    ),
    "config-file-broken": {"b.config": "max_batch_size { value: 64"},
    "config-file-missing": {"c.yml": compose("volumes: ['./m:/models'], command: ['--monitoring_config_file=/x/mon']")},
    "config-file-not-copied": {"Dockerfile": DOCKER + 'CMD ["--monitoring_config_file=/x/mon"]'},
    "config-unknown-field": listed(f"{ONE} model_version_policy {{ latest {{ num_version: 2 }} }}"),
    "config-scalar-for-message": listed(f"{ONE} model_version_policy: LATEST"),
    "config-message-for-scalar": listed('name { value: "m" }'),
    "config-bad-value": listed(f"{ONE} model_version_policy {{ latest {{ num_versions: two }} }}"),
    "config-field-twice": listed(f'{ONE} name: "n"'),
    "config-json": models('{"model_config_list": {"config": [{"name": "m"}]}}'),
    "config-empty": models("model_config_list { }"),
    "model-twice": models(f"model_config_list {{ config {{ {ONE} }} config {{ {ONE} }} }}"),
    "model-platform-missing": listed('name: "m" base_path: "/m"'),
    "model-platform-unknown": listed('name: "m" base_path: "/m" model_platform: "pytorch"'),
    "model-name-missing": listed('base_path: "/m" model_platform: "tensorflow"'),
    "model-path-shared": models(
        f"model_config_list {{ config {{ {ONE} }} config {{ {OTHER} }} }}"
    ),
    "policy-empty": listed(f"{ONE} model_version_policy {{ specific {{ }} }}"),
    "logging-config": listed(f"{ONE} logging_config {{ sampling_config {{ sampling_rate: 0.1 }} }}"),
    "custom-model-config": models("custom_model_config { }"),
    "monitoring-path": {"monitoring.config": 'prometheus_config { enable: true path: "metrics" }'},
    "monitoring-off": {"monitoring.config": "prometheus_config { }"},
    "ssl-paths": {"ssl.config": 'server_key: "/etc/ssl/key.pem" server_cert: "-----BEGIN CERTIFICATE-----"'},
    # model folders
    "no-version": {"m/v1/saved_model.pb": saved_model()},
    "version-not-numeric": {"m/v1/saved_model.pb": saved_model(), "m/1/saved_model.pb": saved_model()},
    "version-half-copied": {
        "m/1/saved_model.pb": saved_model(),
        "m/1/variables/variables.index": "",
        "m/1/variables/variables.data-00000-of-00002": "",
    },
    "variables-without-index": {
        "m/1/saved_model.pb": saved_model(),
        "m/1/variables/variables.data-00000-of-00001": "",
    },
    "version-broken": {"m/1/saved_model.pb": saved_model()[:9]},
    "version-not-loadable": {"m/1/saved_model.pb": b"", "m/2/saved_model.pb": saved_model()},
    "tags-not-there": {"m/1/saved_model.pb": saved_model(tags=("train",))},
    "version-not-there": {
        **listed('name: "m" base_path: "/x/m" model_platform: "tensorflow" model_version_policy '
                 "{ specific { versions: 7 } }"),
        "compose.yml": compose("volumes: ['./m:/x/m', './models.config:/x/models.config'], "
                               "command: ['--model_config_file=/x/models.config']"),
        "m/1/saved_model.pb": saved_model(),
    },
    "version-some-missing": {
        **listed('name: "m" base_path: "/x/m" model_platform: "tensorflow" model_version_policy '
                 "{ specific { versions: 1 versions: 7 } }"),
        "compose.yml": compose("volumes: ['./m:/x/m', './models.config:/x/models.config'], "
                               "command: ['--model_config_file=/x/models.config']"),
        "m/1/saved_model.pb": saved_model(),
    },
    "warmup-unreadable": {
        "m/1/saved_model.pb": saved_model(), "m/1/assets.extra/tf_serving_warmup_requests": "not a record"
    },
    "warmup-misplaced": {"m/1/saved_model.pb": saved_model(), "m/1/assets/tf_serving_warmup_requests": ""},
    "base-path-missing": {"run.sh": "docker run -v /d/a:/models/a -e MODEL_NAME=b tensorflow/serving:2.20.0\n"},
    "base-path-version": {"run.sh": "tensorflow_model_server --model_base_path=/m/leaf/3\n"},
    "s3-not-supported": {"run.sh": "tensorflow_model_server --model_base_path=s3://b/m\n"},
}  # fmt: skip
