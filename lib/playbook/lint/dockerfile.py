"""Lint of Dockerfiles and of the command lines inside them; what is said of health checks holds everywhere."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from playbook.lint.flags import Command
from playbook.lint.rules import Finding, finding

BINARY = "tensorflow_model_server"
OFFICIAL = "tensorflow/serving"
_AVAILABLE = re.compile(r'state[\\"\']*\s*[:.]?.{0,12}AVAILABLE', re.DOTALL)


@dataclass(frozen=True)
class Instruction:
    """One Dockerfile instruction with its continuation lines joined."""

    word: str
    rest: str
    line: int

    def words(self) -> list[str] | None:
        """The exec form's words; None for the shell form."""
        try:
            words = json.loads(self.rest)
        except ValueError:
            return None
        return [str(word) for word in words] if isinstance(words, list) else None


def instructions(text: str) -> list[Instruction]:
    """The instructions of a Dockerfile, comments dropped."""
    found, pending, start = [], "", 0
    for number, raw in enumerate(text.splitlines(), start=1):
        if raw.lstrip().startswith("#") or (not pending and not raw.strip()):
            continue
        start = start if pending else number
        pending += raw.rstrip().removesuffix("\\") + "\n"
        if not raw.rstrip().endswith("\\"):
            word, _, rest = pending.strip().partition(" ")
            found.append(Instruction(word.upper(), rest.strip(), start))
            pending = ""
    return found


def check_dockerfile(text: str, shown: str) -> tuple[list[Command], list[Finding]]:
    """Command lines of the image (only of one built on TensorFlow Serving), and findings."""
    steps = instructions(text)
    defaults = dict(step.rest.split("=", 1) for step in steps if step.word == "ARG" and "=" in step.rest)
    bases = [step for step in steps if step.word == "FROM"]
    image = expand(bases[-1].rest.split()[0], defaults) if bases else ""
    found = [hit for base in bases for hit in check_image(expand(base.rest.split()[0], defaults), shown, base.line)]
    if OFFICIAL not in image and BINARY not in text:
        return [], found
    tools = {tool for tool in ("curl", "wget") for step in steps if step.word == "RUN"
             and re.search(rf"(install|add)\b[^&|;]*\b{tool}\b", step.rest)}  # fmt: skip
    for step in steps:
        found += _check_step(step, image, tools, shown)
    return _commands(steps, image, shown), found


def _check_step(step: Instruction, image: str, tools: set[str], shown: str) -> Iterator[Finding]:
    if step.word in ("RUN", "COPY", "ADD") and re.search(r"sysctl(\.conf|\.d\b| -)|/proc/sys/", step.rest):
        yield finding("sysctl-in-dockerfile", shown, step.line)
    if step.word == "HEALTHCHECK" and step.rest.upper() != "NONE":
        yield from check_health(step.rest, image, tools, shown, step.line)
    if step.word == "ENTRYPOINT" and "tf_serving_entrypoint.sh" not in step.rest:
        yield finding("entrypoint-replaced", shown, step.line)


def _commands(steps: list[Instruction], image: str, shown: str) -> list[Command]:
    entry = next((step for step in reversed(steps) if step.word == "ENTRYPOINT"), None)
    cmd = next((step for step in reversed(steps) if step.word == "CMD"), None)
    official = OFFICIAL in image and (entry is None or "tf_serving_entrypoint.sh" in entry.rest)
    words = [] if cmd is None else cmd.words() or shlex.split(cmd.rest)
    if not official and entry is not None:
        words = (entry.words() or shlex.split(entry.rest)) + words
    line = (cmd or entry or steps[0]).line if steps else None
    return [Command(after_binary(words), shown, line, by_entrypoint=official)]


def check_cmd_form(text: str, shown: str) -> Iterator[Finding]:
    """Findings on how CMD meets the official entrypoint; nothing for another image."""
    steps = instructions(text)
    cmd = next((step for step in reversed(steps) if step.word == "CMD"), None)
    if cmd is None or any(step.word == "ENTRYPOINT" for step in steps) or OFFICIAL not in text:
        return
    words = cmd.words()
    if words is None:
        yield finding("cmd-shell-form", shown, cmd.line)
    elif words and not words[0].startswith("-"):
        yield finding("cmd-over-entrypoint", shown, cmd.line, word=repr(words[0]))


def after_binary(words: list[str]) -> list[str]:
    """The arguments behind the server's name, all words when it is not named."""
    places = [index for index, word in enumerate(words) if word.rpartition("/")[2] == BINARY]
    return words[places[-1] + 1 :] if places else words


def expand(image: str, values: dict[str, str]) -> str:
    """The image with `${NAME}`, `$NAME` and `${NAME:-default}` filled from `values`; unknown ones stay."""

    def fill(match: re.Match) -> str:
        default = match["default"]
        return values.get(match["name"], match.group() if default is None else default)

    return re.sub(r"\$\{?(?P<name>\w+)(?::-(?P<default>[^}]*))?\}?", fill, image)


def check_image(image: str, shown: str, line: int | None) -> Iterator[Finding]:
    """Tags that move, or no tag at all."""
    if "$" in image or "@sha256:" in image or image == "scratch":
        return
    tag = image.rpartition("/")[2].partition(":")[2]
    if not tag and OFFICIAL not in image and "/" not in image and not line:
        return
    if not tag or tag.startswith(("latest", "nightly")):
        problem = "the tag moves" if tag else "without a tag it means latest"
        yield finding("image-not-pinned", shown, line, image=image, problem=problem)


def check_health(text: str, image: str, tools: set[str], shown: str, line: int | None) -> Iterator[Finding]:
    """Findings of one health check's command; `tools` are those the image was given."""
    has_curl = "gpu" in image or "devel" in image
    for tool in ("curl", "wget"):
        if re.search(rf"\b{tool}\b", text) and tool not in tools and not (has_curl and tool == "curl"):
            yield finding("tool-not-in-image", shown, line, tool=tool, image=image or "the CPU image")
    if "/v1/models" not in text and "curl" not in text:
        return
    if "AVAILABLE" not in text:
        yield finding("health-by-code", shown, line)
    elif not _AVAILABLE.search(text):
        yield finding("health-word-available", shown, line)
