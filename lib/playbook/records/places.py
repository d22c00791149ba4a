"""Where records lie: a folder, or a bucket through DuckDB. Lists what is whole and says what is not.

A run that was killed leaves half a file, an older version leaves out columns, a newer one adds some: none of it may
break a query. So every file is tried before it is read.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import duckdb

from playbook.errors import QueryFailed, RecordUnreadable
from playbook.records import parquet, record

EXTENSIONS = {"s3": "httpfs", "gs": "httpfs", "gcs": "httpfs", "r2": "httpfs", "https": "httpfs", "az": "azure"}


def place(db: duckdb.DuckDBPyConnection, outputs: Path | str, run_id: str | None = None) -> Local | Remote:
    """The folder or location named, with all its runs or one.

    Raises:
        QueryFailed: no such folder, or a location that needs an extension DuckDB does not have here.
    """
    return Remote(db, str(outputs), run_id) if "://" in str(outputs) else Local(Path(outputs), run_id)


class Local:
    """Run folders on a disk."""

    def __init__(self, outputs: Path, run_id: str | None = None) -> None:
        if not outputs.is_dir():
            raise QueryFailed(f"Records were expected in {outputs}, and there is no such folder. Name it by --outputs.")
        self.prefix, self._outputs, self._run_id = str(outputs), outputs, run_id

    def parquet(self, table: str) -> list[str]:
        """The readable files of a table in all runs."""
        return [str(path) for run_dir in self._runs() for path in whole_files(run_dir, table)]

    def broken(self, table: str) -> list[str]:
        """Files of a table that are there and not whole."""
        files = [path for run_dir in self._runs() for path in all_files(run_dir, table)]
        return [str(path) for path in files if not parquet.is_whole(path)]

    def records(self) -> dict[str, dict[str, Any]]:
        """Each run's records by verb; an unreadable one stands as its error."""
        return {run_dir.name: record.read_all(run_dir) for run_dir in self._runs()}

    def _runs(self) -> list[Path]:
        named = [self._outputs / self._run_id] if self._run_id else self._outputs.iterdir()
        return sorted(path for path in named if path.is_dir() and not path.name.startswith("."))


class Remote:
    """Run folders in a bucket or behind any other location DuckDB can read."""

    def __init__(self, db: duckdb.DuckDBPyConnection, outputs: str, run_id: str | None = None) -> None:
        # DuckDB names files below file:// by their plain path.
        self.prefix, self._db, self._run_id = outputs.rstrip("/").removeprefix("file://"), db, run_id or "*"
        extension = EXTENSIONS.get(outputs.split("://")[0])
        if extension is None:
            return
        try:
            db.execute(f"LOAD {extension}")
        except duckdb.Error as error:
            raise QueryFailed(
                f"{outputs} is read by DuckDB's extension '{extension}', which is not present here. Where the network "
                f"allows it, run once: python -c \"import duckdb; duckdb.sql('INSTALL {extension}')\"; "
                "or copy the records to a folder."
            ) from error
        if extension == "httpfs":
            _use_endpoint(db)

    def parquet(self, table: str) -> list[str]:
        """The readable files of a table in all runs."""
        return [path for path in self._files(table) if self._readable(path)]

    def broken(self, table: str) -> list[str]:
        """Files of a table that are there and not whole."""
        return [path for path in self._files(table) if not self._readable(path)]

    def _files(self, table: str) -> list[str]:
        return sorted({*self._glob(f"data/{table}.parquet"), *self._glob(f"data/{table}/**/*.parquet")})

    def records(self) -> dict[str, dict[str, Any]]:
        """Each run's records by verb; an unreadable one stands as its error."""
        runs: dict[str, dict[str, Any]] = {}
        for path in self._glob("*.json"):
            run_id, verb = path[len(self.prefix) + 1 : -len(".json")].split("/")
            if verb in record.VERBS:
                runs.setdefault(run_id, {})[verb] = self._record(path)
        return {run_id: {v: verbs[v] for v in record.VERBS if v in verbs} for run_id, verbs in runs.items()}

    def _record(self, path: str) -> dict[str, Any] | RecordUnreadable:
        rows = self._db.execute("SELECT content FROM read_blob(?)", [path]).fetchall()
        try:
            return record.parse(path, rows[0][0])
        except RecordUnreadable as error:
            return error

    def _glob(self, pattern: str) -> list[str]:
        try:
            rows = self._db.execute("SELECT file FROM glob(?)", [f"{self.prefix}/{self._run_id}/{pattern}"]).fetchall()
        except duckdb.Error as error:
            raise QueryFailed(f"{self.prefix} cannot be listed: {error}") from error
        return [row[0].removeprefix("file://") for row in rows]

    def _readable(self, path: str) -> bool:
        try:
            self._db.execute("SELECT 1 FROM parquet_file_metadata(?)", [path]).fetchone()
        except duckdb.Error:
            return False
        return True


def _use_endpoint(db: duckdb.DuckDBPyConnection) -> None:
    """Ask the store that AWS_ENDPOINT_URL names (MinIO and its like), as other clients do; DuckDB knows only keys."""
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    if endpoint:
        parts = urlsplit(endpoint)
        for name, value in (("endpoint", parts.netloc), ("use_ssl", parts.scheme == "https"), ("url_style", "path")):
            db.execute(f"SET s3_{name} = '{value}'")


def whole_files(run_dir: Path, table: str) -> list[Path]:
    """The complete Parquet files of a table in one run; half-written ones are passed over."""
    return [path for path in all_files(run_dir, table) if parquet.is_whole(path)]


def all_files(run_dir: Path, table: str) -> list[Path]:
    """The Parquet files of a table in one run, whole or not."""
    data = run_dir / "data"
    paths = [data / f"{table}.parquet", *sorted((data / table).rglob("*.parquet"))]
    return [path for path in paths if not path.name.startswith(".") and path.exists()]


def stage_of(path: Path) -> str:
    """The verb that measured a file of requests: `data/requests/<verb>_<number>/...`; stress when nothing says."""
    folder = path.parent.name
    return "stress" if folder in ("requests", "data") else folder.split("_")[0]
