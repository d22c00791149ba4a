"""The first screen of a record: title, the promise and the answer, gain, replicas and money, the next step.

Every figure here stands in a record; what was refuted later (a rehearsal, a check, a wrong answer) leads it.
"""

from __future__ import annotations

import os
from typing import Any

from playbook import markdown
from playbook.chain import outcome
from playbook.promise import KEPT, NOT_KEPT, NOT_PROVEN, Promise
from playbook.prove.words import curve_names
from playbook.records import runs, stale
from playbook.records.run_folder import RunFolder
from playbook.report import verified
from playbook.stress import levels
from playbook.tfserving.config import Config

KIND = {
    "embedded": "the embedded server (not TensorFlow Serving itself)",
    "binary": "tensorflow_model_server",
    "docker": "TensorFlow Serving in Docker",
    "attach": "a server that ran already",
}
MEANING = {
    KEPT: "KEPT: the promised rate was held, and the requests beyond the limit are few enough to be sure.",
    NOT_KEPT: "NOT KEPT: more requests were beyond the limit, failed or wrong than a kept promise could show.",
    NOT_PROVEN: "NOT PROVEN: the evidence is short, for and against; nothing is said of the server either way.",
}
NO_PROMISE = "no rate was promised (target_rate_rps)"


def kind(run: RunFolder) -> str:
    """The kind of server in words."""
    return KIND.get(run.server, f"a server of kind {run.server}")


def opening(run: RunFolder) -> str:
    """Title, headline and the table of the first screen, as Markdown."""
    title = f"# {run.model or 'Performance record'}: {word(run)}"
    parts = [title, about(run), f"**{headline(run)}**"]
    parts += [f"*{text}*" for text in (_meaning(run),) if text]
    rows = [row for row in _rows(run) if row[1]]
    return "\n\n".join([*parts, *([markdown.table(["in short", ""], rows)] if rows else [])])


def _meaning(run: RunFolder) -> str:
    """The headline's word explained, with where all words are."""
    text = MEANING.get(run.results("prove").get("answer") or "", "")
    if not text or runs.ROOT not in run.run_dir.resolve().parents:
        return text
    glossary = os.path.relpath(runs.ROOT / "docs" / "glossary.md", run.run_dir.resolve())
    return f"{text} All words: [glossary]({glossary})."


def word(run: RunFolder) -> str:
    """The answer in a word or two."""
    if outcome.failures(run.records):
        return "FAILED"
    return run.results("prove").get("answer") or ("measured" if run.records else "nothing recorded")


def about(run: RunFolder) -> str:
    """Run, date, model version, server kind and machine in one line."""
    exported, machine_seen = run.results("export"), run.environment()
    created = min(
        (content["created_utc"] for content in run.records.values() if content.get("created_utc")), default=""
    )
    version = f"version {exported['version']}" if exported.get("version") else ""
    machine = f"{machine_seen['cpu_model']}, {machine_seen['cores']} cores" if machine_seen.get("cpu_model") else ""
    where = kind(run) if run.server != "unknown" else ""
    parts = [f"Run {run.run_id}", created[:10], version, where, verified.words(run), machine]
    return "*" + " · ".join(text for text in parts if text) + "*"


def headline(run: RunFolder) -> str:
    """One sentence: what failed, or the answer to the promise, or what was measured so far."""
    if failed := outcome.failures(run.records):
        return f"FAILED: {failed[0].rstrip('.')}."
    prove = run.results("prove")
    if prove.get("answer"):
        return str(run.records["prove"].get("verdict"))
    return _unproven(run)


def _unproven(run: RunFolder) -> str:
    """What stages before the proof say; a rate found by tune is told as measured, not as proven."""
    where = f"{run.model} on {kind(run)}: " if run.model else ""
    tune, best, limit = run.results("tune").get("best") or {}, run.stress.get("best"), run.stress.get("limit_ms")
    levels_held = run.levels
    if levels_held and not any(level.get("valid") for level in levels_held):
        return f"{where}no load level is VALID, so nothing is claimed; see each level's warnings."
    if tune.get("rate_rps") and tune.get("valid") is not False:
        p99 = f" at p99 {tune['p99_ms']:.1f} ms" if tune.get("p99_ms") else ""
        config = Config.of(tune["config"]).words() if tune.get("config") else "the default flags"
        return (
            f"{where}NOT PROVEN: {tune['rate_rps']:,.0f} requests/s{p99} measured by tune with {config}; run 65_prove."
        )
    if best:
        config = curve_names(run, False)[0]
        return (
            f"{where}NOT PROVEN: {best['throughput_rps']:,.0f} requests/s at p99 {best['latency_p99_ms']:.1f} ms "
            f"({levels.described(best)}), limit {limit:g} ms, with {config}; run 65_prove."
        )
    verdicts = [run.records[verb].get("verdict") for verb in reversed(list(run.records))]
    before = where if "serve" in run.records else ""  # before that there is no server
    return f"{before}{next((text for text in verdicts if text), 'Nothing was recorded in this run.')}"


def _rows(run: RunFolder) -> list[list[Any]]:
    prove = run.results("prove")
    return [
        ["the promise", promise_in_words(run)],
        ["the answer", prove.get("answer")],
        ["the configuration", prove.get("config_words")],
        ["gain over the default flags", gain_in_words(run.results("tune"))],
        ["replicas and money", _fleet(run)],
        ["refuted", "; ".join(run.results("deploy").get("refuted") or [])],
        ["out of date", " ".join(stale.words(run.run_dir))],
        ["next step", _next_step(run)],
    ]


def promise_in_words(run: RunFolder) -> str:
    """The promise of a run: the limit, the failures it allows, the rate."""
    prove, asked = run.results("prove").get("promise") or {}, {**run.params("stress"), **run.params("deploy")}
    limit = prove.get("p99_limit_ms") or asked.get("p99_limit_ms")
    if not limit:
        return ""
    rate = (prove or asked).get("target_rate_rps")  # what deploy is sized for is no promise of the proof's
    shares = (said.get("max_error_share") for said in (prove, asked))
    errors = next((share for share in shares if share is not None), Promise.max_error_share)
    at = f"at {rate:,.0f} requests/s" if rate else NO_PROMISE
    return f"p99 ≤ {limit:g} ms and at most {100 * errors:g} % failures, {at}"


def gain_in_words(tune: dict[str, Any]) -> str:
    """The gain with its interval and the two rates it was computed from; an interval that holds 1 shows none."""
    gain, low, high = (tune.get(name) for name in ("gain", "gain_low", "gain_high"))
    if not gain:
        return ""
    rates = tune.get("gain_rates") or []
    between = f": {rates[1]:,.0f} against {rates[0]:,.0f} requests/s inside the limit" if len(rates) == 2 else ""
    if low and high and low <= 1 <= high:
        return f"no gain shown (95 %: {low:.3g} to {high:.3g} ×){between}"
    interval = f" (95 %: {low:.3g} to {high:.3g})" if low and high else " (measured once, so without an interval)"
    return f"{gain:.2f} ×{interval}{between}"


def _fleet(run: RunFolder) -> str:
    deploy = run.results("deploy")
    size = deploy.get("sizing") or {}
    if not size.get("replicas"):
        return ""
    cost = (size.get("costs") or [{}])[0]
    currency = f" {run.params('deploy').get('currency')}" if run.params("deploy").get("currency") else ""
    money = f"; {cost['cost_per_million']:.3g}{currency} a million predictions" if cost.get("cost_per_million") else ""
    target = run.params("deploy").get("target_rate_rps")
    carried = f" for {target:,.0f} requests/s" if target else ""
    return f"{size['replicas']} replicas of {size['cpu_limit']} CPU{carried}{money}"


def _next_step(run: RunFolder) -> str:
    prove = run.results("prove")
    if prove.get("next_step"):
        return str(prove["next_step"])
    if prove.get("answer") == "KEPT":
        return "Deploy the bundle in `deploy/`; repeat this record when model, machine or mix of requests changes."
    return "" if prove else "Run 65_prove: it holds the promised rate until the evidence stands."
