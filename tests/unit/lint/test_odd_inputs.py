# ruff: noqa: E501  (tables of texts, one a line)
"""Inputs that are no plain text file: each is read or passed over with its reason, and never called clean unread."""

import os
import threading

from tables import each_row

from playbook.lint.linter import examine
from playbook.lint.output import as_text, exit_code, what_was_read

RIGHT = "tensorflow_model_server --model_base_path=/models/m --rest_api_port=8501 --monitoring_config_file=/m/mon\n"
WRONG = "tensorflow_model_server --port 8500\n"
LAUGHS = 'a0: &a0 ["tensorflow/serving:2.17.0"]\n' + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 13)
)
UNREAD = {
    "empty": b"",
    "binary": bytes(range(256)) * 8,
    "letters with zeros": b"tensorflow_model_server --port\0 8500\n",
    "UTF-32": WRONG.encode("utf-32"),
    "another language": "Запуск сервера\n".encode(),
    "a zip": b"PK\x03\x04\x14\0\0\0\x08\0" * 9,
    "a long log": b"x tensorflow_model_server --port 8500 started\n" * 120_000,
}
BROKEN = {
    "laughs.yaml": LAUGHS,
    "compose.yaml": "services: {s: {image: tensorflow/serving}}\n" + LAUGHS,
    "itself.yaml": "image: tensorflow/serving\na: &a [*a]\n",
    "deep.yaml": f"tensorflow/serving: {'[' * 3000}{']' * 3000}",
    "deep.json": f'{{"image": "tensorflow/serving", "x": {"[" * 100_000}{"]" * 100_000}}}',
    "dashes.yaml": f"tensorflow/serving:\n{'- ' * 50_000}x\n",
    "deep.py": f"x = 'tensorflow_model_server'\n{'(' * 5000}{')' * 5000}",
    "deep.tf": f'image = "tensorflow/serving"\nx = {"[" * 5000}',
    "anchors.yaml": "image: tensorflow/serving\na: *nowhere\n",
    "tag.yaml": "image: tensorflow/serving\na: !!python/object/apply:os.system [true]\n",
    "n.ipynb": '{"cells": [{"cell_type": "code", "source": ["!tensorflow_model_server --port 8500"',
}


@each_row("what", UNREAD)
def test_what_cannot_be_read_as_text_is_passed_over_and_exits_3(what, tmp_path):
    (tmp_path / "x.sh").write_bytes(UNREAD[what])
    report = examine(tmp_path)
    assert exit_code(report) == 3
    assert "Nothing found" not in as_text(report)
    assert "x.sh" in what_was_read(report)


@each_row("name", BROKEN)
def test_what_is_no_text_of_its_form_is_an_error_and_the_others_are_read(name, tmp_path):
    (tmp_path / name).write_text(BROKEN[name])
    (tmp_path / "run.sh").write_text(RIGHT)
    report = examine(tmp_path)
    assert [(hit.rule, hit.path) for hit in report.findings] == [("unreadable", name)]
    assert exit_code(report) == 2
    assert report.files == ["run.sh"]


def test_aliases_within_bounds_are_read(tmp_path):
    steps = "".join(f"- &s{n} {{name: n{n}, args: [a, b]}}\n- *s{n}\n" for n in range(2_000))
    (tmp_path / "k.yaml").write_text(f"steps:\n{steps}image: tensorflow/serving:2.17.0\n")
    assert "unreadable" not in {hit.rule for hit in examine(tmp_path).findings}


@each_row("content", [WRONG.encode("utf-16"), WRONG.encode("utf-8-sig"), b"# caf\xe9, servi\xe9\n"
                                     + b"#" * 60 + b"\n" + WRONG.encode()])  # fmt: skip
def test_other_encodings_of_text_are_read(content, tmp_path):
    (tmp_path / "run.sh").write_bytes(content)
    assert "flag-value-after-blank" in {hit.rule for hit in examine(tmp_path).findings}


def test_links_pipes_and_folders_with_a_files_name_are_told_of(tmp_path):
    (tmp_path / "x.yaml").mkdir()
    (tmp_path / "x.yaml" / "run.sh").write_text(RIGHT)
    (tmp_path / "dangling.yaml").symlink_to("nowhere")
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    (tmp_path / "self").symlink_to(".")
    os.mkfifo(tmp_path / "pipe.yaml")
    report = examine(tmp_path)
    assert report.files == ["x.yaml/run.sh"]
    assert report.passed["a link to nothing"] == ["a", "b", "dangling.yaml"]
    assert report.passed["a link to a folder"] == ["self"]
    assert report.passed["no file but a pipe, a socket or a device"] == ["pipe.yaml"]


def test_a_pipe_is_read_when_somebody_writes_and_no_longer_waited_for_than_a_moment(tmp_path, monkeypatch):
    pipe = tmp_path / "run.sh"
    os.mkfifo(pipe)
    monkeypatch.setattr("playbook.lint.gathering._PATIENCE_S", 0.2)
    assert [hit.rule for hit in examine(pipe).findings] == ["unreadable"]
    monkeypatch.setattr("playbook.lint.gathering._PATIENCE_S", 30)
    writer = threading.Thread(target=pipe.write_text, args=("# more than a pipe holds at once\n" * 3_000 + WRONG,))
    writer.start()
    assert "flag-value-after-blank" in {hit.rule for hit in examine(pipe).findings}
    writer.join()


def test_names_with_blanks_line_ends_and_bytes_that_are_no_letters_stand_on_one_line(tmp_path):
    for name in ("a b.sh", "new\nline.sh", "esc\x1b[31m.sh", os.fsdecode(b"byte\xff.sh"), "-dash.sh"):
        (tmp_path / name).write_text(WRONG)
    text = as_text(examine(tmp_path))
    places = {line.partition(":1: warning")[0] for line in text.split("\n") if "[flag-value-after-blank]" in line}
    assert places == {"a b.sh", r"new\nline.sh", r"esc\x1b[31m.sh", r"byte\udcff.sh", "-dash.sh"}
    text.encode()


def test_a_command_line_of_thousands_of_words_is_read_in_seconds(tmp_path):
    (tmp_path / "run.sh").write_text(RIGHT.strip() + " --model_name=a" * 3_000 + "\n")
    assert "flag-repeated" in {hit.rule for hit in examine(tmp_path).findings}


ODD = {  # texts that were cut or mistyped, each with what must still be said
    "a name with a bracket": ({"Dockerfile": "ARG VER(SION=1\nFROM mine\nENTRYPOINT tensorflow_model_server --max_batch=8\n"}, "unknown-flag"),
    "an empty CMD": ({"Dockerfile": "FROM tensorflow/serving:2.20.0\nENV MODEL_CONFIG_FILE=/m\nCMD\n"}, "instruction-empty"),
    "a runtime without spec": ({"r.yaml": "apiVersion: serving.kserve.io/v1alpha1\nkind: ServingRuntime\nmetadata:\n  name: r\n  containers:\n  - {name: c, image: 'tensorflow/serving:2.20.0', args: [--max_batch=8]}\n"}, "unknown-flag"),
}  # fmt: skip


@each_row("what", ODD)
def test_a_text_that_is_cut_or_mistyped_is_judged_as_far_as_it_goes(what, tmp_path):
    files, rule = ODD[what]
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    rules = {hit.rule for hit in examine(tmp_path).findings}
    assert rule in rules
    assert "unreadable" not in rules


def test_a_file_in_a_versions_place_is_said_and_breaks_nothing(tmp_path):
    (tmp_path / "m").mkdir()
    (tmp_path / "m/3").write_text("")
    hits = examine(["--model_name=m", f"--model_base_path={tmp_path}/m"]).findings
    assert "version-half-copied" in {hit.rule for hit in hits}
