"""A location for records: tried before anything is run, written file by file, its refusals told in a sentence."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest
from typer.testing import CliRunner

from playbook.cli.entry import app
from playbook.errors import NotWritten, ParameterError
from playbook.records import buckets
from playbook.report import sharing


class NoCredentials(Exception):
    """As botocore's: no OSError."""


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, type]]:
    """A store of objects: its location, and its class; a bucket that is not there must not be made by us."""
    place = f"memory://{uuid.uuid4().hex}/records"
    system, _ = fsspec.core.url_to_fs(place)
    made = []
    monkeypatch.setattr(type(system), "makedirs", lambda _, path, **__: made.append(path))
    yield place, type(system)
    assert made == []


def test_a_location_is_tried_by_writing_and_nothing_is_left(store: tuple[str, type], tmp_path: Path) -> None:
    place, _ = store
    buckets.check(place)
    system, root = buckets.opened(place)
    assert not system.exists(f"{root}/{buckets.TRIED}")
    buckets.check(f"file://{tmp_path}/team/records")
    assert list((tmp_path / "team" / "records").iterdir()) == []


@pytest.mark.parametrize("refusal", [NoCredentials("Unable to locate\ncredentials."), PermissionError("Forbidden")])
def test_what_is_refused_is_told_before_anything_runs(
    store: tuple[str, type], refusal: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, kind = store

    def refuse(*_: object, **__: object) -> None:
        raise refusal

    params = Path("params/quick.yml").resolve()
    monkeypatch.setattr(kind, "pipe_file", refuse)
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["run", str(params), "--outputs", place])
    assert isinstance(done.exception, ParameterError)
    said = " ".join(str(refusal).split()).rstrip(".")
    assert str(done.exception) == f"{place} cannot be written: {said}. Nothing was started."
    assert list(tmp_path.iterdir()) == []


def test_what_is_refused_at_the_end_leaves_the_run_here_and_says_where(
    store: tuple[str, type], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, kind = store
    run = tmp_path / "20260102T000000Z-quick"
    run.mkdir()
    (run / "run.json").write_text("{}")

    def refuse(*_: object, **__: object) -> None:
        raise NoCredentials("Token expired")

    monkeypatch.setattr(kind, "put_file", refuse)
    with pytest.raises(NotWritten, match=f"{place} could not be written: Token expired. The run lies whole in {run}."):
        sharing.upload(run, place)
