"""Sentences with marked mentions, read from files: JSON lines, or columns as those of CoNLL."""

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from quickstudy.borders.arguments import shown
from quickstudy.datasets.table_file import text_of_file
from quickstudy.errors import DataError

__all__ = ["Tagged", "read_tagged"]


class Tagged(NamedTuple):
    """A sentence: its words, and its mentions as (first word, one past the last word, type); they do not overlap."""

    words: tuple[str, ...]
    spans: tuple[tuple[int, int, str], ...] = ()
    group: str = ""


def read_tagged(path: str | Path, *, encoding: str = "utf-8") -> list[Tagged]:
    """The sentences of a file.

    ``.jsonl`` and ``.ndjson`` (also with ``.gz``) have an object a line, ``{"tokens": ["some", "jazz"], "spans": [[1, 2,
    "genre"]]}``, where a mention is first word, one past the last word, type, counted from 0; ``domain`` may say what a sentence
    belongs to. Other files have a word a line, its tag in the last column (``O``, ``B-artist``, ``I-artist``, or ``artist``
    alone), and an empty line behind each sentence; lines of ``-DOCSTART-`` and ``#`` comments are passed over.

    Args:
        path: of the file.
        encoding: of it.

    Raises:
        DataError: no file, an empty one, or what is wrong with a line.
    """
    path = Path(path)
    text = text_of_file(path, encoding)
    if not text.strip():
        raise DataError(f"{path} is empty. Give sentences with marked mentions.")
    kinds = [suffix.lower() for suffix in path.suffixes if suffix.lower() != ".gz"]
    found = list((_objects if kinds[-1:] in ([".jsonl"], [".ndjson"]) else _columns)(path, text))
    if not any(sentence.spans for sentence in found):
        raise DataError(f"{path} has no mentions: all {len(found)} sentences are outside. Mark some.")
    return found


def _objects(path: Path, text: str) -> Iterator[Tagged]:
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            place = f"{path} line {number}"
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise DataError(f"{place} is no JSON ({error}). Write an object on each line.") from error
            yield _sentence(place, row)


def _sentence(place: str, row: Any) -> Tagged:
    if not isinstance(row, dict) or not isinstance(words := row.get("tokens"), list):
        raise DataError(f'{place} has no list "tokens". Write {{"tokens": ["play", "jazz"], "spans": [[1, 2, "genre"]]}}.')
    if not words or not all(isinstance(word, str) and word.strip() for word in words):
        raise DataError(f"{place}: the tokens must be words, one or more, none of them empty.")
    spans = row.get("spans", [])
    if not isinstance(spans, list):
        raise DataError(f'{place}: "spans" is {shown(spans)}. Write a list of [first word, one past the last word, type].')
    found = sorted(_span(place, span, len(words)) for span in spans)
    for before, after in itertools.pairwise(found):
        if before[1] > after[0]:
            raise DataError(f"{place}: the mentions {list(before)} and {list(after)} overlap. Keep one of them.")
    return Tagged(tuple(words), tuple(found), str(row.get("domain", "")))


def _span(place: str, span: Any, words: int) -> tuple[int, int, str]:
    whole = isinstance(span, list) and len(span) == 3 and all(type(end) is int for end in span[:2])
    if not whole or not isinstance(span[2], str) or not span[2].strip():
        raise DataError(f"{place}: {shown(span)} is no mention. Write [first word, one past the last word, type].")
    if not 0 <= span[0] < span[1] <= words:
        raise DataError(f"{place}: the mention {span} lies outside of its {words} words. Count words from 0.")
    return span[0], span[1], span[2].strip()


def _columns(path: Path, text: str) -> Iterator[Tagged]:
    words: list[str] = []
    tags: list[str] = []
    for number, line in enumerate([*text.splitlines(), ""], 1):
        plain = line.strip()
        if plain.startswith(("-DOCSTART-", "# ")):
            continue
        if plain:
            cells = plain.split("\t") if "\t" in plain else plain.split()
            if len(cells) < 2:
                raise DataError(f"{path} line {number} is {shown(plain)}: a word without a tag. Write O where it is outside.")
            words.append(cells[0])
            tags.append(cells[-1])
            if tags[-1][:2] in ("B-", "I-") and not tags[-1][2:].strip():
                raise DataError(f"{path} line {number}: the tag {shown(tags[-1])} names no type. Write B-person, say.")
        elif words:
            yield Tagged(tuple(words), tuple(_mentions(tags)))
            words, tags = [], []


def _mentions(tags: list[str]) -> Iterator[tuple[int, int, str]]:
    """Mentions of tags in any of the usual ways; an inside without a beginning begins one."""
    first, kind = 0, ""
    for place, tag in enumerate([*tags, "O"]):
        mark, dash, name = tag.partition("-")
        inside = dash and mark in ("B", "I", "E", "S", "L", "U")
        type_ = "" if tag in ("O", "o", "_") else name if inside else tag
        if kind and (type_ != kind or (inside and mark in ("B", "S", "U"))):
            yield first, place, kind
            kind = ""
        if type_ and not kind:
            first, kind = place, type_
