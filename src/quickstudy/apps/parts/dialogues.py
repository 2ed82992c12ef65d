"""Utterances for applications: the synthetic persona chats, and files of one's own, encoded by MiniLM and parted by speaker."""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from quickstudy.apps.parts.texts import json_lines, rows_of, text_encoder
from quickstudy.datasets.exchanges import Exchanges, ExchangeSplits, Turn, read_dialogues
from quickstudy.datasets.shipped import shipped
from quickstudy.errors import DataError

__all__ = ["own_dialogues", "persona_chats"]

_DIALOGUES = 2
"""Of a speaker, so that what is known and what is predicted are of different ones."""
_FEWEST = 10
_VAL = 5
"""One in so many speakers of meta-training is for meta-validation."""


def persona_chats(most: int = 0) -> ExchangeSplits:
    """Synthetic-Persona-Chat: speakers of its validation part for meta-training, those of its test part for meta-test.

    Args:
        most: only the first so many speakers of each part; 0 takes all.

    Raises:
        DataError: the files are not there.
    """
    turns = read_dialogues(shipped("dialogue/spc_dialogues.jsonl.gz"))
    part = {each["id"]: each["split"] for each in json_lines("dialogue/spc_speakers.jsonl.gz")}
    known = sorted(_known(turns))
    parts: dict[str, list[str]] = {"train": [], "val": [], "test": []}
    for name in known:
        parts["test" if part[name] == "test" else "train"].append(name)
    random.Random(0).shuffle(parts["train"])
    held = len(parts["train"]) // _VAL
    parts["val"], parts["train"] = parts["train"][:held], parts["train"][held:]
    return _split(turns, {name: names[:most] if most else names for name, names in parts.items()}, "spc")


def own_dialogues(path: str, *, encoding: str = "utf-8") -> ExchangeSplits:
    """Dialogues of one's own, see `datasets.read_dialogues`; speakers of two dialogues or more are parted at random.

    Raises:
        DataError: what is wrong with the file, or too few speakers.
    """
    turns = read_dialogues(path, encoding=encoding)
    known = sorted(_known(turns))
    if len(known) < _FEWEST:
        raise DataError(
            f"{path}: {len(known)} speakers have utterances in {_DIALOGUES} dialogues or more; {_FEWEST} are needed. Give more."
        )
    random.Random(0).shuffle(known)
    few = max(2, len(known) // _VAL)
    parts = {"train": known[2 * few :], "val": known[:few], "test": known[few : 2 * few]}
    return _split(turns, parts, Path(path).name.split(".")[0])


def _known(turns: Sequence[Turn]) -> set[str]:
    """Speakers with utterances in several dialogues."""
    met = Counter(name for name, _ in {(turn.speaker, turn.dialogue) for turn in turns})
    return {name for name, count in met.items() if count >= _DIALOGUES}


def _split(turns: Sequence[Turn], parts: Mapping[str, Sequence[str]], name: str) -> ExchangeSplits:
    names = [speaker for speakers in parts.values() for speaker in speakers]
    number = {speaker: place for place, speaker in enumerate(names)}
    used = [turn for turn in turns if turn.speaker in number]
    texts = sorted({text for turn in used for text in (turn.asked, turn.said)})
    place = {text: row for row, text in enumerate(texts)}
    features = rows_of(name, texts, text_encoder()).rows
    asked, said = (features[[place[text] for text in side]] for side in ([t.asked for t in used], [t.said for t in used]))
    owner = torch.tensor([number[turn.speaker] for turn in used])
    whole = Exchanges(asked, said, owner, torch.tensor([turn.dialogue for turn in used]), tuple(names), name)
    return ExchangeSplits(*[whole.of([number[n] for n in parts[part]], f"{name}/{part}") for part in ExchangeSplits._fields])
