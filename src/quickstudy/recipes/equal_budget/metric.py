"""The metric learners under the equal budget."""

from quickstudy.learners.metric.mahalanobis import MahalanobisProtoNet
from quickstudy.learners.metric.proto import ProtoNet
from quickstudy.recipes.equal_budget.budget import Budget
from quickstudy.recipes.recipe import Recipe

__all__ = ["mahalanobis_proto_net", "proto_net"]


def proto_net(budget: Budget) -> Recipe:
    """ProtoNet, squared distances."""
    return budget.on_tasks(ProtoNet(budget.encoder()), 4e-3)


def mahalanobis_proto_net(budget: Budget) -> Recipe:
    """Prototypes under each class's own Mahalanobis distance."""
    return budget.on_tasks(MahalanobisProtoNet(budget.encoder()), 4e-3)
