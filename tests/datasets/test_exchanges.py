"""Dialogues in files: who said what to what, and what is wrong with a line."""

import re
from pathlib import Path

import pytest

from quickstudy.datasets import read_dialogues
from quickstudy.errors import DataError

LONG = "I have been to the mountains {} times this year"


def test_utterances_with_what_was_said_before(tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    turns = [["ann", "hello there"], ["bob", "hi"], ["ann", LONG.format(2)], ["bob", "short"], ["ann", LONG.format("[name]")]]
    turns += [["bob", "what answers a placeholder does not count either"], ["ann", f"  {LONG.format(3)}\n"]]
    numbered = [[0, "oh"], [1, "ah"], [0, LONG.format(4)]]
    text = f'{{"turns": {turns}}}\n\n{{"speakers": ["cy", "di"], "turns": {numbered}}}\n'.replace("'", '"')
    path.write_text(text.replace('\n"', '\\n"'), encoding="utf-8")
    found = read_dialogues(path)
    assert [(each.speaker, each.dialogue, each.asked, each.said) for each in found] == [
        ("ann", 1, "hi", LONG.format(2)),
        ("ann", 1, "what answers a placeholder does not count either", LONG.format(3)),
        ("cy", 3, "ah", LONG.format(4)),
    ]
    assert len(read_dialogues(path, least=3)) == 4


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("{", "line 1 is no JSON"),
        ("[]", 'line 1 has no list "turns"'),
        ('{"turns": [["ann"]]}', "line 1 turn 0 (the first is 0) is ['ann']"),
        ('{"turns": [["ann", " "]]}', "no speaker with a text"),
        ('{"turns": [[2, "hi"]], "speakers": ["a", "b"]}', "names speaker 2"),
        ('{"turns": [[" ", "hi"]]}', "Give a name"),
        ('{"turns": [["ann", "hi"], ["bob", "hi"], ["ann", "hi"]]}', "no utterances of 25 letters"),
    ],
    ids=["empty", "no JSON", "a list", "no text", "blank text", "no such speaker", "no name", "short"],
)
def test_what_is_wrong_with_a_file(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=re.escape(said)):
        read_dialogues(path)
