"""The options of `docker run`: those that it has, and what stands for one of them and is none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import get_close_matches

from playbook.lint.forms.text import Word
from playbook.lint.rules.findings import Finding, finding

# docker run --help; older ones that it still takes among them
_HELP = """
add-host annotation attach blkio-weight blkio-weight-device cap-add cap-drop cgroup-parent cgroupns cidfile cpu-count
cpu-percent cpu-period cpu-quota cpu-rt-period cpu-rt-runtime cpu-shares cpus cpuset-cpus cpuset-mems detach
detach-keys device device-cgroup-rule device-read-bps device-read-iops device-write-bps device-write-iops
disable-content-trust dns dns-opt dns-option dns-search domainname entrypoint env env-file expose gpus group-add
health-cmd health-interval health-retries health-start-interval health-start-period health-timeout help hostname init
interactive io-maxbandwidth io-maxiops ip ip6 ipc isolation kernel-memory label label-file link link-local-ip
log-driver log-opt mac-address memory memory-reservation memory-swap memory-swappiness mount name net net-alias
network network-alias no-healthcheck oom-kill-disable oom-score-adj pid pids-limit platform privileged publish
publish-all pull quiet read-only restart rm runtime security-opt shm-size sig-proxy stop-signal stop-timeout
storage-opt sysctl tmpfs tty ulimit use-api-socket user userns uts volume volume-driver volumes-from workdir
"""
LONG = frozenset(_HELP.split())
_ALONE, _VALUED = "ditPq", "acehlmpuvw"
_ALIKE = 0.75


def check_options(words: Sequence[Word], shown: str) -> Iterator[Finding]:
    """Words in front of the image that begin as an option does, are none, and are near one that docker has."""
    for word in words:
        name = word.partition("=")[0]
        if name.startswith("--"):
            near = get_close_matches(name[2:], LONG, 1, _ALIKE) if name[2:] not in LONG else []
            if near:
                yield finding("docker-option-unknown", shown, word.line, word=name, right=f"--{near[0]}")
        elif name[1:] in LONG and name.startswith("-") and not _is_letters(name[1:]):
            yield finding("docker-option-unknown", shown, word.line, word=name, right=f"-{name}")


def _is_letters(name: str) -> bool:
    """True for letters of options without a value, of which the last alone may take one."""
    return all(letter in _ALONE for letter in name[:-1]) and name[-1:] in _ALONE + _VALUED
