"""Configurations that are refused: when, with which words, and what is served then."""

from __future__ import annotations

from pathlib import Path

import grpc
import pytest
from harness import Server, run, wait_until

QUICK = ("--max_num_load_retries=0", "--file_system_poll_wait_seconds=1")
NO_PLATFORM = (
    "Illegal setting neither ModelServerConfig::model_type (deprecated) nor ModelServerConfig::model_platform, "
    "model name is m"
)
BOTH = (
    "Illegal setting both ModelServerConfig::model_type (deprecated) and ModelServerConfig::model_platform, "
    "model name is m"
)
DEPRECATED = "Deprecated ModelServerConfig::model_type field used. Prefer ModelServerConfig::model_platform."


def write(folder: Path, text: str) -> str:
    (folder / "models.txt").write_text(text)
    return f"--model_config_file={folder}/models.txt"


def entry(name: str, path: Path | str, more: str = 'model_platform: "tensorflow"') -> str:
    return f'config {{ name: "{name}" base_path: "{path}" {more} }}'


def listed(*entries: str) -> str:
    return "model_config_list { " + " ".join(entries) + " }"


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ("", NO_PLATFORM),
        ('model_type: TENSORFLOW model_platform: "tensorflow"', BOTH),
        ("model_type: OTHER", "ModelServerConfig::model_type choice 2 not supported."),
        ('model_platform: "caffe"', "Model m requests unsupported platform caffe"),
    ],
)
def test_a_model_of_a_platform_that_is_not_served_ends_the_start(models, tmp_path, more, text):
    code, output, log = run(write(tmp_path, listed(entry("m", f"{models}/half_plus_two", more))))
    assert (code, output) == (255, f"Failed to start server. Error: INVALID_ARGUMENT: {text}\n")
    assert " (Re-)adding model: m" in log  # the config is in force by then
    assert (DEPRECATED in log) == ("model_type" in more)


def test_the_deprecated_type_tensorflow_is_served_with_a_warning(models, tmp_path):
    with Server(
        tmp_path, write(tmp_path, listed(entry("m", f"{models}/half_plus_two", "model_type: TENSORFLOW")))
    ) as s:
        assert DEPRECATED in s.log
        assert s.predict("m", {"instances": [1.0]})[0] == 200


def test_a_changed_platform_is_said_before_the_platform_is_looked_at(models, tmp_path):
    base = f"{models}/half_plus_two"
    with Server(tmp_path, write(tmp_path, listed(entry("m", base))), *QUICK) as server:
        with pytest.raises(grpc.RpcError) as refused:
            server.reload(listed(entry("m", base, 'model_platform: "caffe"')))
        assert refused.value.details() == (
            "Illegal to change a model's platform. For model m platform was tensorflow and new platform requested is "
            "caffe"
        )
        with pytest.raises(grpc.RpcError) as refused:
            server.reload(listed(entry("n", base, 'model_platform: "caffe"')))
        assert refused.value.details() == "Model n requests unsupported platform caffe"


def test_a_logging_config_is_refused_after_the_models_are_in(models, tmp_path):
    logged = entry("m", f"{models}/half_plus_two", 'model_platform: "tensorflow" logging_config { }')
    code, output, log = run(write(tmp_path, listed(logged)))
    assert code == 255
    assert output == "Failed to start server. Error: INVALID_ARGUMENT: No request-logger-creator provided.\n"
    assert "Finished adding/updating models" in log
    with Server(tmp_path, write(tmp_path, listed()), *QUICK) as server:
        with pytest.raises(grpc.RpcError) as refused:
            server.reload(listed(logged))
        assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
        assert refused.value.details() == "No request-logger-creator provided."
        assert server.predict("m", {"instances": [1.0]})[0] == 200


@pytest.mark.parametrize("later", ["", "# nothing but a comment", "custom_model_config { }"])
def test_a_file_that_lists_no_models_any_more_is_refused_while_it_is_polled(models, tmp_path, later):
    flag = write(tmp_path, listed(entry("m", f"{models}/half_plus_two")))
    with Server(tmp_path, flag, "--model_config_file_poll_wait_seconds=1", *QUICK) as server:
        write(tmp_path, later)
        text = "Cannot transition to requested config. It is only legal to transition from one ModelConfigList to"
        server.wait_for_log(f"PollFilesystemAndReloadConfig failed to ReloadConfig: {text}")
        assert "Old config: model_config_list {" in server.log
        assert "Taking no action for empty config." not in server.log
        assert server.predict("m", {"instances": [1.0]})[0] == 200


def test_an_empty_file_at_the_start_may_list_models_later(models, tmp_path):
    flag = write(tmp_path, "")
    with Server(tmp_path, flag, "--model_config_file_poll_wait_seconds=1", *QUICK) as server:
        server.wait_for_log("Taking no action for empty config.")
        write(tmp_path, listed(entry("m", f"{models}/half_plus_two")))
        wait_until(lambda: server.states("m") == {123: "AVAILABLE"})


def test_models_of_a_config_whose_label_was_refused_are_waited_for_when_it_comes_again(models, tmp_path):
    early = 'model_platform: "tensorflow" version_labels { key: "stable" value: 123 }'
    config = listed(entry("a", f"{models}/half_plus_three"), entry("m", f"{models}/half_plus_two", early))
    with Server(tmp_path, write(tmp_path, listed(entry("a", f"{models}/half_plus_three"))), *QUICK) as server:
        with pytest.raises(grpc.RpcError) as refused:
            server.reload(config)
        assert refused.value.code() == grpc.StatusCode.FAILED_PRECONDITION
        assert server.states("m") == {}
        server.reload(config.replace(early, 'model_platform: "tensorflow"'))
        assert server.states("m") == {123: "AVAILABLE"}


@pytest.mark.parametrize("retries", [0, 2])
def test_the_last_attempt_says_so_whether_it_worked_or_not(models, tmp_path, retries):
    def last_words(version: int) -> str:
        return (
            f"Retrying of Loading servable: {{name: default version: {version}}} exhausted max_num_retries: {retries}"
        )

    flags = (f"--max_num_load_retries={retries}", "--load_retry_interval_micros=1000")
    with Server(tmp_path, f"--model_base_path={models}/half_plus_two", *flags) as server:
        assert (last_words(123) in server.log) == (retries == 0)
    (tmp_path / "m" / "2").mkdir(parents=True)
    assert last_words(2) in run(f"--model_base_path={tmp_path}/m", *flags)[2]
