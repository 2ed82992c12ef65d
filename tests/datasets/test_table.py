"""Files and tables of rows: what is read, in which part, by which statistics; and a sentence for each thing that is wrong."""

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from quickstudy.datasets.class_index import ClassIndex
from quickstudy.datasets.table import table
from quickstudy.errors import DataError, MissingExtra
from quickstudy.inputs.columns import Columns
from quickstudy.inputs.images import Images
from quickstudy.inputs.texts import Texts

CSV = "age,sex,ill\n40,f,no\n50,m,no\n60,f,yes\n70,m,yes\n"


def written(folder: Path, content: str | bytes, name: str = "people.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def expected() -> ClassIndex:
    found = table({"age": [40, 50, 60, 70], "sex": ["f", "m", "f", "m"], "ill": ["no", "no", "yes", "yes"]}, label="ill")
    assert isinstance(found, ClassIndex)
    return found


def test_values_by_hand() -> None:
    """Age: mean 55, deviation √125; sex: f, m, unknown."""
    z = 5 / np.sqrt(125)
    rows = torch.tensor([[-3 * z, 1, 0, 0], [-z, 0, 1, 0], [z, 1, 0, 0], [3 * z, 0, 1, 0]])
    index = expected()
    torch.testing.assert_close(index.gather(torch.arange(4)), rows.float())
    assert index.labels.tolist() == [0, 0, 1, 1] and index.classes == ("no", "yes")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("people.csv", CSV),
        ("people.csv", CSV.replace("\n", "\r\n")),
        ("people.csv", b"\xef\xbb\xbf" + CSV.encode()),
        ("people.csv", CSV.replace(",", ";")),
        ("people.txt", CSV.replace(",", "|")),
        ("people.tsv", CSV.replace(",", "\t")),
        ("people.csv", CSV.replace("40", '"40"') + "\n\n"),
        ("people.csv.gz", gzip.compress(CSV.encode(), mtime=0)),
        (
            "people.jsonl",
            '{"age": 40, "sex": "f", "ill": "no"}\n{"age": 50, "sex": "m", "ill": "no"}\n\n'
            '{"sex": "f", "age": 60, "ill": "yes"}\n'
            '{"age": 70.0, "sex": "m", "ill": "yes"}\n',
        ),
    ],
)
def test_files_of_all_kinds_give_one_index(tmp_path: Path, name: str, content: str | bytes) -> None:
    index = table(written(tmp_path, content, name), label="ill")
    assert torch.equal(index.gather(torch.arange(4)), expected().gather(torch.arange(4)))
    assert index.reads == expected().reads and index.classes == ("no", "yes") and index.name == "people"


def test_a_pandas_table_gives_the_same_index() -> None:
    frame = pd.DataFrame({"age": [40, 50, 60, 70], "sex": list("fmfm"), "ill": ["no", "no", "yes", "yes"]})
    for given in (frame, frame.convert_dtypes(), frame.astype({"sex": "category"}), frame.to_dict("records")):
        assert torch.equal(table(given, label="ill").gather(torch.arange(4)), expected().gather(torch.arange(4)))


def test_latin_1_is_read_when_it_is_named(tmp_path: Path) -> None:
    path = written(tmp_path, "text,label\nKöln,a\nBonn,a\nUlm,b\nHof,b\n".encode("latin-1"))
    with pytest.raises(DataError, match=r"line 2 of .* holds the byte f6, which is no utf-8. .*encoding=.latin-1."):
        table(path, text="text", label="label")
    index = table(path, text="text", label="label", encoding="latin-1")
    assert torch.equal(index.gather(torch.tensor([0]))[0], Texts()("Köln"))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is empty"),
        (b"\xef\xbb\xbf\n", "is empty"),
        ("age,ill\n", "the names of 2 columns but no rows"),
        ('age,ill\n1,a\n2,"b\n3,c\n4,d\n', r"a quote in line 3 of .* is not closed"),
        ('age,ill\n1,"a"b\n', r"a quote in line 2 of"),
        ("age,ill\n1,a\n2,b,c\n", r"line 3 of .* has 3 values, but there are 2 columns"),
        ("age,age\n1,a\n", 'two columns have the name "age"'),
        ("age,\n1,a\n", "column 2 of .* has no name"),
        ('x;ill\n"1,5";a\n"2";a\n3;b\n4;b\n', '"x" of .* holds numbers with a comma, 1,5 for one'),
        (CSV.encode("utf-16"), "is written in UTF-16. Give encoding=.utf-16."),
    ],
)
def test_broken_files(tmp_path: Path, content: str | bytes, said: str) -> None:
    with pytest.raises(DataError, match=said):
        table(written(tmp_path, content), label="ill")


def test_other_files(tmp_path: Path) -> None:
    for name, content, said in [
        ("a.xlsx", b"PK", "a spreadsheet saves itself as CSV"),
        ("a.csv.gz", b"\x1f\x8b\x08\x00rest", "cannot be read"),
        ("a.jsonl", b'{"a": 1}\n{"a":\n', "line 2 of .* is no JSON"),
        ("a.jsonl", b"[1]\n", "line 1 of .* holds a list, no object"),
    ]:
        with pytest.raises(DataError, match=said):
            table(written(tmp_path, content, name), label="a")
    with pytest.raises(DataError, match="is not there"):
        table(tmp_path / "missing.csv", label="a")
    with pytest.raises(DataError, match="is a folder"):
        (tmp_path / "folder.csv").mkdir()
        table(tmp_path / "folder.csv", label="a")
    with pytest.raises((MissingExtra, DataError), match="Parquet"):
        table(written(tmp_path, b"PAR1", "a.parquet"), label="a")


ROWS: dict[str, Any] = {"x": [1.0, 2.0, 3.0, 4.0], "y": ["a", "a", "b", "b"]}


@pytest.mark.parametrize(
    ("rows", "call", "said"),
    [
        (ROWS, {"label": "z"}, r"data has no column 'z' \(label\)"),
        ({"subject": [1, 2], "y": ["a", "b"]}, {"label": "y", "group": "subjekt"}, "Did you mean subject"),
        (ROWS, {"label": "y", "columns": ["w"]}, "no column 'w'"),
        (ROWS, {}, "with label for classes or with target for numbers"),
        (ROWS, {"label": "y", "target": "x"}, "one of them"),
        (ROWS, {"target": "x"}, "with task; or name a column of classes with label"),
        (ROWS, {"label": "y", "columns": ["x", "y"]}, '"y" is to be predicted'),
        (ROWS, {"label": "y", "group": "y"}, '"y" cannot be two things'),
        (ROWS, {"label": "y", "columns": []}, "no column is left"),
        (
            ROWS | {"price": [1.5, 2.0, 2.5, 2.0]},
            {"label": "price"},
            "holds 1.5: numbers with fractions .*name it with target and the column of the tasks with task",
        ),
        (ROWS | {"day": ["2020-01-01"] * 4}, {"label": "day"}, "holds dates .*, which are no classes"),
        (ROWS | {"day": ["2020-01-01"] * 4}, {"target": "day", "task": "y"}, "holds dates .*. Give numbers: days since"),
        (ROWS | {"t": ["a", 1.0, 2.0, 3.0]}, {"target": "t", "task": "y"}, "has 'a' in row 0 .*, no number. To predict classes"),
        (ROWS | {"t": [1.0, np.nan, 2.0, 3.0]}, {"target": "t", "task": "y"}, "has no value in row 1"),
        (ROWS | {"t": [1.0, np.inf, 2.0, 3.0]}, {"target": "t", "task": "y"}, "has inf in row 1"),
        (ROWS | {"y": ["a", None, "b", "b"]}, {"label": "y"}, "has no value in row 1"),
        (ROWS | {"y": ["a", "a ", "b", "b"]}, {"label": "y"}, "differ in spaces alone"),
        (ROWS | {"id": ["p", "q", "r", "s"]}, {"label": "id"}, "holds 4 different labels in 4 rows: most occur once"),
        (ROWS | {"x": [1.0, np.inf, 3.0, 4.0]}, {"label": "y"}, 'the column "x" holds numbers, but row 1'),
        (
            ROWS | {"t": ["soon", 1, 2, 3], "z": [1, 2, 3, 4]},
            {"target": "x", "task": "y", "time": "t", "columns": ["z"]},
            "has 'soon' in row 0 .*, no time",
        ),
        ({"x": [1.0], "y": ["a", "b"]}, {"label": "y"}, '"y" has 2 values, "x" 1'),
        (pd.DataFrame({"x": [], "y": []}), {"label": "y"}, "the table holds no rows"),
        (ROWS, {"text": "x", "label": "y"}, "text 0 .* is 1.0, no text"),
        (ROWS | {"s": ["train", "train", "tset", "val"]}, {"label": "y", "split": "s"}, "has 'tset' in row 2"),
        (ROWS | {"s": ["train", "train", "test", "test"]}, {"label": "y", "split": "s"}, "leaves no rows for val"),
        (ROWS, {"label": "y", "split": "y"}, "has 2 classes. To meta-train, .* at least 9 classes are needed"),
    ],
)
def test_what_is_refused(rows: Any, call: dict[str, Any], said: str) -> None:
    with pytest.raises(DataError, match=said):
        table(rows, **call)


def test_two_hundred_thousand_labels() -> None:
    with pytest.raises(DataError, match="holds 200,000 different labels in 200,000 rows"):
        table({"x": np.zeros(200_000), "id": np.arange(200_000)}, label="id")


def test_names_stay_as_they_are_written(tmp_path: Path) -> None:
    index = table(written(tmp_path, "x,label\n1,007\n2,007\n3,7\n4,7\n5,NA\n6,NA\n"), label="label")
    assert index.classes == ("007", "7", "NA")
    whole = table(written(tmp_path, "x,label\n1,10\n2,10\n3,9\n4,9\n"), label="label")
    assert whole.classes == ("9", "10")


def many(count: int = 10) -> dict[str, Any]:
    """Classes 0 … count − 1 of three rows each, x = class; the group of a row is its number in the class."""
    y = np.arange(count).repeat(3)
    return {"x": y.astype(float), "y": [f"c{label}" for label in y], "g": np.tile(np.arange(3), count)}


def test_a_split_by_class_learns_from_its_training_rows_alone() -> None:
    parts = table(many(), label="y", split="y", columns=["x"])
    assert [len(part.classes) for part in parts] == [6, 2, 2]
    assert len({name for part in parts for name in part.classes}) == 10
    learned = {float(name[1:]) for name in parts.train.classes}
    column = parts.train.reads.columns[0]
    assert column.mean == pytest.approx(np.mean(list(learned))) and column.deviation == pytest.approx(np.std(list(learned)))
    assert parts.train.reads == parts.val.reads == parts.test.reads
    again = table(many(), label="y", split="y", columns=["x"])
    assert again.test.classes == parts.test.classes and parts.train.name == "data/train"


def test_a_split_by_group_parts_rows_of_the_same_classes() -> None:
    parts = table(many(), label="y", group="g", split="g", fractions=(1 / 3, 1 / 3, 1 / 3))
    assert [part.classes for part in parts] == [parts.train.classes] * 3 and [len(part) for part in parts] == [10, 10, 10]
    assert len({int(part.groups.unique()) for part in parts}) == 3


def test_a_column_names_the_split() -> None:
    rows = many() | {"part": np.repeat(["train", "dev", "test"], [18, 6, 6])}
    parts = table(rows, label="y", split="part", columns=["x"])
    assert parts.val.classes == ("c6", "c7") and parts.test.gather(torch.arange(1)).item() == pytest.approx(
        (8 - 2.5) / np.std(np.arange(6)), rel=1e-6
    )


def test_a_task_in_two_parts_is_refused() -> None:
    rows = {"x": [1.0, 2.0, 3.0, 4.0], "t": list("aabc"), "v": [1.0, 2.0, 3.0, 4.0], "s": ["train", "test", "val", "test"]}
    with pytest.raises(DataError, match='the task "a" of the column "t" is in train and in test'):
        table(rows, target="v", task="t", split="s")


def test_a_table_of_tasks() -> None:
    rows = {"x": [1.0, 2.0, 3.0], "who": ["b", "a", "b"], "v": [5, 6, 7], "day": ["2020-01-03", "2020-01-01", "2020-01-02"]}
    found = table(rows, target="v", task="who", time="day")
    assert found.task_names == ("a", "b") and found.tasks.tolist() == [1, 0, 1]
    assert found.y.tolist() == [[5.0], [6.0], [7.0]] and found.time.tolist() == [18264.0, 18262.0, 18263.0]
    assert found.reads.names == ("x", "day")
    part = found.select(["b"])
    assert part.y.tolist() == [[5.0], [7.0]] and part.task_names == ("b",) and part.at_least(2).task_names == ("b",)
    with pytest.raises(DataError, match="has no task 'c'"):
        found.select(["c"])


def test_what_a_learner_reads_is_how_other_rows_are_read() -> None:
    reads = Columns.fitted({"x": [0.0, 2.0]})
    found = table(ROWS | {"more": [1, 2, 3, 4]}, label="y", reads=reads)
    assert found.reads == reads and found.gather(torch.arange(4))[:, 0].tolist() == [0.0, 1.0, 2.0, 3.0]
    one = table({"x": [1.0, 2.0], "y": ["a", "b"]}, label="y", reads=reads)
    assert len(one) == 2


def test_texts_that_would_fill_the_memory_are_read_on_demand() -> None:
    wide = Texts(width=2**20)
    rows = {"t": ["red car", "red bus", "blue car", "blue bus"] * 80, "y": ["a", "a", "b", "b"] * 80}
    index = table(rows, text="t", label="y", reads=wide)
    assert not isinstance(index.x, torch.Tensor)
    assert torch.equal(index.gather(torch.tensor([2, 1])), wide.batch(["blue car", "red bus"]))


def test_images_beside_a_list(tmp_path: Path) -> None:
    for number in range(4):
        Image.fromarray(np.full((6, 6), 60 * number, dtype=np.uint8)).save(tmp_path / f"{number}.png")
    written(tmp_path, "file,label\n" + "".join(f"{n}.png,{'ab'[n // 2]}\n" for n in range(4)), "list.csv")
    reads = Images(6, strokes=False)
    index = table(tmp_path / "list.csv", image="file", label="label", reads=reads)
    assert index.gather(torch.arange(4))[:, 0, 0, 0].tolist() == pytest.approx([0, 60 / 255, 120 / 255, 180 / 255])
    written(tmp_path, "file,label\n0.png,a\n9.png,a\n8.png,b\n1.png,b\n", "list.csv")
    with pytest.raises(DataError, match=r"2 images of list cannot be read"):
        table(tmp_path / "list.csv", image="file", label="label", reads=reads)


def test_names_of_other_types() -> None:
    """Truth values keep their names, long numbers their digits."""
    rows = {"x": [1.0, 2.0, 3.0, 4.0]}
    assert table(rows | {"y": [True, True, False, False]}, label="y").classes == ("False", "True")
    long = [9007199254740993, 9007199254740993, 9007199254740992, 9007199254740992]
    for given in (long, [str(number) for number in long]):
        assert table(rows | {"y": given}, label="y").classes == ("9007199254740992", "9007199254740993")


def test_categories_that_look_like_numbers_in_another_file(tmp_path: Path) -> None:
    learned = table(written(tmp_path, "size,y\n1,a\nXL,a\n2,b\n1,b\n"), label="y")
    assert learned.reads.columns[0].values == ("1", "2", "XL")
    again = table(written(tmp_path, "size,y\n2,a\n1,b\n"), label="y", reads=learned.reads)
    assert again.gather(torch.arange(2)).tolist() == [[0, 1, 0, 0], [1, 0, 0, 0]]


def test_the_delimiter_of_uneven_lines(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="line 3 of .* has 3 values, but there are 2 columns"):
        table(written(tmp_path, "text,y\na; b,1\na;b,1,2\n"), text="text", label="y")
