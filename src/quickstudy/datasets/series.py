"""Series of months or quarters: retail turnover, nights of tourists, or a table of one's own."""

from pathlib import Path
from typing import NamedTuple

import pandas as pd

from quickstudy.borders.arguments import shown
from quickstudy.datasets.parts_by_name import parts_by_name
from quickstudy.datasets.shipped import shipped
from quickstudy.datasets.table import table
from quickstudy.datasets.table_file import read_table_file
from quickstudy.datasets.task_table import TableSplits
from quickstudy.errors import DataError
from quickstudy.inputs.column import Column, is_missing
from quickstudy.inputs.columns import Columns

__all__ = ["SEASON", "YEAR", "Series", "regular_series"]

_PERIODS = {"month": 12, "quarter": 4}
YEAR, SEASON = (2000.0, 10.0), (0.0, 2.0)
"""Mean and deviation by which the columns of years and of months or quarters are scaled, whatever the data."""

_FILES = {"retail": ("retail_monthly", "retail_series"), "tourism": ("tourism_quarterly", "tourism_series")}
_CUT = {"retail": 2002 * 12 + 3, "tourism": 2009 * 4}
"""Series for meta-training and validation end at this step, those of the test begin there."""

_FEWEST = 5


class Series(NamedTuple):
    """Tables with a task for each series, inputs year and month (or quarter); and how many steps a year has."""

    parts: TableSplits
    period: int


def regular_series(data: str = "") -> Series:
    """Reads series and parts them by series; in ours the test is later than all of meta-training, too.

    Args:
        data: "" or "retail" for Australian retail turnover by month, "tourism" for nights by quarter, or a file with the columns
            series, year, month (or quarter) and value; also unit and split (train, val, test).

    Raises:
        DataError: a column is missing, holds no numbers, or mixes units; a step twice in a series; too few series, or one of
            them in two parts.
    """
    own = data not in ("", *_FILES)
    rows, kind = _own(data) if own else _ours(data or "retail")
    period = _PERIODS[kind]
    rows["step"] = rows.year * period + rows[kind] - 1
    if not own:
        early = rows.step < _CUT[data or "retail"]
        rows = rows[(rows.split == "test") != early]
    reads = Columns((Column("year", mean=YEAR[0], deviation=YEAR[1]), Column(kind, mean=SEASON[0], deviation=SEASON[1])))
    columns = {name: rows[name].to_numpy() for name in ("series", "year", kind, "step", "value", "split")}
    columns |= {name: rows[name].tolist() for name in ("series", "split")}
    name = Path(data).name.split(".")[0] if own else data or "retail"
    parts: TableSplits = table(
        columns, target="value", task="series", time="step", split="split", columns=["year", kind], reads=reads, name=name
    )
    return Series(parts, period)


def _ours(name: str) -> tuple[pd.DataFrame, str]:
    values, facts = (pd.read_csv(shipped(f"demand/{file}.csv.gz")) for file in _FILES[name])
    kind = str(values.columns[0])
    rows = values.melt(kind, var_name="series", value_name="value").dropna()
    rows["year"] = rows[kind].str[:4].astype(int)
    rows[kind] = rows[kind].str.extract(r"(\d+)$")[0].astype(int)
    part = dict(zip(facts.series, facts.split.replace("valid", "val"), strict=True))
    return rows.assign(split=rows.series.map(part)), kind


def _own(data: str) -> tuple[pd.DataFrame, str]:
    """A table of one's own, checked."""
    found = read_table_file(data, as_written=("series", "split", "unit"))
    kinds = [kind for kind in _PERIODS if kind in found]
    missing = next((name for name in ("series", "year", "value") if name not in found), None)
    if missing is not None or len(kinds) != 1:
        lacking = f'no column "{missing}"' if missing else f"{'both' if kinds else 'neither'} a month and a quarter"
        lacking = lacking.replace("neither a month and a", "no month and no")
        raise DataError(
            f"{data} has {lacking}. It needs series, year, month (or quarter) and value; unit and split may be there too."
        )
    kind = kinds[0]
    rows = pd.DataFrame({name: found[name] for name in found if name in ("series", "year", kind, "value", "split", "unit")})
    for name in ("year", kind, "value"):
        rows[name] = _numbers(rows[name], name, data)
    wrong = ~rows[kind].isin(range(1, _PERIODS[kind] + 1)) | ~rows.year.between(1900, 2100) | (rows.year % 1 != 0)
    if bool(wrong.any()):
        row = int(wrong.argmax())
        what = f"year {rows.year[row]:g}, {kind} {rows[kind][row]:g}"
        raise DataError(
            f"{data}: row {row} (the first is 0) is of {what}. A {kind} lies in 1..{_PERIODS[kind]}, a year has four digits."
        )
    twice = rows.duplicated(["series", "year", kind])
    if bool(twice.any()):
        row = int(twice.argmax())
        raise DataError(
            f"{data}: the series {rows.series[row]!r} has {kind} {rows[kind][row]:g} of {rows.year[row]:g} twice, again in row "
            f"{row} (the first is 0). Add the values up, or leave one out."
        )
    if "unit" in rows and bool((rows.groupby("series").unit.nunique() > 1).any()):
        series = rows.groupby("series").unit.nunique().idxmax()
        mine = rows[rows.series == series]
        row = int(mine.index[(mine.unit != mine.unit.iloc[0]).argmax()])
        raise DataError(
            f"{data}: the series {series!r} is in units {mine.unit.iloc[0]!r} and {rows.unit[row]!r} (row {row}; the first is "
            "0). Convert it to one."
        )
    if "split" not in rows:
        rows["split"] = _parted(rows.series, data)
    return rows, kind


def _numbers(values: "pd.Series[object]", name: str, data: str) -> "pd.Series[float]":
    numbers = pd.to_numeric(values, errors="coerce")
    if bool(numbers.isna().any()):
        row = int(numbers.isna().argmax())
        value = "no value" if is_missing(values[row]) else shown(values[row])
        raise DataError(
            f'{data}: the column "{name}" has {value} in row {row} (the first is 0). Give numbers; leave steps without one out.'
        )
    return numbers


def _parted(series: "pd.Series[str]", data: str) -> "pd.Series[str]":
    """A part for each series, a fifth of them for validation and another for the test."""
    names = sorted(series.unique())
    if len(names) < _FEWEST:
        raise DataError(
            f"{data} has {len(names)} series, and {_FEWEST} are needed to learn from some and to evaluate on others. Give more; "
            "to forecast one series, use quickstudy adapt with a trained learner."
        )
    return series.map(parts_by_name(names))
