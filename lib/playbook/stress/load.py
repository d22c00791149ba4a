"""What all levels of a run share, and how a notebook asks for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import loadgen
from playbook.promise import Promise
from playbook.serve.cores import split_cpus
from playbook.tfserving.mix import Mix

Settings = Mapping[str, Any]


@dataclass(frozen=True)
class Load:
    """What all levels of a run share: the requests, the window, the promise and the client's cores."""

    protocol: str = "rest"
    duration_s: float = 5.0
    ramp_up_s: float = 1.0
    client_cpus: tuple[int, ...] = ()
    rows_per_request: int | None = 1
    request_mix: Sequence[Mapping[str, Any]] = ()  # () is requests of `rows_per_request` rows
    timeout_s: float = 10.0
    processes: int = 1
    p99_limit_ms: float | None = None
    max_error_share: float = 0.001
    load_scheduler: str = ""  # tcp://... of a Dask cluster that holds the load; "" is this machine
    seed: int = 7

    @property
    def promise(self) -> Promise | None:
        """What its levels are held against; None where no limit was given."""
        return None if self.p99_limit_ms is None else Promise(self.p99_limit_ms, self.max_error_share)

    @property
    def mix(self) -> Mix:
        """What is sent.

        Raises:
            ParameterError: as `Mix.of`.
        """
        return Mix.of({"request_mix": self.request_mix, "rows_per_request": self.rows_per_request})

    @property
    def requests(self) -> dict[str, Any]:
        """What a level's row says of its requests."""
        mix = self.mix
        words = mix.words() if mix.described() else None
        return {"protocol": self.protocol, "rows_per_request": mix.rows_per_request, "request_mix": words}

    def holder(self, passport: Mapping[str, Any] | None) -> dict[str, Any]:
        """What `loadgen.hold` is given beside the level."""
        runner = {"runner": loadgen.dask_runner(self.load_scheduler)} if self.load_scheduler else {}
        return {"passport": passport, "p99_limit_ms": self.p99_limit_ms, **runner}


def load_of(settings: Settings, server_cpus: Sequence[int] = ()) -> Load:
    """The load that a notebook's parameters ask for, on cores that the server does not use where there are two."""
    names = {item.name for item in fields(Load)} & settings.keys()
    _, cpus = split_cpus(list(server_cpus), settings["client_cpus"])
    chosen = {name: settings[name] for name in names}
    Mix.of(chosen)  # what is no mix is refused here
    return Load(**{**chosen, "client_cpus": cpus, "processes": settings.get("client_processes", 1)})
