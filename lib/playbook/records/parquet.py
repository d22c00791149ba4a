"""Parquet files that appear whole, by DuckDB; and whether one that lies there is whole."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import TYPE_CHECKING

from playbook.records import whole_file

if TYPE_CHECKING:
    import duckdb


def copy(db: duckdb.DuckDBPyConnection, source: str, path: Path) -> None:
    """Write a table or view of `db` to `path`: a reader sees all of the file or none.

    Raises:
        NotWritten: the disk is full, the folder is read-only or gone.
    """
    import duckdb

    with whole_file.writing(path) as part:
        try:
            db.execute(f"COPY \"{source}\" TO '{quoted(part)}' (FORMAT parquet, COMPRESSION zstd)")
        except duckdb.IOException as error:
            raise OSError(str(error).partition("\n")[0]) from error


def quoted(path: Path | str) -> str:
    """A path inside an SQL string."""
    return str(path).replace("'", "''")


def is_whole(path: Path) -> bool:
    """Whether a Parquet file has its beginning, its end and room for the footer it announces."""
    try:
        with path.open("rb") as file:
            head, size = file.read(4), file.seek(0, 2)
            file.seek(max(0, size - 8))
            footer = file.read(8)
    except OSError:
        return False
    ends = size >= 12 and head == b"PAR1" and footer[4:] == b"PAR1"
    return ends and struct.unpack("<I", footer[:4])[0] <= size - 12
