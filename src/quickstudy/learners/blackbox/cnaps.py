"""Conditional neural adaptive processes: a set encoder adapts a network by FiLM and writes a linear head on top of it.

Source: Requeima, Gordon, Bronskill, Nowozin & Turner, 2019, Fast and flexible multi-task classification using conditional
neural adaptive processes.
"""

from dataclasses import replace
from typing import NamedTuple

from torch import Tensor, nn

from quickstudy.learner import Facts, Learner
from quickstudy.nn.set_encoder import SetEncoder
from quickstudy.nn.written import Body, Rows, WrittenFiLM, WrittenHead
from quickstudy.task import Examples, Inputs

__all__ = ["AdaptedNetwork", "CNAPs"]


class AdaptedNetwork(NamedTuple):
    """What is remembered of a support set: FiLM scales (and norm statistics), a linear head, which classes are present (N,)."""

    body: Body
    head: Rows
    present: Tensor


class CNAPs(Learner[AdaptedNetwork]):
    """One forward pass over the support set adapts all of a network, and no gradient step is taken.

        ``z = ρ(mean_s φ(x_s))``,    ``γ = 1 + r ∘ (W z + b)``,  ``β = s ∘ (V z + d)``    for every norm layer of f
        ``c_n = mean of f(x; γ, β) over class n``,    ``w_n = c_n + h(c_n)``,  ``b_n = g(c_n)``,    ``logit_n = w_n · f + b_n``

    The learned scales r and s start near zero, so that meta-training starts at the network itself (`nn.film.ScaledFiLM`), and
    with h = 0 the weights are the class means (`nn.WrittenHead`), both as in the authors' code.

    Tasks may have any number of ways, and renaming the classes permutes the outputs.

    Deviations: the FiLM generators see the global code z alone (the paper's see codes of the layers below as well) and are
    linear, where the paper's are small residual networks; the prior on r and s is left to the optimizer's weight decay; h and
    g are any networks, the authors' have three layers with ELU. The paper's f is pre-trained and stays as it is: pass it with
    ``requires_grad_(False)``, and with `quickstudy.nn.Settled` where its batch norms are to keep their running averages; a
    network that is trained along normalises by the support set, or by layer or group norms by each example.

    Args:
        network: f, any from inputs to features (D,) with norm layers. A copy of it is used.
        reader: the set encoder of the task, which gives z.
        weights: h, any network from D to D numbers.
        bias: g, any network from D to one number.
        code: numbers in z.

    >>> network = nn.Sequential(nn.Flatten(), nn.Linear(4, 6), nn.LayerNorm(6), nn.ReLU())
    >>> learner = CNAPs(network, SetEncoder(nn.Linear(4, 8)), nn.Linear(6, 6), nn.Linear(6, 1), code=8)
    >>> import torch
    >>> learner(Examples.of(torch.eye(4), torch.tensor([0, 1, 2, 2])))(torch.zeros(5, 4)).shape
    torch.Size([5, 3])
    """

    facts = Facts(norm="none")

    def __init__(self, network: nn.Module, reader: SetEncoder, weights: nn.Module, bias: nn.Module, *, code: int) -> None:
        super().__init__()
        self.body, self.head = WrittenFiLM(network, reader, code=code), WrittenHead(weights, bias)
        self.facts = replace(self.facts, norm=self.body.norm)

    def adapt(self, support: Examples) -> AdaptedNetwork:
        body = self.body.write(support)
        head = self.head.write(support.replace(self.body(body, support.x)))
        return AdaptedNetwork(body, head, self.likelihood.present(support.y, support.mask))

    def predict(self, state: AdaptedNetwork, x: Inputs) -> Tensor:
        return self.likelihood.restrict(self.head(state.head, self.body(state.body, x)), state.present)
