"""Warm-up records are replayed before a version becomes AVAILABLE; a bad file fails the load."""

from __future__ import annotations

import struct

from harness import Server, predict_request, run, tensor, write_monitoring
from tensorflow_serving.apis import prediction_log_pb2

from model_server.loading.record_file import masked_crc

FILE = "assets.extra/tf_serving_warmup_requests"


def tfrecord(*records: bytes) -> bytes:
    data = b""
    for record in records:
        length = struct.pack("<Q", len(record))
        data += length + struct.pack("<I", masked_crc(length)) + record + struct.pack("<I", masked_crc(record))
    return data


def predict_log(model: str = "ignored", **inputs) -> bytes:
    log = prediction_log_pb2.PredictionLog()
    log.predict_log.request.CopyFrom(predict_request(model, **inputs))
    return log.SerializeToString()


def example_logs() -> list[bytes]:
    classify, regress, multi = (prediction_log_pb2.PredictionLog() for _ in range(3))
    classify.classify_log.request.model_spec.signature_name = "classify"
    regress.regress_log.request.model_spec.signature_name = "regress"
    task = multi.multi_inference_log.request.tasks.add(method_name="tensorflow/serving/regress")
    task.model_spec.name, task.model_spec.signature_name = "any", "regress"
    for request in (classify.classify_log.request, regress.regress_log.request, multi.multi_inference_log.request):
        request.input.example_list.examples.add().features.feature["x"].float_list.value.append(1.0)
    return [log.SerializeToString() for log in (classify, regress, multi)]


def test_the_checksum_is_the_published_one():
    assert masked_crc(b"123456789") == ((0xE3069283 >> 15 | 0xE3069283 << 17) + 0xA282EAD8) & 0xFFFFFFFF


def test_records_are_replayed_and_counted(publish, tmp_path):
    records = tfrecord(predict_log(x=[1.0]), predict_log(x=[1.0, 2.0]), b"")
    base = publish("half_plus_two", 1, files={FILE: records})
    flags = (f"--model_base_path={base}", write_monitoring(tmp_path), "--num_request_iterations_for_warmup=5")
    with Server(tmp_path, *flags) as server:
        path = f"{base}/1/{FILE}"
        assert f"Starting to read warmup data for model at {path} with model-warmup-options" in server.log
        assert (
            f"Finished reading warmup data for model at {path}. Number of warmup records read: 3. Elapsed time (micro"
            in (server.log)
        )
        read = f'serving:model_warmup_records_read{{model_path="{base}/1",status="OK"}}'
        assert server.metric(read) == 3
        assert server.metric("serving:model_warmup_latency_count") == 1
        assert server.metric('serving:runtime_latency_count{model_name="ignored",API="Predict",runtime="TF1"}') == 10
        assert server.metric("serving:request_count") == 0


def test_example_records_are_replayed_through_batching(publish, tmp_path):
    base = publish("tf1", 1, files={FILE: tfrecord(*example_logs())})
    with Server(tmp_path, f"--model_base_path={base}", "--enable_batching", write_monitoring(tmp_path)) as server:
        assert "Number of warmup records read: 3." in server.log
        assert server.metric("serving:batching_session:wrapped_run_count") == 3


def session_run_log() -> bytes:
    log = prediction_log_pb2.PredictionLog()
    log.session_run_log.SetInParent()
    return log.SerializeToString()


BAD = {
    "no_message": (tfrecord(b"\xff\xff\xff"), "INVALID_ARGUMENT: Failed to parse warmup record: "),
    "no_tfrecord": (b"this is not a TFRecord file at all", "Please verify your warmup data is in TFRecord format."),
    "cut_off": (tfrecord(predict_log(x=[1.0]))[:-3], "DATA_LOSS: truncated record at 0"),
    "other_input": (tfrecord(predict_log(y=[1.0])), "not found in request and no default value provided"),
    "other_type": (tfrecord(predict_log(x=tensor([1], "int32"))), "Expects arg[0] to be float but int32 is provided"),
    "session_run": (tfrecord(session_run_log()), "UNIMPLEMENTED: Unsupported log_type for warmup: 5"),
    "too_many": (tfrecord(*[b""] * 1001), "Number of warmup records exceeds the maximum (1000) at "),
}


def test_a_bad_file_fails_the_load(publish, tmp_path):
    entries = []
    for name, (content, _) in BAD.items():
        base = publish("half_plus_two", 1, name=name, files={FILE: content})
        entries.append(f'config {{ name: "{name}" base_path: "{base}" model_platform: "tensorflow" }}')
    config = tmp_path / "models.txt"
    config.write_text("model_config_list { " + " ".join(entries) + " }")
    code, output, errors = run(f"--model_config_file={config}", "--max_num_load_retries=0")
    assert code == 255, errors
    assert f"{len(BAD)} servable(s) did not become available: {{{{name: " in output
    for name, (_, text) in BAD.items():
        failure = output.partition(f"{{name: {name} version: 1}} due to error: ")[2].partition("{name: ")[0]
        assert text in failure, (name, failure)


def test_warmup_can_be_switched_off(publish, tmp_path):
    base = publish("half_plus_two", 1, files={FILE: b"nonsense"})
    with Server(tmp_path, f"--model_base_path={base}", "--enable_model_warmup=false") as server:
        assert server.predict("default", {"instances": [1.0]})[0] == 200
