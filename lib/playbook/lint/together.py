"""What texts and servers tell of each other: clients, ports, names, and what one text takes back of another's fault."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from playbook.lint.checks.asked import check_requests
from playbook.lint.checks.asked_models import check_models_asked
from playbook.lint.checks.asked_names import check_names_asked
from playbook.lint.checks.asked_ports import check_ports_asked
from playbook.lint.checks.asked_signatures import check_signatures_asked
from playbook.lint.checks.batching_given import check_own_place
from playbook.lint.checks.command import Command
from playbook.lint.checks.crossed_ports import check_crossed
from playbook.lint.checks.empty_values import without_set
from playbook.lint.checks.image_tags import at_their_values, without_made, without_own_tags, without_pulled
from playbook.lint.checks.load_clients import check_load
from playbook.lint.checks.near_names import check_near_names
from playbook.lint.checks.other_variables import check_variables
from playbook.lint.checks.ports_twice import check_document, check_script
from playbook.lint.checks.told_flags import without_forks
from playbook.lint.checks.unpublished import check_unpublished
from playbook.lint.checks.warmup_paths import check_warmup_paths
from playbook.lint.forms.text import Text
from playbook.lint.rules.findings import Finding


def told_together(
    texts: Sequence[Text], judged: Sequence[tuple[Command, Mapping[str, Text]]], said: Sequence[Finding], served: str
) -> Iterator[Finding]:
    """Findings of texts beside the servers that they, or others, start.

    Args:
        texts: all that was read.
        judged: the servers' command lines, each with the config files it names.
        said: what was found of the command lines by themselves.
        served: where a monitoring file shows metrics.
    """
    commands = [command for command, _ in judged]
    for text in texts:
        own = [command for command in commands if command.path == text.path]
        yield from check_requests(text, own, served)
        yield from check_warmup_paths(text)
        yield from check_crossed(text, own)
        yield from check_script(text, own)
        yield from check_document(text, own)
        yield from check_variables(text, own)
    yield from check_models_asked(texts, judged)
    yield from check_names_asked(texts, judged, said)
    yield from check_load(texts, commands)
    yield from check_near_names(judged, texts, said)
    yield from check_signatures_asked(texts) if judged else ()
    yield from check_ports_asked(texts, commands)
    yield from check_unpublished(texts, commands)


def settled(hits: Sequence[Finding], texts: Sequence[Text]) -> list[Finding]:
    """The findings that stand once all texts are known: without what another text gives, and each under one name."""
    left = _under_one_name(hits)
    left = without_pulled(at_their_values(without_own_tags(without_made(left, texts), texts), texts), texts)
    return [*without_set(without_forks(left, texts), texts), *check_own_place(text.path for text in texts)]


def _under_one_name(hits: Sequence[Finding]) -> list[Finding]:
    """Findings without a second name of one fault: a base path where KServe puts no model holds none; a batching file
    that a script writes too late is not there to be rewritten; a base path in one word with another flag is polled by
    nobody."""
    told = {(hit.path, hit.line) for hit in hits if hit.rule == "runtime-serves-nothing"}
    torn = {
        (hit.path, hit.line) for hit in hits if hit.rule == "flags-in-one-word" and "--model_base_path" in hit.message
    }
    late = {hit.path for hit in hits if hit.rule == "config-file-late"}
    again = [hit for hit in hits if (hit.rule == "base-path-missing" and (hit.path, hit.line) in told)
             or (hit.rule == "poll-object-store" and (hit.path, hit.line) in torn)
             or (hit.rule == "batching-rewritten-in-place" and hit.path in late)]  # fmt: skip
    return [hit for hit in hits if hit not in again]
