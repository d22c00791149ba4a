"""Load levels as rows: the flat form of stress.json, the best of them, and how they are told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from loadgen.verdict.answers import could_miss
from playbook import markdown
from playbook.promise import WRONG_SHARE, Promise
from playbook.serve.handle import Handle
from playbook.stress.load import Load
from playbook.stress.schedule import Schedule

_SUMMARY = ("requests", "errors", "throughput_rps", "offered_rps", "mean_in_flight", "client_cpu_share", "valid")
PASSPORT_WORDS = {
    "protocol": "protocol",
    "floor_ms": "an answer that costs nothing takes, ms",
    "max_rate_rps": "most requests/s of one process",
    "lateness_p50_us": "half of the requests are sent later than due by, microseconds",
    "lateness_p99_us": "one in a hundred is sent later than due by, microseconds",
    "stall_error": "largest share by which percentiles of a scripted stall are wrong",
    "attempts": "tries",
    "ok": "fit to judge a server",
}


def best(levels: Iterable[Mapping[str, Any]], promise: Promise | None) -> dict[str, Any] | None:
    """The valid level with the highest throughput whose p99 and error share stay inside the promise."""
    if promise is None:
        return None
    inside = [level for level in levels if level["valid"] and promise.kept_by(level)]
    return dict(max(inside, key=lambda level: level["throughput_rps"])) if inside else None


def verdict(results: Mapping[str, Any]) -> str:
    """One or two sentences: the best rate inside the limit, or why there is none, and what the search found."""
    searched = results["max_rate"]
    found = _of_levels(results) + (f" Search: {searched['text']}" if searched else "")
    if disturbance := results.get("disturbance"):
        found += f" But {disturbance} meanwhile: measure on a quiet machine before you conclude from it."
    return found


def _of_levels(results: Mapping[str, Any]) -> str:
    server = f"'{results['model_name']}' on the {results['server']} server"
    best, limit_ms = results["best"], results["limit_ms"]
    if best is None:
        valid = [level for level in results["levels"] if level["valid"]]
        if not valid:
            return f"No level of {server} is VALID, so nothing can be said; see each level's warnings."
        if not (told := [level for level in valid if level["latency_p99_ms"] is not None]):
            return f"{server}: {not_enough(valid, limit_ms)}"
        if failing := [level for level in told if level["latency_p99_ms"] <= limit_ms]:
            return f"{server} {_failing(failing, limit_ms)}"
        nearest = min(told, key=lambda level: level["latency_p99_ms"])
        return (
            f"{server} kept p99 within {limit_ms:g} ms at no level; nearest was {nearest['latency_p99_ms']:.1f} ms "
            f"at {nearest['throughput_rps']:,.0f} requests/s."
        )
    return (
        f"{server} answered {best['throughput_rps']:,.0f} requests/s at p99 {best['latency_p99_ms']:.1f} ms with "
        f"{described(best)}{_mixed(best)}; limit {limit_ms:g} ms: met{_unseen(results['levels'])}."
    )


def _failing(fast: Sequence[Mapping[str, Any]], limit_ms: float) -> str:
    """What VALID levels tell whose p99 is inside the limit and that failed more requests than was promised."""
    least = max(fast, key=lambda level: level["success_rate"] or 0.0)
    failed = "" if least["success_rate"] is None else f", fewest {1 - least['success_rate']:.2%}"
    return (
        f"kept p99 within {limit_ms:g} ms only where more requests failed than was promised{failed} with "
        f"{described(least)} (p99 {least['latency_p99_ms']:.1f} ms at {least['throughput_rps']:,.0f} requests/s)."
    )


def _mixed(level: Mapping[str, Any]) -> str:
    return f", requests mixed ({level['request_mix']})" if level.get("request_mix") else ""


def not_enough(valid: Sequence[Mapping[str, Any]], limit_ms: float) -> str:
    """What VALID levels tell that hold too few requests for a p99: what is certain, the rate, and how long it takes."""
    refuted = [level for level in valid if (level.get("claim") or {}).get("refuted")]
    sentences = [
        f"{level['claim']['misses']} of {level['claim']['requests']} requests over {limit_ms:g} ms with "
        f"{described(level)}: not met"
        for level in refuted
    ]
    certain = f"Certain is: {'; '.join(sentences)}. " if sentences else ""
    most = max(valid, key=lambda level: level["throughput_rps"] or 0.0)
    lower = next(
        (f", {name} {most[f'latency_{name}_ms']:,.4g} ms" for name in ("p95", "p90") if most[f"latency_{name}_ms"]),
        "",
    )
    needs = [level["need_s"] for level in valid if level.get("need_s")]
    longer = f" A p99 needs windows of up to {max(needs):,.0f} s: sweep_s." if needs else ""
    return (
        f"not enough requests for the p99 of any level. {certain}Most was carried with {described(most)}: "
        f"{markdown.number(most['throughput_rps'])} requests/s{lower}.{longer}"
    )


def _unseen(levels: Iterable[Mapping[str, Any]]) -> str:
    """What share of wrong answers the comparison could have missed, where it was too small for one in 10,000."""
    checked = sum((level.get("answers") or {}).get("checked") or 0 for level in levels)
    share = could_miss(0, checked)
    if share <= WRONG_SHARE:
        return ""
    if not checked:
        return " (no answer was compared)"
    return f" ({checked:,} answers compared, so that one wrong in {1 / share:,.0f} could have stayed unseen)"


def described(level: Mapping[str, Any]) -> str:
    """The load of a level in words."""
    if level["arrival"] == "closed":
        clients = level["concurrency"]
        return f"{clients} client{'s' if clients != 1 else ''} in a closed loop"
    return f"{level['arrival']} arrivals at {_rate(level['rate_rps'])}/s"


def _rate(rps: float) -> str:
    return f"{rps:,.0f}" if rps >= 10 else f"{rps:.2g}"


def flat(summary: Mapping[str, Any], number: int, settings: Mapping[str, Any]) -> dict[str, Any]:
    """A load generator's summary as one flat row of `results.levels[]`."""
    latency, requests = summary["latency_ms"], summary["requests"]
    return {
        "level": number,
        "arrival": settings["arrival"],
        "concurrency": settings.get("concurrency"),
        "rate_rps": settings.get("rate_rps"),
        "protocol": settings["protocol"],
        "rows_per_request": settings["rows_per_request"],
        "request_mix": settings.get("request_mix"),
        "duration_s": summary["duration_s"],
        **{name: summary.get(name) for name in _SUMMARY},
        "client_realtime": all(summary["client_realtime"]) if summary.get("client_realtime") else None,
        "success_rate": (requests - summary["errors"]) / requests if requests else None,
        **{f"latency_{name}_ms": latency.get(name) for name in ("mean", "p50", "p90", "p95", "p99")},
        "latency_p99_low_ms": latency.get("p99_low"),
        "latency_p99_high_ms": latency.get("p99_high"),
        "latency_p999_ms": latency.get("p999"),
        "latency_max_ms": latency.get("max"),
        "service_p99_ms": (summary.get("service_ms") or {}).get("p99"),
        "lateness_p99_us": summary["lateness_us"].get("p99"),
        "errors_by_kind": summary.get("errors_by_kind") or {},
        "failed_checks": list(summary.get("failed_checks") or []),
        "claim": summary.get("claim"),
        "answers": summary.get("answers"),
        "enough": summary.get("enough"),
        "need_s": summary.get("need_s"),
        "stood_still": list(summary.get("stood_still") or []),
        "hung": summary.get("hung"),
        "warnings": list(summary["warnings"]),
    }


def of_one_version(summary: Mapping[str, Any], other: str) -> Mapping[str, Any]:
    """The summary of a level; INVALID where `other` says that another version of the model answered behind it."""
    if not other:
        return summary
    checks, said = summary.get("failed_checks") or [], summary["warnings"]
    told = f"The figures of this level mix versions. {other}"
    return {**summary, "valid": False, "failed_checks": [*checks, "version_changed"], "warnings": [told, *said]}


def results(
    handle: Handle,
    levels: list[dict[str, Any]],
    load: Load,
    passport: Mapping[str, Any] | None = None,
    max_rate: Mapping[str, Any] | None = None,
    planned: Schedule | None = None,
    disturbance: str | None = None,
) -> dict[str, Any]:
    """The `results` of stress.json; `disturbance` says who else used the machine (`neighbours`)."""
    return {
        "model_name": handle.model_name,
        "server": handle.server,
        "levels": levels,
        "best": best(levels, load.promise),
        "max_rate": max_rate,
        "passport": passport,
        "limit_ms": load.p99_limit_ms,
        "request_mix": load.mix.described(),
        "client_cpus": list(load.client_cpus),
        "request_ms": planned and round(planned.request_ms, 3),
        "left_out": list(planned.left_out) if planned else [],
        "disturbance": disturbance,
    }


def warnings(results: Mapping[str, Any]) -> list[str]:
    """What was left out for want of time, and every level's warnings, each with the level it belongs to."""
    return [f"Left out: {text}." for text in results.get("left_out") or []] + doubts(results["levels"])


def doubts(levels: Iterable[Mapping[str, Any]]) -> list[str]:
    """Every level's warnings, each with the level it belongs to."""
    return [f"{described(level)}: {text}" for level in levels for text in level["warnings"]]


def faults(levels: Iterable[Mapping[str, Any]]) -> list[str]:
    """What no rate can make good, in words: answers that were wrong, and replies that are no HTTP at all."""
    rows = list(levels)
    answers = [row.get("answers") or {} for row in rows]
    wrong, checked = (sum(one.get(name) or 0 for one in answers) for name in ("wrong", "checked"))
    broken = sum((row.get("errors_by_kind") or {}).get("protocol", 0) for row in rows)
    requests = sum(row.get("requests") or 0 for row in rows)
    sentences = [f"{wrong:,} of {checked:,} answers compared were wrong"] if wrong else []
    if broken:
        sentences.append(f"{broken:,} of {requests:,} replies broke the protocol: no sound server answers there")
    return sentences


def table(levels: Iterable[Mapping[str, Any]]) -> str:
    """The levels as a Markdown table; times in milliseconds."""
    headers = ["load", "requests/s", "success", "mean ms", "p95 ms", "p99 ms", "95 % of p99", "max ms", "valid"]
    rows = []
    for level in levels:
        low, high = level["latency_p99_low_ms"], level["latency_p99_high_ms"]
        spread = f"{markdown.number(low)} to {markdown.number(high)}" if low is not None and high is not None else None
        times = [level[f"latency_{name}_ms"] for name in ("mean", "p95", "p99")]
        success = None if level["success_rate"] is None else f"{100 * level['success_rate']:.2f} %"
        word = "VALID" if level["valid"] else "INVALID"
        rows.append([described(level), level["throughput_rps"], success, *times, spread, level["latency_max_ms"], word])
    return markdown.table(headers, rows)


def passport_table(passport: Mapping[str, Any] | None) -> str:
    """The load generator's passport as a Markdown table."""
    if passport is None:
        return "The load generator could not be tested on this machine."
    seen = {**passport, "ok": "yes" if passport.get("ok") else "no"}
    rows = [[words, seen[name]] for name, words in PASSPORT_WORDS.items() if seen.get(name) is not None]
    return markdown.table(["the generator itself", "seen"], rows)
