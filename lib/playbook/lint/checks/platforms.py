"""Lint of a PlatformConfigMap: the platforms it knows, and what its session bundle makes of batching and warm-up."""

from __future__ import annotations

from collections.abc import Iterator

from playbook.lint.checks.batching import check_parameters
from playbook.lint.checks.command import Command
from playbook.lint.checks.schema import Parsed
from playbook.lint.forms import text_proto
from playbook.lint.forms.text import Text, is_unknown
from playbook.lint.rules.findings import Finding, finding

_TRUE = ("true", "True", "t", "1")
_PLATFORM = "tensorflow"


def check_platforms(parsed: Parsed, text: Text, command: Command | None) -> Iterator[Finding]:
    """Findings of a platform file that protobuf accepts."""
    if not parsed.accepted or text.templated:
        return
    maps = [child for child in parsed.tree.children if child.name == "platform_configs"]
    keys = [each.text("key") for each in maps]
    single = command is not None and not command.text("model_config_file") and not command.partial
    if (single or not keys) and _PLATFORM not in keys and not any(is_unknown(key) for key in keys):
        line = text.line(maps[0].line if maps else 1)
        yield finding("platform-not-there", text.path, line, keys=", ".join(keys) or "none")
    for each in maps:
        value = each.first("value")
        if value is None or value.first("source_adapter_config") is None:
            yield finding("platform-without-adapter", text.path, text.line(each.line), key=repr(each.text("key")))
        for bundle in each.walk("legacy_config"):
            yield from _bundle(bundle, text, command)


def _bundle(bundle: text_proto.Field, text: Text, command: Command | None) -> Iterator[Finding]:
    batching = bundle.first("batching_parameters")
    if batching is not None:
        yield from check_parameters(batching, text, command)
    per_model = bundle.first("enable_per_model_batching_params")
    if per_model is not None and per_model.value in _TRUE and batching is None:
        yield finding("platform-per-model", text.path, text.line(per_model.line))
    warmup = bundle.first("enable_model_warmup")
    if warmup is None or warmup.value not in _TRUE:
        yield finding("platform-warmup-off", text.path, text.line((warmup or bundle).line))
