"""Where the lines of rendered charts come from: a template, a file that it takes in, or a file of values."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from playbook.lint.forms.text import Text

SOURCE = "# Source: "


@dataclass(frozen=True)
class Rendered:
    """What Helm made of one template: its text, and for each line the file and line that it comes from."""

    template: Path
    content: str
    origins: tuple[tuple[Path, int], ...]


def by_template(
    output: str, folder: Path, texts: Mapping[Path, Text], beside: Path | None = None
) -> Iterator[Rendered]:
    """Helm's output by template, each line with its origin: documents of one template are put together again."""
    pieces: dict[Path, list[str]] = {}
    lines: list[str] = []
    for line in output.split("\n"):
        if line.startswith(SOURCE):
            inside = line.removeprefix(SOURCE).partition("/")[2]
            lines = pieces.setdefault(folder / inside, [])
            lines.append("---")
        elif line != "---":
            lines.append(line)
    for template, content in pieces.items():
        if template in texts:
            above = [each / "values.yaml" for each in template.parents if each.is_relative_to(folder)]
            given = [path for path in (beside, folder / "values.yaml", *above) if path is not None and path in texts]
            origins = tuple(_origins(content, template, given, _taken_in(template, folder, texts), texts))
            yield Rendered(template, "\n".join(content), origins)


def _origins(
    content: list[str],
    template: Path,
    values: list[Path],
    taken: Mapping[str, tuple[Path, int]],
    texts: Mapping[Path, Text],
) -> Iterator[tuple[Path, int]]:
    """For each rendered line its line in the template, a file that the template takes in, or the value it shows.

    Else the nearest line above.
    """
    written = [line.strip() for line in texts[template].content.split("\n")]
    given = [(path, number, text) for path in values for number, text in
             enumerate(texts[path].content.split("\n"), 1)]  # fmt: skip
    place = 0
    block: list[tuple[Path, int, str]] = []  # the lines of the value that the template shows here
    for line in content:
        bare = line.strip()
        following = next((number for number in range(place, len(written)) if written[number] == bare), None)
        if bare and following is not None:
            place = following
            block = _shown_at(place, written, given)
            yield template, place + 1
            continue
        again = [number for number in range(place) if bare and written[number] == bare]
        if len(bare) > 2 and again:  # a range goes back to its first line
            place = again[-1]
            yield template, place + 1
            continue
        if bare in taken:
            yield taken[bare]
            continue
        alike = [number for number in range(len(written)) if _filled(written[number], bare)]
        nearest = min(alike, key=lambda number: abs(number - place)) if alike else place
        if alike and bare.startswith("- name:"):  # what is said of a container is said of the template
            yield template, nearest + 1
            continue
        word = bare.removeprefix("- ").strip("\"'")
        within = (
            (path, number) for path, number, text in block if text.strip() == bare or (len(word) > 2 and word in text)
        )
        everywhere = ((path, number) for path, number, text in given if len(word) > 2 and word in text)
        shown = next(within, None) or next(everywhere, None)
        if shown is not None:
            yield shown
            continue
        yield template, nearest + 1


def _shown_at(place: int, written: list[str], given: list[tuple[Path, int, str]]) -> list[tuple[Path, int, str]]:
    """The lines below the value that a template prints at this line, in the file whose value wins; none for others.

    Of tables that are alike each has its own place: `with .Values.readinessProbe` around a `toYaml .`.
    """
    near = [written[number] for number in (place + 1, place, place - 1) if 0 <= number < len(written)]
    named = next((match[1] for line in near if (match := re.search(r"\.Values\.([\w.]+)", line))), "")
    for path in dict.fromkeys(each for each, _, _ in given) if named else ():
        lines = [each for each in given if each[0] == path]
        for name in named.split("."):
            start = next((nth for nth, (_, _, text) in enumerate(lines) if re.match(rf"\s*{name}\s*:", text)), None)
            lines = _below(lines, start) if start is not None else []
        if lines:
            return lines
    return []


def _below(lines: list[tuple[Path, int, str]], start: int) -> list[tuple[Path, int, str]]:
    """The lines of a mapping's value: those behind its key that are indented deeper."""
    depth = len(lines[start][2]) - len(lines[start][2].lstrip())
    behind = lines[start + 1 :]
    end = next((nth for nth, (_, _, text) in enumerate(behind) if text.strip() and not text.lstrip().startswith("#")
                and len(text) - len(text.lstrip()) <= depth), len(behind))  # fmt: skip
    return behind[:end]


def _taken_in(template: Path, folder: Path, texts: Mapping[Path, Text]) -> dict[str, tuple[Path, int]]:
    """The lines of a chart's other files by their text, where the template takes files in."""
    if ".Files." not in texts[template].content:
        return {}
    files = [path for path in texts if path.is_relative_to(folder) and path.parent != folder
             and path.relative_to(folder).parts[0] not in ("templates", "charts")]  # fmt: skip
    return {line.strip(): (path, number) for path in files
            for number, line in enumerate(texts[path].content.split("\n"), 1) if len(line.strip()) > 2}  # fmt: skip


def _filled(written: str, bare: str) -> bool:
    """True where a rendered line is a template's line with its actions filled in."""
    if "{{" not in written:
        return False
    begin, end = written.partition("{{")[0], written.rpartition("}}")[2]
    return bool(begin or end) and bare.startswith(begin) and bare.endswith(end)
