"""Parts of a model list, as documents show them: read as strictly as the whole, in the place where they belong."""

from __future__ import annotations

from dataclasses import replace

from playbook.errors import ParameterError
from playbook.lint.checks.schema import KINDS, read_config
from playbook.lint.forms import text_proto
from playbook.lint.forms.text import Text
from playbook.lint.rules.findings import Finding
from playbook.tfserving.config_messages import CONFIG_MESSAGES

# a message whose fields a part may hold: what stands around it in the file
_AROUND = {"ModelConfigList": ("model_config_list {", "}"), "ModelConfig": ("model_config_list { config {", "} }")}


def read_fragment(text: Text) -> list[Finding] | None:
    """What is wrong in the form of a part of a model list; None for a text that is no part of one."""
    try:
        names = {child.name for child in text_proto.parse(text.content).children}
    except ParameterError:
        return [] if "model_config_list" not in text.content else None
    for message, (before, behind) in _AROUND.items():
        if names.intersection(CONFIG_MESSAGES[message].DESCRIPTOR.fields_by_name):
            whole = replace(text, content=f"{before} {text.content.rstrip()}\n{behind}", file=None)
            return read_config(whole, *KINDS["model_config_file"]).findings
    return None
