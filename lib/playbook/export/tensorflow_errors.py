"""TensorFlow's errors in one line: the words that tell, and for the known traps what to do about them."""

from __future__ import annotations

import re

_PATTERNS = (
    (re.compile(r"TF Select ops: (.+)"), "TFLite has no 8-bit form of {}"),
    (
        re.compile(r"unsupported operations.*? on \S+: (\w+) \(.*?T=(DT_\w+)", re.DOTALL),
        "XLA does not compile {} of {}",
    ),
    (re.compile(r"unsupported operations.*? on \S+: (\w+)", re.DOTALL), "XLA does not compile {}"),
    (re.compile(r"'tf\.(\w+)' op requires|failed to legalize operation 'tf\.(\w+)'"), "TFLite does not convert {}"),
    (re.compile(r"Unsupported control flow.{0,80}"), "it loops or branches in a way that this form does not know"),
)
# What an error says, and its remedy. Sources: tensorflow#72963, keras#19274, serving#2250 and #2267.
_TRAPS = (
    (
        re.compile(r"Could not find variable"),
        "Its variables are not loaded with it, as with a Keras 3 layer inside a tf.Module that tf.saved_model.save "
        "wrote: save the Keras model itself with model.export(directory), or with keras.export.ExportArchive.",
    ),
    (
        re.compile(r"callback pyfunc|PyFunc|py_func", re.IGNORECASE),
        "It calls Python (tf.py_function, tf.numpy_function): no server can run that, whatever allow_unsafe_ops says. "
        "Write that step in TensorFlow operations.",
    ),
    (
        re.compile(r"indices\[.*?\] = -?\d+ is not in \[0, (\d+)\)"),
        "A whole number in the rows is no row of the table that it indexes: keep ids below {}.",
    ),
    (
        re.compile(r"Unknown image file format|Invalid (?:JPEG|PNG|GIF|BMP)|Expected image \(", re.IGNORECASE),
        'The model decodes pictures: give the bytes of real ones, as {{"b64": …}} in a .jsonl `rows_file`.',
    ),
    (
        re.compile(r"Op type not registered '([^']+)'"),
        "Operation {} comes from a library of its own, and neither this process nor a stock tensorflow_model_server "
        "registers it: build a server with that library, or move the step out of the model.",
    ),
    (
        re.compile(r"segment_ids|row_splits|RaggedTensor"),
        "Its inputs seem to be the parts of a RaggedTensor, values and row splits, which are no rows of a request: "
        "export a signature of dense inputs that makes the RaggedTensor inside, from padded rows or from texts.",
    ),
    (
        re.compile(r"Could not parse example|Key: \S+\. +Can't parse", re.IGNORECASE),
        "The model parses tf.Examples: give rows as objects of its features.",
    ),
)
_EMPTY = re.compile(r"^(Graph execution error:|Detected at node|Node:|\[\[|File \"|\d+ root error|\(\d+\) )")
_SOURCE = re.compile(r"\s*\[\[\{\{.*")
_NODE = re.compile(r"(?:\{\{function_node [^}]*\}\})?\{\{node ([^}]*)\}\}")
_FOLLOWS = "Original error:"
LONGEST = 200


def reason(error: Exception) -> str:
    """The telling part of an error, at most 200 characters: what a table of variants has room for."""
    text = str(getattr(error, "message", None) or error)
    for pattern, words in _PATTERNS:
        if match := pattern.search(text):
            return words.format(*(part for part in match.groups() if part))[:LONGEST]
    return _telling(text, type(error).__name__)[:LONGEST].rstrip(".")


def words(error: Exception) -> str:
    """The model's own words, without a full stop, and the remedy where the trap is a known one."""
    text = str(getattr(error, "message", None) or error)
    own = _telling(text, type(error).__name__)[: 2 * LONGEST].rstrip(".")
    for pattern, remedy in _TRAPS:
        if match := pattern.search(text):
            return f"{own}. {remedy.format(*match.groups())}".rstrip(".")
    return own


def _telling(text: str, otherwise: str) -> str:
    lines = [_NODE.sub(r"\1", _SOURCE.sub("", line)).strip() for line in text.splitlines() if line.strip()]
    telling = [line for line in lines if line and not _EMPTY.match(line)]
    if telling and telling[0].endswith(_FOLLOWS) and len(telling) > 1:
        return telling[1]
    return telling[0].partition(" Debug info:")[0] if telling else otherwise
