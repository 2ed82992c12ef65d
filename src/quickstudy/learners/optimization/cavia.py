"""CAVIA: a task is learned by gradient steps on a few context numbers alone, the network stays as meta-trained.

Source: Zintgraf, Shiarlis, Kurin, Hofmann & Whiteson, 2019, Fast context adaptation via meta-learning.
"""

from dataclasses import replace
from typing import NamedTuple

from torch import Tensor, nn

from quickstudy.errors import LearnerError
from quickstudy.functional.unroll import SGD, Weights, descend
from quickstudy.learner import INNER_GRADIENTS, Facts, Learner
from quickstudy.likelihood import Categorical, Likelihood
from quickstudy.nn import norm as norms
from quickstudy.nn.context import ContextNetwork
from quickstudy.nn.fast import NormPolicy
from quickstudy.task import Examples, Inputs

__all__ = ["CAVIA", "Context"]


class Context(NamedTuple):
    """What is remembered of a support set: the context (C,), norm statistics (if any), classes present (N,)."""

    values: Tensor
    statistics: norms.Statistics
    present: Tensor


class CAVIA(Learner[Context]):
    """Meta-learns a network f(x, φ; θ); a task takes T gradient steps on its context φ, which starts at zero.

        ``φ_0 = 0``,    ``φ_{t+1} = φ_t − α ∇_φ L_S(f(·, φ_t; θ))``,    meta-training minimises ``L_Q(f(·, φ_T; θ))`` over θ

    The state is a handful of numbers, the inner loop never touches a weight, and so few numbers hardly overfit.

    Deviation: with `FiLMContext` the scale is ``1 + W_γ φ`` (a context of zero leaves the network as it is), and all norm
    layers are modulated unless layers are named; the paper modulates one.

    Args:
        network: takes inputs and a context and has an integer ``context``, the size of φ: `InputContext` (φ joins the
            input), `FiLMContext` (φ scales and shifts channels), or a module of your own. A copy of it is meta-trained.
        inner_lr: α.
        inner_steps: T in meta-training.
        test_steps: T in eval mode; as in training by default.
        first_order: treat the inner gradient as a constant (a surrogate gradient).
        norm: "support" or "batch" (transductive), see `MAML`.
        likelihood: of the outputs.

    Raises:
        LearnerError: the network takes no context, or a negative step size or number of steps.
        ShapeError: (at adaptation) fewer outputs than ways.

    >>> import torch
    >>> from quickstudy.nn.context import InputContext
    >>> from quickstudy.nn.mlp import MLP
    >>> learner = CAVIA(InputContext(MLP(2 + 4, outputs=3), context=4))
    >>> predictor = learner(Examples.of(torch.eye(2), torch.tensor([0, 1])))
    >>> predictor(torch.eye(2)).shape, predictor.state.values.shape
    (torch.Size([2, 2]), torch.Size([4]))
    """

    facts = Facts(label_order=True, norm="support", unexportable_adaptation=INNER_GRADIENTS)

    def __init__(
        self,
        network: ContextNetwork,
        *,
        inner_lr: float = 1.0,
        inner_steps: int = 1,
        test_steps: int | None = None,
        first_order: bool = False,
        norm: NormPolicy = "support",
        likelihood: Likelihood = Categorical(),  # noqa: B008  a frozen record
    ) -> None:
        super().__init__()
        if not isinstance(network, nn.Module) or not isinstance(getattr(network, "context", None), int) or network.context < 1:
            raise LearnerError(
                f"a {type(network).__name__} takes no context. Wrap it: CAVIA(nn.InputContext(network, 5)) or "
                "CAVIA(nn.FiLMContext(network, 100))."
            )
        if inner_steps < 0 or (test_steps or 0) < 0 or not inner_lr >= 0:
            raise LearnerError("inner_lr, inner_steps and test_steps must be 0 or more.")
        self.network = norms.convert(network)
        self.context, self.inner_lr, self.inner_steps = network.context, inner_lr, inner_steps
        self.test_steps = inner_steps if test_steps is None else test_steps
        self.first_order, self.norm, self.likelihood = first_order, norm, likelihood
        self.facts = replace(
            self.facts, transductive=norm == "batch", norm=norm, gradient="surrogate" if first_order else "exact"
        )

    def adapt(self, support: Examples) -> Context:
        present = self.likelihood.present(support.y, support.mask)

        def loss(found: Weights) -> Tensor:
            with norms.counting(support.mask):
                outputs = self.network(support.x, found["context"])
            return self.likelihood.nll(self.likelihood.restrict(outputs, present), support.y, support.mask)

        start = {"context": support.mask.new_zeros(self.context)}
        steps = self.inner_steps if self.training else self.test_steps
        values = descend(loss, start, rule=SGD(self.inner_lr), steps=steps, first_order=self.first_order)["context"]
        return Context(values, self._statistics(support, values), present)

    def _statistics(self, support: Examples, values: Tensor) -> norms.Statistics:
        """Of the support set under the adapted context, where queries are to be normalised by them."""
        if self.norm != "support" or not any(isinstance(part, norms.BatchNorm) for part in self.network.modules()):
            return {}
        with norms.recording(support.mask) as kept:
            self.network(support.x, values)
        return kept

    def predict(self, state: Context, x: Inputs) -> Tensor:
        if not state.statistics:
            return self.likelihood.restrict(self.network(x, state.values), state.present)
        with norms.replaying(state.statistics):
            return self.likelihood.restrict(self.network(x, state.values), state.present)
