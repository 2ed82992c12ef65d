"""Made-up rows are what a learner reads, the same every time and on every machine."""

import pytest
import torch

from quickstudy.errors import LearnerError
from quickstudy.inputs.columns import Columns
from quickstudy.inputs.images import Images
from quickstudy.inputs.kind import InputKind
from quickstudy.inputs.made_up import made_up
from quickstudy.inputs.molecules import DESCRIPTORS, Molecules
from quickstudy.inputs.row_shape import RowShape
from quickstudy.inputs.texts import Texts
from quickstudy.inputs.wordpiece import WordPieces

KINDS: list[InputKind] = [
    Images((20, 30), channels=3),
    Texts(width=128),
    WordPieces(12),
    Columns.fitted({"a": [1.0, 2.0], "b": ["x", "y"]}),
    Molecules((0.0,) * len(DESCRIPTORS), (1.0,) * len(DESCRIPTORS)),
]


@pytest.mark.parametrize("reads", KINDS, ids=lambda reads: reads.name)
def test_rows_are_what_the_kind_takes_as_read(reads: InputKind) -> None:
    x = made_up(reads, None, 64)
    assert isinstance(x, torch.Tensor) and len(x) == 64
    assert torch.equal(x, made_up(reads, None, 64))
    assert torch.equal(reads.batch(x), x) and reads.gives(RowShape.of(x))
    assert len(x.flatten(1).unique(dim=0)) == 64


def test_rows_of_a_shape_have_its_places_and_types() -> None:
    x = made_up(None, RowShape.of({"a": {"b": torch.zeros(3, 2)}, "c": torch.zeros(3, dtype=torch.long)}), 4)
    assert x["a"]["b"].shape == (4, 2) and x["a"]["b"].dtype == torch.float32
    assert x["c"].tolist() == [0, 1, 1, 0] and x["c"].dtype == torch.long
    with pytest.raises(LearnerError, match="does not say what its inputs look like"):
        made_up(None, None, 2)
