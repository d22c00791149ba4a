"""`playbook publish`: a version and its record appear whole or not at all, and a published version never changes."""

import shutil
import uuid
from pathlib import Path

import deployable_run
import fsspec
import pytest
from typer.testing import CliRunner

from playbook import deploy
from playbook.cli.entry import app
from playbook.deploy import publishing
from playbook.errors import ParameterError, VersionChanged
from playbook.records import secrets


@pytest.fixture
def run(tmp_path):
    return deployable_run.make(tmp_path / "outputs" / "20261126-mine")


def test_a_folder_gets_the_version_and_the_record_beside_it(run, tmp_path):
    places = publishing.publish(run, str(tmp_path / "models"))
    version = tmp_path / "models" / "digits" / "3"
    assert places == [str(version), str(tmp_path / "models" / "digits.records" / run.name)]
    own = (run / "models" / "digits" / "3" / "saved_model.pb").read_bytes()
    assert (version / "saved_model.pb").read_bytes() == own
    assert (tmp_path / "models" / "digits.records" / run.name / "stress.json").exists()
    assert sorted(path.name for path in version.parent.iterdir()) == ["3"]  # TensorFlow Serving reads numbers alone


def test_another_version_than_was_measured_is_neither_published_nor_deployed(run, tmp_path):
    shutil.copytree(run / "models" / "digits" / "3", run / "models" / "digits" / "4")
    plan = deploy.plan_of(run, deploy.IMAGE, deploy.Demand(5000.0))
    for ship in (lambda: publishing.publish(run, str(tmp_path / "models")), lambda: deploy.write(plan)):
        with pytest.raises(VersionChanged, match="version 3, which export wrote, and version 4 is the newest"):
            ship()
    assert not (tmp_path / "models").exists()
    assert not (run / "deploy").exists()


def test_a_published_version_is_not_overwritten(run, tmp_path):
    publishing.publish(run, str(tmp_path / "models"))
    (tmp_path / "models" / "digits" / "3" / "saved_model.pb").write_bytes(b"theirs")
    with pytest.raises(publishing.RunNotPublished, match="stands already"):
        publishing.publish(run, str(tmp_path / "models"))
    assert (tmp_path / "models" / "digits" / "3" / "saved_model.pb").read_bytes() == b"theirs"


def test_a_version_that_came_there_meanwhile_stays(run, tmp_path, monkeypatch):
    """Two publish the same number: who comes second replaces nothing."""
    theirs, copied = tmp_path / "models" / "digits" / "3", shutil.copytree

    def copy(source, target, **more):
        made = copied(source, target, **more)
        if Path(target).name == ".3.part":
            theirs.mkdir(parents=True)
            (theirs / "saved_model.pb").write_bytes(b"theirs")
        return made

    monkeypatch.setattr(shutil, "copytree", copy)
    with pytest.raises(publishing.RunNotPublished, match="stands already"):
        publishing.publish(run, str(tmp_path / "models"))
    assert (theirs / "saved_model.pb").read_bytes() == b"theirs"


@pytest.mark.parametrize("bucket", [False, True])
def test_credentials_of_a_run_are_not_published_with_its_record(run, tmp_path, monkeypatch, bucket):
    monkeypatch.setattr(secrets, "_known", {"127.0.0.1:8501": "me:s3cr"})
    secrets.keep(run)
    (run / "remarks.json").write_text("{}")
    place = f"memory://{uuid.uuid4().hex}/models" if bucket else str(tmp_path / "models")
    publishing.publish(run, place)
    system, root = fsspec.core.url_to_fs(place)
    names = sorted(path.rpartition("/")[2] for path in system.find(f"{root}/digits.records"))
    assert names == ["export.json", "remarks.json", "serve.json", "stress.json", "tune.json"]


def test_what_a_killed_publish_left_is_replaced(run, tmp_path):
    left = tmp_path / "models" / "digits" / ".3.part"
    left.mkdir(parents=True)
    (left / "half").write_text("")
    publishing.publish(run, str(tmp_path / "models"))
    assert not left.exists()
    assert not (tmp_path / "models" / "digits" / "3" / "half").exists()


def test_a_bucket_gets_the_same_layout_and_the_file_that_makes_a_version_last(run, monkeypatch):
    system, root = fsspec.core.url_to_fs(f"memory://{uuid.uuid4().hex}/models")
    put, order = type(system).put_file, []

    def noted(self, source, target, **more):
        order.append(target)
        return put(self, source, target, **more)

    monkeypatch.setattr(type(system), "put_file", noted)
    publishing.publish(run, f"memory:/{root}")
    assert order[-1].endswith("digits/3/saved_model.pb")
    assert system.exists(f"{root}/digits.records/{run.name}/export.json")
    with pytest.raises(publishing.RunNotPublished, match="stands already"):
        publishing.publish(run, f"memory:/{root}")


class NoCredentials(Exception):
    """As botocore's: no OSError."""


@pytest.mark.parametrize("refusal", [NoCredentials("Unable to locate credentials"), OSError("bucket is gone")])
def test_a_bucket_that_refuses_is_a_sentence_whatever_its_client_raises(run, monkeypatch, refusal):
    system, root = fsspec.core.url_to_fs(f"memory://{uuid.uuid4().hex}/models")

    def refuse(*_):
        raise refusal

    monkeypatch.setattr(type(system), "exists", refuse)
    with pytest.raises(publishing.RunNotPublished, match=f"could not be written: {refusal}"):
        publishing.publish(run, f"memory:/{root}")


def test_a_place_nobody_knows_is_refused_with_what_is_expected(run):
    with pytest.raises(ParameterError, match="s3fs"):
        publishing.publish(run, "nosuch://bucket/models")


def test_the_command_says_where_things_went(run, tmp_path):
    (run / "run.json").write_text('{"schema_version": 1, "started_utc": "2026-11-26T00:00:00Z"}')
    words = ["publish", run.name, str(tmp_path / "models"), "--outputs", str(run.parent)]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert done.output.splitlines()[0] == str(tmp_path / "models" / "digits" / "3")
