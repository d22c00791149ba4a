"""How requests become batches, and every refusal on the way. Each model has its own parameters in one server."""

from __future__ import annotations

import time

import numpy as np
import pytest
from google.protobuf import text_format
from harness import Server, in_threads, predict_request, rpc_error, run, tensor, wait_until, write_monitoring

from model_server.batching.options import num_batch_threads, queue_options
from model_server.config_messages import BatchingParameters
from model_server.errors import ServingError
from model_server.flags import CPUS

POOL = BatchingParameters.DESCRIPTOR.file.pool
PARAMETERS = {
    # name: (source model, batching_params.pbtxt)
    "pair": ("half_plus_two", "max_batch_size { value: 2 } batch_timeout_micros { value: 10000000 }"),
    "timed": ("half_plus_two", "max_batch_size { value: 64 } batch_timeout_micros { value: 300000 }"),
    "eager": ("half_plus_two", "max_batch_size { value: 4 }"),
    "padded": (
        "half_plus_two",
        "max_batch_size { value: 8 } allowed_batch_sizes: [4, 8] batch_timeout_micros { value: 1000 }",
    ),
    "ragged": (
        "ragged",
        "max_batch_size { value: 2 } batch_timeout_micros { value: 10000000 } pad_variable_length_inputs: true",
    ),
    "strict": ("ragged", "max_batch_size { value: 2 } batch_timeout_micros { value: 10000000 }"),
    "split": (
        "half_plus_two",
        "max_batch_size { value: 10 } enable_large_batch_splitting { value: true } "
        "max_execution_batch_size { value: 4 } batch_timeout_micros { value: 1000 } max_enqueued_batches { value: 5 }",
    ),
    "full": (
        "odd",
        "max_batch_size { value: 1 } max_enqueued_batches { value: 2 } batch_timeout_micros { value: 0 }",
    ),
    "splitfull": (
        "odd",
        "max_batch_size { value: 4 } max_execution_batch_size { value: 1 } max_enqueued_batches { value: 2 } "
        "enable_large_batch_splitting { value: true }",
    ),
    "odd": ("odd", "max_batch_size { value: 8 }"),
    "two": ("two_inputs", "max_batch_size { value: 8 }"),
    "echo": ("echo", "max_batch_size { value: 8 } batch_timeout_micros { value: 1000 }"),
    "unbatched": ("half_plus_two", None),
}


@pytest.fixture(scope="module")
def batched(models, tmp_path_factory):
    import shutil

    root = tmp_path_factory.mktemp("batched")
    entries = []
    for name, (source, text) in PARAMETERS.items():
        folder = root / name / "1"
        shutil.copytree(sorted((models / source).iterdir())[0], folder)
        if text is not None:
            (folder / "batching_params.pbtxt").write_text(text)
        entries.append(f'config {{ name: "{name}" base_path: "{root / name}" model_platform: "tensorflow" }}')
    config = root / "models.txt"
    config.write_text("model_config_list { " + "\n".join(entries) + " }")
    threads = root / "batching.txt"
    threads.write_text("num_batch_threads { value: 2 }")
    flags = (
        f"--model_config_file={config}",
        "--enable_batching",
        "--enable_per_model_batching_parameters",
        f"--batching_parameters_file={threads}",
        write_monitoring(root),
        "--rest_api_num_threads=64",
        "--grpc_max_threads=64",
    )
    with Server(root, *flags) as running:
        yield running


def batches(server) -> tuple[float, float]:
    return (
        server.metric("serving:batching_session:wrapped_run_count"),
        server.metric("serving:batching_session:processed_batch_size_sum"),
    )


def counted(server, work) -> tuple[float, float, object]:
    """(batches, rows with padding) that `work` caused, and what it returned."""
    before = batches(server)
    result = work()
    after = batches(server)
    return after[0] - before[0], after[1] - before[1], result


def test_a_full_batch_runs_before_its_timeout(batched):
    started = time.monotonic()
    count, rows, replies = counted(
        batched, lambda: in_threads(2, lambda i: batched.predict("pair", {"instances": [float(i)]}))
    )
    assert [reply[1] for reply in replies] == [{"predictions": [2.0]}, {"predictions": [2.5]}]
    assert (count, rows) == (1, 2)
    assert time.monotonic() - started < 5


def test_tensors_of_a_hundred_dimensions_are_joined_and_cut_as_any_other(batched):
    def nested(values: list, ones: int) -> object:
        for _ in range(ones):
            values = [values]
        return [values]

    def ask(rows: list) -> list[tuple[int, object]]:
        return in_threads(
            len(rows), lambda i: batched.predict("echo", {"signature_name": "any_shape", "inputs": rows[i]})
        )

    alike = [nested([float(number), 2.0], 98) for number in range(4)]
    assert [reply for _, reply in ask(alike)] == [{"outputs": rows} for rows in alike]


def test_rest_and_grpc_requests_share_a_batch(batched):
    def call(index: int):
        if index:
            return batched.prediction.Predict(predict_request("pair", x=[4.0]), timeout=8).outputs["y"].float_val[0]
        return batched.predict("pair", {"instances": [2.0]})[1]["predictions"][0]

    count, _, replies = counted(batched, lambda: in_threads(2, call))
    assert (count, replies) == (1, [3.0, 4.0])


def test_an_underfull_batch_runs_after_its_timeout(batched):
    started = time.monotonic()
    count, rows, _ = counted(batched, lambda: in_threads(5, lambda i: batched.predict("timed", {"instances": [i]})))
    took_s = time.monotonic() - started
    assert (count, rows) == (1, 5)
    assert 0.28 < took_s < 3


def test_every_first_request_finds_its_timeout_watched(batched):
    """Right behind a batch, well inside its thread's second look, and after it."""
    for pause_s in (0.0, 0.05, 0.25, 0.5):
        batched.predict("timed", {"instances": [1.0]})
        time.sleep(pause_s)
        started = time.monotonic()
        assert batched.predict("timed", {"instances": [1.0]})[1] == {"predictions": [2.5]}
        assert 0.28 < time.monotonic() - started < 1, pause_s


def test_timeout_zero_does_not_wait(batched):
    batched.predict("eager", {"instances": [1.0]})
    started = time.monotonic()
    for _ in range(5):
        batched.predict("eager", {"instances": [1.0]})
    assert time.monotonic() - started < 1


def test_another_signature_or_filter_is_another_queue(batched):
    def call(index: int):
        request = predict_request("two", a=[[1, 2]], b=[[3, 4]])
        if index:
            request.output_filter.append("sum")
        return set(batched.prediction.Predict(request, timeout=9).outputs)

    count, _, replies = counted(batched, lambda: in_threads(2, call))
    assert count == 2
    assert replies == [{"sum", "difference"}, {"sum"}]


def test_padding_to_an_allowed_size_is_dropped_from_the_answer(batched):
    count, rows, reply = counted(batched, lambda: batched.predict("padded", {"instances": [1.0, 2.0, 3.0]}))
    assert (count, rows) == (1, 4)
    assert reply == (200, {"predictions": [2.5, 3.0, 3.5]})
    sums = batched.metrics()
    assert sums[':tensorflow:serving:batching_session:padding_size_sum{execution_batch_size="4"}'] >= 1


def test_variable_lengths_are_padded_with_the_tensors_own_first_element(batched):
    rows = [[[1, 2, 3]], [[7]]]
    replies = in_threads(2, lambda i: batched.predict("ragged", {"instances": rows[i]})[1]["predictions"][0])
    assert replies == [{"total": 6, "width": 3}, {"total": 21, "width": 3}]


def test_variable_lengths_without_padding_fail_the_whole_batch(batched):
    rows = [[[1, 2, 3]], [[7]]]
    text = (
        "Tensors with name 'serving_default_tokens:0' from different tasks have different shapes and padding is turned "
        "off. Set pad_variable_length_inputs to true, or ensure that all tensors with the same name have equal "
        "dimensions starting with the first dim."
    )
    replies = in_threads(2, lambda i: batched.predict("strict", {"instances": rows[i]}))
    assert replies == [(400, {"error": text})] * 2


def test_an_empty_tensor_cannot_be_padded(batched):
    rows = [tensor([[1, 2, 3]], np.int32), tensor(np.zeros((1, 0)), np.int32)]
    call = lambda i: rpc_error(batched.prediction.Predict, predict_request("ragged", tokens=rows[i]))  # noqa: E731
    assert in_threads(2, call) == [("INVALID_ARGUMENT", "Got empty tensor in batch of non-empty tensors.")] * 2


def test_large_requests_are_split_and_joined(batched):
    values = [float(value) for value in range(10)]
    count, rows, reply = counted(batched, lambda: batched.predict("split", {"instances": values}))
    assert reply == (200, {"predictions": [value / 2 + 2 for value in values]})
    assert (count, rows) == (3, 10)


@pytest.mark.parametrize(("model", "limit"), [("padded", 8), ("split", 10)])
def test_too_many_rows_are_refused(batched, model, limit):
    assert batched.error(model, {"instances": [1.0] * (limit + 1)}) == (
        f"Task size {limit + 1} is larger than maximum input batch size {limit}"
    )


def slow(batched, model: str, rows: int = 1, steps: int = 120):
    body = {"signature_name": "slow", "instances": [steps] * rows}
    return batched.predict(model, body)


def test_a_full_queue_refuses(batched):
    replies = in_threads(12, lambda _: slow(batched, "full"))
    refused = [reply for reply in replies if reply[0] == 503]
    assert refused
    assert refused[0][1]["error"] == (
        "The batch scheduling queue to which this task was submitted is full; currently 2 batches enqueued and "
        "max_enqueued_batches is 2"
    )
    assert [reply[0] for reply in replies if reply not in refused] == [200] * (12 - len(refused))
    assert batched.metric('serving:request_count{model_name="full",status="UNAVAILABLE"}') == len(refused)


def test_a_full_queue_with_splitting_refuses_by_capacity(batched):
    replies = in_threads(6, lambda _: slow(batched, "splitfull", rows=3))
    refused = [reply for reply in replies if reply[0] == 503]
    assert refused
    text = refused[0][1]["error"]
    assert text.startswith("The batch scheduling queue to which this task was submitted is full; task size is 3 but ")
    assert "max_enqueued_batches=2, open_batch_size=" in text
    assert text.endswith("max_execution_batch_size=1)")


def test_rules_for_single_requests(batched):
    scalar = predict_request("odd", signature="scalar", x=tensor(1.0))
    assert rpc_error(batched.prediction.Predict, scalar) == (
        "INVALID_ARGUMENT",
        "Batching Run() input tensors must have at least one dimension",
    )
    body = {"inputs": {"a": [[1, 2]], "b": [[1, 2], [3, 4]]}}
    assert batched.error("two", body) == "Batching Run() input tensors must have equal 0th-dimension size"
    assert (
        batched.error("odd", {"signature_name": "scalar", "inputs": [1.0]}) == "Batched output tensor has 0 dimensions"
    )
    assert batched.error("odd", {"signature_name": "short", "inputs": [1.0]}) == (
        "Batched output tensor's 0th dimension does not equal the sum of the 0th dimension sizes of the input tensors"
    )


def test_a_batch_past_every_deadline_is_refused(batched):
    """Two slow batches hold both threads; what waits behind them with a short deadline is never run."""

    def call(index: int):
        time.sleep(index * 0.1)  # one after the other, so that the slow ones do not share a batch
        if index < 2:
            return slow(batched, "odd", steps=6000)
        request = predict_request("odd", signature="slow", steps=tensor([1], np.int32))
        return rpc_error(batched.prediction.Predict, request, timeout=0.2)

    replies = in_threads(3, call)
    assert replies[2][0] in ("DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED")  # the client's own clock may win
    name = 'serving:request_count{model_name="odd",status="RESOURCE_EXHAUSTED"}'
    wait_until(lambda: batched.metric(name) >= 1)


def test_a_version_without_parameters_is_not_batched(batched):
    count, _, reply = counted(batched, lambda: batched.predict("unbatched", {"instances": [1.0] * 2000}))
    assert reply[0] == 200
    assert count == 0


def test_no_batch_mixes_answers(batched):
    """400 requests with their own values, in flight 32 at a time: each gets its own answer."""

    def client(index: int) -> int:
        wrong = 0
        for step in range(12):
            value = float(index * 100 + step)
            wrong += batched.predict("eager", {"instances": [value]})[1] != {"predictions": [value / 2 + 2]}
        return wrong

    assert in_threads(32, client) == [0] * 32


def test_batching_metrics_balance(batched):
    metrics = batched.metrics()
    prefix = ":tensorflow:serving:batching_session:"
    runs = metrics[prefix + "wrapped_run_count{}"]
    batches = metrics[prefix + "processed_batch_size_count{}"]
    assert 0 < runs < batches  # those whose tensors did not fit together never ran
    assert metrics[prefix + 'queuing_latency_count{thread_pool_name=""}'] >= runs


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "max_batch_size { value: 8 } allowed_batch_sizes: 4",
            "Last entry in allowed_batch_sizes must match max_batch_size; last entry was 4; expected 8",
        ),
        ("max_batch_size { value: 0 }", "input_batch_size_limit must be positive; was 0"),
        ("batch_timeout_micros { value: -1 }", "batch_timeout_micros must be non-negative; was -1"),
        (
            "enable_large_batch_splitting { value: true } max_batch_size { value: 8 } "
            "max_enqueued_batches { value: 0 }",
            "max_enqueued_batches must be positive; was 0",
        ),
        (
            "max_batch_size { value: 8 } enable_large_batch_splitting { value: true } "
            "max_execution_batch_size { value: 9 }",
            "When enable_large_batch_splitting is true, input_batch_size_limit must be greater than or equal to "
            "max_execution_batch_size.",
        ),
    ],
)
def test_parameters_that_fail_a_load(text, message):
    with pytest.raises(ServingError) as caught:
        queue_options(text_format.Parse(text, BatchingParameters(), descriptor_pool=POOL))
    assert caught.value.code_name == "INVALID_ARGUMENT"
    assert caught.value.message.startswith(message)


def test_defaults_are_those_of_the_guide():
    options = queue_options(BatchingParameters())
    assert (options.max_batch_size, options.batch_timeout_micros, options.max_enqueued_batches) == (1000, 0, 10)
    assert num_batch_threads(BatchingParameters()) == CPUS


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("num_batch_threads { value: 0 }", "INVALID_ARGUMENT: num_batch_threads must be positive; was 0"),
        ("max_batch_size: 128", "INVALID_ARGUMENT: Invalid protobuf file: '"),
        (
            "max_batch_size { value: 8 } allowed_batch_sizes: 4",
            "UNKNOWN: 1 servable(s) did not become available: {{name: default version: 123} due to error: "
            "INVALID_ARGUMENT: Last entry in allowed_batch_sizes must match max_batch_size; last entry was 4; expected "
            "8",
        ),
    ],
)
def test_bad_parameters_end_the_start(models, tmp_path, text, message):
    file = tmp_path / "batching.txt"
    file.write_text(text)
    code, output, errors = run(
        f"--model_base_path={models}/half_plus_two",
        "--enable_batching",
        f"--batching_parameters_file={file}",
        "--max_num_load_retries=0",
    )
    assert code == 255, errors
    assert output.startswith(f"Failed to start server. Error: {message}")
