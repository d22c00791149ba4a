"""Sources of COPY that .dockerignore leaves out, as Docker reads its patterns."""

from tables import each_row

from playbook.lint.linter import examine

DOCKERFILE = "FROM tensorflow/serving:2.20.0\nENV MODEL_NAME=m\nCOPY {} /models/m\n"


@each_row(("patterns", "source", "line"), [
    ("models\n", "models/m", 1),
    (".git\n/models/\n", "./models/m", 2),
    ("**/m\n", "a/b/m", 1),
    ("*\n", "m", 1),
    ("*\n!models\n", "models/m", 0),
    ("models/**\n!models/m/**\n", "models/m", 0),
    ("*\n!models\nmodels/m\n", "models/m", 3),
    ("m\n", "models/m", 0),  # without **/ a pattern begins at the context's root
    ("*.pb\n", "models/m", 0),
    ("# models\n", "models/m", 0),
    ("models\n", ".", 0),  # the rest is copied
    ("models/?\n", "models/m", 1),
    ("models/*.h5\n", "models/m.h5", 1),
    ("mod*\n", "models/m", 1),
])  # fmt: skip
def test_a_source_that_the_build_never_sees_is_said_with_the_line_that_leaves_it_out(patterns, source, line, tmp_path):
    (tmp_path / "Dockerfile").write_text(DOCKERFILE.format(source))
    (tmp_path / ".dockerignore").write_text(patterns)
    hits = [hit for hit in examine(tmp_path).findings if hit.rule == "copy-ignored"]
    assert [(hit.line, f".dockerignore:{line}" in hit.message) for hit in hits] == ([(3, True)] if line else [])


def test_a_dockerfiles_own_ignore_file_comes_before_the_folders(tmp_path):
    (tmp_path / "gpu.Dockerfile").write_text(DOCKERFILE.format("models/m"))
    (tmp_path / ".dockerignore").write_text("models\n")
    (tmp_path / "gpu.Dockerfile.dockerignore").write_text("*.md\n")
    assert "copy-ignored" not in {hit.rule for hit in examine(tmp_path).findings}


def test_what_another_stage_made_is_not_of_the_build_context(tmp_path):
    text = "FROM python:3.12 AS made\nRUN python export.py\n" + DOCKERFILE.format("--from=made models/m")
    (tmp_path / "Dockerfile").write_text(text)
    (tmp_path / ".dockerignore").write_text("models\n")
    assert "copy-ignored" not in {hit.rule for hit in examine(tmp_path).findings}
