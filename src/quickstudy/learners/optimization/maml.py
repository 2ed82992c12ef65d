"""Model-Agnostic Meta-Learning: an initialisation from which a few gradient steps solve a new task.

Source: Finn, Abbeel & Levine, 2017, Model-agnostic meta-learning for fast adaptation of deep networks.
"""

from dataclasses import replace

from torch import Tensor, nn

from quickstudy.errors import LearnerError
from quickstudy.functional.unroll import SGD
from quickstudy.learner import INNER_GRADIENTS, Facts, Learner
from quickstudy.likelihood import Categorical, Likelihood
from quickstudy.nn.fast import FastWeights, NormPolicy, apply, fit
from quickstudy.nn.norm import convert
from quickstudy.task import Examples, Inputs

__all__ = ["MAML"]


class MAML(Learner[FastWeights]):
    """Meta-learns an initialisation θ; a task takes T gradient steps from it.

        ``θ_0 = θ``,    ``θ_{t+1} = θ_t − α ∇L_S(θ_t)``,    meta-training minimises ``L_Q(θ_T)``

    The whole network adapts. L is the mean over examples; published step sizes that were taken on a sum over the ways
    are larger here by the number of ways (0.4 at 5 ways becomes 2.0).

    Args:
        network: any network from inputs to at least as many outputs as the tasks have ways. A copy of it is meta-trained.
        inner_lr: α.
        inner_steps: T in meta-training; 0 is the network itself.
        test_steps: T in eval mode; as in training by default.
        first_order: treat the inner gradient as a constant (first-order MAML, a surrogate gradient). For the first outer steps
            alone: `FirstOrderWarmUp`.
        norm: "support" (queries are normalised with the support set's statistics, each on its own) or "batch" (with the
            query batch's own: transductive, as in the paper's experiments).
        likelihood: of the outputs.

    Raises:
        LearnerError: a negative step size or number of steps.
        ShapeError: (at adaptation) fewer outputs than ways.

    >>> import torch
    >>> learner = MAML(nn.Linear(2, 3), inner_lr=0.1, inner_steps=5)
    >>> learner(Examples.of(torch.eye(2), torch.tensor([0, 1])))(torch.eye(2)).shape
    torch.Size([2, 2])
    """

    facts = Facts(label_order=True, norm="support", unexportable_adaptation=INNER_GRADIENTS)

    def __init__(
        self,
        network: nn.Module,
        *,
        inner_lr: float = 0.4,
        inner_steps: int = 1,
        test_steps: int | None = None,
        first_order: bool = False,
        norm: NormPolicy = "support",
        likelihood: Likelihood = Categorical(),  # noqa: B008  a frozen record
    ) -> None:
        super().__init__()
        if inner_steps < 0 or (test_steps or 0) < 0 or not inner_lr >= 0:
            raise LearnerError("inner_lr, inner_steps and test_steps must be 0 or more.")
        self.network = convert(network)
        self.inner_lr, self.inner_steps, self.first_order, self.norm = inner_lr, inner_steps, first_order, norm
        self.test_steps = inner_steps if test_steps is None else test_steps
        self.likelihood = likelihood
        self.facts = replace(
            self.facts, transductive=norm == "batch", norm=norm, gradient="surrogate" if first_order else "exact"
        )

    def adapt(self, support: Examples) -> FastWeights:
        steps = self.inner_steps if self.training else self.test_steps
        return fit(
            self.network,
            support,
            self.likelihood,
            rule=SGD(self.inner_lr),
            steps=steps,
            policy=self.norm,
            first_order=self.first_order,
        )

    def predict(self, state: FastWeights, x: Inputs) -> Tensor:
        return self.likelihood.restrict(apply(self.network, state.weights, x, state.statistics), state.present)
