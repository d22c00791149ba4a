"""The command line: 48 flags, their forms, bad values, contradictions, log lines and how a start fails."""

from __future__ import annotations

import signal
import socket
import time

import pytest
from harness import (
    METRICS_PATH,
    Server,
    free_port,
    in_threads,
    predict_request,
    rpc_error,
    run,
    tensor,
    wait_until,
    write_monitoring,
)

from model_server import options
from model_server.flags import CPUS, FLAGS, parse, usage

NAMES = """
port grpc_socket_path rest_api_port rest_api_num_threads rest_api_timeout_in_ms rest_api_enable_cors_support
enable_batching allow_version_labels_for_unavailable_models batching_parameters_file model_config_file
model_config_file_poll_wait_seconds model_name model_base_path num_load_threads num_unload_threads max_num_load_retries
load_retry_interval_micros file_system_poll_wait_seconds flush_filesystem_caches tensorflow_session_parallelism
tensorflow_session_config_file tensorflow_intra_op_parallelism tensorflow_inter_op_parallelism use_alts_credentials
ssl_config_file platform_config_file per_process_gpu_memory_fraction saved_model_tags grpc_channel_arguments
grpc_max_threads enable_model_warmup num_request_iterations_for_warmup version monitoring_config_file
remove_unused_fields_from_bundle_metagraph prefer_tflite_model num_tflite_pools num_tflite_interpreters_per_pool
enable_signature_method_name_check xla_cpu_compilation_enabled xla_gpu_compilation_enabled enable_profiler
thread_pool_factory_config_file mixed_precision skip_initialize_tpu enable_grpc_healthcheck_service
enable_per_model_batching_parameters enable_serialization_as_tensor_content
"""


def test_all_48_flags_are_known():
    assert {flag.name for flag in FLAGS} == set(NAMES.split())
    assert len(FLAGS) == 48


@pytest.mark.parametrize(
    ("argument", "name", "value"),
    [
        ("--port=1", "port", 1),
        ("--port=-1", "port", -1),
        ("--load_retry_interval_micros=9000000000", "load_retry_interval_micros", 9_000_000_000),
        ("--enable_batching", "enable_batching", True),
        ("--enable_batching=TRUE", "enable_batching", True),
        ("--enable_batching=0", "enable_batching", False),
        ("--per_process_gpu_memory_fraction=0.5", "per_process_gpu_memory_fraction", 0.5),
        ("--model_name=a=b", "model_name", "a=b"),
    ],
)
def test_values_are_read_by_type(argument, name, value):
    parsed = parse([argument])
    assert parsed.values[name] == value
    assert not parsed.unknown
    assert not parsed.complaints


def test_the_last_of_two_wins_and_a_double_dash_ends_flags():
    assert parse(["--port=1", "--port=2"]).values["port"] == 2
    parsed = parse(["--", "--port=1"])
    assert parsed.values["port"] == 8500
    assert parsed.unknown == ["--port=1"]


@pytest.mark.parametrize("argument", ["--port=1x", "--port=", "--port=3000000000", "--enable_batching=yes"])
def test_bad_values_are_complained_of(argument):
    name, _, value = argument[2:].partition("=")
    assert parse([argument]).complaints == [f"Couldn't interpret value {value} for flag {name}."]


def test_a_blank_is_no_equals_sign_and_there_is_no_noflag():
    parsed = parse(["--port", "9000", "--noenable_batching"])
    assert parsed.values["port"] == 8500
    assert parsed.unknown == ["--port", "9000", "--noenable_batching"]


def test_defaults_and_usage():
    values = parse([]).values
    assert (values["port"], values["rest_api_port"], values["model_name"]) == (8500, 0, "default")
    assert values["rest_api_num_threads"] == values["grpc_max_threads"] == 4 * CPUS
    assert values["bind_address"] == "127.0.0.1"
    text = usage("x")
    assert all(f"--{flag.name}=" in text for flag in FLAGS)


def test_bad_value_prints_usage_and_exits_255():
    code, output, errors = run("--port=abc")
    assert code == 255
    assert "Couldn't interpret value abc for flag port." in errors
    assert output.startswith("usage: ")


def test_help_and_version():
    code, output, _ = run("--help")
    assert (code, output.startswith("usage: ")) == (255, True)
    code, output, _ = run("--version")
    assert code == 0
    first, second = output.splitlines()
    assert first.startswith("TensorFlow ModelServer: ")
    assert second.startswith("TensorFlow Library: 2.")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ((), "Both server_options.model_base_path and server_options.model_config_file are empty!"),
        (
            ("--model_base_path=/m", "--port=0"),
            "At least one of server_options.grpc_port or server_options.grpc_socket_path must be set.",
        ),
        (
            ("--model_base_path=/m", "--use_alts_credentials", "--ssl_config_file=/x"),
            "Either use_alts_credentials must be false or ssl_config_file must be empty.",
        ),
        (
            ("--model_base_path=/m", "--batching_parameters_file=/x"),
            "server_options.batching_parameters_file is set without setting server_options.enable_batching to true.",
        ),
        (
            (
                "--model_base_path=/m",
                "--tensorflow_session_parallelism=1",
                "--tensorflow_intra_op_parallelism=1",
                "--tensorflow_inter_op_parallelism=1",
            ),
            "Either configure server_options.tensorflow_session_parallelism or "
            "(server_options.tensorflow_intra_op_parallelism, server_options.tensorflow_inter_op_parallelism) "
            "separately. You cannot configure all.",
        ),
        (("--model_base_path=m",), "Expected model default to have an absolute path or URI; got base_path()=m"),
    ],
)
def test_contradictions_end_the_start(flags, message):
    code, output, _ = run(*flags)
    assert (code, output) == (255, f"Failed to start server. Error: INVALID_ARGUMENT: {message}\n")


@pytest.mark.parametrize("flag", ["model_config_file", "batching_parameters_file", "tensorflow_session_config_file"])
def test_unreadable_and_unparsable_files(tmp_path, flag):
    start = (f"--model_base_path={tmp_path}", "--enable_batching")
    missing = tmp_path / "missing.txt"
    code, output, _ = run(*start, f"--{flag}={missing}")
    assert (code, output) == (
        255,
        f"Failed to start server. Error: NOT_FOUND: {missing}; No such file or directory\n",
    )
    broken = tmp_path / "broken.txt"
    broken.write_text("no_such_field: 1")
    code, output, errors = run(*start, f"--{flag}={broken}")
    assert (code, output) == (
        255,
        f"Failed to start server. Error: INVALID_ARGUMENT: Invalid protobuf file: '{broken}'\n",
    )
    assert "Error parsing text-format tensorflow." in errors


def test_what_aborts_there_aborts_here(tmp_path):
    ssl = tmp_path / "ssl.txt"
    ssl.write_text("nonsense")
    code, _, _ = run(f"--model_base_path={tmp_path}", f"--ssl_config_file={ssl}")
    assert code == -signal.SIGABRT
    config = tmp_path / "models.txt"
    config.write_text("custom_model_config { }")
    code, _, errors = run(f"--model_config_file={config}")
    assert code == -signal.SIGABRT
    assert "ModelServer does not yet support custom model config." in errors


@pytest.mark.parametrize(
    ("flags", "threads"),
    [
        ((), (0, 0)),
        (("session=3",), (3, 3)),
        (("session=3", "intra_op=2"), (2, 0)),
        (("inter_op=-1",), (0, 0)),  # server.cc asks whether one of the two is above 0
        (("session=3", "inter_op=-1"), (3, 3)),
        (("intra_op=1", "inter_op=-1"), (1, -1)),
    ],
)
def test_thread_counts_reach_the_sessions_as_server_cc_passes_them_on(flags, threads):
    named = [f"--tensorflow_{name}_parallelism={count}" for name, count in (flag.split("=") for flag in flags)]
    values = parse(["--model_base_path=/m", *named]).values
    config = options.config_pb2.ConfigProto.FromString(options.session_config(values))
    assert (config.intra_op_parallelism_threads, config.inter_op_parallelism_threads) == threads


def test_unknown_and_inert_flags_warn_and_the_start_goes_on_with_the_known_lines(models, tmp_path):
    base = models / "half_plus_two"
    flags = (
        f"--model_base_path={base}",
        "--enable_per_model_metrics=true",
        "--mixed_precision=bfloat16",
        "--num_load_threads=2",
        "--enable_batching",
        "--tensorflow_intra_op_parallelism=1",
        "--tensorflow_inter_op_parallelism=1",
        "--saved_model_tags=serve",
    )
    with Server(tmp_path, *flags) as server:
        lines = server.log
        assert "unknown argument: --enable_per_model_metrics=true\nusage: " in lines
        assert "IGNORED: --enable_per_model_metrics=true" in lines
        assert lines.count("--mixed_precision has no effect") == 1
        found = [
            lines.index(text)
            for text in (
                f"Building single TensorFlow model file config:  model_name: default model_base_path: {base}",
                "Adding/updating models.",
                " (Re-)adding model: default",
                "Successfully reserved resources to load servable {name: default version: 123}",
                "Approving load for servable version {name: default version: 123}",
                "Loading servable version {name: default version: 123}",
                "Wrapping session to perform batch processing",
                f"No warmup data file found at {base}/00000123/assets.extra/tf_serving_warmup_requests",
                "Successfully loaded servable version {name: default version: 123}",
                "Finished adding/updating models",
                "Using InsecureServerCredentials",
                f"Running gRPC ModelServer at 127.0.0.1:{server.port} ...",
                f"Exporting HTTP/REST API at:localhost:{server.rest_port} ...",
                "NET_LOG: Entering the event loop ...",
            )
        ]
        assert found == sorted(found)


def test_a_wrong_tag_ends_the_start(models):
    code, output, _ = run(
        f"--model_base_path={models}/half_plus_two", "--saved_model_tags=gpu", "--max_num_load_retries=0"
    )
    assert code == 255
    assert "Could not find meta graph def matching supplied tags: { gpu }" in output


def test_the_same_port_twice_and_ports_in_use(models, tmp_path):
    base = f"--model_base_path={models}/half_plus_two"
    port = free_port()
    with Server(tmp_path, base, f"--port={port}", f"--rest_api_port={port}", wait=False) as server:
        server.wait_for_log("server_options.http_port cannot be same as grpc_port. Please use a different port")
        server.wait_for_log(f"Running gRPC ModelServer at 127.0.0.1:{port} ...")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        busy = taken.getsockname()[1]
        code, output, _ = run(base, f"--port={busy}")
        assert (code, output) == (
            255,
            "Failed to start server. Error: INVALID_ARGUMENT: Failed to BuildAndStart gRPC server\n",
        )
        with Server(tmp_path, base, f"--rest_api_port={busy}", wait=False) as server:
            server.wait_for_log(f"Failed to start HTTP Server at localhost:{busy}")
            assert server.status("default").model_version_status[0].state == 30


def test_a_bad_monitoring_file_leaves_grpc_without_rest(models, tmp_path):
    with Server(
        tmp_path, f"--model_base_path={models}/half_plus_two", "--monitoring_config_file=/x", wait=False
    ) as server:
        server.wait_for_log("Failed to start server. Error: NOT_FOUND: /x; No such file or directory")
        assert server.prediction.Predict(predict_request("default", x=[1.0]), timeout=9).outputs["y"].float_val == [2.5]
        with pytest.raises(OSError):  # noqa: PT011
            server.get(METRICS_PATH)
        assert server.process.poll() is None


def test_an_empty_config_file_starts_with_no_models(tmp_path):
    config = tmp_path / "models.txt"
    config.write_text("")
    with Server(tmp_path, f"--model_config_file={config}") as server:
        assert "Taking no action for empty config." in server.log
        assert server.error("m", {"instances": [1]}, 404) == "Servable not found for request: Latest(m)"


@pytest.mark.parametrize(
    ("model", "operation"),
    [("reads", "ReadFile (files)"), ("python", "PyFunc (Python)"), ("prints", "PrintV2 (files)")],
)
def test_a_graph_that_reaches_outside_is_refused_on_request(models, model, operation):
    base = f"--model_base_path={models}/outside/{model}"
    code, output, log = run(base, "--reject_unsafe_ops", "--max_num_load_retries=0")
    assert code == 255
    assert "INVALID_ARGUMENT: --reject_unsafe_ops: the model in" in output
    assert operation in output
    assert "Successfully loaded servable version" not in log


def test_a_graph_that_reaches_outside_is_served_otherwise(models, tmp_path):
    (tmp_path / "file").write_text("inside")
    with Server(tmp_path, f"--model_base_path={models}/outside/reads") as server:
        assert server.predict("default", {"instances": [f"{tmp_path}/file"]}) == (200, {"predictions": ["inside"]})


def test_variables_and_vocabularies_of_a_model_are_its_own(models, tmp_path):
    with Server(tmp_path, f"--model_base_path={models}/outside/vocabulary", "--reject_unsafe_ops") as server:
        assert server.predict("default", {"instances": ["b", "c"]}) == (200, {"predictions": [1, -1]})
    for name in ("tf1", "keras", "defaults"):
        with Server(tmp_path, f"--model_base_path={models}/{name}", "--reject_unsafe_ops") as server:
            assert server.states("default") == {1: "AVAILABLE"}


def test_batches_run_whichever_way_their_threads_wake(models, tmp_path):
    base = (f"--model_base_path={models}/half_plus_two", "--enable_batching", write_monitoring(tmp_path))
    for mode in ("fast", "tensorflow"):
        with Server(tmp_path, *base, f"--batch_wakeup={mode}") as server:
            replies = in_threads(20, lambda index, s=server: s.predict("default", {"instances": [index]}))
            assert replies == [(200, {"predictions": [index / 2 + 2]}) for index in range(20)]
            assert server.metric("serving:batching_session:wrapped_run_count") <= 20
    code, output, _ = run(base[0], "--batch_wakeup=slow")
    assert (code, output) == (
        255,
        "Failed to start server. Error: INVALID_ARGUMENT: --batch_wakeup is one of fast, tensorflow; it was 'slow'.\n",
    )


def test_a_rest_call_ends_at_its_time_out(models, tmp_path):
    with Server(tmp_path, f"--model_base_path={models}/odd", "--rest_api_timeout_in_ms=200") as server:
        body = {"signature_name": "slow", "instances": [100_000]}
        assert server.error("default", body, 504) == "Timed out waiting for notification"


@pytest.mark.parametrize("batching", [False, True])
@pytest.mark.parametrize("timeout_ms", [0, -5])
def test_a_rest_time_out_that_is_not_positive_is_none(models, tmp_path, timeout_ms, batching):
    flags = (f"--model_base_path={models}/tf1", f"--rest_api_timeout_in_ms={timeout_ms}")
    with Server(tmp_path, *flags, f"--enable_batching={str(batching).lower()}") as server:
        assert server.predict("default", {"instances": [[1.0]]}) == (200, {"predictions": [[2.5]]})
        body = {"signature_name": "regress", "examples": [{"x": 1.0}]}
        assert server.post("default:regress", body) == (200, {"results": [2.5]})


def test_with_the_check_of_method_names_only_the_three_of_serving_are_served(models, publish, tmp_path):
    flags = (f"--model_base_path={models}/tf1", "--enable_signature_method_name_check")
    with Server(tmp_path, *flags) as server:
        text = (
            "Expected prediction signature method_name to be one of {tensorflow/serving/predict, "
            "tensorflow/serving/classify, tensorflow/serving/regress}. Was: our/method"
        )
        example = tensor([b""], object)
        request = predict_request("default", "own_method", inputs=example)
        assert rpc_error(server.prediction.Predict, request) == ("INTERNAL", text)
        body = {"signature_name": "own_method", "instances": [""]}
        assert server.error("default", body, 500) == text
        assert server.error("default", {"signature_name": "own_method", "instances": [5]}).endswith("type: string")
        request = predict_request("default", "regress", inputs=example)
        assert server.prediction.Predict(request, timeout=9).outputs["outputs"].float_val == [2.0]
        status, reply = server.post("default:regress", {"signature_name": "own_method", "examples": [{}]})
        assert (status, reply["error"]) == (
            400,
            "Expected regression signature method_name to be tensorflow/serving/regress. Was: our/method",
        )


def test_one_rest_thread_freezes_rest_and_others_wait_their_turn(models, tmp_path):
    base = f"--model_base_path={models}/half_plus_two"
    with Server(tmp_path, base, "--rest_api_num_threads=1", wait=False) as server:
        server.wait_for_log("Entering the event loop")
        with pytest.raises(OSError):  # noqa: PT011
            server.session.get(f"{server.url}/v1/models/default", timeout=0.5)
        assert server.status("default").model_version_status[0].state == 30
    slow = f"--model_base_path={models}/odd"
    with Server(tmp_path, slow, "--rest_api_num_threads=2") as server:
        import threading

        body = {"signature_name": "slow", "instances": [3000]}
        threading.Thread(target=server.predict, args=("default", body)).start()
        time.sleep(0.1)
        started = time.monotonic()
        assert server.states("default") == {1: "AVAILABLE"}
        assert time.monotonic() - started > 0.2  # the one worker was busy


def test_termination_is_at_once(models, tmp_path):
    with Server(tmp_path, f"--model_base_path={models}/half_plus_two") as server:
        server.process.terminate()
        wait_until(lambda: server.process.poll() is not None, 2)
        assert server.process.poll() == -signal.SIGTERM
