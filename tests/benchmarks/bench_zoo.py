"""Real models through export, serve and warm-up: seconds of each stage against the plan it told, and its verdict.

Run it alone: `make bench ARGS=zoo`, on an idle machine; some twenty minutes. Weights are random and made here, nothing
is downloaded. A stage meets its target when it ends within a quarter of its plan; a plan of a few seconds gets two
seconds more, for what starting and writing take. No peer studied plans an export, so there is none beside it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from playbook.markdown import table
from playbook.records import record

ROOT = Path(__file__).resolve().parents[2]
STAGES = ("export", "serve", "warmup")
QUARTER, GRACE_S = 0.25, 2.0
LONGEST_S = 600

KERAS = """
import os, sys
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import keras
keras.utils.set_random_seed(7)
name, path = sys.argv[1:]
if name == "lstm":
    into = keras.Input((60, 32))
    states = keras.layers.LSTM(128)(keras.layers.LSTM(128, return_sequences=True)(into))
    model = keras.Model(into, keras.layers.Dense(3)(states))
elif name == "embedding":
    into = keras.Input((40,), dtype="int32")
    vectors = keras.layers.Embedding(600_000, 128)(into)
    model = keras.Model(into, keras.layers.Dense(1)(keras.layers.GlobalAveragePooling1D()(vectors)))
else:
    model = getattr(keras.applications, name)(weights=None)
model.export(path, verbose=False)
"""
MODELS = ("MobileNetV2", "EfficientNetB0", "ResNet50", "lstm", "embedding")


def made(name: str, folder: Path) -> Path:
    """The model as a SavedModel, made in a process of its own."""
    path = folder / name
    subprocess.run([sys.executable, "-c", KERAS, name, str(path)], check=True, capture_output=True, timeout=LONGEST_S)
    return path


def run(model: Path, folder: Path) -> tuple[float, Path, str]:
    """The chain's first three stages with the quick parameters: seconds, the run folder, the end of what was said."""
    command = [
        str(Path(sys.executable).with_name("playbook")),
        "run",
        "params/quick.yml",
        "--outputs",
        str(folder / "out"),
    ]
    command += [word for stage in STAGES for word in ("--only", stage)]
    command += ["--set", f"model={model}", "--set", f"model_name={model.name}"]
    began = time.perf_counter()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=LONGEST_S, check=False)
    folders = sorted((folder / "out").glob("*-quick"))
    return time.perf_counter() - began, folders[-1] if folders else folder, (done.stdout + done.stderr)[-400:]


def told(run_dir: Path) -> list[dict[str, Any]]:
    """A row a stage that tells a plan: seconds expected and taken, and what was left out."""
    plan = record.load(run_dir, "export")["results"]["plan"]
    rows = [{"stage": "export, from the plan on", **plan}]
    if record.has(run_dir, "warmup"):
        kept = record.load(run_dir, "warmup")["results"]
        ways = kept["summary"]
        took_s = sum(sum(kept[way]) / 1e3 + one["start_s"] for way, one in ways.items())
        rows.append({"stage": "warm-up", "expected_s": kept["expected_s"], "took_s": round(took_s, 1)})
        rows[-1]["left_out"] = kept["left_out"]
    return rows


def held(row: dict[str, Any]) -> bool:
    """Whether a stage ended when it said it would, or before."""
    return row["took_s"] <= row["expected_s"] * (1 + QUARTER) + GRACE_S


def main() -> int:
    """Print the table; 1 where a model did not go through or a plan was not held."""
    lines, missed = [], []
    for name in sys.argv[1:] or MODELS:
        with tempfile.TemporaryDirectory(prefix="zoo-") as place:
            folder = Path(place)
            seconds, run_dir, ending = run(made(name, folder), folder)
            if not record.has(run_dir, "warmup"):
                print(f"{name} did not go through ({seconds:.0f} s):\n{ending}", flush=True)
                missed.append(name)
                continue
            for row in told(run_dir):
                ok = held(row)
                missed += [] if ok else [f"{name}'s {row['stage']}"]
                cells = [name, row["stage"], f"{row['expected_s']:.0f}", f"{row['took_s']:.0f}", "yes" if ok else "no"]
                lines.append([*cells, "; ".join(row["left_out"]) or "–"])
            for stage in STAGES:
                print(f"{name}, {stage}: {record.load(run_dir, stage)['verdict']}", flush=True)
            print(json.dumps({"model": name, "whole_s": round(seconds)}), flush=True)
    print(table(["model", "stage", "planned, s", "took, s", "held", "left out"], lines))
    print(f"Missed: {', '.join(missed)}." if missed else "Every model went through as planned.")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
