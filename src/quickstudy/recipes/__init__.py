"""Meta-training of each learner as a function: data and backbone are arguments, published settings are presets."""

from quickstudy.recipes.anil import anil
from quickstudy.recipes.boil import boil
from quickstudy.recipes.cavia import cavia
from quickstudy.recipes.cnaps import cnaps
from quickstudy.recipes.deep_kernel_transfer import deep_kernel_transfer
from quickstudy.recipes.feat import feat
from quickstudy.recipes.fine_tune import fine_tune
from quickstudy.recipes.gated_heads import gated_heads
from quickstudy.recipes.hypernetwork import hypernetwork
from quickstudy.recipes.imaml import imaml
from quickstudy.recipes.kernel_ridge import kernel_ridge
from quickstudy.recipes.learned_optimizer import learned_optimizer
from quickstudy.recipes.leo import leo
from quickstudy.recipes.logistic_by_shots import logistic_by_shots
from quickstudy.recipes.lrd2 import lrd2
from quickstudy.recipes.mahalanobis_proto import mahalanobis_proto
from quickstudy.recipes.maml import maml
from quickstudy.recipes.maml_plus_plus import maml_plus_plus
from quickstudy.recipes.mann import mann
from quickstudy.recipes.matching import matching
from quickstudy.recipes.meta_curvature import meta_curvature
from quickstudy.recipes.meta_lstm import meta_lstm
from quickstudy.recipes.meta_networks import meta_networks
from quickstudy.recipes.meta_sgd import meta_sgd
from quickstudy.recipes.neural_turing_machine import neural_turing_machine
from quickstudy.recipes.ntm import ntm
from quickstudy.recipes.parts.data import Data
from quickstudy.recipes.parts.flags import recipe
from quickstudy.recipes.parts.outer import Outer
from quickstudy.recipes.parts.problem import Problem, open_problem
from quickstudy.recipes.parts.recipe import Recipe, by_adam
from quickstudy.recipes.parts.sizes import Sizes
from quickstudy.recipes.parts.space import Around, Choice, Linear, Log
from quickstudy.recipes.parts.tasks import Tasks, few_shot, sinusoids
from quickstudy.recipes.proto import proto
from quickstudy.recipes.proto_maml import proto_maml
from quickstudy.recipes.r2d2 import r2d2
from quickstudy.recipes.relation import relation
from quickstudy.recipes.reptile import reptile
from quickstudy.recipes.siamese import siamese
from quickstudy.recipes.simple_cnaps import simple_cnaps
from quickstudy.recipes.simple_shot import simple_shot
from quickstudy.recipes.snail import snail

__all__ = [
    "Around",
    "Choice",
    "Data",
    "Linear",
    "Log",
    "Outer",
    "Problem",
    "Recipe",
    "Sizes",
    "Tasks",
    "anil",
    "boil",
    "by_adam",
    "cavia",
    "cnaps",
    "deep_kernel_transfer",
    "feat",
    "few_shot",
    "fine_tune",
    "gated_heads",
    "hypernetwork",
    "imaml",
    "kernel_ridge",
    "learned_optimizer",
    "leo",
    "logistic_by_shots",
    "lrd2",
    "mahalanobis_proto",
    "maml",
    "maml_plus_plus",
    "mann",
    "matching",
    "meta_curvature",
    "meta_lstm",
    "meta_networks",
    "meta_sgd",
    "neural_turing_machine",
    "ntm",
    "open_problem",
    "proto",
    "proto_maml",
    "r2d2",
    "recipe",
    "relation",
    "reptile",
    "siamese",
    "simple_cnaps",
    "simple_shot",
    "sinusoids",
    "snail",
]
