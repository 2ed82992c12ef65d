"""Cases of the metric learners."""

from functools import partial

from contract.cases.ground import INPUTS, Case, built, encoder, few
from quickstudy import functional, learners
from quickstudy.nn import MLP

CASES: dict[str, Case] = {
    "MahalanobisProtoNet": Case(partial(built, learners.MahalanobisProtoNet, encoder), few),
    "MahalanobisProtoNet, more examples than features": Case(
        partial(built, learners.MahalanobisProtoNet, partial(MLP, INPUTS, (24, 4))), partial(few, (2, 6), (2, 5))
    ),
    "ProtoNet": Case(partial(built, learners.ProtoNet, encoder), few),
    "ProtoNet, running norm": Case(partial(built, learners.ProtoNet, partial(MLP, INPUTS, (24, 16), norm=True)), few),
    "ProtoNet, cosine": Case(
        partial(built, learners.ProtoNet, encoder, distance=functional.cosine_distance, scale=10.0, learn_scale=True), few
    ),
    "ProtoNet, varying sizes": Case(partial(built, learners.ProtoNet, encoder), partial(few, (1, 5), (2, 6))),
}
