"""Export measured: the default model's whole export, its variants, preprocessing's parity and bytes, the cold start.

Run it alone: `python tests/benchmarks/bench_export.py`. Each export runs in a process of its own, as the notebook's
kernel does, so the import of TensorFlow counts. Peers: the same import with Keras, and the same model exported the
usual way, by Keras.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time

FORMS = ["as_trained", "inference", "bfloat16", "float16", "xla", "int8"]

OURS = """
import json, sys, time
began = time.perf_counter()
from playbook.export import export, preprocessing_proof, variants
run, model, forms = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
staged = export.build({"run_dir": run, "model_name": model, "model": model, "seed": 7})
built = time.perf_counter()
parity = preprocessing_proof.parity(staged) if model == "digits_bytes" else []
proved = time.perf_counter()
wishes = {"curve_batch_sizes": [1, 2, 4, 8, 16, 32, 64, 128], "curve_s": 1.0, "variants": forms}
plan = export.plan(staged, wishes | {"variant_batch_sizes": [1, 8, 32, 128], "variant_s": 3.0}, [1, 2, 4, 8])
rows = variants.measure(staged, plan, 3.0)
varied = time.perf_counter()
curve = export.batch_curve(staged, plan.curve_sizes, 1.0)
curved = time.perf_counter()
warmup = export.add_warmup(staged, plan.warmup_sizes)
export.publish_version(staged, run)
done = time.perf_counter()
kept = {"export_s": built - began + done - curved, "variants_s": varied - proved, "curve_s": curved - varied}
kept |= {"variants": rows, "fit": curve["fit"], "quality": export.quality(staged)}
kept["parity"] = parity
kept["wire"] = preprocessing_proof.wire(staged, run, "embedded", 300) if model == "digits_bytes" else []
print(json.dumps(kept))
"""

KERAS = """
import json, os, sys, time
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
began = time.perf_counter()
import keras, tensorflow
imported = time.perf_counter()
from playbook.export import datasets
data = datasets.digits(7)
flat = lambda images: images.reshape(len(images), -1).astype("float32") / 255
keras.utils.set_random_seed(7)
layers = [keras.Input((784,)), keras.layers.Dense(128, "relu"), keras.layers.Dropout(0.2)]
model = keras.Sequential([*layers, keras.layers.Dense(10, "softmax")])
model.compile(keras.optimizers.Adam(2e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(flat(data.train_x), data.train_y, batch_size=64, epochs=20, verbose=0)
accuracy = model.evaluate(flat(data.test_x), data.test_y, verbose=0)[1]
model.export(sys.argv[1], verbose=False)
done = time.perf_counter()
print(json.dumps({"import_s": imported - began, "export_s": done - began, "accuracy": accuracy}))
"""

COLD = """
import json, sys
from pathlib import Path
from playbook.serve import serve; from playbook.warmup import coldstart
from playbook.tfserving.reference import Reference
run = Path(sys.argv[1])
spec = serve.ServerSpec("digits_mlp", (run / "models" / "digits_mlp").resolve(), cpus=serve.split_cpus()[0])
plan = coldstart.ColdStartPlan(repeats=3)
print(json.dumps(coldstart.summary(coldstart.measure(spec, run, Reference.load(run), plan))))
"""


def run(code: str, *arguments: str) -> dict:
    """Run a script in a fresh process; its last line is JSON."""
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr[-2000:])
    return json.loads(done.stdout.splitlines()[-1])


def line(figure: str, measured: str, peer: str = "–", ratio: str = "–", goal: tuple[str, bool] | None = None) -> bool:
    """Print one row of the table; False when the goal (its words, whether it is met) is missed."""
    words, met = goal or ("–", True)
    answer = "–" if goal is None else "yes" if met else "NO"
    print(f"| {figure} | {measured} | {peer} | {ratio} | {words} | {answer} |")
    return met


def main() -> int:
    """Measure, print the table, exit 1 when a target is missed."""
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        default = run(OURS, f"{folder}/run", "digits_mlp", json.dumps(FORMS))
        images = run(OURS, f"{folder}/bytes", "digits_bytes", "[]")
        keras = run(KERAS, f"{folder}/keras")
        cold = run(COLD, f"{folder}/run")
    print("| figure | measured | peer | ratio | target | met |\n|---|---:|---:|---:|---|---|")
    met = [*_export_lines(default, keras), *_preprocessing_lines(images), *_cold_lines(cold)]
    for row in default["variants"]:
        shown = row["reason"] or ", ".join(f"{ms:.3f} ms at {size}" for size, ms in row["latency_ms"].items())
        size = "" if row["reason"] else f", {row['size_bytes'] / 1024:.0f} KiB, off by {row['max_abs_diff']:.1e}"
        line(f"variant {row['name']}", shown + size)
    took_s = time.perf_counter() - began
    print(f"\nMeasured in {took_s:.0f} s; TensorFlow on one thread in ours, on all cores in the peer.")
    return 0 if all(met) else 1


def _export_lines(default: dict, keras: dict) -> list[bool]:
    whole, more, accuracy = default["export_s"], default["variants_s"] + default["curve_s"], default["quality"]["value"]
    theirs, theirs_right = f"Keras {keras['export_s']:.1f} s", f"Keras {keras['accuracy']:.3f}"
    ratio, name = f"{keras['export_s'] / whole:.1f} × faster", "export of digits_mlp, import and training included"
    return [
        line(name, f"{whole:.1f} s", theirs, ratio, ("≤ 15 s", whole <= 15)),
        line("its held-out accuracy", f"{accuracy:.3f}", theirs_right, goal=("≥ 0.95", accuracy >= 0.95)),
        line("six variants and the batch curve", f"{more:.1f} s", goal=("≤ 20 s", more <= 20)),
        line("batch curve, largest relative residual", f"{default['fit']['max_relative_error']:.1%}"),
    ]


def _preprocessing_lines(images: dict) -> list[bool]:
    worst = max(row["max_abs_diff"] for row in images["parity"])
    lines = [line("preprocessing in graph against Python", f"{worst:.1e}", goal=("≤ 1e-6", worst <= 1e-6))]
    floats = images["wire"][0]
    peer = f"floats in JSON {floats['bytes']:,.0f} B, {floats['latency_ms']:.2f} ms"
    for row in images["wire"][1:]:
        goal = ("≥ 5 × fewer", row["times_fewer"] >= 5) if "PNG in JSON" in row["encoding"] else None
        shown = f"{row['bytes']:,.0f} B, {row['latency_ms']:.2f} ms"
        lines.append(line(row["encoding"], shown, peer, f"{row['times_fewer']:.1f} × fewer bytes", goal))
    return lines


def _cold_lines(cold: dict) -> list[bool]:
    before, after = cold["cold"], cold["assets"]
    ratio = before["first_ms"] / after["first_ms"]
    shown, peer = (f"{row['first_ms']:.1f} ms" for row in (after, before))
    goal = ("≥ 3 ×", ratio >= 3)
    return [
        line("first request, warm-up requests inside", shown, f"cold {peer}", f"{ratio:.0f} × faster", goal),
        line("first 100 beyond steady", f"{after['extra_ms']:.0f} ms", f"cold {before['extra_ms']:.0f} ms"),
        line("a steady request, one client", f"{before['steady_ms']:.2f} ms"),
    ]


if __name__ == "__main__":
    sys.exit(main())
