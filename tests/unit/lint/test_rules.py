"""Each rule of the table has an example that raises it, and a set-up without faults raises none."""

import json
import struct

import pytest
from lint_examples import FOLDERS
from lint_examples.shapes import RUN, saved_model
from tables import each_row

from playbook.errors import ParameterError
from playbook.lint import output
from playbook.lint.linter import examine, lint
from playbook.lint.rules.findings import RULES
from playbook.tfserving.messages import MESSAGES

ON = ["--rest_api_port=8501", "--model_base_path=/m", "--monitoring_config_file=/nowhere/x"]
FLAGS = {
    "unknown-flag": ["--enable_batchin=true"],
    "flag-value-after-blank": ["--port", "8500"],
    "flag-bad-value": ["--port=8500x"],
    "flags-ended": ["--port=8500", "--", "--rest_api_port=8501"],
    "flags-in-one-word": ["--port=8500 --rest_api_port=8501", "--model_base_path=/m"],
    "flag-repeated": ["--port=8500", "--port=9000"],
    "server-ends": ["--version"],
    "rest-port-off": ["--monitoring_config_file=/etc/m"],
    "rest-port-is-grpc-port": ["--port=8500", "--rest_api_port=8500"],
    "rest-timeout-short": ["--rest_api_timeout_in_ms=30"],
    "no-port": ["--port=0"],
    "rest-threads-one": ["--rest_api_num_threads=1", "--rest_api_port=8501"],
    "grpc-threads-few": ["--grpc_max_threads=2"],
    "batching-file-unused": ["--batching_parameters_file=/etc/b"],
    "per-model-unused": ["--enable_per_model_batching_parameters"],
    "batching-defaults": ["--enable_batching"],
    "platform-file-wins": ["--platform_config_file=/etc/p", "--batching_parameters_file=/etc/b"],
    "session-parallelism-ignored": ["--tensorflow_session_parallelism=4", "--tensorflow_intra_op_parallelism=2"],
    "session-parallelism-conflict": [
        "--tensorflow_session_parallelism=4",
        "--tensorflow_intra_op_parallelism=2",
        "--tensorflow_inter_op_parallelism=2",
    ],
    "parallelism-negative": ["--tensorflow_session_parallelism=-1"],
    "inter-op-ignored": ["--tensorflow_inter_op_parallelism=-1"],
    "ssl-with-alts": ["--use_alts_credentials", "--ssl_config_file=/etc/tls"],
    "mixed-precision-unknown": ["--mixed_precision=float16"],
    "base-path-not-here": ["--model_base_path=/nowhere/m"],
    "base-path-inside": ["--model_base_path=/nowhere/m/1/variables"],
    "config-file-not-here": "--port=8500 --model_config_file=/nowhere/c",
    "no-model": ["--port=8500"],
    "relative-base-path": ["--model_base_path=models/m"],
    "model-name-ignored": ["--model_config_file=/etc/c", "--model_name=m"],
    "config-file-missing": ["--enable_batching", "--batching_parameters_file=/nowhere/b"],
    "monitoring-missing": ["--rest_api_port=8501"],
    "tensor-content-with-rest": ["--rest_api_port=8501", "--enable_serialization_as_tensor_content=true"],
    "poll-object-store": ["--model_base_path=gs://bucket/m"],
    "threads-too-few": ["--num_load_threads=-1"],
    "threads-impossible": ["--num_load_threads=100000"],
    "grpc-threads-one": ["--grpc_max_threads=1"],
    "retries-negative": ["--max_num_load_retries=-1"],
    "retry-interval-tiny": ["--load_retry_interval_micros=60"],
    "warmup-iterations-unused": ["--enable_model_warmup=false", "--num_request_iterations_for_warmup=5"],
    "tflite-unused": ["--num_tflite_pools=4"],
    "tags-odd": ["--saved_model_tags=serve, gpu"],
    "grpc-arguments-crash": ["--grpc_channel_arguments=grpc.max_connection_age_ms"],
    "socket-path": ["--grpc_socket_path=unix:///tmp/s"],
    "thread-pool-factory": ["--thread_pool_factory_config_file=/etc/pools"],
    "alts-outside": ["--use_alts_credentials"],
    "rest-not-encrypted": ["--rest_api_port=8501", "--ssl_config_file=/etc/tls"],
    "name-in-url": ["--rest_api_port=8501", "--model_name=team/m"],
    "value-with-blank": ["--port=8500", "--model_base_path=/models/m "],
    "file-system-unknown": ["--model_base_path=https://host/m"],
    "poll-never": ["--file_system_poll_wait_seconds=-1"],
    "poll-once-with-reload": ["--file_system_poll_wait_seconds=0", "--model_config_file_poll_wait_seconds=5"],
}


def write(folder, files):
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def rules(target, **options):
    return {hit.rule for hit in lint(target, **options)}


@each_row("rule", FLAGS)
def test_a_flag_list_raises(rule):
    assert rule in rules(FLAGS[rule])


@each_row("rule", FOLDERS)
def test_a_folder_raises(rule, tmp_path):
    assert rule in rules(write(tmp_path, FOLDERS[rule]))


def warmup_model(folder, signatures, asked):
    records = b""
    for name in asked:
        log = MESSAGES["PredictionLog"]()
        log.predict_log.request.model_spec.signature_name = name
        body = log.SerializeToString()
        records += struct.pack("<QI", len(body), 0) + body + bytes(4)
    extra = "m/1/assets.extra/tf_serving_warmup_requests"
    return write(folder, {"m/1/saved_model.pb": saved_model(signatures=signatures), extra: records})


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
        "m/1/saved_model.pb": saved_model(),
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
    assert set(RULES) == FLAGS.keys() | FOLDERS.keys() | elsewhere


def test_every_rule_names_a_remedy_and_a_source():
    assert all(rule.remedy and rule.source for rule in RULES.values())


def test_a_sound_command_line_raises_nothing(tmp_path):
    folder = write(
        tmp_path,
        {
            "batching.pbtxt": "max_batch_size { value: 32 }\nbatch_timeout_micros { value: 1000 }\n"
            "num_batch_threads { value: 2 }\nallowed_batch_sizes: 1\nallowed_batch_sizes: 8\nallowed_batch_sizes: 32\n",
            "monitoring.pbtxt": 'prometheus_config { enable: true path: "/monitoring/prometheus/metrics" }',
            "m/1/saved_model.pb": saved_model(),
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
    hit = next(hit for hit in lint(["--rest-api-num-thread=3"]) if hit.rule == "unknown-flag")
    assert "--rest_api_num_threads" in hit.remedy


def test_what_does_not_exist_is_refused_and_named():
    with pytest.raises(ParameterError, match="no/such/place"):
        lint("no/such/place")


def test_binary_and_broken_files_are_passed_over_with_the_reason(tmp_path):
    write(
        tmp_path,
        {"a.yml": b"\xff\xfe{", "b.yml": b"a: [", "Dockerfile": b"", "c.config": b"}{", "d.sh": b"docker run '"},
    )
    report = examine(tmp_path)
    assert report.findings == []
    assert report.passed["not text"] == ["a.yml"]
    assert output.exit_code(report) == 3


def test_exit_code_follows_the_worst_severity():
    assert output.exit_code([]) == 0
    assert output.exit_code(lint(["--enable_batching", ON[0], "--model_base_path=gs://b/m"])) == 1
    assert output.exit_code(lint(["--port=x"])) == 2


def test_json_and_sarif_carry_each_finding_with_its_line(tmp_path):
    write(tmp_path, FOLDERS["batching-bare-field"])
    hits = lint(tmp_path)
    assert json.loads(output.as_json(hits))[0]["rule"] == "batching-bare-field"
    run = json.loads(output.as_sarif(hits))["runs"][0]
    assert {rule["id"] for rule in run["tool"]["driver"]["rules"]} == {result["ruleId"] for result in run["results"]}
    assert run["results"][0]["locations"][0]["physicalLocation"]["region"]["startLine"] == 1


@each_row(
    ("flags", "expected"),
    [
        (["--batching_parameters_file=/b"], {"platform-file-wins"}),  # and no exit for want of enable_batching
        (["--enable_batching", "--saved_model_tags=gpu"], {"platform-file-wins"}),
        (["--tensorflow_session_parallelism=2", "--tensorflow_inter_op_parallelism=2"], {"platform-file-wins"}),
        (["--num_load_threads=2", "--grpc_max_threads=8"], set()),
    ],
)
def test_a_platform_file_makes_the_server_ignore_what_it_would_build_the_platform_from(flags, expected):
    line = ["--model_base_path=gs://b/m", "--file_system_poll_wait_seconds=300", "--platform_config_file=/p", *flags]
    found = {hit.rule for hit in examine(line).findings} - {"config-file-missing"}
    assert found == expected


def test_a_flag_of_the_first_servers_is_unknown_to_todays_alone(tmp_path):
    flags = '["--model_base_path=/m", "--use_saved_model=true"]'
    for name, base in (("a", "me/server-built-of-0.5"), ("b", "tensorflow/serving:2.20.0")):
        binary = 'ENTRYPOINT ["/usr/bin/tensorflow_model_server"]'
        (tmp_path / f"Dockerfile.{name}").write_text(f"FROM {base}\nCOPY m /m\n{binary}\nCMD {flags}\n")
    assert {hit.path for hit in examine(tmp_path).findings if hit.rule == "unknown-flag"} == {"Dockerfile.b"}


@each_row(("threads", "few"), [(2, True), (3, True), (4, False)])
def test_grpc_threads_are_few_below_the_default_of_one_core(threads, few):
    line = f"--port=8500 --model_base_path=/models/m --grpc_max_threads={threads}"
    assert ("grpc-threads-few" in {hit.rule for hit in examine(line).findings}) is few


@each_row(
    ("name", "unread"),
    [("GRPC_MAX_WORKERS", True), ("BATCH_TIMEOUT_MS", True), ("REST_THREADS", True), ("GRPC_VERBOSITY", False),
     ("OMP_NUM_THREADS", False), ("TF_GPU_THREAD_COUNT", False), ("APP_ENV", False)],
)  # fmt: skip
def test_a_variable_that_is_meant_as_a_setting_and_read_by_nobody_is_named(name, unread, tmp_path):
    (tmp_path / "Dockerfile").write_text(f"FROM tensorflow/serving:2.20.0\nENV {name}=8\n")
    assert ("env-nobody-reads" in {hit.rule for hit in examine(tmp_path).findings}) is unread
