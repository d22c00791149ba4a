"""Templates that Terraform fills in are read with the values that the module gives them."""

from cluster_texts import hits
from tables import each_row

from playbook.lint.linter import examine

TASK = """\
[{
  "name": "tfs",
  "image": "${image}",
  "memory": ${memory},
  "command": ["--model_base_path=s3://${bucket}/m", "--model_name=m"]
}]
"""
VARIABLE = 'variable "image" {\n  default = "tensorflow/serving:latest"\n}\n'
VALUES = "{\n    image  = var.image\n    memory = 512\n    bucket = aws_s3_bucket.models.id\n  }"
CALL = 'resource "aws_ecs_task_definition" "t" {\n  container_definitions = templatefile("%s", ' + VALUES + ")\n}\n"
BLOCK = 'data "template_file" "t" {\n  template = file("${path.module}/task.json")\n  vars = ' + VALUES + "\n}\n"
OLD = 'data "template_file" "t" {\n  vars ' + VALUES + '\n  template = "${file("task.json")}"\n}\n'
GONE = ("task.json", 5, "s3-not-supported")


def pinned(folder, files):
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return [(hit.path, hit.line) for hit in examine(folder).findings if hit.rule == "image-not-pinned"]


@each_row(
    "files",
    [
        {"main.tf": VARIABLE + CALL % "task.json"},
        {"main.tf": VARIABLE + CALL % "${path.module}/task.json"},
        {"main.tf": CALL % "./task.json", "variables.tf": VARIABLE},
        {"main.tf": VARIABLE + BLOCK},
        {"main.tf": VARIABLE + OLD},
        {"main.tf": 'variable "image" {}\n' + BLOCK, "terraform.tfvars": 'image = "tensorflow/serving:2.20.0"\n'},
    ],
)
def test_the_image_that_a_module_gives_a_template_decides_what_its_server_can_read(files, tmp_path):
    assert GONE in hits(tmp_path, {**files, "task.json": TASK})


@each_row(
    "files",
    [
        {"main.tf": 'variable "image" {}\n' + BLOCK},  # it may be anybody's
        {"main.tf": VARIABLE.replace("tensorflow/serving:latest", "me/tfs:1") + BLOCK},
        {"main.tf": VARIABLE + BLOCK, "terraform.tfvars": 'image = "me/tfs:1"\n'},  # which wins over a default
        {"main.tf": VARIABLE + BLOCK, "other.tf": BLOCK.replace("var.image", '"me/tfs:1"')},  # given in two ways
        {"main.tf": VARIABLE + CALL % "other.json"},
    ],
)
def test_an_image_that_is_not_known_is_not_taken_for_the_official_one(files, tmp_path):
    assert GONE not in hits(tmp_path, {**files, "task.json": TASK})


@each_row(
    ("files", "place"),
    [
        ({"main.tf": VARIABLE + BLOCK, "task.json": TASK}, ("main.tf", 2)),
        ({"main.tf": BLOCK, "variables.tf": VARIABLE, "task.json": TASK}, ("variables.tf", 2)),
        ({"main.tf": 'variable "image" {}\n' + BLOCK, "a.auto.tfvars": 'image = "tensorflow/serving:latest"\n',
          "task.json": TASK}, ("a.auto.tfvars", 1)),
    ],
)  # fmt: skip
def test_a_tag_that_moves_is_told_once_where_it_is_written(files, place, tmp_path):
    assert pinned(tmp_path, files) == [place]


def test_the_files_that_give_a_template_its_values_count_as_read(tmp_path):
    call = CALL.replace("var.image", '"tensorflow/serving:${var.tag}"') % "task.json"
    files = {"main.tf": call, "tags.tf": 'variable "tag" {\n  default = "2.13.0"\n}\n', "task.json": TASK}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    report = examine(tmp_path)
    assert ({*report.files}, report.passed) == ({*files}, {})
    assert "not-understood" not in {hit.rule for hit in report.findings}


POD = """\
resource "kubernetes_pod" "t" {
  spec {
    container {
      image = var.image
      args  = ["--model_name=m", "--model_base_path=s3://b/m"]
    }
  }
}
"""


@each_row(
    ("variables", "told"),
    [(VARIABLE, True), (VARIABLE.replace("tensorflow/serving:latest", "me/tfs:1"), False), ("", False)],
)
def test_an_image_that_another_file_of_the_module_gives_is_the_containers(variables, told, tmp_path):
    found = hits(tmp_path, {"main.tf": POD, "variables.tf": variables})
    assert (("main.tf", 5, "s3-not-supported") in found) is told


TASK_IN_YAML = """\
Resources:
  Task:
    Type: AWS::ECS::TaskDefinition
    Properties:
      ContainerDefinitions:
      - Name: tfs
        Image: tensorflow/serving:2.20.0
        Command: ["--model_base_path=/models/m", %s]
        HealthCheck: {Command: ["CMD-SHELL", "%s"]}
"""


def test_a_health_check_of_ecs_is_read_in_both_spellings(tmp_path):
    files = {"s.yaml": TASK_IN_YAML % ('"--model_name=m"', "curl -f localhost:8501/v1/models/m")}
    files["t.json"] = (
        '{"containerDefinitions": [{"image": "tensorflow/serving:2.20.0",\n'
        '"healthCheck": {"command": ["CMD-SHELL", "curl -f localhost:8501/v1/models/m"]}}]}\n'
    )
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    found = {(hit.path, hit.line) for hit in examine(tmp_path).findings if hit.rule == "tool-not-in-image"}
    assert found == {("s.yaml", 9), ("t.json", 2)}


@each_row(("value", "told"), [("!Ref Seconds", False), ("--file_system_poll_wait_seconds=x", True)])
def test_what_a_reference_of_cloudformation_stands_for_is_not_known(value, told, tmp_path):
    (tmp_path / "s.yaml").write_text(TASK_IN_YAML % (value, "true"))
    assert ("flag-bad-value" in {hit.rule for hit in examine(tmp_path).findings}) is told
