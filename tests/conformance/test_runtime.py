"""The C library and the whole of TensorFlow give equal answers, and the fall-back takes over where the first fails."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import sys
import numpy as np
from model_server.errors import ServingError
from model_server.runtime.saved_model import SavedModel

for name in ("digits", "two_inputs", "strings"):
    kept = np.load(f"{sys.argv[1]}/{name}/answers.npz", allow_pickle=True)
    arrays = [kept[key] for key in sorted(kept) if key.startswith("input")]
    expected = [kept[key] for key in sorted(kept) if key.startswith("output")]
    model = SavedModel(f"{sys.argv[1]}/{name}/1")
    signature = model.signatures["serving_default"]
    names = [[info.name for _, info in sorted(side.items())] for side in (signature.inputs, signature.outputs)]
    outputs = model.run(model.prepare(*names), [[array] for array in arrays], 5000)
    for output, wanted in zip(outputs, expected, strict=True):
        assert output.dtype == wanted.dtype and np.array_equal(output, wanted), name
    try:
        model.run(model.prepare(*names), [[np.zeros((1, 3), np.uint8)] for _ in arrays])
        code = 0
    except ServingError as error:
        code = error.code
    assert code == kept["code"] == 3, (name, code)
    model.close()
    print(name)
"""


def test_the_c_library_answers_as_the_whole_of_tensorflow_did(models):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, models], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.split() == ["digits", "two_inputs", "strings"], done.stderr[-3000:]


def test_the_fallback_is_chosen_when_the_library_is_not_as_expected():
    script = """
import sys
from model_server.loading import loader
from model_server.runtime import c_api
assert loader.saved_model_type().__name__ == "SavedModel"
del sys.modules["model_server.runtime.saved_model"]
sys.modules["model_server.runtime.c_api"] = type(sys)("model_server.runtime.c_api")  # a library without the functions
sys.modules.pop("model_server.runtime.tensors", None)
print(loader.saved_model_type().__name__)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.strip() == "PythonSavedModel", done.stderr[-2000:]
    assert "importing all of TensorFlow" in done.stderr


def test_the_server_imports_no_tensorflow_python():
    script = """
import sys
import model_server.server, model_server.runtime.saved_model
heavy = [n for n in sys.modules if n.startswith(("tensorflow.python", "tensorflow._api", "keras", "pandas"))]
print(heavy)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"
