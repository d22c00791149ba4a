# ruff: noqa: E501  (tables of texts, one a line)
"""Where a program beside the server's files saves the model, and what is served."""

from tables import each_row

from playbook.lint.linter import examine

IMAGE = "FROM tensorflow/serving:2.20.0\nENV MODEL_NAME={}\nCOPY {} {}\n"
COMPOSE = "services:\n  tfs:\n    image: tensorflow/serving:2.20.0\n    environment: [MODEL_NAME={}]\n    volumes: ['{}:{}']\n"
SAVED = {  # what Python does, what is copied and where, whether that holds versions
    "the folder of the versions": ("tf.saved_model.save(m, 'out/cars/1')", "out/cars", "/models/cars", True),
    "the folder above": ("tf.saved_model.save(m, 'out/cars/1')", "out", "/models/cars", False),
    "the folder above, as the models' folder": ("tf.saved_model.save(m, 'out/cars/1')", "out", "/models", True),
    "no version": ("model.save('out/cars')", "out/cars", "/models/cars", False),
    "no version by export": ("model.export('out/cars')", "./out/cars/", "/models/cars", False),
    "a version that is counted": ("tf.saved_model.save(m, os.path.join('out/cars', str(step)))", "out/cars", "/models/cars", True),
    "above a version that is counted": ("tf.saved_model.save(m, os.path.join('out/cars', str(step)))", "out", "/models/cars", False),
    "put under a version by the target": ("model.save('out/cars')", "out/cars", "/models/cars/1", True),
    "a file of Keras'": ("model.save('out/cars.keras')", "out/cars", "/models/cars", True),
    "somewhere else": ("model.save('checkpoints')", "out/cars", "/models/cars", True),
    "one of two folders": ("model.save('out/cars/1')\nmodel.save('out/1')", "out", "/models/cars", True),
}  # fmt: skip


@each_row("what", SAVED)
def test_a_folder_that_a_program_beside_it_saves_otherwise_is_said(what, tmp_path):
    code, source, target, right = SAVED[what]
    for name, text in (("Dockerfile", IMAGE), ("compose.yaml", COMPOSE)):
        folder = tmp_path / name.split(".")[0]
        folder.mkdir()
        mounted = source if name == "Dockerfile" or source.startswith("./") else f"./{source}"
        (folder / name).write_text(text.format("cars", mounted, target))
        (folder / "export.py").write_text(f"import os\nimport tensorflow as tf\n{code}\n")
        hits = [hit for hit in examine(folder).findings if hit.rule == "no-version"]
        assert bool(hits) != right, name


def test_a_program_in_another_folder_says_nothing_of_this_one(tmp_path):
    (tmp_path / "Dockerfile").write_text(IMAGE.format("cars", "out/cars", "/models/cars"))
    (tmp_path / "research").mkdir()
    (tmp_path / "research/train.py").write_text("model.save('out/cars')\n")
    assert "no-version" not in {hit.rule for hit in examine(tmp_path).findings}


def test_a_script_that_moves_the_model_under_a_version_makes_it_right(tmp_path):
    (tmp_path / "Dockerfile").write_text(IMAGE.format("cars", "out/cars", "/models/cars"))
    (tmp_path / "train.py").write_text("model.save('out/cars')\n")
    (tmp_path / "make.sh").write_text("python train.py\nmkdir -p tmp/1 && mv out/cars/* tmp/1 && mv tmp/1 out/cars/1\n")
    assert "no-version" not in {hit.rule for hit in examine(tmp_path).findings}
