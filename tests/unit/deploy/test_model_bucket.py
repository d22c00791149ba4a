"""What component model-bucket runs before the server starts: its own script, against buckets that publish filled."""

import os
import shutil
import subprocess

import deployable_run
import folder_bucket
import pytest
import yaml

from playbook import deploy
from playbook.deploy import publishing
from playbook.deploy.sizing import Demand

pytestmark = pytest.mark.skipif(shutil.which("rclone") is None, reason="rclone is not installed (Debian: rclone)")
REMOTES = {"s3": ":s3,provider=AWS,env_auth=true:", "gcs": ":gcs,env_auth=true:"}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return deployable_run.make(tmp_path_factory.mktemp("outputs") / "20261126-mine")


@pytest.fixture(scope="module")
def init(run):
    """The initContainer, as the component's patch adds it."""
    deploy.write(deploy.plan_of(run, deploy.IMAGE, Demand(5000.0)))
    text = (run / "deploy" / "kubernetes" / "components" / "model-bucket" / "kustomization.yaml").read_text()
    patch = yaml.safe_load(yaml.safe_load(text)["patches"][0]["patch"])
    (added,) = [step for step in patch if step["path"].endswith("/initContainers")]
    return added["value"][0]


@pytest.fixture
def bucket(run, tmp_path):
    """Version 3 as `playbook publish` writes it, an older one, and version 10 without the file that goes last."""
    models = tmp_path / "buckets" / "BUCKET" / "models"
    publishing.publish(run, str(models))
    shutil.copytree(models / "digits" / "3", models / "digits" / "2")
    (models / "digits" / "10" / "variables").mkdir(parents=True)
    (models / "digits" / "10" / "variables" / "variables.index").write_bytes(b"half")
    with folder_bucket.serving(tmp_path / "buckets") as url:
        yield url


@pytest.mark.parametrize("store", REMOTES)
def test_the_bucket_that_publish_filled_becomes_the_base_path_of_the_server(init, bucket, run, tmp_path, store):
    env = {entry["name"]: entry["value"] for entry in init["env"]}
    assert env["TO"] == "/models/digits"
    source = env["FROM"].replace(REMOTES["s3"], REMOTES[store])
    assert source == f"{REMOTES[store]}BUCKET/models/digits"
    done = copied(init, bucket, source, tmp_path)
    assert done.returncode == 0, done.stderr
    base = tmp_path / "models" / "digits"
    assert [path.name for path in base.iterdir()] == ["3"], (
        "half a version and an old one are left out, and records are elsewhere"
    )
    own = run / "models" / "digits" / "3" / "saved_model.pb"
    assert (base / "3" / "saved_model.pb").read_bytes() == own.read_bytes()


def test_a_bucket_that_is_not_there_keeps_the_server_from_starting(init, bucket, tmp_path):
    done = copied(init, bucket, f"{REMOTES['s3']}BUCKET/no-such/digits", tmp_path)
    assert done.returncode == 1
    assert "no whole version below" in done.stderr


def copied(init, url, source, folder):
    """The container's command with this source, at an endpoint of this machine, into a folder of the test's own."""
    where = {"RCLONE_S3_ENDPOINT": url, "RCLONE_GCS_ENDPOINT": url + "/", "RCLONE_GCS_ANONYMOUS": "true",
             "RCLONE_RETRIES": "1", "RCLONE_LOW_LEVEL_RETRIES": "1",
             "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}  # fmt: skip
    home = {"HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "PATH": os.environ["PATH"]}
    paths = {"FROM": source, "TO": str(folder / "models" / "digits")}
    command = [*init["command"], *init["args"]]
    return subprocess.run(command, env={**where, **home, **paths}, capture_output=True, text=True, timeout=60)
