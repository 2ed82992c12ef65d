"""The metric learners under the equal budget."""

from quickstudy.learners.metric.feat import FEAT
from quickstudy.learners.metric.mahalanobis import MahalanobisProtoNet
from quickstudy.learners.metric.matching import MatchingNet
from quickstudy.learners.metric.proto import ProtoNet
from quickstudy.learners.metric.relation import RelationNet
from quickstudy.learners.metric.siamese import SiameseNet
from quickstudy.learners.metric.simple_shot import SimpleShot
from quickstudy.nn.relation import Conv4Maps, Relation
from quickstudy.nn.self_attention import SelfAttention
from quickstudy.recipes.equal_budget.budget import Budget
from quickstudy.recipes.recipe import Recipe

__all__ = ["feat", "mahalanobis_proto_net", "matching_net", "proto_net", "relation_net", "siamese_net", "simple_shot"]


def proto_net(budget: Budget) -> Recipe:
    """ProtoNet, squared distances."""
    return budget.on_tasks(ProtoNet(budget.encoder()), 4e-3)


def mahalanobis_proto_net(budget: Budget) -> Recipe:
    """Prototypes under each class's own Mahalanobis distance."""
    return budget.on_tasks(MahalanobisProtoNet(budget.encoder()), 4e-3)


def matching_net(budget: Budget) -> Recipe:
    """Cosine attention over the support set, its scale learned."""
    return budget.on_tasks(MatchingNet(budget.encoder(), learn_scale=True), 4e-3)


def siamese_net(budget: Budget) -> Recipe:
    """A Siamese network: whether two images are of one class."""
    encoder = budget.encoder()
    return budget.on_tasks(SiameseNet(encoder, features=encoder.features), 4e-3)


def relation_net(budget: Budget) -> Recipe:
    """A learned comparison of feature maps, for which the backbone must keep maps: pooled, not strided."""
    return budget.on_tasks(RelationNet(Conv4Maps(hidden=budget.hidden), Relation(budget.hidden)), 3e-3)


def feat(budget: Budget) -> Recipe:
    """Prototypes adapted to each other by attention."""
    encoder = budget.encoder()
    attention = SelfAttention(encoder.features, dropout=0.0)
    return budget.on_tasks(FEAT(encoder, attention, temperature=1.0, contrast=0.1, contrast_temperature=1.0), 4e-3)


def simple_shot(budget: Budget) -> Recipe:
    """Pre-training on as many images, then nearest centroids of centred, normalised features."""
    encoder = budget.encoder()
    classes = len(budget.data.train.classes)
    return budget.on_images(SimpleShot(encoder, features=encoder.features, classes=classes), 4e-3)
