"""The bundle's own checks: what can be verified here is verified, and what cannot is said."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from playbook.deploy import kubernetes
from playbook.deploy.replica import Replica
from playbook.errors import BundleBroken, PlaybookError
from playbook.knobs import TUNED
from playbook.lint.linter import lint
from playbook.tfserving.batching import Batching

PROGRAM_S = 60.0  # for another program's answer


@dataclass(frozen=True)
class Check:
    """One check: `outcome` is passed, failed or not tried."""

    what: str
    outcome: str
    detail: str


def files(bundle: Path, replica: Replica) -> list[dict[str, Any]]:
    """Check the files of a bundle without starting anything; rows of `what`, `outcome`, `detail`."""
    return [asdict(check) for check in _files(Path(bundle), replica)]


def failed(rows: list[dict[str, Any]]) -> list[str]:
    """What failed, in words."""
    return [f"{row['what']}: {row['detail']}" for row in rows if row["outcome"] == "failed"]


def _files(bundle: Path, replica: Replica) -> list[Check]:
    """All checks, side by side: half of their time is other programs'."""
    compose = _compose_command()
    missing = {
        "docker compose config": "" if compose else "docker compose is not installed",
        "kubectl kustomize": "" if kubernetes.can_build() else "kubectl is not installed",
        "helm template": "" if shutil.which("helm") else "helm is not installed",
        "promtool check": "" if shutil.which("promtool") else "promtool is not installed (Debian: prometheus)",
    }
    checks: dict[str, Callable[[], str]] = {
        "playbook lint": lambda: _lint(bundle),
        "batching file read back": lambda: _batching(bundle, replica),
        "Grafana dashboard is JSON": lambda: _dashboard(bundle),
        "manifests, strictly": lambda: _manifests(bundle),
        "docker compose config": lambda: _compose(bundle, compose),
        "kubectl kustomize": lambda: _overlays(bundle),
        "helm template": lambda: _chart(bundle),
        "promtool check": lambda: _promtool(bundle),
    }
    with contextlib.suppress(ModuleNotFoundError):  # the check that needs it says so
        kubernetes.library()
    with ThreadPoolExecutor() as pool:
        return list(pool.map(lambda what: _run(what, checks[what], missing.get(what, "")), checks))


def _run(what: str, check: Callable[[], str], missing: str) -> Check:
    if missing:
        return Check(what, "not tried", missing)
    try:
        return Check(what, "passed", check())
    except ModuleNotFoundError:
        return Check(what, "not tried", "kubernetes-validate is not installed (pip install '.[dev]')")
    except PlaybookError as wrong:
        return Check(what, "failed", str(wrong))
    except (
        OSError,
        subprocess.TimeoutExpired,
    ) as broken:  # of a program that hangs or cannot be run: no word on a file
        return Check(what, "not tried", str(broken))


def _lint(bundle: Path) -> str:
    hits = [hit for hit in lint(bundle) if hit.severity != "note"]
    if hits:
        raise BundleBroken("; ".join(f"{hit.path} [{hit.rule}] {hit.message}" for hit in hits))
    return "no error, no warning"


def _batching(bundle: Path, replica: Replica) -> str:
    path = bundle / "config" / "batching.config"
    wanted = replica.config.get("enable_batching")
    if not path.exists():
        if wanted is not None and wanted.value:
            raise BundleBroken("the record batches, but the bundle has no batching.config")
        return "none: batching is off in the record"
    read = Batching.parse(path.read_text())
    for name in TUNED:
        kept, meant = getattr(read, name, None), replica.config.get(name)
        if meant is not None and meant.value and hasattr(read, name) and _plain(kept) != _plain(meant.value):
            raise BundleBroken(f"{name} is {kept} in the file and {meant.value} in {meant.source}")
    return read.described()


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, (list, tuple)) else value


def _dashboard(bundle: Path) -> str:
    path = bundle / "monitoring" / "grafana" / "dashboards" / "serving.json"
    try:
        panels = json.loads(path.read_text())["panels"]
    except (ValueError, KeyError) as wrong:
        raise BundleBroken(f"{path} is no dashboard: {wrong}") from wrong
    return f"{len(panels)} panels"


def _manifests(bundle: Path) -> str:
    paths = sorted(path for folder in ("kubernetes", "kserve") for path in (bundle / folder).rglob("*.yaml"))
    checked = sum(kubernetes.validate(path.read_text(), str(path.relative_to(bundle))) for path in paths)
    return f"{checked} objects in {len(paths)} files"


def _overlays(bundle: Path) -> str:
    built = {}
    for overlay in kubernetes.overlays(bundle):
        text = kubernetes.build(overlay)
        with contextlib.suppress(ModuleNotFoundError):  # said by the check before
            kubernetes.validate(text, f"overlay {overlay.name}")
        built[overlay.name] = len(list(kubernetes.objects(text)))
    return ", ".join(f"{name}: {count} object{'s' * (count != 1)}" for name, count in built.items())


def _chart(bundle: Path) -> str:
    words = ["helm", "template", "checked", str(bundle / "helm")]
    done = subprocess.run(words, capture_output=True, text=True, timeout=PROGRAM_S)
    if done.returncode:
        raise BundleBroken(done.stderr.strip())
    with contextlib.suppress(ModuleNotFoundError):  # said by the check of the manifests
        kubernetes.validate(done.stdout, "the chart")
    return f"{len(list(kubernetes.objects(done.stdout)))} objects"


def _compose_command() -> list[str]:
    """Compose as the engine's plugin or as a program of its own; empty without either."""
    plugin = ["docker", "compose"]
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        asked = subprocess.run([*plugin, "version"], capture_output=True, timeout=PROGRAM_S)
        if not asked.returncode:
            return plugin
    return ["docker-compose"] if shutil.which("docker-compose") else []


def _compose(bundle: Path, command: list[str]) -> str:
    words = [*command, "-f", str(bundle / "compose.yml"), "config", "-q"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=PROGRAM_S)
    if done.returncode:
        raise BundleBroken(done.stderr.strip())
    services = next(kubernetes.objects((bundle / "compose.yml").read_text()))["services"]
    return f"{len(services)} services"


def _promtool(bundle: Path) -> str:
    path = bundle / "monitoring" / "prometheus.yml"
    done = subprocess.run(["promtool", "check", "config", str(path)], capture_output=True, text=True, timeout=PROGRAM_S)
    if done.returncode:
        raise BundleBroken((done.stdout + done.stderr).strip())
    return "scrape configuration and rules"
