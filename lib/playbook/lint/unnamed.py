"""What no command line led to: config texts that no flag names, and folders of models beside the servers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from playbook.lint.checks.base_paths import serving_of
from playbook.lint.checks.batching_given import check_given
from playbook.lint.checks.command import Command
from playbook.lint.checks.configs import check_config
from playbook.lint.checks.image_tags import are_old
from playbook.lint.checks.models import check_base_path, meant_as_base_path
from playbook.lint.checks.other_servers import OPENVINO, is_openvinos
from playbook.lint.checks.reading import Reading
from playbook.lint.checks.set_aside_flags import check_never_given, check_set_aside
from playbook.lint.checks.told_flags import read_under
from playbook.lint.forms.text import Text
from playbook.lint.gathering import Gathered, model_folders
from playbook.lint.report import Report


def judge_unnamed(
    reading: Reading,
    gathered: Gathered,
    named: set[Text],
    commands: Sequence[Command],
    report: Report,
) -> None:
    """Config texts that no command line names."""
    loose = [(flag, text) for flag, text in reading.configs if text not in named]
    loose += [
        (flag, gathered.texts[path]) for path, flag in gathered.configs.items() if gathered.texts[path] not in named
    ]
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


def judge_folders(
    gathered: Gathered, judged: Sequence[tuple[Command, Mapping[str, Text]]], checked: set[Path], report: Report
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
