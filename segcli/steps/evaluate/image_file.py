"""Writes the per-image table: CSV, and Parquet if pyarrow is installed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from segcli.data.csv_file import write_csv
from segcli.data.files import atomic_path

Table = Sequence[Mapping[str, Any]]


def write_table(table: Table, stem: Path) -> tuple[str, ...]:
    """Writes ``STEM.csv``, and ``STEM.parquet`` if pyarrow is installed; returns their paths.

    Numbers are written with full precision; an empty cell means "not defined".
    """
    columns = list(dict.fromkeys(name for row in table for name in row))
    target = stem.with_suffix(".csv")
    write_csv(table, columns, target)
    if not table or find_spec("pyarrow") is None:
        return (str(target),)
    return str(target), str(_write_parquet(table, columns, stem.with_suffix(".parquet")))


def _write_parquet(table: Table, columns: Sequence[str], target: Path) -> Path:
    import pyarrow
    from pyarrow import parquet

    values = {name: [row.get(name) for row in table] for name in columns}
    with atomic_path(target) as temporary:
        parquet.write_table(pyarrow.table(values), str(temporary))
    return target
