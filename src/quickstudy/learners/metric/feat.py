"""FEAT: prototypes are adapted to each other by self-attention.

Source: Ye, Hu, Zhan & Sha, 2020, Few-shot learning via embedding adaptation with set-to-set functions.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from quickstudy.errors import LearnerError
from quickstudy.functional.distances import class_means, squared_distance
from quickstudy.learner import Facts, Learner
from quickstudy.task import Examples, Inputs, Task

__all__ = ["FEAT", "AdaptedPrototypes"]


class AdaptedPrototypes(NamedTuple):
    """What is remembered: class means after self-attention (N, D), and how many examples each class has (N,)."""

    means: Tensor
    counts: Tensor


class FEAT(Learner[AdaptedPrototypes]):
    """Prototypical networks whose prototypes are adapted to the task as a set.

        ``ĉ = A(c_1 … c_N)``,    ``p(n | x) ∝ exp(−‖f(x) − ĉ_n‖² / τ)``

    In meta-training a contrastive term is added, weighed by λ: A is applied to all examples of each class, support and query
    together, and every example must be nearest to the mean of what came out for its class, at temperature τ₂.

    Deviations, of `nn.SelfAttention`: the authors' code drops a tenth of the attention weights beside half of the output, and
    draws the matrices of queries, keys and values from ``N(0, 2 / (D + D / H))`` and that of the output by Xavier's normal
    rule; here only the output is dropped, and all start as `torch.nn.Linear` does.

    Args:
        encoder: any network from inputs to features (D,); the paper pre-trains it (for example with `tasks.Supervised`).
        attention: A, vectors (R, D) and a mask of who attends to whom (R, R) -> (R, D), equivariant to their order, as
            `nn.SelfAttention` is.
        temperature: τ, of the squared distances.
        contrast: λ, 0 leaves the contrastive term out.
        contrast_temperature: τ₂.

    Raises:
        LearnerError: a temperature that is not positive, or a negative weight.

    >>> from quickstudy.nn.self_attention import SelfAttention
    >>> learner = FEAT(nn.Flatten(), SelfAttention(4))
    >>> learner(Examples.of(torch.randn(6, 4), torch.tensor([0, 0, 1, 1, 2, 2])))(torch.randn(3, 4)).shape
    torch.Size([3, 3])
    """

    facts = Facts(norm="running")

    def __init__(
        self,
        encoder: nn.Module,
        attention: nn.Module,
        *,
        temperature: float = 64.0,
        contrast: float = 1.0,
        contrast_temperature: float = 16.0,
    ) -> None:
        super().__init__()
        if not (temperature > 0 and contrast_temperature > 0 and contrast >= 0):
            raise LearnerError(
                f"temperature={temperature} and contrast_temperature={contrast_temperature} must be positive, "
                f"contrast={contrast} must not be negative."
            )
        self.encoder, self.attention = encoder, attention
        self.temperature, self.contrast, self.contrast_temperature = temperature, contrast, contrast_temperature

    def encode(self, x: Inputs) -> Tensor:
        features: Tensor = self.encoder(x).flatten(1)
        return features

    def adapt(self, support: Examples) -> AdaptedPrototypes:
        means = class_means(support.x, support.y, support.mask)
        counts = (support.y * support.mask[:, None]).sum(0)
        return AdaptedPrototypes(self.attention(means, counts.expand(counts.shape[0], -1)), counts)

    def predict(self, state: AdaptedPrototypes, x: Tensor) -> Tensor:
        return self.likelihood.restrict(-squared_distance(x, state.means) / self.temperature, state.counts)

    def objective(self, task: Task) -> Tensor:
        loss = super().objective(task)
        return loss + self.contrast * self.contrastive(task) if self.contrast else loss

    def contrastive(self, task: Task) -> Tensor:
        """The mean negative log-likelihood of all examples against the means of their classes' adapted examples."""
        x = torch.cat([task.support.x, task.query.x])
        y = torch.cat([task.support.y, task.query.y])
        mask = torch.cat([task.support.mask, task.query.mask])
        y_TN = y * mask[:, None]
        centres = class_means(self.attention(x, y_TN @ y_TN.mT), y, mask)
        logits = -squared_distance(x, centres) / self.contrast_temperature
        return self.likelihood.nll(self.likelihood.restrict(logits, y_TN.sum(0)), y, mask)
