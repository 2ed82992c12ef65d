"""The optimization-based learners under the equal budget."""

import torch

from quickstudy.functional.implicit import ConjugateGradients
from quickstudy.functional.unroll import SGD, Adam
from quickstudy.learners.optimization.anil import ANIL
from quickstudy.learners.optimization.boil import BOIL
from quickstudy.learners.optimization.cavia import CAVIA
from quickstudy.learners.optimization.imaml import IMAML
from quickstudy.learners.optimization.maml import MAML
from quickstudy.learners.optimization.maml_plus_plus import Improvements, MAMLPlusPlus
from quickstudy.learners.optimization.meta_curvature import MetaCurvature
from quickstudy.learners.optimization.meta_lstm import MetaLSTM
from quickstudy.learners.optimization.meta_sgd import MetaSGD
from quickstudy.learners.optimization.proto_maml import ProtoMAML
from quickstudy.learners.optimization.reptile import Reptile
from quickstudy.nn.context import FiLMContext
from quickstudy.nn.gated_descent import GatedDescent
from quickstudy.nn.mlp import MLP
from quickstudy.recipes.equal_budget.budget import Budget
from quickstudy.recipes.recipe import Recipe

__all__ = [
    "anil",
    "boil",
    "cavia",
    "first_order_maml",
    "imaml",
    "maml",
    "maml_plus_plus",
    "meta_curvature",
    "meta_lstm",
    "meta_sgd",
    "proto_maml",
    "reptile",
]


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


def cavia(budget: Budget) -> Recipe:
    """CAVIA: a hundred numbers adapt, which scale and shift channels."""
    network = FiLMContext(budget.network(), context=100)
    return budget.on_tasks(CAVIA(network, inner_lr=10.0, inner_steps=2), 4e-3)


def meta_sgd(budget: Budget) -> Recipe:
    """Meta-SGD: a learned step size for every weight."""
    return budget.on_tasks(MetaSGD(budget.network(), inner_lr=0.4), 4e-3)


def meta_curvature(budget: Budget) -> Recipe:
    """Meta-Curvature: inner gradients are transformed by learned matrices."""
    return budget.on_tasks(MetaCurvature(budget.network(), inner_lr=0.4), 4e-3)


def proto_maml(budget: Budget) -> Recipe:
    """Proto-MAML: a head made of prototypes, then inner steps."""
    return budget.on_tasks(ProtoMAML(budget.encoder(), inner_lr=0.1, inner_steps=1, test_steps=3), 4e-3)


def maml_plus_plus(budget: Budget) -> Recipe:
    """MAML++ with two inner steps; norms by the support set, as for MAML."""
    improvements = Improvements(step_statistics=False)
    return budget.on_tasks(MAMLPlusPlus(budget.network(), improvements=improvements, inner_lr=0.4, inner_steps=2), 4e-3)


def imaml(budget: Budget) -> Recipe:
    """Implicit MAML, its inner problem solved by five steps, its gradient by two of conjugate gradients."""
    learner = IMAML(budget.network(), strength=0.5, rule=SGD(0.4), inner_steps=5, solver=ConjugateGradients(2))
    return budget.on_tasks(learner, 4e-3)


def meta_lstm(budget: Budget) -> Recipe:
    """An LSTM gates each weight's gradient; four steps."""
    return budget.on_tasks(MetaLSTM(budget.network(), GatedDescent(input_bias=(-1.0, 0.0)), inner_steps=4), 3e-3)


def reptile(budget: Budget) -> Recipe:
    """Reptile, by plain SGD of step size 1, annealed to 0, as published."""
    learner = Reptile(budget.network(), rule=Adam(3e-3, betas=(0.0, 0.999)), inner_steps=5, inner_batch=10, test_steps=20)
    optimizer = torch.optim.SGD(learner.parameters(), 1.0)
    return budget.by(learner, optimizer, torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, total_iters=budget.steps))
