"""Cases of the metric learners."""

from functools import partial

from contract.cases.ground import INPUTS, Case, built, encoder, few
from quickstudy import functional, learners
from quickstudy.nn import MLP

CASES: dict[str, Case] = {
    "ProtoNet": Case(partial(built, learners.ProtoNet, encoder), few),
    "ProtoNet, running norm": Case(partial(built, learners.ProtoNet, partial(MLP, INPUTS, (24, 16), norm=True)), few),
    "ProtoNet, cosine": Case(
        partial(built, learners.ProtoNet, encoder, distance=functional.cosine_distance, scale=10.0, learn_scale=True), few
    ),
    "ProtoNet, varying sizes": Case(partial(built, learners.ProtoNet, encoder), partial(few, (1, 5), (2, 6))),
}
