"""Wrappers: learners that wrap another learner and change its meta-training."""

from quickstudy.learners.wrappers.abstract_transitions import AbstractTransitions
from quickstudy.learners.wrappers.first_order_warm_up import FirstOrderWarmUp
from quickstudy.learners.wrappers.meta_regularised import Coded, MetaRegularised
from quickstudy.learners.wrappers.on_features import OnFeatures
from quickstudy.learners.wrappers.on_maps import OnMaps
from quickstudy.learners.wrappers.on_words import OnWords
from quickstudy.learners.wrappers.own_scale import OwnScale
from quickstudy.learners.wrappers.scaled_targets import ScaledTargets

__all__ = [
    "AbstractTransitions",
    "Coded",
    "FirstOrderWarmUp",
    "MetaRegularised",
    "OnFeatures",
    "OnMaps",
    "OnWords",
    "OwnScale",
    "ScaledTargets",
]
