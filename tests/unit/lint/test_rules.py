"""Each rule of the table has an example that raises it, and a set-up without faults raises none."""

import json
import struct

import pytest

from playbook.errors import ParameterError
from playbook.lint import output
from playbook.lint.linter import lint
from playbook.lint.rules import RULES
from playbook.tfserving.messages import MESSAGES

ON = ["--rest_api_port=8501", "--model_base_path=/m", "--monitoring_config_file=/nowhere/x"]
FLAGS = {
    "unknown-flag": ["--enable_batchin=true"],
    "flag-value-after-blank": ["--port", "8500"],
    "flag-bad-value": ["--port=8500x"],
    "flag-repeated": ["--port=8500", "--port=9000"],
    "rest-port-off": ["--monitoring_config_file=/etc/m"],
    "rest-port-is-grpc-port": ["--port=8500", "--rest_api_port=8500"],
    "no-port": ["--port=0"],
    "rest-threads-one": ["--rest_api_num_threads=1"],
    "batching-file-unused": ["--batching_parameters_file=/etc/b"],
    "per-model-unused": ["--enable_per_model_batching_parameters"],
    "batching-defaults": ["--enable_batching"],
    "session-parallelism-ignored": ["--tensorflow_session_parallelism=4", "--tensorflow_intra_op_parallelism=2"],
    "session-parallelism-conflict": [
        "--tensorflow_session_parallelism=4",
        "--tensorflow_intra_op_parallelism=2",
        "--tensorflow_inter_op_parallelism=2",
    ],
    "inter-op-ignored": ["--tensorflow_inter_op_parallelism=-1"],
    "no-model": ["--port=8500"],
    "relative-base-path": ["--model_base_path=models/m"],
    "model-name-ignored": ["--model_config_file=/etc/c", "--model_name=m"],
    "config-file-missing": ["--enable_batching", "--batching_parameters_file=/nowhere/b"],
    "monitoring-missing": ["--rest_api_port=8501"],
    "tensor-content-with-rest": ["--rest_api_port=8501", "--enable_serialization_as_tensor_content=true"],
    "poll-object-store": ["--model_base_path=gs://bucket/m"],
    "poll-never": ["--file_system_poll_wait_seconds=-1"],
    "poll-once-with-reload": ["--file_system_poll_wait_seconds=0", "--model_config_file_poll_wait_seconds=5"],
}
DOCKER = "FROM tensorflow/serving:2.20.0\n"
POD = """
kind: Deployment
spec:
  template:
    spec:
      containers: [{{name: s, image: "tensorflow/serving:2.20.0", args: ["--enable_batching"], {more}}}]
"""
COMPOSE = "services: {{s: {{image: 'tensorflow/serving:2.20.0', {more}}}}}\n"
RUN = "docker run {options} tensorflow/serving:2.20.0 {flags}\n"
FILES = {
    "threads-cap-batch": {
        "run.sh": RUN.format(
            options="",
            flags="--enable_batching --batching_parameters_file=/b.config "
            "--rest_api_num_threads=5 --grpc_max_threads=8",
        ),
        "b.config": "max_batch_size { value: 64 }",
    },
    "rest-threads-cap-batch": {
        "run.sh": RUN.format(
            options="", flags="--enable_batching --batching_parameters_file=/b.config --rest_api_num_threads=5"
        ),
        "b.config": "max_batch_size { value: 64 }",
    },
    "session-config-overridden": {
        "run.sh": RUN.format(options="", flags="--tensorflow_session_config_file=/s.pbtxt"),
        "s.pbtxt": "intra_op_parallelism_threads: 4",
    },
    "labels-at-start": {
        "run.sh": RUN.format(options="", flags="--model_config_file=/models.config"),
        "models.config": 'model_config_list { config { name: "m" base_path: "/m" version_labels '
        '{ key: "stable" value: 1 } } }',
    },
    "config-file-broken": {"b.config": "max_batch_size { value: 64"},
    "monitoring-path": {"monitoring.config": 'prometheus_config { enable: true path: "metrics" }'},
    "monitoring-off": {"monitoring.config": "prometheus_config { }"},
    "batching-bare-field": {"b.config": "max_batch_size: 64"},
    "batching-wrapped-field": {"b.config": "max_batch_size { value: 64 } allowed_batch_sizes { value: 64 }"},
    "batching-unknown-field": {"b.config": "max_batch_size { value: 64 } batch_timeout_micro { value: 5 }"},
    "batching-last-allowed": {"b.config": "max_batch_size { value: 64 } allowed_batch_sizes: 1"},
    "batching-allowed-order": {
        "b.config": "max_batch_size { value: 4 } allowed_batch_sizes: [2, 1, 4]",
    },
    "batching-no-small-size": {"b.config": "max_batch_size { value: 64 } allowed_batch_sizes: 64"},
    "batching-timeout-zero": {"b.config": "batch_timeout_micros { value: 0 } num_batch_threads { value: 16 }"},
    "batching-bad-number": {"b.config": "num_batch_threads { value: 0 }"},
    "batching-splitting": {
        "b.config": "enable_large_batch_splitting { value: true } batch_timeout_micros { value: 9 }"
    },
    "batching-rewritten-in-place": {"tune.sh": "sed -i 's/max_batch_size.*/x/' /etc/batching.config"},
    "per-model-file-missing": {
        "run.sh": RUN.format(options="", flags="--enable_batching --enable_per_model_batching_parameters"),
        "m/1/saved_model.pb": "",
    },
    "no-version": {"m/v1/saved_model.pb": ""},
    "version-not-numeric": {"m/v1/saved_model.pb": "", "m/1/saved_model.pb": ""},
    "version-half-copied": {
        "m/1/saved_model.pb": "",
        "m/1/variables/variables.index": "",
        "m/1/variables/variables.data-00000-of-00002": "",
    },
    "warmup-unreadable": {"m/1/saved_model.pb": "", "m/1/assets.extra/tf_serving_warmup_requests": "not a record"},
    "warmup-misplaced": {"m/1/saved_model.pb": "", "m/1/assets/tf_serving_warmup_requests": ""},
    "cmd-over-entrypoint": {"Dockerfile": DOCKER + 'CMD ["tensorflow_model_server", "--port=8500"]'},
    "cmd-shell-form": {"Dockerfile": DOCKER + "CMD tensorflow_model_server --port=8500"},
    "entrypoint-replaced": {"Dockerfile": DOCKER + 'ENTRYPOINT ["tensorflow_model_server"]'},
    "sysctl-in-dockerfile": {"Dockerfile": DOCKER + "RUN sysctl -w net.core.somaxconn=1024"},
    "tool-not-in-image": {"Dockerfile": DOCKER + "HEALTHCHECK CMD wget -q http://localhost:8501/v1/models/m"},
    "health-by-code": {"k.yaml": POD.format(more="readinessProbe: {httpGet: {path: /v1/models/m, port: 8501}}")},
    "health-word-available": {
        "c.yml": COMPOSE.format(more='healthcheck: {test: "curl localhost:8501/v1/models/m | grep AVAILABLE"}')
    },
    "image-not-pinned": {"run.sh": "docker run tensorflow/serving --model_name=m"},
    "metrics-path-mismatch": {
        "p.yml": "scrape_configs: [{job_name: x, static_configs: [{targets: ['h:8501']}]}]",
    },
    "metrics-params": {
        "p.yml": "scrape_configs: [{job_name: serving, metrics_path: /monitoring/prometheus/metrics, "
        "params: {a: [b]}}]",
    },
    "cpu-limit-threads": {"k.yaml": POD.format(more="resources: {limits: {cpu: 1500m}}")},
    "sysctl-host-network": {"c.yml": COMPOSE.format(more="network_mode: host, sysctls: {net.core.somaxconn: 1}")},
    "no-drain": {"k.yaml": POD.format(more="ports: []")},
    "liveness-without-startup": {"k.yaml": POD.format(more="livenessProbe: {tcpSocket: {port: 8500}}")},
}


def write(folder, files):
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def rules(target, **options):
    return {hit.rule for hit in lint(target, **options)}


@pytest.mark.parametrize("rule", FLAGS)
def test_a_flag_list_raises(rule):
    assert rule in rules(FLAGS[rule])


@pytest.mark.parametrize("rule", FILES)
def test_a_folder_raises(rule, tmp_path):
    assert rule in rules(write(tmp_path, FILES[rule]))


def warmup_model(folder, signatures, asked):
    model = MESSAGES["SavedModel"]()
    graph = model.meta_graphs.add()
    for name in signatures:
        graph.signature_def[name].method_name = "tensorflow/serving/predict"
    records = b""
    for name in asked:
        log = MESSAGES["PredictionLog"]()
        log.predict_log.request.model_spec.signature_name = name
        body = log.SerializeToString()
        records += struct.pack("<QI", len(body), 0) + body + bytes(4)
    extra = "m/1/assets.extra/tf_serving_warmup_requests"
    return write(folder, {"m/1/saved_model.pb": model.SerializeToString(), extra: records})


def test_a_warmup_record_with_an_unknown_signature_is_named(tmp_path):
    hits = lint(warmup_model(tmp_path, ["serving_default"], ["serving_default", "old"]))
    assert [hit.rule for hit in hits] == ["warmup-unknown-signature"]
    assert "'old'" in hits[0].message


def test_the_1001st_warmup_record_is_an_error_and_the_1000th_is_not(tmp_path):
    assert rules(warmup_model(tmp_path / "a", ["serving_default"], [""] * 1001)) == {"warmup-too-many"}
    assert rules(warmup_model(tmp_path / "b", ["serving_default"], [""] * 1000)) == set()


def test_a_warmup_record_above_max_batch_size_is_named(tmp_path):
    log = MESSAGES["PredictionLog"]()
    log.predict_log.request.inputs["x"].tensor_shape.dim.add(size=8)
    body = log.SerializeToString()
    files = {
        "m/1/saved_model.pb": b"",
        "m/1/assets.extra/tf_serving_warmup_requests": struct.pack("<QI", len(body), 0) + body + bytes(4),
        "run.sh": RUN.format(options="", flags="--enable_batching --batching_parameters_file=/b.config"),
        "b.config": b"max_batch_size { value: 4 }",
    }
    write(tmp_path, files)
    assert "warmup-too-large" in rules(tmp_path)
    (tmp_path / "b.config").write_text("max_batch_size { value: 8 }")
    assert "warmup-too-large" not in rules(tmp_path)


def test_every_rule_of_the_table_has_an_example():
    elsewhere = {"warmup-unknown-signature", "warmup-too-many", "warmup-too-large"}
    assert set(RULES) == FLAGS.keys() | FILES.keys() | elsewhere


def test_every_rule_names_a_remedy_and_a_source():
    assert all(rule.remedy and rule.source for rule in RULES.values())


def test_a_sound_command_line_raises_nothing(tmp_path):
    folder = write(
        tmp_path,
        {
            "batching.pbtxt": "max_batch_size { value: 32 }\nbatch_timeout_micros { value: 1000 }\n"
            "num_batch_threads { value: 2 }\nallowed_batch_sizes: 1\nallowed_batch_sizes: 8\nallowed_batch_sizes: 32\n",
            "monitoring.pbtxt": 'prometheus_config { enable: true path: "/monitoring/prometheus/metrics" }',
            "m/1/saved_model.pb": b"",
        },
    )
    flags = ["--port=8500", "--rest_api_port=8501", "--model_name=m", f"--model_base_path={folder}/m",
             "--enable_batching=true", f"--batching_parameters_file={folder}/batching.pbtxt",
             f"--monitoring_config_file={folder}/monitoring.pbtxt", "--rest_api_num_threads=33"]  # fmt: skip
    assert lint(flags, cpus=2) == []
    assert lint(folder) == []


def test_defaults_are_judged_by_the_cpus_the_server_may_use(tmp_path):
    write(tmp_path, {"b.config": "max_batch_size { value: 64 }"})
    flags = [*ON, "--enable_batching", f"--batching_parameters_file={tmp_path}/b.config"]
    assert "threads-cap-batch" in rules(flags, cpus=4)
    assert "threads-cap-batch" not in rules(flags, cpus=64)


def test_a_misspelt_flag_names_the_nearest():
    assert "--rest_api_num_threads" in next(hit.remedy for hit in lint(["--rest-api-num-thread=3"]))


def test_what_does_not_exist_is_refused_and_named():
    with pytest.raises(ParameterError, match="no/such/place"):
        lint("no/such/place")


def test_binary_and_broken_files_do_not_stop_lint(tmp_path):
    write(
        tmp_path,
        {"a.yml": b"\xff\xfe{", "b.yml": b"a: [", "Dockerfile": b"", "c.config": b"}{", "d.sh": b"docker run '"},
    )
    assert lint(tmp_path) == []


def test_exit_code_follows_the_worst_severity():
    assert output.exit_code([]) == 0
    assert output.exit_code(lint(["--enable_batching", *ON[:2], "--rest_api_port=8501"])) == 1
    assert output.exit_code(lint(["--port=x"])) == 2


def test_json_and_sarif_carry_each_finding_with_its_line(tmp_path):
    write(tmp_path, FILES["batching-bare-field"])
    hits = lint(tmp_path)
    assert json.loads(output.as_json(hits))[0]["rule"] == "batching-bare-field"
    run = json.loads(output.as_sarif(hits))["runs"][0]
    assert {rule["id"] for rule in run["tool"]["driver"]["rules"]} == {result["ruleId"] for result in run["results"]}
    assert run["results"][0]["locations"][0]["physicalLocation"]["region"]["startLine"] == 1
