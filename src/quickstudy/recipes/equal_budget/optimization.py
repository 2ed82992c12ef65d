"""The optimization-based learners under the equal budget."""

import torch

from quickstudy.functional.unroll import Adam
from quickstudy.learners.optimization.anil import ANIL
from quickstudy.learners.optimization.boil import BOIL
from quickstudy.learners.optimization.maml import MAML
from quickstudy.learners.optimization.meta_curvature import MetaCurvature
from quickstudy.learners.optimization.meta_sgd import MetaSGD
from quickstudy.learners.optimization.proto_maml import ProtoMAML
from quickstudy.learners.optimization.reptile import Reptile
from quickstudy.nn.mlp import MLP
from quickstudy.recipes.equal_budget.budget import Budget
from quickstudy.recipes.recipe import Recipe

__all__ = ["anil", "boil", "first_order_maml", "maml", "meta_curvature", "meta_sgd", "proto_maml", "reptile"]


def maml(budget: Budget) -> Recipe:
    """MAML, one inner step in meta-training, three at meta-test."""
    return budget.on_tasks(MAML(budget.network(), inner_lr=0.4, test_steps=3), 4e-3)


def first_order_maml(budget: Budget) -> Recipe:
    """MAML with inner gradients as constants."""
    return budget.on_tasks(MAML(budget.network(), inner_lr=0.4, test_steps=3, first_order=True), 4e-3)


def anil(budget: Budget) -> Recipe:
    """ANIL: the head alone adapts."""
    encoder = budget.encoder()
    head = MLP(encoder.features, (), outputs=budget.ways)
    return budget.on_tasks(ANIL(encoder, head, inner_lr=0.4, inner_steps=3, test_steps=5), 4e-3)


def boil(budget: Budget) -> Recipe:
    """BOIL: the body alone adapts."""
    body = budget.encoder()
    return budget.on_tasks(BOIL(body, MLP(body.features, (), outputs=budget.ways), inner_lr=0.4, test_steps=3), 4e-3)


def meta_sgd(budget: Budget) -> Recipe:
    """Meta-SGD: a learned step size for every weight."""
    return budget.on_tasks(MetaSGD(budget.network(), inner_lr=0.4), 4e-3)


def meta_curvature(budget: Budget) -> Recipe:
    """Meta-Curvature: inner gradients are transformed by learned matrices."""
    return budget.on_tasks(MetaCurvature(budget.network(), inner_lr=0.4), 4e-3)


def proto_maml(budget: Budget) -> Recipe:
    """Proto-MAML: a head made of prototypes, then inner steps."""
    return budget.on_tasks(ProtoMAML(budget.encoder(), inner_lr=0.1, inner_steps=1, test_steps=3), 4e-3)


def reptile(budget: Budget) -> Recipe:
    """Reptile, by plain SGD of step size 1, annealed to 0, as published."""
    learner = Reptile(budget.network(), rule=Adam(3e-3, betas=(0.0, 0.999)), inner_steps=5, inner_batch=10, test_steps=20)
    optimizer = torch.optim.SGD(learner.parameters(), 1.0)
    return budget.by(learner, optimizer, torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, total_iters=budget.steps))
