"""Real models through the whole chain: what was planned, what it took, the answer, the gain, the simulator's error.

Run it alone on an idle machine: `make bench ARGS=zoo` takes the small models through the chain and holds the tuner's
winner on three kinds against an exhaustive grid (`zoo_grid.py`), some twenty minutes; `make bench ARGS="zoo -- large"`
takes the large ones, some forty. `python tests/benchmarks/bench_zoo.py text grid:dense` takes some, `memory:embedding`
tells what an export takes of memory, `--kept` runs none and prints what is kept, `--into=FOLDER` keeps the runs. Each
model leaves its row in `records/zoo.json` or `records/zoo_grid.json`, where the rows of the others stay. A stage meets
its target when it takes no more than a quarter beyond what it told when it began; one of seconds gets two more, for
what starting and writing take. No peer studied plans a run, so there is none beside it.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import zoo_builders
import zoo_grid
import zoo_memory
import zoo_runs

from playbook.markdown import table

RECORDS = Path(__file__).resolve().parent / "records"
RECORD, GRIDS = RECORDS / "zoo.json", RECORDS / "zoo_grid.json"
QUARTER, GRACE_S = 0.25, 2.0
RATE_ERROR, P99_ERROR = 0.05, 0.15  # of the simulator, medians over the zoo
SHARE = 0.95  # of the grid's best rate, that the tuner's winner must carry
WHOLE_S = {"ResNet50": 600, "text": 240, "bert": 240, "detect": 240}


def held(stage: dict[str, Any]) -> bool | None:
    """Whether a stage ended when it said it would, or before; None where it told nothing."""
    if stage["told_s"] is None or stage["took_s"] is None:
        return None
    return bool(stage["took_s"] <= stage["told_s"] * (1 + QUARTER) + GRACE_S)


def kept_rows(record: Path = RECORD) -> dict[str, dict[str, Any]]:
    """The rows of a record by model."""
    return {row["model"]: row for row in json.loads(record.read_text())["models"]} if record.exists() else {}


def keep(row: dict[str, Any], record: Path = RECORD) -> None:
    """Put a row in the place of the model's last one."""
    rows = kept_rows(record) | {row["model"]: row}
    ordered = [rows[name] for name in zoo_builders.SETTINGS if name in rows]
    record.write_text(json.dumps({"models": ordered}, indent=1) + "\n")


def stages_table(rows: list[dict[str, Any]]) -> str:
    """A line a model: seconds told and taken, stage by stage."""
    names = [stage["stage"] for stage in rows[0]["stages"]]
    lines = []
    for row in rows:
        by_name = {stage["stage"]: stage for stage in row["stages"]}
        cells = [_cell(by_name.get(name)) for name in names]
        lines.append([row["model"], f"{row['planned_s']:.0f} / {row['whole_s']}", *cells])
    return table(["told / took, s", "whole", *names], lines)


def _cell(stage: dict[str, Any] | None) -> str:
    if stage is None or stage["told_s"] is None:
        return "–"
    return f"{stage['told_s']:.0f} / {stage['took_s']:.0f}{'' if held(stage) else ' late'}"


def answers_table(rows: list[dict[str, Any]]) -> str:
    """A line a model: one request, the promise, its answer, tuned over default, how far predicted rates were off."""
    lines = []
    for row in rows:
        settings, seen = row["settings"], row["simulator"] or {}
        promise = f"p99 {settings['p99_limit_ms']:g} ms at {settings['target_rate_rps']:g}/s"
        spread = f" ({row['gain_low']:.2f} to {row['gain_high']:.2f})" if row["gain_low"] else ""
        gain = f"{row['gain']:.2f}{spread}" if row["gain"] else None
        error = f"{seen['rate_error']:.0%}" if seen.get("rate_error") is not None else None
        lines.append([row["model"], row["request_ms"], promise, row["answer"], gain, row["tuned_words"], error])
    heads = ["model", "a request, ms", "promise", "answer", "tuned over default", "winner", "predicted rate off by"]
    return table(heads, lines)


def reasons(rows: list[dict[str, Any]]) -> str:
    """A line a model whose promise was not kept: why, as prove says it."""
    return "\n".join(f"- {row['why']}" for row in rows if row["answer"] != "KEPT" and row.get("why"))


def grids_table(rows: list[dict[str, Any]]) -> str:
    """A line a model: the tuner's winner, the grid's best, their ratio in turns, the simulator's errors."""
    lines = []
    for row in rows:
        if row.get("skipped"):
            lines.append([row["model"], f"not tuned: {row['skipped']}", *[None] * 6])
            continue
        spread = f" ({row['share_low']:.2f} to {row['share_high']:.2f})" if row["share_low"] else ""
        share = f"{row['share']:.2f}{spread}" if row["share"] is not None else None
        seen = [row["errors"][name] for name in ("rate_error", "p99_error")]
        errors = [None if error is None else f"{error:.0%}" for error in seen]
        times = [f"{row['measured_share']:.0%}", row["whole_s"]]
        lines.append([row["model"], row["winner"], row["optimum"], share, *times, *errors])
    heads = ["model", "the tuner's winner", "the grid's best", "winner over best, in turns", "of the grid's time"]
    return table([*heads, "whole, s", "rate error", "p99 error"], lines)


def missed(rows: list[dict[str, Any]], grids: list[dict[str, Any]]) -> list[str]:
    """What missed its target, in words."""
    words = [f"{row['model']} did not go through" for row in rows if not row["went_through"]]
    whole = [row for row in rows if row["went_through"]]
    words += [f"{r['model']}'s {s['stage']} (told, took)" for r in whole for s in r["stages"] if held(s) is False]
    words += [f"{r['model']} in {WHOLE_S[r['model']]} s" for r in whole if r["whole_s"] > WHOLE_S.get(r["model"], 1e9)]
    words += [f"{r['model']}'s winner against the grid" for r in grids if (r.get("share") or 0.0) < SHARE]
    words += [f"{r['model']} was tuned to batch" for r in grids if r.get("unbatched") and "batching=on" in r["winner"]]
    errors = [row["errors"] for row in grids if not row.get("skipped")]
    for name, most in (("rate_error", RATE_ERROR), ("p99_error", P99_ERROR)):
        seen = [error[name] for error in errors if error[name] is not None]
        if seen and np.median(seen) > most:
            words.append(f"the simulator's {name.replace('_', ' ')}: {np.median(seen):.0%} at the median")
    return words


def chosen(names: list[str]) -> list[str]:
    """What to run, by words: nothing is the small ones and the grids, `large` the others, `--kept` none."""
    small = [*zoo_builders.SMALL, *(f"grid:{name}" for name in zoo_grid.KINDS)]
    of = {"large": [*zoo_builders.LARGE, "memory:embedding"], "small": small, "--kept": []}
    return [one for name in names or ["small"] for one in of.get(name, [name])]


@contextmanager
def room(into: str | None) -> Iterator[str]:
    """A folder for one model and its run, that goes with it or stays in `into`."""
    if into is None:
        with tempfile.TemporaryDirectory(prefix="zoo-") as folder:
            yield folder
    else:
        Path(into).mkdir(parents=True, exist_ok=True)
        yield tempfile.mkdtemp(prefix="zoo-", dir=into)


def main(words: list[str]) -> int:
    """Run the models, keep their rows, print the tables; 1 where something missed its target."""
    into = next((word.partition("=")[2] for word in words if word.startswith("--into=")), None)
    for name in chosen([word for word in words if not word.startswith("--into=")]):
        with room(into) as folder:
            if name.startswith("memory:"):
                print(zoo_memory.words(name.partition(":")[2], Path(folder)), flush=True)
                continue
            if kind := name.partition("grid:")[2]:
                row = zoo_grid.run(kind, Path(folder))
                keep(row, GRIDS)
            else:
                row = zoo_runs.run(zoo_runs.made(name, Path(folder)), Path(folder))
                keep(row)
        said = row.get("answer") or row.get("ending") or row.get("skipped") or f"{row.get('share')} of the grid's best"
        print(f"{name}: {row['whole_s']} s, {said}", flush=True)
    rows, grids = list(kept_rows().values()), list(kept_rows(GRIDS).values())
    if whole := [row for row in rows if row["went_through"]]:
        print(stages_table(whole), answers_table(whole), reasons(whole), sep="\n\n")
    if grids:
        print("", grids_table(grids), sep="\n")
    late = missed(rows, grids)
    print(f"Missed: {'; '.join(late)}." if late else "Every model went through as planned.")
    return 1 if late else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
