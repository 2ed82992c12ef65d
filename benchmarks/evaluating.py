"""W4 and W7: evaluating, sampling included.

W4: tasks of frozen 640-d unit features (5 ways, 5 shots, 15 queries) through `evaluate`: nearest centroids, ridge regression,
logistic regression. The floor is batched bare PyTorch: tasks drawn 100 at a time by hand from a table of features, the head for
all of them at once (logistic: 20 steps of Nesterov's method), accuracies; without masks, plans, digests, checks.
W7: images through a shared encoder: `evaluate`, which embeds each image once, against embedding each task's images.

    python benchmarks/evaluating.py --json evaluating.json
"""

from collections.abc import Callable
from typing import Any

import torch
from peers_few_shot import easyfsl_evaluate, easyfsl_tasks
from timing import Row, Variant, arguments, close, report, take_turns
from torch import Tensor, nn

from quickstudy.datasets.arrays import from_arrays
from quickstudy.evaluation.evaluate import evaluate
from quickstudy.learner import Learner
from quickstudy.learners.closed_form.lrd2 import LRD2
from quickstudy.learners.closed_form.r2d2 import R2D2
from quickstudy.learners.metric.proto import ProtoNet
from quickstudy.nn.conv4 import Conv4
from quickstudy.tasks.few_shot import FewShot
from quickstudy.tasks.source import generator_of

CLASSES, ROWS, FEATURES, WAYS, SHOTS, QUERIES, BATCH = 20, 600, 640, 5, 5, 15, 100

Head = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Support features (B, S, D), their classes (S, N) and query features (B, Q, D) to scores (B, Q, N)."""


def centroid(support: Tensor, y: Tensor, queries: Tensor) -> Tensor:
    means = y.mT @ support / SHOTS
    return 2 * queries @ means.mT - means.square().sum(-1)[:, None]


def ridge(support: Tensor, y: Tensor, queries: Tensor) -> Tensor:
    """Of penalty 1; a feature of ones joins as a 1 in each product."""
    share = torch.linalg.solve(support @ support.mT + 1 + torch.eye(len(y)), y.expand(len(support), -1, -1))
    return queries @ (support.mT @ share) + share.sum(1)[:, None]


def logistic(support: Tensor, y: Tensor, queries: Tensor, steps: int = 20) -> Tensor:
    """Of penalty 1, by accelerated gradient steps of the length that the largest curvature allows."""
    length = 1 / (0.5 * (support.square().sum((1, 2)) + len(y)) + 1)[:, None, None]
    weight = weight_ahead = support.new_zeros(len(support), support.shape[2], WAYS)
    bias = bias_ahead = support.new_zeros(len(support), 1, WAYS)
    pace = 1.0
    for _ in range(steps):
        away = (support @ weight_ahead + bias_ahead).softmax(-1) - y
        weight_next = weight_ahead - length * (support.mT @ away + weight_ahead)
        bias_next = bias_ahead - length * (away.sum(1, keepdim=True) + bias_ahead)
        pace_next = (1 + (1 + 4 * pace**2) ** 0.5) / 2
        share = (pace - 1) / pace_next
        weight_ahead, bias_ahead = weight_next + share * (weight_next - weight), bias_next + share * (bias_next - bias)
        weight, bias, pace = weight_next, bias_next, pace_next
    return queries @ weight + bias


def by_hand(features: Tensor, tasks: int, head: Head) -> Tensor:
    """Accuracies, one batch of tasks after another."""
    y, target = torch.eye(WAYS).repeat_interleave(SHOTS, 0), torch.arange(WAYS).repeat_interleave(QUERIES)
    found = []
    for _ in range(0, tasks, BATCH):
        classes = torch.rand(BATCH, CLASSES).topk(WAYS, 1).indices
        rows = torch.rand(BATCH, WAYS, ROWS).topk(SHOTS + QUERIES, -1).indices
        x = features[classes[..., None] * ROWS + rows]
        said = head(x[:, :, :SHOTS].flatten(1, 2), y, x[:, :, SHOTS:].flatten(1, 2)).argmax(-1)
        found.append((said == target).float().mean(1))
    return torch.cat(found)


def apart(head: Head, learner: Learner[Any], source: FewShot) -> float:
    """How far probabilities of the two are from each other on the same task."""
    task = source.sample(1, generator_of(0))[0]
    order = task.support.labels.argsort(stable=True)
    bare = head(task.support.x[order][None], torch.eye(WAYS).repeat_interleave(SHOTS, 0), task.query.x[None])[0]
    return close([bare.softmax(-1)], [learner(task.support).probabilities(task.query.x)])


def features_rows(rounds: int, tasks: int, name: str, head: Head, learner: Learner[Any]) -> list[Row]:
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(CLASSES).repeat_interleave(ROWS)
    features = torch.randn(CLASSES, FEATURES, generator=generator)[labels] / 8
    features = nn.functional.normalize(features + torch.randn(CLASSES * ROWS, FEATURES, generator=generator))
    source = FewShot(from_arrays(features, labels), WAYS, SHOTS, QUERIES)
    bare, ours = float(by_hand(features, tasks, head).mean()), evaluate(learner, source, tasks=tasks).mean
    variants = [
        Variant("batched bare torch", lambda: by_hand(features, tasks, head), note=f"accuracy {bare:.3f}"),
        Variant(
            "quickstudy evaluate",
            lambda: evaluate(learner, source, tasks=tasks),
            apart(head, learner, source),
            f"accuracy {ours:.3f}",
        ),
        Variant("of it the plan alone", lambda: source.plan(tasks, generator_of(0))),
        Variant("batch=100", lambda: evaluate(learner, source, tasks=tasks, batch=100)),
    ]
    loader = easyfsl_tasks(features, labels, WAYS, SHOTS, QUERIES, tasks) if head is centroid else None
    if loader is not None:
        variants.append(Variant("easyfsl", lambda: easyfsl_evaluate(loader)))
    return take_turns(f"W4 {name}, {tasks:,} tasks", variants, rounds)


def each_task(learner: ProtoNet, source: FewShot, tasks: int) -> Tensor:
    """The way of a plain script: every task's own images through the encoder."""
    plan, found = source.plan(tasks, generator_of(0)), []
    with torch.no_grad():
        for number in range(tasks):
            task = source.gather(plan[number : number + 1])[0]
            said = learner(task.support)(task.query.x).argmax(1)
            found.append((said == task.query.y.argmax(1)).float().mean())
    return torch.stack(found)


def images_rows(rounds: int, ways: int, tasks: int) -> list[Row]:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (200 * 20, 1, 28, 28), dtype=torch.uint8, generator=generator)
    source = FewShot(from_arrays(images, torch.arange(200).repeat_interleave(20)), ways, 1, 15)
    learner = ProtoNet(Conv4(strided=True)).eval()
    error = (torch.tensor(evaluate(learner, source, tasks=5).scores) - each_task(learner, source, 5)).abs().max()
    variants = [
        Variant("each task's images", lambda: each_task(learner, source, tasks)),
        Variant("quickstudy evaluate", lambda: evaluate(learner, source, tasks=tasks), float(error)),
    ]
    return take_turns(f"W7 {ways}-way, {tasks:,} tasks of 4,000 images", variants, rounds)


if __name__ == "__main__":
    asked = arguments(__doc__, rounds=9, tasks=1000)
    heads: list[tuple[str, Head, Learner[Any]]] = [
        ("centroid", centroid, ProtoNet(nn.Identity())),
        ("ridge", ridge, R2D2(nn.Identity(), penalty=1.0, scale=1.0)),
        ("logistic", logistic, LRD2(nn.Identity())),
    ]
    found: list[Row] = []
    for name, head, learner in heads:
        found += features_rows(asked.rounds, asked.tasks, name, head, learner)
    for ways in (5, 20):
        found += images_rows(1, ways, asked.tasks)
    report(found, asked.json)
