"""The sections of a record page, in their order. Each takes what the run has and says nothing where it has nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from playbook import knobs, markdown
from playbook.analyze import views as analyze_views
from playbook.drawing import bars, curves, figures, pairs
from playbook.errors import RecordUnreadable
from playbook.prove.words import curve_names
from playbook.records import runs
from playbook.records.run_folder import RunFolder
from playbook.report import drilled, opening, over_time, rates, verified
from playbook.report.pictures import Pictures, add
from playbook.stress import levels
from playbook.tune.views import wakeup_words

_SEEN = {
    "cpu_model": "processor",
    "memory_gib": "memory, GiB",
    "gpu": "GPU",
    "os": "operating system",
    "python": "Python",
}
_SEEN |= {"git_dirty": "changes that are not committed"}


def load_curve(run: RunFolder, analysis: dict | None, pictures: Pictures) -> str:
    """Both load curves in one figure, the levels of each configuration as a table, and the percentiles."""
    prove = run.results("prove")
    proven = [*(prove.get("levels") or []), *(prove.get("windows") or [])]
    if not run.levels and not proven:
        return ""
    limit = _limit_ms(run)
    protocol = {"rest": "REST", "grpc": "gRPC"}.get(run.params("stress").get("protocol") or "rest")
    title = f"{run.model} on {opening.KIND.get(run.server, run.server)}, {protocol}"
    first, second = curve_names(run, bool(run.results("prove").get("tuned")))
    both = {first: run.levels, second: proven} if proven else run.levels
    promised = prove.get("rate_rps") if (prove.get("promise") or {}).get("target_rate_rps") else None
    parts = [add(pictures, "throughput_p99", curves.throughput_p99(both, limit, title, promised))]
    for name, rows in ((second, proven), (first, run.levels)):
        if rows:
            parts += [f"**{_capital(name)}**", levels.table(rows), _doubts(rows)]
    samples = _samples(run, proven)
    if any(len(values) for values in samples.values()):
        parts += [f"Percentiles of the {second if proven else first}:"]
        parts.append(add(pictures, "latency_percentiles", figures.latency_percentiles(samples, limit)))
    return "\n\n".join(part for part in parts if part)


def _limit_ms(run: RunFolder) -> float | None:
    promised = (run.results("prove").get("promise") or {}).get("p99_limit_ms")
    return promised or run.stress.get("limit_ms") or run.params("stress").get("p99_limit_ms")


def _samples(run: RunFolder, proven: list[dict[str, Any]]) -> dict[str, Any]:
    verb, rows = ("prove", proven) if proven else ("stress", run.levels)
    return {figures.level_name(level): run.rows(level["level"], verb).latency_ms for level in rows}


def _doubts(rows: Sequence[Mapping[str, Any]]) -> str:
    """A line each; what a server sent stands in some, and is text here, whatever it would be in Markdown."""
    return "\n".join(f"- {markdown.plain(text)}" for text in levels.doubts(rows))


def where_time_goes(run: RunFolder, analysis: dict | None, pictures: Pictures) -> str:
    """The latency ledger and the bottleneck with its evidence, of the proven configuration and of the default."""
    first, second = curve_names(run, bool(run.results("prove").get("tuned")))
    parts = []
    for name, file, said in ((second, "ledger_proven", run.results("prove")), (first, "ledger", analysis or {})):
        if said.get("ledger"):
            parts += [f"**{_capital(name)}**", (said.get("bottleneck") or {}).get("text")]
            parts += [
                add(pictures, file, bars.ledger_bars(said["ledger"])),
                analyze_views.ledger_table(said["ledger"]),
            ]
            notes = {note: None for entry in said["ledger"] for note in entry["notes"]}
            parts.append("\n".join(f"- {note}" for note in notes))
    return "\n\n".join(part for part in parts if part)


def capacity_and_proof(run: RunFolder, analysis: dict | None, pictures: Pictures) -> str:
    """What was proven, window by window; then capacity, scalability and cost of each configuration."""
    first, second = curve_names(run, bool(run.results("prove").get("tuned")))
    prove, parts = run.results("prove"), []
    if prove.get("answer") and not prove.get("skipped"):
        parts += ["**The proof**", proof_table(prove)]
    if which := rates.table(run, prove.get("levels") or [], _limit_ms(run)):
        parts += ["**Which rate is which**", which]
    for name, said in ((second, prove), (first, analysis or {})):
        if said.get("capacity"):
            parts += [f"**{_capital(name)}**", analyze_views.capacity_table(said)]
    return "\n\n".join(parts)


def proof_table(prove: dict[str, Any]) -> str:
    """The promised rate as it was held, the evidence, and the answers that were compared."""
    held, claim, answers = prove["held"], prove["claim"], prove["answers"]
    low, high = held["latency_p99_low_ms"], held["latency_p99_high_ms"]
    spread = (
        f" (95 %: {markdown.number(low)} to {markdown.number(high)})" if low is not None and high is not None else ""
    )
    p99 = f"{markdown.number(held['latency_p99_ms'])} ms{spread}" if held["latency_p99_ms"] is not None else None
    rows: list[list[Any]] = [
        ["rate of one replica", f"{prove['rate_rps']:,.0f}/s"],
        ["held for", f"{held['duration_s']:.3g} s; VALID windows: {held['valid_windows']} of {held['windows']}"],
        ["p99", p99],
        ["requests, beyond the limit or failed", f"{claim['requests']:,}, {claim['misses']:,}"],
        ["neighbouring requests that tell as much as one", claim["tau"]],
        ["at most beyond the limit, with confidence", f"{claim['bound']:.2%}, {prove['confidence']:.0%}"],
        ["answers compared, wrong", f"{answers['checked']:,}, {answers['wrong']:,}"],
        ["wrong answers that could have stayed unseen", f"one in {1 / answers['could_miss_share']:,.0f}"],
        ["first wrong answer", _first_wrong(answers.get("first_wrong"))],
        ["first reply that broke the protocol", _first_wrong(answers.get("first_broken"))],
        ["disturbance", prove["disturbance"] or "none seen"],
    ]
    return markdown.table(["what", "how much"], [row for row in rows if row[1] is not None])


def _first_wrong(first: dict[str, Any] | None) -> str | None:
    """Both replies, as code: they are somebody else's text."""
    if not first:
        return None
    shown = {name: "`" + str(first[name]).replace("`", "'") + "`" for name in ("expected", "got")}
    return f"{first['body']}: expected {shown['expected']}, got {shown['got']}"


def configuration(run: RunFolder, analysis: dict | None, pictures: Pictures) -> str:
    """The configuration found best against the default, with the repeats that make the gain; or the one served."""
    tune, served = run.results("tune"), run.results("serve")
    best, default = tune.get("best") or {}, tune.get("default") or {}
    if best.get("config"):
        names = [n for n, v in best["config"].items() if v != (default.get("config") or {}).get(n)]
        rows = [[name, _of_default(default, name, run.server_cores), _shown(best["config"][name])] for name in names]
        rows = [row for row in rows if str(row[1]) != str(row[2])]  # set as it is by default
        parts = [markdown.table(["knob", "default", "tuned"], rows)] if rows else ["The default flags are the best."]
        return "\n\n".join([*parts, *gain_parts(tune), *filter(None, [wakeup_words(tune)])])
    if not served:
        return ""
    flags = "\n".join(str(flag) for flag in served.get("flags") or [])
    return f"Served with {served.get('configuration') or 'unknown settings'}.\n\n```\n{flags}\n```"


def gain_parts(tune: dict[str, Any]) -> list[str]:
    """The gain in words, and the repeats in turns that it was computed from."""
    words = opening.gain_in_words(tune)
    if not words:
        return []
    rows = [[number, *pair] for number, pair in enumerate(tune.get("repeats") or [], 1)]
    table = markdown.table(["turn", "default flags, requests/s", "tuned, requests/s"], rows)
    return [f"Gain over the default flags: {words}.", *([table] if rows else [])]


def _of_default(default: dict, name: str, cores: float | None) -> Any:
    """The value a knob has by default: as the default was measured, else TensorFlow Serving's own."""
    value = (default.get("config") or {}).get(name)
    if name in knobs.BY_NAME and knobs.meant(name, value) in (None, ()):
        value = knobs.default(name, cores)
    return _shown(value) if value is not None else "TensorFlow Serving's"


def further(run: RunFolder, analysis: dict | None, pictures: Pictures) -> str:
    """What every other stage says, with its executed notebook."""
    rows = [
        [f"[{runs.NOTEBOOKS[verb]}]({runs.NOTEBOOKS[verb]}.md)", content.get("verdict")]
        for verb, content in run.records.items()
        if content.get("verdict") and verb in runs.NOTEBOOKS
    ]
    data = "Raw samples lie in [`data/`](data/) as Parquet, each stage's record beside this page as `<verb>.json`."
    return f"{markdown.table(['stage', 'verdict'], rows)}\n\n{data}" if rows else ""


def against_previous(run: RunFolder, analysis: dict | None, pictures: Pictures) -> str:
    """The comparison that analyze made, when it made one."""
    compared = (analysis or {}).get("comparison")
    if not compared:
        return ""
    picture = pairs.forest(compared["rows"], compared["base"], compared["candidate"])
    return "\n\n".join([compared["text"], add(pictures, "comparison", picture)])


def environment(run: RunFolder, analysis: dict | None, pictures: Pictures) -> str:
    """Machine, versions, pinning, and the load generator's passport."""
    machine = run.environment()
    if not machine:
        return ""
    served = run.results("serve")
    named = {name: value for name, value in machine.items() if name != "packages"}
    if isinstance(machine.get("git_dirty"), bool):
        named["git_dirty"] = "some" if machine["git_dirty"] else "none"
    rows = [[_SEEN.get(name, name.replace("_", " ")), value] for name, value in named.items()]
    rows += [[name, version] for name, version in (machine.get("packages") or {}).items()]
    rows += [["server's cores", _shown(served.get("cpus"))], ["client's cores", _shown(run.stress.get("client_cpus"))]]
    rows += [["model fingerprint", run.results("export").get("fingerprint")], *verified.rows(run)]
    passport = run.stress.get("passport")
    passport_part = f"\n\n{levels.passport_table(passport)}" if passport else ""
    return markdown.table(["what", "seen"], [row for row in rows if row[1] is not None]) + passport_part


def limits(run: RunFolder, analysis: dict | None, pictures: Pictures) -> str:
    """What these numbers do not tell."""
    lines = []
    if run.server == "embedded":
        lines.append("The embedded server runs TensorFlow's own runtime, but it is not TensorFlow Serving: its rates")
        lines[-1] += " are for learning and for comparing configurations, not for sizing a fleet."
    held = [*run.levels, *run.levels_of("prove")]
    seconds = [level["duration_s"] for level in held if level.get("duration_s")]
    if seconds and min(seconds) < 10:
        shortest = markdown.number(min(seconds))
        lines.append(f"Windows of {shortest} s are short: a disturbance that comes once a minute is not in them.")
    if held:
        lines.append("Client and server shared one machine and its loopback; a network adds its own latency.")
    if any(level.get("client_realtime") is False for level in held):
        lines.append("What else ran on the client's core was measured as the server's latency: load workers had no")
        lines[-1] += " right to go before it (`playbook doctor` says what it takes)."
    invalid = [level for level in held if not level.get("valid")]
    if invalid:
        lines.append(f"{len(invalid)} of {len(held)} levels are INVALID and count for nothing above.")
    lines.append("Every request came from the exported reference rows; other inputs may cost more or less.")
    lines += [*run.problems, *((analysis or {}).get("problems") or [])]
    return "\n".join(f"- {line}" for line in dict.fromkeys(lines))


def repeat(run: RunFolder, analysis: dict | None, pictures: Pictures) -> str:
    """The command that makes these numbers again."""
    try:
        command = runs.note(run.run_dir).get("command")
    except RecordUnreadable:
        return ""
    return f"```\n{command}\n```" if command else ""


ALL: tuple[tuple[str, Callable[[RunFolder, dict | None, Pictures], str]], ...] = (
    ("Throughput against tail latency", load_curve),
    ("Where the time goes", where_time_goes),
    ("Capacity, and what is proven", capacity_and_proof),
    ("Drills: what users lose", drilled.section),
    ("Configuration", configuration),
    ("Stage by stage", further),
    ("Over time", over_time.section),
    ("Against the previous record", against_previous),
    ("Environment", environment),
    ("What these numbers do not tell", limits),
    ("Repeat it", repeat),
)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _shown(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value)) or None
    return str(value).lower() if isinstance(value, bool) else value
