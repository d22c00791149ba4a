"""A mix of requests: read from a parameter, refused where it is none, written as bodies in its shares."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from playbook.errors import ParameterError, RecordUnreadable
from playbook.stress.load import Load
from playbook.tfserving.messages import MESSAGES
from playbook.tfserving.mix import Mix
from playbook.tfserving.reference import Reference
from playbook.tfserving.requests import write_mix
from playbook.tune.mixture import kinds_of

ASKED = [{"rows": 1, "weight": 7}, {"rows": 8, "weight": 2}, {"rows": 2, "signature": "raw/2"}]


def test_a_mix_is_read_with_weights_that_add_up_and_says_itself_in_words() -> None:
    mix = Mix.of({"request_mix": ASKED})
    assert [part.weight for part in mix.parts] == pytest.approx([0.7, 0.2, 0.1])
    assert (mix.rows_per_request, mix.most_rows, mix.mean_rows) == (None, 8, pytest.approx(2.5))
    assert mix.words() == "70 % of 1 row, 20 % of 8 rows, 10 % of 2 rows for 'raw/2'"
    assert Mix.of({"request_mix": mix.described()}) == mix
    assert Load(request_mix=ASKED).requests == {
        "protocol": "rest",
        "rows_per_request": None,
        "request_mix": mix.words(),
    }


def test_without_a_mix_all_requests_are_of_one_kind() -> None:
    mix = Mix.of({"request_mix": [], "rows_per_request": 4})
    assert (mix.rows_per_request, mix.most_rows, mix.is_plain, mix.described()) == (4, 4, True, None)
    assert Load(rows_per_request=4).requests["request_mix"] is None


def test_the_rarest_hundredth_does_not_decide_what_a_p99_sees() -> None:
    rare = Mix.of({"request_mix": [{"rows": 1, "weight": 0.995}, {"rows": 500, "weight": 0.005}]})
    assert (rare.most_rows, rare.usual_most()) == (500, 1)
    assert Mix.of({"request_mix": ASKED}).usual_most() == 8


@pytest.mark.parametrize(
    "wrong",
    [[5], [{}], [{"rows": 0}], [{"rows": 1.5}], [{"weight": 0}], [{"weight": float("nan")}], [{"row": 1}],
     [{"signature": 3}], [{"rows": True}]],
)  # fmt: skip
def test_what_is_no_mix_is_refused_with_what_is_expected(wrong: list) -> None:
    with pytest.raises(ParameterError, match=r"request_mix has the entry .* expected"):
        Mix.of({"request_mix": wrong})


def test_a_mix_beside_a_number_of_rows_is_refused() -> None:
    with pytest.raises(ParameterError, match="both given"):
        Mix.of({"request_mix": ASKED, "rows_per_request": 4})


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    numbers = np.arange(20, dtype=np.float32)
    Reference("serving_default", {"x": numbers[:, None]}, {"y": 2 * numbers}).save(tmp_path)
    Reference("raw/2", {"z": numbers[:6]}, {"w": 3 * numbers[:6]}).save(tmp_path, beside=True)
    return tmp_path


@pytest.mark.parametrize("protocol", ["rest", "grpc"])
def test_bodies_are_written_in_the_shares_of_the_mix_each_with_its_answer(run_dir: Path, protocol: str) -> None:
    folder = write_mix(run_dir / "bodies", run_dir, Mix.of({"request_mix": ASKED}), protocol, "m")
    bodies, seen = sorted(folder.glob("*.body")), Counter()
    for body in bodies:
        if protocol == "rest":
            request, answer = json.loads(body.read_bytes()), json.loads(body.with_suffix(".expect").read_bytes())
            kind = request.get("signature_name", ""), len(request["instances"])
            assert len(answer["predictions"]) == kind[1]
        else:
            message = MESSAGES["PredictRequest"].FromString(body.read_bytes())
            name = message.model_spec.signature_name
            shape = message.inputs["z" if name == "raw/2" else "x"].tensor_shape.dim
            kind = name.replace("serving_default", ""), shape[0].size
        seen[kind] += 1
    assert {kind: count / len(bodies) for kind, count in seen.items()} == {
        ("", 1): pytest.approx(0.7, abs=0.005),
        ("", 8): pytest.approx(0.2, abs=0.005),
        ("raw/2", 2): pytest.approx(0.1, abs=0.005),
    }


def test_a_signature_without_rows_is_named(run_dir: Path) -> None:
    with pytest.raises(RecordUnreadable, match="signature 'other' in request_mix"):
        write_mix(run_dir / "bodies", run_dir, Mix.of({"request_mix": [{"signature": "other"}, {"rows": 1}]}))
    assert Reference.load(run_dir, "serving_default").signature == "serving_default"


def test_the_simulator_gets_the_lengths_and_signatures_of_the_mix() -> None:
    curve = {"signature": "a", "fit": {"a_ms": 1.0, "b_ms": 2.0}}
    lengths = [{"share": 0.25, "of_usual": 2 / 3}, {"share": 0.75, "of_usual": 5 / 3}]
    curve["shapes"] = [{"signature": "a", **one} for one in lengths]
    curve["shapes"] += [{"signature": "b", "share": 1.0, "of_usual": 0.1}]
    mix = Mix.of({"request_mix": [{"rows": 4, "weight": 0.8}, {"signature": "b", "weight": 0.2}]})
    kinds = [tuple(kind) for kind in kinds_of(mix, curve)]
    assert kinds == [
        (pytest.approx(0.2), 4, pytest.approx(0.5), 0, 1.0),
        (pytest.approx(0.6), 4, pytest.approx(2.0), 0, 1.0),
        (pytest.approx(0.2), 1, 1.0, 1, 0.1),
    ]
    flat = curve | {"fit": {"a_ms": 4.0, "b_ms": 0.01}}  # a row costs next to nothing: no multiple of it is told
    assert [kind[2] for kind in kinds_of(mix, flat)] == [1.0, 1.0, 1.0]
    assert [kind[4] for kind in kinds_of(mix, flat)][:2] == [pytest.approx(2 / 3), pytest.approx(5 / 3)]
    assert kinds_of(Mix(), {**curve, "shapes": []}) == ()
    assert kinds_of(Mix.of({"rows_per_request": 8}), {**curve, "shapes": []}) == ()
