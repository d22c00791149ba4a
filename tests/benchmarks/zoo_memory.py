"""What building and measuring the forms of a large model takes of memory, in a process of its own."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path

import zoo_runs

from playbook.export import export, publish, variants
from playbook.tfserving.tensorflow import tensorflow

FORMS = ["as_trained", "inference", "bfloat16", "float16", "xla"]


def words(name: str, folder: Path) -> str:
    """The peak, beside the size of the model and what TensorFlow takes by itself."""
    model = zoo_runs.made(name, folder)
    command = [sys.executable, __file__, str(model), str(folder / "run")]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=zoo_runs.LONGEST_S)
    told = json.loads(done.stdout.splitlines()[-1])
    times = (told["peak_mb"] - told["tensorflow_mb"]) / told["model_mb"]
    return (
        f"{name}: forms {', '.join(FORMS)} within {told['peak_mb']:,.0f} MB, TensorFlow's {told['tensorflow_mb']:,.0f} "
        f"included: {times:.1f} times the model's {told['model_mb']:,.0f} MB; not built: {told['not_built'] or 'none'}"
    )


def measure(model: Path, run_dir: Path) -> dict[str, object]:
    """Stage a model and measure its forms; megabytes of this process."""
    tensorflow()
    alone_mb = _peak_mb()
    staged = export.build({"run_dir": str(run_dir), "model_name": model.name, "model": str(model), "seed": 7})
    wishes = {"curve_batch_sizes": [1, 8], "curve_s": 0.5, "variant_batch_sizes": [1, 8], "variant_s": 2.0}
    forms = variants.measure(staged, export.plan(staged, wishes | {"variants": FORMS}, [1]), 2.0)
    return {
        "model_mb": publish.size_bytes(model) / 1e6,
        "tensorflow_mb": alone_mb,
        "peak_mb": _peak_mb(),
        "not_built": {row["name"]: row["reason"] for row in forms if row["reason"]},
    }


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


if __name__ == "__main__":
    print(json.dumps(measure(Path(sys.argv[1]), Path(sys.argv[2]))))
