"""Hold the loads of two runs again, in turns, on fresh servers of their configurations or where they are attached.

Two runs of different hours differ by what the machine did meanwhile; a change of a few percent drowns in that. In turns
a machine that drifts meets both alike, and `compare` then finds a slow-down of 5 % (tests/benchmarks/bench_compare.py).
With a gate the turns go on: where a regression shows after the first they end, and where they are too coarse for the
gate as many follow as it takes. A result is looked at twice so, by intervals that hold 98 times of 100: fewer than one
false alarm in twenty.
"""

from __future__ import annotations

import contextlib
import math
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from playbook import progress
from playbook.analyze import compare, turns, verdicts
from playbook.errors import ParameterError
from playbook.records import record, run_folder, runs, secrets
from playbook.records.run_folder import RunFolder
from playbook.serve import serve
from playbook.serve.spec import ServerSpec, from_parameters
from playbook.stress import levels, stress
from playbook.stress.load import Load, load_of
from playbook.tfserving import versions

TURNS = 2 * turns.FEWEST  # windows a side of each load
WINDOW_S, RAMP_UP_S = 0.4, 0.1  # short, so that what drifts within seconds meets both
ANSWERS = 150  # a window should hold: half as many again as `compare` asks of one
LONGEST_S = 1800.0
MORE_S = 600.0  # the most that a gate is waited for
Around = Callable[[], contextlib.AbstractContextManager[None]]


def again(
    base: Path,
    candidate: Path,
    outputs: Path,
    say: Callable[[str], None] = print,
    force: bool = False,
    gate: float | None = None,
) -> tuple[Path, Path]:
    """Two new runs, held in turns: the configurations and closed loops of `base` and of `candidate`.

    Args:
        base: Run folder compared with; its model must still lie in it.
        candidate: Run folder judged, likewise.
        outputs: Where the new run folders go.
        say: Is told what will be done and how long it takes, before it begins.
        force: Hold them also where model or server differ.
        gate: Percent; turns that are too coarse to show a change of it go on, for ten minutes at most.

    Raises:
        RecordMismatch: the two must not be compared, or one has no load levels.
        RecordUnreadable: no such run folder.
        VersionChanged: the folder of a run's model holds another version than it exported.
        ParameterError: nothing to start a server with, no closed loop that both held, or over half an hour of loads.
    """
    one, two = folders = run_folder.read(base), run_folder.read(candidate)
    compare.check_comparable(one, two, force)
    specs = [_spec(run) for run in folders]
    loads, window_s = _loads(one, two)
    seconds = 2 * TURNS * len(loads) * (window_s + RAMP_UP_S)
    if seconds > LONGEST_S:
        raise ParameterError(
            f"Holding {len(loads)} loads in turns, {TURNS} windows of {window_s:,.1f} s a side, would take "
            f"{seconds / 60:,.0f} minutes; half an hour was the most expected. Compare runs with fewer clients."
        )
    say(
        f"In turns, {TURNS} windows of {window_s:.1f} s a side: "
        f"{', '.join(levels.described(load) for load in loads)}; about {seconds + 10:,.0f} s."
    )
    asked = one.params("stress")
    load = load_of({**asked, "client_cpus": asked.get("client_cpus") or []}, specs[0].cpus)
    load = replace(load, duration_s=window_s, ramp_up_s=RAMP_UP_S)
    run_dirs = [_new_run(run, outputs, side) for run, side in zip(folders, ("base", "candidate"), strict=True)]
    look = None if gate is None else Look(gate, load, len(loads), say)
    hold_in_turns(specs, run_dirs, load, loads, look=look)
    return run_dirs[0], run_dirs[1]


@dataclass(frozen=True)
class Look:
    """Once turns are held: how many more a gate needs, told before they begin.

    A regression ends them at the first look only; later ones ask for precision alone, which no chance result ends.
    """

    gate: float
    load: Load
    loads: int
    say: Callable[[str], None]

    def more(self, run_dirs: Sequence[Path], held: int) -> int:
        """Turns still to be held after `held`; none where a regression shows, where time or gate are out of reach."""
        one, two = (run_folder.read(run_dir) for run_dir in run_dirs)
        pairs, _ = compare.matched(one, two)
        rows = verdicts.judge(pairs, self.load.p99_limit_ms) if pairs else []
        if held == TURNS and any(verdicts.worse_by(row, self.gate) for row in rows):
            return 0
        turn_s = 2 * self.loads * (self.load.duration_s + self.load.ramp_up_s)
        left = int(MORE_S / turn_s) - (held - TURNS)
        wanted = turns.missing(rows, held, self.gate) or 0
        more = max(0, min(wanted, left))
        if more:
            coarse = max(rows, key=lambda row: row["seen"])
            short = f", of {wanted:,} that a gate of {self.gate:g} % wants" if more < wanted else ""
            self.say(
                f"So far {coarse['name']} would have shown a change of {coarse['seen']:.0%}: {more:,} turns "
                f"more{short}; about {more * turn_s:,.0f} s."
            )
        return more


def hold_in_turns(
    specs: Sequence[ServerSpec],
    run_dirs: Sequence[Path],
    load: Load,
    loads: Sequence[Mapping[str, Any]],
    around: Sequence[Around] = (contextlib.nullcontext, contextlib.nullcontext),
    look: Look | None = None,
) -> None:
    """Hold each load `TURNS` times on either server, ABBA, and keep both as stress.json in their run folders.

    Args:
        specs: The two servers.
        run_dirs: Their run folders, with `data/reference.npz` in them.
        load: What all windows share.
        loads: Closed loops: `arrival` and `concurrency` of each.
        around: What each side's windows happen within; a benchmark slows one down that way.
        look: Is asked then how many turns to go on for, until it says none.
    """
    with contextlib.ExitStack() as stack:
        handles = [stack.enter_context(serve.running(*side)) for side in zip(specs, run_dirs, strict=True)]
        benches = [
            stack.enter_context(stress.bench(handle, run_dir, load))
            for handle, run_dir in zip(handles, run_dirs, strict=True)
        ]
        sides = list(zip(benches, around, strict=True))
        held, more = 0, TURNS
        while more:
            _turns(sides, loads, range(held, held + more))
            held += more
            more = look.more(run_dirs, held) if look is not None else 0
    for under in benches:
        kept = levels.results(under.handle, under.rows, load)
        record.save(under.run_dir, "stress", params={}, results=kept, verdict="Held in turns with another run.")


def _turns(sides: Sequence[tuple[stress.Bench, Around]], loads: Sequence[Mapping[str, Any]], numbers: range) -> None:
    """Hold each load once a turn on either side, the side that came second coming first in the next."""
    with progress.live("compare", 2 * len(numbers) * len(loads)) as bar:
        held = 0
        for turn in numbers:
            for settings in loads:
                for under, within in sides[:: -1 if turn % 2 else 1]:
                    with within():
                        under.hold(settings, progress.Stretch(bar, held, 1.0))
                    held += 1


def _loads(one: RunFolder, two: RunFolder) -> tuple[list[dict[str, Any]], float]:
    """The closed loops that both runs held, and the window that holds enough answers of the slowest."""
    held = [[level for level in run.levels if level["arrival"] == "closed"] for run in (one, two)]
    keys = [[[level.get(name) for name in compare.KEY] for level in closed] for closed in held]
    clients = sorted({level["concurrency"] or 0 for level, key in zip(held[0], keys[0], strict=True) if key in keys[1]})
    if not clients:
        raise ParameterError(
            f"{one.run_id} and {two.run_id} have no closed loop in common to be held again; run their 'stress' "
            "notebooks with the same concurrency."
        )
    rates = [level["throughput_rps"] or 0.0 for closed in held for level in closed if level["concurrency"] in clients]
    window_s = max(WINDOW_S, math.ceil(10 * ANSWERS / max(min(rates), 1e-3)) / 10)
    return [{"arrival": "closed", "concurrency": count} for count in clients], window_s


def _spec(run: RunFolder) -> ServerSpec:
    """The server that a run served, to be started once more; one that it was attached to is asked where it runs."""
    exported, asked = run.results("export"), run.params("serve")
    if asked and run.server == "attach":
        return from_parameters(asked, run.run_dir / (exported.get("base_path") or "models"))
    if not asked or not exported.get("base_path") or not runs.has_model(run.run_dir):
        raise ParameterError(
            f"{run.run_id} cannot be held again: its exported model and a server of its own were expected, and "
            "a run without 'serve' or whose models/ is gone has none. Compare it without --again."
        )
    versions.exported(run.run_dir / exported["base_path"], exported.get("version"))  # and no other would answer
    cpus = tuple(run.results("serve").get("cpus") or ())
    fresh = {**asked, "rest_api_port": 0, "port": 0}
    return from_parameters(fresh, run.run_dir / exported["base_path"], cpus)


def _new_run(run: RunFolder, outputs: Path, side: str) -> Path:
    """A run folder for one side, with what names its model and configuration."""
    run_dir = runs.create(outputs, Path(f"again-{side}.yml"), {}, base=run.run_id)
    runs.inherit(run_dir, run.run_dir, ["serve"])
    for name in ("export.json", secrets.FILE):
        if (run.run_dir / name).exists():
            shutil.copy2(run.run_dir / name, run_dir / name)
    data = record.data_dir(run_dir)
    data.mkdir(exist_ok=True)
    shutil.copy2(run.run_dir / "data" / "reference.npz", data / "reference.npz")
    return run_dir
