"""Images that are built here under a name of their own: the Dockerfile behind a name, and what a start makes of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from playbook.lint.checks.command import BINARY, OFFICIAL, Command
from playbook.lint.checks.reading import Image, Surroundings
from playbook.lint.checks.start import Start, is_server
from playbook.lint.forms.text import Text, Word
from playbook.lint.rules.findings import Finding

_REGISTRY = re.compile(r"^(?:(?:index\.)?docker\.io/)?(?:library/)?")
_RUNS = re.compile(r"\b(docker|podman|nerdctl|kubectl|gcloud|kn|containers)\b")
_SERVER_LINE = re.compile(rf"(?m)^[^#\n]*\b{BINARY}\"?\s+(?:\\\n\s*)?[-$\"]")
_BRACES = re.compile(r"\$\{(\w+)[^}]*\}")
# what is missing in an image may be given where it is run
_MAY_BE_GIVEN = {"config-file-not-copied", "base-path-missing", "no-model", "model-lost", "no-version", "rest-port-off",
                 "batching-file-unused", "monitoring-missing", "base-path-not-here"}  # fmt: skip


def remember(around: Surroundings, name: str, image: Image, shown: str) -> None:
    """Keep that a text (`shown`) builds an image under a name."""
    known = around.builds.setdefault(_parts(name)[2], [])
    if name.strip("$:/.") and all((name, image) != (other, held) for other, held, _ in known):
        known.append((name, image, shown))
        around.sources.asked.add(shown)


def built_as(around: Surroundings, name: str, shown: str) -> Image | None:
    """The image that is built here under this name; None where none is, or where it could be one of several.

    The name counts first as it is, then without its tag, then without its registry: what is pushed has one in front.
    """
    known = around.builds.get(_parts(name)[2], [])
    whole, bare, _ = _parts(name)
    if bare == OFFICIAL:
        known = [each for each in known if _parts(each[0])[0] == whole]
    for place in (0, 1, 2):
        same = [each for each in known if _parts(each[0])[place] == _parts(name)[place]]
        here = [image for _, image, path in same if path == shown]
        for images in (here, [image for _, image, _ in same]):
            if images and all(image == images[0] for image in images):
                return images[0]
        if same:
            return None
    return None


def serves(image: str, built: Image | None, words: list[Word]) -> bool:
    """True for a container that serves, by its image or what the Dockerfile behind its name makes of it."""
    if built is None:
        return is_server(image, words)
    named = [*words, *map(Word, built.entry or ()), *map(Word, built.cmd)]
    called = {part.rpartition("/")[2] for word in named for part in word.split()}
    scripts = (text for path, text in built.scripts.items() if path.rpartition("/")[2] in called)
    return is_server(built.base, named) or any(map(runs_server, scripts))


def runs_server(script: Text) -> bool:
    """True for a script with a line that starts the server."""
    return bool(_SERVER_LINE.search(script.content))


def names_own(around: Surroundings, content: str) -> bool:
    """True for a text that runs containers and has a name of an image which is built here."""
    if not around.builds or not _RUNS.search(content):
        return False
    return any(
        re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w-])", content) for name in around.builds if name in content
    )


def _parts(name: str) -> tuple[str, str, str]:
    """A name whole with its tag, without it, and without its registry and folders."""
    plain = _REGISTRY.sub("", _BRACES.sub(r"$\1", name).partition("@")[0])
    folder, slash, last = plain.rpartition("/")
    last, _, tag = last.partition(":")
    bare = f"{folder}{slash}{last}"
    return f"{bare}:{tag or 'latest'}", bare, bare if last.startswith("$") else last


def as_built(start: Start, built: Image) -> Start:
    """The start of such an image: what its Dockerfile sets stands behind what the start gives.

    `start.place.closed` says whether the start's own text leaves nothing out.
    """
    lost = built.partial and not (start.args or start.entry)
    environment = {**{name: Word(value) for name, value in built.environment.items()}, **start.environment}
    entry, args = start.entry, start.args
    if entry is None:
        args = args or [Word(word) for word in built.cmd]
        entry = None if built.entry is None else [Word(word) for word in built.entry]
    place = replace(start.place, mounts=(*start.place.mounts, *built.mounts), image=built.base,
                    closed=start.place.closed and built.closed, dockerfile=built.path,
                    workdir=start.place.workdir or built.workdir)  # fmt: skip
    return replace(start, image=built.base, entry=entry, args=args, environment=environment, place=place,
                   scripts={**built.scripts, **start.scripts}, own_image=True,
                   partial=start.partial or lost, build_arguments=built.arguments,
                   inherited=frozenset(built.environment.keys() - start.environment.keys()))  # fmt: skip


def once_started(commands: Iterable[Command]) -> list[Command]:
    """The command lines without those of scripts read by themselves that an image runs, whose variables it sets."""
    held = list(commands)
    known = {(each.path, each.line) for each in held if each.place.container}
    return [each for each in held if each.place.container or not _asks(each) or (each.path, each.line) not in known]


def _asks(command: Command) -> bool:
    """True for a command line with a variable in it that is not known."""
    return any(re.search(r"\$\{?[A-Za-z_]", word) for word in command.words)


def said_once(findings: Iterable[Finding], judged: Iterable[tuple[Command, list[Finding]]]) -> Iterator[Finding]:
    """Findings without those of a run that its image's Dockerfile has too, and without what the runs of an image give
    that its Dockerfile alone lacks."""
    held, all_judged = list(findings), list(judged)
    runs = [(command, hits) for command, hits in all_judged if command.place.dockerfile]
    scripts = {command.path for command, _ in all_judged if command.place.built and not command.place.dockerfile}
    said = {(hit.path, hit.rule, hit.message) for hit in held}
    again = {id(hit) for command, hits in runs for hit in hits if hit.path == command.path != command.place.dockerfile
             and (command.place.dockerfile, hit.rule, hit.message) in said}  # fmt: skip
    lacking = {(command.place.dockerfile, hit.rule) for command, hits in runs for hit in hits}
    lacking |= {(command.path, hit.rule) for command, hits in runs for hit in hits if command.path in scripts}
    lacking |= {(path, "config-file-not-copied") for path, rule in lacking if rule == "config-file-missing"}
    started = {command.place.dockerfile for command, _ in runs} | ({command.path for command, _ in runs} & scripts)
    for hit in held:
        given = hit.path in started and hit.rule in _MAY_BE_GIVEN and (hit.path, hit.rule) not in lacking
        if id(hit) not in again and not given:
            yield hit
