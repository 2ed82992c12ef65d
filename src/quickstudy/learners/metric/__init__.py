"""Metric-based learners: a feature space in which a simple rule on distances classifies."""

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

__all__ = [
    "FEAT",
    "EditRuleRanker",
    "EvidenceNet",
    "MahalanobisProtoNet",
    "MatchingNet",
    "PersonalRanker",
    "ProtoNet",
    "RelationNet",
    "SiameseNet",
    "SimpleShot",
    "TranslationRanker",
]
