"""A record in a bucket: puts a run folder into a store that speaks S3 and reads it back by SQL, as JSON on stdout.

`python bucket_store.py RUN_DIR PACKAGES...` runs in an environment of its own with DuckDB's extension `httpfs`
(on PyPI for releases of DuckDB older than ours) and moto's server; PACKAGES are folders with everything else.
"""

from __future__ import annotations

import json
import os
import sys
from importlib.resources import files
from pathlib import Path


def main(run: Path, packages: list[str]) -> None:
    """Print what the bucket and the folder answer to the same questions."""
    import boto3
    import duckdb
    from moto.server import ThreadedMotoServer

    sys.path += packages
    from playbook.records import store

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
        for path in sorted(run.rglob("*")):
            if path.is_file():
                client.upload_file(str(path), "records", f"team/{run.name}/{path.relative_to(run)}")
        places = ("s3://records/team", run.parent)
        asked = [f"SELECT * FROM {view} ORDER BY ALL" for view in ("runs", "levels", "metrics", "requests", "trials")]
        tables = [[store.query(sql, place, run.name) for place in places] for sql in asked]
        print(json.dumps([[len(bucket), bool(bucket.equals(folder))] for bucket, folder in tables]))
    finally:
        server.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), sys.argv[2:])
