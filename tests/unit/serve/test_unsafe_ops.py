"""The embedded server is started so that it refuses a graph that reaches outside, unless export let this one."""

from __future__ import annotations

import shutil
from pathlib import Path

import published_run
import pytest

from playbook.errors import ServerNotReady
from playbook.records import record
from playbook.serve import serve
from playbook.tfserving import signatures


def reading(base: Path) -> Path:
    """The base path, after a node was added to the graph that reads a file when somebody asks for it."""
    (version,) = [path for path in base.iterdir() if path.name.isdigit()]
    saved = signatures.load_proto(version)
    graph = saved.meta_graphs[0].graph_def
    name = graph.node.add(name="name_of_a_file", op="Placeholder")
    name.attr["dtype"].type = 7
    graph.node.add(name="content", op="ReadFile", input=["name_of_a_file"])
    (version / "saved_model.pb").write_bytes(saved.SerializeToString())
    return base


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return reading(published_run.published(tmp_path_factory.mktemp("exported")))


def keep(run: Path, unsafe_ops: list[str]) -> None:
    run.mkdir(exist_ok=True)
    record.save(run, "export", params={}, results={"unsafe_ops": unsafe_ops}, verdict="exported")


def start(run: Path, base: Path) -> serve.Handle:
    once = ["--max_num_load_retries=0"]  # a load that is refused is tried again for five minutes
    spec = serve.from_parameters({"server": "embedded", "model_name": "digits", "extra_flags": once}, base)
    return serve.start(spec, run, 60)


def test_a_graph_that_came_to_read_files_after_its_export_is_not_served(base, tmp_path):
    copied = shutil.copytree(base, tmp_path / "models" / "digits")
    keep(tmp_path / "run", [])
    refused = r"refuses 'digits': --reject_unsafe_ops: the model in .* ReadFile \(files\)"
    with pytest.raises(ServerNotReady, match=refused):  # at once: the server itself tries again for minutes
        start(tmp_path / "run", copied)


def test_what_export_was_told_to_let_is_served(base, tmp_path):
    keep(tmp_path / "run", ["ReadFile: reads files"])
    handle = start(tmp_path / "run", base)
    serve.stop(handle)
    assert "--reject_unsafe_ops" not in handle.flags
