"""Meta-Curvature: an initialisation together with a linear map of the gradient, one small matrix for each axis of a weight.

Source: Park & Oliva, 2019, Meta-curvature.
"""

from dataclasses import replace

import torch
from torch import Tensor, nn

from quickstudy.errors import LearnerError
from quickstudy.functional.unroll import Preconditioned, Weights
from quickstudy.learner import INNER_GRADIENTS, Facts, Learner
from quickstudy.likelihood import Categorical, Likelihood
from quickstudy.nn.fast import FastWeights, NormPolicy, apply, fit, weights_of
from quickstudy.nn.norm import convert
from quickstudy.task import Examples, Inputs

__all__ = ["MetaCurvature"]


class MetaCurvature(Learner[FastWeights]):
    """MAML along gradients that a meta-learned curvature has transformed (the paper's MC2).

        ``θ_{t+1} = θ_t − α MC(∇L_S(θ_t))``,    ``MC(G) = G ×_3 M_f ×_2 M_i ×_1 M_o``

    A convolution's gradient G has the axes outputs, inputs and filter positions, and a factor for each; a matrix has two
    factors, a vector one. Row by row the flattened map is the Kronecker product ``M_o ⊗ M_i ⊗ M_f``. All factors start as
    identities, where this is MAML. An axis of n entries costs n² numbers.

    Args:
        network: any network from inputs to at least as many outputs as the tasks have ways. A copy of it is meta-trained.
        inner_lr: α, which sets the scale that the factors start at.
        inner_steps: T in meta-training.
        test_steps: T in eval mode; as in training by default.
        norm: "support" or "batch" (transductive), see `MAML`.
        likelihood: of the outputs.

    Raises:
        LearnerError: fewer than one inner step, test steps below 0, or a step size that is not positive.
        ShapeError: (at adaptation) fewer outputs than ways.

    >>> learner = MetaCurvature(nn.Conv2d(4, 8, 3), inner_lr=0.1)
    >>> {name: tuple(factor.shape) for name, factor in learner.factors.items()}
    {'bias/0': (8, 8), 'weight/0': (8, 8), 'weight/1': (4, 4), 'weight/2': (9, 9)}
    """

    facts = Facts(label_order=True, norm="support", unexportable_adaptation=INNER_GRADIENTS)

    def __init__(
        self,
        network: nn.Module,
        *,
        inner_lr: float = 0.1,
        inner_steps: int = 1,
        test_steps: int | None = None,
        norm: NormPolicy = "support",
        likelihood: Likelihood = Categorical(),  # noqa: B008  a frozen record
    ) -> None:
        super().__init__()
        if inner_steps < 1 or (test_steps or 0) < 0 or not inner_lr > 0:
            raise LearnerError(
                "inner_steps must be 1 or more (curvature is learned from steps), test_steps 0 or more, inner_lr > 0."
            )
        self.network = convert(network)
        self.factors = nn.ParameterDict(
            {
                _key(name, axis): torch.eye(size, dtype=weight.dtype, device=weight.device)
                for name, weight in weights_of(self.network).items()
                for axis, size in enumerate(_axes(weight))
            }
        )
        self.inner_lr, self.inner_steps, self.norm, self.likelihood = inner_lr, inner_steps, norm, likelihood
        self.test_steps = inner_steps if test_steps is None else test_steps
        self.facts = replace(self.facts, transductive=norm == "batch", norm=norm)

    def adapt(self, support: Examples) -> FastWeights:
        return fit(
            self.network,
            support,
            self.likelihood,
            rule=Preconditioned(self._curved),
            steps=self.inner_steps if self.training else self.test_steps,
            policy=self.norm,
            first_order=False,
        )

    def _curved(self, grads: Weights) -> Weights:
        """``α MC(G)`` of each gradient."""
        found = {}
        for name, g in grads.items():
            curved = g.reshape(_axes(g))
            for axis in range(curved.ndim):
                curved = torch.tensordot(self.factors[_key(name, axis)], curved, ([1], [axis])).movedim(0, axis)
            found[name] = self.inner_lr * curved.reshape(g.shape)
        return found

    def step_sizes(self) -> dict[str, Tensor]:
        """The diagonal of ``α M_o ⊗ M_i ⊗ M_f``, of each weight tensor: how far an entry moves along its own gradient."""
        found = {}
        for name, weight in weights_of(self.network).items():
            diagonal = torch.full_like(weight, self.inner_lr).reshape(_axes(weight))
            for axis in range(diagonal.ndim):
                own = self.factors[_key(name, axis)].detach().diagonal()
                diagonal = diagonal * own.reshape([-1 if other == axis else 1 for other in range(diagonal.ndim)])
            found[name] = diagonal.reshape(weight.shape)
        return found

    def predict(self, state: FastWeights, x: Inputs) -> Tensor:
        return self.likelihood.restrict(apply(self.network, state.weights, x, state.statistics), state.present)


def _axes(weight: Tensor) -> tuple[int, ...]:
    """The sizes of a weight's axes: outputs, inputs, and all positions of a filter as one."""
    if weight.ndim > 2:
        return weight.shape[0], weight.shape[1], weight.shape[2:].numel()
    return tuple(weight.shape) or (1,)


def _key(name: str, axis: int) -> str:
    """A weight's name and axis as the name of a factor: a dot would mean a module."""
    return f"{name}.{axis}".replace(".", "/")
