"""The command `playbook lint` as people run it: what it says it read, its exit codes, its fixes, its weight."""

import json
import re
import subprocess
import sys
from pathlib import Path

import yaml
from lint_examples.shapes import pod
from tables import each_row

from playbook.lint import fixes
from playbook.lint.linter import examine
from playbook.lint.rules import page
from playbook.lint.rules.findings import RULES
from playbook.lint.rules.told import TOLD

ROOT = Path(__file__).parents[3]
PLAYBOOK = Path(sys.executable).parent / "playbook"


def lint(*words, folder=None):
    done = subprocess.run([PLAYBOOK, "lint", *map(str, words)], capture_output=True, text=True, cwd=folder, check=False)
    return done.returncode, done.stdout + done.stderr


def test_what_was_not_read_is_never_called_clean(tmp_path):
    (tmp_path / "notes.txt").write_text("nothing of a server")
    code, text = lint(tmp_path)
    assert code == 3
    assert "Nothing found" not in text
    assert "Nothing was read. Passed over: names no server: notes.txt." in text
    assert lint("--allow-nothing", tmp_path)[0] == 0


def test_a_text_that_names_the_server_and_yields_nothing_is_a_warning(tmp_path):
    (tmp_path / "x.xml").write_text("<server>tensorflow_model_server</server>\n")
    code, text = lint(tmp_path)
    assert code == 1
    assert "Nothing found" not in text
    assert "x.xml:1: warning [not-understood]" in text


def test_the_last_line_names_what_was_read(tmp_path):
    (tmp_path / "k.yaml").write_text(pod())
    (tmp_path / "logo.png").write_bytes(b"\x89PNG\0\0")
    _, text = lint(tmp_path)
    last = text.strip().splitlines()[-1]
    assert last.startswith("Read: ")
    assert all(words in last for words in ("1 pod", "1 image", "1 flag", "in 1 file."))
    assert "not text: logo.png" in last


@each_row(
    ("flags", "code"),
    [
        (["--model_base_path=/nowhere/m", "--rest_api_port=8501", "--monitoring_config_file=mon"], 0),
        (["--model_base_path=/nowhere/m", "--enable_batchin=true"], 1),
        (["--model_base_path=models/m"], 2),
        (["--port 8500 --model_base_path=models/m"], 2),
    ],
)
def test_exit_codes_of_flags(tmp_path, flags, code):
    (tmp_path / "mon").write_text("prometheus_config { enable: true }")
    assert lint(*flags, folder=tmp_path)[0] == code


def test_a_quoted_string_of_flags_is_several_flags(tmp_path):
    _, text = lint("--port 8500 --model_base_path=models/m", folder=tmp_path)
    assert "[flag-value-after-blank] --port 8500" in text
    assert "[relative-base-path] Base path models/m" in text


def test_a_fix_shows_its_diff_and_leaves_nothing_to_mend(tmp_path):
    config, script, objects = tmp_path / "b.config", tmp_path / "run.sh", tmp_path / "k.yaml"
    config.write_text("max_batch_size: 64\nallowed_batch_sizes: 128\nallowed_batch_sizes: 8\n")
    script.write_text("tensorflow_model_server --port 9000 \\\n  --model-base-path=/m --enable_batching "
                      "--batching_parameters_file=b.config\n")  # fmt: skip
    objects.write_text(pod(args='"--rest_api_port", "8501"'))
    _, text = lint("--fix", tmp_path)
    assert "-max_batch_size: 64\n" in text
    assert "+max_batch_size { value: 64 }\n" in text
    assert config.read_text() == "max_batch_size { value: 64 }\nallowed_batch_sizes: 8\nallowed_batch_sizes: 64\n"
    assert script.read_text().startswith("tensorflow_model_server --port=9000 \\\n  --model_base_path=/m ")
    assert 'args: ["--rest_api_port=8501"]' in objects.read_text()
    assert not {hit.rule for hit in examine(tmp_path).findings} & set(fixes.FIXES)


def test_a_fix_changes_nothing_where_there_are_two_right_answers(tmp_path):
    before = "tensorflow_model_server --model_base_path=/m --rest_api_prt=8501\n"
    (tmp_path / "run.sh").write_text(before)
    _, text = lint("--fix", tmp_path)
    assert "Nothing that has one right answer." in text
    assert (tmp_path / "run.sh").read_text() == before


def test_sarif_names_a_line_for_every_result(tmp_path):
    (tmp_path / "k.yaml").write_text(pod("resources: {requests: {nvidia.com/gpu: 1}, limits: {nvidia.com/gpu: 2}}"))
    _, text = lint("--format", "sarif", tmp_path)
    run = json.loads(text)["runs"][0]
    regions = [result["locations"][0]["physicalLocation"]["region"]["startLine"] for result in run["results"]]
    assert min(regions) >= 1
    assert run["properties"]["read"].startswith("Read: ")


def test_a_rule_is_explained_and_a_misspelt_one_names_the_nearest():
    code, text = lint("--explain", "rest-threads-one")
    assert code == 0
    assert "What to do:" in text
    code, text = lint("--explain", "rest-thread-one")
    assert code == 2
    assert "did you mean rest-threads-one" in text


def test_every_rule_says_in_words_what_to_do_and_where_it_comes_from():
    for rule in RULES.values():
        text = page.explain(rule.id)
        what = text.partition("What to do: ")[2].partition("\nSource: ")
        assert len(what[0].split()) > 1 or rule.remedy[0] != "{", rule.id
        assert what[2], rule.id
    assert set(TOLD) == {rule.id for rule in RULES.values() if re.fullmatch(r"\{\w+\}", rule.remedy)}


def test_the_page_of_rules_is_current():
    assert (ROOT / "docs" / "lint-rules.md").read_text() == page.page() + "\n"
    assert all(f"`{name}`" in page.page() for name in RULES)


def test_the_pre_commit_hook_runs_what_there_is():
    hook = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())[0]
    assert hook["entry"].split()[:2] == ["playbook", "lint"]
    names = re.compile(hook["files"])
    paths = ("deploy/Dockerfile", "a/b.yaml", "main.tf", "logo.png")
    assert [bool(names.search(path)) for path in paths] == [True, True, True, False]


def test_lint_imports_neither_tensorflow_nor_pandas_nor_jupyter_nor_numpy_and_for_flags_no_reader(tmp_path):
    (tmp_path / "run.sh").write_text("tensorflow_model_server --model_base_path=/m\n")
    code = (
        "import sys; from playbook.cli import entry; from playbook.lint import command_line as c;"
        "c.run([sys.argv[1]], 'text', False, None, False, print, None);"
        "print([name for name in ('tensorflow', 'pandas', 'numpy', 'IPython', 'papermill', 'duckdb', 'grpc',"
        " 'requests', 'prometheus_client', 'pydantic', 'rich', 'playbook.lint.readers') if name in sys.modules])"
    )
    ends = [subprocess.run([sys.executable, "-c", code, given], capture_output=True, text=True, check=True).stdout
            .strip().splitlines()[-1] for given in ("--port=8500", str(tmp_path))]  # fmt: skip
    assert ends == ["[]", "['playbook.lint.readers']"]


def test_lint_runs_with_the_packages_that_its_page_names_and_no_others(tmp_path):
    (tmp_path / "k.yaml").write_text(pod("readinessProbe: {tcpSocket: {port: 9000}}"))
    names = re.search(r"pip install ((?:\w+ ?)+)$", (ROOT / "docs" / "lint.md").read_text(), re.MULTILINE)[1].split()
    line = [sys.executable, ROOT / "tests" / "helpers" / "only_packages.py", *names, "--", "lint", tmp_path]
    done = subprocess.run(line, capture_output=True, text=True)
    assert "probe-wrong-port" in done.stdout, done.stderr
    assert done.returncode == 2
    assert "typer" in names
    line.remove("typer")
    assert "typer" in subprocess.run(line, capture_output=True, text=True).stderr


def test_several_files_are_read_together(tmp_path):
    (tmp_path / "run.sh").write_text("tensorflow_model_server --model_config_file=models.config\n")
    (tmp_path / "models.config").write_text('model_config_list { config { name: "m" base_path: "/m" } }\n')
    _, text = lint(tmp_path / "run.sh", tmp_path / "models.config")
    assert "models.config:1: error [model-platform-missing]" in text


@each_row("indent", [None, 1])
def test_a_mended_notebook_is_still_one(indent, tmp_path):
    """A bracket or quote that would break the JSON around a config is not written."""
    cells = [
        {"cell_type": "code", "source": ["%%writefile b.config\n", "max_batch_size: 4\n"]},
        {
            "cell_type": "code",
            "source": ["%%writefile m.config\n", 'model_config_list { config { base_path: "/m" } }\n'],
        },
        {"cell_type": "code", "source": ["!tensorflow_model_server --rest_api_port 8501 --model_base_path=/m\n"]},
    ]
    (tmp_path / "n.ipynb").write_text(json.dumps({"cells": cells}, indent=indent))
    (tmp_path / "c.json").write_text(
        json.dumps(
            {"apiVersion": "v1", "kind": "ConfigMap", "data": {"b": "max_batch_size: 4\nnum_batch_threads: 2\n"}}
        )
    )
    fixes.write(fixes.fixed(examine(tmp_path)))
    json.loads((tmp_path / "n.ipynb").read_text())
    held = json.loads((tmp_path / "c.json").read_text())["data"]["b"]
    assert held == "max_batch_size { value: 4 }\nnum_batch_threads { value: 2 }\n"
