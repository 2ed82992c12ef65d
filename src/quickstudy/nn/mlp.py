"""A multi-layer perceptron on flattened inputs."""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from quickstudy.errors import LearnerError
from quickstudy.storage.blueprint import Recorded

__all__ = ["MLP"]


class MLP(Recorded, nn.Module):
    """Linear layers with ReLU between them; inputs of any shape are flattened.

    Args:
        inputs: numbers in an example, after flattening.
        hidden: widths of the hidden layers.
        outputs: size of the last layer; None returns the last hidden features.
        dropout: share of the inputs that are left out while training, others grow to make up for them.
        norm: batch norm before each ReLU (Finn et al.'s fully connected Omniglot network has it).

    Raises:
        LearnerError: a share outside of [0, 1).

    >>> import torch
    >>> MLP(1, (40, 40), outputs=1)(torch.zeros(10, 1)).shape
    torch.Size([10, 1])
    """

    def __init__(
        self,
        inputs: int,
        hidden: Sequence[int] = (40, 40),
        *,
        outputs: int | None = None,
        norm: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if not 0 <= dropout < 1:
            raise LearnerError(f"dropout={dropout} must be a share in [0, 1).")
        self.dropout = dropout
        widths = [inputs, *hidden]
        layers: list[nn.Module] = []
        for a, b in pairwise(widths):
            layers += [nn.Linear(a, b), *([nn.BatchNorm1d(b)] if norm else []), nn.ReLU()]
        self.features = widths[-1]
        self.layers = nn.Sequential(*layers)
        self.head = nn.Identity() if outputs is None else nn.Linear(self.features, outputs)

    def forward(self, x: Tensor) -> Tensor:
        x = nn.functional.dropout(x.flatten(1), self.dropout, self.training) if self.dropout else x.flatten(1)
        outputs: Tensor = self.head(self.layers(x))
        return outputs
