"""TFX validators that try nothing are told, wherever they are written."""

from cluster_texts import hits
from tables import each_row

from playbook.lint.linter import examine

VALIDATOR = """\
from tfx import v1 as tfx
validator = tfx.components.InfraValidator(
    model=trainer.outputs["model"],
    examples=examples,
    serving_spec=tfx.proto.ServingSpec(
        tensorflow_serving=tfx.proto.TensorFlowServing(tags=["2.15.1"]),
        local_docker=tfx.proto.LocalDockerConfig()),
    request_spec=tfx.proto.RequestSpec(
        tensorflow_serving=tfx.proto.TensorFlowServingRequestSpec(tag_set=["serve"])))
"""


@each_row(
    ("old", "new", "found"),
    [
        ("", "", set()),
        ("    examples=examples,\n", "", {(7, "infra-validator-idle")}),
        ('tags=["2.15.1"]', "", {(6, "infra-validator-idle")}),
        ('tags=["2.15.1"]', "tags=[]", {(6, "infra-validator-idle")}),
        ('tags=["2.15.1"]', "digests=DIGESTS", set()),
        ("LocalDockerConfig()", "LocalDockerConfig(timeout=3)", {(7, "infra-validator-spec")}),
    ],
)
def test_a_validator_that_tries_nothing_is_told(old, new, found, tmp_path):
    text = VALIDATOR.replace(old, new) if old else VALIDATOR
    assert hits(tmp_path, {"p.py": text}) == {("p.py", *each) for each in found}


def test_a_validator_in_a_document_is_read(tmp_path):
    (tmp_path / "guide.md").write_text(f'# Guide\n\n```python hl_lines="4"\n{VALIDATOR}```\n')
    assert examine(tmp_path).counts["infra validators"] == 1


@each_row(
    ("asked", "model", "found"),
    [
        ("make_warmup=True, ", "", False),
        ("make_warmup=warm, ", "", False),
        ("", "", True),
        ("", "model=trainer.outputs['model'], ", False),
    ],
)
def test_a_pusher_of_a_blessing_needs_a_model_in_it(asked, model, found, tmp_path):
    text = VALIDATOR.replace("RequestSpec(\n", f"RequestSpec({asked}\n")
    pusher = f"pusher = tfx.components.Pusher({model}infra_blessing=validator.outputs['blessing'])\n"
    assert hits(tmp_path, {"p.py": text + pusher}) == ({("p.py", 10, "infra-validator-idle")} if found else set())
