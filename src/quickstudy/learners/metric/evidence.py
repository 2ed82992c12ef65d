"""Evidence for a class beside a rest, weighed: likeness to both by several kinds of features, and what an input alone says.

Sources: Sung, Yang, Zhang, Xiang, Torr & Hospedales, 2018, Learning to compare: relation network for few-shot learning (a network
weighs how alike things are); Tian, Zhao, Shu, Yang, Li & Jia, 2020, Prior guided feature enrichment network for few-shot
segmentation (a prior that is the same for all classes beside it).
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from quickstudy.errors import LearnerError
from quickstudy.functional.distances import class_means, cosine_distance
from quickstudy.functional.overlap import soft_iou
from quickstudy.learner import Facts, Learner, Samples
from quickstudy.nn.cross_fitted import CrossFitted
from quickstudy.task import Examples, Inputs, Task

__all__ = ["BlockMeans", "EvidenceNet"]

_GROUPS, _ROWS = 6, 240
"""Tasks of a step in which the prior is fitted, and rows of each, at random: a task has more of them than a step needs."""

_SHARP = 4.0
"""By which cosines are multiplied, so that they are as large as other evidence."""

_KNOWN = "known"


class BlockMeans(NamedTuple):
    """What is remembered of a support set: for each kind of features the means of all columns (N, D), and their counts (N,)."""

    means: dict[str, Tensor]
    counts: Tensor


class EvidenceNet(Learner[BlockMeans]):
    """Classes beside a rest (background, outside), whose column is the first and whose meaning is the same in all tasks.

        ``e_n = (4 cos(u_1, c_10), 4 cos(u_1, c_1n), …, 4 cos(u_B, c_B0), 4 cos(u_B, c_Bn), k(x), p(x))``
        ``logit_0 = 0``,    ``logit_n = w(e_n)``

    where ``u_b(x)`` are B kinds of features of unit length and ``c_bn`` their means over column n. A small network w weighs the
    evidence, the same for all classes, so that a few classes of meta-training are enough for it. ``k(x)`` is anything else that
    is known of an input (a place), and ``p(x)`` the prior: how likely an input is to be of *any* class. `prepare` fits the prior
    to meta-training tasks, **cross-fitted** (`nn.CrossFitted`); the outer loop trains features and w.

    The objective is ``(1 − o) nll + o (1 − IoU)``, with the smooth intersection over union of what is not the rest: what counts
    for a mask, and what the likelihood alone, where most rows are rest, sacrifices.

    Args:
        blocks: ``x -> {name: features (R, D)}``, for example `nn.SideBySide`.
        known: k, from inputs to numbers (R, E).
        weigh: w, from 2 B + E + 1 numbers to one.
        prior: p, see `nn.CrossFitted`; the last number of x may be a row's fold.
        prior_steps: in which the prior is fitted.
        overlap: o.

    Raises:
        LearnerError: an overlap outside of [0, 1], or negative steps.

    >>> from quickstudy.nn.mlp import MLP
    >>> from quickstudy.nn.side_by_side import ColumnRange, SideBySide
    >>> blocks = SideBySide({"colour": ColumnRange(0, 2), "texture": ColumnRange(2, 4)})
    >>> learner = EvidenceNet(blocks, ColumnRange(4, 5), MLP(6, (8,), outputs=1), CrossFitted(5))
    >>> learner(Examples.of(torch.randn(6, 5), torch.tensor([0, 0, 0, 1, 1, 1])))(torch.randn(3, 5)).shape
    torch.Size([3, 2])
    """

    facts = Facts(norm="running", label_order=True)

    def __init__(
        self,
        blocks: nn.Module,
        known: nn.Module,
        weigh: nn.Module,
        prior: CrossFitted,
        *,
        prior_steps: int = 300,
        overlap: float = 0.5,
    ) -> None:
        super().__init__()
        if not 0 <= overlap <= 1 or prior_steps < 0:
            raise LearnerError(f"overlap={overlap} must lie in [0, 1], and prior_steps={prior_steps} must not be negative.")
        self.blocks, self.known, self.weigh, self.prior = blocks, known, weigh, prior
        self.prior_steps, self.overlap = prior_steps, overlap

    def encode(self, x: Tensor) -> Inputs:
        """Features of unit length by name, and under "known" what is known of a row alone."""
        found = {name: nn.functional.normalize(u.flatten(1), dim=-1) for name, u in self.blocks(x).items()}
        return found | {_KNOWN: torch.cat([self.known(x), self.prior(x)], 1)}

    def adapt(self, support: Examples) -> BlockMeans:
        means = {name: class_means(u, support.y, support.mask) for name, u in support.x.items() if name != _KNOWN}
        return BlockMeans(means, (support.y * support.mask[:, None]).sum(0))

    def predict(self, state: BlockMeans, x: Inputs) -> Tensor:
        evidence = self._evidence(state, x)
        of_classes = self.weigh(evidence.flatten(0, 1)).view(evidence.shape[:2])
        logits = torch.cat([torch.zeros_like(of_classes[:, :1]), of_classes], 1)
        return self.likelihood.restrict(logits, state.counts)

    def objective(self, task: Task) -> Tensor:
        """The query's negative log-likelihood and one minus its smooth intersection over union, weighed by ``overlap``."""
        query = task.query
        outputs = self.predict(self.adapt(task.support), query.x)
        marked = 1 - self.likelihood.mean(outputs)[:, 0]
        iou = soft_iou(marked, 1 - query.y[:, 0], query.mask)
        return (1 - self.overlap) * self.likelihood.nll(outputs, query.y, query.mask) + self.overlap * (1 - iou)

    def update(self, state: BlockMeans, more: Examples) -> BlockMeans:
        """The means of the union of what was seen and ``more``."""
        fresh = self.adapt(more)
        counts = state.counts + fresh.counts
        shares = [each.counts[:, None] / counts.clamp(min=1)[:, None] for each in (state, fresh)]
        means = {name: shares[0] * mean + shares[1] * fresh.means[name] for name, mean in state.means.items()}
        return BlockMeans(means, counts)

    def prepare(self, source: Samples, generator: torch.Generator) -> None:
        """Fits the prior."""

        def draw() -> tuple[Tensor, Tensor, Tensor]:
            task = source.sample(_GROUPS, generator)
            sides = (task.support, task.query)
            x, y, mask = (torch.cat([getattr(side, name) for side in sides], 1) for name in ("x", "y", "mask"))
            some = torch.randperm(mask.shape[1], generator=generator)[:_ROWS]
            x, y, mask = x[:, some], y[:, some], mask[:, some]
            missing = x.shape[-1] == self.prior.features
            return nn.functional.pad(x, (0, 1), value=-1.0) if missing else x, 1 - y[..., 0], mask

        self.prior.fit(draw, self.prior_steps)

    def _evidence(self, state: BlockMeans, x: Inputs) -> Tensor:
        """For each row and each class but the rest its evidence, (Q, N − 1, 2 B + E + 1)."""
        classes = state.counts.shape[0] - 1
        means = sorted(state.means.items())  # as files sort them
        alike = [_SHARP * (1 - cosine_distance(x[name], mean)) for name, mean in means]
        parts = [part for each in alike for part in (each[:, :1].expand(-1, classes), each[:, 1:])]
        known = x[_KNOWN][:, None].expand(-1, classes, -1)
        return torch.cat([torch.stack(parts, -1), known], -1)
