"""The black-box learners under the equal budget."""

from quickstudy.learners.blackbox.cnaps import CNAPs
from quickstudy.learners.blackbox.hypernetwork import HyperNetwork
from quickstudy.learners.blackbox.leo import LEO
from quickstudy.learners.blackbox.meta_networks import MetaNetworks
from quickstudy.learners.blackbox.simple_cnaps import SimpleCNAPs
from quickstudy.nn.augmented import AugmentedMLP
from quickstudy.nn.mlp import MLP
from quickstudy.nn.renormed import NormedByExample
from quickstudy.nn.set_encoder import SetEncoder
from quickstudy.nn.standardised import UnitLength
from quickstudy.nn.written import WrittenHead
from quickstudy.recipes.equal_budget.budget import Budget
from quickstudy.recipes.recipe import Recipe

__all__ = ["cnaps", "hyper_network", "leo", "meta_networks", "simple_cnaps"]

_CODE = 32


def hyper_network(budget: Budget) -> Recipe:
    """A linear head is written from each class's mean."""
    encoder = budget.encoder()
    return budget.on_tasks(HyperNetwork(encoder, WrittenHead(*_writers(encoder.features))), 3e-3)


def meta_networks(budget: Budget) -> Recipe:
    """Fast weights, written from gradients, beside slow ones."""
    encoder = budget.encoder()
    base, keys = (AugmentedMLP(encoder.features, (32,), outputs=budget.ways) for _ in range(2))
    return budget.on_tasks(MetaNetworks(encoder, base, keys), 3e-3)


def cnaps(budget: Budget) -> Recipe:
    """FiLM and head are written; all trained together, no pre-training."""
    network = budget.encoder()
    learner = CNAPs(NormedByExample(network), _reader(budget), *_writers(network.features), code=_CODE)
    return budget.on_tasks(learner, 3e-3)


def simple_cnaps(budget: Budget) -> Recipe:
    """FiLM is written, the head is Mahalanobis; all trained together, no pre-training."""
    return budget.on_tasks(SimpleCNAPs(NormedByExample(budget.encoder()), _reader(budget), code=_CODE), 3e-3)


def leo(budget: Budget) -> Recipe:
    """LEO on features: nine tenths of the budget pre-train the encoder, it is frozen for the rest."""
    encoder = UnitLength(budget.pretrained(share=0.9))
    return budget.on_tasks(LEO(encoder, features=budget.hidden, latent=budget.hidden), 1e-2, share=0.1)


def _writers(features: int) -> tuple[MLP, MLP]:
    """Of a class's weights and of its bias."""
    return MLP(features, (64,), outputs=features), MLP(features, (64,), outputs=1)


def _reader(budget: Budget) -> SetEncoder:
    seen = budget.encoder()
    return SetEncoder(NormedByExample(seen), MLP(seen.features, (_CODE,)))
