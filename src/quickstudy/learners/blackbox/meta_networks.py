"""Meta Networks: fast weights are generated from the gradients of single examples, kept by key, and read by attention.

Source: Munkhdalai & Yu, 2017, Meta networks.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from quickstudy.functional.distances import cosine_distance
from quickstudy.functional.tree import map_leaves
from quickstudy.functional.unroll import Weights
from quickstudy.learner import INNER_GRADIENTS, Facts, Learner
from quickstudy.likelihood import ABSENT
from quickstudy.nn.augmented import Augmented, CoordinateMLP
from quickstudy.nn.coordinate_lstm import CoordinateLSTM
from quickstudy.nn.fast import call
from quickstudy.task import Examples, Inputs

__all__ = ["KeyedWeights", "MetaNetworks"]


class KeyedWeights(NamedTuple):
    """What is remembered of a support set: keys (S, K) and the fast weights under them (S, …), the fast weights Q* of the
    key network, which rows are real (S,) and which classes are present (N,)."""

    keys: Tensor
    weights: Weights
    key_weights: Weights
    mask: Tensor
    present: Tensor


class MetaNetworks(Learner[KeyedWeights]):
    """Two networks with slow and fast weights side by side: u gives keys, b classifies.

        ``Q* = d(∇_Q L(u(Q, x_1)), …, ∇_Q L(u(Q, x_S)))``,    d a recurrent network that reads one gradient after another
        ``W*_s = m(∇_W L(b(W, x_s)))``,    kept under the key    ``r_s = u(Q, Q*, x_s)``
        ``W*(x) = Σ_s a_s W*_s``,    ``a = softmax_s cos(r(x), r_s)``,    ``p(n | x) = b(W, W*(x), x)``

    L is the cross-entropy of one example; m and d work on each coordinate of a gradient alone, with the same weights for all
    of them. Every layer adds its slow and its fast side, see `quickstudy.nn.augmented`. The outer gradient is exact: it goes
    through the gradients that m and d read, which the authors' code takes as constants.

    Deviations: an encoder with slow weights alone may stand below both networks (`torch.nn.Identity()` leaves it out); m and
    d are shared by layers of all kinds; d reads all examples, one by one, where the paper draws a few.

    Args:
        encoder: any network from inputs to features, shared by all tasks.
        base: b, with at least as many outputs as the tasks have ways.
        keys: u; its last block scores classes for L, what this block is given is the key.
        hidden: units of m and d.

    Raises:
        ShapeError: (at adaptation) fewer outputs of b or u than ways.

    >>> from quickstudy.nn.augmented import AugmentedMLP
    >>> learner = MetaNetworks(nn.Flatten(), AugmentedMLP(4, outputs=3), AugmentedMLP(4, outputs=3))
    >>> learner(Examples.of(torch.eye(4), torch.tensor([0, 1, 2, 2])))(torch.zeros(7, 4)).shape
    torch.Size([7, 3])
    """

    facts = Facts(ordered=True, label_order=True, norm="running", unexportable_adaptation=INNER_GRADIENTS)

    def __init__(self, encoder: nn.Module, base: Augmented, keys: Augmented, *, hidden: int = 20) -> None:
        super().__init__()
        self.encoder, self.base, self.keys = encoder, base, keys
        self.by_example = CoordinateMLP(hidden)
        self.by_task = CoordinateLSTM(hidden, layers=1, p=7.0)
        self.by_task.head.reset_parameters()  # from zero, relu(W* h) = 0 would never move

    def encode(self, x: Inputs) -> Inputs:
        return self.encoder(x)

    def adapt(self, support: Examples) -> KeyedWeights:
        present = self.likelihood.present(support.y, support.mask)
        key_weights = self._read(self._gradients(self.keys, support, present), support.mask)
        weights = self.by_example(self._gradients(self.base, support, present))
        return KeyedWeights(self.keys.features(support.x, key_weights), weights, key_weights, support.mask, present)

    def predict(self, state: KeyedWeights, x: Inputs) -> Tensor:
        likeness = 1 - cosine_distance(self.keys.features(x, state.key_weights), state.keys)
        attention_QS = torch.where(state.mask > 0, likeness, ABSENT).softmax(-1)
        fast = {name: torch.tensordot(attention_QS, w, 1) for name, w in state.weights.items()}

        def one(row: Inputs, weights: Weights) -> Tensor:
            return self.base(_alone(row), weights)[0]  # type: ignore[no-any-return]

        outputs = torch.func.vmap(one, randomness="different")(x, fast)
        return self.likelihood.restrict(outputs, state.present)

    def _gradients(self, network: Augmented, support: Examples, present: Tensor) -> Weights:
        """Gradients of every example's own loss by the slow weights, (S, …) each."""

        def one(row: Inputs, y: Tensor) -> Weights:
            def loss(weights: Weights) -> Tensor:
                outputs = self.likelihood.restrict(call(network, weights, _alone(row)), present)
                return self.likelihood.each(outputs, y[None])[0]

            found: Weights = torch.func.grad(loss)(network.slow)
            return found

        gradients: Weights = torch.func.vmap(one, randomness="different")(support.x, support.y)
        return gradients

    def _read(self, gradients: Weights, mask: Tensor) -> Weights:
        """Q*, what d says after the last real gradient."""
        memory, said = self.by_task.init(self.keys.slow), {name: torch.zeros_like(w) for name, w in self.keys.slow.items()}
        for row, real in enumerate(mask.unbind(0)):
            step, after = self.by_task({name: g[row] for name, g in gradients.items()}, memory)
            memory, said = map_leaves(lambda new, old, real=real: torch.where(real > 0, new, old), (after, step), (memory, said))
        return said


def _alone(row: Inputs) -> Inputs:
    return map_leaves(lambda leaf: leaf[None], row)
