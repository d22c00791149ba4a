"""What 75_drill keeps and says: results, verdict, warnings. Made of the rows alone."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from playbook.drill.exercise import Exercise
from playbook.drill.practising import Practised
from playbook.markdown import number
from playbook.records.agreement import rounded
from playbook.records.rows import DrillRow

LITTLE = 0.001  # share of the requests; fewer lost are no difference


def results(exercise: Exercise, done: Practised) -> dict[str, Any]:
    """The `results` of drill.json."""
    return rounded(
        {
            "model_name": exercise.spec.model_name,
            "server": exercise.spec.server,
            "promise": asdict(exercise.promise),
            "config": exercise.config.plain(),
            "tuned": exercise.tuned,
            "rate_rps": exercise.rate_rps,
            "capacity_rps": exercise.capacity_rps,
            "drill_s": exercise.drill_s,
            "planned_s": done.planned_s,
            "took_s": done.took_s,
            "drills": done.rows,
            "left_out": done.left_out,
            "soak": done.soak,
            "failures": _failures(done.rows, done.soak, done.unheld),
            "compared": _compared(done.rows),
            "skipped": exercise.skipped or None,
        }
    )


def _failures(
    rows: Sequence[DrillRow], soak: Mapping[str, Any] | None = None, unheld: Sequence[Mapping[str, str]] = ()
) -> list[str]:
    """What no drill excuses: answers that were wrong, a server that ended where nobody did anything to it, and that
    nothing at all could be held."""
    if unheld and not rows and not soak:
        first = unheld[0]
        return [f"nothing that was asked for could be held; the first, {first['drill']}: {first['why'].rstrip('.')}"]
    wrong = [
        f"in the drill '{row['drill']}' {row['wrong']:,} of {row['compared']:,} answers compared were wrong"
        for row in rows
        if row.get("wrong")
    ]
    if soak and soak["wrong"]:
        wrong.append(f"in the soak {soak['wrong']:,} of {soak['compared']:,} answers compared were wrong")
    return wrong + ([f"in the soak: {soak['ended'].rstrip('.')}"] if soak and soak.get("ended") else [])


def verdict(results: Mapping[str, Any]) -> str:
    """What users lost in which drill, what the remedies changed, and what was not held."""
    who = f"'{results['model_name']}' ({results['server']} server)"
    if results["skipped"]:
        return f"Nothing was drilled on {who}: {results['skipped']}."
    rows: list[DrillRow] = results["drills"]
    plain = [row for row in rows if not row["remedied"]]
    sentences = [f"{text}." for text in results["failures"]]
    if plain:
        sentences.append(
            _lost(
                plain,
                f"{len(plain)} drill{'s' * (len(plain) > 1)} on {who} at {results['rate_rps']:,.0f} requests/s",
                results["rate_rps"],
            )
        )
    sentences += _remedied(rows)
    if results["soak"]:
        sentences.append(results["soak"]["words"])
    if results["left_out"]:
        names = ", ".join(one["drill"] for one in results["left_out"])
        sentences.append(f"Not held: {names} (the reasons stand below).")
    if results["compared"] and not results["failures"]:
        sentences.append(f"{results['compared']:,} answers compared, none wrong.")
    return " ".join(sentences) or f"No drill could be held on {who}."


def _compared(rows: Sequence[DrillRow]) -> int:
    """Answers compared in all drills."""
    return sum(row.get("compared") or 0 for row in rows)


def _at(row: DrillRow, rate_rps: float) -> str:
    """The rate of a drill that was not held at the one of all others."""
    rate = row.get("rate_rps") or rate_rps
    return "" if abs(rate - rate_rps) < 1 else f" (at {rate:,.0f}/s)"


def _lost(plain: Sequence[DrillRow], lead: str, rate_rps: float) -> str:
    """Which drills cost users something, the worst first, and which cost nothing."""
    sure = [row for row in plain if not row["doubt"]]
    hurt = sorted((row for row in sure if _hurts(row)), key=lambda row: -row["lost"])
    unhurt = [f"{row['drill']}{_at(row, rate_rps)}" for row in sure if not _hurts(row)]
    unclear = [f"{row['drill']} ({row['lost']:,} requests lost)" for row in plain if row["doubt"]]
    parts = [f"{row['drill']}{_at(row, rate_rps)} {damage(row)}" for row in hurt]
    parts += [f"nothing in {', '.join(unhurt)}"] if unhurt else []
    parts += [f"unclear in {', '.join(unclear)}"] if unclear else []
    return f"{lead} cost users: {'; '.join(parts)}."


def _hurts(row: DrillRow) -> bool:
    return bool(row["lost"] or row["seconds_outside"])


def damage(row: DrillRow) -> str:
    """What users lost in one drill, in words."""
    lost = f"{row['lost']:,} of {row['requests']:,} requests" if row["lost"] else "no request"
    outside = row["seconds_outside"]
    seconds = f"{outside} s outside the promise" if outside else "no second outside the promise"
    return f"{lost}, {seconds}, {recovery(row)}"


def recovery(row: DrillRow) -> str:
    """When users were served as promised again, in words."""
    if row["recovery_s"] is None:
        return f"not recovered within {row['seconds']:g} s"
    return f"recovered after {number(row['recovery_s'])} s" if row["recovery_s"] else "nothing to recover from"


def _remedied(rows: Sequence[DrillRow]) -> list[str]:
    """What each remedy changed, measured beside the same drill without it."""
    plain = {row["drill"]: row for row in rows if not row["remedied"]}
    pairs = [(plain[row["drill"]], row) for row in rows if row["remedied"] and row["drill"] in plain]
    said, calm, unclear = [], [], []
    for before, row in pairs:
        name = f"{row['drill']} by {row['remedy']}"
        if row["doubt"] or before["doubt"]:
            unclear.append(name)
        elif not _hurts(before) and not _hurts(row):
            calm.append(name)
        else:
            said.append(f"{name}: {helped(before, row)} ({_short(before)} before, {_short(row)} with it)")
    said += [f"nothing to mend: {', '.join(calm)}"] if calm else []
    said += [f"unclear: {', '.join(unclear)}"] if unclear else []
    return [f"Remedies, each measured once: {'; '.join(said)}."] if said else []


def helped(before: DrillRow, row: DrillRow) -> str:
    """Whether the remedy made it better for users, by seconds outside and by requests lost.

    Each was held once, so little is no difference: a second, a tenth of what was lost, a thousandth of the requests.
    """
    seconds = before["seconds_outside"] - row["seconds_outside"]
    shares = [one["lost"] / max(1, one["requests"]) for one in (before, row)]
    signs = {_sign(seconds, 1.0), _sign(shares[0] - shares[1], max(0.1 * max(shares), LITTLE))} - {0}
    return {0: "no difference shown", 2: "mixed"}.get(len(signs)) or ("better" if signs == {1} else "worse")


def _sign(difference: float, little: float) -> int:
    return 0 if abs(difference) <= little else 1 if difference > 0 else -1


def _short(row: DrillRow) -> str:
    return f"{row['lost']:,} lost and {row['seconds_outside']} s outside"


def warnings(results: Mapping[str, Any]) -> list[str]:
    """What was answered wrongly, what was not held and why, what may not be believed, and the soak's own warnings."""
    if results["skipped"]:
        return [f"Nothing was drilled: {results['skipped']}."]
    said = list(results["failures"])
    said += [f"{one['drill']} was not held: {one['why']}." for one in results["left_out"]]
    said += _doubts(results["drills"])
    if results["soak"]:
        said += results["soak"]["warnings"]
    return said


def _doubts(rows: Sequence[DrillRow]) -> list[str]:
    """Why rows may not be believed, those of one kind together."""
    kinds: dict[str, list[tuple[str, str]]] = {}
    for row in rows:
        if doubt := row["doubt"]:
            kinds.setdefault(re.sub(r"[\d.]+", "", doubt), []).append((_named(row), doubt))
    return [f"{', '.join(name for name, _ in found)}: {max(doubt for _, doubt in found)}." for found in kinds.values()]


def _named(row: DrillRow) -> str:
    return f"{row['drill']} with its remedy" if row["remedied"] else row["drill"]
