"""Rows of tables: what a value becomes, what is refused, and what a record holds when it comes back."""

import datetime
import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from quickstudy.errors import DataError
from quickstudy.inputs.columns import Columns
from quickstudy.inputs.kinds import input_kind

ROWS: dict[str, Any] = {
    "age": [40.0, 60.0, None],
    "sex": ["f", "m", "f"],
    "seen": ["2020-01-01", "2020-01-03", "2020-01-05"],
}
GOOD = {"age": 70.0, "sex": "m", "seen": "2020-01-03"}


@pytest.fixture
def columns() -> Columns:
    return Columns.fitted(ROWS)


def test_values_by_hand(columns: Columns) -> None:
    """Age: (70 − 50)/10 and present; sex: one-hot f, m, unknown; seen: the mean day."""
    assert columns.width == 2 + 3 + 1
    assert columns(GOOD).tolist() == [2.0, 0.0, 0.0, 1.0, 0.0, 0.0]
    days = np.sqrt(8 / 3)
    found = columns.batch([GOOD | {"age": None, "sex": "x", "seen": datetime.date(2020, 1, 5)}])
    torch.testing.assert_close(found, torch.tensor([[0.0, 1.0, 0.0, 0.0, 1.0, 2 / days]], dtype=found.dtype))


def test_every_door_gives_one_answer(columns: Columns) -> None:
    frame = pd.DataFrame([GOOD, GOOD | {"age": None}])
    times = frame.assign(seen=pd.to_datetime(frame.seen))
    expected = columns.batch([GOOD, GOOD | {"age": float("nan")}])
    array = np.array([[70.0, "m", "2020-01-03"], [None, "m", "2020-01-03"]], dtype=object)
    doors = (frame, times, array, array.tolist(), frame.to_dict("list"), frame[["seen", "sex", "age"]])
    assert all(torch.equal(columns.batch(door), expected) for door in doors)
    assert torch.equal(columns.batch(frame.iloc[0]), expected[:1]) and torch.equal(columns.batch(GOOD), expected[:1])
    assert columns.batch(expected) is expected
    assert torch.equal(columns.batch(pd.DataFrame([GOOD]).convert_dtypes()), expected[:1])


def test_a_record_comes_back(columns: Columns) -> None:
    again = input_kind(json.loads(json.dumps(columns.to_json())))
    assert again == columns and hash(again) == hash(columns)


def test_outliers_end_at_ten_deviations(columns: Columns) -> None:
    assert columns(GOOD | {"age": 1e30})[0] == 10


def test_a_constant_column_is_zero() -> None:
    columns = Columns.fitted({"a": [7.0, 7.0]})
    assert columns({"a": 7.0}).tolist() == [0.0] and columns({"a": 8.0}).tolist() == [1.0]


def test_codes_are_categories_on_request() -> None:
    columns = Columns.fitted({"code": [3, 1, 3]}, categories=["code"])
    assert columns.batch({"code": [1, 3.0, 2, "3"]}).tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 1, 0]]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (GOOD | {"sex": None}, 'the column "sex" has no value in row 0'),
        (GOOD | {"seen": float("nan")}, 'the column "seen" has no value in row 0'),
        (GOOD | {"age": float("inf")}, 'the column "age" holds numbers, but row 0 .* has inf'),
        (GOOD | {"age": "41"}, "the column \"age\" holds numbers, but row 0 .* has '41'. Give a number."),
        (GOOD | {"age": 10**400}, 'the column "age" holds numbers'),
        (GOOD | {"sex": 3}, 'the column "sex" holds texts, but row 0 .* has 3'),
        (GOOD | {"seen": "3.1.2020"}, 'the column "seen" holds dates'),
        (GOOD | {"seen": "2020-02-31"}, 'the column "seen" holds dates'),
        ({"age": 1.0, "sex": "f"}, 'the column "seen" is missing'),
        (GOOD | {"agee": 1.0}, "the column 'agee' is none of this learner's. Did you mean age\\?"),
        (pd.DataFrame([[1.0, 2.0]], columns=["age", "age"]), 'two columns have the name "age"'),
        (GOOD | {"age": [1.0, 2.0], "sex": ["f"], "seen": ["2020-01-01"]}, '"sex" has 1 values, "age" 2'),
        ([GOOD, {"age": 1.0}], 'row 1 .* has no column "sex"'),
        ([], "there are no rows"),
        (np.zeros((2, 5)), "rows of 3 values are needed, in the order age, sex, seen"),
        (np.array([[np.inf, 0.0, 0.0]]), 'the column "age" holds numbers, but row 0 .* has'),
        (torch.zeros(2, 3), "a tensor is taken as rows that were read already"),
        (torch.full((1, 6), 60.0), "whose numbers lie within ±10"),
        (torch.full((1, 6), float("nan")), "NaN"),
        ("a text", "is no row of a table"),
        (None, "is no row of a table"),
    ],
)
def test_what_is_no_row(columns: Columns, row: Any, said: str) -> None:
    with pytest.raises(DataError, match=said):
        columns.batch(row)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ({"a": [1.0, "x"]}, "the column \"a\" holds 1.0 and 'x'"),
        ({"a": [None, None]}, 'the column "a" has no values'),
        ({"a": [1.0, float("inf")]}, 'the column "a" holds'),
        ({"a": [f"id {n}" for n in range(101)]}, '"a" holds 101 different texts'),
        ({}, "there are no rows|at least one"),
        ([[1, 2]], "a table with names"),
        ({"a": []}, "there are no rows"),
    ],
)
def test_what_cannot_be_learned(rows: Any, said: str) -> None:
    with pytest.raises(DataError, match=said):
        Columns.fitted(rows)


@pytest.mark.parametrize(
    "found",
    [
        {"kind": "columns"},
        {"kind": "columns", "columns": []},
        {"kind": "columns", "columns": [{"name": "a", "deviation": 0.0}]},
        {"kind": "columns", "columns": [{"name": "a", "mean": float("nan")}]},
        {"kind": "columns", "columns": [{"name": "a", "kind": "colour"}]},
        {"kind": "columns", "columns": [{"name": "a"}, {"name": "a"}]},
        {"kind": "columns", "columns": [{"name": "a", "values": ["x", "x"], "kind": "category"}]},
        {"kind": "os.system"},
        {"kind": ["columns"]},
        {"kind": "texts", "width": 0},
        {"size": [0, 0]},
        "columns",
    ],
)
def test_altered_records_are_refused(found: Any) -> None:
    with pytest.raises(DataError):
        input_kind(found)


def test_a_record_without_a_kind_is_of_images() -> None:
    assert (
        repr(input_kind({"size": [28, 28], "channels": 1, "strokes": True})) == "Images(size=(28, 28), channels=1, strokes=True)"
    )
