"""SNAIL: a causal network of temporal convolutions and attention reads the support set as a sequence that ends in the query.

Source: Mishra, Rohaninejad, Chen & Abbeel, 2018, A simple neural attentive meta-learner.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from quickstudy.learner import Facts, Learner
from quickstudy.likelihood import Categorical, Likelihood
from quickstudy.nn.recurrent import wide_labels
from quickstudy.nn.snail import CausalNet
from quickstudy.task import Examples

__all__ = ["SNAIL", "Trace"]


class Trace(NamedTuple):
    """What is remembered: features of the support set's steps (S, width), real ones first, their number, classes present (N,)."""

    features: Tensor
    steps: Tensor
    present: Tensor


class SNAIL(Learner[Trace]):
    """Sequence to label: K·N labelled examples, then a query without a label, whose class is the output of the last step.

        ``outputs(x) = g([f(x_1); y_1], …, [f(x_S); y_S], [f(x); 0])_{S+1}``

    g is causal, so the support set passes through it once; each query is one more step of its own, and queries do not see
    each other. The order of the support set matters, and which class is which column.

    Args:
        encoder: any network from inputs to features (D,).
        network: of D + N inputs and N outputs, built for a length of at least the support set and one.
        likelihood: of the outputs.

    Raises:
        ShapeError: (at adaptation) a network of another size.

    >>> learner = SNAIL(nn.Flatten(), CausalNet(2 + 3, 3, length=6))
    >>> learner(Examples.of(torch.eye(2), torch.tensor([0, 1]), ways=3))(torch.eye(2)).shape
    torch.Size([2, 3])
    """

    facts = Facts(ordered=True, label_order=True, norm="running")

    def __init__(
        self,
        encoder: nn.Module,
        network: CausalNet,
        *,
        likelihood: Likelihood = Categorical(),  # noqa: B008  a frozen record
    ) -> None:
        super().__init__()
        self.encoder, self.network, self.likelihood = encoder, network, likelihood

    def encode(self, x: Tensor) -> Tensor:
        return self.encoder(x).flatten(1)  # type: ignore[no-any-return]

    def adapt(self, support: Examples) -> Trace:
        labels = wide_labels(support, self.network.inputs, self.network.outputs)
        return self._read(torch.cat([support.x, labels], -1), support.mask, self.likelihood.present(support.y, support.mask))

    def update(self, state: Trace, more: Examples) -> Trace:
        """Reads the steps it kept once more, with the new ones behind them."""
        fresh = self.adapt(more)
        kept = [trace.features[:, : self.network.inputs] for trace in (state, fresh)]
        real = [torch.arange(t.features.shape[0], device=more.mask.device) < t.steps for t in (state, fresh)]
        return self._read(torch.cat(kept), torch.cat(real).to(more.mask.dtype), torch.maximum(state.present, fresh.present))

    def _read(self, steps: Tensor, mask: Tensor, present: Tensor) -> Trace:
        real_first = mask.argsort(descending=True, stable=True)
        return Trace(self.network.features(steps[real_first]), mask.sum(), present)

    def predict(self, state: Trace, x: Tensor) -> Tensor:
        asked = torch.cat([x, x.new_zeros(x.shape[0], self.network.outputs)], -1)
        return self.likelihood.restrict(self.network.append(asked, state.features, state.steps), state.present)
