"""`playbook adapt`: the controller beside a server that runs elsewhere, on a base path this machine can write to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from playbook.adapt.choices import policy_of
from playbook.adapt.controller import Adapted, Pace, adapt, attach, present, stopping
from playbook.adapt.governor import Governor, Rules
from playbook.adapt.policies import Bounds
from playbook.errors import ParameterError
from playbook.promise import Promise
from playbook.records import record
from playbook.tfserving.config import Config
from playbook.tfserving.versions import numbers


@dataclass(frozen=True)
class Settings:
    """What `playbook adapt` is told. Times in seconds."""

    url: str
    base_path: Path
    policy: str = "aimd"
    model_name: str = ""  # the base path's last part by default
    metrics_url: str = ""  # TensorFlow Serving's usual page by default
    p99_limit_ms: float = 50.0
    max_error_share: float = 0.001
    every_s: float = 5.0
    for_s: float = 0.0  # 0: until stopped
    cool_down_s: float = 15.0
    confirm: int = 2
    keep: int = 3
    dry_run: bool = False
    batch_size: tuple[int, int] = (8, 128)
    batch_timeout_micros: tuple[int, int] = (0, 10_000)
    rest_api_num_threads: int = 0  # as the server was started, 0 for its default; for the policy `model`
    num_batch_threads: int = 0
    tuned_run: Path | None = None  # a run with tune.json; for the policy `model`


def run(settings: Settings, run_dir: Path, say: Callable[[str], None] = print) -> Adapted:
    """Adapt until the time is over, SIGTERM or SIGINT, or the server is gone; journal and record go to the run folder.

    Raises:
        ParameterError: an unknown policy or one that needs a tuned run, crossing bounds, a base path without versions.
        RecordUnreadable: the tuned run has no tune.json.
        ServerNotReady: no version is AVAILABLE at the URL.
        PublishFailed: the base path cannot be listed.
    """
    if not numbers(settings.base_path):
        raise ParameterError(
            f"{settings.base_path} holds no version directories. --base-path is the model's directory as the server "
            "polls it, mounted here: the one that holds 1/, 2/, ..."
        )
    promise, bounds = Promise(settings.p99_limit_ms, settings.max_error_share), _bounds(settings)
    tuned = tuned_of(settings.tuned_run)
    target = attach(settings.url, settings.base_path, _model_name(settings), settings.metrics_url)
    config = present(target, threads_of(settings, tuned))
    if not config.enable_batching:
        say("The AVAILABLE version has no batching_params.pbtxt: it runs unbatched until the first change.")
    governor = Governor(
        policy_of(settings.policy, promise, bounds, config, tuned),
        promise,
        Rules(confirm=settings.confirm, cool_down_s=settings.cool_down_s),
    )
    pace = Pace(settings.every_s, settings.for_s or None, settings.keep, settings.dry_run)
    with stopping() as stop:
        adapted = adapt(target, governor, config, pace, run_dir, stop, lambda row: say(_line(row)))
    say(f"Ended: {adapted.ended}. {live_changes(adapted)}; now {adapted.config.words()}.")
    _record(settings, adapted, run_dir)
    return adapted


def live_changes(adapted: Adapted) -> str:
    """How often the configuration was changed, in words."""
    changes = len(adapted.switch_s)
    return f"{changes} live change{'s' * (changes != 1)}"


def _record(settings: Settings, adapted: Adapted, run_dir: Path) -> None:
    results = {"windows": adapted.windows, "changes": adapted.changes, "switch_s": adapted.switch_s}
    results |= {"config": adapted.config.plain(), "ended": adapted.ended}
    verdict = f"{live_changes(adapted)} by policy {settings.policy}; ended: {adapted.ended}."
    params = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(settings).items()}
    record.save(run_dir, "adapt", params=params, results=results, verdict=verdict)


def _bounds(settings: Settings) -> Bounds:
    (least, most), (shortest, longest) = settings.batch_size, settings.batch_timeout_micros
    return Bounds((least, most), (shortest, longest))


def tuned_of(run_dir: Path | None) -> Mapping[str, Any] | None:
    """The results of a run's tune.json; None where no run is named, or its tuning was skipped.

    Raises:
        RecordUnreadable: the run has no tune.json.
    """
    results = record.load(run_dir, "tune")["results"] if run_dir else {}
    return results if results and not results.get("skipped") else None


def threads_of(settings: Settings, tuned: Mapping[str, Any] | None) -> Config:
    """What no version changes: the thread flags as told, and the protocol that was tuned for."""
    protocol = tuned["best"]["config"]["protocol"] if tuned else Config.protocol
    threads = {name: getattr(settings, name) for name in ("rest_api_num_threads", "num_batch_threads")}
    return Config.of({"protocol": protocol, **threads})  # no thread at all would have the simulator wait for good


def _model_name(settings: Settings) -> str:
    return settings.model_name or Path(settings.base_path).resolve().name


def _line(row: dict[str, Any]) -> str:
    p99 = "–" if row["p99_ms"] is None else f"{row['p99_ms']:.1f} ms"
    rows = "" if not row["batch_rows"] else f", {row['batch_rows']:.1f} rows a batch"
    return f"{row['rate_rps']:,.0f}/s, p99 {p99}{rows}; {row['decision']}"
