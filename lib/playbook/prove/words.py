"""What 65_prove keeps and says: the results, the verdict, the table of windows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from loadgen.verdict.answers import could_miss
from loadgen.verdict.evidence import percentile_interval
from loadgen.verdict.summary import percentile
from playbook import markdown
from playbook.analyze import judging
from playbook.markdown import number
from playbook.monitor import usage
from playbook.promise import NOT_KEPT, WRONG_SHARE
from playbook.prove import overload
from playbook.prove.answer import answer, disturbance
from playbook.prove.holding import Held, needed_answers, pooled
from playbook.prove.proof import Proof
from playbook.records.agreement import rounded
from playbook.records.run_folder import RunFolder
from playbook.stress.levels import best, described, doubts, faults

UNTOUCHED = "batching off"  # how serve describes TensorFlow Serving's defaults


def results(proof: Proof, held: Held) -> dict[str, Any]:
    """What prove.json keeps; `answer` is KEPT, NOT KEPT or NOT PROVEN."""
    if held.handle is None:
        return _skipped(proof)
    run, windows = proof.run, held.windows
    valid = [window for window in windows if window["valid"]]
    resources = usage.read(run.run_dir)
    spans = [judging.span_ns(run.rows(window["level"], "prove")) for window in windows]
    kept = {
        "promise": asdict(proof.promise),
        "model_name": held.handle.model_name,
        "server": held.handle.server,
        "config": proof.config.plain(),
        "config_words": configuration(proof),
        "tuned": proof.tuned,
        "cpus": held.handle.cpus,
        "expected_rps": proof.expected_rps,
        "replicas": proof.replicas,
        "rate_rps": proof.rate_rps,
        "confidence": proof.confidence,
        "budget_s": proof.budget_s,
        "wrong_share": WRONG_SHARE,
        "levels": held.levels,
        "windows": windows,
        "held": {**_held(run, windows, valid), "with_unsteady": overload.counted_in(proof, windows)},
        "claim": (None if valid else overload.refutation(proof, run, windows)) or pooled(proof, valid),
        "answers": _answers([*held.levels, *windows]),
        "carried_rps": _carried(proof, held),
        "disturbance": disturbance(
            [resources.others_cores(*span) for span in spans if span[1]],
            int(run.environment().get("cores") or 1),
            windows,
        ),
        "failures": _failures(held),
        "unmeasured": held.unmeasured and held.unmeasured.splitlines()[0],
        "left_out": list(proof.levels.left_out),
        **judging.judge(run, "prove", proof.promise, proof.config.plain(), levels=[*held.levels, *windows]),
    }
    word, why, next_step = answer(kept)
    return rounded({**kept, "answer": word, "why": why, "next_step": next_step})


def verdict(results: Mapping[str, Any]) -> str:
    """The answer in words: rate, p99 with its interval, requests and those beyond, certainty, replicas, next step."""
    if results.get("skipped"):
        return f"{NOT_KEPT}, and nothing was held: {results['skipped']}"
    return f"{sentence(results)} {results['next_step']}".strip()


def sentence(results: Mapping[str, Any]) -> str:
    """The verdict without the next step."""
    promise, held, many = results["promise"], results["held"], results["replicas"]
    target, one = promise["target_rate_rps"], f"{results['rate_rps']:,.0f}"
    rate = f"{target:,.0f} requests/s" if target else f"{one} requests/s (no rate was promised)"
    shared = f" by {many} replicas of {one}/s, one of which was held" if target and many > 1 else ""
    low, high = held["latency_p99_low_ms"], held["latency_p99_high_ms"]
    spread = f" (95 %: {number(low)} to {number(high)})" if low is not None and high is not None else ""
    p99 = f"p99 {number(held['latency_p99_ms'])} ms{spread}; " if held["latency_p99_ms"] is not None else ""
    form = "tuned" if results["tuned"] else "served"
    return (
        f"{results['answer']}: '{results['model_name']}' on the {results['server']} server, {form} configuration, p99 "
        f"within {promise['p99_limit_ms']:g} ms at {rate}{shared}: {p99}{results['why']}."
    )


def warnings(results: Mapping[str, Any]) -> list[str]:
    """What a reader must know: failures, what disturbed it, doubts of single levels and windows."""
    if results.get("skipped"):
        return [results["skipped"]]
    lead = [
        *results["failures"],
        *([results["unmeasured"]] if results.get("unmeasured") else []),
        *([results["disturbance"]] if results["disturbance"] else []),
    ]
    if results["replicas"] > 1:
        lead.append(
            f"That {results['replicas']} replicas carry {results['replicas']} times as much as one is an assumption."
        )
    lead += [f"Left out: {text}." for text in results.get("left_out") or []]
    return lead + doubts([*results["levels"], *results["windows"]])


def _skipped(proof: Proof) -> dict[str, Any]:
    """The results of a proof that was not begun: what export measured answers it already."""
    return {
        "promise": asdict(proof.promise),
        "model_name": proof.spec.model_name,
        "server": proof.spec.server,
        "config": proof.config.plain(),
        "config_words": configuration(proof),
        "tuned": proof.tuned,
        "replicas": proof.replicas,
        "rate_rps": proof.rate_rps,
        "levels": [],
        "windows": [],
        "ledger": [],
        "skipped": proof.hopeless,
        "answer": NOT_KEPT,
        "why": proof.hopeless,
        "next_step": "",
    }


def plan_table(proof: Proof) -> str:
    """What is to be proven, as a Markdown table."""
    promise, rate = proof.promise, f"{proof.rate_rps:,.0f}/s"
    target = f"{promise.target_rate_rps:,.0f} requests/s" if promise.target_rate_rps else "no rate was promised"
    expected = f"{proof.expected_rps:,.0f}/s" if proof.expected_rps else None
    rows: list[list[Any]] = [
        [
            "promise",
            f"p99 <= {promise.p99_limit_ms:g} ms, at most {100 * promise.max_error_share:g} % failures, {target}",
        ],
        ["configuration", f"{'tuned: ' if proof.tuned else 'not tuned: '}{configuration(proof)}"],
        ["one replica was measured at", expected],
        ["replicas, and the rate of one", f"{proof.replicas}, {rate}"],
        ["levels", f"{proof.levels.words}: {', '.join(level.words() for level in proof.levels)}"],
        ["promised rate", f"at most {proof.budget_s:g} s, until it is {proof.confidence:.0%} certain either way"],
    ]
    return markdown.table(["what", "is to be proven"], rows)


def configuration(proof: Proof) -> str:
    """The configuration in words; one that is attached to is not known."""
    return "as the attached server runs" if proof.attached else proof.config.words()


def both_curves(proof: Proof, results: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """The levels of stress and those of the proof, each by the name of its configuration."""
    proven = [*results["levels"], *results["windows"]]
    return dict(zip(curve_names(proof.run, proof.tuned), (proof.run.levels, proven), strict=True))


def curve_names(run: RunFolder, tuned: bool) -> tuple[str, str]:
    """What the levels of stress and those of the proof were held against, in words."""
    served = run.results("serve").get("configuration") or UNTOUCHED
    first = "default flags" if served == UNTOUCHED else f"as served ({served})"
    return first, "proven configuration" if tuned else "the same, later"


def windows_table(results: Mapping[str, Any]) -> str:
    """The windows of the promised rate as a Markdown table; times in milliseconds."""
    rows: list[list[Any]] = [
        [
            described(window),
            window["duration_s"],
            window["requests"],
            window["errors"],
            window["latency_p99_ms"],
            window["latency_max_ms"],
            "VALID" if window["valid"] else f"INVALID: {', '.join(window['failed_checks'])}",
        ]
        for window in results["windows"]
    ]
    return markdown.table(["load", "s", "requests", "failed", "p99 ms", "max ms", "valid"], rows)


def _held(run: RunFolder, windows: Sequence[Mapping[str, Any]], valid: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """All VALID windows of the promised rate together; where none is, all of them."""
    counted = valid or windows
    rows = [run.rows(window["level"], "prove") for window in counted]
    in_order = [(r.done_ns - r.scheduled_ns)[r.ok][np.argsort(r.scheduled_ns[r.ok], kind="stable")] / 1e6 for r in rows]
    latency = np.concatenate(in_order) if in_order else np.empty(0)
    requests, errors = (sum(window[name] for window in counted) for name in ("requests", "errors"))
    kinds: dict[str, int] = {}
    for window in counted:
        for kind, count in window["errors_by_kind"].items():
            kinds[kind] = kinds.get(kind, 0) + count
    low, high = percentile_interval(latency, 0.99)
    p99 = percentile(np.sort(latency), 0.99)
    return {
        "windows": len(windows),
        "valid_windows": len(valid),
        "failed_checks": sorted({check for window in windows for check in window["failed_checks"]}),
        "duration_s": sum(window["duration_s"] for window in counted),
        "requests": requests,
        "errors": errors,
        "error_share": errors / requests if requests else None,
        "errors_by_kind": kinds,
        "latency_mean_ms": float(latency.mean()) if len(latency) else None,
        "latency_p95_ms": percentile(np.sort(latency), 0.95),
        "latency_p99_ms": p99,
        "latency_p99_low_ms": low if p99 is not None else None,
        "latency_p99_high_ms": high if p99 is not None else None,
        "latency_max_ms": float(latency.max()) if len(latency) else None,
    }


def _answers(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """How many answers were compared, how many were wrong, and the share that could have stayed unseen."""
    counts = [row.get("answers") or {} for row in rows]
    checked = sum(one.get("checked") or 0 for one in counts)
    wrong = sum(one.get("wrong") or 0 for one in counts)
    first = {
        name: next((one[name] for one in counts if one.get(name)), None) for name in ("first_wrong", "first_broken")
    }
    return {
        "checked": checked,
        "needed": needed_answers(),
        "wrong": wrong,
        "could_miss_share": could_miss(wrong, checked),
        **first,
    }


def _failures(held: Held) -> list[str]:
    """What no rate can make good: wrong answers, replies that are none, and what ended the holding."""
    return faults([*held.levels, *held.windows]) + ([held.ended.splitlines()[0]] if held.ended else [])


def _carried(proof: Proof, held: Held) -> float | None:
    """The highest rate of a VALID level or window inside the promise, in requests/s."""
    level = best([*held.levels, *held.windows], proof.promise)
    return level["throughput_rps"] if level else None
