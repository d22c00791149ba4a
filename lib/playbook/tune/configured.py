"""A configuration as a server: its batching file, its flags, and what a running server can take over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from playbook import knobs
from playbook.serve.spec import ServerSpec
from playbook.tfserving.batching import Batching
from playbook.tfserving.config import Config


def batching_of(config: Config) -> Batching | None:
    """The batching file of a configuration; None when batching is off."""
    if not config.enable_batching:
        return None
    values = {name: getattr(config, name) for name in knobs.WITH_BATCHING}
    return Batching(**{name: value for name, value in values.items() if value})


def config_of(parameters: Mapping[str, Any]) -> Config:
    """The configuration in the flat parameters of 20_serve."""
    given = {name: value for name, value in parameters.items() if name in knobs.TUNED}
    return Config.of(knobs.chosen(given)).tidy()


def spec_of(config: Config, base: ServerSpec) -> ServerSpec:
    """The server of a configuration, with its batching in the global file as the flags have it."""
    threads = {name: getattr(config, name) for name in knobs.THREAD_FLAGS}
    return replace(base, batching=batching_of(config), per_model_batching=False, **threads)


def live_spec_of(config: Config, base: ServerSpec) -> ServerSpec:
    """The same server with per-model batching, so that a version can change all but the threads.

    A version that fails to load is not tried again: by default it would stay LOADING for five minutes.
    """
    shared = Batching(num_batch_threads=config.num_batch_threads)
    flags = (*base.extra_flags, "--max_num_load_retries=0")
    return replace(spec_of(config, base), batching=shared, per_model_batching=True, extra_flags=flags)


def restart_key(config: Config) -> tuple:
    """What two configurations must share for one server to carry both."""
    return tuple(value for name, value in config.plain().items() if name not in (*knobs.LIVE, "protocol"))
