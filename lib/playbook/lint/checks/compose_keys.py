"""What compose refuses in a file of its own: keys of a service that it does not know, services that wait in a ring."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from playbook.lint.forms.text import line_of
from playbook.lint.forms.yaml_lines import Table
from playbook.lint.rules.findings import Finding, finding
from playbook.tfserving.flags import FLAGS

# compose-spec.json (services), with those of the older formats
# fmt: off
_KEYS = frozenset((
    "annotations", "attach", "blkio_config", "build", "cap_add", "cap_drop", "cgroup", "cgroup_parent", "command",
    "configs", "container_name", "cpu_count", "cpu_percent", "cpu_period", "cpu_quota", "cpu_rt_period",
    "cpu_rt_runtime", "cpu_shares", "cpus", "cpuset", "credential_spec", "depends_on", "deploy", "develop",
    "device_cgroup_rules", "devices", "dns", "dns_opt", "dns_search", "dockerfile", "domainname", "driver_opts",
    "entrypoint", "env_file", "environment", "expose", "extends", "external_links", "extra_hosts", "gpus",
    "group_add", "healthcheck", "hostname", "image", "init", "ipc", "isolation", "label_file", "labels", "links",
    "log_driver", "log_opt", "logging", "mac_address", "mem_limit", "mem_reservation", "mem_swappiness",
    "memswap_limit", "models", "net", "network_mode", "networks", "oom_kill_disable", "oom_score_adj", "pid",
    "pids_limit", "platform", "ports", "post_start", "pre_stop", "privileged", "profiles", "provider",
    "pull_policy", "pull_refresh_after", "read_only", "restart", "runtime", "scale", "secrets", "security_opt",
    "shm_size", "stdin_open", "stop_grace_period", "stop_signal", "storage_opt", "sysctls", "tmpfs", "tty",
    "ulimits", "use_api_socket", "user", "userns_mode", "uts", "volume_driver", "volumes", "volumes_from",
    "working_dir", "<<",
))
# fmt: on
_TOP = frozenset(("version", "name", "services", "volumes", "networks", "configs", "secrets", "include", "models"))
_MEANT = {"args": "command", "cmd": "command", "env": "environment", "port": "ports", "volume": "volumes"}

_VOLUME = re.compile(r"([a-zA-Z0-9][\w.-]+):/")


def is_composes(data: Mapping[str, Any]) -> bool:
    """True where nothing says that another tool, with services of its own, reads a file."""
    return all(str(key) in _TOP or str(key).startswith("x-") for key in data)


def check_keys(service: Table, shown: str) -> Iterator[Finding]:
    """Keys of a service that compose does not know; flags of the server among them."""
    for key in service:
        name = str(key)
        if name in _KEYS or name.startswith("x-") or not name.replace("_", "").replace("-", "").isalpha():
            continue
        problem = f"a service has no key {name}"
        if (flag := name.lstrip("-")) in FLAGS:
            remedy = f"It is a flag of the server: write command: --{flag}={_shown(service[key])}"
        else:
            near = _MEANT.get(name) or next(iter(get_close_matches(name, _KEYS, n=1, cutoff=0.75)), "")
            remedy = f"Did you mean {near}?" if near else "Drop it, or put it where it belongs."
        yield finding("compose-refused", shown, service.at(key), problem=problem, remedy=remedy)


def _shown(value: Any) -> str:
    return "<value>" if value is None or isinstance(value, (dict, list)) else str(value)


def check_ring(services: Mapping[str, Any], shown: str) -> Iterator[Finding]:
    """Services each of which is to start behind the other."""
    behind = {name: _waits_for(service) for name, service in services.items() if isinstance(service, Table)}
    for name in behind:
        ring = _ring(name, behind)
        if ring:
            problem = f"{' waits for '.join([*ring, name])}, so that none can be the first"
            line = services[name].at("depends_on")
            yield finding("compose-refused", shown, line, problem=problem, remedy="Drop one of the depends_on.")
            return


def check_known(services: Mapping[str, Any], shown: str, whole: bool) -> Iterator[Finding]:
    """Services that wait for one which is not there; in a text that may show a part, for a container's name."""
    named = {str(each["container_name"]): name for name, each in services.items()
             if isinstance(each, Table) and each.get("container_name")}  # fmt: skip
    for service in services.values():
        for other in _waits_for(service) if isinstance(service, Table) else ():
            waits = service["depends_on"]
            needed = not (isinstance(waits, Table) and str((waits[other] or {}).get("required")).lower() == "false")
            if other not in services and (whole or other in named) and needed and "$" not in other:
                meant = named.get(other) or next(iter(get_close_matches(other, [*services], n=1)), "")
                remedy = f"Name the service: {meant}." if meant else "Add the service, or drop it from depends_on."
                problem = f"a service depends on {other}, which is no service here"
                line = line_of(next((each for each in waits if str(each) == other), None))
                line = line or (waits.at(other) if isinstance(waits, Table) else None) or service.at("depends_on")
                yield finding("compose-refused", shown, line, problem=problem, remedy=remedy)


def check_shapes(data: Any, shown: str, whole: bool) -> Iterator[Finding]:
    """Variables and mounts in a shape that compose does not take, and volumes that the whole file does not declare."""
    for service in data["services"].values():
        for item in _items(service, "environment"):
            if isinstance(item, Table) and item:
                name = next(iter(item))
                problem = f"environment is a list, in which {name} stands as a mapping"
                remedy = f"Write - {name}={_shown(item[name])}, or drop the dashes."
                yield finding("compose-refused", shown, item.line, problem=problem, remedy=remedy)
        for item in _items(service, "volumes"):
            if isinstance(item, Table) and "type" not in item and "source" in item:
                words = {"problem": "a mount in the long form has no type", "remedy": "Add type: bind (or volume)."}
                yield finding("compose-refused", shown, item.line, **words)
            volume = _VOLUME.match(item) if isinstance(item, str) and whole else None
            if volume is not None and volume[1] not in (data.get("volumes") or ()):
                problem = f"{volume[1]} is a volume that nothing declares"
                remedy = f"Write ./{volume[1]} for a folder here, or add it to volumes at the end."
                line = line_of(item) or service.at("volumes")
                yield finding("compose-refused", shown, line, problem=problem, remedy=remedy)


def _items(service: Any, key: str) -> list[Any]:
    """The items of a service's key that is a list; none for another."""
    value = service.get(key) if isinstance(service, Table) else None
    return value if isinstance(value, list) else []


def _waits_for(service: Table) -> list[str]:
    waits = service.get("depends_on")
    return [str(each) for each in waits] if isinstance(waits, (dict, list)) else []


def _ring(first: str, behind: Mapping[str, list[str]]) -> list[str]:
    """A way from a service over those it waits for back to itself; empty where there is none."""
    ways = [[first]]
    seen = {first}
    while ways:
        way = ways.pop()
        for name in behind.get(way[-1], ()):
            if name == first:
                return way
            if name not in seen:
                seen.add(name)
                ways.append([*way, name])
    return []
