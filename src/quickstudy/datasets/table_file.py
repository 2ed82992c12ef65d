"""Files of rows: CSV and TSV, JSON lines and Parquet, as values by column; what is broken is named with its line."""

import csv
import gzip
import io
import itertools
import json
import re
import zlib
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quickstudy.errors import Argument, DataError, MissingExtra
from quickstudy.inputs.decoding import regular_file
from quickstudy.inputs.raw_columns import raw_columns, refuse_twice

__all__ = ["read_table_file", "text_of_file"]

_MOST_BYTES = 2**31
_LONGEST_FIELD = 2**26
_DELIMITERS = (",", ";", "\t", "|")
_SAMPLE = 20
_ABSENT = {"", "NA", "N/A", "NaN", "nan", "null", "NULL", "None"}
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_COMMA = re.compile(r"[+-]?\d+,\d+")
_TRUTH = {"true": True, "false": False, "True": True, "False": False, "TRUE": True, "FALSE": False}


def read_table_file(
    path: str | Path, *, as_written: Collection[str] = (), texts: Collection[str] = (), encoding: str = "utf-8"
) -> dict[str, Any]:
    """Values by column of a file: ``.csv``, ``.tsv``, ``.txt``, ``.jsonl``, ``.ndjson`` (also with ``.gz``), or ``.parquet``.

    In text files "", NA, NaN, null and None are missing values; the delimiter of a CSV file is found: comma, semicolon, tabulator
    or bar.

    Args:
        path: of the file.
        as_written: columns whose values are names or texts and stay as they are written ("007", "NA").
        texts: columns whose values are texts even where all look like numbers.
        encoding: of a text file.

    Raises:
        DataError: no file, an empty one, another kind, or one that is broken; the line is named.
        MissingExtra: a Parquet file, and the package that reads them is not installed.
    """
    path = Path(path)
    kinds = [suffix.lower() for suffix in path.suffixes if suffix.lower() != ".gz"]
    kind = kinds[-1] if kinds else ""
    if kind in (".parquet", ".pq"):
        return _parquet(path)
    if kind not in (".csv", ".tsv", ".txt", ".jsonl", ".ndjson"):
        raise DataError(
            f"{path} is not read as a table. Give .csv, .tsv, .jsonl (one object a line) or .parquet, .gz behind it or not; a "
            "spreadsheet saves itself as CSV."
        )
    text = text_of_file(path, encoding)
    if not text.strip():
        raise DataError(f"{path} is empty. Give a file of rows, the names of the columns first.")
    if kind in (".jsonl", ".ndjson"):
        return _json_lines(path, text)
    header, rows = _records(path, text, "\t" if kind == ".tsv" else _delimiter(text))
    columns = {name: [row[place] for row in rows] for place, name in enumerate(header)}
    return {
        name: values if name in as_written else _values(path, name, values, text=name in texts)
        for name, values in columns.items()
    }


def text_of_file(path: Path, encoding: str = "utf-8") -> str:
    """The text of a file, ``.gz`` or not.

    Raises:
        DataError: no file, one that is too large or broken, or written otherwise; the line is named.
    """
    with regular_file(path) as file:
        opened: Any = gzip.GzipFile(fileobj=file) if path.suffix.lower() == ".gz" else file
        try:
            content = opened.read(_MOST_BYTES + 1)
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(f"{path} cannot be read ({error}). Get a whole copy.") from error
    if len(content) > _MOST_BYTES:
        raise DataError(f"{path} holds more than {_MOST_BYTES:,} bytes. Split it, or give a pandas table of the rows you need.")
    if encoding == "utf-8" and content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise DataError(f"{path} is written in UTF-16. Give ", Argument("encoding", "utf-16"), ", or save it as UTF-8.")
    try:
        decoded: str = content.decode("utf-8-sig" if encoding.lower() in ("utf-8", "utf8") else encoding)
    except LookupError as error:
        raise DataError(
            Argument("encoding", encoding), ' is not known. Give "utf-8", "latin-1" or another that Python knows.'
        ) from error
    except UnicodeError as error:
        at = getattr(error, "start", 0)
        where = f"line {content.count(10, 0, at) + 1} of {path} holds the byte {content[at : at + 1].hex() or '?'}"
        raise DataError(
            f"{where}, which is no {encoding}. Older spreadsheets write Latin-1: ",
            Argument("encoding", "latin-1"),
            "; or save it as UTF-8.",
        ) from error
    return decoded


def _delimiter(text: str) -> str:
    """The one by which the first records have equally many fields, the most of them; the comma where none has."""
    best, most = ",", 0.0
    lines = "".join(itertools.islice(io.StringIO(text, newline=""), 10 * _SAMPLE))
    for delimiter in _DELIMITERS:
        widths: list[int] = []
        try:
            for record in csv.reader(io.StringIO(lines, newline=""), delimiter=delimiter):
                widths += [len(record)] if record else []
                if len(widths) >= _SAMPLE:
                    break
        except csv.Error:
            pass
        fits = widths[0] if len(set(widths)) == 1 else 0.5
        if widths and widths[0] > 1 and fits > most:
            best, most = delimiter, fits
    return best


def _records(path: Path, text: str, delimiter: str) -> tuple[list[str], list[list[str]]]:
    before = csv.field_size_limit(_LONGEST_FIELD)
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        header: list[str] = []
        rows: list[list[str]] = []
        start = 1
        try:
            for record in reader:
                if not header and record:
                    header = [name.strip() for name in record]
                elif record and len(record) != len(header):
                    raise DataError(
                        f"line {start} of {path} has {len(record)} values, but there are {len(header)} columns. Mend the line "
                        f"(a value that holds {delimiter!r} stands in quotes)."
                    )
                elif record:
                    rows.append(record)
                start = reader.line_num + 1
        except csv.Error as error:
            raise DataError(
                f"a quote in line {start} of {path} is not closed, or text follows it ({error}). Close it; a quote inside of a "
                'value is written twice: "".'
            ) from error
    finally:
        csv.field_size_limit(before)
    if not rows:
        raise DataError(f"{path} holds the names of {len(header)} columns but no rows. Give a file of rows.")
    if "" in header:
        raise DataError(f"column {header.index('') + 1} of {path} has no name. Give each column a name in the first line.")
    refuse_twice(header)
    return header, rows


def _values(path: Path, name: str, values: list[str], *, text: bool) -> Sequence[Any] | NDArray[np.float64]:
    """Numbers where all are numbers, truth values likewise, else texts; None where a value is missing."""
    plain = [value.strip() for value in values]
    present = [] if text else [value for value in plain if value not in _ABSENT]
    if present and _are_numbers(present):
        return np.array([np.nan if value in _ABSENT else float(value) for value in plain])
    if present and all(value in _TRUTH for value in present):
        return [None if value in _ABSENT else _TRUTH[value] for value in plain]
    commas = [value for value in present if _COMMA.fullmatch(value)]
    if commas and all(_COMMA.fullmatch(value) or _NUMBER.fullmatch(value) for value in present):
        raise DataError(
            f'the column "{name}" of {path} holds numbers with a comma, {commas[0]} for one. Write decimal points; or read it '
            'by pandas, read_csv(path, sep=";", decimal=","), and give the table.'
        )
    return [None if value in _ABSENT else value for value in plain]


def _are_numbers(present: list[str]) -> bool:
    try:
        for value in present:
            float(value)
    except ValueError:
        return False
    return not any("_" in value for value in present)  # Python takes 1_000 for a number


def _json_lines(path: Path, text: str) -> dict[str, Any]:
    rows: list[dict[str, Any]] = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DataError(f"line {number} of {path} is no JSON ({error}). Write one object a line.") from error
        if not isinstance(row, dict):
            raise DataError(f"line {number} of {path} holds a {type(row).__name__}, no object. Write one object a line.")
        rows.append(row)
    known = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in known}


def _parquet(path: Path) -> dict[str, Any]:
    with regular_file(path):
        pass
    try:
        import pandas

        return raw_columns(pandas.read_parquet(path), None)
    except ImportError as error:
        raise MissingExtra(f"reading {path} needs a package for Parquet files. Install it: pip install pyarrow") from error
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"{path} is no Parquet file that can be read ({error}). Get a whole copy.") from error
