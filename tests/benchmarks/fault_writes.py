"""SIGKILL of a chain, and of the process that writes, while a file is half written; then what --resume makes of it."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import duckdb
from fault_driver import SMOKE, Chain, Outcome, left

HOOK = Path(__file__).resolve().parent / "kill_at"
LEVELS = ("--set", "duration_s=2", "--set", "concurrency=[1,2,4]")


def killing(pattern: str, nth: int = 1) -> dict[str, str]:
    """The environment of a chain that is killed in the nth writing of a file whose path is like this."""
    return {"PYTHONPATH": str(HOOK), "FAULT_KILL_AT": pattern, "FAULT_KILL_NTH": str(nth)}


def half_written(name: str, base: Path, file: str, nth: int, verbs: list[str], again: str) -> Outcome:
    """A part of the chain, killed in that moment, then resumed; `again` is what the resumed chain says it does."""
    only = [word for verb in verbs for word in ("--only", verb)]
    on = [] if "export" in verbs else ["--resume", base.name, "--from", "serve"]
    first = Chain("run", SMOKE, *on, *only, *LEVELS, "--outputs", base.parent, **killing(f"*/{file}", nth))
    assert first.end() == -9, f"the chain was not killed in {file}: {first.lines[-3:]}"
    run_dir = first.run_dir(base.parent)
    remains, kept = left(base.parent, run_dir, half=False), levels(run_dir)
    resumed = Chain("run", SMOKE, "--resume", run_dir.name, *LEVELS, "--outputs", base.parent)
    code = resumed.end()
    assert code == 0, resumed.lines
    assert again in resumed.lines[0][1], f"{again!r} was to be said, {resumed.lines[0][1]!r} was"
    lost = _lost(run_dir, verbs, kept)
    return Outcome(name, lost, None, resumed.lines[0][1], code, remains + left(base.parent, run_dir))


def levels(run_dir: Path) -> list[list[float]]:
    """Rate and p99 of each level that is on disk."""
    try:
        rows = json.loads((run_dir / "data" / "levels.json").read_text())
    except OSError:
        return []
    return [[row["throughput_rps"], row["latency_p99_ms"]] for row in rows]


def _lost(run_dir: Path, verbs: list[str], kept: list[list[float]]) -> str:
    """What the run lacks of its verbs: records, notebooks, pages, levels that were held; nothing, where all is well."""
    from playbook.records import runs

    names = [name for verb in verbs for stem in [runs.NOTEBOOKS[verb]] for name in (f"{verb}.json", f"{stem}.ipynb", f"{stem}.md")]  # fmt: skip  # noqa: E501
    missing = [name for name in (*names, "record.md", "record.html") if not (run_dir / name).stat().st_size]
    assert not missing, f"{missing} missing"
    assert levels(run_dir)[: len(kept)] == kept, "levels that were held were measured again"
    return f"nothing: levels held before are kept ({len(kept)})" if kept else "nothing"


def half_copied(name: str, base: Path) -> Outcome:
    """A run's folder is being copied to a location: its files there come one by one, run.json last."""
    with tempfile.TemporaryDirectory(prefix="faults-bucket-") as folder:
        work, bucket = Path(folder) / "work", Path(folder) / "bucket"
        (work / "outputs").mkdir(parents=True)
        (work / "outputs" / base.name).symlink_to(base)
        words = ("run", SMOKE, "--outputs", f"file://{bucket}", "--only", "serve", "--resume", base.name)
        first = Chain(*words, cwd=work, **killing(f"{bucket}/*/data/*.parquet"))
        assert first.end() == -9, first.lines
        run_dir = first.run_dir(work / "outputs")
        copied = bucket / run_dir.name
        assert not (copied / "run.json").exists(), "the name by which it is found came before the rest"
        half = Chain("sql", "SELECT count(*) FROM changes", "--outputs", f"file://{bucket}")
        assert half.end(60) in (0, 2), half.lines
        resumed = Chain("run", SMOKE, "--outputs", f"file://{bucket}", "--resume", run_dir.name, cwd=work)
        code = resumed.end()
        assert code == 0, resumed.lines
        with duckdb.connect() as db:
            db.execute(f"SELECT * FROM '{copied}/data/changes.parquet'").fetchall()
        assert (copied / "run.json").exists()
        return Outcome(name, "nothing: copied anew", None, half.told(half.began)[1], code, left(work, run_dir))


def _kind(file: str, nth: int, verbs: list[str], again: str) -> Callable[[str, Path], Outcome]:
    return partial(half_written, file=file, nth=nth, verbs=verbs, again=again)


KINDS: dict[str, Callable[[str, Path], Outcome]] = {
    "chain: SIGKILL while 10_export.ipynb is half written, then --resume": _kind(
        "10_export.ipynb", 1, ["export"], "export (export again)"
    ),
    "chain: SIGKILL while 10_export.md is half written, then --resume": _kind(
        "10_export.md", 1, ["export"], "nothing left to do"
    ),
    "chain: SIGKILL while levels.json is half written, then --resume": _kind(
        "levels.json", 2, ["serve", "stress"], "serve → stress (serve again)"
    ),
    "chain: SIGKILL while stress.json is half written, then --resume": _kind(
        "stress.json", 1, ["serve", "stress"], "serve → stress (serve again)"
    ),
    "chain: SIGKILL while 40_stress.ipynb is half written, then --resume": _kind(
        "40_stress.ipynb", 1, ["serve", "stress"], "serve → stress (stress, serve again)"
    ),
    "chain: SIGKILL while record.html is half written, then --resume": _kind(
        "record.html", 1, ["serve"], "nothing left to do"
    ),
    "chain: SIGKILL while its folder is copied to a bucket, then --resume": half_copied,
}
