"""iMAML: adapt to a minimum held near the initialisation, and differentiate that minimum instead of the way to it.

Source: Rajeswaran, Finn, Kakade & Levine, 2019, Meta-learning with implicit gradients.
"""

from typing import Any

import torch
from torch import Tensor, nn

from quickstudy.errors import LearnerError
from quickstudy.functional.implicit import ConjugateGradients, Solver, implicit
from quickstudy.functional.unroll import SGD, Rule, Weights, descend
from quickstudy.learner import INNER_GRADIENTS, Facts, Learner
from quickstudy.likelihood import Categorical, Likelihood
from quickstudy.nn import norm
from quickstudy.nn.fast import FastWeights, apply, call, support_loss, weights_of
from quickstudy.task import Examples, Inputs

__all__ = ["IMAML"]


class IMAML(Learner[FastWeights]):
    """Meta-learns an initialisation θ; a task's weights minimise its loss and stay close to θ.

        ``φ* = argmin_φ L_S(φ) + λ/2 ‖φ − θ‖²``,    ``∇_θ L_Q(φ*) = (I + ∇²L_S(φ*) / λ)⁻¹ ∇L_Q(φ*)``

    The linear system is solved with Hessian-vector products alone, so that memory does not grow with the number of inner
    steps, and any descent rule may take them. The gradient is as exact as φ* and the solver are: for a few steps of either
    it is the surrogate that the formula states at the φ reached.

    Deviations: the published code damps the system (``2 I + H / (λ + 10)``) and takes the proximal term as a step of its
    own; here both are the paper's formulas, unless the solver is given a damping. At meta-test the inner problem is the
    same (there λ = 0). Norms use support statistics, which belong to L_S; dropout would make another L_S of each
    evaluation and is refused.

    Args:
        network: any network from inputs to at least as many outputs as the tasks have ways. A copy of it is meta-trained.
        strength: λ; larger than the largest negative curvature of L_S, or the minimum is none.
        rule: of the descent to φ*; a step size below ``2 / (λ + largest curvature)`` converges.
        inner_steps: of the rule.
        solver: `ConjugateGradients` or `Neumann` (for curvatures below λ) with its number of steps.
        likelihood: of the outputs.

    Raises:
        LearnerError: λ or the number of steps is not positive, or the network has dropout.
        ShapeError: (at adaptation) fewer outputs than ways.

    >>> learner = IMAML(nn.Linear(2, 3), strength=0.5, rule=SGD(0.5))
    >>> learner(Examples.of(torch.eye(2), torch.tensor([0, 1])))(torch.eye(2)).shape
    torch.Size([2, 2])
    """

    facts = Facts(label_order=True, norm="support", gradient="surrogate", unexportable_adaptation=INNER_GRADIENTS)

    def __init__(
        self,
        network: nn.Module,
        *,
        strength: float = 2.0,
        rule: Rule = SGD(0.1),  # noqa: B008  a frozen record
        inner_steps: int = 16,
        solver: Solver = ConjugateGradients(5),  # noqa: B008  a frozen record
        likelihood: Likelihood = Categorical(),  # noqa: B008  a frozen record
    ) -> None:
        super().__init__()
        if not strength > 0 or inner_steps < 1:
            raise LearnerError(
                "strength and inner_steps must be positive: without a pull toward θ there is no implicit gradient."
            )
        dropout = next((path for path, part in network.named_modules() if isinstance(part, nn.modules.dropout._DropoutNd)), None)
        if dropout is not None:
            raise LearnerError(
                f"{dropout} drops units, so that the inner problem has no one minimum. Take it out of the network."
            )
        self.network = norm.convert(network)
        self.strength, self.rule, self.inner_steps, self.solver = strength, rule, inner_steps, solver
        self.likelihood = likelihood

    def adapt(self, support: Examples) -> FastWeights:
        start = weights_of(self.network)
        with torch.no_grad():
            fixed = {name: w.detach() for name, w in start.items()}
            found = descend(
                lambda weights: self._inner(weights, {"start": fixed, "support": support}),
                fixed,
                rule=self.rule,
                steps=self.inner_steps,
                first_order=True,
            )
        weights = implicit(self._scaled, found, {"start": start, "support": support}, solver=self.solver)
        present = self.likelihood.present(support.y, support.mask)
        return FastWeights(weights, self._statistics(weights, support), present)

    def _inner(self, weights: Weights, given: dict[str, Any]) -> Tensor:
        support: Examples = given["support"]
        present = self.likelihood.present(support.y, support.mask)
        loss = support_loss(self.network, weights, support, self.likelihood, present)
        away = torch.stack([((w - given["start"][name]) ** 2).sum() for name, w in weights.items()]).sum()
        return loss + self.strength / 2 * away

    def _scaled(self, weights: Weights, given: dict[str, Any]) -> Tensor:
        """The inner problem over λ, whose Hessian is ``I + H / λ``: what a Neumann series wants."""
        return self._inner(weights, given) / self.strength

    def _statistics(self, weights: Weights, support: Examples) -> norm.Statistics:
        if not any(isinstance(part, norm.BatchNorm) for part in self.network.modules()):
            return {}
        with norm.recording(support.mask) as kept:
            call(self.network, weights, support.x)
        return kept

    def predict(self, state: FastWeights, x: Inputs) -> Tensor:
        return self.likelihood.restrict(apply(self.network, state.weights, x, state.statistics), state.present)
