"""A server's answers beside the model's own: as many rows as it takes, texts and bytes as they are."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import export_models
import numpy as np
import pytest
from export_models import build

from playbook.errors import ParameterError, PredictFailed, ServerDied
from playbook.export import export
from playbook.serve import answers, client, serve
from playbook.serve.handle import Handle
from playbook.tfserving import requests
from playbook.tfserving.reference import Reference
from playbook.tfserving.tensorflow import tensorflow

BATCHED = {"max_batch_size": 32, "batch_timeout_micros": 0, "num_batch_threads": 1, "max_enqueued_batches": 100}


def published(run: Path, model: Path, **more) -> export.Staged:
    staged = build(run, model, **more)
    export.publish_version(staged, run)
    return staged


def running(run: Path, staged: export.Staged, **settings):
    spec = serve.from_parameters({"server": "embedded", "model_name": "m"} | settings, staged.base, ())
    return serve.running(spec, run)


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Handle, Reference]]:
    run = tmp_path_factory.mktemp("texts")
    tf = tensorflow()

    def call(name):
        return {"greeting": tf.strings.join(["hello ", name]), "raw_bytes": tf.io.encode_base64(name)}

    staged = published(run, export_models.save(run / "model", call, {"name": ((None,), "string")}))
    with running(run, staged) as handle:
        yield handle, Reference.load(run)


@pytest.mark.parametrize("protocol", ["rest", "grpc"])
def test_texts_and_bytes_are_compared_as_they_are(texts: tuple[Handle, Reference], protocol: str) -> None:
    handle, reference = texts
    assert answers.compare(handle, reference, protocol) == answers.Compared(0.0, 64)
    other = {"greeting": reference.outputs["greeting"], "raw_bytes": reference.outputs["raw_bytes"][::-1]}
    with pytest.raises(PredictFailed, match=r"'raw_bytes' over .* is not the text"):
        answers.parity(handle, Reference(reference.signature, reference.inputs, other), protocol)


@pytest.mark.parametrize("side", ["input", "output"])
def test_types_that_json_does_not_carry_are_compared_and_sent_over_grpc_alone(tmp_path: Path, side: str) -> None:
    tf = tensorflow()
    given, returned = ("uint16", "float32") if side == "input" else ("float32", "uint16")
    model = export_models.save(
        tmp_path / "model", lambda x: {"y": tf.cast(x, returned)}, {"x": ((None, 2), given)}
    )  # fmt: skip
    staged = published(tmp_path, model)
    said = rf"The {side} '.' is uint16, which TensorFlow Serving does not (read from|write as) JSON: set protocol: grpc"
    reference = Reference.load(tmp_path)
    with pytest.raises(ParameterError, match=said):
        requests.write_bodies(tmp_path / "bodies", reference)
    requests.write_bodies(tmp_path / "grpc", reference, "grpc", model_name="m")
    with running(tmp_path, staged) as handle:
        assert answers.protocols(handle, reference) == ["grpc"]
        assert answers.parity(handle, reference, "grpc") == 0
    with pytest.raises(ParameterError, match=rf"{said}.* give grpc_url"):
        answers.protocols(replace(handle, grpc_target=""), reference)


def test_a_server_that_is_killed_meanwhile_is_told_as_that(tmp_path: Path) -> None:
    model = export_models.two_inputs(tmp_path / "model")
    staged = published(tmp_path, model)
    with running(tmp_path, staged) as handle:
        process = handle.process()
        assert process
        process.kill()
        process.wait()
        with pytest.raises(ServerDied, match="has ended while it was needed"):
            answers.parity(handle, Reference.load(tmp_path))


@pytest.mark.parametrize("protocol", ["rest", "grpc"])
def test_no_request_has_more_rows_than_the_server_takes(tmp_path: Path, protocol: str, monkeypatch) -> None:
    staged = published(tmp_path, export_models.doubling(tmp_path / "model"))
    sizes, ask = [], getattr(client, f"predict_{protocol}")
    monkeypatch.setattr(answers, "REQUEST_S", 1000.0)  # on a busy machine the first request says: not so many rows
    monkeypatch.setattr(
        answers, f"predict_{protocol}", lambda h, i, *rest: (sizes.append(len(i["x"])), ask(h, i, *rest))[1]
    )
    with running(tmp_path, staged, enable_batching=True, **BATCHED) as handle:
        assert answers.compare(handle, Reference.load(tmp_path), protocol).rows == 64
    assert sum(sizes) >= 64
    assert sizes[-1] <= 32 < max(sizes)  # one was refused, and what it held was asked again in two


def test_requests_stay_small_where_rows_are_large(tmp_path: Path, monkeypatch) -> None:
    staged = published(tmp_path, export_models.doubling(tmp_path / "model", (None, 100_000)))
    sizes, body = [], client.rest_body
    monkeypatch.setattr(client, "rest_body", lambda *a: (sizes.append(len(made := body(*a))), made)[1])
    with running(tmp_path, staged) as handle:
        assert answers.compare(handle, Reference.load(tmp_path), "rest", rows=8).rows == 8
    assert max(sizes) < 2 * answers.REQUEST_BYTES


def test_rows_of_different_lengths_are_asked_with_their_like(tmp_path: Path) -> None:
    model = export_models.two_inputs(tmp_path / "model")
    lines = [f'{{"ids": {list(range(n))}, "weights": [1, 2, {n}]}}' for n in (1, 3, 2, 3, 1)]
    (tmp_path / "rows.jsonl").write_text("\n".join(lines))
    staged = published(tmp_path, model, rows_file=str(tmp_path / "rows.jsonl"))
    with running(tmp_path, staged) as handle:
        for protocol in ("rest", "grpc"):
            assert answers.compare(handle, Reference.load(tmp_path), protocol).rows == 5


def test_an_answer_that_changes_by_itself_is_named_and_can_be_left_out(tmp_path: Path) -> None:
    tf = tensorflow()
    model = export_models.save(
        tmp_path / "model",
        lambda x: {"y": x * 2, "noise": x + tf.random.uniform(tf.shape(x))},
        {"x": ((None, 4), "float32")},
    )
    staged = published(tmp_path, model)
    assert any("noise" in doubt and "ignore_outputs: [noise]" in doubt for doubt in staged.held_out.warnings)
    with running(tmp_path, staged) as handle:
        reference = Reference.load(tmp_path)
        with pytest.raises(PredictFailed, match=r"sent twice gets different noise.*ignore_outputs: \[noise\]"):
            answers.parity(handle, reference)
        left_out = build(tmp_path / "again", model, ignore_outputs=["noise"]).reference
        assert answers.parity(handle, left_out) < 1e-6
        wrong = Reference(left_out.signature, left_out.inputs, {"y": left_out.outputs["y"] + 1, "noise": np.zeros(64)})
        with pytest.raises(PredictFailed, match="'y' over rest differs from the model's own by 1"):
            answers.parity(handle, wrong)


@pytest.mark.parametrize("protocol", ["rest", "grpc"])
def test_an_answer_that_depends_on_the_rows_beside_it_is_named_with_what_to_do(company: tuple, protocol: str) -> None:
    handle, reference = company
    with pytest.raises(PredictFailed, match=r"Outputs of a row depend on the rows asked with it.*share") as failed:
        answers.compare(handle, reference, protocol)
    assert "training=False" in str(failed.value)
    assert "ignore_outputs: [share]" in str(failed.value)
    assert "serving the model that was exported" not in str(failed.value)


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Handle, Reference]]:
    """A softmax over the batch axis; a second output that is sound."""
    run = tmp_path_factory.mktemp("company")
    tf = tensorflow()

    def call(rows):
        return {"share": tf.nn.softmax(rows, axis=0), "twice": 2.0 * rows}

    staged = published(run, export_models.save(run / "model", call, {"rows": ((None, 3), "float32")}))
    with running(run, staged) as handle:
        yield handle, Reference.load(run)
