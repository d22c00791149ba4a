"""Rows for any signature: generated, or the user's own. None of this needs TensorFlow."""

import base64
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from playbook.errors import ModelError
from playbook.export import inputs, references, rows_file, trial
from playbook.export.hints import Hint
from playbook.tfserving import examples
from playbook.tfserving.messages import MESSAGES
from playbook.tfserving.signatures import Signature, Tensor

OPEN = inputs.Openings({}, 5)
ONE_LENGTH = inputs.MANNERS[1]


def signature(*tensors: Tensor, method: str = "Predict") -> Signature:
    return Signature("serving_default", method, tensors, (Tensor("y", "float32", (-1,)),))


def generate(tensor: Tensor, openings: inputs.Openings = OPEN, **more) -> np.ndarray:
    return inputs.generate(signature(tensor), 3, openings, 7, **more)[tensor.alias]


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "bool"])
def test_rows_have_the_type_and_shape_of_the_signature(dtype: str) -> None:
    rows = generate(Tensor("x", dtype, (-1, 4, 2)))
    assert (rows.dtype, rows.shape) == (np.dtype(dtype), (3, 4, 2))


def test_text_inputs_get_bytes() -> None:
    rows = generate(Tensor("x", "string", (-1, 2)))
    assert rows.shape == (3, 2)
    assert all(isinstance(word, bytes) for word in rows.ravel())


def test_open_dimensions_take_the_size_given_or_the_shape_of_their_alias() -> None:
    tensor = Tensor("x", "float32", (-1, -1, 2))
    assert generate(tensor, manner=ONE_LENGTH).shape == (3, 5, 2)
    assert generate(tensor, inputs.Openings({"x": [9, 2]})).shape == (3, 9, 2)


def test_rows_have_several_lengths_that_all_inputs_of_a_row_share() -> None:
    two = signature(Tensor("ids", "int32", (-1, -1)), Tensor("scores", "float32", (-1, -1, 2)))
    rows = inputs.generate(two, 64, OPEN, 7)
    lengths = [row.shape[0] for row in rows["ids"]]
    assert len(set(lengths)) >= 3
    assert max(lengths) == 5
    assert [row.shape for row in rows["scores"]] == [(length, 2) for length in lengths]


def test_masks_hold_ones_and_zeros_and_token_types_zeros() -> None:
    names = ("attention_mask", "input_ids", "token_type_ids")
    bert = signature(*(Tensor(name, "int32", (-1, 12)) for name in names))
    rows = inputs.generate(bert, 64, OPEN, 7, {name: Hint(mask="mask" in name, zero="type" in name) for name in names})
    assert set(np.unique(rows["attention_mask"])) == {0, 1}
    assert (rows["attention_mask"][:, 0] == 1).all()
    assert not rows["token_type_ids"].any()
    assert rows["input_ids"].any()


def test_ids_stay_below_the_table_and_pixels_fill_a_byte() -> None:
    ids = generate(Tensor("ids", "int64", (-1, 200)), hints={"ids": Hint(below=30)})
    assert (ids.min(), ids.max()) == (0, 29)
    assert generate(Tensor("image", "uint8", (-1, 20, 20, 3))).max() > 200


def test_words_come_from_the_vocabulary_and_pictures_decode() -> None:
    import io

    from PIL import Image

    words = generate(Tensor("word", "string", (-1, 9)), hints={"word": Hint(words=(b"yes", b"no"))})
    assert set(words.ravel()) == {b"yes", b"no"}
    (text, *_) = generate(Tensor("text", "string", (-1,)), hints={"text": Hint(words=(b"yes", b"no"), text=True)})
    assert set(text.split()) <= {b"yes", b"no"}
    picture = generate(Tensor("photo", "string", (-1,)), hints={"photo": Hint(image="JPEG", base64=True)})[0]
    assert Image.open(io.BytesIO(base64.urlsafe_b64decode(picture))).size == (224, 224)


def test_a_fixed_first_dimension_decides_the_number_of_rows() -> None:
    assert generate(Tensor("x", "float32", (8, 4))).shape == (8, 4)
    assert inputs.fixed_rows(signature(Tensor("x", "float32", (8, 4)))) == 8
    assert inputs.fixed_rows(signature(Tensor("x", "float32", (-1, 4)))) is None


def test_the_same_seed_gives_the_same_rows() -> None:
    tensor = Tensor("x", "float32", (-1, 4))
    assert (generate(tensor) == generate(tensor)).all()


def test_an_unknown_rank_needs_a_shape_or_rows_and_says_so() -> None:
    tensor = Tensor("image", "float32", None)
    with pytest.raises(ModelError, match=r"'image' has unknown rank.*rows_file.*input_shapes: \{image: \[28, 28\]\}"):
        generate(tensor)
    assert generate(tensor, inputs.Openings({"image": [28, 28]})).shape == (3, 28, 28)


def test_a_scalar_input_cannot_be_batched_and_that_is_said() -> None:
    with pytest.raises(ModelError, match="scalar without a batch dimension"):
        generate(Tensor("x", "float32", ()))


def test_examples_follow_the_parsing_spec() -> None:
    spec = {
        "age": examples.Feature("float32", ()),
        "codes": examples.Feature("int64", (3,)),
        "words": examples.Feature("string", None),
    }
    (first, *_) = generate(Tensor("inputs", "string", (-1,)), hints={"inputs": Hint(example=spec)})
    feature = MESSAGES["Example"].FromString(first).features.feature
    assert len(feature["age"].float_list.value) == 1
    assert len(feature["codes"].int64_list.value) == 3
    assert feature["words"].bytes_list.value[0].startswith(b"word")


# ---- the user's own rows

TWO = signature(Tensor("ids", "int64", (-1, -1)), Tensor("text", "string", (-1,)))
ONE = signature(Tensor("x", "float32", (-1, 2)))


def test_npz_rows_are_read_in_the_type_of_the_signature(tmp_path: Path) -> None:
    path = tmp_path / "rows.npz"
    np.savez(path, ids=np.arange(6).reshape(2, 3), text=np.array(["a", "bc"]))
    rows = rows_file.read(path, TWO).arrays
    assert rows["ids"].dtype == np.int64
    assert list(rows["text"]) == [b"a", b"bc"]


def test_labels_may_come_along(tmp_path: Path) -> None:
    path = tmp_path / "rows.npz"
    np.savez(path, x=np.zeros((3, 2)), labels=np.array([1, 2, 3]))
    assert list(rows_file.read(path, ONE).labels) == [1, 2, 3]


def test_jsonl_rows_may_be_bare_named_or_base64(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text("[1, 2]\n\n[3.5, 4]\n")
    assert rows_file.read(path, ONE).arrays["x"].tolist() == [[1, 2], [3.5, 4]]
    raw = base64.b64encode(b"\x00\xff\x00").decode()
    path.write_text(json.dumps({"ids": [1], "text": {"b64": raw}}) + "\n" + json.dumps({"ids": [2], "text": "é"}))
    assert list(rows_file.read(path, TWO).arrays["text"]) == [b"\x00\xff\x00", "é".encode()]


def test_jsonl_features_become_examples_of_the_parsed_types(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"age": 3, "job": "cook", "label": 1}\n')
    spec = {"age": examples.Feature("float32", ()), "job": examples.Feature("string", ())}
    rows = rows_file.read(path, signature(Tensor("inputs", "string", (-1,)), method="Classify"), spec)
    feature = MESSAGES["Example"].FromString(rows.arrays["inputs"][0]).features.feature
    assert list(feature["age"].float_list.value) == [3.0]  # 3 is written, a float is parsed
    assert list(feature["job"].bytes_list.value) == [b"cook"]
    assert list(rows.labels) == [1]


def test_jsonl_rows_may_differ_in_length_where_the_signature_leaves_it_open(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"ids": [1, 2], "text": "a"}\n{"ids": [3], "text": "b"}\n')
    rows = rows_file.read(path, TWO).arrays
    assert [row.tolist() for row in rows["ids"]] == [[1, 2], [3]]
    assert rows["ids"][0].dtype == np.int64
    assert list(rows["text"]) == [b"a", b"b"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({"x": np.zeros((4, 3))}, r"rows\.npz: input 'x' takes rows of shape \(2\).*\(4, 3\) in all"),
        ({"x": np.zeros(4)}, r"takes rows of shape \(2\)"),
        ({"y": np.zeros((4, 2))}, r"gives y; signature 'serving_default' takes x"),
        ({"x": np.array([["a", "b"]])}, r"input 'x' is float32; the file holds <U1 values"),
        ({"x": np.zeros((0, 2))}, "not the same number of rows, at least one"),
        ({"x": np.zeros((2, 2)), "labels": np.zeros(3)}, "not the same number of rows"),
    ],
)
def test_wrong_rows_name_the_file_and_what_was_awaited(tmp_path: Path, content: dict, says: str) -> None:
    np.savez(tmp_path / "rows.npz", **content)
    with pytest.raises(ModelError, match=says):
        rows_file.read(tmp_path / "rows.npz", ONE)


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("rows.jsonl", "[1, 2]\n{oops\n", "line 2 is no row"),
        ("rows.jsonl", "[1, 2]\n[1]\n", r"takes rows of shape \(2\)"),
        ("rows.jsonl", "[1, 2]\n[[1], [2, 3]]\n", "a row of 'x' is not rectangular"),
        ("rows.jsonl", "", "gives nothing"),
        ("rows.npz", "not a zip", "no .npz of plain arrays"),
        ("rows.csv", "1,2", "must end in .npz or .jsonl"),
    ],
)
def test_an_unreadable_file_says_where(tmp_path: Path, name: str, text: str, says: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(ModelError, match=says):
        rows_file.read(path, ONE)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"absent\.npz was expected"):
        rows_file.read(tmp_path / "absent.npz", ONE)


def test_decimals_are_not_cut_to_whole_numbers(tmp_path: Path) -> None:
    np.savez(tmp_path / "rows.npz", n=np.array([[0.5]]))
    with pytest.raises(ModelError, match="input 'n' is int32; the file holds float64 values"):
        rows_file.read(tmp_path / "rows.npz", signature(Tensor("n", "int32", (-1, 1))))


def test_objects_are_never_unpickled(tmp_path: Path) -> None:
    np.savez(tmp_path / "rows.npz", x=np.array([{"a": 1}], dtype=object))
    with pytest.raises(ModelError, match="without objects"):
        rows_file.read(tmp_path / "rows.npz", ONE)


def test_none_of_the_client_side_modules_loads_tensorflow() -> None:
    names = ["export", "warmup", "warmup.coldstart", "warmup.views", "tfserving.signatures"]
    names += [f"export.{name}" for name in ("inputs", "rows_file", "heldout", "safety", "publish", "variants", "curve")]
    code = f"import sys; [__import__('playbook.' + n) for n in {names}]; print('tensorflow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize("dtype", ["bfloat16", "complex64", "dtype 11"])
def test_an_output_of_a_type_that_is_not_read_is_refused_before_the_model_is_loaded(dtype: str) -> None:
    odd = Signature("s", "Predict", (Tensor("x", "float32", (-1,)),), (Tensor("y", dtype, (-1,)),))
    with pytest.raises(ModelError, match=f"Output 'y' has type {dtype}, which this playbook does not read"):
        references.of(Path("/nowhere"), odd, {})


def test_whole_numbers_from_one_are_tried_where_zero_is_refused() -> None:
    ids = Tensor("ids", "int32", (-1, 4))
    (manner,) = [one for one in inputs.MANNERS if one.least]
    assert generate(ids, manner=manner).min() == 1
    assert generate(ids).min() == 0


def test_a_value_that_a_model_refuses_is_found_in_whatever_row_it_stands() -> None:
    class Picky:
        path = Path("/staged")

        def run(self, asked_of: Signature, rows: dict) -> None:
            if (rows["ids"] == 7).any():
                raise ModelError("/staged does not take 7")

    rows = {"ids": np.zeros((64, 3), np.int32)}
    refuses = trial.of(Picky(), "models/mine")
    ids = signature(Tensor("ids", "int32", (-1, 3)))
    assert refuses(ids, rows) is None
    rows["ids"][50, 1] = 7
    assert refuses(ids, rows) == "models/mine does not take 7"
