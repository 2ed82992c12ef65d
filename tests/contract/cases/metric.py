"""Cases of the metric learners."""

from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from contract.cases.ground import CLASSES, INPUTS, Case, blobs, built, encoder, few, inflected, labelled, translated, utterances
from quickstudy import functional, learners, tasks
from quickstudy.checks import Training
from quickstudy.likelihood import Labels
from quickstudy.nn import MLP, ColumnRange, CrossFitted, QueryContext, Relation, SelfAttention, SideBySide, SupportContext
from quickstudy.task import Task

attention = partial(SelfAttention, 16)


def maps() -> nn.Module:
    return nn.Sequential(nn.Linear(INPUTS, 2 * 25), nn.ReLU(), nn.Unflatten(1, (2, 5, 5)))


def evidence(overlap: float = 0.5) -> learners.EvidenceNet:
    blocks = SideBySide({"signal": nn.Linear(INPUTS, 12), "noise": nn.Linear(INPUTS, 6)})
    weigh = MLP(4 + 2 + 1, (12,), outputs=1)
    return learners.EvidenceNet(blocks, ColumnRange(0, 2), weigh, CrossFitted(INPUTS, 8), prior_steps=20, overlap=overlap)


def two_losses(learner: learners.PersonalRanker, task: Task) -> dict[str, Tensor]:
    """The pooled scorer's gradient of its own loss; the speaker's part of that of the sum, the pooled scores being numbers."""
    x, labels = task.query.x, task.query.labels
    pooled, own = learner.pooled(x), learner.own(learner.adapt(task.support), x)
    losses = cross_entropy(pooled, labels), cross_entropy(pooled.data.clone() + own, labels)
    found = {}
    for name, weight in learner.named_parameters():
        loss = losses[name in ("personal_scale", "sharp", "shrink")]
        found[name] = torch.autograd.grad(loss, weight, retain_graph=True)[0]
    return found


def expectation_held(learner: learners.TranslationRanker, task: Task) -> dict[str, Tensor]:
    """The gradient of the loss of pairs, in which what is expected of a sentence of any language are numbers."""
    sides = []
    for side in (task.support, task.query):
        x = learner.encode(side.x)
        sides.append(side.replace(x | {"expected": x["expected"].data.clone()}))
    support, query = sides
    outputs = learner.predict(learner.adapt(support), query.x)
    names, weights = zip(*learner.named_parameters(), strict=True)
    loss = learner.likelihood.nll(outputs, query.y, query.mask)
    found = torch.autograd.grad(loss, weights, allow_unused=True, materialize_grads=True)
    return dict(zip(names, found, strict=True))


CASES: dict[str, Case] = {
    "MahalanobisProtoNet": Case(partial(built, learners.MahalanobisProtoNet, encoder), few),
    "MahalanobisProtoNet, learned scale": Case(
        partial(built, learners.MahalanobisProtoNet, encoder, scale=2.0, learn_scale=True), few
    ),
    "MahalanobisProtoNet, more examples than features": Case(
        partial(built, learners.MahalanobisProtoNet, partial(MLP, INPUTS, (24, 4))), partial(few, (2, 6), (2, 5))
    ),
    "EvidenceNet": Case(partial(built, evidence), few),
    "EvidenceNet, varying sizes": Case(partial(built, partial(evidence, overlap=0.0)), partial(few, (1, 5), (2, 6))),
    "ProtoNet": Case(partial(built, learners.ProtoNet, encoder), few),
    "ProtoNet, running norm": Case(partial(built, learners.ProtoNet, partial(MLP, INPUTS, (24, 16), norm=True)), few),
    "ProtoNet, cosine": Case(
        partial(built, learners.ProtoNet, encoder, distance=functional.cosine_distance, scale=10.0, learn_scale=True), few
    ),
    "ProtoNet, varying sizes": Case(partial(built, learners.ProtoNet, encoder), partial(few, (1, 5), (2, 6))),
    "ProtoNet, labels": Case(partial(built, learners.ProtoNet, encoder, likelihood=Labels()), labelled),
    "MatchingNet": Case(partial(built, learners.MatchingNet, encoder, learn_scale=True), few),
    "MatchingNet, squared distance": Case(
        partial(built, learners.MatchingNet, encoder, distance=functional.squared_distance, scale=1.0),
        partial(few, (1, 5), (2, 6)),
    ),
    "SiameseNet": Case(partial(built, learners.SiameseNet, encoder, features=16), few),
    "SiameseNet, contrastive": Case(
        partial(built, learners.SiameseNet, encoder, features=16, loss=functional.pair_contrastive), partial(few, (1, 5), (2, 6))
    ),
    "FEAT": Case(partial(built, learners.FEAT, encoder, attention, temperature=4.0, contrast_temperature=4.0), few),
    "FEAT, two heads": Case(
        partial(built, learners.FEAT, encoder, partial(SelfAttention, 16, heads=2, dropout=0.0), temperature=4.0, contrast=0.0),
        partial(few, (1, 5), (2, 6)),
    ),
    "EditRuleRanker": Case(
        partial(built, learners.EditRuleRanker, width=8, kernels=2), inflected, Training(steps=40, batch=4, lr=0.01, tasks=40)
    ),
    "PersonalRanker": Case(
        partial(built, learners.PersonalRanker, features=8, width=6, dropout=0.0),
        utterances,
        Training(steps=60, batch=8, lr=0.01, tasks=60),
        two_losses,
    ),
    "RelationNet": Case(partial(built, learners.RelationNet, maps, partial(Relation, 2)), few),
    "RelationNet, cross-entropy": Case(
        partial(built, learners.RelationNet, maps, partial(Relation, 2), loss=functional.pair_cross_entropy),
        partial(few, (1, 5), (2, 6)),
    ),
    "MatchingNet, full context": Case(
        partial(built, learners.MatchingNet, encoder, partial(SupportContext, 16), partial(QueryContext, 16, steps=3)), few
    ),
    "TranslationRanker": Case(
        partial(built, learners.TranslationRanker, width=32, buckets=256, counted=256),
        translated,
        Training(steps=30, batch=4, lr=0.02, tasks=40),
        expectation_held,
    ),
    "SimpleShot": Case(
        partial(built, learners.SimpleShot, encoder, features=16, classes=CLASSES),
        few,
        Training(steps=80, batch=1, lr=0.003, tasks=40, source=tasks.Supervised(blobs(), 64)),
    ),
}
