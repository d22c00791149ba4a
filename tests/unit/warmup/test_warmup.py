"""The warm-up file is what TensorFlow Serving reads, holds real rows, and is never published broken."""

import shutil
from pathlib import Path
from urllib.parse import urlsplit

import export_models
import numpy as np
import pytest

from loadgen.scripted.script import Script
from loadgen.scripted.server import running
from playbook.errors import ModelError, ParameterError, PlaybookError, PredictFailed, WarmupNotApplied
from playbook.export import export
from playbook.records import record
from playbook.serve import serve
from playbook.serve.handle import Handle
from playbook.stage_plan import stretch
from playbook.tfserving import tfrecord, versions, warmup_file
from playbook.tfserving.reference import Reference
from playbook.tfserving.requests import grpc_body
from playbook.tfserving.signatures import Signature, Tensor
from playbook.warmup import coldstart, sending, views

PREDICT = Signature(
    "serving_default", "Predict", (Tensor("x", "float32", (-1, 2)),), (Tensor("y", "float32", (-1, 2)),)
)
ROWS = {"x": np.arange(6, dtype=np.float32).reshape(3, 2)}


def test_the_checksum_is_the_published_one() -> None:
    """RFC 3720, B.4, gives CRC-32C of 32 zero bytes as 0x8a9136aa; TFRecord rotates it by 15 and adds a constant."""
    crc = 0x8A9136AA
    assert tfrecord.checksum(bytes(32)) == ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def test_tensorflow_reads_what_is_written_and_we_read_what_it_writes(tmp_path: Path) -> None:
    from playbook.tfserving.tensorflow import tensorflow

    tf = tensorflow()
    records = [b"", b"one", bytes(range(256)) * 40]
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    ours.write_bytes(tfrecord.encode(records))
    assert [item.numpy() for item in tf.data.TFRecordDataset(str(ours))] == records
    with tf.io.TFRecordWriter(str(theirs)) as writer:
        for item in records:
            writer.write(item)
    assert list(tfrecord.read(theirs)) == records
    assert ours.read_bytes() == theirs.read_bytes()


def test_records_are_the_official_prediction_logs(tmp_path: Path) -> None:
    from playbook.tfserving.tensorflow import tensorflow

    tf = tensorflow()
    from tensorflow_serving.apis import prediction_log_pb2

    for data in warmup_file.logs(PREDICT, ROWS, [2, 5]):
        request = prediction_log_pb2.PredictionLog.FromString(data).predict_log.request
        assert request.model_spec.signature_name == "serving_default"
        rows = tf.make_ndarray(request.inputs["x"])
        assert (rows == ROWS["x"][np.arange(len(rows)) % 3]).all()


@pytest.mark.parametrize(("method", "field"), [("Classify", "classify_log"), ("Regress", "regress_log")])
def test_classify_and_regress_get_their_own_logs(method: str, field: str) -> None:
    from playbook.tfserving import examples
    from playbook.tfserving.tensorflow import tensorflow

    tensorflow()
    from tensorflow_serving.apis import prediction_log_pb2

    signature = Signature("s", method, (Tensor("inputs", "string", (-1,)),), ())
    rows = {"inputs": examples.encode_table(["a"], np.array([[1.5], [2.5]]))}
    (data,) = warmup_file.logs(signature, rows, [2])
    log = prediction_log_pb2.PredictionLog.FromString(data)
    assert log.WhichOneof("log_type") == field
    (first, second) = getattr(log, field).request.input.example_list.examples
    assert [first.features.feature["a"].float_list.value[0], second.features.feature["a"].float_list.value[0]] == [
        1.5,
        2.5,
    ]


def test_every_allowed_batch_size_gets_a_request_and_none_is_too_large_for_the_server() -> None:
    assert warmup_file.sizes([1, 2, 4, 8]) == [1, 2, 4, 8]
    assert warmup_file.sizes([1, 2], [4, 16]) == [1, 2, 4, 16]
    assert warmup_file.sizes([1, 8, 64], [4, 16], max_batch_size=16) == [1, 4, 8, 16]


def test_more_records_than_a_server_reads_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="1001 warm-up records are more than the 1000"):
        warmup_file.write(tmp_path, [b""] * 1001)
    assert warmup_file.write(tmp_path, [b""] * 1000) == 1000


def test_every_signature_of_a_model_is_warmed_up_with_its_own_rows(tmp_path: Path) -> None:
    staged = export_models.copy_of(export_models.trained("digits_bytes"), tmp_path)
    assert export.add_warmup(staged, [1, 3]) == 6
    logs = warmup_file.read(staged.path)
    seen = {warmup_file.request_of(log)[0] for log in logs}
    assert seen == {"serving_default", "tensor_base64", "pixels"}
    first = next(fed for log in logs for name, fed in [warmup_file.request_of(log)] if name == "serving_default")
    assert first["image_bytes"][0] == staged.held_out.rows["serving_default"]["image_bytes"][0]
    assert "| `pixels` | 2 | 1, 3 |" in warmup_file.table(logs)


def test_a_request_the_model_refuses_is_found_before_publishing(tmp_path: Path) -> None:
    model = export_models.doubling(tmp_path / "model")
    staged = export_models.build(tmp_path / "run", model)
    staged.held_out.rows["serving_default"]["x"] = np.zeros((2, 9), dtype=np.int32)
    with pytest.raises(ModelError, match="refused the rows x int32"):
        export.add_warmup(staged, [1])
    assert list((tmp_path / "run" / "models" / "m").iterdir()) == []


# ---- broken files


def broken(content: bytes, how: str) -> bytes:
    middle = len(content) // 2
    return {
        "a flipped byte": content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :],
        "a flipped length": bytes([content[0] ^ 1]) + content[1:],
        "cut short": content[: middle + 3],
        "no TFRecord at all": b"this is a text file, 32 bytes long",
        "no PredictionLog": tfrecord.encode([b"\xff\xff\xff"]),
    }[how]


@pytest.mark.parametrize(
    "how", ["a flipped byte", "a flipped length", "cut short", "no TFRecord at all", "no PredictionLog"]
)
def test_a_corrupted_file_is_named_with_the_remedy(tmp_path: Path, how: str) -> None:
    warmup_file.write(tmp_path, list(warmup_file.logs(PREDICT, ROWS, [1, 2, 4])))
    path = tmp_path / warmup_file.FILE
    path.write_bytes(broken(path.read_bytes(), how))
    with pytest.raises(WarmupNotApplied, match=r"tf_serving_warmup_requests is corrupted: .*Export again, or delete"):
        warmup_file.read(tmp_path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(WarmupNotApplied, match="tf_serving_warmup_requests was expected and is not there"):
        warmup_file.read(tmp_path)


# ---- on a server


def spec_of(run_dir: Path) -> serve.ServerSpec:
    return serve.ServerSpec("digits", (run_dir / "models" / "digits").resolve(), cpus=serve.split_cpus()[0])


def test_warmup_takes_the_cold_start_away(run_dir: Path) -> None:
    plan = coldstart.ColdStartPlan(first_requests=30, client_warmup_requests=4)
    for _ in range(3):  # a busy machine may delay any single request
        rows = coldstart.measure(spec_of(run_dir), run_dir, Reference.load(run_dir), plan)
        kept = coldstart.summary(rows)
        if all(kept["cold"]["first_ms"] > 3 * kept[way]["first_ms"] for way in ("assets", "client_warm")):
            break
    assert list(kept) == list(coldstart.WAYS)
    assert kept["cold"]["first_ms"] > 3 * kept["assets"]["first_ms"]
    assert kept["cold"]["first_ms"] > 3 * kept["client_warm"]["first_ms"]
    results = views.results(rows, plan, 4, 4)
    assert results["records_read"] == 4
    assert len(results["cold"]) == len(results["assets"]) == 30
    assert "with 4 warm-up requests inside it takes" in views.verdict(results)
    assert "warm-up requests inside: first" in views.figure(rows).alt


def test_a_server_says_that_it_replayed_the_requests_or_the_stage_fails(run_dir: Path) -> None:
    spec = spec_of(run_dir)
    row = Reference.load(run_dir).slice(0, 1)
    with serve.running(spec, run_dir) as handle:
        assert coldstart.check_applied(handle, 4) == 4
        with sending.sender(handle, "grpc") as send:
            assert 0 < sending.timed_ms(send, grpc_body(row.inputs, row.signature, "digits")) < 10_000
        with sending.sender(handle, "rest") as send, pytest.raises(PredictFailed, match="HTTP 400"):
            send(b"{}")
    version = versions.numbers(spec.model_base_path)[-1]
    shutil.rmtree(spec.model_base_path / str(version) / "assets.extra")
    says = r"has replayed none \(model_warmup_records_read is 0\)"
    with serve.running(spec, run_dir) as handle, pytest.raises(WarmupNotApplied, match=says):
        coldstart.check_applied(handle, 4)


def test_a_corrupted_file_turns_the_stage_red_with_the_remedy(run_dir: Path) -> None:
    """The notebook itself: serve first, then break the file, then 30_warmup."""
    from playbook.chain import pipeline

    run = pipeline.Run(run_dir, ["serve", "warmup"], {"serve": {}, "warmup": {}})
    pipeline.run_stage(run, "serve")
    path = run_dir / "models" / "digits" / "1" / warmup_file.FILE
    path.write_bytes(broken(path.read_bytes(), "a flipped byte"))
    with pytest.raises(PlaybookError, match=r"is corrupted(.|\n)*Export again, or delete the file"):
        pipeline.run_stage(run, "warmup")
    assert not record.has(run_dir, "warmup")


def test_a_plan_without_requests_is_refused() -> None:
    with pytest.raises(ParameterError, match="first_requests must be at least 1; it is 0"):
        coldstart.ColdStartPlan(first_requests=0)


def test_a_server_that_is_attached_to_is_not_started_afresh() -> None:
    attached = serve.ServerSpec("m", Path("/nowhere"), server="attach", rest_url="http://127.0.0.1:1")
    rows = coldstart.measure(attached, Path("."), Reference("s", ROWS, ROWS), coldstart.ColdStartPlan())
    results = views.results(rows, coldstart.ColdStartPlan(), 4, None)
    assert "no fresh server was measured" in views.verdict(results)


# ---- what is said of it


def measured(cold: list[float], assets: list[float]) -> list[dict]:
    ways = {"cold": cold, "client_warm": assets, "assets": assets}
    return [{"way": way, "latency_ms": ms, "start_s": 1.0, "records_read": 4} for way, ms in ways.items()]


def said(cold: list[float], assets: list[float]) -> tuple[str, list[str]]:
    results = views.results(measured(cold, assets), coldstart.ColdStartPlan(), 4, 4)
    return views.verdict(results), views.warnings(results)


def test_what_remains_is_never_more_than_what_was_lost() -> None:
    verdict, warnings = said([50.0, *[1.0] * 19], [5.0, *[1.0] * 19])
    assert verdict.endswith("Of 49 ms lost in the first 100 requests 4 ms remain.")
    assert warnings == []
    verdict, warnings = said([5.0, *[1.0] * 19], [50.0, *[1.0] * 19])
    assert "remain" not in verdict
    assert "Warm-up removed nothing that was measured: the first 100 requests took 4 ms more" in verdict
    assert any("removed nothing" in one for one in warnings)


def test_nothing_lost_is_nothing_to_remove() -> None:
    verdict, _ = said([1.0] * 20, [1.0] * 20)
    assert "nothing was lost that stands out" in verdict


def test_a_slow_model_gets_fewer_requests_and_that_is_said() -> None:
    wished = coldstart.ColdStartPlan(first_requests=100, repeats=2)
    plan = planned(wished, answers_after_s=0.25, budget_s=30.0)
    assert plan.request_ms >= 250
    assert (plan.first_requests, plan.repeats) == (max(10, int(30_000 / plan.request_ms / 6)), 2)
    ends_s = 2 * 3 * coldstart.END_S * stretch()
    asked = 3 * plan.first_requests + plan.client_warmup_requests
    assert plan.expected_s == pytest.approx(2 * asked * plan.request_ms / 1e3 + ends_s)
    left_out = f"{100 - plan.first_requests} of 100 first requests"
    assert f"{left_out} on each server: one takes {plan.request_ms:.0f} ms" in coldstart.stage(plan).words()
    results = views.results(measured([2.0] * 20, [1.0] * 20), plan, 4, 4)
    assert any(one.startswith(f"Left out: {left_out}") for one in views.warnings(results))


def test_servers_that_replay_nothing_are_planned_without_the_replay_and_with_a_first_request() -> None:
    curve = {"batch_sizes": [1], "latency_ms": [100.0]}
    exported = {"warmup_sizes": [1], "warmup_records": 2, "batch_curve": curve, "plan": {"first_run_s": 1.0}}
    whole, spared = (
        coldstart.fitted(coldstart.ColdStartPlan(), 100.0, 7.0, 10.0, *known).expected_s for known in ((), (exported,))
    )
    assert whole - spared == pytest.approx(2 * (2 * (0.1 + 1.0) - 1.0))  # two signatures, of which one is asked


def test_a_quick_model_gets_all_requests() -> None:
    plan = planned(coldstart.ColdStartPlan(), answers_after_s=0.0, budget_s=300.0)
    assert (plan.first_requests, plan.left_out) == (100, [])


def planned(wished: coldstart.ColdStartPlan, answers_after_s: float, budget_s: float) -> coldstart.ColdStartPlan:
    """The plan for a server whose answers take so long."""
    with running("rest", Script(delay_s=answers_after_s)) as server:
        url = server.url.removesuffix(urlsplit(server.url).path)
        handle = Handle("embedded", "m", "/nowhere", url, "", "", [], [], start_s=0.0)
        return coldstart.planned(wished, handle, Reference("s", ROWS, ROWS), budget_s)
