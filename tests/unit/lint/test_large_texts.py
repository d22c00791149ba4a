"""Large texts beside a server's: pictures in notebooks, definitions of resources, tables of data."""

from __future__ import annotations

import json

import pytest

from playbook.lint.linter import examine

pytestmark = pytest.mark.timeout(120)  # seconds each where all is well; for ever where a search tries each way through

PICTURE = "data:image/png;base64," + "iVBORw0KGgo/AAAANSUhEUg+AAAoAAAAHgCAYAAAA" * 40_000
SERVED = "docker run -p 8501:8501 -e MODEL_NAME=m -v /srv/m:/models/m tensorflow/serving:2.20.0 --rest_api_prot=8501"


def test_a_picture_inside_a_notebook_does_not_keep_it_from_being_read(tmp_path):
    cells = [
        {"cell_type": "markdown", "source": [f"![p]({PICTURE})\n"]},
        {"cell_type": "code", "source": ["# run <b>it</b>\n", f"!{SERVED}"]},
    ]
    text = json.dumps({"cells": cells, "nbformat": 4}, indent=1).replace("<b>", "\\u003cb>")
    (tmp_path / "a.ipynb").write_text(text)
    found = [hit for hit in examine([str(tmp_path)]).findings if hit.rule == "unknown-flag"]
    assert [text.split("\n")[hit.line - 1].strip() for hit in found] == [f'"!{SERVED}"']


def test_what_stands_behind_the_definition_of_a_resource_is_read_at_its_line(tmp_path):
    schema = "".join(f"            field{number}: {{type: string, description: a field}}\n" for number in range(20_000))
    definition = (
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: a.example.com}\nspec:\n"
        f"  versions:\n    - schema:\n        openAPIV3Schema:\n          properties:\n{schema}"
    )
    runtime = (
        "---\napiVersion: serving.kserve.io/v1alpha1\nkind: ClusterServingRuntime\nmetadata: {name: tf}\nspec:\n"
        "  containers:\n    - name: kserve-container\n      image: tensorflow/serving:2.6.2\n"
        "      command: [/usr/bin/tensorflow_model_server]\n      args:\n        - --model_base_path=models/m\n"
    )
    (tmp_path / "install.yaml").write_text(definition + runtime)
    found = [hit for hit in examine([str(tmp_path)]).findings if hit.rule == "relative-base-path"]
    assert [hit.line for hit in found] == [(definition + runtime).count("\n")]


def test_tables_of_data_are_passed_over_at_once(tmp_path):
    for number in range(5):
        (tmp_path / f"{number}.csv").write_text("batch,2021-01-01,4.5,create,cm,secret,tag,docker\n" * 40_000)
    (tmp_path / "Dockerfile").write_text("FROM tensorflow/serving:2.20.0\nCOPY m /models/m\nENV MODEL_NAME=m\n")
    report = examine([str(tmp_path)])
    assert report.counts["images"] == 1


def test_warnings_about_the_python_of_others_are_not_printed(tmp_path, recwarn):
    (tmp_path / "a.py").write_text('import subprocess\nPATTERN = "\\d"\nsubprocess.run(["tensorflow_model_server"])\n')
    examine([str(tmp_path)])
    assert [str(each.message) for each in recwarn] == []
