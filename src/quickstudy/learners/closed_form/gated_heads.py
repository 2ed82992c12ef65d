"""Two logistic regressions of one task, on frozen and on mapped features, and a gate by shots and ways between them.

Source of the heads: Bertinetto, Henriques, Torr & Vedaldi, 2019, Meta-learning with differentiable closed-form solvers; of the
scale: Guo, Pleiss, Sun & Weinberger, 2017, On calibration of modern neural networks.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from quickstudy.errors import LearnerError
from quickstudy.functional.closed_form import LinearModel
from quickstudy.functional.confidence import as_sure_as
from quickstudy.functional.logistic import logistic
from quickstudy.learner import ITERATES, Facts, Learner
from quickstudy.task import Examples, Inputs, Task

__all__ = ["GatedHeads", "Heads"]


class Heads(NamedTuple):
    """What is remembered of a support set: linear models of frozen and of mapped features, and gate and scale of the task."""

    frozen: LinearModel
    mapped: LinearModel
    gate: Tensor
    scale: Tensor


class GatedHeads(Learner[Heads]):
    """A logistic regression on frozen features, which meta-training moves towards one on mapped features, as far as shots allow.

        ``u = e(x)``,    ``z = m(u)``,    ``W_u = argmin Σ_s −log softmax(u_s W)[y_s] + ½ λ_u ‖W‖²``,    W_z of z and λ_z alike
        ``logits = t · [(1 − g) · u W_u + g · z W_z]``

    with a feature of one in u and z. Four numbers follow the k shots and N ways of a task, ``ln λ_u``, ``ln λ_z``, ``ln t`` and
    ``logit g``, each by three meta-learned numbers, ``a + b ln k + c ln N``. A map m that starts at the identity makes all of it
    start at the logistic regression on u: what is classical is the start, and where a map learned on other classes no longer
    helps, because there are examples enough, the gate goes back to it.

    **How sure it is** is what the frozen head says: the logits of a query are stretched by the one factor after which its largest
    probability follows from that of ``u W_u``, see `as_sure_as`. No class changes its place, but queries of unknown classes are
    recognised as by the logistic regression on frozen features: a map that parts known classes parts unknown ones from nothing,
    and a temperature makes confidence a matter of the two best classes alone.

    Args:
        encoder: e, best of unit length; it is not trained here unless its weights say so.
        feature_map: m, from features (D,) to as many, for example `nn.LinearMap` and `nn.UnitLength`.
        penalty: λ of both at the start, at one shot.
        scale: t at the start, at one shot.
        by_shots: b of ``ln λ`` and of ``ln t`` at the start; −1 gives the penalty 1 / k of a logistic regression tuned by shots.
            The other exponents start at 0.
        gate: g at the start.
        steps: of Newton's method at most.

    Raises:
        LearnerError: a penalty or a scale that is not positive, a gate outside of (0, 1), or no steps.

    >>> learner = GatedHeads(nn.Flatten(), nn.Identity(), penalty=1.0, scale=1.0)
    >>> support = Examples.of(torch.tensor([[0.0], [1.0]]), torch.tensor([0, 1]))
    >>> learner(support).probabilities(torch.tensor([[0.8]]))  # of LRD2
    tensor([[0.4000, 0.6000]])
    """

    facts = Facts(norm="running", unexportable_adaptation=ITERATES)

    def __init__(
        self,
        encoder: nn.Module,
        feature_map: nn.Module,
        *,
        penalty: float = 1.0,
        scale: float = 20.0,
        by_shots: float = -1.0,
        gate: float = 0.5,
        steps: int = 50,
    ) -> None:
        super().__init__()
        if not (penalty > 0 and scale > 0 and 0 < gate < 1) or steps < 1:
            raise LearnerError(
                f"penalty={penalty} and scale={scale} must be positive, gate={gate} between 0 and 1, steps={steps} at least 1."
            )
        self.encoder, self.feature_map, self.steps = encoder, feature_map, steps
        start = torch.tensor([penalty, penalty, scale, gate / (1 - gate)], dtype=torch.get_default_dtype()).log()
        self.start = nn.Parameter(start)
        self.by_shots = nn.Parameter(torch.tensor([by_shots, by_shots, by_shots, 0.0]))
        self.by_ways = nn.Parameter(torch.zeros(4))

    def encode(self, x: Inputs) -> Tensor:
        """Frozen and mapped features side by side, (R, 2 D)."""
        frozen = self.encoder(x).flatten(1)
        return torch.cat([frozen, self.feature_map(frozen)], 1)

    def adapt(self, support: Examples) -> Heads:
        present = self.likelihood.present(support.y, support.mask)
        ways = present.sum().clamp(min=1)
        shots = (support.mask.sum() / ways).clamp(min=1)
        numbers = self.start + self.by_shots * shots.log() + self.by_ways * ways.log()
        frozen, mapped = (
            LinearModel(*logistic(features, support.y, support.mask, penalty, self.steps), present)
            for features, penalty in zip(support.x.chunk(2, 1), numbers[:2].exp().unbind(), strict=True)
        )
        return Heads(frozen, mapped, numbers[3].sigmoid(), numbers[2].exp())

    def predict(self, state: Heads, x: Tensor) -> Tensor:
        frozen, mixed = self._outputs(state, x)
        return as_sure_as(mixed, frozen, state.scale, state.frozen.present)

    def objective(self, task: Task) -> Tensor:
        """The query's negative log-likelihood by the logits above, before they are stretched: later it sees mistakes alone."""
        _, mixed = self._outputs(self.adapt(task.support), task.query.x)
        return self.likelihood.nll(mixed, task.query.y, task.query.mask)

    def _outputs(self, state: Heads, x: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of the frozen head, not scaled, and those of both together, scaled."""
        u, z = x.chunk(2, 1)
        frozen = state.frozen(u)
        mixed = state.scale * ((1 - state.gate) * frozen + state.gate * state.mapped(z))
        present = state.frozen.present
        return self.likelihood.restrict(frozen, present), self.likelihood.restrict(mixed, present)
