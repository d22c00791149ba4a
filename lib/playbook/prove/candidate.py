"""The one server that is put to the proof, and drilled: its configuration, its load, and the rate of it promised."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playbook.errors import ParameterError
from playbook.promise import Promise
from playbook.records import run_folder
from playbook.records.run_folder import RunFolder
from playbook.serve.cores import split_cpus
from playbook.serve.spec import ServerSpec, tls_of
from playbook.stress.levels import best
from playbook.stress.load import Load, load_of
from playbook.tfserving.config import Config
from playbook.tune.configured import config_of, spec_of
from playbook.tune.hopeless import hopeless


@dataclass(frozen=True)
class Candidate:
    """One server as it is to be held: it carries `rate_rps`, so many `replicas` of it the promised rate."""

    run: RunFolder
    promise: Promise
    spec: ServerSpec
    config: Config
    tuned: bool
    load: Load
    expected_rps: float | None  # what tune or stress measured inside the limit; None where nothing was
    replicas: int
    rate_rps: float  # of one replica

    @property
    def version(self) -> int | None:
        """Which version export wrote, or answered at the attached address; None where no record tells."""
        return self.run.results("serve" if self.attached else "export").get("version")

    @property
    def attached(self) -> bool:
        """Whether the server is somebody else's, so that it is taken as it runs."""
        return self.spec.server == "attach"

    def hopeless_because(self) -> str:
        """Why nothing needs to be held: one request alone breaks the promise; empty where none does."""
        cores = len(self.spec.cpus) or 1
        return hopeless(self.run.results("export"), self.promise, self.load.mix.usual_most(), cores)


def candidate_of(settings: Mapping[str, Any]) -> Candidate:
    """The candidate that a notebook's parameters ask for: what tune found or, without tuning, what was served.

    Raises:
        ParameterError: nothing to start (no export).
    """
    run, promise = run_folder.read(Path(settings["run_dir"])), Promise.of(settings)
    spec, config, tuned = server_of(run, settings)
    expected = expected_rps(run, tuned, promise)
    replicas, rate = shared_out(promise.target_rate_rps, expected, settings["headroom"], settings["replicas"])
    _, client = split_cpus(list(spec.cpus), settings["client_cpus"])
    load = load_of({**settings, "client_cpus": list(client)}, spec.cpus)
    return Candidate(run, promise, spec, config, tuned, load, expected, replicas, rate)


def shared_out(
    target_rps: float | None, expected_rps: float | None, headroom: float, replicas: int = 0
) -> tuple[int, float]:
    """Over how many replicas the promised rate is shared, and the rate of one in requests/s.

    As many as `replicas` says; where it is 0, as few as leave `headroom` free of what one was measured at, or one where
    nothing was measured. Without a promised rate one replica is held at its measured rate less the headroom: that is
    what could be promised.
    """
    planned = expected_rps * (1 - headroom) if expected_rps else None
    if not target_rps:
        return 1, round(planned, 1) if planned else 1.0
    count = replicas or (max(1, math.ceil(target_rps / planned)) if planned else 1)
    return count, round(target_rps / count, 1)


def server_of(run: RunFolder, settings: Mapping[str, Any]) -> tuple[ServerSpec, Config, bool]:
    """The server to start, its configuration, and whether that was tuned.

    Args:
        run: With tune's winner or, where nothing was tuned, what 20_serve was asked for.
        settings: `server` and `model_name` where nothing was served; `image` and `client_cpus`.

    Raises:
        ParameterError: nothing to start: no exported model.
    """
    exported, served = run.results("export"), run.results("serve")
    kind = served.get("server") or settings["server"]
    if not exported.get("base_path") and kind != "attach":
        raise ParameterError(
            f"{run.run_dir} holds no exported model: a proof needs one to start a server with. Run the 'export' "
            "notebook first."
        )
    cpus, _ = split_cpus(served.get("cpus") or [], settings["client_cpus"])
    base_path = (run.run_dir / exported["base_path"]).resolve() if exported else Path(served["model_base_path"])
    asked = run.params("serve")
    addresses: dict[str, Any] = {name: served.get(name) or "" for name in ("rest_url", "metrics_url")}
    addresses["grpc_url"] = asked.get("grpc_url") or served.get("grpc_target") or ""
    addresses["headers"] = asked.get("headers") or {}
    spec = ServerSpec(
        model_name=run.model or settings["model_name"],
        model_base_path=base_path,
        server=kind,
        cpus=cpus,
        image=settings["image"] or asked.get("image") or "",
        extra_flags=tuple(asked.get("extra_flags") or ()),
        **tls_of(asked),
        **(addresses if kind == "attach" else {}),
    )
    winner = run.results("tune").get("best") or {}
    if kind != "attach" and winner.get("config") and (winner.get("score") or winner.get("rate_rps")):
        config = Config.of(winner["config"])
        return spec_of(config, spec), config, True
    config = config_of(asked)
    return (spec if kind == "attach" else spec_of(config, spec)), config, False


def expected_rps(run: RunFolder, tuned: bool, promise: Promise) -> float | None:
    """What one replica was measured at inside the limit: tune's winner at its lowest, else the best level of stress."""
    if tuned:
        tune = run.results("tune")
        rates = [
            pair[1] for pair in tune.get("repeats") or [] if tune.get("kind", "max_rate") == "max_rate" and pair[1]
        ]
        winner = tune["best"].get("rate_rps")
        return min([*rates, winner]) if winner else (min(rates) if rates else None)
    level = best(run.levels, promise)
    return level["throughput_rps"] if level else None
