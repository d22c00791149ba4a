"""`playbook compare` on real runs whose truth is known: `python tests/benchmarks/bench_compare.py [--pairs N]`.

A pair is two runs on embedded servers of their own, one configuration, one core, held as `compare --again` holds them:
in turns, windows of 0.4 s a side, four clients in a closed loop. In a pair of kind `same` nothing differs. In a pair of
kind `slower` the second server loses 5 % of its core while it is loaded: a process of real-time priority on that core
works for 0.25 ms in every 5 ms. Asked are alarms in at most 5 % of the former, and the slow-down found in 90 % of the
latter.

A pair takes half a minute. Each is kept in `--keep` as it is done (`.bench/compare`), so that a killed session goes on;
`--record` writes what is kept to records/compare.json, which the table is made from.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playbook import markdown
from playbook.analyze import again, compare
from playbook.chain import pipeline
from playbook.records import record
from playbook.records.environment import environment
from playbook.serve.cores import split_cpus
from playbook.serve.spec import ServerSpec
from playbook.stress.load import Load

HERE = Path(__file__).resolve().parent
RECORD = HERE / "records" / "compare.json"
HEADERS = ["figure", "measured", "peer", "ratio", "target", "met"]
GATE = 5.0
KINDS = ("same", "slower")
DRAG = """
import os, time
os.sched_setaffinity(0, [{cpu}])
os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10))
due = time.monotonic()
while True:
    due += 0.005
    time.sleep(max(0.0, due - time.monotonic()))
    while time.monotonic() < due + 0.00025:
        pass
"""


def exported(folder: Path) -> Path:
    """A run folder with the default model, made when it is not there yet."""
    run = folder / "model"
    if not record.has(run, "export"):
        pipeline.run_stage(pipeline.Run(run, ["export"], {"export": {"variants": ["as_trained"]}}), "export")
    return run


@contextlib.contextmanager
def slowed(cpu: int | None) -> Iterator[None]:
    """One core has 5 % less to give, for the length of a `with` block; None: nothing happens."""
    if cpu is None:
        yield
        return
    drag = subprocess.Popen([sys.executable, "-c", DRAG.format(cpu=cpu)])
    try:
        yield
    finally:
        drag.kill()
        drag.wait()


def pair(kind: str, model: Path, folder: Path) -> dict[str, Any]:
    """Two runs held in turns, and what `compare` says of them."""
    server_cpus, client_cpus = split_cpus([], [])
    exported_model = record.load(model, "export")["results"]
    base_path = (model / exported_model["base_path"]).resolve()
    spec = ServerSpec(exported_model["model_name"], base_path, cpus=server_cpus)
    load = Load(duration_s=again.WINDOW_S, ramp_up_s=again.RAMP_UP_S, client_cpus=client_cpus, p99_limit_ms=50.0)
    sides = [folder / "20260101T000000Z-one", folder / "20260101T000000Z-two"]
    for side in sides:
        shutil.copytree(model / "data", side / "data", ignore=shutil.ignore_patterns("requests"))
    drag = server_cpus[0] if kind == "slower" else None
    around = (contextlib.nullcontext, lambda: slowed(drag))
    again.hold_in_turns([spec, spec], sides, load, [{"arrival": "closed", "concurrency": 4}], around)
    compared = compare.compare(*sides, gate=GATE)
    return {"kind": kind, "regression": compared.regression, "rows": compared.rows}


def measured(kind: str, number: int, model: Path, keep: Path) -> None:
    """Add pairs until there are `number` of this kind."""
    for place in range(number):
        path = keep / f"{kind}_{place:03d}.json"
        if path.exists():
            continue
        with tempfile.TemporaryDirectory() as folder:
            found = pair(kind, model, Path(os.environ.get("KEEP_RUNS", folder)) / f"{kind}_{place:03d}")
        path.write_text(json.dumps(found))
        print(path.name, [f"{r['name']} {r['ratio']:.3f} ({r['low']:.3f} to {r['high']:.3f})" for r in found["rows"]])


def table(pairs: list[dict[str, Any]]) -> list[list]:
    """The rows of the bench."""
    rows = []
    for kind in KINDS:
        some = [pair for pair in pairs if pair["kind"] == kind]
        if not some:
            continue
        away = [sum(not row["low"] <= 1 <= row["high"] for row in pair["rows"]) > 0 for pair in some]
        if kind == "same":
            figure, share, target = f"false alarms, {len(some)} pairs of real runs in turns", sum(away), "≤ 5 %"
            met = sum(away) <= 0.05 * len(some)
        else:
            found = [pair["regression"] for pair in some]
            figure, share, target = (
                f"a 5 % slow-down found, {len(some)} pairs of real runs in turns",
                sum(found),
                "≥ 90 %",
            )
            met = sum(found) >= 0.9 * len(some)
        rows.append([figure, f"{share} of {len(some)}", "–", f"{share / len(some):.2f}", target, met])
    return rows


def main() -> int:
    """Measure what is missing, print the table; exit 1 when a target was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="*", choices=[[], *KINDS], metavar="KIND")
    parser.add_argument("--pairs", type=int, default=2, help="of each kind, those that are kept among them")
    parser.add_argument("--keep", type=Path, default=HERE.parents[1] / ".bench" / "compare")
    parser.add_argument("--record", action="store_true", help="write what is kept to records/compare.json")
    asked = parser.parse_args()
    asked.keep.mkdir(parents=True, exist_ok=True)
    model = exported(asked.keep)
    for kind in asked.kinds or KINDS:
        measured(kind, asked.pairs, model, asked.keep)
    pairs = [json.loads(path.read_text()) for path in sorted(asked.keep.glob("*_???.json"))]
    rows = table(pairs)
    if asked.record:
        RECORD.parent.mkdir(exist_ok=True)
        content = {
            "environment": environment(),
            "slices": again.TURNS,
            "window_s": again.WINDOW_S,
            "pairs": pairs,
        }
        RECORD.write_text(json.dumps(content, indent=1) + "\n")
    print(markdown.table(HEADERS, [[*row[:5], "yes" if row[5] else "NO"] for row in rows]))
    return 0 if all(row[5] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
