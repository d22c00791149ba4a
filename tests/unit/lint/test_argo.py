"""Argo's workflows: a parameter is read as the value that every caller gives it."""

from pathlib import Path

from playbook.lint.linter import examine

FLOW = """apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: birds-}
spec:
  entrypoint: main
  arguments:
    parameters: [{name: place, value: "s3://nests/birds"}]
  templates:
  - name: main
    steps:
    - - name: a
        template: serve
        arguments:
          parameters: [{name: base, value: "{{workflow.parameters.place}}"}]
    - - name: b
        template: serve
        arguments:
          parameters: [{name: base, value: "SECOND"}]
  - name: serve
    inputs:
      parameters: [{name: base}]
    container:
      image: tensorflow/serving:2.14.1
      command: [tensorflow_model_server]
      args: ["--port=8500", "--model_name=birds", "--model_base_path={{ inputs.parameters.base }}"]
"""


def _lost(folder: Path, second: str) -> list[tuple[str, int | None]]:
    (folder / "flow.yaml").write_text(FLOW.replace("SECOND", second))
    return [(hit.rule, hit.line) for hit in examine(folder).findings if hit.rule == "s3-not-supported"]


def test_a_base_path_is_read_through_the_step_that_calls_the_template(tmp_path):
    assert _lost(tmp_path, "{{workflow.parameters.place}}") == [("s3-not-supported", 25)]


def test_a_parameter_with_two_values_is_not_known(tmp_path):
    assert _lost(tmp_path, "gs://nests/birds") == []
