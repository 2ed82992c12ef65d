"""What was said, and to what: utterances of speakers in dialogues, each beside the utterance before it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from quickstudy.borders.arguments import shown
from quickstudy.datasets.table_file import text_of_file
from quickstudy.errors import DataError

__all__ = ["ExchangeSplits", "Exchanges", "Turn", "read_dialogues"]


class Turn(NamedTuple):
    """An utterance: who said it, in which dialogue, to what, and what."""

    speaker: str
    dialogue: int
    asked: str
    said: str


@dataclass(frozen=True, eq=False, repr=False)
class Exchanges:
    """Utterances as features, beside those of what they answer; `tasks.Choices` makes tasks of them.

    Args:
        asked: features of the utterance before, (R, D).
        said: features of the utterance, (R, D).
        owner: the number of the speaker of each, (R,).
        group: the number of the dialogue of each, (R,).
        names: of the speakers.
        name: of the data.

    Raises:
        DataError: tensors of unlike lengths.

    >>> Exchanges(torch.zeros(3, 2), torch.ones(3, 2), torch.tensor([0, 0, 1]), torch.zeros(3).long(), ("ann", "bob"))
    Exchanges(data: 3 utterances of 2 speakers)
    """

    asked: Tensor
    said: Tensor
    owner: Tensor
    group: Tensor
    names: tuple[str, ...]
    name: str = "data"

    def __post_init__(self) -> None:
        counts = {len(part) for part in (self.asked, self.said, self.owner, self.group)}
        if len(counts) > 1 or not len(self.owner):
            raise DataError(f"{self.name}: features, speakers and dialogues of {sorted(counts)} utterances. Give one to each.")

    def __repr__(self) -> str:
        return f"Exchanges({self.name}: {len(self.owner):,} utterances of {len(self.names):,} speakers)"

    def of(self, speakers: Sequence[int], name: str) -> "Exchanges":
        """The utterances of some speakers, by number."""
        kept = torch.isin(self.owner, torch.tensor(list(speakers)))
        number = torch.zeros(len(self.names), dtype=torch.long)
        number[list(speakers)] = torch.arange(len(speakers))
        parts = [part[kept] for part in (self.asked, self.said, self.owner, self.group)]
        names = tuple(self.names[speaker] for speaker in speakers)
        return Exchanges(parts[0], parts[1], number[parts[2]], parts[3], names, name)


class ExchangeSplits(NamedTuple):
    """Meta-training, meta-validation and meta-test speakers."""

    train: Exchanges
    val: Exchanges
    test: Exchanges


def read_dialogues(path: str | Path, *, skip: int = 2, least: int = 25, encoding: str = "utf-8") -> list[Turn]:
    """The utterances of a file of dialogues, each with the one before it.

    A dialogue is a line of JSON, ``{"turns": [["ann", "hello"], ["bob", "hi, who is it?"]]}``; turns may name speakers by their
    number in a list ``speakers``. Utterances with a placeholder in brackets, or in what they answer, are left out.

    Args:
        path: ``.jsonl``, ``.gz`` behind it or not.
        skip: turns at the beginning of a dialogue (greetings) that are no utterances, but may be answered.
        least: letters of an utterance; shorter ones could be anybody's.
        encoding: of the file.

    Raises:
        DataError: no file, an empty one, or what is wrong with a line.
    """
    path = Path(path)
    found = []
    text = text_of_file(path, encoding)
    if not text.strip():
        raise DataError(f"{path} is empty. Give dialogues, one a line.")
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            turns = _turns(f"{path} line {number}", line)
            for before, (speaker, said) in zip(turns[skip - 1 :], turns[skip:], strict=False):
                if len(said) >= least and "[" not in said + before[1]:
                    found.append(Turn(speaker, number, before[1], said))
    if not found:
        raise DataError(f"{path} holds no utterances of {least} letters or more after the first {skip} turns. Give dialogues.")
    return found


def _turns(place: str, line: str) -> list[tuple[str, str]]:
    """Speaker and text of each turn of a dialogue."""
    how = 'Write {"turns": [["ann", "hello"], ["bob", "hi"]]} on each line.'
    try:
        found = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{place} is no JSON ({error}). {how}") from error
    turns = found.get("turns") if isinstance(found, dict) else None
    if not isinstance(turns, list) or not turns:
        raise DataError(f'{place} has no list "turns". {how}')
    speakers: Any = found.get("speakers")
    read = []
    for number, turn in enumerate(turns):
        where = f"{place} turn {number} (the first is 0)"
        if not isinstance(turn, list) or len(turn) != 2 or not isinstance(turn[1], str) or not turn[1].strip():
            raise DataError(f"{where} is {shown(turn)}, no speaker with a text. {how}")
        speaker = turn[0]
        if isinstance(speaker, int) and not isinstance(speaker, bool):
            if not isinstance(speakers, list) or not 0 <= speaker < len(speakers):
                raise DataError(f'{where} names speaker {speaker}, but "speakers" has none of this number. Name the speaker.')
            speaker = speakers[speaker]
        if not isinstance(speaker, str) or not speaker.strip():
            raise DataError(f"{where} has the speaker {shown(speaker)}. Give a name.")
        read.append((speaker, " ".join(turn[1].split())))
    return read
