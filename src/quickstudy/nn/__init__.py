"""Networks, independent of tasks, and what runs them inside an inner loop."""

from quickstudy.nn import backbones, film, norm
from quickstudy.nn.adam_lstm import AdamLSTM
from quickstudy.nn.augmented import Augmented, AugmentedMLP
from quickstudy.nn.backbones.efficientnet_grid import EfficientNetGrid
from quickstudy.nn.backbones.efficientnet_lite import EfficientNetLite0
from quickstudy.nn.backbones.efficientnet_maps import EfficientNetMaps
from quickstudy.nn.backbones.item_set import ItemSet
from quickstudy.nn.backbones.pretrained import Pretrained
from quickstudy.nn.backbones.resnet12 import ResNet12
from quickstudy.nn.backbones.token_transformer import TokenTransformer
from quickstudy.nn.backbones.word_states import WordStates
from quickstudy.nn.beside_inputs import BesideInputs
from quickstudy.nn.box_vectors import BoxVectors
from quickstudy.nn.calendar import Calendar
from quickstudy.nn.chained import Chained
from quickstudy.nn.column_kernels import LaplaceKernel, LinearKernel
from quickstudy.nn.context import FiLMContext, InputContext
from quickstudy.nn.contrast import Contrast, Squares
from quickstudy.nn.conv4 import Conv4
from quickstudy.nn.coordinate_lstm import CoordinateLSTM
from quickstudy.nn.cross_fitted import CrossFitted
from quickstudy.nn.exact_norm import ExactBatchNorm2d
from quickstudy.nn.feature_map import LinearMap, Whitening
from quickstudy.nn.feature_scales import FeatureScales
from quickstudy.nn.feature_weights import FeatureWeights
from quickstudy.nn.film import FiLM, ScaledFiLM
from quickstudy.nn.forest import Forest
from quickstudy.nn.frozen import Frozen
from quickstudy.nn.full_context import QueryContext, SupportContext
from quickstudy.nn.gated_descent import GatedDescent
from quickstudy.nn.kernels import CosineKernel, MixtureKernel, RBFKernel, TanimotoKernel
from quickstudy.nn.leaf import Leaf
from quickstudy.nn.learned_rule import LearnedRule
from quickstudy.nn.lrua import LRUA
from quickstudy.nn.meta_dropout import MetaDropout
from quickstudy.nn.mirrored import Mirrored
from quickstudy.nn.mixing import Mixing
from quickstudy.nn.mlp import MLP
from quickstudy.nn.named_weights import NamedWeights
from quickstudy.nn.ntm import NTM
from quickstudy.nn.point import Point
from quickstudy.nn.principal_map import PrincipalMap
from quickstudy.nn.rank_gaussian import RankGaussian
from quickstudy.nn.recurrent import FeedForward, LSTMCell
from quickstudy.nn.relation import Conv4Maps, Relation
from quickstudy.nn.renormed import NormedByExample, Settled
from quickstudy.nn.rule_optimizer import RuleOptimizer
from quickstudy.nn.running_mean import RunningMean
from quickstudy.nn.self_attention import SelfAttention
from quickstudy.nn.set_encoder import PairEncoder, SetEncoder
from quickstudy.nn.shared import Shared
from quickstudy.nn.side_by_side import ColumnRange, SideBySide
from quickstudy.nn.snail import CausalNet
from quickstudy.nn.standard_scores import StandardScores
from quickstudy.nn.standardised import Standardised, UnitLength
from quickstudy.nn.variational import GaussianCode, GaussianWeights
from quickstudy.nn.weighted_blocks import WeightedBlocks
from quickstudy.nn.with_inputs import WithInputs
from quickstudy.nn.written import WrittenFiLM, WrittenHead, WrittenInTurn, WrittenLowRank, WrittenNetwork

__all__ = [
    "LRUA",
    "MLP",
    "NTM",
    "AdamLSTM",
    "Augmented",
    "AugmentedMLP",
    "BesideInputs",
    "BoxVectors",
    "Calendar",
    "CausalNet",
    "Chained",
    "ColumnRange",
    "Contrast",
    "Conv4",
    "Conv4Maps",
    "CoordinateLSTM",
    "CosineKernel",
    "CrossFitted",
    "EfficientNetGrid",
    "EfficientNetLite0",
    "EfficientNetMaps",
    "ExactBatchNorm2d",
    "FeatureScales",
    "FeatureWeights",
    "FeedForward",
    "FiLM",
    "FiLMContext",
    "Forest",
    "Frozen",
    "GatedDescent",
    "GaussianCode",
    "GaussianWeights",
    "InputContext",
    "ItemSet",
    "LSTMCell",
    "LaplaceKernel",
    "Leaf",
    "LearnedRule",
    "LinearKernel",
    "LinearMap",
    "MetaDropout",
    "Mirrored",
    "Mixing",
    "MixtureKernel",
    "NamedWeights",
    "NormedByExample",
    "PairEncoder",
    "Point",
    "Pretrained",
    "PrincipalMap",
    "QueryContext",
    "RBFKernel",
    "RankGaussian",
    "Relation",
    "ResNet12",
    "RuleOptimizer",
    "RunningMean",
    "ScaledFiLM",
    "SelfAttention",
    "SetEncoder",
    "Settled",
    "Shared",
    "SideBySide",
    "Squares",
    "StandardScores",
    "Standardised",
    "SupportContext",
    "TanimotoKernel",
    "TokenTransformer",
    "UnitLength",
    "WeightedBlocks",
    "Whitening",
    "WithInputs",
    "WordStates",
    "WrittenFiLM",
    "WrittenHead",
    "WrittenInTurn",
    "WrittenLowRank",
    "WrittenNetwork",
    "backbones",
    "film",
    "norm",
]
