"""Environments that Python gives to SageMaker's endpoints of TensorFlow Serving."""

from __future__ import annotations

import ast

from playbook.lint.checks.reading import Reading
from playbook.lint.checks.sagemaker import ON, PREFIX, check_variables
from playbook.lint.forms.text import Word
from playbook.lint.readers.python_program import Program


def read_environments(program: Program) -> Reading:
    """What the dicts and the calls of `dict` mean to SageMaker's container that name its variables."""
    reading = Reading()
    for node in program.nodes:
        if isinstance(node, ast.Dict):
            pairs = dict(program.values.pairs(node))
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "dict":
            pairs = {Word(name, program.values.line(value)): value
                     for name, value in program.values.keywords(node).items()}  # fmt: skip
        else:
            continue
        variables = {name: program.values.word(value) for name, value in pairs.items()}
        if any(name.startswith(PREFIX) for name in variables):
            reading.counts["environments"] += 1
            whole = program.document.text.content.count(ON) == 0
            reading.findings += check_variables(variables, program.path, whole)
    return reading
