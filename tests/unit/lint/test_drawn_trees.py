# ruff: noqa: E501  (tables of texts, one a line)
"""A folder that a document draws as a tree is held against the command line that serves it."""

from tables import each_row

from playbook.lint.linter import examine

BARE = "cat\n├── assets\n├── saved_model.pb\n└── variables\n    ├── variables.data-00000-of-00001\n    └── variables.index\n"
DEEP = "project/\n├── app/            # code\n│   └── main.py\n└── models/\n    └── cat/\n        ├── saved_model.pb\n        └── variables/\n"
ASCII = "models\n|-- cat\n|   |-- saved_model.pb\n|   `-- variables\n`-- dog\n    `-- 1\n        `-- saved_model.pb\n"
ROOTLESS = ".\n└── cat\n    ├── saved_model.pb\n    └── variables\n"
RUN = "docker run -p 8501:8501 -v %s:/models/cat -e MODEL_NAME=cat tensorflow/serving:2.20.0\n"


def no_version(folder, tree, command):
    """The lines at which a page with this tree and command is said to have no version folder."""
    (folder / "a.md").write_text(f"```\n{tree}```\n\nThen\n\n```sh\n{command}```\n")
    lines = len(tree.split("\n")) + 6
    return [hit.line - lines for hit in examine(folder).findings if hit.rule == "no-version"]


WRONG = {
    "here": (BARE, RUN % "$(pwd)/cat"),
    "of a prompt's tree": ("$ tree cat\n" + BARE, RUN % "$PWD/cat"),
    "below another": (DEEP, RUN % "$(pwd)/models/cat"),
    "by a path of the machine's": (DEEP, RUN % "/home/me/models/cat"),
    "in ASCII": (ASCII, RUN % "./models/cat"),
    "with no root": (ROOTLESS, RUN % "$(pwd)/cat"),
    "by a mount of all models": (ASCII, "docker run -p 8501:8501 -v $(pwd)/models:/models -e MODEL_NAME=cat tensorflow/serving:2.20.0\n"),
    "without a container": (BARE, "tensorflow_model_server --rest_api_port=8501 --model_name=cat --model_base_path=/home/me/cat\n"),
}  # fmt: skip
RIGHT = {
    "a version beside it": (BARE.replace("assets", "1"), RUN % "$(pwd)/cat"),
    "another folder is served": (ASCII, RUN % "$(pwd)/models/dog"),
    "another folder of that name": (DEEP, RUN % "/home/me/exports/cat"),
    "what a variable hides": (DEEP, RUN % "$MODEL"),
    "a version that is left out": (BARE.replace("assets", "<version>"), RUN % "$(pwd)/cat"),
    "a version that the mount gives": (BARE, (RUN % "$(pwd)/cat").replace("/models/cat ", "/models/cat/1 ")),
    "a version that the text makes": (BARE, "mkdir cat/1 && mv cat/saved_model.pb cat/variables cat/1\n" + RUN % "$(pwd)/cat"),
    "two folders of that name": (DEEP + "\n" + ROOTLESS, RUN % "$(pwd)/cat"),
    "no model in it": (BARE.replace("saved_model.pb", "model.py"), RUN % "$(pwd)/cat"),
}  # fmt: skip


@each_row("how", WRONG)
def test_a_drawn_model_without_a_version_is_named_where_it_is_served(how, tmp_path):
    assert no_version(tmp_path, *WRONG[how]) == [0]


@each_row("how", RIGHT)
def test_a_drawn_tree_that_leaves_a_version_possible_is_not(how, tmp_path):
    assert no_version(tmp_path, *RIGHT[how]) == []
