"""All that was read, checked together: command lines with their files, texts that none of them names, base paths."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from playbook.lint.checks.asked import check_requests
from playbook.lint.checks.asked_models import check_models_asked, without_filled
from playbook.lint.checks.asked_ports import check_ports_asked
from playbook.lint.checks.asked_signatures import check_signatures_asked
from playbook.lint.checks.base_paths import check_served, serving_of, started_otherwise
from playbook.lint.checks.batching_given import check_given, check_own_place
from playbook.lint.checks.command import Command
from playbook.lint.checks.configs import check_config
from playbook.lint.checks.containers import check_published
from playbook.lint.checks.crossed_ports import check_crossed
from playbook.lint.checks.empty_values import without_set
from playbook.lint.checks.flags import check_command
from playbook.lint.checks.health_asks import check_asks
from playbook.lint.checks.image_tags import are_old, at_their_values, without_made, without_own_tags
from playbook.lint.checks.load_clients import check_load
from playbook.lint.checks.lookup import Sources
from playbook.lint.checks.models import check_base_path, meant_as_base_path
from playbook.lint.checks.mounted_models import check_kept, check_mounted
from playbook.lint.checks.named_files import meant_files, named_files
from playbook.lint.checks.near_names import check_near_names
from playbook.lint.checks.other_servers import OPENVINO, is_openvinos
from playbook.lint.checks.other_variables import check_variables
from playbook.lint.checks.own_images import once_started, said_once
from playbook.lint.checks.ports_twice import check_document, check_script
from playbook.lint.checks.probes import names_served
from playbook.lint.checks.reading import Reading, Surroundings
from playbook.lint.checks.schema import KINDS
from playbook.lint.checks.scraped import check_targets, check_watched
from playbook.lint.checks.server_metrics import check_queries, count_asked
from playbook.lint.checks.set_aside_flags import check_never_given, check_set_aside
from playbook.lint.checks.told_flags import read_under, without_forks
from playbook.lint.checks.unused_configs import check_unused
from playbook.lint.checks.warmup_paths import check_warmup_paths
from playbook.lint.forms.text import UNKNOWN, Text, line_of
from playbook.lint.gathering import NAMES_NONE, NOT_UNDERSTOOD, Gathered, model_folders
from playbook.lint.report import Report
from playbook.lint.rules.findings import Finding

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
    reading.counts["command lines"] -= len(reading.commands) - len(started)
    reading.commands = started
    for each in reading.commands:
        before = len(report.findings)
        command, hits = check_command(each if each.cpus else replace(each, cpus=around.cpus))
        otherwise = started_otherwise(command, reading.commands)
        hits = [hit for hit in hits if not (otherwise and hit.rule == "monitoring-missing")]
        report.findings += [*hits, *check_published(command), *check_mounted(command)]
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
    report.findings += check_targets(reading.scraped, [command for command, _ in judged])
    _queries(gathered, bool(judged), sources, report)
    texts = gathered.texts.values()
    report.findings += check_watched(reading.watched, [command for command, _ in judged], texts)
    for text in gathered.texts.values():
        own = [command for command, _ in judged if command.path == text.path]
        report.findings += [*check_requests(text, own, around.served), *check_warmup_paths(text)]
        report.findings += [*check_crossed(text, own), *check_script(text, own), *check_document(text, own)]
        report.findings += check_variables(text, own)
    report.findings += check_kept([command for command, _ in judged], sources)
    report.findings += check_models_asked(gathered.texts.values(), judged)
    report.findings += check_load(gathered.texts.values(), [command for command, _ in judged])
    report.findings += [*check_near_names(judged, gathered.texts.values(), report.findings)]
    report.findings += check_signatures_asked(gathered.texts.values()) if judged else ()
    report.findings += check_ports_asked(gathered.texts.values(), [command for command, _ in judged])
    report.findings = _under_one_name(report.findings)
    report.findings = without_own_tags(without_made(report.findings, gathered.texts.values()), gathered.texts.values())
    report.findings = at_their_values(report.findings, gathered.texts.values())
    report.findings = without_forks(report.findings, gathered.texts.values())
    report.findings = without_set(report.findings, gathered.texts.values())
    report.findings += check_own_place(text.path for text in gathered.texts.values())
    _loose(reading, gathered, named, judged, report)
    report.findings = without_filled(report.findings, gathered.texts.values())
    _models(gathered, judged, checked, report)
    report.counts["config files"] += len(named)
    _read_after_all(report, named, sources)
    report.findings = [hit for hit in report.findings if hit.line in around.added.get(hit.path, (hit.line,))]
    report.findings = _led_back(report.findings, around)
    report.texts = {text.path: text for text in gathered.texts.values()}
    return report


def _queries(gathered: Gathered, served: bool, sources: Sources, report: Report) -> None:
    """What the texts ask Prometheus for."""
    asked = {text.path: count for text in gathered.texts.values() if (count := count_asked(text))}
    report.counts["PromQL expressions"] += sum(asked.values())
    sources.known |= asked.keys()
    if asked:
        report.findings += check_queries({text.path: text for text in gathered.texts.values()}, served)


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


def _under_one_name(hits: list[Finding]) -> list[Finding]:
    """Findings without a second name of one fault: a base path where KServe puts no model holds none; a batching file
    that a script writes too late is not there to be rewritten."""
    told = {(hit.path, hit.line) for hit in hits if hit.rule == "runtime-serves-nothing"}
    late = {hit.path for hit in hits if hit.rule == "config-file-late"}
    again = [hit for hit in hits if (hit.rule == "base-path-missing" and (hit.path, hit.line) in told)
             or (hit.rule == "batching-rewritten-in-place" and hit.path in late)]  # fmt: skip
    return [hit for hit in hits if hit not in again]


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


def _loose(
    reading: Reading,
    gathered: Gathered,
    named: set[Text],
    judged: list[tuple[Command, dict[str, Text]]],
    report: Report,
) -> None:
    """Config texts that no command line names."""
    loose = [(flag, text) for flag, text in reading.configs if text not in named]
    loose += [
        (flag, gathered.texts[path]) for path, flag in gathered.configs.items() if gathered.texts[path] not in named
    ]
    commands = [command for command, _ in judged]
    texts = [*gathered.texts.values()]
    old = are_old(texts)
    for flag, text in dict.fromkeys(loose):
        if is_openvinos(text, texts):
            report.passed.setdefault(OPENVINO, []).append(text.path)
            report.files = [path for path in report.files if path != text.path]
            continue
        if set_aside := [*check_set_aside(flag, text, commands, texts)]:
            report.findings += set_aside
            report.counts["config files"] += 1
            continue
        told = any(hit.rule == "mounted-config-unused" and f"--{flag}=" in hit.remedy for hit in report.findings)
        lost = [*check_never_given(flag, text, commands, texts)] or check_given(flag, text, commands, texts)
        report.findings += lost if not told else ()
        about = read_under(text, commands, texts) if flag == "model_config_file" else None
        hits = check_config(flag, text, about)
        report.findings += [hit for hit in hits if not (old and hit.rule == "s3-not-supported")]
        report.counts["config files"] += 1


def _models(
    gathered: Gathered, judged: list[tuple[Command, dict[str, Text]]], checked: set[Path], report: Report
) -> None:
    """Base paths in the folder that no command line led to; several command lines are judged together."""
    servings = [serving_of(command, files.get("batching_parameters_file")) for command, files in judged]
    limits = [each.limit for each in servings if each.limit is not None]
    together = serving_of(Command(()), None)
    together = replace(together, per_model=any(each.per_model for each in servings), limit=min(limits, default=None),
                       padding=any(each.padding for each in servings),
                       warmup=not servings or any(each.warmup for each in servings))  # fmt: skip
    if servings and all(each.tags == servings[0].tags for each in servings):
        together = replace(together, tags=servings[0].tags)
    for folder, shown in model_folders(gathered):
        report.counts["model folders"] += 1
        if folder.resolve() not in checked and meant_as_base_path(folder):
            report.findings += check_base_path(folder, shown, together)
    for folder in checked:
        if all(folder != each.resolve() for each, _ in model_folders(gathered)):
            report.counts["model folders"] += 1
