"""What whole repositories hold beside a server: nothing of it counts as read, none of it is a fault."""

from __future__ import annotations

from pathlib import Path

from playbook.lint.linter import examine
from playbook.lint.output import as_text, exit_code
from playbook.lint.standard_input import examine_text

MONITOR = """apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata: {name: feature-store}
spec:
  endpoints: [{port: metrics, path: /metrics}]
  selector: {matchLabels: {app: feature-store}}
"""


def test_a_monitor_of_another_program_counts_as_nothing_read(tmp_path):
    (tmp_path / "monitor.yaml").write_text(MONITOR)
    report = examine([str(tmp_path)])
    assert (exit_code(report), report.files) == (3, [])


def test_a_dockerfile_that_is_all_comment_is_passed_over_as_that(tmp_path):
    (tmp_path / "Dockerfile").write_text('# FROM tensorflow/serving:2.20.0\n# CMD ["tensorflow_model_server"]\n')
    report = examine([str(tmp_path)])
    assert (exit_code(report), report.passed) == (3, {"nothing but comments": ["Dockerfile"]})


def test_a_squeezed_bundle_of_a_page_is_not_called_misunderstood(tmp_path):
    (tmp_path / "vendor.js").write_text('a="x";' * 2_000 + 'h("p","from image tensorflow/serving, which you run")\n')
    report = examine([str(tmp_path)])
    assert (exit_code(report), [hit.rule for hit in report.findings]) == (3, [])


def test_a_list_of_openvinos_server_is_passed_over_by_its_name(tmp_path):
    (tmp_path / "config.json").write_text(
        '{"model_config_list": [{"config": {"name": "m", "base_path": "/m", "target_device": "CPU"}}]}'
    )
    report = examine([str(tmp_path)])
    assert (exit_code(report), report.passed) == (3, {"OpenVINO Model Server's": ["config.json"]})


def test_an_error_in_a_text_of_which_nothing_else_was_read_is_not_called_nothing(tmp_path):
    (tmp_path / "a.md").write_text("```\ndocker run -p 8501:8501 \\ \n  -t tensorflow/serving:2.20.0\n```\n")
    report = examine([str(tmp_path)])
    assert exit_code(report) == 2
    assert "Nothing was read" not in as_text(report)


def test_what_comes_by_a_pipe_is_read_as_what_it_looks_like():
    pod = (
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers:\n    - name: s\n"
        "      image: tensorflow/serving:2.20.0\n      args: [--model_base_path=models/m]\n"
    )
    for content in (pod, "--port=8500\n--model_base_path=models/m\n", "FROM tensorflow/serving:2.20.0\n"
                    'CMD ["--model_base_path=models/m"]\n'):  # fmt: skip
        assert "relative-base-path" in {hit.rule for hit in examine_text(content).findings}, content


def test_a_folder_that_nobody_may_list_is_an_error(tmp_path, monkeypatch):
    (tmp_path / "closed").mkdir()
    listed = Path.iterdir

    def refused(path):
        if path.name == "closed":
            raise PermissionError(13, "Permission denied")
        return listed(path)

    monkeypatch.setattr(Path, "iterdir", refused)
    report = examine([str(tmp_path)])
    assert [(hit.rule, hit.path) for hit in report.findings] == [("unreadable", "closed")]
