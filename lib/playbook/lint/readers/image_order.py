"""A build's steps in their order: what a RUN uses before a later step brings it, and what COPY takes out of a stage."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from playbook.lint.checks.command import BINARY, is_official
from playbook.lint.checks.reading import Document
from playbook.lint.forms.dockerfile import Instruction, arguments_of, continued
from playbook.lint.forms.shell import simple_commands
from playbook.lint.forms.text import expand, is_unknown
from playbook.lint.readers.image_files import copied, workdir_of
from playbook.lint.readers.image_steps import fetches
from playbook.lint.rules.findings import Finding, finding

# what any image has; below /opt, /home, /srv and /mnt nothing
_THERE = re.compile(r"/(?:(?:bin|boot|dev|etc|lib\w*|media|proc|root|run|sbin|sys|tmp|usr|var)(?:/.*)?"
                    r"|opt|home|srv|mnt|models)?")  # fmt: skip
_LOOKS_AT = ("cat", "chmod", "chown", "ls", "sed", "cd", "source", ".", "bash", "sh")  # files that are to be there
_SAYS = ("echo", "printf", "cat", "ls", "cd", "chmod", "chown", "true", "set", "export")  # these bring none
_FORGIVEN = re.compile(r"\|\|\s*(?:true|:|echo)\b|\btest\b|\[\s|\bif\b")
_OTHER_PROGRAMS = re.compile(
    r"/usr(?:/local)?/(?:bin|lib)/(?:python|pip)[\w.]*(?:/.*)?|/usr/bin/wget|/usr/local/bin/curl"
)
_TO_PROGRAMS = re.compile(r"\s(?:/|\.|/?(?:usr|bin|lib)(?:/[\w./-]*)?)\s*$")
_PROGRAMS = r"python[\d.]*|streamlit|uvicorn|gunicorn|flask|node|npm|java|jupyter|nginx"
_FILLED = ("COPY", "ADD", "ENV", "WORKDIR", "LABEL", "EXPOSE", "USER", "VOLUME")  # a RUN's shell may know it otherwise
_OF_PLATFORM = ("TARGETPLATFORM", "TARGETARCH", "TARGETOS", "BUILDPLATFORM")
_ARCHIVE = re.compile(r"\.(?:tar|tgz|txz|tbz2?)\b")  # which ADD unpacks
_SERVER = f"/usr/bin/{BINARY}"


def check_order(final: Sequence[Instruction], official: bool, document: Document) -> Iterator[Finding]:
    """Paths that a RUN takes for granted and that only a later step of the stage brings, each once.

    Nothing behind a step that may bring files from elsewhere, or of an image whose base may hold any.
    """
    brings = [[*_brought(final, nth, document)] for nth in range(len(final))]
    there: list[str] = []
    for nth, step in enumerate(final if official else ()):
        if step.word == "RUN" and (step.fed or _FORGIVEN.search(step.rest)):
            return
        for path, line, folder in _used(step) if step.word == "RUN" else ():
            if _THERE.fullmatch(path) or is_unknown(path) or any(_meet(each, path) for each in there):
                continue
            later = next((other for place, other in enumerate(final) if place > nth and any(
                _holds(each, path) or (folder and _holds(path, each)) for each in brings[place])), None)  # fmt: skip
            text = document.text
            if later is None and folder:
                yield finding("folder-never-made", text.path, text.line(line), path=path)
                there.append(path)
            if later is not None:
                other = f", or make the folder first: mkdir -p {path}" if folder else ""
                yield finding("used-before-made", text.path, text.line(line), path=path, word=later.word,
                              later=text.line(later.line), other=other)  # fmt: skip
                there.append(path)
        if (step.word == "RUN" and fetches(step)) or (step.word == "ADD" and _ARCHIVE.search(step.rest)):
            return
        there += brings[nth]


def _holds(folder: str, path: str) -> bool:
    """True for a path at or below another."""
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _meet(made: str, path: str) -> bool:
    """True for a path that is there with one that was made: below it, itself, or a folder that it lies in."""
    return _holds(made, path) or _holds(path, made)


def _brought(steps: Sequence[Instruction], nth: int, document: Document) -> Iterator[str]:
    """Paths that a step brings into being."""
    step = steps[nth]
    if step.word in ("COPY", "ADD"):
        before = len([*copied([*steps[:nth]], {}, document)])
        yield from (mount.target for mount in [*copied([*steps[: nth + 1]], {}, document)][before:])
    elif step.word == "WORKDIR":
        yield workdir_of([*steps[: nth + 1]], {}) or "/"
    elif step.word == "RUN":
        for command in simple_commands(continued(step.rest)):
            if command.target:
                yield str(command.target)
            if command.words and command.words[0] not in _SAYS:
                yield from (word for word in command.words[1:] if word.startswith("/"))


def _used(step: Instruction) -> Iterator[tuple[str, int, bool]]:
    """Paths that a RUN needs, with their lines, and whether each is a folder; those that it makes itself apart."""
    made: list[str] = []
    for command in simple_commands(continued(step.rest), {}, step.line):
        line = command.line or step.line
        needs = [(command.target.rpartition("/")[0], True)] if command.target else []
        if command.words and command.words[0] in _LOOKS_AT:
            needs += [(word.rstrip("/"), command.words[0] == "cd") for word in command.words[1:]]
        elif command.words and command.words[0].startswith("/"):
            needs.append((str(command.words[0]), False))
        for path, folder in needs:
            if path.startswith("/") and not re.search(r"[*?$]", path) and not any(_meet(each, path) for each in made):
                yield path, line, folder
        made += [str(command.target)] if command.target else []
        made += [word for word in command.words[1:] if word.startswith("/") and command.words[0] not in _SAYS]


def check_taken(steps: Sequence[Instruction], document: Document) -> Iterator[Finding]:
    """Programs that COPY takes out of a stage of the server's image, which has none of them."""
    arguments = arguments_of([*steps])
    for step in steps:
        match = re.search(r"--from=(\S+)", step.rest) if step.word == "COPY" else None
        image = _image_of(expand(match[1], arguments), steps, arguments) if match else ""
        if match is None or not is_official(image) or "devel" in image or is_unknown(image):
            continue
        for source in (word for word in step.rest.split()[:-1] if word.startswith("/")):
            remedy = "Install it in the image that is built."
            if source.rpartition("/")[2] == BINARY and source != _SERVER:
                remedy = f"The server is {_SERVER} there."
            elif not _OTHER_PROGRAMS.fullmatch(source):
                continue
            text, line = document.text, step.line + step.rest[: step.rest.find(source)].count("\n")
            yield finding("copy-not-in-image", text.path, text.line(line), stage=match[1], source=source, image=image,
                          remedy=remedy)  # fmt: skip


def _image_of(stage: str, steps: Sequence[Instruction], arguments: dict[str, str]) -> str:
    """The image that a stage is, where nothing is put into it from elsewhere; an image's own name stays as it is."""
    begin = next((nth for nth, step in enumerate(steps) if step.word == "FROM"
                  and re.search(rf"\sas\s+{re.escape(stage)}\s*$", step.rest, re.IGNORECASE)), None)  # fmt: skip
    if begin is None:
        return stage
    end = next((nth for nth in range(begin + 1, len(steps)) if steps[nth].word == "FROM"), len(steps))
    if any(fetches(step) or (step.word in ("COPY", "ADD") and _TO_PROGRAMS.search(step.rest))
           for step in steps[begin:end]):  # fmt: skip
        return ""
    return expand(steps[begin].rest.split()[0], arguments)


def check_scopes(steps: Sequence[Instruction], final: Sequence[Instruction], official: bool,
                 document: Document) -> Iterator[Finding]:  # fmt: skip
    """Steps that Docker does not take together: a CMD of the server's with another behind it, an ARG before FROM."""
    text, commands = document.text, [step for step in final if step.word == "CMD"]
    served = next((step for step in commands[:-1] if _starts_with(step) == BINARY), None)
    if served is not None and re.fullmatch(_PROGRAMS, _starts_with(commands[-1])):
        yield finding("cmd-taken-over", text.path, text.line(served.line), later=text.line(commands[-1].line))
    begin = next((nth for nth, step in enumerate(steps) if step.word == "FROM"), 0)
    early = [step.rest.partition("=")[0].strip() for step in steps[:begin] if step.word == "ARG"]
    known = {name for step in steps[begin:] if step.word in ("ARG", "ENV")
             for name in re.findall(r"(\w+)(?:=|\s|$)", step.rest)} | set(_OF_PLATFORM)  # fmt: skip
    for name in (each for each in early if each not in known):
        asked = re.compile(rf"\$(?:{re.escape(name)}\b|\{{{re.escape(name)}\}})")
        uses = ((step, use) for step in final if step.word in _FILLED and (use := asked.search(step.rest)))
        for step, use in list(uses)[:1]:
            own = official and name in ("MODEL_NAME", "MODEL_BASE_PATH")
            effect = "the image's own value stands there" if own else "nothing stands there"
            line = step.line + step.rest[: use.start()].count("\n")
            yield finding("argument-before-from", text.path, text.line(line), name=name, effect=effect)


def _starts_with(step: Instruction) -> str:
    words = [str(word) for word in step.words() or step.rest.split()]
    return words[0].rpartition("/")[2] if words else ""
