"""Marked sentences out of files, and what is wrong with one."""

from pathlib import Path

import pytest

from quickstudy.datasets.tagged_file import Tagged, read_tagged
from quickstudy.errors import DataError

PLAY = Tagged(("play", "Miles", "Davis"), ((1, 3, "artist"),))
JAZZ = Tagged(("some", "jazz"), ((1, 2, "genre"),))


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "text",
    [
        "play O\nMiles B-artist\nDavis I-artist\n\nsome O\njazz B-genre\n",
        "-DOCSTART- -X- O\n\nplay VB O\nMiles NNP I-artist\nDavis NNP I-artist\n\n\nsome DT O\njazz NN I-genre",
        "play\tO\nMiles\tartist\nDavis\tartist\n\nsome\tO\njazz\tgenre\n\n",
        "play O\nMiles B-artist\nDavis E-artist\n\nsome O\njazz S-genre\n",
    ],
    ids=["begin and inside", "inside alone, more columns", "types", "ends and single ones"],
)
def test_columns_in_any_of_the_usual_ways(tmp_path: Path, text: str) -> None:
    assert read_tagged(written(tmp_path, "mine.conll", text)) == [PLAY, JAZZ]


def test_a_beginning_parts_two_of_one_type(tmp_path: Path) -> None:
    found = read_tagged(written(tmp_path, "a.txt", "Rome B-city\nParis B-city\n"))
    assert found == [Tagged(("Rome", "Paris"), ((0, 1, "city"), (1, 2, "city")))]


def test_objects_a_line(tmp_path: Path) -> None:
    text = '{"tokens": ["play", "Miles", "Davis"], "spans": [[1, 3, "artist"]]}\n\n{"tokens": ["ok"], "domain": "talk"}\n'
    assert read_tagged(written(tmp_path, "mine.jsonl", text)) == [PLAY, Tagged(("ok",), (), "talk")]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.jsonl", "{'tokens'}", "line 1 is no JSON"),
        ("a.jsonl", '{"text": "play jazz"}', 'line 1 has no list "tokens"'),
        ("a.jsonl", '{"tokens": ["a", " "]}', "line 1: the tokens must be words"),
        ("a.jsonl", '{"tokens": ["a"], "spans": [[0, 2, "x"]]}', "outside of its 1 words"),
        ("a.jsonl", '{"tokens": ["a"], "spans": [[0, 1]]}', "is no mention"),
        ("a.jsonl", '{"tokens": ["a"], "spans": 3}', '"spans" is 3'),
        ("a.jsonl", '{"tokens": ["a", "b"], "spans": [[0, 2, "x"], [1, 2, "y"]]}', "overlap"),
        ("a.conll", "play O\nMiles\n", "line 2 is 'Miles': a word without a tag"),
        ("a.conll", "play B-\n", "names no type"),
        ("a.conll", "play O\nthis O\n", "all 1 sentences are outside"),
        ("a.conll", " \n", "is empty"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path: Path, name: str, text: str, said: str) -> None:
    with pytest.raises(DataError, match=said):
        read_tagged(written(tmp_path, name, text))
