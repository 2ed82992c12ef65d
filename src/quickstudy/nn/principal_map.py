"""A linear map of a frozen backbone's features to fewer, which starts at their principal axes and is meta-trained on.

Source: Pearson, 1901, On lines and planes of closest fit to systems of points in space.
"""

from typing import Self

import torch
from torch import Tensor, nn

from quickstudy.datasets.class_index import ClassIndex
from quickstudy.errors import LearnerError
from quickstudy.storage.blueprint import Recorded

__all__ = ["PrincipalMap"]


class PrincipalMap(Recorded, nn.Module):
    """``u = (x − m) / ‖x − m‖``,    ``z = A u``,    ``z / ‖z‖``.

    m is the mean of meta-training rows, and A starts at the P axes along which their u vary most: cosines of z are about those of
    u, in fewer numbers, so that what is fitted to each task costs less. Before it is fitted, m is zero and A takes the first P.

    Args:
        features: D.
        outputs: P.
        dropout: share of the numbers of u that are left out in training.

    Raises:
        LearnerError: more outputs than features, or a share outside of [0, 1).

    Shapes:
        (examples, features) -> (examples, outputs)

    >>> rows = torch.tensor([[1.0, 9.0, 0.0], [1.0, -9.0, 0.1], [1.0, 8.0, 0.0], [1.0, -8.0, -0.1]])
    >>> index = ClassIndex(rows, torch.tensor([0, 0, 1, 1]), ("a", "b"))
    >>> PrincipalMap.fitted(index, 1)(rows).flatten().abs()  # along the second number
    tensor([1., 1., 1., 1.], grad_fn=<AbsBackward0>)
    """

    mean: Tensor

    def __init__(self, features: int, outputs: int, *, dropout: float = 0.1) -> None:
        super().__init__()
        if not 1 <= outputs <= features or not 0 <= dropout < 1:
            raise LearnerError(f"outputs={outputs} lies from 1 to the {features} features, and dropout={dropout} in [0, 1).")
        self.register_buffer("mean", torch.zeros(features))
        self.axes = nn.Parameter(torch.eye(outputs, features))
        self.dropout = nn.Dropout(dropout)
        self.features = outputs

    @classmethod
    def fitted(cls, index: ClassIndex, outputs: int, *, dropout: float = 0.1) -> Self:
        """Of rows of meta-training, in double precision.

        Args:
            index: features (R, D), all of which are read at once.
            outputs, dropout: as above.

        Raises:
            LearnerError: as above.
        """
        rows = index.gather(torch.arange(len(index))).double()
        layer = cls(rows.shape[1], outputs, dropout=dropout)
        layer.mean.copy_(rows.mean(0))
        unit = nn.functional.normalize(rows - rows.mean(0), dim=1)
        unit = unit - unit.mean(0)
        axes = torch.linalg.eigh(unit.mT @ unit).eigenvectors.flip(1)[:, :outputs]
        with torch.no_grad():
            layer.axes.copy_(axes.mT)
        return layer

    def forward(self, x: Tensor) -> Tensor:
        unit = nn.functional.normalize(x - self.mean.to(x.dtype), dim=-1)
        return nn.functional.normalize(self.dropout(unit) @ self.axes.to(x.dtype).mT, dim=-1)

    def extra_repr(self) -> str:
        return f"{self.axes.shape[1]}, outputs={self.axes.shape[0]}"
