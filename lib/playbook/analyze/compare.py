"""Compare two runs in English: what changed, by which factor, how surely; or that nothing did, and what would have
been seen. Runs of other machines, server kinds or models are refused unless told."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from playbook.analyze import verdicts
from playbook.errors import RecordMismatch
from playbook.monitor import usage
from playbook.promise import Promise
from playbook.records import record, run_folder
from playbook.records.run_folder import Rows, RunFolder
from playbook.stress import neighbours
from playbook.stress.levels import described

MUST_AGREE = ("cpu_model", "cores", "memory_gib", "gpu")
# What the same configuration differs by from run to run (standard deviation of the logarithm): three undisturbed runs,
# each with a server of its own, on a virtual machine of two cores.
RUN_TO_RUN = {"p50": 0.06, "p99": 0.15, "throughput": 0.05, "capacity": 0.06}
SAME_BOOT_S = 120.0  # a record is written some time after its last window
Pairs = dict[str, tuple[Any, list[Rows], list[Rows]]]
KEY = ("arrival", "concurrency", "rate_rps", "protocol", "rows_per_request", "request_mix")


@dataclass(frozen=True)
class Comparison:
    """`rows` are the figures with their ratio (above 1: the candidate is better); `text` says it in English."""

    base: str
    candidate: str
    rows: list[dict[str, Any]]
    text: str
    regression: bool
    undecided: str | None = None  # with a gate: why it can be neither passed nor failed
    inputs: list[str] = field(default_factory=list)  # what differs between the two, besides the results
    disturbed: list[str] = field(default_factory=list)  # why nothing is decided
    left_out: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """The comparison as plain JSON values."""
        return asdict(self)


def compare(base: Path, candidate: Path, gate: float | None = None, force: bool = False, seed: int = 7) -> Comparison:
    """What changed from `base` to `candidate`.

    Args:
        base: Run folder compared with.
        candidate: Run folder judged.
        gate: Percent; a figure that is significantly worse, and may be by this much, makes a regression.
        force: Compare also where environment, server kind or model differ.
        seed: Of the bootstrap.

    Raises:
        RecordMismatch: the runs must not be compared, for each input that is named, or have no level in common.
        RecordUnreadable: no such run folder.
    """
    one, two = run_folder.read(base), run_folder.read(candidate)
    check_comparable(one, two, force)
    pairs, left_out = matched(one, two)
    if not pairs:
        raise RecordMismatch(
            f"{one.run_id} and {two.run_id} have no load level in common with answers in both. {' '.join(left_out)}"
        )
    limit_ms = two.stress.get("limit_ms") or one.stress.get("limit_ms")
    turns = in_turns(one, two)
    rows = verdicts.judge(pairs, limit_ms, seed, None if turns else RUN_TO_RUN)
    if proven := matched(one, two, "prove")[0]:
        named = verdicts.judge(proven, limit_ms, seed, None if turns else RUN_TO_RUN)
        rows += [{**row, "name": f"proven {row['name']}"} for row in named]
    rows += _errors(one, two)
    inputs = mismatches(one, two) + changed_inputs(one, two)
    # In turns, whatever else ran met both alike, and the spread of the repeats has it.
    disturbed = [] if turns else [text for run in (one, two) if (text := disturbance(run))]
    regression = not disturbed and any(verdicts.worse_by(row, gate or 0.0) for row in rows)
    undecided = None if gate is None or regression else _undecided(rows, gate, disturbed, two, turns)
    text = verdicts.in_words(one.run_id, two.run_id, rows, inputs, disturbed, gate, regression, undecided)
    failed = regression and gate is not None
    return Comparison(one.run_id, two.run_id, rows, text, failed, undecided, inputs, disturbed, left_out)


def check_comparable(one: RunFolder, two: RunFolder, force: bool = False) -> None:
    """That two runs are two, measured something, and measured the same kind of thing (unless `force`).

    Raises:
        RecordMismatch: the runs must not be compared; names each input that differs, or the run without load levels.
    """
    if one.run_dir.resolve() == two.run_dir.resolve():
        raise RecordMismatch(f"{one.run_id} was to be compared with itself. Name two runs: `playbook list`.")
    for run in (one, two):
        if not run.levels:
            raise RecordMismatch(f"{run.run_id} has no load level to compare; run its 'stress' notebook first.")
    if not force and (reasons := mismatches(one, two)):
        raise RecordMismatch(
            f"{one.run_id} and {two.run_id} must not be compared: {'; '.join(reasons)}. Use --force to do so anyway."
        )


def _undecided(
    rows: Sequence[Mapping[str, Any]], gate: float, disturbed: Sequence[str], run: RunFolder, turns: bool
) -> str | None:
    """Why a gate can be neither passed nor failed: a busy machine, or figures too coarse to see a change of its size.

    What would have been seen shrinks with the root of the time a level is held.
    """
    if disturbed:
        return "not decided, the machine was not quiet"
    coarse = max((row for row in rows if row.get("seen")), key=lambda row: row["seen"], default=None)
    if coarse is None or 100 * coarse["seen"] <= gate:
        return None
    short = f"too coarse: {coarse['name']} would have shown a change of {coarse['seen']:.0%} at least"
    if turns:
        return f"{short}, although both were held in turns; hold them on a quieter machine, or by a wider gate"
    held_s = max((level.get("duration_s") or 0.0 for level in run.levels), default=0.0)
    more_s = held_s * ((100 * coarse["seen"] / gate) ** 2 - 1)
    return (
        f"{short}; hold each level "
        f"{more_s:,.0f} s longer (duration_s={held_s + more_s:,.0f}), or both in turns: playbook compare --again"
    )


def previous(run_dir: Path) -> Path | None:
    """The newest earlier run of the same model, server and machine beside this one, with load levels; None without."""
    run = run_folder.read(run_dir)
    here = Path(run_dir).resolve()
    for other in sorted(here.parent.glob("*/stress.json"), key=lambda path: path.parent.name, reverse=True):
        folder = other.parent
        if folder.name < here.name and not record.is_scratch(folder) and folder.name[:1].isdigit():
            candidate = run_folder.read(folder)
            if candidate.levels and not mismatches(candidate, run):
                return folder
    return None


def in_turns(one: RunFolder, two: RunFolder) -> bool:
    """Whether the windows of two runs alternate, so that a machine that drifts treats both alike."""
    spans = []
    for place, run in enumerate((one, two)):
        for level in run.levels:
            rows = run.rows(level["level"])
            spans += [(int(rows.scheduled_ns.min()), int(rows.done_ns.max()), place)] if len(rows) else []
    if not spans or not _same_boot(
        one, two, [max((s[1] for s in spans if s[2] == side), default=0) for side in (0, 1)]
    ):
        return False
    spans.sort()
    apart = all(before[1] <= after[0] for before, after in itertools.pairwise(spans))
    changes = sum(before[2] != after[2] for before, after in itertools.pairwise(spans))
    return apart and changes >= len(spans) / 4 >= 1


def _same_boot(one: RunFolder, two: RunFolder, ends_ns: Sequence[int]) -> bool:
    """Whether the monotonic clocks of both runs are one: it then differs between their ends as the wall clock does."""
    times = [run.records.get("stress", {}).get("created_utc") for run in (one, two)]
    if not all(times):
        return False
    first, second = (datetime.fromisoformat(str(time)) for time in times)
    wall_s = (second - first).total_seconds()
    return abs(wall_s - (ends_ns[1] - ends_ns[0]) / 1e9) < SAME_BOOT_S


def disturbance(run: RunFolder) -> str | None:
    """Whether something else used the machine while the levels were held, in words; None when it was quiet."""
    worst = max((used for used in neighbours.others_cores(run, run.levels) if used is not None), default=0.0)
    allowed = usage.QUIET * (run.environment().get("cores") or 1)
    return f"other processes used {worst:.1f} cores while {run.run_id} was measured" if worst > allowed else None


def mismatches(one: RunFolder, two: RunFolder) -> list[str]:
    """Why two runs must not be compared, in words; empty when they may."""
    reasons = [f"{run.run_id} is the scratch run, which may be rewritten" for run in (one, two) if _scratch(run)]
    left, right = one.environment(), two.environment()
    reasons += _changed({name: left.get(name) for name in MUST_AGREE}, {name: right.get(name) for name in MUST_AGREE})
    known = [{"server": run.server, "model": run.model, "model fingerprint": _fingerprint(run)} for run in (one, two)]
    both = [name for name in known[0] if known[0][name] is not None and known[1][name] is not None]
    first, second = ({name: some[name] for name in both} for some in known)
    return reasons + _changed(first, second)


def changed_inputs(one: RunFolder, two: RunFolder) -> list[str]:
    """Parameters, flags and versions that differ: candidates for the cause of a difference."""
    changed = []
    for verb in ("serve", "stress"):
        changed += _changed(one.params(verb), two.params(verb), leave=("run_dir", "port", "rest_api_port"))
    left, right = one.environment(), two.environment()
    changed += _changed(left.get("packages") or {}, right.get("packages") or {})
    names = ("os", "python", "git_commit")
    return changed + _changed({name: left.get(name) for name in names}, {name: right.get(name) for name in names})


def matched(one: RunFolder, two: RunFolder, verb: str = "stress") -> tuple[Pairs, list[str]]:
    """Levels of the same load in both runs, repeats together: name -> (level, rows of base, rows of candidate)."""
    left, right = _by_key(one, verb), _by_key(two, verb)
    pairs: Pairs = {}
    for key in left:
        if key in right:
            level = left[key][0]
            base, candidate = (_enough(run, verb, levels) for run, levels in ((one, left[key]), (two, right[key])))
            if base and candidate:
                pairs[described(level)] = (level, base, candidate)
    names = {described(levels[0]) for levels in (*left.values(), *right.values())}
    return pairs, [f"{name} is not in both, or has too few answers." for name in sorted(names - set(pairs))]


def _enough(run: RunFolder, verb: str, levels: Sequence[Mapping[str, Any]]) -> list[Rows]:
    rows = (run.rows(level["level"], verb) for level in levels)
    return [some for some in rows if some.ok.sum() >= verdicts.FEWEST]


def _by_key(run: RunFolder, verb: str) -> dict[tuple, list[dict[str, Any]]]:
    groups: dict[tuple, list[dict[str, Any]]] = {}
    held = [*run.levels_of(verb), *(run.results(verb).get("windows") or [])]
    for level in held:
        if level.get("valid", True):
            groups.setdefault(tuple(level.get(name) for name in KEY), []).append(level)
    return groups


def _errors(one: RunFolder, two: RunFolder) -> list[dict[str, Any]]:
    """A row when the candidate surely fails its requests where the base did not: one of a thousand may be chance."""
    counts = [_failed(run.levels) for run in (one, two)]
    shares = [errors / requests if requests else 0.0 for errors, requests in counts]
    asked = two.params("stress").get("max_error_share")
    allowed = Promise.max_error_share if asked is None else asked
    if shares[1] <= max(allowed, 2 * shares[0]) or verdicts.by_chance(*counts):
        return []
    row = dict.fromkeys(("ratio", "low", "high"))
    return [{"name": "errors", "unit": "share", "base": shares[0], "candidate": shares[1], **row}]


def _failed(levels: Sequence[Mapping[str, Any]]) -> tuple[int, int]:
    """Requests that failed, and all of them."""
    return sum(level.get("errors") or 0 for level in levels), sum(level.get("requests") or 0 for level in levels)


def _changed(left: Mapping[str, Any], right: Mapping[str, Any], leave: Sequence[str] = ()) -> list[str]:
    """The names whose values differ, with both values."""
    names = [name for name in dict.fromkeys([*left, *right]) if name not in leave]
    return [f"{n} {left.get(n)} → {right.get(n)}" for n in names if left.get(n) != right.get(n)]


def _fingerprint(run: RunFolder) -> str | None:
    fingerprint = run.results("export").get("fingerprint")
    return fingerprint[:12] if fingerprint else None


def _scratch(run: RunFolder) -> bool:
    return record.is_scratch(run.run_dir)
