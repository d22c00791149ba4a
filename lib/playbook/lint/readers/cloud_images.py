"""The server's image as clouds' clients are given it apart from a container: TFX's Pusher, boto3, Kubeflow."""

from __future__ import annotations

import ast
import re

from playbook.lint.checks.containers import check_image
from playbook.lint.checks.reading import Reading
from playbook.lint.forms.python_data import called
from playbook.lint.readers.python_program import Program

_STOCK = re.compile(r"(docker\.io/)?tensorflow/serving(:[\w.-]+)?")
_PUSHER = "VERTEX_CONTAINER_IMAGE_URI_KEY"


def read_cloud_images(program: Program) -> Reading:
    """Images that nobody can ask where they are started as they are."""
    reading = Reading()
    for node in program.nodes:
        if isinstance(node, ast.Dict):
            pairs = [(key, value) for key, value in zip(node.keys, node.values, strict=True) if key is not None]
            given = {getattr(key, "attr", "") or str(program.values.word(key) or ""): value for key, value in pairs}
            _image(given.get(_PUSHER), "vertex-stock-image", program, reading)
            if {"Image", "ModelDataUrl"} <= {*given}:
                _image(given["Image"], "sagemaker-stock-image", program, reading)
        elif isinstance(node, ast.Call):
            based = program.values.keywords(node).get("base_image")
            _image(based, "component-without-python", program, reading, who=called(node))
    return reading


def _image(node: ast.expr | None, rule: str, program: Program, reading: Reading, **words: str) -> None:
    image = program.values.word(node)
    if image is None or not _STOCK.fullmatch(image) or image.endswith(("-devel", "-devel-gpu")):
        return
    reading.counts["images"] += 1
    reading.findings += check_image(str(image), program.path, image.line)
    reading.report(rule, program.path, image.line, image=image, **words)
