"""Versions appear, change and go: policies, polling, labels, reload, retries, swaps without a failed request."""

from __future__ import annotations

import shutil
import sys
import threading
import time
from pathlib import Path

import grpc
import psutil
import pytest
from harness import Server, in_threads, predict_request, rpc_error, run, tensor, wait_until

QUICK = ("--max_num_load_retries=0", "--file_system_poll_wait_seconds=1")
MALLOC = ("env", "TF_ENABLE_ONEDNN_OPTS=0")  # oneDNN, on by itself on some CPUs, has an allocator that keeps its peak


def entry(name: str, base, more: str = "", platform: str = "tensorflow") -> str:
    return f'config {{ name: "{name}" base_path: "{base}" model_platform: "{platform}" {more} }}'


def listed(*entries: str) -> str:
    return "model_config_list { " + " ".join(entries) + " }"


def write(folder, text: str):
    file = folder / "models.txt"
    file.write_text(text)
    return f"--model_config_file={file}"


def refused(server: Server, text: str) -> tuple[str, str]:
    with pytest.raises(grpc.RpcError) as caught:
        server.reload(text, timeout_s=9)
    return caught.value.code().name, caught.value.details()


def test_versions_policies_labels_and_reload(publish, tmp_path):
    """One server, its whole life: a new version, policies, the two-step rule of labels, removal."""
    base = publish("half_plus_two", 1)
    (base / "not_a_number").mkdir()
    with Server(tmp_path, f"--model_base_path={base}", "--model_name=m", *QUICK) as server:
        assert server.states("m") == {1: "AVAILABLE"}

        publish("half_plus_three", 2)
        wait_until(lambda: server.states("m") == {2: "AVAILABLE", 1: "END"}, describe=lambda: server.log)
        assert server.predict("m", {"instances": [1.0]})[1] == {"predictions": [3.5]}
        assert server.error("m/versions/1", {"instances": [1.0]}, 404) == (
            "Servable not found for request: Specific(m, 1)"
        )
        versions = [item["version"] for item in server.get("/v1/models/m").json()["model_version_status"]]
        assert versions == ["2", "1"]

        server.reload(listed(entry("m", base, "model_version_policy { all {} }")))
        wait_until(lambda: server.states("m") == {2: "AVAILABLE", 1: "AVAILABLE"})
        server.reload(listed(entry("m", base, "model_version_policy { specific { versions: 1 } }")))
        wait_until(lambda: server.states("m") == {2: "END", 1: "AVAILABLE"})

        stable = 'model_version_policy {{ all {{}} }} version_labels {{ key: "stable" value: {} }}'
        assert refused(server, listed(entry("m", base, stable.format(2)))) == (
            "FAILED_PRECONDITION",
            "Request to assign label to version 2 of model m, which is not currently available for inference",
        )
        server.reload(listed(entry("m", base, "model_version_policy { all {} }")))
        wait_until(lambda: server.states("m") == {2: "AVAILABLE", 1: "AVAILABLE"})
        server.reload(listed(entry("m", base, stable.format(1))))
        assert server.predict("m/labels/stable", {"instances": [1.0]})[1] == {"predictions": [2.5]}
        request = predict_request("m", x=[1.0])
        request.model_spec.version_label = "stable"
        spec = server.prediction.Predict(request, timeout=9).model_spec
        assert (spec.version.value, spec.version_label) == (1, "")

        other = publish("two_inputs", 5, name="other")
        server.reload(listed(entry("m", base), entry("other", other)))
        assert server.states("other") == {5: "AVAILABLE"}
        server.reload(listed(entry("other", other)))
        wait_until(lambda: set(server.states("m").values()) == {"END"})
        assert server.error("m", {"instances": [1.0]}, 404) == "Servable not found for request: Latest(m)"
        server.reload("model_config_list {}")
        wait_until(lambda: server.states("other") == {5: "END"})


@pytest.fixture(scope="module")
def reloadable(models, tmp_path_factory):
    folder = tmp_path_factory.mktemp("reload")
    with Server(folder, f"--model_base_path={models}/half_plus_two", "--model_name=m", *QUICK) as server:
        yield server


def test_reload_refusals(reloadable, models):
    base, kept = f"{models}/half_plus_two", listed(entry("m", f"{models}/half_plus_two"))

    assert refused(reloadable, "custom_model_config {}") == (
        "INVALID_ARGUMENT",
        "ServerModelConfig type not supported by HandleReloadConfigRequest. Only ModelConfigList is currently "
        "supported",
    )
    assert refused(reloadable, "")[0] == "INVALID_ARGUMENT"
    assert refused(reloadable, listed(entry("m", base), entry("m", base)))[1] == (
        "Illegal to list model m multiple times in config list"
    )
    assert refused(reloadable, listed(entry("m", "relative")))[1] == (
        "Expected model m to have an absolute path or URI; got base_path()=relative"
    )
    text = refused(reloadable, listed(entry("m", base, platform="pytorch")))[1]
    assert text.startswith("Illegal to change a model's platform. For model m platform was tensorflow and new platform")
    assert refused(reloadable, listed(f'config {{ name: "m" base_path: "{base}" }}'))[1] == (
        "Illegal setting neither ModelServerConfig::model_type (deprecated) nor ModelServerConfig::model_platform, "
        "model name is m"
    )
    reloadable.reload(kept)
    assert reloadable.states("m") == {123: "AVAILABLE"}
    assert "ReloadConfig failed: Illegal to list model m" in reloadable.log
    assert f"\nConfig entry\n\tindex : 1\n\tpath : {base}\n\tname : m\n\tplatform : tensorflow" in reloadable.log


def test_reload_names_the_model_that_failed(reloadable, models, tmp_path):
    (tmp_path / "broken" / "3").mkdir(parents=True)
    kept = entry("m", f"{models}/half_plus_two")
    text = listed(kept, entry("broken", tmp_path / "broken"))
    code, message = refused(reloadable, text)
    assert code == "UNKNOWN"
    assert message.startswith(
        "1 model(s) did not become available: {{name: broken version: 3} due to error: NOT_FOUND: Could not find "
        "SavedModel .pb"
    )
    status = reloadable.status("broken").model_version_status[0]
    assert (status.state, status.status.error_code) == (50, 5)
    reloadable.reload(listed(kept))


def test_reload_reports_metric_increases(reloadable, models):
    from google.protobuf import text_format
    from tensorflow_serving.apis import model_management_pb2

    request = model_management_pb2.ReloadConfigRequest()
    text_format.Parse(listed(entry("m", f"{models}/half_plus_two")), request.config)
    request.metric_names.append("/tensorflow/serving/request_count")
    (metric,) = reloadable.models.HandleReloadConfigRequest(request, timeout=9).metric
    assert (metric.name, metric.int64_value_increase) == ("/tensorflow/serving/request_count", 0)


def test_a_missing_base_path_stops_the_poll_but_nothing_else(models, publish, tmp_path):
    base = publish("half_plus_two", 1)
    gone = tmp_path / "gone"
    flag = write(tmp_path, listed(entry("m", base), entry("gone", gone)))
    shutil.copytree(base, gone)
    with Server(tmp_path, flag, *QUICK) as server:
        gone.rename(tmp_path / "away")
        server.wait_for_log(f"Could not find base path {gone} for servable gone with error")
        publish("half_plus_three", 2)
        time.sleep(1.5)
        assert server.states("m") == {1: "AVAILABLE"}
        assert server.states("gone") == {1: "AVAILABLE"}
        (tmp_path / "away").rename(gone)
        wait_until(lambda: server.states("m").get(2) == "AVAILABLE")
        shutil.rmtree(gone / "1")
        wait_until(lambda: server.states("gone") == {1: "END"})
        server.wait_for_log(f"No versions of servable gone found under base path {gone}. Did you forget to name your")


def test_a_corrupt_new_version_ends_and_the_old_one_serves_on(publish, tmp_path):
    base = publish("half_plus_two", 1)
    flags = (f"--model_base_path={base}", "--max_num_load_retries=1", "--load_retry_interval_micros=300000")
    with Server(tmp_path, *flags) as server:
        (base / "2").mkdir()
        wait_until(lambda: server.states("default").get(2) == "END", describe=lambda: server.log)
        assert server.states("default") == {2: "END", 1: "AVAILABLE"}
        status = server.get("/v1/models/default/versions/2").json()["model_version_status"][0]["status"]
        assert status["error_code"] == "NOT_FOUND"
        assert "Could not find SavedModel .pb or .pbtxt at supplied export directory path" in status["error_message"]
        for text in (
            "Loading servable: {name: default version: 2} failed: NOT_FOUND: Could not find SavedModel",
            "Retrying of Loading servable: {name: default version: 2} retry: 1",
            "Retrying of Loading servable: {name: default version: 2} exhausted max_num_retries: 1",
        ):
            assert text in server.log
        time.sleep(1.2)
        assert server.log.count("Loading servable version {name: default version: 2}") == 1  # not tried again
        (base / "2").rename(base / "draft")
        time.sleep(1.5)
        (base / "draft").rename(base / "2")
        wait_until(lambda: server.log.count("Loading servable version {name: default version: 2}") == 2)
        publish("half_plus_three", 3)
        wait_until(lambda: server.states("default").get(3) == "AVAILABLE")


def test_swaps_under_load_fail_no_request_and_wait_for_those_in_flight(publish, tmp_path):
    base = publish("half_plus_two", 1)
    flags = (f"--model_base_path={base}", "--enable_batching", "--rest_api_num_threads=32", *QUICK)
    with Server(tmp_path, *flags) as server:
        ended, wrong = threading.Event(), []

        def client(_: int) -> int:
            count = 0
            while not ended.is_set():
                status, reply = server.predict("default", {"instances": [1.0]})
                if status != 200 or reply["predictions"][0] not in (2.5, 3.5):
                    wrong.append(reply)
                count += 1
            return count

        def swap(_: int) -> None:
            try:
                for version in range(2, 6):
                    publish("half_plus_three" if version % 2 == 0 else "half_plus_two", version)
                    wait_until(lambda v=version: server.states("default").get(v) == "AVAILABLE")
            finally:
                ended.set()

        results = in_threads(5, lambda i: swap(i) if i == 0 else client(i))
        assert results[0] is None
        assert sum(results[1:]) > 100
        assert wrong == []


def test_memory_of_unloaded_versions_is_given_back_when_it_is_quiet(publish, tmp_path):
    base = publish("heavy", 1)
    with Server(tmp_path, f"--model_base_path={base}", *QUICK, prefix=MALLOC) as server:
        first_mb = memory_mb(server)
        for version in range(2, 6):
            publish("heavy", version)
            wanted = {version: "AVAILABLE", version - 1: "END"}
            wait_until(lambda w=wanted: w.items() <= server.states("default").items())
        wait_until(lambda: memory_mb(server) < first_mb + 40, describe=lambda: f"{first_mb}, {memory_mb(server)}")


def memory_mb(server: Server) -> float:
    return psutil.Process(server.process.pid).memory_info().rss / 1e6


def test_unload_waits_for_a_request_in_flight(publish, tmp_path):
    base = publish("odd", 1)
    with Server(tmp_path, f"--model_base_path={base}", *QUICK) as server:
        short = predict_request("default", signature="slow", steps=tensor([200], "int32"))
        server.prediction.Predict(short, timeout=60)  # builds the graph: what it takes says nothing of the next
        started = time.monotonic()
        server.prediction.Predict(short, timeout=60)
        steps = max(200, int(200 * 6 / (time.monotonic() - started)))
        slow = server.prediction.Predict.future(
            predict_request("default", signature="slow", steps=tensor([steps], "int32")), timeout=60
        )
        time.sleep(0.2)
        publish("odd", 2)
        # the unload begins some time after the new version is there; were it not to wait, 1 would be END by then
        wait_until(lambda: server.states("default") == {1: "UNLOADING", 2: "AVAILABLE"})
        assert not slow.done()
        assert slow.result().model_spec.version.value == 1
        wait_until(lambda: server.states("default")[1] == "END")


def test_the_config_file_is_read_again(publish, models, tmp_path):
    base = publish("half_plus_two", 1)
    flag = write(tmp_path, listed(entry("a", base)))
    with Server(tmp_path, flag, "--model_config_file_poll_wait_seconds=1", *QUICK) as server:
        write(tmp_path, listed(entry("a", base), entry("b", f"{models}/half_plus_three")))
        wait_until(lambda: server.states("b") == {1: "AVAILABLE"})
        write(tmp_path, "model_config_list { nonsense }")
        server.wait_for_log("Failed to read ModelServerConfig file: Invalid protobuf file: '")
        write(tmp_path, listed(entry("a", "relative")))
        server.wait_for_log(
            "PollFilesystemAndReloadConfig failed to ReloadConfig: Expected model a to have an absolute"
        )
        assert server.predict("a", {"instances": [1.0]})[0] == 200
        write(tmp_path, listed(entry("b", f"{models}/half_plus_three")))
        wait_until(lambda: server.states("a") == {1: "END"})


def test_early_labels_need_the_flag(models, tmp_path):
    label = 'version_labels { key: "stable" value: 123 }'
    flag = write(tmp_path, listed(entry("m", f"{models}/half_plus_two", label)))
    code, output, _ = run(flag)
    assert code == 255
    assert output == (
        "Failed to start server. Error: FAILED_PRECONDITION: Request to assign label to version 123 of model m, which "
        "is not currently available for inference\n"
    )
    with Server(tmp_path, flag, "--allow_version_labels_for_unavailable_models=true") as server:
        assert server.predict("m/labels/stable", {"instances": [1.0]})[0] == 200


def test_no_port_opens_before_a_model_is_available(publish, tmp_path):
    base = tmp_path / "served"
    with Server(tmp_path, f"--model_base_path={base}", *QUICK, wait=False) as server:
        server.wait_for_log(f"Could not find base path {base} for servable default with error")
        with pytest.raises(OSError):  # noqa: PT011
            server.get("/v1/models/default")
        publish("half_plus_two", 7)
        server.wait_for_log("Entering the event loop")
        assert server.states("default") == {7: "AVAILABLE"}


def test_a_corrupt_only_version_ends_the_start(tmp_path):
    (tmp_path / "m" / "2").mkdir(parents=True)
    code, output, _ = run(f"--model_base_path={tmp_path}/m", "--max_num_load_retries=0")
    assert code == 255
    assert output.startswith(
        "Failed to start server. Error: UNKNOWN: 1 servable(s) did not become available: {{name: default version: 2} "
        "due to error: NOT_FOUND: Could not find SavedModel .pb"
    )


def test_tflite_models_are_served(models, tmp_path):
    flags = (f"--model_base_path={models}/lite", "--prefer_tflite_model=true", "--enable_batching")
    with Server(tmp_path, *flags) as server:
        assert server.predict("default", {"instances": [[1.0], [3.0]]}) == (200, {"predictions": [[2.5], [3.5]]})
        assert "Reading SavedModel" not in server.log


def test_a_tflite_file_without_signatures_in_its_metadata_answers_to_the_names_of_its_tensors(models, tmp_path):
    with Server(tmp_path, f"--model_base_path={models}/lite", "--prefer_tflite_model=true") as server:
        assert "No signature def found in TFLite model. Generating one." in server.log
        reply = server.prediction.Predict(predict_request("default", serving_default_x=[[5.0]]), timeout=9)
        assert list(reply.outputs["StatefulPartitionedCall"].float_val) == [4.5]
        code, text = rpc_error(server.prediction.Predict, predict_request("default", x=[[5.0]]))
        assert (code, "Signature input alias: serving_default_x(feed name: " in text) == ("INVALID_ARGUMENT", True)


def test_a_tflite_file_answers_to_the_signatures_of_its_metadata(models, tmp_path):
    with Server(tmp_path, f"--model_base_path={models}/lite_signatures", "--prefer_tflite_model=true") as server:
        assert server.predict("default", {"inputs": {"x": [[5.0]]}}) == (200, {"outputs": [[4.5]]})
        request = predict_request("default", "other", number=[[1.0]])
        assert list(server.prediction.Predict(request, timeout=9).outputs["half"].float_val) == [2.5]
        signatures = server.get("/v1/models/default/metadata").json()["metadata"]["signature_def"]["signature_def"]
        assert set(signatures) == {"serving_default", "other"}


def test_a_tflite_signature_of_an_unknown_tensor_fails_the_load(models, tmp_path):
    code, output, _ = run(f"--model_base_path={models}/lite_unknown", "--prefer_tflite_model=true", QUICK[0])
    assert code == 255
    assert "INTERNAL: Unknown tensor 'nobody'." in output


def niceness(server: Server) -> dict[str, set[int]]:
    """Thread name -> niceness of the threads of that name."""
    found: dict[str, set[int]] = {}
    for task in Path(f"/proc/{server.process.pid}/task").iterdir():
        name, fields = (task / "stat").read_text().split("(", 1)[1].rsplit(")", 1)
        found.setdefault(name, set()).add(int(fields.split()[16]))
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="threads have a niceness of their own on Linux only")
@pytest.mark.parametrize("first", [True, False], ids=["a model at the start", "the first model by reload"])
def test_later_versions_are_loaded_behind_requests_and_never_by_threads_that_run_graphs(publish, tmp_path, first):
    base = publish("half_plus_two", 1)
    given = (f"--model_base_path={base}", "--model_name=m") if first else (write(tmp_path, ""),)
    with Server(tmp_path, *given, *QUICK) as server:
        if not first:
            server.reload(listed(entry("m", base)))
        assert set().union(*niceness(server).values()) == {0}
        publish("half_plus_three", 2)
        wait_until(lambda: server.states("m") == {2: "AVAILABLE", 1: "END"}, describe=lambda: server.log)
        server.predict("m", {"instances": [1.0]})
        seen = niceness(server)
        assert seen["tf_Compute"] == {0}
        assert sorted(nice for values in seen.values() for nice in values if nice) == [10]
