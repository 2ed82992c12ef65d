"""Learners around another learner, whose meta-training they change."""

from quickstudy.learners.around.first_order_warm_up import FirstOrderWarmUp
from quickstudy.learners.around.meta_regularised import Coded, MetaRegularised

__all__ = ["Coded", "FirstOrderWarmUp", "MetaRegularised"]
