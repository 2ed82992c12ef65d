"""Learners, by the approaches of the field; every class is also here under its own name."""

from quickstudy.learners import baselines, metric, optimization
from quickstudy.learners.baselines.fine_tune import FineTune
from quickstudy.learners.baselines.from_scratch import FromScratch
from quickstudy.learners.baselines.logistic_regression import LogisticRegression
from quickstudy.learners.baselines.nearest_centroid import NearestCentroid
from quickstudy.learners.baselines.nearest_neighbours import NearestNeighbours
from quickstudy.learners.metric.mahalanobis import MahalanobisProtoNet
from quickstudy.learners.metric.proto import ProtoNet
from quickstudy.learners.optimization.anil import ANIL
from quickstudy.learners.optimization.boil import BOIL
from quickstudy.learners.optimization.cavia import CAVIA
from quickstudy.learners.optimization.maml import MAML
from quickstudy.learners.optimization.meta_curvature import MetaCurvature
from quickstudy.learners.optimization.meta_sgd import MetaSGD
from quickstudy.learners.optimization.proto_maml import ProtoMAML
from quickstudy.learners.optimization.reptile import Reptile

__all__ = [
    "ANIL",
    "BOIL",
    "CAVIA",
    "MAML",
    "FineTune",
    "FromScratch",
    "LogisticRegression",
    "MahalanobisProtoNet",
    "MetaCurvature",
    "MetaSGD",
    "NearestCentroid",
    "NearestNeighbours",
    "ProtoMAML",
    "ProtoNet",
    "Reptile",
    "baselines",
    "metric",
    "optimization",
]
