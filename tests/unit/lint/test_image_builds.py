"""Images that nobody can pull or build, and servers that a build starts and loses."""

from tables import each_row

from playbook.lint.linter import examine

SERVE = "docker run -p 8501:8501 -v $PWD/m:/models/m -e MODEL_NAME=m {image}\n"
DOCKERFILE = "FROM tensorflow/serving:2.11.0\nENV MODEL_NAME=m\n{step}\n"


def found(folder, files):
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return {hit.rule: hit for hit in examine(folder).findings}


@each_row(("tag", "right"), [
    ("v1.14", "1.14.0"), ("v2.3.0", "2.3.0"), ("2.4", "2.4.0"), ("2", "2.0.0"), ("2.4-gpu", "2.4.0-gpu"),
    ("1.16.0", "1.15.0"), ("nightly-gp", "nightly-gpu"), ("lastest", "latest"), ("2.5.0-gpus", "2.5.0-gpu"),
    ("2.1.0-py3", "2.1.0"), ("2.1.0-gpu-jupyter", "2.1.0-gpu"),
])  # fmt: skip
def test_a_tag_that_no_release_has_is_named_with_the_likely_one(tag, right, tmp_path):
    hit = found(tmp_path, {"run.sh": SERVE.format(image=f"tensorflow/serving:{tag}")})["image-tag-unknown"]
    assert hit.line == 1
    assert f"tensorflow/serving:{right}" in hit.remedy


@each_row("image", [
    "tensorflow/serving:2.4.0", "tensorflow/serving:2.4.0-gpu", "tensorflow/serving:2.2.0-rc2", "tensorflow/serving",
    "tensorflow/serving:nightly-gpu", "tensorflow/serving:mine", "me/serving:v1", "registry.io/tensorflow/serving:v2",
    "tensorflow/serving:${TAG}", "tensorflow/serving:latest-mkl", "tensorflow/serving:latest-cpu",
])  # fmt: skip
def test_a_tag_that_may_exist_is_not_blamed(image, tmp_path):
    assert not {"image-tag-unknown", "devel-image"} & set(found(tmp_path, {"run.sh": SERVE.format(image=image)}))


def test_a_tag_that_the_text_gives_an_image_itself_is_not_blamed(tmp_path):
    script = "docker build -t tensorflow/serving:v2 .\n" + SERVE.format(image="tensorflow/serving:v2")
    assert "image-tag-unknown" not in found(tmp_path, {"run.sh": script})


@each_row("files", [
    {"Dockerfile": "FROM tensorflow /serving:2.3.0\nCOPY m /models/m\n"},
    {"Dockerfile": "FROM tensorflow/ serving\nCOPY m /models/m\n"},
    {"run.sh": SERVE.format(image="tensorflow /serving")},
])  # fmt: skip
def test_a_blank_inside_the_images_name_is_named(files, tmp_path):
    assert "image-name-broken" in found(tmp_path, files)


@each_row("step", ["COPY ../m /models/m", 'ADD ["../m", "/models/m"]', "COPY ./../m a/ /models/"])
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


@each_row("step", [f"{STARTED}&", f"RUN nohup {STARTED[4:]}> /log 2>&1 &"])
def test_a_server_that_a_build_leaves_in_the_background_is_lost(step, tmp_path):
    assert found(tmp_path, {"Dockerfile": DOCKERFILE.format(step=step)})["server-ends-with-build"].line == 3


@each_row("step", [
    f"{STARTED}& sleep 5 && /usr/bin/try-it",
    f'{STARTED}&\nENTRYPOINT ["tensorflow_model_server", "--rest_api_port=8501", "--model_base_path=/models/m"]',
    "RUN echo 'tensorflow_model_server --model_base_path=/models/m &' > /start.sh",
])  # fmt: skip
def test_a_server_that_a_build_tries_or_an_image_starts_is_not_blamed(step, tmp_path):
    assert "server-ends-with-build" not in found(tmp_path, {"Dockerfile": DOCKERFILE.format(step=step)})


@each_row(("flag", "rule"), [
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


BARE = 'FROM {base}\n{step}\nCMD ["tensorflow_model_server", "--model_base_path=/models/m"]\n'


@each_row("base", ["tensorflow/tensorflow:2.8.0", "python:3.9-slim", "ubuntu"])
@each_row("step", ["COPY m /models/m", "RUN pip install tensorflow tensorflow-serving-api"])
def test_an_image_that_nothing_brings_the_server_is_named(base, step, tmp_path):
    assert found(tmp_path, {"Dockerfile": BARE.format(base=base, step=step)})["image-without-server"].line == 1


@each_row("step", [
    "RUN apt-get install -y tensorflow-model-server", "COPY --from=build /usr/local/bin/ /usr/local/bin/",
    "RUN curl -LO https://x.org/server.deb", "COPY . /", "RUN ./install.sh",
])  # fmt: skip
def test_an_image_that_something_may_have_brought_the_server_is_not_blamed(step, tmp_path):
    assert "image-without-server" not in found(tmp_path, {"Dockerfile": BARE.format(base="ubuntu", step=step)})


def test_an_asterisk_that_flattens_a_version_is_named(tmp_path):
    hits = found(tmp_path, {"Dockerfile": DOCKERFILE.format(step="COPY ./m/* /models/m/1/")})
    assert "COPY ./m/ /models/m/1/" in hits["copy-flattens"].remedy


def test_a_folder_that_is_mounted_as_a_models_file_is_named(tmp_path):
    run = "docker run -v /srv/m:/models/m/1/saved_model.pb -e MODEL_NAME=m tensorflow/serving:2.11.0\n"
    assert found(tmp_path, {"run.sh": run})["version-broken"].line == 1


def test_a_script_that_takes_its_flags_when_it_is_run_lacks_no_model(tmp_path):
    script = "RUN echo '#!/bin/bash \\n\\n\\\ntensorflow_model_server --rest_api_port=8501 \"$@\"' > /start.sh"
    assert "no-model" not in found(
        tmp_path, {"Dockerfile": DOCKERFILE.format(step=f'{script}\nENTRYPOINT ["/start.sh"]')}
    )


def test_a_batching_file_that_is_written_on_the_line_of_the_start_is_not_rewritten(tmp_path):
    run = ("# reload\necho 'max_batch_size { value: 4 }' > /batching.txt && LD_PRELOAD=x tensorflow_model_server "
           "--model_base_path=/models/m --enable_batching --batching_parameters_file=/batching.txt\n")  # fmt: skip
    assert "batching-rewritten-in-place" not in found(tmp_path, {"run.sh": run})


def test_a_dockerfile_in_a_block_that_is_called_python_is_read(tmp_path):
    block = '```python\n# Dockerfile\nFROM python:3.9\n\nCMD ["tensorflow_model_server", "--model_path=/m"]\n```\n'
    assert {"image-without-server", "unknown-flag"} <= set(found(tmp_path, {"README.md": block}))


def test_a_variable_that_cloud_run_gives_an_image_of_ones_own_is_judged(tmp_path):
    document = ("```dockerfile\nFROM tensorflow/serving:2.15.0\nENV MODEL_NAME=m\n```\n\n```bash\ngcloud builds submit "
                "--tag gcr.io/${P}/mine\ngcloud run deploy m --image=gcr.io/${P}/mine --port=8501 "
                "--set-env-vars=MODEL_PATH=gs://b/m\n```\n")  # fmt: skip
    assert found(tmp_path, {"README.md": document})["env-nobody-reads"].line == 8


def test_a_program_whose_flags_an_image_leaves_to_its_run_lacks_no_model(tmp_path):
    step = 'RUN apt-get install -y tensorflow-model-server\nENTRYPOINT ["tensorflow_model_server"]'
    assert "no-model" not in found(tmp_path, {"Dockerfile": f"FROM debian\n{step}\n"})


@each_row("image", ["tensorflow/serving:2.11.0", "me/tensorflow-serving:1"])
@each_row("value", ['"$(pwd)/m"', "~/m", "/home/me/m", "./m"])
def test_a_folder_of_the_hosts_that_is_mounted_nowhere_is_named(value, image, tmp_path):
    run = f"docker run -p 8501:8501 -v {value} -e MODEL_NAME=m {image}\n"
    assert found(tmp_path, {"run.sh": run})["volume-without-target"].line == 1


@each_row("value", ["/models", "$PWD/m:/models/m", "C:/m:/models/m", "models:/models"])
def test_a_volume_of_the_containers_own_is_not_blamed(value, tmp_path):
    run = f"docker run -p 8501:8501 -v {value} -e MODEL_NAME=m tensorflow/serving:2.11.0\n"
    assert "volume-without-target" not in found(tmp_path, {"run.sh": run})


def test_a_flag_that_lacks_its_equals_sign_before_a_variable_is_named(tmp_path):
    step = 'ENTRYPOINT ["tensorflow_model_server", "--model_name${NAME}", "--model_base_path=/models/m"]'
    hit = found(tmp_path, {"Dockerfile": DOCKERFILE.format(step=step)})["unknown-flag"]
    assert "--model_name=${NAME}" in hit.remedy


def test_a_quote_that_powershell_escapes_closes_nothing(tmp_path):
    script = '$run = "docker run -p 8501:8501 " +\n  "-v `"${m}:/models`" " +\n  "tensorflow/serving:2.11.0"\n'
    assert "quote-not-closed" not in found(tmp_path, {"start.ps1": script})


@each_row(("name", "content"), [
    ("run.sh", "docker run -e MODEL_NAME=m bitnami/tensorflow-serving:2.8.0\n"),
    ("Dockerfile", "FROM bitnami/tensorflow-serving:2.8.0\nENV MODEL_NAME=m\n"),
    ("compose.yml", "services:\n  s:\n    image: bitnami/tensorflow-serving\n    environment:\n      MODEL_NAME: m\n"),
])  # fmt: skip
def test_the_official_images_variables_are_read_by_nobody_in_bitnamis(name, content, tmp_path):
    hit = found(tmp_path, {name: content})["env-nobody-reads"]
    assert "TENSORFLOW_SERVING_MODEL_NAME=m" in hit.remedy


def test_bitnamis_own_variables_are_not_blamed(tmp_path):
    script = "docker run -e TENSORFLOW_SERVING_MODEL_NAME=m bitnami/tensorflow-serving:2.8.0\n"
    assert "env-nobody-reads" not in found(tmp_path, {"run.sh": script})


EXPORT = "export TF_XLA_FLAGS=--tf_xla_auto_jit=1\n"


def test_an_export_that_no_container_gets_is_named(tmp_path):
    hit = found(tmp_path, {"run.sh": EXPORT + SERVE.format(image="tensorflow/serving:2.14.1")})["env-nobody-reads"]
    assert (hit.line, "-e TF_XLA_FLAGS=" in hit.remedy) == (1, True)


@each_row("rest", [
    "python train.py\n", "docker run -e TF_XLA_FLAGS tensorflow/serving\n", "./train.sh\n", "docker compose up\n",
    "docker run --env=TF_XLA_FLAGS tensorflow/serving\n", "docker run --env-file .env tensorflow/serving\n",
])  # fmt: skip
def test_an_export_that_another_program_may_read_is_not_blamed(rest, tmp_path):
    script = EXPORT + SERVE.format(image="tensorflow/serving:2.14.1") + rest
    assert "env-nobody-reads" not in found(tmp_path, {"run.sh": script})


@each_row(("options", "blamed"), [("-r ", True), ("", False), ("-a ", False), ("-L -q ", False)])
def test_docker_cp_has_no_option_for_folders(options, blamed, tmp_path):
    script = f"docker run -d --name b tensorflow/serving:2.14.1\ndocker cp {options}m b:/models/m\n"
    assert ("docker-option-unknown" in found(tmp_path, {"run.sh": script})) is blamed


@each_row(("name", "blamed"), [("entrypoint.sh", True), ("tool.sh", False)])
def test_an_entrypoint_whose_first_line_is_blank_is_named(name, blamed, tmp_path):
    script = "\n#!/bin/bash\ntensorflow_model_server --model_base_path=/models/m --rest_api_port=8501\n"
    assert ("shebang-not-first" in found(tmp_path, {name: script})) is blamed


def test_the_last_of_several_nameless_stages_is_the_image(tmp_path):
    text = "FROM python:3\nFROM tensorflow/serving:2.14.1\nCOPY m /models/m\nENV MODEL_CONFIG_FILE=/models/c\n"
    assert found(tmp_path, {"Dockerfile": text})["env-nobody-reads"].line == 4


@each_row(("content", "rule"), [
    ("RUN mkdir /m && \\\nRUN mkdir /n\n", True),
    ("RUN echo 'FROM x\\n\\\nRUN y' > /d\n", False),
    ("RUN mkdir /m && \\\n    mkdir /n\nRUN mkdir /o\n", False),
])  # fmt: skip
def test_an_instruction_in_the_middle_of_run_is_named(content, rule, tmp_path):
    assert (
        "instruction-in-run" in found(tmp_path, {"Dockerfile": "FROM tensorflow/serving:2.14.1\n" + content})
    ) is rule


@each_row(("copied", "rules"), [
    ("/models/models.config", {"config-file-missing"}),  # a letter more than is named
    ("/etc/model.config", {"config-file-missing"}),  # the same name elsewhere
    ("/models/tags.txt", {"config-file-not-copied"}),  # it may be mounted when the image is run
    ("/models/model.config", set()),
])  # fmt: skip
def test_a_file_that_is_copied_under_almost_the_name_that_the_flag_gives_is_missing_for_sure(copied, rules, tmp_path):
    (tmp_path / "Dockerfile").write_text(
        f'FROM tensorflow/serving:2.20.0\nCOPY x {copied}\nCMD ["--model_config_file=/models/model.config"]\n'
    )
    found = {hit.rule for hit in examine(tmp_path).findings}
    assert found & {"config-file-missing", "config-file-not-copied"} == rules


@each_row(("step", "said"), [
    ("RUN echo hello > /app/hello", True),
    ("RUN cd /app && ls", True),
    ("RUN mkdir -p /app && echo hello > /app/hello", False),
    ("WORKDIR /app\nRUN echo hello > /app/hello", False),
    ("COPY app /app\nRUN echo hello > /app/hello", False),
    ("ADD all.tar.gz /\nRUN echo hello > /app/hello", False),  # which may hold it
    ("RUN echo hello > /etc/hello", False),
    ("RUN echo hello > /models/hello", False),  # which the image has
    ("RUN test -d /app || echo hello > /app/hello", False),
])  # fmt: skip
def test_a_folder_that_nothing_makes_is_told_where_a_build_needs_it(step, said, tmp_path):
    (tmp_path / "Dockerfile").write_text(DOCKERFILE.format(step=step))
    assert ("folder-never-made" in {hit.rule for hit in examine(tmp_path).findings}) == said
