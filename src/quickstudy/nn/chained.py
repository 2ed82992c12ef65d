"""Networks one after another, in a form that files can build again."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from quickstudy.errors import LearnerError
from quickstudy.storage.blueprint import Recorded

__all__ = ["Chained"]


class Chained(Recorded, nn.Module):
    """``f_n ∘ … ∘ f_1``, and a linear head where there are outputs.

    Args:
        parts: f_1 … f_n.
        features: of the last part.
        outputs: of the head; without it the features are returned.

    Raises:
        LearnerError: no parts.

    Shapes:
        what the first part takes -> (examples, features), or (examples, outputs)

    >>> import torch
    >>> network = Chained([nn.Flatten(), nn.Linear(4, 3)], features=3, outputs=2)
    >>> network(torch.zeros(5, 2, 2)).shape, network.features
    (torch.Size([5, 2]), 3)
    """

    def __init__(self, parts: Sequence[nn.Module], features: int, outputs: int | None = None) -> None:
        super().__init__()
        if not parts:
            raise LearnerError("Chained needs one part or more.")
        self.parts = nn.Sequential(*parts)
        self.features = features
        self.head = nn.Identity() if outputs is None else nn.Linear(features, outputs)

    def forward(self, x: Any) -> Tensor:
        found: Tensor = self.head(self.parts(x))
        return found
