"""TensorFlow Serving's own Python test file against the embedded server, run as its authors run it.

`python tests/benchmarks/their_python_tests.py TFS_TREE [TEST ...]`, where TFS_TREE is a work tree of the public
repository tensorflow/serving: nothing of it is kept here. Wanted beside this project's environment: `pip install
portpicker tf-keras` (their tests are Keras 2's; Keras 3 names inputs otherwise). The embedded server stands under the
binary's name and place.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

LAUNCHER = '#!/bin/bash\nexec "{python}" -m model_server "$@"\n'
RUNNER = """
import runpy, sys
import tensorflow_serving
tensorflow_serving.__path__.append({sources!r})  # their helpers, beside the messages of the pip package
import tensorflow.compat.v1 as tf
tf.enable_eager_execution()
sys.argv = [{file!r}, *{tests!r}]
runpy.run_path({file!r}, run_name="__main__")
"""


def run(tree: Path, tests: list[str]) -> int:
    """Run the file, or some of its tests; its exit code. What passed is told by its own last lines."""
    sources = tree / "tensorflow_serving"
    file = sources / "model_servers" / "tensorflow_model_server_test.py"
    with tempfile.TemporaryDirectory() as name:
        inside = Path(name) / "tf_serving" / "tensorflow_serving"
        (inside / "model_servers").mkdir(parents=True)
        (inside / "servables" / "tensorflow").mkdir(parents=True)
        data = Path("servables") / "tensorflow" / "testdata"
        (inside / data).symlink_to(sources / data)
        launcher = inside / "model_servers" / "tensorflow_model_server"
        launcher.write_text(LAUNCHER.format(python=sys.executable))
        launcher.chmod(0o755)
        script = RUNNER.format(sources=str(sources), file=str(file), tests=tests)
        env = os.environ | {"TEST_SRCDIR": name, "TF_USE_LEGACY_KERAS": "1", "TF_CPP_MIN_LOG_LEVEL": "2"}
        return subprocess.run([sys.executable, "-c", script], env=env, stdin=subprocess.DEVNULL, check=False).returncode


if __name__ == "__main__":
    sys.exit(run(Path(sys.argv[1]).resolve(), sys.argv[2:]))
