# ruff: noqa: E501  (texts as documents hold them, a line each)
"""Parts that documents show of a whole: a CMD by itself, a folder's list, a here-string."""

from tables import each_row

from playbook.lint.linter import examine

RUN = 'docker run -p 8501:8501 -v "%s:/models/leaf" -e MODEL_NAME=leaf tensorflow/serving:2.20.0'
LISTED = "```\n$ ls %s\n%s\n```\n\nThen\n\n```sh\n%s\n```\n"
LONG = "total 96\ndrwxr-xr-x 2 me me  4096 Jan  1 10:00 assets\n-rw-r--r-- 1 me me 90000 Jan  1 10:00 saved_model.pb\ndrwxr-xr-x 2 me me  4096 Jan  1 10:00 variables"
SHORT = "assets  saved_model.pb  variables"


def rules(folder, content):
    """The rules of errors and warnings of a page, without those that nearly every page has."""
    (folder / "a.md").write_text(content)
    common = {"monitoring-missing", "image-not-pinned"}
    return {hit.rule for hit in examine(folder).findings if hit.severity != "note"} - common


@each_row(("cmd", "said"), [
    ('CMD ["--model_name=leaf", "--model_base_path=models/leaf"]', {"relative-base-path"}),
    ('CMD ["--model_base_path=/models/leaf", "--enable_batchin=true"]', {"unknown-flag"}),
    ('ENV A=1\nCMD ["--model_config_file", "/models/models.config"]', {"flag-value-after-blank"}),
    ("CMD --model_config_file=/models/models.config --enable_batching", {"cmd-shell-form"}),
    ("CMD --model_config_file=/models/models.config", set()),  # one word, which is read
    ('CMD ["--model_config_file=/models/models.config"]', set()),
    ('ENTRYPOINT ["serve.sh"]\nCMD ["--model_config_file", "m"]', set()),
])  # fmt: skip
def test_the_flags_of_a_cmd_alone_are_the_servers(cmd, said, tmp_path):
    assert rules(tmp_path, f"The image ends so:\n\n```dockerfile\n{cmd}\n```\n") == said


@each_row(("listed", "names", "served"), [
    ("export/leaf", SHORT, "$PWD/export/leaf"),
    ("-l export/leaf/", LONG, "./export/leaf"),
    ("/srv/export/leaf", "\n".join(SHORT.split()), "/srv/export/leaf"),
    ("export/leaf", SHORT, "/home/me/export/leaf"),
    ("-R leaf", f"leaf:\n{SHORT}\n\nleaf/variables:\nvariables.index", "$(pwd)/leaf"),
])  # fmt: skip
def test_a_listed_model_without_a_version_is_named_where_it_is_served(listed, names, served, tmp_path):
    assert rules(tmp_path, LISTED % (listed, names, RUN % served)) == {"no-version"}


@each_row(("listed", "names", "served"), [
    ("export/leaf", "1  2", "$PWD/export/leaf"),
    ("export/leaf/1", SHORT, "$PWD/export/leaf"),
    ("leaf", SHORT, "/tmp/leaf"),
    ("export/leaf", SHORT, "$PWD/export/oak"),
    ("export/leaf", f"1  {SHORT}", "$PWD/export/leaf"),
    ("", SHORT, "$PWD/export/leaf"),
])  # fmt: skip
def test_a_list_that_leaves_a_version_possible_is_not(listed, names, served, tmp_path):
    assert rules(tmp_path, LISTED % (listed, names, RUN % served)) == set()


def test_a_model_that_saved_model_cli_shows_lies_right_in_its_folder(tmp_path):
    page = "```sh\nsaved_model_cli show --dir /srv/leaf --all\n%s\n```\n"
    assert rules(tmp_path, page % (RUN % "/srv/leaf")) == {"no-version"}
    assert rules(tmp_path, page.replace("/srv/leaf", "/srv/leaf/3") % (RUN % "/srv/leaf")) == set()


def test_a_here_string_is_the_file_that_it_is_written_into(tmp_path):
    page = "```sh\nsudo tee /etc/batching.conf <<< 'max_batch_size: 32'\n```\n"
    assert rules(tmp_path, page) == {"batching-bare-field"}
    script = "cat > models.config <<< \"model_config_list { config { name: 'm' base_path: 'm' model_platform: 'tensorflow' } }\""
    assert rules(tmp_path, f"```sh\n{script}\n```\n") == {"relative-base-path"}
