"""The sections of a record page, in their order. Each takes what the run has and says nothing where it has nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from playbook import markdown
from playbook.analyze.ledger import STAGES
from playbook.drawing import bars, figures, timeline
from playbook.drawing.canvas import Picture
from playbook.records.run_folder import RunFolder
from playbook.stress import levels

Pictures = dict[str, Picture]
KIND = {
    "embedded": "the embedded server (not TensorFlow Serving itself)",
    "binary": "tensorflow_model_server",
    "docker": "TensorFlow Serving in Docker",
    "attach": "a server that ran already",
}


def headline(run: RunFolder) -> str:
    """Model, server kind, best rate inside the limit, p99, with what configuration, against the default."""
    server = KIND.get(run.server, f"a server of kind {run.server}")
    tune, best, limit = run.results("tune"), run.stress.get("best"), run.stress.get("limit_ms")
    tuned = tune.get("best") or {}
    if tuned.get("rate_rps"):
        told = _gained(tune)
        p99 = f" at p99 {tuned['p99_ms']:.1f} ms" if tuned.get("p99_ms") else ""
        promise = f" inside the {limit:g} ms limit" if limit else ""
        config = _configuration(tuned.get("config"))
        return f"**{run.model} on {server}: {tuned['rate_rps']:,.0f} requests/s{p99}{promise}, with {config}{told}.**"
    if best:
        config = run.results("serve").get("configuration") or "the default flags"
        return (
            f"**{run.model} on {server}: {best['throughput_rps']:,.0f} requests/s at p99 "
            f"{best['latency_p99_ms']:.1f} ms ({levels.described(best)}), limit {limit:g} ms: met, with {config}.**"
        )
    told = [run.records[verb].get("verdict") for verb in reversed(list(run.records))]
    where = f"{run.model} on {server}: " if "serve" in run.records else ""  # before that there is no server
    return f"**{where}{next((text for text in told if text), 'Nothing was recorded in this run.')}**"


def load_curve(run: RunFolder, found: dict | None, pictures: Pictures) -> str:
    """Figure and table of the load levels, and each level's warnings."""
    if not run.levels:
        return ""
    limit = run.stress.get("limit_ms") or run.params("stress").get("p99_limit_ms")
    protocol = {"rest": "REST", "grpc": "gRPC"}.get(run.params("stress").get("protocol") or "rest")
    title = f"{run.model} on {KIND.get(run.server, run.server)}, {protocol}"
    curve = _add(pictures, "throughput_p99", figures.throughput_p99(run.levels, limit, title))
    samples = {figures.level_name(level): run.rows(level["level"]).latency_ms for level in run.levels}
    parts = [curve, levels.table(run.levels)]
    if any(len(values) for values in samples.values()):
        parts.append(_add(pictures, "latency_percentiles", figures.latency_percentiles(samples, limit)))
    warnings = levels.doubts(run.levels)
    return "\n\n".join([*parts, *(["\n".join(f"- {text}" for text in warnings)] if warnings else [])])


def where_time_goes(run: RunFolder, found: dict | None, pictures: Pictures) -> str:
    """The latency ledger and the bottleneck with its evidence."""
    if not found or not found.get("ledger"):
        return ""
    parts = [found["bottleneck"]["text"]] if found.get("bottleneck") else []
    parts += [_add(pictures, "ledger", bars.ledger_bars(found["ledger"])), ledger_table(found["ledger"])]
    notes = {note: None for entry in found["ledger"] for note in entry["notes"]}
    return "\n\n".join([*parts, *(["\n".join(f"- {note}" for note in notes)] if notes else [])])


def ledger_table(ledger: list[dict[str, Any]]) -> str:
    """Mean milliseconds by stage, a row a level; a row adds up. Batches and padding beside it."""
    used = [stage for stage in STAGES if any(entry["mean_ns"].get(stage) for entry in ledger)]
    headers = ["load", *(f"{STAGES[stage]} ms" for stage in used), "total ms", "rows a batch", "padding"]
    rows = []
    for entry in ledger:
        parts = [entry["mean_ns"][stage] / 1e6 if stage in entry["mean_ns"] else None for stage in used]
        share = entry.get("padding_share")
        padding = f"{share:.0%}" if share is not None else None
        rows.append([entry["load"], *parts, entry["total_ns"] / 1e6, entry.get("batch_rows"), padding])
    return markdown.table(headers, rows)


def capacity_and_proof(run: RunFolder, found: dict | None, pictures: Pictures) -> str:
    """Capacity, scalability, what is proven, and what it costs."""
    if not found or not found.get("capacity"):
        return ""
    return capacity_table(found)


def capacity_table(found: dict[str, Any]) -> str:
    """Capacity, knee, law, certificate, goodput and cost as a table of two columns."""
    carried, proof, cost = (found.get(name) or {} for name in ("capacity", "certificate", "cost"))
    law = carried.get("scalability") or {}
    at = f" at {cost['rate_rps']:,.0f}/s" if cost.get("rate_rps") else ""
    peak = f"{law['peak_rps']:,.0f}/s at {law['peak_in_flight']:.1f} in flight" if law.get("peak_rps") else "no peak"
    contention = f"{law['contention']:.2g} contention, {law['coherency']:.2g} coherency" if law else None
    rows = [
        ["capacity", carried.get("text")],
        ["highest rate found by search", found.get("searched")],
        ["headroom over the target", f"{carried['headroom']:.0%}" if carried.get("headroom") is not None else None],
        ["knee (most throughput for its latency)", carried.get("knee")],
        ["Universal Scalability Law", f"{peak}; {contention}; R² {law['r2']:.3f}" if law else None],
        ["certificate", proof.get("text")],
        ["good answers inside the limit", f"{found['goodput_rps']:,.0f}/s" if found.get("goodput_rps") else None],
        [f"a million predictions{at}: CPU used", _unit(cost.get("cpu_s_per_million"), "core-seconds")],
        [f"a million predictions{at}: cores paid for", _unit(cost.get("core_s_per_million"), "core-seconds")],
        [f"a million predictions{at}: money", _unit(cost.get("money_per_million") or None, "at the prices given")],
    ]
    return markdown.table(["what", "how much"], [row for row in rows if row[1] is not None])


def _gained(tune: dict) -> str:
    """The gain in tune's own words; a record from before there were any tells its ratio and interval."""
    if words := tune.get("gain_words"):
        return f": {words}"
    gain, low, high = (tune.get(name) for name in ("gain", "gain_low", "gain_high"))
    interval = f" (95 %: {low:.3g} to {high:.3g})" if low and high else ""
    if gain and low and high and low <= 1 <= high:
        return f": no gain shown{interval}"
    return f", {gain:.3g} × the default flags' rate{interval}" if gain else ""


_UNSET = "TensorFlow Serving's"  # a knob left alone: 0 in the record means that no flag was given


def configuration(run: RunFolder, found: dict | None, pictures: Pictures) -> str:
    """The configuration found best against the default, or the one that was served."""
    tune, served = run.results("tune"), run.results("serve")
    best, default = tune.get("best") or {}, tune.get("default") or {}
    if best.get("config"):
        names = [n for n, v in best["config"].items() if v != (default.get("config") or {}).get(n)]
        rows = [[name, _of_default(default, name), best["config"][name]] for name in names]
        rows += [["requests/s inside the limit", default.get("rate_rps"), best.get("rate_rps")]]
        rows += [["p99 ms there", default.get("p99_ms"), best.get("p99_ms")]]
        return markdown.table(["knob", "default", "tuned"], [[n, _shown(a), _shown(b)] for n, a, b in rows])
    if not served:
        return ""
    flags = "\n".join(str(flag) for flag in served.get("flags") or [])
    return f"Served with {served.get('configuration') or 'unknown settings'}.\n\n```\n{flags}\n```"


def _of_default(default: dict, name: str) -> Any:
    value = (default.get("config") or {}).get(name)
    return _UNSET if value == [] or (value == 0 and value is not False) else value


def over_time(run: RunFolder, found: dict | None, pictures: Pictures) -> str:
    """Rate, p99, batch size and CPU on one time axis, with the changes of configuration."""
    read = timeline.read(run) if run.levels else None
    return _add(pictures, "timeline", timeline.picture(read, run.stress.get("limit_ms"))) if read else ""


def against_previous(run: RunFolder, found: dict | None, pictures: Pictures) -> str:
    """The comparison that analyze made, when it made one."""
    compared = (found or {}).get("comparison")
    if not compared:
        return ""
    picture = bars.forest(compared["rows"], compared["base"], compared["candidate"])
    return "\n\n".join([compared["text"], _add(pictures, "comparison", picture)])


def environment(run: RunFolder, found: dict | None, pictures: Pictures) -> str:
    """Machine, versions, pinning, and the load generator's passport."""
    seen = run.environment()
    if not seen:
        return ""
    served = run.results("serve")
    rows = [[name.replace("_", " "), _shown(value)] for name, value in seen.items() if name != "packages"]
    rows += [[name, version] for name, version in (seen.get("packages") or {}).items()]
    rows += [["server's cores", _shown(served.get("cpus"))], ["client's cores", _shown(run.stress.get("client_cpus"))]]
    rows += [["model fingerprint", run.results("export").get("fingerprint")]]
    passport = run.stress.get("passport")
    told = f"\n\n{levels.passport_table(passport)}" if passport else ""
    return markdown.table(["what", "seen"], [row for row in rows if row[1] is not None]) + told


def limits(run: RunFolder, found: dict | None, pictures: Pictures) -> str:
    """What these numbers do not tell."""
    lines = []
    if run.server == "embedded":
        lines.append("The embedded server runs TensorFlow's own runtime, but it is not TensorFlow Serving: its rates")
        lines[-1] += " are for learning and for comparing configurations, not for sizing a fleet."
    seconds = [level["duration_s"] for level in run.levels if level.get("duration_s")]
    if seconds and min(seconds) < 10:
        lines.append(f"Windows of {min(seconds):g} s are short: a disturbance that comes once a minute is not in them.")
    if run.levels:
        lines.append("Client and server shared one machine and its loopback; a network adds its own latency.")
    if any(level.get("client_realtime") is False for level in run.levels):
        lines.append("What else ran on the client's core was measured as the server's latency: load workers had no")
        lines[-1] += " right to go before it (`playbook doctor` says what it takes)."
    invalid = [level for level in run.levels if not level.get("valid")]
    if invalid:
        lines.append(f"{len(invalid)} of {len(run.levels)} levels are INVALID and count for nothing above.")
    lines.append("Every request came from the exported reference rows; other inputs may cost more or less.")
    lines += [*run.problems, *((found or {}).get("problems") or [])]
    return "\n".join(f"- {line}" for line in dict.fromkeys(lines))


def repeat(run: RunFolder, found: dict | None, pictures: Pictures) -> str:
    """The command that makes these numbers again."""
    from playbook.errors import RecordUnreadable
    from playbook.records import runs

    try:
        command = runs.note(run.run_dir).get("command")
    except RecordUnreadable:
        return ""
    return f"```\n{command}\n```" if command else ""


ALL: tuple[tuple[str, Callable[[RunFolder, dict | None, Pictures], str]], ...] = (
    ("Throughput against tail latency", load_curve),
    ("Where the time goes", where_time_goes),
    ("Capacity, and what is proven", capacity_and_proof),
    ("Configuration", configuration),
    ("Over time", over_time),
    ("Against the previous record", against_previous),
    ("Environment", environment),
    ("What these numbers do not tell", limits),
    ("Repeat it", repeat),
)


def _add(pictures: Pictures, name: str, picture: Picture) -> str:
    address = f"figures/{name}.png"
    pictures[address] = picture
    return f"![{picture.alt}]({address})"


def _configuration(config: dict[str, Any] | None) -> str:
    from playbook.tfserving.config import Config

    return Config.of(config).words() if config else "the default flags"


def _shown(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value)) or None
    return str(value).lower() if isinstance(value, bool) else value


def _unit(value: float | None, unit: str) -> str | None:
    return None if value is None else f"{markdown.number(value)} {unit}"
