"""Texts that look like what they are not: words that stand for flags, marks of other shells, names alike."""

from tables import each_row

from playbook.lint.linter import examine

LINE = "tensorflow_model_server --rest_api_port=8501 --rest_api_num_threads=1 --model_base_path=/m"
RUN = "docker run -v /srv/m:/models/model tensorflow/serving:2.20.0 --rest_api_num_threads=1"


def test_a_value_behind_a_blank_is_no_flag_handed_on(tmp_path):
    (tmp_path / "run.sh").write_text("tensorflow_model_server --rest_api_port=8501 --model_base_path $DIR\n")
    assert {"flag-value-after-blank", "no-model"} <= {hit.rule for hit in examine(tmp_path).findings}
    (tmp_path / "run.sh").write_text("tensorflow_model_server --rest_api_port=8501 --enable_batching $MORE\n")
    assert "no-model" not in {hit.rule for hit in examine(tmp_path).findings}


def test_what_a_list_takes_from_elsewhere_may_be_any_flag(tmp_path):
    (tmp_path / "x.py").write_text("run(['tensorflow_model_server', '--port=8500', *more])\n")
    report = examine(tmp_path)
    assert report.counts["flags"] == 1
    assert "no-model" not in {hit.rule for hit in report.findings}


@each_row("mark", ["^", "`"])
def test_a_mark_of_another_shell_ends_docker_run_before_its_image(mark, tmp_path):
    (tmp_path / "run.sh").write_text(f"docker run -v /srv/m:/models/model {mark}\n  tensorflow/serving:2.20.0 `date`\n")
    assert "docker-run-without-image" in {hit.rule for hit in examine(tmp_path).findings}


def test_a_program_whose_name_begins_as_the_servers_is_another(tmp_path):
    (tmp_path / "run.sh").write_text("tensorflow_model_server_mine --port=9000 --model_base_path=m\n")
    assert examine(tmp_path).findings == []


def test_a_flag_given_as_an_environment_variable_is_read_by_nobody(tmp_path):
    (tmp_path / "run.sh").write_text(RUN.replace("run ", "run -e --enable_batching=true ") + "\n")
    assert "env-nobody-reads" in {hit.rule for hit in examine(tmp_path).findings}


def test_a_script_of_the_images_name_elsewhere_is_not_the_images(tmp_path):
    own = "/app/tf_serving_entrypoint.sh"
    (tmp_path / "Dockerfile").write_text(f'FROM tensorflow/serving:2.20.0\nCOPY s.sh {own}\nCMD ["{own}"]\n')
    (tmp_path / "s.sh").write_text(f"#!/bin/bash\n{LINE}\n")
    assert "cmd-over-entrypoint" in {hit.rule for hit in examine(tmp_path).findings}


def test_a_part_of_a_model_list_is_no_mistake(tmp_path):
    policy = "```\nmodel_version_policy { specific { versions: 1 } }\nversion_labels { key: 'a' value: 1 }\n```\n"
    (tmp_path / "README.md").write_text(policy)
    assert examine(tmp_path).findings == []


def test_flags_that_are_glued_together_are_one_word(tmp_path):
    (tmp_path / "run.sh").write_text(LINE + " --batching_parameters_file=/b.config--enable_batching=true\n")
    assert "flags-in-one-word" in {hit.rule for hit in examine(tmp_path).findings}
    (tmp_path / "run.sh").write_text(LINE + " --model_name=a--b\n")
    assert "flags-in-one-word" not in {hit.rule for hit in examine(tmp_path).findings}


def test_fields_with_blank_lines_between_are_one_file(tmp_path):
    text = (
        "It is:\n\nmax_batch_size { value: 8 }\n\nbatch_timeout_micros { value: 0 }\n\nnum_batch_threads { value: 8 }\n"
    )
    (tmp_path / "README.md").write_text(text)
    assert [(hit.rule, hit.line) for hit in examine(tmp_path).findings] == [("batching-timeout-zero", 5)]


def test_a_script_of_ones_own_in_the_images_place_may_read_its_variables_otherwise(tmp_path):
    copied = "COPY s.sh /usr/bin/tf_serving_entrypoint.sh\n"
    text = "FROM tensorflow/serving:2.20.0\nENV MODEL_NAME=m MODEL_BASE_PATH=/models/m\nCOPY m /models/m\n"
    (tmp_path / "Dockerfile").write_text(text)
    assert "base-path-doubled" in {hit.rule for hit in examine(tmp_path).findings}
    (tmp_path / "Dockerfile").write_text(text + copied)
    assert "base-path-doubled" not in {hit.rule for hit in examine(tmp_path).findings}


def test_a_config_is_one_whatever_its_suffix(tmp_path):
    (tmp_path / "models.config.c").write_text("model_config_list { config { name: 'a' base_path: '/a' } }\n")
    assert {hit.rule for hit in examine(tmp_path).findings} == {"model-platform-missing"}


def test_a_misspelt_field_is_said_once(tmp_path):
    text = "model_config_list { config { name: 'a' base_path: '/a' model_plateform: 'tensorflow' } }\n"
    (tmp_path / "models.config").write_text(text)
    assert [hit.rule for hit in examine(tmp_path).findings] == ["config-unknown-field"]


def test_a_script_that_a_shell_is_given_is_read_where_it_is_and_guessed_at_nowhere(tmp_path):
    (tmp_path / "Dockerfile").write_text(
        'FROM tensorflow/serving:2.20.0\nCOPY s.sh /s.sh\nENTRYPOINT []\nCMD ["sh", "/s.sh"]\n'
    )
    assert "no-model" not in {hit.rule for hit in examine(tmp_path).findings}
    (tmp_path / "s.sh").write_text(LINE + "\n")
    assert "rest-threads-one" in {hit.rule for hit in examine(tmp_path).findings}


def test_an_image_of_another_has_no_entrypoint_of_ours(tmp_path):
    (tmp_path / "run.sh").write_text(
        "docker run $IMAGE taskset -c 0 tensorflow_model_server --port=9000 --model_base_path=m\n"
    )
    rules = {hit.rule for hit in examine(tmp_path).findings}
    assert "relative-base-path" in rules
    assert "cmd-over-entrypoint" not in rules


def test_a_log_that_tells_of_a_session_is_no_config(tmp_path):
    log = (
        "2018-09-27 00:37:02.447018: I master_session.cc:1150] Start with config: gpu_options { allow_growth: true }\n"
        "I0927 00:37:33.250036 140281586534144 tf_logging.py:115] global_step/sec: 21.8175\n"
    )
    for text in (
        log,
        log.replace("2018-09-27 ", "2018-09-27T00:37:02.4472109Z 2018-09-27 "),
        log[log.index("I0927") :],
    ):
        (tmp_path / "README.md").write_text(f"```\n{text}```\n")
        assert examine(tmp_path).findings == []
    (tmp_path / "README.md").write_text("```\ngpu_options { allow_growht: true }\n```\n")
    assert {hit.rule for hit in examine(tmp_path).findings} == {"config-unknown-field"}


def test_an_option_of_a_training_is_none_of_the_servers(tmp_path):
    values = "image: example/train:1\nargs:\n- '--mixed_precision fp16'\n- --num_machines 1\n"
    (tmp_path / "values.yaml").write_text(values)
    assert examine(tmp_path).findings == []


def test_branches_of_a_chart_may_hold_a_key_each(tmp_path):
    (tmp_path / "templates").mkdir()
    (tmp_path / "Chart.yaml").write_text("apiVersion: v2\nname: m\nversion: 1.0.0\n")
    monitor = (
        "apiVersion: monitoring.coreos.com/v1\nkind: ServiceMonitor\nmetadata:\n  name: tf-serving\n"
        "  {{- if .Values.away }}\n  namespace: {{ .Values.away }}\n  {{- else }}\n"
        "  namespace: {{ .Release.Namespace }}\n  {{- end }}\nspec:\n  endpoints:\n"
        "  - {port: http, path: /monitoring/prometheus/metrics}\n"
    )
    (tmp_path / "templates" / "m.yaml").write_text(monitor)
    assert examine(tmp_path).findings == []
    (tmp_path / "templates" / "m.yaml").unlink()
    (tmp_path / "m.yaml").write_text(
        "".join(line for line in monitor.splitlines(True) if "- if" not in line and "- e" not in line)
        .replace("{{ .Release.Namespace }}", "a")
        .replace("{{ .Values.away }}", "b")
    )
    assert {hit.rule for hit in examine(tmp_path).findings} == {"key-twice"}
