"""A random forest as a network: what many known kinds of cases have in common, in one number.

Source: Breiman, 2001, Random forests; fitted by scikit-learn.
"""

from typing import Self

import numpy as np
import torch
from torch import Tensor, nn

from quickstudy.errors import LearnerError, ShapeError
from quickstudy.storage.blueprint import Recorded

__all__ = ["Forest"]

_SURE = 0.995


class Forest(Recorded, nn.Module):
    """``ln p(x) − ln(1 − p(x))`` of the second of two classes, p the mean of trees, between 0.005 and 0.995.

    Its numbers are buffers, see `fitted`, which no training changes; before that p is a half everywhere.

    Args:
        columns: D.
        trees, nodes: how many trees, and nodes of the largest.
        depth: of the deepest.

    Raises:
        LearnerError: sizes that are not positive.

    Shapes:
        (examples, columns) -> (examples, 1)

    >>> x = torch.linspace(0, 1, 40)[:, None]
    >>> forest = Forest.fitted(x, (x[:, 0] > 0.7).long(), trees=10)
    >>> (forest(torch.tensor([[0.2], [0.9]])) > 0).flatten().tolist()
    [False, True]
    """

    column: Tensor
    threshold: Tensor
    below: Tensor
    above: Tensor
    share: Tensor

    def __init__(self, columns: int, trees: int, nodes: int, depth: int) -> None:
        super().__init__()
        if min(columns, trees, nodes) < 1 or depth < 0:
            raise LearnerError(
                f"columns={columns}, trees={trees}, nodes={nodes} must be positive, and depth={depth} not negative."
            )
        self.columns, self.depth, self.features = columns, depth, 1
        for name in ("column", "below", "above"):
            self.register_buffer(name, torch.zeros(trees, nodes, dtype=torch.int64))
        self.register_buffer("threshold", torch.zeros(trees, nodes))
        self.register_buffer("share", torch.full((trees, nodes), 0.5))

    @classmethod
    def fitted(cls, x: Tensor, y: Tensor, *, trees: int = 60, leaf: int = 2, seed: int = 0) -> Self:
        """scikit-learn's, with classes that count the same.

        Args:
            x: rows (R, D).
            y: 0 or 1 for each, (R,), both among them.
            trees: how many.
            leaf: rows in the smallest leaf.
            seed: of the rows and columns that each tree sees.

        Raises:
            LearnerError: rows of one class.
        """
        from sklearn.ensemble import RandomForestClassifier

        if set(y.tolist()) != {0, 1}:
            raise LearnerError(f"a forest separates 0 from 1, and the rows are of {sorted(set(y.tolist()))}. Give rows of both.")
        model = RandomForestClassifier(trees, min_samples_leaf=leaf, class_weight="balanced", random_state=seed)
        model.fit(x.float().numpy(), y.numpy())
        found = [tree.tree_ for tree in model.estimators_]
        forest = cls(x.shape[1], trees, max(tree.node_count for tree in found), max(tree.max_depth for tree in found))
        for number, tree in enumerate(found):
            own = np.arange(tree.node_count)
            inner = tree.children_left >= 0
            values = {
                "column": np.where(inner, tree.feature, 0),
                "threshold": _at_most(tree.threshold),
                "below": np.where(inner, tree.children_left, own),
                "above": np.where(inner, tree.children_right, own),
                "share": tree.value[:, 0, 1] / tree.value[:, 0].sum(1),
            }
            for name, rows in values.items():
                forest.get_buffer(name)[number, : len(own)] = torch.from_numpy(np.ascontiguousarray(rows))
        return forest

    def forward(self, x: Tensor) -> Tensor:
        if x.ndim != 2 or x.shape[1] != self.columns:
            raise ShapeError(f"the forest takes rows of {self.columns} columns, not {tuple(x.shape)}.")
        trees = torch.arange(len(self.column), device=x.device)
        node = torch.zeros(x.shape[0], len(self.column), dtype=torch.int64, device=x.device)
        for _ in range(self.depth):
            value = x.gather(1, self.column[trees, node])
            node = torch.where(value <= self.threshold[trees, node], self.below[trees, node], self.above[trees, node])
        share = self.share[trees, node].mean(1, keepdim=True).clamp(1 - _SURE, _SURE)
        return share.log() - (-share).log1p()

    def extra_repr(self) -> str:
        return f"{self.columns}, trees={len(self.column)}, depth={self.depth}"


def _at_most(threshold: np.ndarray) -> np.ndarray:
    """The largest float32 that is not above each: rows of float32 then go where they go in scikit-learn."""
    near = threshold.astype(np.float32)
    return np.where(near > threshold, np.nextafter(near, np.float32(-np.inf)), near)
