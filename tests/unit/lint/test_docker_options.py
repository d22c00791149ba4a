"""Options that docker run has not end it before anything starts; those of podman, of swarm and clusters are theirs."""

from tables import each_row

from playbook.lint.linter import examine

TAIL = "-v /srv/leaf:/models/leaf -e MODEL_NAME=leaf tensorflow/serving:2.20.0"


def named(line, folder):
    """The words that a line is told to have in place of docker's options."""
    (folder / "run.sh").write_text(line)
    hits = examine(folder).findings
    return [hit.message.split()[5].rstrip(":") for hit in hits if hit.rule == "docker-option-unknown"]


@each_row(("given", "word"), [
    ("--gpu all", "--gpu"),
    ("--volumes /a:/b", "--volumes"),
    ("-name serving", "-name"),
    ("-gpus all", "-gpus"),
    ("--volume-from other", "--volume-from"),
    ("--model", "--model"),
    ("--background", "--background"),
])  # fmt: skip
def test_a_word_that_is_none_of_dockers_options_is_named(given, word, tmp_path):
    assert named(f"docker run -d {given} {TAIL}", tmp_path) == [word]


@each_row("line", [
    f"docker run -dit --gpus all --name=s -p 8501:8501 --cpuset-cpus 0-3 {TAIL}",
    f"docker run -itp 8501:8501 -m4g -uroot {TAIL}",
    f"docker run --rm $OPTIONS --shm-size 1g {TAIL}",
    f"docker compose run --rm --service-ports {TAIL}",
    f"podman run --replace --systemd=false -d {TAIL}",
    "docker service create --replicas 3 --publish 8501:8501 --mount type=bind,source=/srv/leaf,target=/models/leaf "
    "-e MODEL_NAME=leaf tensorflow/serving:2.20.0",
    "docker run -d tensorflow/serving:2.20.0 --models_are_here=1 --model_name=leaf",
])  # fmt: skip
def test_an_option_of_dockers_or_of_another_program_is_not(line, tmp_path):
    assert named(line, tmp_path) == []
