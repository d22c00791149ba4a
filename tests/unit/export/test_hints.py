"""What an input is for is read from the graph, through calls, loops and tables."""

from pathlib import Path

import export_models
import pytest
import zoo_models

from playbook.export import hints
from playbook.tfserving import signatures
from playbook.tfserving.tensorflow import tensorflow


def of(path: Path, name: str = "serving_default") -> dict[str, hints.Hint]:
    graph = signatures.meta_graph(path)
    return hints.of_signature(graph, signatures.pick(signatures.read(path), name), path)


def test_a_vocabulary_file_is_found_behind_the_table(tmp_path: Path) -> None:
    hint = of(zoo_models.reviews(tmp_path / "m"))["review"]
    assert hint.words == tuple(word.encode() for word in zoo_models.WORDS)
    assert hint.text


def test_ids_are_bounded_by_the_table_they_gather_from(tmp_path: Path) -> None:
    found = of(zoo_models.tokens(tmp_path / "m"))
    assert {alias: hint.below for alias, hint in found.items()} == {
        "attention_mask": None, "input_ids": 500, "token_type_ids": 2,
    }  # fmt: skip
    assert found["attention_mask"].mask
    assert found["token_type_ids"].zero


def test_ids_are_bounded_by_a_one_hot_too(tmp_path: Path) -> None:
    tf = tensorflow()
    path = export_models.save(tmp_path / "m", lambda day: {"y": tf.one_hot(day, 7)}, {"day": ((None,), "int32")})
    assert of(path)["day"].below == 7


def test_a_picture_is_found_inside_a_loop(tmp_path: Path) -> None:
    assert of(zoo_models.photos(tmp_path / "m"))["photo"].image == "JPEG"


def test_only_the_input_that_is_parsed_takes_examples(tmp_path: Path) -> None:
    path = zoo_models.clicks(tmp_path / "m")
    parsed = of(path)["examples"]
    assert set(parsed.example) == {"item", "country"}
    assert parsed.features["item"].below == 300
    assert parsed.features["country"].words == (b"de", b"fr", b"us")
    raw = of(path, "raw")
    assert not raw["country"].example
    assert raw["country"].words == (b"de", b"fr", b"us")
    assert raw["item"].below == 300


@pytest.mark.parametrize("shape", [(None, 4), (None, None)])
def test_decimals_have_no_hint(tmp_path: Path, shape: tuple) -> None:
    assert of(export_models.doubling(tmp_path / "m", shape))["x"] == hints.NOTHING
