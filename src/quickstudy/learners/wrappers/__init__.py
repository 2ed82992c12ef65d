"""Learners around another learner, whose meta-training they change."""

from quickstudy.learners.wrappers.first_order_warm_up import FirstOrderWarmUp
from quickstudy.learners.wrappers.meta_regularised import Coded, MetaRegularised

__all__ = ["Coded", "FirstOrderWarmUp", "MetaRegularised"]
