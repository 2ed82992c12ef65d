"""Metric-based learners: a feature space in which a simple rule on distances classifies."""

from quickstudy.learners.metric.mahalanobis import MahalanobisProtoNet
from quickstudy.learners.metric.proto import ProtoNet

__all__ = ["MahalanobisProtoNet", "ProtoNet"]
