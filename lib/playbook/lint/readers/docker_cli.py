"""`docker run` lines: options, image and arguments turned into the start of a container."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import takewhile

from playbook.lint.checks.bitnami import check_bitnami
from playbook.lint.checks.command import BINARY, OFFICIAL, Place, is_official
from playbook.lint.checks.containers import (
    check_health,
    check_image,
    check_other_image,
    check_relative_source,
    cores,
    count_cpus,
    relative_source,
)
from playbook.lint.checks.host_paths import check_host_paths
from playbook.lint.checks.launch import Start, launch
from playbook.lint.checks.own_images import as_built, built_as, serves
from playbook.lint.checks.pasted import mended_options
from playbook.lint.checks.reading import Document, Reading
from playbook.lint.checks.start import is_anothers
from playbook.lint.forms.text import Word, is_unknown
from playbook.lint.forms.variables import variables
from playbook.lint.readers.committed import copied_later, is_a_step
from playbook.lint.readers.docker_astray import as_meant, astray, image_as_meant, mount_as_meant
from playbook.lint.readers.docker_gpus import check_gpus
from playbook.lint.readers.docker_mounts import (
    check_bound,
    check_volumes,
    meant_as_folder,
    mount_parts,
    mounts_of,
    split_source,
)
from playbook.lint.readers.docker_options import check_options
from playbook.lint.readers.docker_words import is_servers, options_of, run_arguments
from playbook.lint.readers.entered import enter
from playbook.lint.rules.findings import Finding

_FILLED = re.compile(r"\b(cp|commit|exec|attach)\b|\bdocker_?py\b|put_archive")  # how files come into it later
_LOG = re.compile(r"\d{4}-\d\d-\d\d")  # a date, as the server's log begins, which was pasted behind the command


def read_docker_run(words: list[Word], document: Document) -> Reading:
    """The server of a `docker run` line; an empty reading for another program's container."""
    behind, reading = run_arguments(words), Reading()
    if behind and any(OFFICIAL in word or BINARY in word for word in behind):
        behind, reading.findings = mended_options(behind, document.text.path)
    count = len(behind or [])
    behind, broken = image_as_meant(behind or [], document.text.path)
    words = [*words[: len(words) - count], *behind]
    reading.findings += broken
    reading.counts["images"] += bool(broken)
    options, rest = options_of(behind) if behind else ([], [])
    if any(word.rpartition("/")[2] == "docker" for word in words[:3]) and "service" not in words[:4]:
        before = list(takewhile(lambda word: OFFICIAL not in word, behind or ())) if OFFICIAL in " ".join(words) else []
        unknown = list(check_options([word for word in before if not is_servers(word.partition("=")[0])],
                                     document.text.path))  # fmt: skip
        reading.findings += unknown
        reading.counts["images"] += bool(unknown)
    if (hit := astray(options, rest, document.text)) is not None:
        reading = Reading(findings=[*reading.findings, hit], counts=Counter({"images": 1}))
        return _and_as_meant(reading, words, behind or [], as_meant(behind or [], rest), document)
    concerned = OFFICIAL in document.text.content or "MODEL_NAME=" in document.text.content
    torn = next((value for name, value in options if name == "--mount" and value.endswith((",", "="))), None)
    if torn is not None and concerned and (not rest or split_source(rest[0])):
        what = "target" if mount_parts(torn)["source"] else "source"
        reading.counts["images"] += 1
        reading.report("mount-without-source", document.text.path, torn.line, value=str(torn), what=what)
        return _and_as_meant(reading, words, behind or [], mount_as_meant(behind or [], torn, rest), document)
    if not rest:
        for name, value in options:
            if is_servers(name) and value:  # a line that is told in part
                reading.report("flag-before-image", document.text.path, value.line, flag=name)
                reading.counts["images"] += 1
        return reading
    image, args, shown = rest[0], [word for word in rest[1:] if word.strip() or not word], document.text.path
    args = list(takewhile(lambda word: not _LOG.fullmatch(word), args))
    entry = next((value for name, value in options if name == "--entrypoint"), None)
    for name, value in options:
        cut = not mount_parts(value)["target"] and not is_unknown(value)  # at a blank, as a rule
        if name == "--mount" and (cut or value.endswith((",", "="))) and any(OFFICIAL in word for word in rest):
            what = "target" if mount_parts(value)["source"] else "source"
            reading.counts["images"] += 1
            reading.report("mount-without-source", shown, value.line, value=str(value), what=what)
            reading.findings += check_bound(value, shown)
            return _and_as_meant(reading, words, behind or [], mount_as_meant(behind or [], value, rest), document)
    built = built_as(document.around, image, shown)
    if any(word in image for word in ("tensorflow-serving", OFFICIAL)) or built is not None:
        reading.findings += check_volumes(options, shown)
    other = _other_image(options, image, args, shown) if built is None else []
    reading.findings += other
    reading.counts["images"] += len(other)
    if other or not serves(image, built, [*args, *([entry] if entry else [])]):
        reading.counts["images"] += built is None and is_anothers(image)
        told = {value.partition("=")[0]: value.with_text(value.partition("=")[2]) for name, value in options
                 if name in ("-e", "--env")}  # fmt: skip
        reading.findings += check_bitnami(image, told, shown, image.line)
        return reading
    reading.counts["images"] += 1
    reading.findings += check_image(image, shown, image.line) if built is None else ()
    start = _start(options, image, args, document, built is not None)
    if entry is not None:
        start.entry = [entry] if entry else [*args[:1]] or None
        start.args = start.args if entry else args[1:]
    start = as_built(start, built) if built is not None else start
    enter(start, document)
    given = {name for name, _ in options}
    for flag in sorted(filter(is_servers, given)):
        line = next((word.line for word in behind or [] if word.startswith(flag)), image.line)
        reading.report("flag-before-image", shown, line, flag=flag)
    host = any(name in ("--network", "--net") and value == "host" for name, value in options)
    reading.findings += check_gpus(words, options, image, start.image, shown)
    if "--sysctl" in given and host:
        sysctl = next(value for name, value in options if name == "--sysctl")
        reading.report("sysctl-host-network", shown, sysctl.line)
    for name, value in options:
        if name == "--health-cmd":
            reading.findings += check_health(value, image, set(), shown, value.line)
            start.health = value
        if name in ("-v", "--volume") and ":" in value:
            source, _, target = value.partition(":")
            reading.findings += check_relative_source(source, target.partition(":")[0], shown, value.line)
            if meant_as_folder(source, document):
                reading.findings.append(relative_source(source, target, shown, value.line))
        source = mount_parts(value)["source"] if name == "--mount" else ""
        if re.match(r"[./~]|\$\{?PWD|\$\(pwd", source) and not re.search(r"\btype=(?!volume)", value):
            reading.report("mount-not-bind", shown, value.line, source=source, value=str(value))
        if name == "--mount" and "type=bind" in value:
            reading.findings += check_bound(value, shown)
            if not mount_parts(value)["source"]:
                reading.report("mount-without-source", shown, value.line, value=str(value), what="source")
    reading.findings += check_host_paths(start.args, start.place.mounts, shown)
    astray_too = [value.with_text(f"--{name.lstrip('-')}={value}") for name, value in options if is_servers(name)]
    start.args = [*(word for word in astray_too if not word.endswith("=")), *start.args]  # judged where they belong
    started = launch(start)
    called = next((str(value) for name, value in options if name == "--name" and not is_unknown(value)), "")
    if called and is_a_step(called, document):
        started.commands = [replace(each, step=True) for each in started.commands]
    reading.add(started)
    return reading


def _and_as_meant(
    reading: Reading, words: list[Word], behind: list[Word], meant: list[Word] | None, document: Document
) -> Reading:
    """A reading of a line that goes wrong, with what else is said of it once that is mended."""
    if meant is not None and len(meant) < len(behind):
        again = read_docker_run([*words[: len(words) - len(behind)], *meant], document)
        again.findings = [hit for hit in again.findings if hit not in reading.findings]
        reading.add(replace(again, counts=Counter()))
    return reading


def _other_image(options: list[tuple[str, Word]], image: Word, args: list[Word], shown: str) -> list[Finding]:
    """TensorFlow's own image in the place of the server's, in which nobody means to type."""
    if any(name == "--interactive" or (re.fullmatch(r"-[a-z]*i[a-z]*", name) and not value) for name, value in options):
        return []
    told = {value.partition("=")[0] for name, value in options if name in ("-e", "--env")}
    return list(check_other_image(image, args, told | {str(port) for port in _published(options)}, shown))


def _start(options: list[tuple[str, Word]], image: Word, args: list[Word], document: Document, own: bool) -> Start:
    mounts, entered = tuple(mounts_of(options, document)), False
    called = next((str(value) for option, value in options if option == "--name"), "")
    if called and not is_unknown(called):
        later, entered = copied_later(called, document)
        mounts += tuple(later)
    hidden = (
        entered
        or any(is_unknown(mount.target) for mount in mounts)
        or any(name == "--volumes-from" for name, _ in options)
    )
    values = {name: value for name, value in options}
    environment, known = _of_files([value for name, value in options if name == "--env-file"], document)
    for name, value in options:
        if name in ("-e", "--env"):
            key, _, text = value.partition("=")
            environment[key] = value.with_text(text if "=" in value else "$" + key)
    whole = document.text.file in document.around.sources.texts and not _FILLED.search(
        document.around.sources.texts[document.text.file].content)  # fmt: skip
    workdir = values.get("--workdir", values.get("-w", Word(""))).rstrip("/")
    place = Place(True, own or is_official(image), mounts, document.folder, str(image), hidden, whole=whole,
                  workdir=workdir)  # fmt: skip
    cpuset = count_cpus(values.get("--cpuset-cpus", Word("")))
    quota = cores(values.get("--cpu-quota", "")), cores(values.get("--cpu-period", "100000"))
    quoted = quota[0] / quota[1] if quota[0] and quota[1] and quota[0] > 0 else None
    limit = None if cpuset else cores(values["--cpus"]) if "--cpus" in values else quoted
    return Start(document.text.path, image.line, str(image), None, args, environment, place,
                 cpuset or document.around.cpus, limit, tuple(_published(options)),
                 open_environment=not known,
                 partial="$@" in args)  # fmt: skip


def _of_files(named: list[Word], document: Document) -> tuple[dict[str, Word], bool]:
    """The variables of `--env-file`s, and whether all of the files are here; docker keeps quotes as they stand."""
    found: dict[str, Word] = {}
    known = True
    for each in named:
        text = document.around.sources.file(document.folder / each) if document.folder is not None else None
        known = known and text is not None
        found |= variables(text, quotes=False) if text is not None else {}
    return found, known


def _published(options: list[tuple[str, Word]]) -> Iterator[Word]:
    for name, value in options:
        if name not in ("-p", "--publish"):
            continue
        inside = value.rpartition(":")[2] if ":" in value else value
        inside = mount_parts(value)["target"] or inside  # docker service's long form
        if not is_unknown(inside):
            yield Word(inside, value.line, value.raw, str(value), value.path)
