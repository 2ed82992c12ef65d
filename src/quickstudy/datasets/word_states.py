"""States of the words of sentences, computed once and kept in the feature cache; sentences of like length are kept together."""

from collections.abc import Sequence

import torch
from torch import Tensor

from quickstudy.datasets.class_index import ClassIndex
from quickstudy.datasets.encoded import encoded
from quickstudy.errors import DataError
from quickstudy.inputs.sentences import Sentences
from quickstudy.nn.frozen import Frozen

__all__ = ["word_states"]

_LENGTHS = (8, 12, 16, 24, 32, 48, 64, 96, 128, 256, 512)
"""Words of a sentence: a cache holds rows of one shape, so that there is one for each of these lengths."""


def word_states(name: str, sentences: Sequence[Sequence[str]], backbone: Frozen) -> Tensor:
    """The states of all words, those of a sentence in order, one sentence after another: (words, features) in half precision.

    Args:
        name: of the data.
        sentences: their words.
        backbone: frozen `WordStates`, whose ``reads`` are `Sentences`.

    Raises:
        DataError: a sentence of more pieces than the backbone reads; fewer than two sentences.
    """
    reads = backbone.reads
    if not isinstance(reads, Sentences):
        raise DataError(f'{name}: this backbone reads no sentences. Build it: nn.backbones.build("minilm", tokens=True).')
    sizes = torch.tensor([len(words) for words in sentences])
    first = sizes.cumsum(0) - sizes
    found = torch.empty(int(sizes.sum()), int(backbone.features), dtype=torch.float16)
    below = 0
    for most in _LENGTHS:
        numbers = ((sizes > below) & (sizes <= most)).nonzero()[:, 0]
        below = most
        if not len(numbers):
            continue
        rows = _rows(name, [sentences[n] for n in numbers.tolist()], numbers.tolist(), reads, most)
        twice = ClassIndex(rows, torch.arange(len(rows["pieces"])) % 2, ("even rows", "odd rows"), f"{name} {most}")
        states = encoded(twice, backbone, batch=32, dtype=torch.float16)
        real = torch.arange(most) < sizes[numbers][:, None]
        places = (first[numbers][:, None] + torch.arange(most))[real]
        found[places] = states.gather(torch.arange(len(numbers)))[real].half()
    return found


def _rows(
    name: str, sentences: Sequence[Sequence[str]], numbers: Sequence[int], reads: Sentences, most: int
) -> dict[str, Tensor]:
    """Sentences as `WordStates` takes them, of ``most`` words each; one alone stands twice, for an index has two classes."""
    rows = [
        reads.read(words, f"{name}: sentence {number} (the first is 0)") for number, words in zip(numbers, sentences, strict=True)
    ]
    rows = rows * 2 if len(rows) == 1 else rows
    padded = [[torch.nn.functional.pad(part, (0, most - len(part))) for part in parts[1:]] for parts in rows]
    return {
        "pieces": torch.stack([pieces for pieces, _, _ in rows]),
        "starts": torch.stack([starts for starts, _ in padded]),
        "ends": torch.stack([ends for _, ends in padded]),
    }
