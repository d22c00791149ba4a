"""Deploy: from the winning configuration to a bundle that ships, and to what it costs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from playbook.deploy import bundle, context, helm, refutation, server_flags, words
from playbook.deploy.plan import DeployPlan
from playbook.records import whole_file
from playbook.tfserving import versions

REQUESTS = 64  # of the bundle's load test


def write(plan: DeployPlan) -> list[str]:
    """Write the bundle to `<run_dir>/deploy`; returns its files, relative to the run folder.

    Raises:
        VersionChanged: the model's folder holds another version than export wrote.
    """
    configs = server_flags.config_files(plan.replica, plan.model_name)
    requests = {
        "protocol": plan.protocol,
        "mix": plan.mix,
        "model_name": plan.model_name,
        "count": REQUESTS,
    }
    names = context.of(plan)
    model = versions.exported(plan.models, plan.version.value)
    return bundle.write(plan.run_dir, names, configs, model, requests, helm.render(names))


def results(plan: DeployPlan, files: list[str], **more: Any) -> dict[str, Any]:
    """What deploy.json keeps: `files`, the winner, the sizing, what was `refuted`, and what checks and simulation add.

    Args:
        plan: What is deployed.
        files: The bundle's files, relative to the run folder.
        more: Further results; of them `checks` (rows of `bundle_check.files`) and `rehearsal` may refute the plan.
    """
    winner = {
        "tuned": plan.replica.tuned,
        "config": {name: cited.value for name, cited in plan.replica.config.items()},
        "rate_rps": plan.replica.rate_rps.value,
        "p99_ms": plan.replica.p99_ms.value if plan.replica.p99_ms else None,
        "server": plan.replica.server.value,
    }
    refuted = refutation.refuted(more.get("checks") or [], more.get("rehearsal"))
    of_days = words.of_days(more.get("day") or {}, plan.demand.connections_per_pod)
    doubts = [*words.doubts(plan), *of_days, *refutation.doubts(more.get("rehearsal"))]
    disturbed = refutation.disturbed(more.get("rehearsal"))
    claims = {"promise": words.carries(plan, bool(refuted), disturbed), "refuted": refuted, "doubts": doubts}
    return {"files": files, "image": plan.image, "winner": winner, "sizing": plan.sizing.results(), **claims, **more}


def sign(plan: DeployPlan, kept: Mapping[str, Any]) -> None:
    """Write the bundle's README again, with the verdict that checks and rehearsal came to.

    Args:
        plan: What is deployed.
        kept: What `results` returned.
    """
    names = {**context.of(plan), "verdict": words.verdict(kept), "warnings": words.warnings(kept)}
    whole_file.write_text(plan.run_dir / "deploy" / "README.md", bundle.render_one("README.md.j2", names))
