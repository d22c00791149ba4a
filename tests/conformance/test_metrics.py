"""The metrics page: names, labels, buckets, and what a real Prometheus makes of it."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest
import requests
from harness import (
    METRICS_PATH,
    Server,
    free_port,
    in_threads,
    predict_request,
    rpc_error,
    wait_until,
    write_monitoring,
)

SERVING = ":tensorflow:serving:"
LATENCY_LIMITS = re.findall(
    r"\S+",
    "10 18 32.4 58.32 104.976 188.957 340.122 612.22 1102 1983.59 3570.47 6426.84 11568.3 20823 37481.3 67466.4 121440 "
    "218591 393464 708235 1.27482e+06 2.29468e+06 4.13043e+06 7.43477e+06 1.33826e+07 2.40887e+07 4.33596e+07 "
    "7.80473e+07 1.40485e+08 2.52873e+08 4.55172e+08 8.19309e+08 1.47476e+09 +Inf",
)


@pytest.fixture(scope="module")
def counted(models, tmp_path_factory):
    """A server after two good REST rows, a bad one, a GET, a malformed path and one gRPC call."""
    folder = tmp_path_factory.mktemp("counted")
    parameters = folder / "batching.txt"
    parameters.write_text("max_batch_size { value: 8 } allowed_batch_sizes: [8]")
    flags = (
        f"--model_base_path={models}/half_plus_two",
        "--model_name=m",
        "--enable_batching",
        f"--batching_parameters_file={parameters}",
        write_monitoring(folder),
    )
    with Server(folder, *flags) as server:
        server.predict("m", {"instances": [1.0, 2.0]})
        server.predict("m", {"instances": []})
        server.get("/v1/models/m")
        server.get("/v1/nothing")
        server.prediction.Predict(predict_request("m", x=[1.0] * 8), timeout=9)
        rpc_error(server.prediction.Predict, predict_request('m\\"x', x=[1.0]))
        yield server


def test_requests_are_counted_by_model_and_status(counted):
    metrics = counted.metrics()
    assert metrics[SERVING + 'request_count{model_name="m",status="OK"}'] == 3
    assert metrics[SERVING + 'request_count{model_name="m",status="INVALID_ARGUMENT"}'] == 1
    assert metrics[SERVING + 'request_count{model_name="",status="INVALID_ARGUMENT"}'] == 1
    assert metrics[SERVING + 'request_count{model_name="m\\\\\\"x",status="NOT_FOUND"}'] == 1


def test_latency_has_successes_only_with_their_entry_point(counted):
    metrics, name = counted.metrics(), SERVING + "request_latency_count"
    assert metrics[name + '{model_name="m",API="predict",entrypoint="REST"}'] == 1
    assert metrics[name + '{model_name="m",API="",entrypoint="REST"}'] == 1
    assert metrics[name + '{model_name="m",API="Predict",entrypoint="GRPC"}'] == 1
    assert metrics[SERVING + 'runtime_latency_count{model_name="m",API="Predict",runtime="TF1"}'] == 2


def test_bucket_limits_are_tensorflows(counted):
    text = counted.get(METRICS_PATH).text
    pattern = SERVING + r'request_latency_bucket\{model_name="m",API="predict",entrypoint="REST",le="([^"]+)"\}'
    assert re.findall(pattern, text) == LATENCY_LIMITS
    waits = re.findall(SERVING + r'batching_session:queuing_latency_bucket\{thread_pool_name="",le="([^"]+)"\}', text)
    assert len(waits) == 53
    assert (waits[0], waits[4], waits[-2]) == ("100", "207.36", "1.09205e+06")


def test_buckets_are_half_open(counted):
    metrics, name = counted.metrics(), SERVING + "batching_session:processed_batch_size_bucket"
    assert metrics[name + '{le="8"}'] == 0
    assert metrics[name + '{le="16"}'] == 2
    assert metrics[name + '{le="+Inf"}'] == 2
    assert metrics[SERVING + 'batching_session:padding_size_sum{execution_batch_size="8"}'] == 6
    assert metrics[SERVING + "batching_session:input_batch_size_sum{}"] == 10
    assert metrics[SERVING + "batching_session:wrapped_run_count{}"] == 2


def test_a_graph_is_built_once_for_each_signature_that_ran(counted):
    metrics = counted.metrics()
    assert metrics[":tensorflow:core:graph_build_calls{}"] == 1
    assert (
        0 < metrics[":tensorflow:core:graph_build_time_usecs{}"] <= metrics[":tensorflow:core:graph_run_time_usecs{}"]
    )


def test_sizes_of_batches_are_on_the_page_from_the_first_batch_on(models, tmp_path):
    flags = (f"--model_base_path={models}/half_plus_two", "--enable_batching", write_monitoring(tmp_path))
    lazy = [f"# TYPE {SERVING}batching_session:{name}_size histogram" for name in ("padding", "input_batch")]
    lazy.append(f"# TYPE {SERVING}batching_session:processed_batch_size histogram")
    with Server(tmp_path, *flags) as server:
        page = server.get(METRICS_PATH).text
        assert not any(line in page for line in lazy)
        assert f"# TYPE {SERVING}batching_session:queuing_latency histogram" in page
        server.predict("default", {"instances": [1.0]})
        page = server.get(METRICS_PATH).text
        assert all(line in page for line in lazy)


def test_only_batches_that_ran_are_wrapped_runs(models, tmp_path):
    flags = (f"--model_base_path={models}/odd", "--enable_batching", write_monitoring(tmp_path))
    flags += (f"--batching_parameters_file={_one_thread(tmp_path)}",)
    with Server(tmp_path, *flags) as server:
        bodies = [{"signature_name": "matrix", "instances": [[1.0] * width]} for width in (4, 5)]
        replies = in_threads(2, lambda index: server.predict("default", bodies[index])[0])
        runs = server.metric("serving:batching_session:wrapped_run_count")
        batches = server.metric("serving:batching_session:processed_batch_size_count")
        # together they do not merge; one after the other both run, and one fails in the kernel
        assert (replies, runs, batches) in (([400, 400], 0, 1), ([200, 400], 2, 2))


def _one_thread(folder):
    file = folder / "batching.txt"
    file.write_text("num_batch_threads { value: 1 } batch_timeout_micros { value: 300000 } max_batch_size { value: 2 }")
    return file


def test_a_model_with_an_mlmd_key_is_in_the_map(publish, tmp_path):
    base = publish("half_plus_two", 7, files={"assets.extra/mlmd_uuid": "0f0e"})
    with Server(tmp_path, f"--model_base_path={base}", "--model_name=m", write_monitoring(tmp_path)) as server:
        assert server.metrics()[SERVING + 'mlmd_map{model_name="m",version="7"}'] == 0


def test_the_page_has_type_lines_only_in_the_order_of_names(counted):
    reply = counted.get(METRICS_PATH)
    assert reply.headers["Content-Type"] == "text/plain"
    types = re.findall(r"^# TYPE (\S+) (\S+)$", reply.text, re.M)
    names = [name for name, _ in types]
    assert names == sorted(names)
    assert "# HELP" not in reply.text
    assert dict(types)[SERVING + "model_warmup_latency"] == "histogram"  # printed without any point
    assert dict(types)[":tensorflow:core:graph_runs"] == "counter"
    assert counted.metrics()[":tensorflow:core:graph_runs{}"] == 2
    assert counted.metric("cc:saved_model:load_attempt_count") == 1


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool (Debian package prometheus) is not installed")
def test_promtool_finds_only_what_tensorflow_serving_provokes(counted):
    page = counted.get(METRICS_PATH).text
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=page, capture_output=True, text=True, timeout=30, check=False
    )
    assert "error" not in done.stderr.lower().replace("no help text", "")
    allowed = ("no help text", "metric names should not contain ':'", 'counter metrics should have "_total" suffix')
    allowed += ("camelCase", "should not contain abbreviated units", "use base unit")
    allowed += ('should not have "_count" suffix', "should not include type")
    for line in filter(None, done.stdout.splitlines() + done.stderr.splitlines()):
        assert any(text in line for text in allowed), line


@pytest.mark.skipif(not shutil.which("prometheus"), reason="prometheus (Debian package) is not installed")
def test_a_real_prometheus_scrapes_it(counted, tmp_path):
    config, port = tmp_path / "prometheus.yml", free_port()
    config.write_text(
        f"""
scrape_configs:
- job_name: serving
  scrape_interval: 1s
  metrics_path: {METRICS_PATH}
  static_configs: [{{targets: ["127.0.0.1:{counted.rest_port}"]}}]
"""
    )
    command = ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={tmp_path}/data"]
    process = subprocess.Popen(
        [*command, f"--web.listen-address=127.0.0.1:{port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    query = {"query": 'sum by (status) (:tensorflow:serving:request_count{model_name="m"})'}

    def value() -> dict[str, str]:
        try:
            reply = requests.get(f"http://127.0.0.1:{port}/api/v1/query", params=query, timeout=5).json()
        except requests.RequestException:
            return {}
        return {item["metric"]["status"]: item["value"][1] for item in reply.get("data", {}).get("result", [])}

    try:
        wait_until(lambda: value() == {"OK": "3", "INVALID_ARGUMENT": "1"}, 20, lambda: str(value()))
    finally:
        process.terminate()
        process.wait(10)
