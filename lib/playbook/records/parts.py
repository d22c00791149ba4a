"""Parquet as it goes, in whole files: what is on disk is always complete, and a kill loses one interval at most."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from playbook.records import parquet, tables, whole_file

if TYPE_CHECKING:
    import duckdb

ROWS_PER_PART = 2_000


class PartWriter:
    """Rows of one table, written to `<folder>/part-NNNNN.parquet`; the newest part is replaced until it is full."""

    def __init__(
        self, db: duckdb.DuckDBPyConnection, table: str, folder: Path, rows_per_part: int = ROWS_PER_PART
    ) -> None:
        self._db, self._table, self._folder = db, table, folder
        self._rows_per_part = rows_per_part
        self._pending: list[tuple] = []
        self._rows = 0
        folder.mkdir(parents=True, exist_ok=True)
        whole_file.sweep(folder)
        self._number = 1 + max((int(path.stem[5:]) for path in folder.glob("part-*.parquet")), default=-1)
        db.execute(f'CREATE TABLE "{table}" ({tables.ddl(tables.TABLES[table])})')

    def add(self, row: tuple) -> None:
        """Keep a row, in the order of the table's columns, for the next `flush`."""
        self._pending.append(row)

    def flush(self) -> None:
        """Put all rows on disk. The file appears whole, by a rename."""
        if not self._pending:
            return
        tables.insert(self._db, self._table, tables.TABLES[self._table], self._pending)
        self._rows += len(self._pending)
        self._pending.clear()
        parquet.copy(self._db, self._table, self._folder / f"part-{self._number:05d}.parquet")
        if self._rows >= self._rows_per_part:
            self._db.execute(f'DELETE FROM "{self._table}"')
            self._rows, self._number = 0, self._number + 1
