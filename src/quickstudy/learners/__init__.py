"""Learners, by the approaches of the field; every class is also here under its own name."""

from quickstudy.learners import (
    baselines,
    bayesian,
    blackbox,
    closed_form,
    forecast,
    memory,
    metric,
    optimization,
    process,
    wrappers,
)
from quickstudy.learners.baselines.fine_tune import FineTune
from quickstudy.learners.baselines.from_scratch import FromScratch
from quickstudy.learners.baselines.logistic_regression import LogisticRegression
from quickstudy.learners.baselines.nearest_centroid import NearestCentroid
from quickstudy.learners.baselines.nearest_neighbours import NearestNeighbours
from quickstudy.learners.bayesian.alpaca import ALPaCA
from quickstudy.learners.bayesian.corrected_gaussian import CorrectedGaussian
from quickstudy.learners.bayesian.deep_kernel_transfer import DeepKernelTransfer
from quickstudy.learners.bayesian.logistic_mixture import BayesianLogisticRegression
from quickstudy.learners.blackbox.cnaps import CNAPs
from quickstudy.learners.blackbox.hypernetwork import HyperNetwork
from quickstudy.learners.blackbox.leo import LEO, LEOPenalties
from quickstudy.learners.blackbox.meta_networks import MetaNetworks
from quickstudy.learners.blackbox.simple_cnaps import SimpleCNAPs
from quickstudy.learners.closed_form.gated_heads import GatedHeads
from quickstudy.learners.closed_form.kernel_ridge import KernelRidge
from quickstudy.learners.closed_form.logistic_by_shots import LogisticByShots
from quickstudy.learners.closed_form.lrd2 import LRD2
from quickstudy.learners.closed_form.r2d2 import R2D2
from quickstudy.learners.forecast.attention_forecaster import AttentionForecaster
from quickstudy.learners.forecast.averaged_forecasts import AveragedForecasts
from quickstudy.learners.forecast.exponential_smoothing import ExponentialSmoothing
from quickstudy.learners.forecast.fitted_smoothing import FittedSmoothing
from quickstudy.learners.memory.mann import MANN
from quickstudy.learners.memory.ntm import NeuralTuringMachine
from quickstudy.learners.memory.sequence_transducer import SequenceTransducer
from quickstudy.learners.memory.snail import SNAIL
from quickstudy.learners.metric.edit_rule_ranker import EditRuleRanker
from quickstudy.learners.metric.evidence import EvidenceNet
from quickstudy.learners.metric.feat import FEAT
from quickstudy.learners.metric.mahalanobis import MahalanobisProtoNet
from quickstudy.learners.metric.matching import MatchingNet
from quickstudy.learners.metric.personal_ranker import PersonalRanker
from quickstudy.learners.metric.proto import ProtoNet
from quickstudy.learners.metric.relation import RelationNet
from quickstudy.learners.metric.siamese import SiameseNet
from quickstudy.learners.metric.simple_shot import SimpleShot
from quickstudy.learners.metric.translation_ranker import TranslationRanker
from quickstudy.learners.optimization.anil import ANIL
from quickstudy.learners.optimization.boil import BOIL
from quickstudy.learners.optimization.cavia import CAVIA
from quickstudy.learners.optimization.imaml import IMAML
from quickstudy.learners.optimization.learned_optimizer import LearnedOptimizer
from quickstudy.learners.optimization.maml import MAML
from quickstudy.learners.optimization.maml_plus_plus import Improvements, MAMLPlusPlus
from quickstudy.learners.optimization.meta_curvature import MetaCurvature
from quickstudy.learners.optimization.meta_lstm import MetaLSTM
from quickstudy.learners.optimization.meta_sgd import MetaSGD
from quickstudy.learners.optimization.policy_maml import PolicyMAML
from quickstudy.learners.optimization.proto_maml import ProtoMAML
from quickstudy.learners.optimization.reptile import Reptile
from quickstudy.learners.process.attentive_process import AttentiveProcess
from quickstudy.learners.process.conditional_neural_process import ConditionalNeuralProcess
from quickstudy.learners.wrappers.abstract_transitions import AbstractTransitions
from quickstudy.learners.wrappers.first_order_warm_up import FirstOrderWarmUp
from quickstudy.learners.wrappers.meta_regularised import Coded, MetaRegularised
from quickstudy.learners.wrappers.on_features import OnFeatures
from quickstudy.learners.wrappers.on_maps import OnMaps
from quickstudy.learners.wrappers.on_words import OnWords
from quickstudy.learners.wrappers.own_scale import OwnScale
from quickstudy.learners.wrappers.scaled_targets import ScaledTargets

__all__ = [
    "ANIL",
    "BOIL",
    "CAVIA",
    "FEAT",
    "IMAML",
    "LEO",
    "LRD2",
    "MAML",
    "MANN",
    "R2D2",
    "SNAIL",
    "ALPaCA",
    "AbstractTransitions",
    "AttentionForecaster",
    "AttentiveProcess",
    "AveragedForecasts",
    "BayesianLogisticRegression",
    "CNAPs",
    "Coded",
    "ConditionalNeuralProcess",
    "CorrectedGaussian",
    "DeepKernelTransfer",
    "EditRuleRanker",
    "EvidenceNet",
    "ExponentialSmoothing",
    "FineTune",
    "FirstOrderWarmUp",
    "FittedSmoothing",
    "FromScratch",
    "GatedHeads",
    "HyperNetwork",
    "Improvements",
    "KernelRidge",
    "LEOPenalties",
    "LearnedOptimizer",
    "LogisticByShots",
    "LogisticRegression",
    "MAMLPlusPlus",
    "MahalanobisProtoNet",
    "MatchingNet",
    "MetaCurvature",
    "MetaLSTM",
    "MetaNetworks",
    "MetaRegularised",
    "MetaSGD",
    "NearestCentroid",
    "NearestNeighbours",
    "NeuralTuringMachine",
    "OnFeatures",
    "OnMaps",
    "OnWords",
    "OwnScale",
    "PersonalRanker",
    "PolicyMAML",
    "ProtoMAML",
    "ProtoNet",
    "RelationNet",
    "Reptile",
    "ScaledTargets",
    "SequenceTransducer",
    "SiameseNet",
    "SimpleCNAPs",
    "SimpleShot",
    "TranslationRanker",
    "baselines",
    "bayesian",
    "blackbox",
    "closed_form",
    "forecast",
    "memory",
    "metric",
    "optimization",
    "process",
    "wrappers",
]
