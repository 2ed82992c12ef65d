"""Every classification learner under the equal budget: one line for each."""

from collections.abc import Callable
from typing import Any

from quickstudy.learner import Learner
from quickstudy.recipes.equal_budget import baselines, blackbox, closed_form, memory, metric, optimization
from quickstudy.recipes.equal_budget.budget import Budget
from quickstudy.recipes.recipe import Recipe

__all__ = ["CONTENDERS", "Contender"]

Contender = Callable[[Budget], Recipe | Learner[Any]]
"""How a learner spends the budget: a recipe, or the learner itself where it needs no meta-training."""

CONTENDERS: dict[str, Contender] = {
    "MAML": optimization.maml,
    "MAML, first order": optimization.first_order_maml,
    "ANIL": optimization.anil,
    "BOIL": optimization.boil,
    "CAVIA": optimization.cavia,
    "MetaSGD": optimization.meta_sgd,
    "MetaCurvature": optimization.meta_curvature,
    "MAMLPlusPlus": optimization.maml_plus_plus,
    "IMAML": optimization.imaml,
    "MetaLSTM": optimization.meta_lstm,
    "ProtoMAML": optimization.proto_maml,
    "Reptile": optimization.reptile,
    "ProtoNet": metric.proto_net,
    "MahalanobisProtoNet": metric.mahalanobis_proto_net,
    "MatchingNet": metric.matching_net,
    "SiameseNet": metric.siamese_net,
    "RelationNet": metric.relation_net,
    "FEAT": metric.feat,
    "SimpleShot": metric.simple_shot,
    "NeuralTuringMachine": memory.neural_turing_machine,
    "MANN": memory.mann,
    "SNAIL": memory.snail,
    "HyperNetwork": blackbox.hyper_network,
    "MetaNetworks": blackbox.meta_networks,
    "CNAPs": blackbox.cnaps,
    "SimpleCNAPs": blackbox.simple_cnaps,
    "LEO": blackbox.leo,
    "R2D2": closed_form.r2d2,
    "LRD2": closed_form.lrd2,
    "FineTune": baselines.fine_tune,
    "FromScratch": baselines.from_scratch,
    "LogisticRegression": baselines.logistic_regression,
    "NearestCentroid": baselines.nearest_centroid,
    "NearestNeighbours": baselines.nearest_neighbours,
}
"""The name begins with the learner's class; after a comma, the variant."""
