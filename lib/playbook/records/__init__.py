"""The run folder: its one reader, its one writer, the tables and SQL over all of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


def frame(run: Any, table: str) -> pd.DataFrame:
    """A table of one run as a DataFrame: `records.frame(run, "requests")`; see `records.frames`."""
    from playbook.records import frames  # DuckDB and pandas, which most users of this room do without

    return frames.frame(run if not isinstance(run, str) else Path(run), table)
