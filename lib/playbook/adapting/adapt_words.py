"""The verdict of the demonstration in words: who kept most seconds, and why, also when adapting does not pay."""

from __future__ import annotations

from collections.abc import Sequence

from playbook.adapting.demonstration import Performance, Stage

CALM = 0.3  # of the highest rate: seconds below are low load


def verdict(performances: Sequence[Performance], stage: Stage) -> str:
    """Who kept most seconds, said plainly, with the reason where no policy kept more than the best fixed choice."""
    fixed = [p for p in performances if p.contender.governor is None]
    policies = [p for p in performances if p.contender.governor is not None]
    told = "; ".join(f"{p.contender.name} {p.kept_s} s" for p in performances)
    swaps = sum(len(p.adapted.switch_s) for p in policies if p.adapted)
    failed = sum(int(p.seconds["errors"].sum()) for p in policies)
    lead = (
        f"Of {stage.pace.for_s:g} s of moving load on '{stage.spec.model_name}' ({stage.spec.server} server), inside "
        f"p99 {stage.limit.p99_ms:g} ms: {told}. {swaps} live changes, {failed} failed requests."
    )
    if not fixed or not policies:
        return lead
    best_fixed, best_policy = max(fixed, key=_kept), max(policies, key=_kept)
    more = best_policy.kept_s - best_fixed.kept_s
    if more > 0:
        return f"{lead} Adapting pays here: {best_policy.contender.name} kept {more} s more than the best fixed choice."
    if not best_fixed.kept_s and not best_policy.kept_s:
        return f"{lead} The load is too much for each of them."
    same = f"{best_fixed.contender.name} keeps as many seconds with fewer parts"
    less = f"{best_fixed.contender.name} kept {-more} s more than the best policy"
    return f"{lead} Adapting does not pay here: {less if more else same}.{_why(best_fixed, best_policy)}"


def _why(fixed: Performance, policy: Performance) -> str:
    """What the seconds show: whether low load leaves a policy anything to gain, and where it lost."""
    calm = fixed.seconds[fixed.seconds["offered"] <= CALM * fixed.seconds["offered"].max()]
    lost, reasons = policy.seconds[~policy.seconds["kept"]], []
    if len(calm) and calm["kept"].all():
        itself = ", as a batch takes what waits and no more" if not fixed.contender.config.batch_timeout_micros else ""
        reasons.append(
            f"at low load {fixed.contender.name} stays at p99 {calm['p99_ms'].median():.1f} ms{itself}, so that a "
            "policy can gain nothing there"
        )
    if len(lost):
        where = f"at {lost['offered'].min():,.0f}/s and more"
        reasons.append(f"{policy.contender.name} lost its {len(lost)} s {where}")
    return f" Why: {'; '.join(reasons)}." if reasons else ""


def _kept(performance: Performance) -> int:
    return performance.kept_s
