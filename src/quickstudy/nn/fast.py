"""Running a network with other weights than its own, and with a stated norm policy: what every inner loop does."""

from typing import Any, Literal, NamedTuple

from torch import Tensor, nn

from quickstudy.errors import LearnerError
from quickstudy.functional.unroll import Rule, Weights, descend
from quickstudy.likelihood import Likelihood
from quickstudy.nn import norm
from quickstudy.nn.shared import Shared
from quickstudy.task import Examples, Inputs

__all__ = ["FastWeights", "NormPolicy", "apply", "call", "fit", "statistics_of", "support_loss", "weights_of"]

NormPolicy = Literal["support", "batch"]
"""Where a network inside `adapt` takes its query's norm statistics: from the support set, or from the query batch itself."""


class FastWeights(NamedTuple):
    """What is remembered of a support set: adapted weights, norm statistics (if any), classes present (N,)."""

    weights: Weights
    statistics: norm.Statistics
    present: Tensor


def weights_of(network: nn.Module) -> Weights:
    """The weights that adapt: all that require a gradient, by name, but for those in `Shared` parts."""
    shared = {id(weight) for part in network.modules() if isinstance(part, Shared) for weight in part.parameters()}
    return {name: weight for name, weight in network.named_parameters() if weight.requires_grad and id(weight) not in shared}


def call(network: nn.Module, weights: Weights, x: Inputs) -> Tensor:
    """``network`` at ``weights``; one that a network uses in several places is given by its first name.

    `torch.func.functional_call` does the same by name, one lookup for each, and leaves the other places behind: for a small
    network it takes a tenth of an inner step.

    >>> import torch
    >>> layer = nn.Linear(2, 2, bias=False)
    >>> call(nn.Sequential(layer, layer), {"0.weight": 2 * torch.eye(2)}, torch.ones(1, 2))
    tensor([[4., 4.]])
    """
    names: dict[int, str] = {}
    own: list[tuple[dict[str, Any], str, Tensor]] = []
    try:
        for path, module in network.named_modules():
            for key, weight in module._parameters.items():
                if weight is not None:
                    name = names.setdefault(id(weight), f"{path}.{key}" if path else key)
                    if name in weights:
                        own.append((module._parameters, key, weight))
                        module._parameters[key] = weights[name]
        outputs: Tensor = network(x)
    finally:
        for parameters, key, weight in own:
            parameters[key] = weight
    if not isinstance(outputs, Tensor):
        raise LearnerError(
            f"the network returned a {type(outputs).__name__}, and a learner needs one tensor. Wrap it in a module that returns "
            "the outputs alone."
        )
    return outputs


def apply(network: nn.Module, weights: Weights, x: Inputs, statistics: norm.Statistics | None = None) -> Tensor:
    """``network`` at ``weights``; norms use ``statistics`` if there are any, else those of the rows given."""
    if statistics:
        with norm.replaying(statistics):
            return call(network, weights, x)
    return call(network, weights, x)


def support_loss(network: nn.Module, weights: Weights, examples: Examples, likelihood: Likelihood, present: Tensor) -> Tensor:
    """The mean loss of ``network`` at ``weights`` on real rows; padding counts neither in the loss nor in the norms."""
    with norm.counting(examples.mask):
        outputs = call(network, weights, examples.x)
    return likelihood.nll(likelihood.restrict(outputs, present), examples.y, examples.mask)


def fit(
    network: nn.Module,
    support: Examples,
    likelihood: Likelihood,
    *,
    rule: Rule,
    steps: int,
    policy: NormPolicy = "support",
    first_order: bool = True,
    start: Weights | None = None,
) -> FastWeights:
    """The weights that ``steps`` of ``rule`` on the support loss reach from the network's own, as a state.

    With ``start`` only the weights it names adapt, from the values it gives, and only they are remembered.
    Under the support policy the state keeps the support set's norm statistics under the adapted weights.
    """
    present = likelihood.present(support.y, support.mask)

    def loss(weights: Weights) -> Tensor:
        return support_loss(network, weights, support, likelihood, present)

    weights = descend(loss, weights_of(network) if start is None else start, rule=rule, steps=steps, first_order=first_order)
    return FastWeights(weights, statistics_of(network, weights, support, policy), present)


def statistics_of(network: nn.Module, weights: Weights, support: Examples, policy: NormPolicy) -> norm.Statistics:
    """The support set's norm statistics at ``weights``, which the support policy keeps in the state; else none."""
    kept: norm.Statistics = {}
    if policy == "support" and any(isinstance(part, norm.BatchNorm) for part in network.modules()):
        with norm.recording(support.mask) as kept:
            call(network, weights, support.x)
    return kept
