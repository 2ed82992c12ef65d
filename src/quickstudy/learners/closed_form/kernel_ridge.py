"""Kernel ridge regression of each task, with a kernel that is learned across tasks and weights that balance the classes.

Source: Saunders, Gammerman & Vovk, 1998, Ridge regression learning algorithm in dual variables; meta-trained as by Bertinetto,
Henriques, Torr & Vedaldi, 2019, Meta-learning with differentiable closed-form solvers.
"""

from dataclasses import replace
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from quickstudy.errors import LearnerError
from quickstudy.functional.closed_form import answered, balanced
from quickstudy.learner import Facts, Learner
from quickstudy.likelihood import Categorical, Gaussian
from quickstudy.nn.kernels import Kernel
from quickstudy.task import Examples, Inputs

__all__ = ["DualWeights", "KernelRidge"]


class DualWeights(NamedTuple):
    """What is remembered of a support set: features, a weight of each row for each output (S, P), which outputs it has (P,)."""

    features: Any
    weight: Tensor
    present: Tensor


class KernelRidge(Learner[DualWeights]):
    """Ridge regression in the space of a kernel, on learned features: for classes (towards columns of 0 and 1) and values.

        ``f = argmin Σ_s c_s ‖m + f(x_s) − y_s‖² + λ ‖f‖²``,    ``f(x) = k(x, X) (K + λ diag(c)^{-1})^{-1} (Y − m)``
        ``outputs = a (m + f(x)) + o``

    Encoder, kernel, penalty λ, scale a and offset o are meta-trained on the queries. Where tasks of few rows in many columns
    share which columns matter, the kernel is what they teach: the answer to a task stays that of a nearest neighbour and of a
    linear rule in one. `R2D2` is the same with a linear kernel; `DeepKernelTransfer` is a Gaussian process with it.

    With ``balanced`` the weights c make each class count the same, whatever its number of rows; else they are 1. With a
    ``prior`` m, a network from raw inputs to targets, answers start at and shrink to it, see `R2D2`.

    Args:
        encoder: any network from inputs to features that the kernel takes.
        kernel: k, for example ``nn.LaplaceKernel(D)``.
        penalty: λ at the start.
        scale: a at the start.
        balanced: weights of rows as scikit-learn's ``class_weight="balanced"``; for classes.
        prior: a network from inputs to targets (P,), in the order of the columns; zeros by default.
        likelihood: what outputs mean; `Gaussian()` for values.

    Raises:
        LearnerError: a penalty or a scale that is not positive, labels, or balanced values.

    >>> from quickstudy.nn.column_kernels import LaplaceKernel
    >>> learner = KernelRidge(nn.Identity(), LaplaceKernel(1), penalty=0.1, balanced=True)
    >>> support = Examples.of(torch.tensor([[0.0], [0.1], [0.2], [5.0]]), torch.tensor([0, 0, 0, 1]))
    >>> learner(support).names(torch.tensor([[0.3], [4.0]]))
    ['0', '1']
    """

    facts = Facts(norm="running")

    def __init__(
        self,
        encoder: nn.Module,
        kernel: Kernel,
        *,
        penalty: float = 0.3,
        scale: float = 3.0,
        balanced: bool = False,
        prior: nn.Module | None = None,
        likelihood: Categorical | Gaussian = Categorical(),  # noqa: B008  a frozen record
    ) -> None:
        super().__init__()
        self.likelihood = likelihood
        if not penalty > 0 or not scale > 0:
            raise LearnerError(f"penalty={penalty} and scale={scale} must be positive.")
        if balanced and not isinstance(likelihood, Categorical):
            raise LearnerError("balanced=True needs classes, not values. Leave it out, or choose Categorical().")
        self.encoder, self.kernel, self.prior, self.balanced = encoder, kernel, prior, balanced
        if prior is not None:
            self.facts = replace(self.facts, label_order=True)
        self.log_penalty = nn.Parameter(torch.tensor(float(penalty)).log())
        self.log_scale = nn.Parameter(torch.tensor(float(scale)).log())
        self.offset = nn.Parameter(torch.zeros(()))

    def encode(self, x: Inputs) -> Any:
        features = self.encoder(x)
        return features if self.prior is None else {"features": features, "prior": self.prior(x).flatten(1)}

    def adapt(self, support: Examples) -> DualWeights:
        y, mask, present = support.y, support.mask, self.likelihood.present(support.y, support.mask)
        features = support.x
        if self.prior is not None:
            present = answered(present, mask)
            y = torch.where(present > 0, y - self.likelihood.restrict(features["prior"], present), y)
            features = features["features"]
        rows = balanced(support.y, mask) if self.balanced else mask
        ridge = self.log_penalty.exp() / rows.clamp(min=1e-6) * mask + 1 - mask
        system = self.kernel(features, features) * mask[:, None] * mask + torch.diag_embed(ridge)
        solved: Tensor = torch.linalg.solve_ex(_precise(system), _precise(y * mask[:, None])).result
        return DualWeights(features, (self.log_scale.exp() * solved.to(y.dtype) * mask[:, None]).contiguous(), present)

    def predict(self, state: DualWeights, x: Any) -> Tensor:
        features = x if self.prior is None else x["features"]
        outputs = self.kernel(features, state.features) @ state.weight + self.offset
        if self.prior is not None:
            outputs = outputs + self.log_scale.exp() * x["prior"][:, : len(state.present)]
        return self.likelihood.restrict(outputs, state.present)


def _precise(x: Tensor) -> Tensor:
    """In double precision, where the device knows it."""
    return x if x.device.type == "mps" else x.double()
