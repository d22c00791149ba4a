"""What is said of a Dockerfile's instructions one by one: words Docker does not know, ports, tools, health checks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from playbook.lint.checks.command import BINARY, ENTRYPOINT_SCRIPT, OFFICIAL, Command, is_official, is_server_word
from playbook.lint.checks.containers import check_health, check_told
from playbook.lint.checks.flags import check_command
from playbook.lint.checks.launch import Start, is_script
from playbook.lint.checks.misnamed import named_rightly
from playbook.lint.checks.over_entrypoint import over_entrypoint
from playbook.lint.checks.shell_form import shell_form
from playbook.lint.forms.dockerfile import KEYWORDS, Instruction, check_form, continued, stages
from playbook.lint.forms.shell import simple_commands
from playbook.lint.forms.shell_calls import script_of
from playbook.lint.forms.text import Text, Word, expand
from playbook.lint.readers.image_packages import check_packages
from playbook.lint.rules.findings import Finding, finding

_PORT = re.compile(r"\d+(-\d+)?(/(tcp|udp|sctp))?|.*[${].*", re.IGNORECASE)
_NOT_THERE = ("python", "python3", "pip", "pip3", "curl", "wget", "git", "unzip")
_PACKAGES = {"pip": "python3-pip", "pip3": "python3-pip", "python": "python3"}
_FOLDERS = ("", "/bin", "/usr/bin", "/usr/local/bin")  # another folder holds what something else brought there
_ONE_LINE = {
    "FROM": "Docker takes its words for more of the image's name, and builds nothing",
    "ENV": "Docker takes it for a variable without a value, and builds nothing",
    "COPY": "Docker looks for files of its words, and copies into a folder of the last one",
    "ADD": "Docker looks for files of its words, and copies into a folder of the last one",
    "WORKDIR": "it becomes part of the folder's name",
    "USER": "it becomes part of the user's name",
}
# programs that bring no model into the image
_HARMLESS = ("chmod", "mkdir", "echo", "printf", "cat", "chown", "true", "rm", "ls", "set", "apt", "apt-get", "pip",
             "pip3", "useradd", "adduser", "groupadd", "touch", BINARY)  # fmt: skip
_GLUED = re.compile(rf"({'|'.join(KEYWORDS)})\W.*")


def serving_stage(steps: list[Instruction]) -> str:
    """The name of the one stage that starts the server, where the last stage has nothing to do with it; else ""."""
    if re.search(rf"{BINARY}|{OFFICIAL}", " ".join(f"{step.rest}" for step in stages(steps))):
        return ""
    named = [match[1] for step in steps if step.word == "FROM"
             and (match := re.search(r"\sas\s+(\S+)", step.rest, re.IGNORECASE))]  # fmt: skip
    starting = [name for name in named if any(
        step.word in ("CMD", "ENTRYPOINT") and BINARY in step.rest for step in stages(steps, name))]  # fmt: skip
    return starting[0] if len(starting) == 1 else ""


def check_steps(steps: list[Instruction], final: list[Instruction], base: str, shown: str) -> Iterator[Finding]:
    """Findings of a Dockerfile's instructions together: the first that Docker does not know, and what RUN lacks."""
    whole = not shown.lower().endswith((".md", ".rst", ".ipynb", ".py"))  # a document's block may hold more
    for step in steps:
        torn = step.word == "&&" or is_server_word(step.word.lower())  # what a line before it was to go on with
        if step.word not in KEYWORDS and (whole or torn or _GLUED.fullmatch(step.word)) and step.word[0] not in "{<%":
            yield finding("unknown-instruction", shown, step.line, word=step.word)
            break
        if step.broken:
            break
    if is_official(base) and "devel" not in base:
        yield from _check_tools(final, base, shown)
    yield from check_packages(final, base, shown)
    yield from _check_arguments(final, base, shown)


def _check_arguments(steps: list[Instruction], base: str, shown: str) -> Iterator[Finding]:
    """What ARG alone sets and the server's start asks for: in a shell form, or in a script that RUN writes as it is."""
    kept = {"MODEL_NAME", "MODEL_BASE_PATH"} if OFFICIAL in base else set()
    kept |= {name for step in steps if step.word == "ENV" for name in re.findall(r"(?:^|\s)(\w+)(?:=|\s)", step.rest)}
    own = OFFICIAL not in base or any(step.word == "ENTRYPOINT" for step in steps)
    shells = ("CMD", "ENTRYPOINT") if own else ("ENTRYPOINT",)  # the image's script loses a CMD in shell form
    started = [step for step in steps if BINARY in step.rest and not step.fed
               and (step.word == "RUN" or (step.word in shells and step.words() is None))]  # fmt: skip
    for argument in (step for step in steps if step.word == "ARG"):
        name = argument.rest.partition("=")[0].strip()
        asked = rf"(\\)?\$(?:{re.escape(name)}\b|\{{{re.escape(name)}\}})"
        if name and name not in kept and any(_at_start(step, found) for step in started
                                             for found in re.finditer(asked, step.rest)):  # fmt: skip
            yield finding("argument-of-build", shown, argument.line, name=name)


def _at_start(step: Instruction, found: re.Match[str]) -> bool:
    """True for a variable that the server's start fills in: RUN's shell lets it be in single quotes or behind `\\`."""
    return step.word != "RUN" or bool(found[1]) or step.rest.count("'", 0, found.start()) % 2 == 1


def _check_tools(steps: list[Instruction], base: str, shown: str) -> Iterator[Finding]:
    """Programs that RUN calls before anything has brought them; each once."""
    brought = "curl" if "gpu" in base else ""
    for step in steps:
        if step.word in ("COPY", "ADD"):
            brought += f" {step.rest}"
        for command in simple_commands(continued(step.rest)) if step.word == "RUN" and not step.fed else ():
            folder, _, tool = command.words[0].rpartition("/") if command.words else ("", "", "")
            if folder in _FOLDERS and tool in _NOT_THERE and tool.rstrip("3") not in brought:
                line = step.line + (command.line or 1) - 1
                package = _PACKAGES.get(tool, tool)
                yield finding(
                    "tool-not-in-image",
                    shown,
                    line,
                    who="RUN",
                    tool=tool,
                    image=base,
                    remedy=f"Install it in front: apt-get update && apt-get install -y {package}.",
                )
            brought += " " + " ".join(command.words)


def check_told_ports(steps: list[Instruction], start: Start, commands: list[Command], text: Text) -> list[Finding]:
    """Ports that EXPOSE tells of, where the image itself says with which flags it runs the server alone."""
    own_script = any(ENTRYPOINT_SCRIPT in path for path in start.scripts)  # which may start more than the server
    words, _ = named_rightly([*(start.entry or ()), *start.args], text.path, None)
    alone = start.entry is None or (is_script(start.entry) and not own_script) or is_server_word(words[0])
    script = script_of(start.entry) if start.entry else None
    known = start.scripts.get(start.entry[0]) if start.entry else None
    alone = alone or _is_the_last(known.content if known else script[0].written if script else "")
    if not (alone and is_official(start.image) and len(commands) == 1 and (start.entry or start.args)):
        return []
    ports = [Word(expand(port, start.environment), text.line(step.line + step.rest[: step.rest.find(port)].count("\n")))
             for step in steps if step.word == "EXPOSE" for port in step.rest.split("#")[0].split()]  # fmt: skip
    judged = replace(check_command(commands[0])[0], partial=start.partial)  # a model may be given when it runs
    return list(check_told(ports, judged, text.path, "EXPOSE"))


def _is_the_last(script: str) -> bool:
    """True for a script that ends in the server, and in which nothing else is left running beside it."""
    own = [each.words for each in simple_commands(script, {}, 1) if each.words and "=" not in each.words[0]]
    return bool(own) and any(map(is_server_word, own[-1])) and all(words[0] in _OVER_AT_ONCE for words in own[:-1])


_OVER_AT_ONCE = ("set", "export", "echo", "cd", "mkdir", "cp", "ls", "cat", "source", ".", "umask", "ulimit")


def check_step(step: Instruction, base: str, tools: set[str], shown: str) -> Iterator[Finding]:
    """Findings of one instruction by itself; `tools` are those that the image was given."""
    if step.word in ("RUN", "COPY", "ADD") and re.search(r"sysctl(\.conf|\.d\b| -)|/proc/sys/", step.rest):
        yield finding("sysctl-in-dockerfile", shown, step.line)
    if step.word == "HEALTHCHECK" and step.rest.upper() != "NONE":
        yield from check_health(step.rest, base, tools, shown, step.line)
    if step.word in KEYWORDS and not (step.rest.strip() or step.fed):
        yield finding("instruction-empty", shown, step.line, word=step.word)
        return
    if step.word == "EXPOSE" and (odd := next((word for word in step.rest.split() if not _PORT.fullmatch(word)), "")):
        yield finding("expose-not-a-port", shown, step.line, word=odd)
    if step.word in ("CMD", "ENTRYPOINT"):
        yield from check_form(step, shown)
    if effect := _commented(step):
        yield finding("comment-in-instruction", shown, step.line, word=step.word, effect=effect)


def _commented(step: Instruction) -> str:
    """What becomes of a comment behind an instruction, which Docker takes for a part of it; "" where there is none."""
    bare = re.sub(r"\"[^\"]*\"|'[^']*'", "''", step.rest)
    if step.word not in _ONE_LINE or step.fed or not re.search(r"(?m)[^\s\\][ \t]+#([ \t]|\w|$)", bare):
        return ""
    if step.word == "ENV" and "=" not in bare.split()[0]:
        return "it becomes part of the value" if bare.split()[0] in ("MODEL_NAME", "MODEL_BASE_PATH") else ""
    return _ONE_LINE[step.word]


def form_of(rest: str) -> tuple[str, Mapping[str, object]]:
    """The fault of a CMD in shell form, with its words."""
    ours = re.search(rf"{BINARY}|{ENTRYPOINT_SCRIPT}|\$|--\w+_\w|^-", rest)
    if not ours:
        return "cmd-over-entrypoint", over_entrypoint(rest.split()[0])
    return shell_form(continued(rest))


def waits(step: Instruction) -> bool:
    """True for a RUN that starts the server in the foreground."""
    script = continued(step.rest)
    if BINARY not in script or re.search(r"(?<![&>])&(?![&>])", script):
        return False
    started = [command.words for command in simple_commands(script) if command.words
               and (is_server_word(command.words[0]) or command.words[:1] == ["exec"])]  # fmt: skip
    return any(any(word.startswith("--model_") for word in words) for words in started)


def volumes(steps: list[Instruction]) -> Iterator[str]:
    """Folders that VOLUME says are mounted when the image is run: nobody can see into them here."""
    for step in steps:
        if step.word == "VOLUME":
            yield from step.words() or step.rest.split()


def fetches(step: Instruction) -> bool:
    """True for a RUN that may bring files from elsewhere."""
    if step.word != "RUN":
        return False
    return any(command.words and command.words[0] not in _HARMLESS for command in simple_commands(continued(step.rest)))
