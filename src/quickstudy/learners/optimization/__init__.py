"""Optimization-based learners: an initialisation, a step or an optimizer is learned."""

from quickstudy.learners.optimization.anil import ANIL
from quickstudy.learners.optimization.boil import BOIL
from quickstudy.learners.optimization.cavia import CAVIA
from quickstudy.learners.optimization.imaml import IMAML
from quickstudy.learners.optimization.learned_optimizer import LearnedOptimizer
from quickstudy.learners.optimization.maml import MAML
from quickstudy.learners.optimization.maml_plus_plus import MAMLPlusPlus
from quickstudy.learners.optimization.meta_curvature import MetaCurvature
from quickstudy.learners.optimization.meta_lstm import MetaLSTM
from quickstudy.learners.optimization.meta_sgd import MetaSGD
from quickstudy.learners.optimization.policy_maml import PolicyMAML
from quickstudy.learners.optimization.proto_maml import ProtoMAML
from quickstudy.learners.optimization.reptile import Reptile

__all__ = [
    "ANIL",
    "BOIL",
    "CAVIA",
    "IMAML",
    "MAML",
    "LearnedOptimizer",
    "MAMLPlusPlus",
    "MetaCurvature",
    "MetaLSTM",
    "MetaSGD",
    "PolicyMAML",
    "ProtoMAML",
    "Reptile",
]
