"""W4 and W7: judging, sampling included.

W4: tasks of frozen 640-d features (5 ways, 5 shots, 15 queries) through `evaluate`. The floor is batched bare PyTorch: tasks
drawn 100 at a time by hand from a table of features, class means, distances, accuracies; without masks, plans, digests, checks.
W7: pictures through a shared encoder: `evaluate`, which embeds each picture once, against embedding each task's pictures.

    python benchmarks/evaluating.py --json evaluating.json
"""

import torch
from timing import Row, Variant, arguments, report, take_turns
from torch import Tensor, nn

from quickstudy.datasets.arrays import from_arrays
from quickstudy.evaluate import evaluate
from quickstudy.learners.metric.proto import ProtoNet
from quickstudy.nn.conv4 import Conv4
from quickstudy.tasks.few_shot import FewShot
from quickstudy.tasks.source import generator_of

CLASSES, ROWS, FEATURES, WAYS, SHOTS, QUERIES, BATCH = 20, 600, 640, 5, 5, 15, 100


def bare_centroid(features: Tensor, tasks: int) -> Tensor:
    """Accuracies of nearest centroids, one batch of tasks after another."""
    found = []
    for _ in range(0, tasks, BATCH):
        classes = torch.rand(BATCH, CLASSES).topk(WAYS, 1).indices
        rows = torch.rand(BATCH, WAYS, ROWS).topk(SHOTS + QUERIES, -1).indices
        x = features[classes[..., None] * ROWS + rows]
        means = x[:, :, :SHOTS].mean(2)
        queries = x[:, :, SHOTS:].flatten(1, 2)
        said = (means.square().sum(-1)[:, None] - 2 * queries @ means.mT).argmin(-1)
        found.append((said == torch.arange(WAYS).repeat_interleave(QUERIES)).float().mean(1))
    return torch.cat(found)


def features_rows(rounds: int, tasks: int) -> list[Row]:
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(CLASSES).repeat_interleave(ROWS)
    features = torch.randn(CLASSES, FEATURES, generator=generator)[labels] / 8
    features = features + torch.randn(CLASSES * ROWS, FEATURES, generator=generator)
    source = FewShot(from_arrays(features, labels), WAYS, SHOTS, QUERIES)
    learner = ProtoNet(nn.Identity())
    bare, ours = float(bare_centroid(features, tasks).mean()), evaluate(learner, source, tasks=tasks).mean
    variants = [
        Variant("batched bare torch", lambda: bare_centroid(features, tasks), note=f"accuracy {bare:.3f}"),
        Variant("quickstudy evaluate", lambda: evaluate(learner, source, tasks=tasks), note=f"accuracy {ours:.3f}"),
        Variant("of it the plan alone", lambda: source.plan(tasks, generator_of(0))),
        Variant("batch=100", lambda: evaluate(learner, source, tasks=tasks, batch=100)),
    ]
    return take_turns(f"W4 centroid, {tasks:,} tasks", variants, rounds)


def each_task(learner: ProtoNet, source: FewShot, tasks: int) -> Tensor:
    """The way of a plain script: every task's own pictures through the encoder."""
    plan, found = source.plan(tasks, generator_of(0)), []
    with torch.no_grad():
        for number in range(tasks):
            task = source.gather(plan[number : number + 1])[0]
            said = learner(task.support)(task.query.x).argmax(1)
            found.append((said == task.query.y.argmax(1)).float().mean())
    return torch.stack(found)


def pictures_rows(rounds: int, ways: int, tasks: int) -> list[Row]:
    generator = torch.Generator().manual_seed(0)
    pictures = torch.randint(0, 256, (200 * 20, 1, 28, 28), dtype=torch.uint8, generator=generator)
    source = FewShot(from_arrays(pictures, torch.arange(200).repeat_interleave(20)), ways, 1, 15)
    learner = ProtoNet(Conv4(strided=True)).eval()
    apart = (torch.tensor(evaluate(learner, source, tasks=5).scores) - each_task(learner, source, 5)).abs().max()
    variants = [
        Variant("each task's pictures", lambda: each_task(learner, source, tasks)),
        Variant("quickstudy evaluate", lambda: evaluate(learner, source, tasks=tasks), float(apart)),
    ]
    return take_turns(f"W7 {ways}-way, {tasks:,} tasks of 4,000 pictures", variants, rounds)


if __name__ == "__main__":
    asked = arguments(__doc__, rounds=5, tasks=1000)
    found = features_rows(asked.rounds, asked.tasks)
    for ways in (5, 20):
        found += pictures_rows(1, ways, asked.tasks)
    report(found, asked.json)
