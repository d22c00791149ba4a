"""The options of `docker run` and `docker cp`: those that they have, and what stands for one of them and is none."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import get_close_matches

from playbook.lint.checks.command import is_official
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
_COMPOSES = {"service-ports", "use-aliases", "no-deps", "build", "remove-orphans"}  # docker compose run's
_ALONE, _VALUED = "ditPq", "acehlmpuvw"
_ALIKE = 0.75
_OF_COPY = re.compile(r"--(?:archive|follow-link|quiet)(?:=.*)?|-[aLq]+|-")


def check_options(words: Sequence[Word], shown: str) -> Iterator[Finding]:
    """Words in front of the image that begin as an option does, are none, and are near one that docker has."""
    for word in words:
        name = word.partition("=")[0]
        if name.startswith("--"):
            near = get_close_matches(name[2:], LONG, 1, _ALIKE) if name[2:] not in LONG else []
            if near or is_none(name):
                remedy = f"Write --{near[0]}." if near else "Drop it: what is the server's stands behind the image."
                yield finding("docker-option-unknown", shown, word.line, word=name, remedy=remedy, verb="run")
        elif name[1:] in LONG and name.startswith("-") and not _is_letters(name[1:]):
            yield finding("docker-option-unknown", shown, word.line, word=name, remedy=f"Write -{name}.", verb="run")


def swallows(word: Word, behind: Sequence[Word]) -> bool:
    """True for an option that docker has not, in front of the image: it takes no value away from what follows."""
    return is_none(word) and bool(behind) and is_official(behind[0])


def is_none(name: str) -> bool:
    """True for a word that looks like a long option, and is none of docker's."""
    told = re.fullmatch(r"--([a-z][a-z-]+)", name)
    return told is not None and told[1] not in LONG and told[1] not in _COMPOSES


def check_copy(words: Sequence[Word], shown: str) -> Iterator[Finding]:
    """What `docker cp` refuses: it copies folders as they are, and has no -r for it."""
    for word in words:
        if word.startswith("-") and not _OF_COPY.fullmatch(word):
            remedy = "Drop it: docker cp takes folders as they are."
            yield finding("docker-option-unknown", shown, word.line, word=word, remedy=remedy, verb="cp")


def _is_letters(name: str) -> bool:
    """True for letters of options without a value, of which the last alone may take one."""
    return all(letter in _ALONE for letter in name[:-1]) and name[-1:] in _ALONE + _VALUED
