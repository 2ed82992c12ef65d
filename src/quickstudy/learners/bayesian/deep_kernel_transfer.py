"""Deep kernel transfer: an exact Gaussian process for each task, with a kernel that is learned across tasks.

Source: Patacchiola, Turner, Crowley, O'Boyle & Storkey, 2020, Bayesian meta-learning for the few-shot setting via deep kernels.
"""

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from quickstudy.errors import LearnerError
from quickstudy.functional.tree import cat
from quickstudy.learner import Facts, Learner
from quickstudy.likelihood import Categorical, MeanAndDeviation
from quickstudy.nn.kernels import Kernel
from quickstudy.task import Examples, Inputs, Task

__all__ = ["DeepKernelTransfer", "KernelPosterior"]


class KernelPosterior(NamedTuple):
    """What is remembered of a support set.

    Args:
        features: of the support rows, leading axis S.
        weight: ``(K + σ² I)^{-1} (Y − m)``, (S, P).
        root: for values ``L^{-1}`` with ``L Lᵀ = K + σ² I``, (S, S); for classes nothing, (0, S).
        prior: the mean of values, or the logit that a class has from its share of the support set, (P,).
        present: which of the outputs the support set has, (P,).
    """

    features: Any
    weight: Tensor
    root: Tensor
    prior: Tensor
    present: Tensor


class DeepKernelTransfer(Learner[KernelPosterior]):
    """A Gaussian process on learned features; kernel, noise and encoder are shared by all tasks.

        ``y = m + f(x) + ε``,    ``f ~ GP(0, k(φ(x), φ(x')))``,    ``ε ~ N(0, σ²)``
        mean ``m + k_* (K + σ² I)^{-1} (y − m)``,    variance ``k_** − k_* (K + σ² I)^{-1} k_*ᵀ + σ²``

    Values: outputs are the posterior's mean and deviation. Classes are regressed on, +1 for a row's own class and −1 for the
    others, one process for each class with the same kernel (the paper's label regression). There m_c is the class's share of
    the support set, ``2 p_c − 1`` with ``p_c = (S_c + 1) / (S + N)``, which balances rare classes against common ones, and

        ``logit_c = a · f_c(x) + b log p_c``,    a and b learned (b = 1 at the start)

    Meta-training maximises the marginal likelihood of all rows of a task, support and query, as the paper does; or, with
    ``marginal=False``, minimises the loss of the queries, which trains a and b too.

    Deviation: the loss is per row, so that step sizes hold for tasks of any size.

    Args:
        encoder: φ, any network from inputs to features, or to a dictionary of features for `nn.MixtureKernel`.
        kernel: k, for example ``nn.RBFKernel(D)`` or ``nn.CosineKernel()``.
        noise: σ² at the start.
        scale: a at the start.
        marginal: see above.
        likelihood: what outputs mean; `MeanAndDeviation()` for values.

    Raises:
        LearnerError: a noise or a scale that is not positive.

    >>> from quickstudy.nn.kernels import RBFKernel
    >>> learner = DeepKernelTransfer(nn.Identity(), RBFKernel(1), noise=0.01, likelihood=MeanAndDeviation())
    >>> predictor = learner(Examples.of(torch.tensor([[0.0], [1.0]]), [0.5, 1.5]))
    >>> mean, deviation = predictor(torch.tensor([[1.0]]))[0]
    >>> round(float(mean), 2), round(float(deviation), 2)
    (1.48, 0.14)
    """

    facts = Facts(norm="running")

    def __init__(
        self,
        encoder: nn.Module,
        kernel: Kernel,
        *,
        noise: float = 0.1,
        scale: float = 3.0,
        marginal: bool = True,
        likelihood: Categorical | MeanAndDeviation = Categorical(),  # noqa: B008  a frozen record
    ) -> None:
        super().__init__()
        self.likelihood = likelihood
        if not noise > 0 or not scale > 0:
            raise LearnerError(f"noise={noise} and scale={scale} must be positive.")
        self.encoder, self.kernel, self.marginal = encoder, kernel, marginal
        self.log_noise = nn.Parameter(torch.tensor(float(noise)).log())
        if self._classes:
            trained = not marginal
            self.log_scale = nn.Parameter(torch.tensor(float(scale)).log(), requires_grad=trained)
            self.balance = nn.Parameter(torch.ones(()), requires_grad=trained)
        else:
            self.offset = nn.Parameter(torch.zeros(()))

    @property
    def _classes(self) -> bool:
        return isinstance(self.likelihood, Categorical)

    def encode(self, x: Inputs) -> Any:
        return self.encoder(x)

    def adapt(self, support: Examples) -> KernelPosterior:
        rest, share = self._rest(support)
        root = self._root(support)
        weight = torch.cholesky_solve(_precise(rest), root).to(rest.dtype).contiguous()  # as a file keeps it
        present = self.likelihood.present(support.y, support.mask)
        if self._classes:
            prior = self.balance * share.clamp(min=1e-6).log()
            return KernelPosterior(support.x, weight, weight.new_zeros(0, weight.shape[0]), prior, present)
        unit = torch.eye(root.shape[-1], dtype=root.dtype, device=root.device)
        inverse = (torch.linalg.solve_triangular(root, unit, upper=False).to(rest.dtype) * support.mask).contiguous()
        return KernelPosterior(support.x, weight, inverse, self.offset * present, present)

    def predict(self, state: KernelPosterior, x: Any) -> Tensor:
        k_QS = self.kernel(x, state.features)
        mean = k_QS @ state.weight
        if self._classes:
            return self.likelihood.restrict(self.log_scale.exp() * mean + state.prior, state.present)
        explained = (k_QS @ state.root.mT).square().sum(1)
        variance = (self.kernel.diagonal(x) - explained).clamp(min=0) + self.log_noise.exp()
        return torch.cat([mean + state.prior, variance.sqrt()[:, None].expand_as(mean)], 1)

    def objective(self, task: Task) -> Tensor:
        if not self.marginal:
            return super().objective(task)
        return self.marginal_loss(cat([task.support, task.query]))

    def marginal_loss(self, rows: Examples) -> Tensor:
        """The negative log marginal likelihood of encoded rows, divided by their number; of classes, the sum over the classes.

        ``½ (y − m)ᵀ (K + σ² I)^{-1} (y − m) + ½ log |K + σ² I| + S/2 log 2π``
        """
        rest, _ = self._rest(rows)
        root = self._root(rows)
        outputs = self.likelihood.present(rows.y, rows.mask).sum()
        fit = torch.linalg.solve_triangular(root, _precise(rest), upper=False).square().sum() / 2
        volume = root.diagonal(dim1=-2, dim2=-1).log().sum()
        count = rows.mask.sum()
        whole = fit + outputs * (volume + count * math.log(2 * math.pi) / 2)
        loss: Tensor = (whole / count.clamp(min=1)).to(rest.dtype)
        return loss

    def _rest(self, rows: Examples) -> tuple[Tensor, Tensor]:
        """What is left of the targets without their mean (S, P), 0 for padding and absent classes; shares of the classes (P,)."""
        mask = rows.mask[:, None]
        if not self._classes:
            return (rows.y - self.offset) * mask, rows.y.new_ones(rows.y.shape[1])
        present = self.likelihood.present(rows.y, rows.mask)
        share = ((rows.y * mask).sum(0) + 1) / (rows.mask.sum() + present.sum())
        return 2 * (rows.y - share) * mask * present, share

    def _root(self, rows: Examples) -> Tensor:
        """The Cholesky factor of ``K + σ² I`` in double precision; rows of padding are rows of the unit matrix."""
        mask = rows.mask
        system = self.kernel(rows.x, rows.x) * mask[:, None] * mask
        system = system + torch.diag_embed(self.log_noise.exp() * mask + 1 - mask)
        root: Tensor = torch.linalg.cholesky_ex(_precise(system)).L
        return root


def _precise(x: Tensor) -> Tensor:
    """In double precision, where the device knows it."""
    return x if x.device.type == "mps" else x.double()
