"""The strength of a map is chosen on classes that it was not fitted to: large where all classes share their noise, else small."""

from collections.abc import Sequence

import pytest
import torch
from torch import nn

from quickstudy.datasets.class_index import ClassIndex
from quickstudy.errors import DataError
from quickstudy.nn.feature_map import Whitening
from quickstudy.recipes.parts.strength import chosen_strength

D = 8


def index(shared: bool, classes: int = 6) -> ClassIndex:
    """Classes with loud noise: in the first direction for all, or for each class in that in which the next classes differ."""
    torch.manual_seed(0)
    labels = torch.arange(classes).repeat_interleave(40)
    noise = 0.2 * torch.randn(len(labels), D)
    loud = torch.zeros_like(labels) if shared else 2 + labels % 6
    noise[torch.arange(len(labels)), loud] *= 15
    centres = torch.randn(classes, D)
    return ClassIndex(centres[labels] + noise, labels, tuple("abcdefgh"[:classes]))


def chosen(data: ClassIndex, **more: int) -> float:
    def encoder(seen: Sequence[int], strength: float) -> nn.Module:
        return Whitening.fitted(data, 1, strength=strength, floor=0.01, learn=False, of=seen)

    return chosen_strength(data, encoder, tasks=40, **more)


def test_noise_that_classes_share_is_removed() -> None:
    assert chosen(index(shared=True)) >= 0.5


def test_a_map_that_helps_its_own_classes_alone_is_left_out() -> None:
    assert chosen(index(shared=False)) <= 0.25


def test_fewer_than_three_classes_leave_none_out() -> None:
    with pytest.raises(DataError, match="needs three or more"):
        chosen(index(shared=True, classes=2))
