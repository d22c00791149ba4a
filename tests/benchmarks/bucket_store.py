"""A run copied to a bucket as `--outputs s3://` and `publish` do it, and read back by SQL; JSON on stdout.

`python bucket_store.py RUN_DIR PACKAGES...` runs in an environment of its own with s3fs, DuckDB's extension `httpfs`
(on PyPI for releases of DuckDB older than ours) and moto's server; PACKAGES are folders with everything else.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from importlib.resources import files
from pathlib import Path
from typing import Any

VIEWS = ("runs", "levels", "metrics", "requests", "trials")


def main(run: Path, packages: list[str]) -> None:
    """Print `views` (rows, and whether bucket and folder answer alike), `same` files, `published` and `refused`."""
    import boto3
    import duckdb
    from moto.server import ThreadedMotoServer

    sys.path += packages
    (extension,) = Path(str(files("duckdb_extension_httpfs"))).rglob("httpfs.duckdb_extension")
    duckdb.sql(f"INSTALL '{extension}'")
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    os.environ |= {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-east-1"}
    os.environ["AWS_ENDPOINT_URL"] = f"http://{host}:{port}"
    try:
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="records")
        print(json.dumps({**_copied(run, client), "published": _published(client), "refused": _refused(client)}))
    finally:
        server.stop()


def _copied(run: Path, client: Any) -> dict[str, Any]:
    """The run there and here: every file's bytes, and what SQL answers."""
    from playbook.records import buckets, store
    from playbook.report import sharing

    buckets.check("s3://records/team")
    sharing.upload(run, "s3://records/team/")
    keys = _keys(client)
    local = {f"team/{run.name}/{path.relative_to(run).as_posix()}": path for path in sharing._files(run)}
    same = [client.get_object(Bucket="records", Key=key)["Body"].read() == local[key].read_bytes() for key in local]
    places = ("s3://records/team", run.parent)
    asked = [f"SELECT * FROM {view} ORDER BY ALL" for view in VIEWS]
    tables = [[store.query(sql, place, run.name) for place in places] for sql in asked]
    views = [[len(bucket), bool(bucket.equals(folder))] for bucket, folder in tables]
    return {"views": views, "same": [sum(same), len(local), len(keys)]}


def _published(client: Any) -> list[str]:
    """What `publish` leaves of a version, a file of 20 MB among it."""
    import deployable_run

    from playbook.deploy import publishing

    with tempfile.TemporaryDirectory() as folder:
        run = deployable_run.make(Path(folder) / "20261126-mine")
        (run / "models" / "digits" / "3" / "weights").write_bytes(os.urandom(20 << 20))
        publishing.publish(run, "s3://records/models")
    return [key for key in _keys(client) if key.startswith("models/digits/")]


def _refused(client: Any) -> list[str]:
    """A bucket that is not there is told, and is not made."""
    from playbook.errors import ParameterError
    from playbook.records import buckets

    try:
        buckets.check("s3://recrods/team")
    except ParameterError as error:
        return [str(error), *(bucket["Name"] for bucket in client.list_buckets()["Buckets"])]
    return []


def _keys(client: Any) -> list[str]:
    pages = client.get_paginator("list_objects_v2").paginate(Bucket="records")
    return [entry["Key"] for page in pages for entry in page.get("Contents", [])]


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), sys.argv[2:])
