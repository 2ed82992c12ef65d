"""W3: a meta-training step of ProtoNet, Conv4-64 on 28×28 images: 5-way 1-shot 15 queries × 4 tasks; 60-way 5-shot.

Ours is timed through `train`, as a user calls it, sampling included; the bare step is PyTorch as one writes it by hand.

    python benchmarks/proto.py --json proto.json
"""

import copy
from collections.abc import Callable

import torch
import torch.nn.functional as F
from peers_few_shot import easyfsl_proto_step
from timing import Row, Variant, arguments, close, report, take_turns
from torch import Tensor, nn

from quickstudy.datasets.arrays import from_arrays
from quickstudy.functional.tree import map_leaves
from quickstudy.learners.metric.proto import ProtoNet
from quickstudy.nn.conv4 import Conv4
from quickstudy.task import Task
from quickstudy.tasks.few_shot import FewShot
from quickstudy.tasks.source import generator_of
from quickstudy.train import train

LR = 1e-3


class Plain(nn.Module):
    """Conv4 as the papers' code has it, with the weights of ours."""

    def __init__(self, network: Conv4) -> None:
        super().__init__()
        self.convs = copy.deepcopy(network.convs)
        self.norms = nn.ModuleList(nn.BatchNorm2d(64) for _ in range(4))
        self.norms.load_state_dict(network.norms.state_dict())

    def forward(self, x: Tensor) -> Tensor:
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = F.max_pool2d(norm(conv(x)).relu(), 2)
        return x.flatten(1)


def gradient(network: Plain, tasks: Task) -> list[Tensor]:
    """One pass of the network over the images of all tasks, then prototypes and squared distances of each."""
    tasks = map_leaves(lambda leaf: leaf.to(next(network.parameters()).dtype), tasks)
    count, shown, asked = len(tasks), tasks.support.x.shape[1], tasks.query.x.shape[1]
    features = network(torch.cat([tasks.support.x, tasks.query.x], 1).flatten(0, 1)).unflatten(0, (count, shown + asked))
    y = tasks.support.y
    means = y.mT @ features[:, :shown] / y.sum(1)[..., None]
    logits = -((features[:, shown:, None] - means[:, None]) ** 2).sum(-1)
    loss = F.cross_entropy(logits.flatten(0, 1), tasks.query.y.argmax(-1).flatten())
    network.zero_grad()
    loss.backward()
    return [w.grad for w in network.parameters() if w.grad is not None]


def bare_step(network: Plain, tasks: Task) -> Callable[[], list[Tensor]]:
    optimizer = torch.optim.Adam(network.parameters(), LR)

    def step() -> list[Tensor]:
        grads = gradient(network, tasks)
        optimizer.step()
        return grads

    return step


def rows(ways: int, shots: int, queries: int, batch: int, rounds: int) -> list[Row]:
    torch.manual_seed(0)
    images = torch.rand(2000, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    source = FewShot(from_arrays(images, torch.arange(2000) % 100), ways=ways, shots=shots, queries=queries)
    network = Conv4()
    tasks = source.sample(batch, generator_of(0, 0))  # those of train's first step
    exact = gradient(Plain(network).double(), tasks)
    bare = bare_step(Plain(network), tasks)
    learner = ProtoNet(copy.deepcopy(network))
    optimizer = torch.optim.Adam(learner.parameters(), LR)
    records = train(learner, source, steps=10**9, batch=batch, optimizer=optimizer)
    variants = [Variant("bare step", bare, close(bare(), exact))]
    next(records)
    found = close([w.grad for w in learner.parameters() if w.grad is not None], exact)
    variants.append(Variant("quickstudy train", lambda: next(records), found))
    peer = easyfsl_proto_step(Plain(network), tasks)
    if peer is not None:
        variants.append(Variant("easyfsl", peer))
    return take_turns(f"W3 ProtoNet, {ways}-way {shots}-shot {queries} queries × {batch}", variants, rounds)


if __name__ == "__main__":
    asked = arguments(__doc__, rounds=9)
    report([*rows(5, 1, 15, 4, asked.rounds), *rows(60, 5, 5, 1, asked.rounds)], asked.json)
