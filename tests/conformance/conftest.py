"""Models (made once, by one TensorFlow process) and servers (started once) for the conformance tests."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import harness
import pytest
from harness import Server, write_monitoring


@pytest.fixture(scope="session")
def models(tmp_path_factory) -> Path:
    """The folder of base paths; CONFORMANCE_MODELS names one that was made before."""
    if made := os.environ.get("CONFORMANCE_MODELS"):
        return Path(made)
    folder = tmp_path_factory.mktemp("models")
    maker = Path(harness.__file__).with_name("make_models.py")
    done = subprocess.run([sys.executable, maker, folder], capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


@pytest.fixture(scope="session")
def every_model(models: Path, tmp_path_factory) -> str:
    """The flag of a config file that lists every model."""
    entries = [
        f'config {{ name: "{path.name}" base_path: "{path}" model_platform: "tensorflow" }}'
        for path in sorted(models.iterdir())
        if any(path.glob("*/saved_model.pb"))  # some are files for TFLite alone
    ]
    file = tmp_path_factory.mktemp("config") / "models.txt"
    file.write_text("model_config_list { " + "\n".join(entries) + " }")
    return f"--model_config_file={file}"


@pytest.fixture(scope="session")
def server(every_model: str, tmp_path_factory):
    """All models, no batching, metrics on."""
    folder = tmp_path_factory.mktemp("plain")
    flags = (every_model, write_monitoring(folder), "--rest_api_num_threads=64", "--grpc_max_threads=64")
    with Server(folder, *flags) as running:
        yield running


@pytest.fixture
def publish(models: Path, tmp_path: Path):
    """publish(model, version, name="served", **files): copy a model into a fresh base path by an atomic rename."""

    def copy(model: str, version: int, name: str = "served", files: dict[str, bytes | str] | None = None) -> Path:
        source = sorted((models / model).iterdir())[0]
        base = tmp_path / name
        draft = tmp_path / f".draft_{name}_{version}"
        base.mkdir(exist_ok=True)
        shutil.copytree(source, draft)
        for relative, content in (files or {}).items():
            (draft / relative).parent.mkdir(parents=True, exist_ok=True)
            (draft / relative).write_bytes(content.encode() if isinstance(content, str) else content)
        draft.rename(base / str(version))
        return base

    return copy
