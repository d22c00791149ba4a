"""All that was read, checked together: command lines with their files, texts that none of them names, base paths."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from playbook.lint.checks.asked_models import without_filled
from playbook.lint.checks.base_paths import check_served, started_otherwise
from playbook.lint.checks.client_programs import asked_by_http, is_client, speaks_grpc, speaks_rest
from playbook.lint.checks.command import Command
from playbook.lint.checks.configs import check_config
from playbook.lint.checks.containers import check_published
from playbook.lint.checks.flags import check_command
from playbook.lint.checks.health_asks import check_asks
from playbook.lint.checks.lookup import Sources
from playbook.lint.checks.mounted_models import check_kept, check_mounted
from playbook.lint.checks.named_files import meant_files, named_files
from playbook.lint.checks.own_images import once_started, said_once
from playbook.lint.checks.probes import names_served
from playbook.lint.checks.reading import Reading, Surroundings
from playbook.lint.checks.schema import KINDS
from playbook.lint.checks.scraped import check_targets, check_watched
from playbook.lint.checks.server_metrics import check_queries, count_asked
from playbook.lint.checks.unused_configs import check_unused
from playbook.lint.forms.text import UNKNOWN, Text, line_of
from playbook.lint.gathering import NAMES_NONE, NOT_UNDERSTOOD, Gathered
from playbook.lint.report import Report
from playbook.lint.rules.findings import Finding
from playbook.lint.together import settled, told_together
from playbook.lint.unnamed import judge_folders, judge_unnamed

# words that stand for flags which are not here: `$@`, `$FLAGS`, `--$NAME=$VALUE`
_OPEN = re.compile(r"\$[@*]|\$\{[@*]\}|\$…|\$\{?\w+(\[[@*]\])?\}?|--[\w-]*\$[^=]*(=.*)?", re.DOTALL)
_SAID = ("config-file-missing", "config-file-not-copied", "configmap-key-missing")  # a config file that is not there


def judge(reading: Reading, around: Surroundings, gathered: Gathered, checked: set[Path]) -> Report:
    """Check all that was read, and put the report together."""
    sources = around.sources
    report = Report(reading.findings, reading.counts, gathered.read, gathered.passed)
    judged: list[tuple[Command, dict[str, Text]]] = []
    said: list[tuple[Command, list[Finding]]] = []
    named: set[Text] = set()
    started = once_started(reading.commands)
    by_http = {port for text in gathered.texts.values() for port in asked_by_http(text)}
    reading.counts["command lines"] -= len(reading.commands) - len(started)
    reading.commands = started
    for each in reading.commands:
        before = len(report.findings)
        command, hits = check_command(each if each.cpus else replace(each, cpus=around.cpus))
        otherwise = started_otherwise(command, reading.commands, around)
        told = otherwise or command.step or command.since is not None  # of the line whose words it has again
        hits = [hit for hit in hits if not (told and hit.rule == "monitoring-missing")]
        report.findings += [*hits, *check_published(command, by_http), *check_mounted(command)]
        report.findings += check_unused(command, sources)
        if command.health is not None:
            asked = names_served(command, sources)
            report.findings += check_asks(command.health, "The health check", command, asked, command.path)
        report.counts["flags"] += sum(not command.since or (command.at(name) or 0) >= command.since
                                      for name in command.given)  # fmt: skip
        if any(_OPEN.fullmatch(word) for word in command.words):
            place = f"{command.path}:{command.line}" if command.line else command.path
            report.passed.setdefault("flags that are filled in elsewhere", []).append(place)
        files: dict[str, Text] = {}
        for flag, result in named_files(command, sources):
            if isinstance(result, Finding):
                report.findings.append(result)
            else:
                files[flag] = result
                named.add(result)
                report.findings += check_config(flag, result, command)
        _not_here(command, files, report)
        for flag, text in meant_files(command, sources):
            named.add(text)
            report.findings += check_config(flag, text, None)
        if not otherwise:
            report.findings += check_served(command, sources, files, checked)
        judged.append((command, files))
        report.findings[before:] = _since(_at_their_words(report.findings[before:], command), command)
        said.append((command, report.findings[before:]))
    report.findings = list(said_once(report.findings, said))
    commands, texts = [command for command, _ in judged], [*gathered.texts.values()]
    sources.asked |= {text.path for text in texts if commands and _asks(text)}
    report.findings += [*told_together(texts, judged, report.findings, around.served)]
    report.findings += [*check_kept(commands, sources), *check_targets(reading.scraped, commands)]
    report.findings += check_watched(reading.watched, commands, texts)
    _queries(texts, bool(judged), sources, report)
    report.findings = settled(report.findings, texts)
    judge_unnamed(reading, gathered, named, commands, report)
    report.findings = without_filled(report.findings, texts)
    judge_folders(gathered, judged, checked, report)
    report.counts["config files"] += len(named)
    _read_after_all(report, named, sources)
    report.findings = [hit for hit in report.findings if hit.line in around.added.get(hit.path, (hit.line,))]
    report.findings = _led_back(report.findings, around)
    report.texts = {text.path: text for text in gathered.texts.values()}
    return report


def _queries(texts: Sequence[Text], served: bool, sources: Sources, report: Report) -> None:
    """What the texts ask Prometheus for."""
    asked = {text.path: count for text in texts if (count := count_asked(text))}
    report.counts["PromQL expressions"] += sum(asked.values())
    sources.known |= asked.keys()
    if asked:
        report.findings += check_queries({text.path: text for text in texts}, served)


def _led_back(findings: list[Finding], around: Surroundings) -> list[Finding]:
    """The findings of rendered texts at the places where their lines were written."""
    result = []
    for hit in findings:
        origins = around.origins.get(hit.path)
        if origins and hit.line is not None:
            path, line = origins[min(hit.line, len(origins)) - 1]
            hit = replace(hit, path=path, line=line)
        result.append(hit)
    return result + around.as_written


def _at_their_words(hits: list[Finding], command: Command) -> list[Finding]:
    """Findings on words that stand in another file than the command line (a service that is extended) stand there."""
    words = [*command.words, *command.published, *command.implied.values()]
    own = {line_of(word) for word in words if not getattr(word, "path", "")}
    others = {line_of(word): path for word in words if (path := getattr(word, "path", ""))}
    moved = {line: path for line, path in others.items() if line not in own}
    return [replace(hit, path=moved.get(hit.line, hit.path)) if hit.path == command.path else hit for hit in hits]


def _since(hits: list[Finding], command: Command) -> list[Finding]:
    """Findings without those of words that another command line has too, which is judged by itself."""
    above = command.since or 0
    return [hit for hit in hits if hit.path != command.path or (hit.line or above) >= above]


def _not_here(command: Command, files: dict[str, Text], report: Report) -> None:
    """Tell of the config files that a command line names, and that nobody could read."""
    told = report.passed.setdefault("config files that are not here", [])
    for path in (command.text(flag) for flag in KINDS if flag not in files and command.text(flag)):
        name = "one whose name is filled in elsewhere" if UNKNOWN in path else path
        if name not in told and not any(hit.rule in _SAID and path in hit.message for hit in report.findings):
            told.append(name)


def _asks(text: Text) -> bool:
    """True for a program that was read as a client's of the servers here."""
    return is_client(text) and (speaks_grpc(text) or speaks_rest(text))


def _read_after_all(report: Report, named: set[Text], sources: Sources) -> None:
    """A file that a flag names, or another text, or that a finding is drawn from, was read as what it is to be,
    whatever its look said."""
    paths = {text.path for text in named} | sources.known
    report.findings = [hit for hit in report.findings if hit.rule != "not-understood" or hit.path not in paths]
    told = {hit.path for hit in report.findings if hit.rule != "unreadable"}
    beside = [path for reason in (NAMES_NONE, NOT_UNDERSTOOD) for path in report.passed.get(reason, ())
              if path in paths or (reason == NAMES_NONE and path in sources.asked | told)]  # fmt: skip
    report.files += beside
    paths |= set(beside)
    left = {reason: [path for path in passed if path not in paths] for reason, passed in report.passed.items()}
    report.passed = {reason: passed for reason, passed in left.items() if passed}
