"""Lint of the flags that count threads: pools that cannot be made, that serve nobody, or that a CPU limit starves."""

from __future__ import annotations

from collections.abc import Iterator

from playbook import knobs
from playbook.lint.checks.command import Command
from playbook.lint.rules.findings import Finding, finding

MOST_THREADS = 32_000  # vm.max_map_count 65530, two mappings a thread; kernel.pid_max is often 32768 too
_FEW_CALLS = 4  # the default of one core, and of a replica that has one
_OPERATIONS = ("tensorflow_intra_op_parallelism", "tensorflow_inter_op_parallelism")
# flag: (the least that is a pool, what to write)
_LEAST = {
    "rest_api_num_threads": (1, "Leave it out (4 a core), or use 2 or more."),
    "grpc_max_threads": (1, "Leave it out (4 a core), or use the calls in flight that clients make."),
    "num_load_threads": (0, "Use 0 (one by one) or more."),
    "num_unload_threads": (0, "Use 0 (one by one) or more."),
}
_POOLS = ("rest_api_num_threads", "num_load_threads", "num_unload_threads", "tensorflow_session_parallelism",
          *_OPERATIONS)  # fmt: skip


def check_threads(command: Command) -> Iterator[Finding]:
    """Findings of each flag that counts threads."""
    for check in (_pools, _serving, _limited, _parallelism):
        yield from check(command)


def _at(command: Command, rule: str, name: str = "", /, **words: object) -> Finding:
    return finding(rule, command.path, command.at(name), **words)


def _has_rest(command: Command) -> bool:
    return command.number("rest_api_port") != 0 or not command.knows("rest_api_port") or command.partial


def _pools(command: Command) -> Iterator[Finding]:
    """Counts of which no pool can be made."""
    for name, (least, remedy) in _LEAST.items():
        made = name != "rest_api_num_threads" or _has_rest(command)
        if name in command.given and made and (value := command.number(name, least)) < least:
            yield _at(command, "threads-too-few", name, flag=f"--{name}", value=value, remedy=remedy)
    for name in _POOLS:
        if (value := command.number(name)) > MOST_THREADS:
            yield _at(command, "threads-impossible", name, flag=f"--{name}", value=f"{value:,}")


def _serving(command: Command) -> Iterator[Finding]:
    """Counts with which a port is open, and calls are refused or wait for ever."""
    if command.number("rest_api_num_threads") == 1 and _has_rest(command):
        yield _at(command, "rest-threads-one", "rest_api_num_threads")
    calls = command.number("grpc_max_threads")
    if calls == 1:
        yield _at(command, "grpc-threads-one", "grpc_max_threads")
    elif 1 < calls < _FEW_CALLS:
        yield _at(command, "grpc-threads-few", "grpc_max_threads", threads=calls, calls=calls - 1)


def _limited(command: Command) -> Iterator[Finding]:
    """Defaults that follow the node's cores, under a limit that they do not see."""
    if command.cpu_limit is None:
        return
    names = [name for name in knobs.THREAD_FLAGS if not command.number(name) and command.knows(name)]
    session = command.number("tensorflow_session_parallelism")
    elsewhere = session or command.text("platform_config_file")
    names = [name for name in names if not (elsewhere and name.startswith("tensorflow_"))]
    above = [name for name in (_OPERATIONS[0], "tensorflow_session_parallelism")
             if command.number(name) >= 2 * command.cpu_limit and command.number(name) > 1]  # fmt: skip
    parts = [f"{', '.join(names)} follow the node's cores"] if names else []
    parts += [f"--{name}={command.number(name)} asks for more threads" for name in above]
    if parts:
        where = "" if names else above[0]
        yield _at(command, "cpu-limit-threads", where, limit=f"{command.cpu_limit:g}", flags=", and ".join(parts))


def _parallelism(command: Command) -> Iterator[Finding]:
    pair = [name for name in _OPERATIONS if command.number(name) > 0]
    inter = command.number("tensorflow_inter_op_parallelism")
    if inter < 0 and not pair:
        yield _at(command, "inter-op-ignored", "tensorflow_inter_op_parallelism", inter=inter)
    intra, session = command.number(_OPERATIONS[0]), command.number("tensorflow_session_parallelism")
    if (intra < 0 < inter) or (session < 0 and not pair):
        flag = _OPERATIONS[0] if intra < 0 else "tensorflow_session_parallelism"
        yield _at(command, "parallelism-negative", flag, flag=f"--{flag}", value=command.number(flag))
    if session <= 0 or not pair:
        return
    if len(pair) == 2:
        yield _at(command, "session-parallelism-conflict", "tensorflow_session_parallelism")
    else:
        yield _at(command, "session-parallelism-ignored", "tensorflow_session_parallelism", other=pair[0])
