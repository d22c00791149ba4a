"""Drills of what deploy ships, live: `python tests/benchmarks/bench_fleet.py [DRILL ...] [--record]`.

Containers of the embedded server with a CPU quota, nginx, a real Prometheus: what breaks as it was shipped before is
held against what is shipped now. Kept in `.bench/fleet` drill by drill, so that one can be held again alone; `--record`
writes what is kept to records/fleet.json, the history of the overload to tests/unit/deploy/, and the page
docs/fleet-drills.md. All of them take a quarter of an hour.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(HERE.parent / "helpers")]

import command  # noqa: E402
import embedded_image  # noqa: E402
import fleet_autoscaling  # noqa: E402
import fleet_canary  # noqa: E402
import fleet_drills  # noqa: E402
import fleet_overload  # noqa: E402
import fleet_pods  # noqa: E402
import fleet_table  # noqa: E402
import slow_model  # noqa: E402

from playbook import deploy  # noqa: E402
from playbook.errors import DockerUnavailable  # noqa: E402
from playbook.records import record, runs  # noqa: E402
from playbook.serve import containers  # noqa: E402
from playbook.serve.spec import ServerSpec  # noqa: E402
from playbook.tfserving.reference import Reference  # noqa: E402
from playbook.tfserving.requests import write_bodies  # noqa: E402

EXAMPLE = ROOT / "outputs" / "example"
RECORD, PAGE = HERE / "records" / "fleet.json", ROOT / "docs" / "fleet-drills.md"
HISTORY = HERE.parent / "unit" / "deploy" / "overload_history.json"
ROW_MS = 14.0  # of the model that is scaled: a pod answers tens a second, so that thousands can wait
RATE_RPS = 200_000.0  # of the fleets that are simulated


class Stage:
    """What the drills need: an exported run, an image, requests."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.engine, self.image = folder, containers.engine(), embedded_image.build()
        done = command.playbook("run", command.SMOKE, "--only", "export", "--outputs", folder / "outputs")
        if done.returncode:
            raise RuntimeError(done.stderr)
        (self.run,) = runs.newest_first(folder / "outputs")
        reference = Reference.load(self.run)
        self.bodies = {protocol: write_bodies(folder / protocol, reference, protocol, model_name="digits", count=8)
                       for protocol in ("rest", "grpc")}  # fmt: skip

    def pods(self, models: Path | None = None) -> Any:
        """A network of pods."""
        models = models or self.run / "models" / "digits"
        return fleet_pods.pods(self.engine, self.image, models, self.folder, "playbook-bench-fleet")

    def simple(self, drill: Callable[..., dict[str, Any]]) -> dict[str, Any]:
        """A drill that needs pods and requests alone."""
        with self.pods() as pods:
            return drill(pods, self.bodies, self.folder)

    def proxy(self) -> dict[str, Any]:
        """With Docker's proxy and without."""
        spec = ServerSpec("digits", self.run / "models" / "digits", server="docker", image=self.image)
        return fleet_drills.proxy(spec, self.bodies, self.folder)

    def overload(self) -> dict[str, Any]:
        """By the rules of the example's bundle, whose model this is too."""
        example = deploy.plan_of(EXAMPLE, deploy.IMAGE, deploy.Demand(2000.0))
        plan = replace(example, run_dir=self.run)  # whose first row the probe asks for
        with self.pods() as pods:
            return fleet_overload.overload(pods, self.bodies, self.folder, plan)

    def autoscaling(self) -> dict[str, Any]:
        """On a model whose rows cost so much that queues grow long before connections run out."""
        slow_model.build(self.folder / "slow" / "1", ROW_MS)
        body = self.folder / "slow-bodies"
        body.mkdir()
        (body / "00000.body").write_text(json.dumps({"instances": [[0.5] * slow_model.WIDTH]}))
        with self.pods(self.folder / "slow") as pods:
            return fleet_autoscaling.autoscaling(pods, {"rest": body}, self.folder)

    def canary(self) -> dict[str, Any]:
        """By the commands of the file that a bundle of the example's record ships."""
        plan = replace(deploy.plan_of(EXAMPLE, deploy.IMAGE, deploy.Demand(2000.0)), run_dir=self.run,
                       models=self.run / "models" / "digits")  # fmt: skip
        deploy.write(plan)
        with self.pods() as pods:
            return fleet_canary.canary(pods, self.run / "deploy", self.folder)

    def fleets(self) -> dict[str, Any]:
        """Simulated, not drilled: the example's replica, each metric an autoscaler may look at over each day."""
        told = {how: deploy.Demand(RATE_RPS, connections_per_pod=count)
                for how, count in ((fleet_table.BALANCED, 0.0), (fleet_table.UNEVEN, 8.0))}  # fmt: skip
        plans = {how: deploy.plan_of(EXAMPLE, deploy.IMAGE, wanted) for how, wanted in told.items()}
        sizes = {how: plan.sizing for how, plan in plans.items()}
        falling = sizes[fleet_table.UNEVEN].connections_per_pod
        sizes[fleet_table.UNTOLD] = replace(sizes[fleet_table.BALANCED], connections_per_pod=falling)
        one, wanted = plans[fleet_table.UNEVEN].replica, told[fleet_table.UNEVEN]
        rows = {how: deploy.policies.contest(one, size, wanted, 20.0) for how, size in sizes.items()}
        return {"rate_rps": RATE_RPS, "sized": {how: size.results() for how, size in sizes.items()}, "rows": rows,
                "shipped": {how: deploy.policies.shipped(part) for how, part in rows.items()}}  # fmt: skip


def drills(stage: Stage) -> dict[str, Callable[[], dict[str, Any]]]:
    """The drills by name, in order."""
    return {
        "grpc_threads": lambda: stage.simple(fleet_drills.grpc_threads),
        "addresses": lambda: stage.simple(fleet_drills.addresses),
        "drain": lambda: stage.simple(fleet_drills.drain),
        "proxy": stage.proxy,
        "overload": stage.overload,
        "autoscaling": stage.autoscaling,
        "canary": stage.canary,
        "fleets": stage.fleets,
    }


def keep(folder: Path) -> None:
    """What was held, written where it is committed."""
    held = {path.stem: json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}
    kept = {**json.loads(RECORD.read_text()), **held}
    kept.pop("environment")
    if history := kept.get("overload", {}).pop("history", None):
        of = {name: kept["overload"][name] for name in ("capacity_rps", "limit_ms", "cores", "alerts_s")}
        HISTORY.write_text(json.dumps({**of, "series": history}, indent=1) + "\n")
    RECORD.write_text(json.dumps({"environment": record.environment(), **kept}, indent=1) + "\n")
    PAGE.write_text(fleet_table.page(json.loads(RECORD.read_text())))


def main(arguments: list[str]) -> int:
    """Hold the drills; exit 1 when one of them missed what it asks."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("drills", nargs="*")
    options.add_argument("--record", action="store_true")
    given = options.parse_args(arguments)
    folder = ROOT / ".bench" / "fleet"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(prefix="fleet-") as place:
            known = drills(Stage(Path(place)))
            for name in given.drills or known:
                with fleet_drills.timed(name):
                    (folder / f"{name}.json").write_text(json.dumps(known[name](), indent=1))
    except DockerUnavailable as missing:
        print(f"Not held: {missing}")
        return 0
    kept = {path.stem: json.loads(path.read_text()) for path in folder.glob("*.json")}
    print(fleet_table.targets(kept))
    if given.record:
        keep(folder)
    return 0 if all(row.met for row in fleet_table.rows(kept)) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
