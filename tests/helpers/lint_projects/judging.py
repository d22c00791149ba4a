"""A project from a seed, what lint says of it and of its right twin, where it is wrong, and the least text for that."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from lint_projects import cluster, commands, composed, other_forms
from lint_projects.cluster_faults import CLUSTER_FAULTS
from lint_projects.draws import Draw, mark, places, unmarked
from lint_projects.faults import SERVER_FAULTS, Fault, drawn_faults
from lint_projects.servers import Server, good_server
from lint_projects.surroundings import around
from lint_projects.text_faults import TEXT_FAULTS
from playbook.lint import fixes
from playbook.lint.linter import examine
from playbook.lint.output import exit_code
from playbook.lint.report import Report
from playbook.lint.rules.findings import RULES

COMMON = {
    "monitoring-missing",
    "entrypoint-replaced",
    "no-drain",
    "no-probe",
    "batching-defaults",
    "grpc-balancing",
}  # said of many right texts
FOLLOWS = {"request-wrong-port", "client-wrong-model"}  # clients of a server that lost its port or its models
TEXTS: dict[str, Callable[[Draw, Server], dict[str, str]]] = {
    "image": commands.dockerfile, "compose": composed.compose, "image and compose": composed.image_and_compose,
    "a form": other_forms.any_form, "told again": other_forms.told_again,
    "docker run": commands.run_script, "unit": commands.unit, "python": commands.python, "script": commands.shell_start,
}  # fmt: skip
READS_ENV = {"image", "compose", "docker run", "told again", "image and compose", "cluster"}
NEAR = 1  # lines between a fault and the line it is named at


@dataclass
class Project:
    """A drawn project: its texts with marks, its faults by number, and the labels of what was drawn."""

    form: str
    texts: dict[str, str]
    faults: dict[int, Fault]
    labels: list[str]


def project(seed: int, plain=frozenset(), kept=None) -> Project:
    """The project of a seed, `plain` labels at their plainest; of its faults those in `kept` (None: all)."""
    draw = Draw(seed, plain)
    form = draw.choose("form", *TEXTS, "cluster", "cluster")
    server = good_server(draw, form in READS_ENV, form != "a form")
    objects = cluster.cluster(draw, copy.deepcopy(server)) if form == "cluster" else None
    texts = cluster.written(draw, objects) if objects else TEXTS[form](draw, copy.deepcopy(server))
    target = {"server": server, "cluster": objects, "texts": texts}
    all_faults = [*SERVER_FAULTS, *CLUSTER_FAULTS, *TEXT_FAULTS]
    able = [each for each in all_faults if _can_be(each, form) and each.fits(target[each.room])]
    faults = {number: fault for number, fault in enumerate(drawn_faults(draw, able)) if kept is None or number in kept}
    _put(faults, "server", server)
    if form == "cluster":
        objects = cluster.cluster(draw, server)
        _put(faults, "cluster", objects)
        texts = cluster.written(draw, objects)
    else:
        texts = TEXTS[form](draw, server)
        _put(faults, "texts", texts)
    where = places(texts)  # other faults may have taken away what a change of the texts looks for
    faults = {number: fault for number, fault in faults.items() if fault.room != "texts" or number in where}
    return Project(form, around(draw, texts), faults, list(draw.labels))


def _can_be(fault: Fault, form: str) -> bool:
    """True for a fault that can stand in a form; the forms of the matrix take words that want no quotes alone."""
    if form == "a form":
        return fault.forms is None and not fault.files
    return not fault.forms or form in fault.forms


def _put(faults: dict[int, Fault], room: str, target) -> None:
    for number, fault in faults.items():
        if fault.room == room:
            fault.change(target, mark(number))


def examined(texts: dict[str, str], folder: Path) -> Report:
    """What lint says of a folder with these texts."""
    for path, text in texts.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(unmarked(text), newline="")
    return examine(folder)


def told(report: Report) -> set[tuple[str, str, int | None]]:
    """The rules that were met, with their places; notes and what is said of nearly every text aside."""
    return {
        (hit.rule, hit.path, hit.line) for hit in report.findings if hit.severity != "note" and hit.rule not in COMMON
    }


SURER = {"config-file-not-copied": "config-file-missing"}


def named(fault: Fault, at: set[tuple[str, int]], hits) -> bool:
    """True where a fault is named at one of its places, by its rule or by what is said where more is known."""
    return any(rule in (fault.rule, SURER.get(fault.rule)) and path == where and abs((line or 0) - number) <= NEAR
               for rule, path, line in hits for where, number in at)  # fmt: skip


def disagreements(drawn: Project, twin: Project) -> list[str]:
    """What lint gets wrong with a project: `missed RULE`, `false RULE`, and what mending and exit code should be."""
    with TemporaryDirectory() as name, TemporaryDirectory() as other:
        report = examined(drawn.texts, Path(name))
        hits, right = told(report), told(examined(twin.texts, Path(other)))
        wrong = [f"twin {rule}" for rule, _, _ in right]
        where = places(drawn.texts)
        wrong += [
            f"missed {fault.rule}"
            for number, fault in drawn.faults.items()
            if not named(fault, where.get(number, set()), hits)
        ]
        may = (FOLLOWS if drawn.faults else set()) | {fault.rule for fault in drawn.faults.values()}
        may = may.union(*(fault.also for fault in drawn.faults.values()))
        wrong += [
            f"false {rule}" for rule, _, _ in hits if rule not in may and rule not in {each for each, _, _ in right}
        ]
        worst = Counter(RULES[rule].severity for rule, _, _ in hits)
        code = 2 if worst["error"] else 1 if worst["warning"] else 0
        if exit_code(report) != code and not (code == 0 and exit_code(report) == 1):  # what is said of nearly all
            wrong.append(f"exit code {exit_code(report)} for {code}")
        wrong += mending(drawn, report, Path(name), hits) if not wrong else []
    return sorted(set(wrong))


def mending(drawn: Project, report: Report, folder: Path, hits) -> list[str]:
    """What `--fix` leaves of what it mends, and what it breaks."""
    fixable = [fault for fault in drawn.faults.values() if fault.fixable]
    if not fixable:
        return []
    fixes.write(fixes.settled(report, lambda instead: examine(folder, instead=instead)))
    mended = examine(folder)
    after = told(mended)
    left, rest = {rule for rule, _, _ in after}, {rule for rule, _, _ in hits}
    firm = {fault.rule for fault in drawn.faults.values() if fault.fixable is False}
    wrong = [f"not mended {fault.rule}" for fault in fixable if fault.rule in left - firm]
    wrong += [f"lost by mending {rule}" for rule in firm if not {rule, SURER.get(rule)} & left]
    may = rest.union(*(fault.also for fault in drawn.faults.values()))
    again = fixes.settled(mended, lambda instead: examine(folder, instead=instead))
    wrong += ["mended a second time"] if again else []
    return wrong + [f"made by mending {rule}" for rule in left - may]


def tried(seed: int) -> tuple[Project, list[str]]:
    """The project of a seed, and what lint gets wrong with it."""
    drawn = project(seed)
    return drawn, disagreements(drawn, project(seed, kept=frozenset()))


def judged(seed: int, plain=frozenset(), kept=None) -> list[str]:
    """What lint gets wrong with the project of a seed."""
    return disagreements(project(seed, plain, kept), project(seed, plain, frozenset()))


def shrunk(seed: int, wrong: str) -> tuple[frozenset[str], frozenset[int]]:
    """The labels that can be plain, and the faults that must stay, for one disagreement to remain."""
    plain: set[str] = set()
    kept = set(project(seed).faults)
    for number in sorted(kept):
        if wrong in judged(seed, frozenset(), kept - {number}):
            kept -= {number}
    labels = [label for label in project(seed, kept=kept).labels if label not in ("form", "faults", "how many faults")]
    step = max(len(labels) // 2, 1)
    while step:
        for begin in range(0, len(labels), step):
            tried = plain | set(labels[begin : begin + step])
            if tried != plain and wrong in judged(seed, frozenset(tried), kept):
                plain = tried
        step //= 2
    return frozenset(plain), frozenset(kept)


def least(seed: int, wrong: str) -> str:
    """The least project that still shows a disagreement, as text."""
    drawn = project(seed, *shrunk(seed, wrong))
    files = "".join(f">> {path}\n{unmarked(text)}" for path, text in drawn.texts.items())
    faults = ", ".join(fault.rule for fault in drawn.faults.values())
    return f"seed {seed}, {drawn.form}: {wrong} (faults: {faults}; at {places(drawn.texts)})\n{files}"
