"""Images that nobody can pull or build, and servers that a build starts and loses."""

import pytest

from playbook.lint.linter import examine

SERVE = "docker run -p 8501:8501 -v $PWD/m:/models/m -e MODEL_NAME=m {image}\n"
DOCKERFILE = "FROM tensorflow/serving:2.11.0\nENV MODEL_NAME=m\n{step}\n"


def found(folder, files):
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return {hit.rule: hit for hit in examine(folder).findings}


@pytest.mark.parametrize(("tag", "right"), [
    ("v1.14", "1.14.0"), ("v2.3.0", "2.3.0"), ("2.4", "2.4.0"), ("2", "2.0.0"), ("2.4-gpu", "2.4.0-gpu"),
    ("1.16.0", "1.15.0"),
])  # fmt: skip
def test_a_tag_that_no_release_has_is_named_with_the_likely_one(tag, right, tmp_path):
    hit = found(tmp_path, {"run.sh": SERVE.format(image=f"tensorflow/serving:{tag}")})["image-tag-unknown"]
    assert hit.line == 1
    assert f"tensorflow/serving:{right}" in hit.remedy


@pytest.mark.parametrize("image", [
    "tensorflow/serving:2.4.0", "tensorflow/serving:2.4.0-gpu", "tensorflow/serving:2.2.0-rc2", "tensorflow/serving",
    "tensorflow/serving:nightly-gpu", "tensorflow/serving:mine", "me/serving:v1", "registry.io/tensorflow/serving:v2",
    "tensorflow/serving:${TAG}",
])  # fmt: skip
def test_a_tag_that_may_exist_is_not_blamed(image, tmp_path):
    assert not {"image-tag-unknown", "devel-image"} & set(found(tmp_path, {"run.sh": SERVE.format(image=image)}))


def test_a_tag_that_the_text_gives_an_image_itself_is_not_blamed(tmp_path):
    script = "docker build -t tensorflow/serving:v2 .\n" + SERVE.format(image="tensorflow/serving:v2")
    assert "image-tag-unknown" not in found(tmp_path, {"run.sh": script})


@pytest.mark.parametrize("files", [
    {"Dockerfile": "FROM tensorflow /serving:2.3.0\nCOPY m /models/m\n"},
    {"Dockerfile": "FROM tensorflow/ serving\nCOPY m /models/m\n"},
    {"run.sh": SERVE.format(image="tensorflow /serving")},
])  # fmt: skip
def test_a_blank_inside_the_images_name_is_named(files, tmp_path):
    assert "image-name-broken" in found(tmp_path, files)


@pytest.mark.parametrize("step", ["COPY ../m /models/m", 'ADD ["../m", "/models/m"]', "COPY ./../m a/ /models/"])
def test_a_source_above_the_context_is_named(step, tmp_path):
    assert found(tmp_path, {"Dockerfile": DOCKERFILE.format(step=step)})["copy-outside-context"].line == 3


def test_a_source_that_buildkit_finds_in_the_context_is_not_blamed(tmp_path):
    files = {"docker/Dockerfile": DOCKERFILE.format(step="COPY ../m /models/m"), "m/1/saved_model.pb": ""}
    assert "copy-outside-context" not in found(tmp_path, files)


def test_a_source_above_a_dockerfile_that_is_built_from_above_is_not_blamed(tmp_path):
    files = {"docker/Dockerfile": DOCKERFILE.format(step="COPY ../m /models/m"),
             "build.sh": "docker build -t me/m -f docker/Dockerfile .\n"}  # fmt: skip
    assert "copy-outside-context" not in found(tmp_path, files)


STARTED = "RUN tensorflow_model_server --rest_api_port=8501 --model_name=m --model_base_path=/models/m "


@pytest.mark.parametrize("step", [f"{STARTED}&", f"RUN nohup {STARTED[4:]}> /log 2>&1 &"])
def test_a_server_that_a_build_leaves_in_the_background_is_lost(step, tmp_path):
    assert found(tmp_path, {"Dockerfile": DOCKERFILE.format(step=step)})["server-ends-with-build"].line == 3


@pytest.mark.parametrize("step", [
    f"{STARTED}& sleep 5 && /usr/bin/try-it",
    f'{STARTED}&\nENTRYPOINT ["tensorflow_model_server", "--rest_api_port=8501", "--model_base_path=/models/m"]',
    "RUN echo 'tensorflow_model_server --model_base_path=/models/m &' > /start.sh",
])  # fmt: skip
def test_a_server_that_a_build_tries_or_an_image_starts_is_not_blamed(step, tmp_path):
    assert "server-ends-with-build" not in found(tmp_path, {"Dockerfile": DOCKERFILE.format(step=step)})


@pytest.mark.parametrize(("flag", "rule"), [
    ('--model_base_path="$(pwd)/m"', "base-path-missing"), ("--model_base_path=$PWD/m", "base-path-missing"),
    ("'--model_base_path=$(pwd)/m'", "relative-base-path"),
    ('--model_config_file="${PWD}/models.config"', "config-file-missing"),
])  # fmt: skip
def test_a_path_of_the_hosts_shell_is_not_in_the_container(flag, rule, tmp_path):
    assert found(tmp_path, {"run.sh": SERVE.format(image=f"tensorflow/serving:2.11.0 {flag}")})[rule].line == 1


def test_a_folder_that_is_mounted_as_itself_is_in_the_container(tmp_path):
    run = 'docker run -v "$PWD:$PWD" tensorflow/serving:2.11.0 --model_base_path="$PWD/m"\n'
    assert "base-path-missing" not in found(tmp_path, {"run.sh": run})


def test_a_blank_behind_a_backslash_of_docker_cp_is_named_in_a_block_of_its_own(tmp_path):
    blocks = "```\ndocker run -d --name sb tensorflow/serving\n```\n\n```\ndocker cp m \\ \n  sb:/models/m\n```\n"
    assert found(tmp_path, {"README.md": blocks})["line-not-continued"].line == 7
