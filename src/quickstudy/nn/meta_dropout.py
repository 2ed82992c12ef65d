"""Meta-dropout: noise on hidden features, learned so that weights adapted under it do well on queries without it.

Source: Lee, Nam, Yang & Hwang, 2020, Meta dropout: learning to perturb latent features for generalization.
"""

import copy
import math

import torch
from torch import Tensor, nn

from quickstudy.errors import LearnerError
from quickstudy.functional.unroll import is_inner
from quickstudy.nn.shared import Shared
from quickstudy.storage.blueprint import Recorded
from quickstudy.task import Inputs

__all__ = ["MetaDropout"]


class MetaDropout(Recorded, nn.Module):
    """A layer whose outputs are multiplied by noise that depends on its input.

        ``h = f(x) ⊙ softplus(a)``,    ``a = g(x) + s ε``,  ε ~ N(0, I) in inner steps of meta-training, else ``a = g(x)``

    The layer f adapts as always; the noise network g is `Shared`: no inner loop changes it, and the outer loss of queries
    without noise trains it. It takes effect in learners with an inner loop, put in place of single layers of their network.
    g starts at a constant for which softplus is 1: without noise, the network is the plain one at first.

    Deviations: the paper averages 30 noisy losses in inner steps at meta-test; here there is no noise then, so that
    adapting is repeatable. Its noise on the last layer's outputs is added; leave that layer as it is. Its g starts small
    and random.

    Args:
        layer: f, a linear or a convolution layer; g is a layer of the same kind and size.
        spread: s; 1 in the paper, 0 is no noise.

    Raises:
        LearnerError: another kind of layer, or a negative spread.

    >>> plain, x = nn.Linear(2, 3), torch.ones(1, 2)
    >>> torch.allclose(MetaDropout(plain)(x), plain(x))
    True
    """

    def __init__(self, layer: nn.Module, *, spread: float = 1.0) -> None:
        super().__init__()
        if not isinstance(layer, nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d) or not spread >= 0:
            raise LearnerError(
                f"meta-dropout is for linear and convolution layers with a spread of 0 or more, not for a "
                f"{type(layer).__name__} with {spread}. Wrap the single layers of a network."
            )
        noise = copy.deepcopy(layer)
        with torch.no_grad():
            noise.weight.zero_()
            if noise.bias is None:
                noise.bias = nn.Parameter(noise.weight.new_zeros(noise.weight.shape[0]))
            noise.bias.fill_(math.log(math.e - 1))
        self.layer, self.noise, self.spread = layer, Shared(noise), spread

    def forward(self, x: Inputs) -> Tensor:
        h, a = self.layer(x), self.noise(x)
        if self.training and self.spread and is_inner():
            a = a + self.spread * torch.randn_like(a)
        noisy: Tensor = h * nn.functional.softplus(a)
        return noisy

    def extra_repr(self) -> str:
        return f"spread={self.spread}"
