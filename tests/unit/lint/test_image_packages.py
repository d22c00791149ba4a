"""RUN's apt in an image of the server's: it needs its lists anew, and an answer that nobody gives."""

from tables import each_row

from playbook.lint.linter import examine

SERVING = "FROM tensorflow/serving:2.20.0\nCOPY m /models/m\nENV MODEL_NAME=m\n"


@each_row(("steps", "lines"), [
    ("RUN apt-get install -y curl", [4]),
    ("RUN apt-get install curl", [4, 4]),
    ("RUN apt-get update && apt-get install curl", [4]),
    ("RUN apt-get update && apt-get install -y curl", []),
    ("RUN apt-get update \\\n && apt-get install -y --no-install-recommends curl", []),
    ("RUN apt-get update\nRUN apt-get -y install curl", []),
    ("RUN apt update && apt install -qq curl", []),
    ("RUN apt-get update && yes | apt-get install curl", []),
    ("RUN apt-get update && apt-get install tensorflow-model-server", []),  # nothing comes with it: apt does not ask
    ("COPY sources.list /etc/apt/\nRUN apt-get install -y curl", []),
    ("COPY setup.sh /\nRUN /setup.sh && apt-get install -y curl", []),
])  # fmt: skip
def test_apt_without_its_lists_or_an_answer_is_said_at_its_line(steps, lines, tmp_path):
    (tmp_path / "Dockerfile").write_text(f"{SERVING}{steps}\n")
    assert [hit.line for hit in examine(tmp_path).findings if hit.rule == "apt-in-build"] == lines


def test_apt_of_an_image_that_is_no_debian_is_let_be(tmp_path):
    (tmp_path / "Dockerfile").write_text(
        "FROM mine\nRUN apt-get install curl\nCMD tensorflow_model_server --port=8500\n"
    )
    assert "apt-in-build" not in {hit.rule for hit in examine(tmp_path).findings}
