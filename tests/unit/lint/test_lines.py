# ruff: noqa: E501  (a table of texts)
"""A fault is named at the line where it was written, however many lines lead from there to the server."""

from tables import each_row

from playbook.lint.linter import examine

RUN = "docker run -v /srv/m:/models/model tensorflow/serving:2.20.0"
SERVICE = "services:\n  s:\n    image: tensorflow/serving:2.20.0\n"
POD = "kind: Pod\nspec:\n  containers:\n  - name: s\n    image: tensorflow/serving:2.20.0\n"
PLACES = {
    "a shell's variable": ("r.sh", f'F="--rest_api_port=8501 \\\n  --rest_api_num_threads=1"\ndate\nsleep 1\n{RUN} $F\n', 2),
    "a variable that grows": ("r.sh", f'F="--enable_batching"\nF="$F --rest_api_num_threads=1"\ndate\nsleep 1\n{RUN} $F\n', 2),
    "a folded command": ("c.yml", SERVICE + "    command: >\n      --model_name=m\n      --rest_api_num_threads=1\n", 6),
    "a command over plain lines": ("c.yml", SERVICE + "    command:\n      --model_name=m\n      --rest_api_num_threads=1\n", 6),
    "a command in quotes": ("c.yml", SERVICE + "    command: '--model_name=m\n      --rest_api_num_threads=1'\n", 5),
    "a folded script": ("k.yaml", POD + "    command: [sh, -c]\n    args:\n    - >-\n      tensorflow_model_server\n"
                        "      --model_base_path=/m\n      --rest_api_port=8501\n      --rest_api_num_threads=1\n", 12),
    "a folded step": ("ci.yml", "t:\n  script:\n  - >\n    docker run\n    -v /srv/m:/models/model\n"
                      "    tensorflow/serving:2.20.0\n    --rest_api_num_threads=1\n", 7),
}  # fmt: skip


@each_row("place", PLACES)
def test_a_flag_is_named_at_its_own_line(place, tmp_path):
    name, text, line = PLACES[place]
    (tmp_path / name).write_text(text)
    assert [hit.line for hit in examine(tmp_path).findings if hit.rule == "rest-threads-one"] == [line]


@each_row(
    ("name", "text", "line"),
    [
        ("Dockerfile", "FROM tensorflow/serving:2.20.0\nENV MODEL_NAME=m\nENV MODEL_BASE_PATH=s3://b/m\n", 3),
        ("c.yml", SERVICE + "    environment:\n      MODEL_NAME: m\n      MODEL_BASE_PATH: s3://b/m\n", 6),
        ("k.yaml", POD + "    env:\n    - name: MODEL_BASE_PATH\n      value: s3://b/m\n", 7),
    ],
)
def test_a_base_path_of_a_variable_is_named_where_the_variable_is_set(name, text, line, tmp_path):
    (tmp_path / name).write_text(text)
    hits = [hit for hit in examine(tmp_path).findings if hit.rule == "s3-not-supported"]
    assert [abs(hit.line - line) <= 1 for hit in hits] == [True]


WRONG = "tensorflow-model-server --rest_api_port=8501 --model_base_path=/m"


@each_row(
    ("name", "text"),
    [
        ("Dockerfile", f"FROM tensorflow/serving:2.20.0\nENTRYPOINT {WRONG}\n"),
        ("Dockerfile", f"FROM tensorflow/serving:2.20.0\nENTRYPOINT {WRONG.split()!r}\n".replace("'", '"')),
        ("Dockerfile", f"FROM tensorflow/serving:2.20.0\nENTRYPOINT {WRONG.split()[:1]!r}\nCMD {WRONG.split()[1:]!r}\n".replace("'", '"')),
        ("c.yml", SERVICE + f"    entrypoint: {WRONG}\n"),
        ("k.yaml", POD + f"    command: {WRONG.split()!r}\n"),
        ("k.yaml", POD + f"    command: [sh, -c, '{WRONG}']\n"),
        ("s.service", f"[Service]\nExecStart=/usr/bin/{WRONG}\n"),
        ("r.sh", f"nohup {WRONG} &\n"),
        ("x.py", f"import subprocess\nsubprocess.Popen({WRONG.split()!r})\n"),
        ("x.py", f"import os\nos.system({WRONG!r})\n"),
        ("x.js", f"spawn('{WRONG.split()[0]}', {WRONG.split()[1:]!r})\n"),
    ],
)  # fmt: skip
def test_the_packages_name_starts_nothing(name, text, tmp_path):
    (tmp_path / name).write_text(text)
    hits = [hit.rule for hit in examine(tmp_path).findings if hit.severity == "error"]
    assert [rule for rule in hits if rule != "base-path-missing"] == ["binary-misspelt"]


def test_a_package_that_is_installed_starts_nothing_and_is_right(tmp_path):
    install = "apt-get install -y tensorflow-model-server --no-install-recommends"
    (tmp_path / "r.sh").write_text(f"{install}\nsudo {install}\ntensorflow_model_server --model_base_path=/m\n")
    assert "binary-misspelt" not in {hit.rule for hit in examine(tmp_path).findings}
