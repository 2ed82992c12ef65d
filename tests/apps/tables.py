"""CSV files for tests of applications."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def written(path: Path, rows: Sequence[Sequence[Any]], head: Sequence[str]) -> str:
    """A CSV file of rows, its names first; its path."""
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([head, *rows])
    return str(path)
