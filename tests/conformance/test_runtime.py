"""The C library and the whole of TensorFlow give equal answers, and the fall-back takes over where the first fails."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

SCRIPT = """
import json, sys
import tensorflow  # the whole of it, so that both ways can be compared in one process
import numpy as np
from model_server import python_session
from model_server.errors import ServingError
from model_server.saved_model import SavedModel

root, made = sys.argv[1], np.random.default_rng(7)
cases = {
    "digits": [made.random((5, 784), "float32")],
    "two_inputs": [made.random((3, 2), "float32"), made.random((3, 2), "float32")],
    "strings": [np.array([b"a", b"\\xff\\x00", b""], object)],
}
found = {}
for name, arrays in cases.items():
    answers = []
    for kind in (SavedModel, python_session.PythonSavedModel):
        model = kind(f"{root}/{name}/1")
        signature = model.signatures["serving_default"]
        feeds = [info.name for _, info in sorted(signature.inputs.items())]
        fetches = [info.name for _, info in sorted(signature.outputs.items())]
        answers.append(model.run(model.prepare(feeds, fetches), [[array] for array in arrays], 5000))
        try:
            model.run(model.prepare(feeds, fetches), [[np.zeros((1, 3), "int32")]] * len(feeds))
            answers[-1].append("no error")
        except ServingError as error:
            answers[-1].append(error.code)
        model.close()
    *ours, code = answers[0]
    *theirs, other_code = answers[1]
    equal = all(a.dtype == b.dtype and a.shape == b.shape and np.array_equal(a, b) for a, b in zip(ours, theirs))
    found[name] = equal and code == other_code
try:
    python_session.PythonSavedModel(root + "/nothing")
except ServingError as error:
    found["missing"] = error.code == 5
print(json.dumps(found))
"""


@pytest.mark.timeout(200)
def test_both_ways_give_equal_answers(models):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, models], capture_output=True, text=True, timeout=190, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads(done.stdout.splitlines()[-1]) == dict.fromkeys(
        ("digits", "two_inputs", "strings", "missing"), True
    )


def test_the_fallback_is_chosen_when_the_library_is_not_as_expected():
    script = """
import sys
from model_server import c_api, loader
assert loader.saved_model_type().__name__ == "SavedModel"
del sys.modules["model_server.saved_model"]
sys.modules["model_server.c_api"] = type(sys)("model_server.c_api")  # a library without the functions
sys.modules.pop("model_server.tensors", None)
print(loader.saved_model_type().__name__)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.strip() == "PythonSavedModel", done.stderr[-2000:]
    assert "importing all of TensorFlow" in done.stderr


def test_the_server_imports_no_tensorflow_python():
    script = """
import sys
import model_server.server, model_server.saved_model
heavy = [n for n in sys.modules if n.startswith(("tensorflow.python", "tensorflow._api", "keras", "pandas"))]
print(heavy)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"
