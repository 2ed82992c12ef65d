"""Running a network with other weights than its own, and with a stated norm policy: what every inner loop does."""

from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from quickstudy.functional.unroll import Weights
from quickstudy.likelihood import Likelihood
from quickstudy.nn import norm
from quickstudy.task import Examples, Inputs

__all__ = ["FastWeights", "NormPolicy", "apply", "remember", "support_loss", "weights_of"]

NormPolicy = Literal["support", "batch"]
"""Where a network inside `adapt` takes its query's norm statistics: from the support set, or from the query batch itself."""


class FastWeights(NamedTuple):
    """What is remembered of a support set: adapted weights, norm statistics (if any), classes present (N,)."""

    weights: Weights
    statistics: norm.Statistics
    present: Tensor


def weights_of(network: nn.Module) -> Weights:
    """The weights that adapt: all that require a gradient, by name."""
    return {name: weight for name, weight in network.named_parameters() if weight.requires_grad}


def apply(network: nn.Module, weights: Weights, x: Inputs, statistics: norm.Statistics | None = None) -> Tensor:
    """``network`` at ``weights``; norms use ``statistics`` if there are any, else those of the rows given."""
    if statistics:
        with norm.replaying(statistics):
            return torch.func.functional_call(network, weights, (x,))  # type: ignore[no-any-return]
    return torch.func.functional_call(network, weights, (x,))  # type: ignore[no-any-return]


def support_loss(
    network: nn.Module, weights: Weights, examples: Examples, likelihood: Likelihood, present: Tensor
) -> Tensor:
    """The mean loss of ``network`` at ``weights`` on real rows; padding counts neither in the loss nor in the norms."""
    with norm.recording(examples.mask):
        outputs = torch.func.functional_call(network, weights, (examples.x,))
    return likelihood.nll(likelihood.restrict(outputs, present), examples.y, examples.mask)


def remember(
    network: nn.Module, weights: Weights, support: Examples, policy: NormPolicy, present: Tensor
) -> FastWeights:
    """The state after adaptation: under the support policy with the support set's norm statistics under ``weights``."""
    kept: norm.Statistics = {}
    if policy == "support" and any(isinstance(part, norm.BatchNorm) for part in network.modules()):
        with norm.recording(support.mask) as kept:
            torch.func.functional_call(network, weights, (support.x,))
    return FastWeights(weights, kept, present)
