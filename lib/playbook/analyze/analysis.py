"""Analyze: where the time goes, what holds the server back, how much it carries, and what of it is proven."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from playbook.analyze import compare, judging
from playbook.analyze.judging import FREE, Prices
from playbook.errors import RecordError
from playbook.monitor import series
from playbook.promise import Promise
from playbook.records import journal
from playbook.records.agreement import rounded
from playbook.records.run_folder import RunFolder
from playbook.stress.levels import described


def results(run: RunFolder, promise: Promise, compare_with: str = "", prices: Prices = FREE) -> dict[str, Any]:
    """Everything the records and samples of a run say; `problems` tells what could not be said and why.

    Args:
        run: The run folder.
        promise: The limit, the failures allowed, the rate.
        compare_with: A run folder beside this one, `previous` for the newest earlier one of the same model, server kind
            and machine, or empty.
        prices: Of a core and a GPU.

    Returns:
        `results` of analyze.json: `limit_ms`, `ledger[]` (a row a level), `bottleneck`, `capacity`, `certificate`,
        `cost`, `goodput_rps`, `searched`, `comparison`, `changes` (how many), `problems`. What is not known is None.
    """
    levels, problems = run.levels, []
    if not levels:
        problems.append("There is no load level in this run: run the 'stress' notebook first.")
    problems += _level_problems(run, levels)
    if levels and not any(level.get("valid") for level in levels):
        problems.append("No level is VALID: nothing is told of what is proven, of goodput and of cost.")
    return rounded(
        {
            "limit_ms": promise.p99_limit_ms,
            **judging.judge(run, "stress", promise, run.params("serve"), prices),
            "searched": (run.stress.get("max_rate") or {}).get("text"),
            "comparison": _comparison(run, compare_with, problems),
            "changes": len(journal.read(run.run_dir)),
            "problems": problems + run.problems,
        }
    )


def verdict(results: Mapping[str, Any]) -> str:
    """The capacity in a sentence, then the bottleneck."""
    bottleneck = results["bottleneck"]
    return f"{results['capacity']['text']} {bottleneck['text'] if bottleneck else ''}".strip()


def warnings(results: Mapping[str, Any]) -> list[str]:
    """What could not be said, and why."""
    return list(results["problems"])


def _comparison(run: RunFolder, compare_with: str, problems: list[str]) -> dict[str, Any] | None:
    if not compare_with:
        return None
    base = compare.previous(run.run_dir) if compare_with == "previous" else run.run_dir.resolve().parent / compare_with
    if base is None:
        problems.append("This is the first record of this model on this server and machine: nothing to compare with.")
        return None
    try:
        return compare.compare(base, run.run_dir).to_json()
    except RecordError as error:
        problems.append(str(error))
        return None


def _level_problems(run: RunFolder, levels: Sequence[Mapping[str, Any]]) -> list[str]:
    problems = []
    for level in levels:
        name, rows = f"level {level['level']} ({described(level)})", run.rows(level["level"])
        if not level.get("requests"):
            problems.append(f"{name} is empty: no request was sent in its window.")
        elif not len(rows):
            problems.append(f"{name} has no raw rows, so its latency cannot be split.")
        elif not rows.ok.any():
            problems.append(f"{name}: all {len(rows):,} requests failed, so there is no latency to speak of.")
    if levels and not series.read(run.run_dir).times_ns:
        problems.append("No server metrics were kept: the ledger splits the client's side only.")
    return problems
