"""`playbook compare` on real runs whose truth is known: `python tests/benchmarks/bench_compare.py [--pairs N]`.

A pair is two runs on embedded servers of their own, one configuration, one core, held in turns: SLICES windows of 0.4 s
a side, four clients in a closed loop. In a pair of kind `same` nothing differs. In a pair of kind `slower` the second
server loses 5 % of its core while it is loaded: a process of real-time priority on that core works for 0.25 ms in every
5 ms. Asked are alarms in at most 5 % of the former, and the slow-down found in 90 % of the latter.

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
from dataclasses import replace
from pathlib import Path
from typing import Any

from playbook import markdown
from playbook.analyze import compare
from playbook.chain import pipeline
from playbook.records import record
from playbook.serve import serve
from playbook.serve.cores import split_cpus
from playbook.serve.spec import ServerSpec
from playbook.stress import stress
from playbook.stress.levels import results
from playbook.stress.load import Load

HERE = Path(__file__).resolve().parent
RECORD = HERE / "records" / "compare.json"
HEADERS = ["figure", "measured", "peer", "ratio", "target", "met"]
SLICES = 24
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
    found = record.load(model, "export")["results"]
    spec = ServerSpec(found["model_name"], (model / found["base_path"]).resolve(), cpus=server_cpus)
    load = Load(duration_s=0.4, ramp_up_s=0.1, client_cpus=client_cpus)
    drags = [None, server_cpus[0] if kind == "slower" else None]
    names = ["20260101T000000Z-one", "20260101T000000Z-two"]
    with contextlib.ExitStack() as stack:
        benches = []
        for name in names:
            shutil.copytree(model / "data", folder / name / "data", ignore=shutil.ignore_patterns("requests"))
            handle = stack.enter_context(serve.running(spec, folder / name))
            benches.append(stack.enter_context(stress.bench(handle, folder / name, load)))
        sides = list(zip(benches, drags, strict=True))
        for turn in range(SLICES):
            for bench, cpu in sides[:: 1 if turn % 2 else -1]:  # ABBA, so that a drift meets both alike
                with slowed(cpu):
                    stress.sweep(bench, concurrency=(4,), rates_rps=(), rate_shares=())
    for bench in benches:
        levels = results(handle, bench.rows, replace(load, p99_limit_ms=50.0))
        record.save(bench.run_dir, "stress", params={}, results=levels, verdict="held in turns")
    told = compare.compare(*(folder / name for name in names), gate=GATE)
    return {"kind": kind, "regression": told.regression, "rows": told.rows}


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
        content = {"environment": record.environment(), "slices": SLICES, "window_s": 0.4, "pairs": pairs}
        RECORD.write_text(json.dumps(content, indent=1) + "\n")
    print(markdown.table(HEADERS, [[*row[:5], "yes" if row[5] else "NO"] for row in rows]))
    return 0 if all(row[5] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
