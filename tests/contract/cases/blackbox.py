"""Cases of the black-box learners."""

from functools import partial
from typing import Any

import torch
from torch import nn

from contract.cases.ground import INPUTS, Case, built, encoder, few, wave
from quickstudy import learners, tasks
from quickstudy.checks import Training
from quickstudy.learner import Learner
from quickstudy.likelihood import Gaussian
from quickstudy.nn import (
    MLP,
    AugmentedMLP,
    Conv4,
    NormedByExample,
    PairEncoder,
    SetEncoder,
    Settled,
    WrittenFiLM,
    WrittenHead,
    WrittenInTurn,
    WrittenLowRank,
    WrittenNetwork,
)


def weights() -> nn.Module:
    return MLP(16, (24,), outputs=16)


def bias() -> nn.Module:
    return MLP(16, (24,), outputs=1)


def head() -> WrittenHead:
    return WrittenHead(weights(), bias())


def reader() -> SetEncoder:
    return SetEncoder(MLP(INPUTS, (16,)), nn.Linear(16, 8))


def film_and_head() -> WrittenInTurn:
    return WrittenInTurn(WrittenFiLM(MLP(INPUTS, (24, 16), norm=True), reader(), code=8), head())


def low_rank_and_head() -> WrittenInTurn:
    return WrittenInTurn(WrittenLowRank(MLP(INPUTS, (24, 16)), reader(), code=8), head())


def classifier() -> WrittenNetwork:
    return WrittenNetwork(MLP(INPUTS, (16,), outputs=3), PairEncoder(MLP(INPUTS + 3, (32,), outputs=16)), code=16)


def curve() -> WrittenNetwork:
    return WrittenNetwork(wave(), PairEncoder(MLP(2, (32,), outputs=32)), code=32)


def values(body: WrittenNetwork) -> Learner[Any]:
    return learners.HyperNetwork(nn.Identity(), body, likelihood=Gaussian())


def adapted() -> nn.Module:
    return MLP(INPUTS, (24, 16), norm=True)


def settled() -> nn.Module:
    """A pre-trained, frozen network, as in the papers."""
    network = MLP(INPUTS, (24, 16), norm=True)
    network(2 * torch.randn(200, INPUTS))
    return Settled(network).requires_grad_(False)


def pictured() -> nn.Module:
    """Its last two batch norms see single pixels."""
    return nn.Sequential(nn.Unflatten(1, (1, 4, 4)), NormedByExample(Conv4(hidden=6, strided=True)))


def fast() -> AugmentedMLP:
    return AugmentedMLP(16, (12,), outputs=3)


CASES: dict[str, Case] = {
    "HyperNetwork": Case(partial(built, learners.HyperNetwork, encoder, head), partial(few, (1, 4), (2, 4))),
    "HyperNetwork, FiLM and head": Case(partial(built, learners.HyperNetwork, nn.Identity, film_and_head), few),
    "HyperNetwork, low rank and head": Case(partial(built, learners.HyperNetwork, nn.Identity, low_rank_and_head), few),
    "HyperNetwork, whole classifier": Case(partial(built, learners.HyperNetwork, nn.Identity, classifier), few, Training(300)),
    "HyperNetwork, whole network for values": Case(partial(built, values, curve), tasks.Sinusoid, Training(200, lr=0.003)),
    "MetaNetworks": Case(partial(built, learners.MetaNetworks, encoder, fast, fast, hidden=6), few, Training(150)),
    "CNAPs": Case(partial(built, learners.CNAPs, adapted, reader, weights, bias, code=8), partial(few, (2, 4), (2, 4))),
    "SimpleCNAPs": Case(partial(built, learners.SimpleCNAPs, adapted, reader, code=8), partial(few, (2, 4), (2, 4))),
    "SimpleCNAPs, settled norms": Case(partial(built, learners.SimpleCNAPs, settled, reader, code=8), few),
    "SimpleCNAPs, images, norm by example": Case(partial(built, learners.SimpleCNAPs, pictured, reader, code=8), few),
    "LEO": Case(
        partial(built, learners.LEO, encoder, features=16, latent=16, steps=2, tuning_steps=2), few, Training(200, lr=0.003)
    ),
}
