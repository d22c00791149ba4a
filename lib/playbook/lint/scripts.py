"""Lint of scripts: server commands inside shell text, and programs that rewrite a batching file in place."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from playbook.lint.dockerfile import BINARY, OFFICIAL, after_binary, check_image
from playbook.lint.flags import Command
from playbook.lint.rules import Finding, finding
from playbook.lint.yaml_files import cores, count_cpus

_BATCHING_FILE = re.compile(r"[\w/.${}-]*batch[\w-]*\.(?:config|conf|pbtxt|txt|cfg|proto)\b")
_REWRITES = re.compile(
    r"open\([^)]*[\"'][wra]\+?[\"']|write_text|writelines|sed\s+-i|\btee\b|(?<![<>&\d=-])>\s*[\w/$\"']"
)
_FIELDS = re.compile(r"max_batch_size|batch_timeout_micros|num_batch_threads|max_enqueued_batches")


def check_script(text: str, shown: str, shell: bool) -> tuple[list[Command], list[Finding]]:
    """Server command lines of a shell script, and findings of any program text."""
    commands: list[Command] = []
    found = list(_in_place(text, shown))
    for line, words in _server_lines(text) if shell else ():
        command, hits = _read(words, shown, line)
        commands.append(command)
        found += hits
    return commands, found


def _server_lines(text: str) -> Iterator[tuple[int, list[str]]]:
    pending, start = "", 0
    for number, raw in enumerate(text.splitlines(), start=1):
        start = start if pending else number
        pending += raw.rstrip().removesuffix("\\") + " "
        if raw.rstrip().endswith("\\"):
            continue
        line, pending = pending, ""
        if (BINARY in line or (OFFICIAL in line and " run " in line)) and not line.lstrip().startswith("#"):
            try:
                words = shlex.split(re.split(r"\s[|;&]", line)[0], comments=True)
            except ValueError:
                continue
            yield start, words


def _read(words: list[str], shown: str, line: int) -> tuple[Command, list[Finding]]:
    place = next((index for index, word in enumerate(words) if OFFICIAL in word), None)
    if "run" not in words or place is None:
        return Command(after_binary(words), shown, line), []
    options, image = words[:place], words[place]
    found = list(check_image(image, shown, line))
    if "--sysctl" in " ".join(options) and re.search(r"--net(work)?[ =]host", " ".join(options)):
        found.append(finding("sysctl-host-network", shown, line))
    limit, cpuset = _option(options, "--cpus"), _option(options, "--cpuset-cpus")
    entry = not any(option.startswith("--entrypoint") for option in options)
    cpus = count_cpus(cpuset) if re.fullmatch(r"[\d,-]+", cpuset) else None
    return Command(after_binary(words[place + 1 :]), shown, line, cpus, cores(limit) if limit else None, entry), found


def _option(options: list[str], name: str) -> str:
    for index, option in enumerate(options):
        if option.startswith(name + "="):
            return option.partition("=")[2]
        if option == name and index + 1 < len(options):
            return options[index + 1]
    return ""


def _in_place(text: str, shown: str) -> Iterator[Finding]:
    """A text that names a batching file, writes files and speaks of its fields, but of no new version folder."""
    if "batching_params.pbtxt" in text or not (_BATCHING_FILE.search(text) and _FIELDS.search(text)):
        return
    for number, line in enumerate(text.splitlines(), start=1):
        if _REWRITES.search(line):
            yield finding("batching-rewritten-in-place", shown, number, what=shown)
            return
