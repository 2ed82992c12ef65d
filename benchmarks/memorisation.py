"""The memorisation test: which regulariser makes a learner read the support set where tasks can be known by heart?

    python benchmarks/memorisation.py sinusoid --seeds 0 1
    python benchmarks/memorisation.py glyphs --seeds 0 1

MAML is meta-trained on tasks that one function of a query alone can solve: sine waves whose input names the amplitude, and
characters whose class always stands in the same column. It is evaluated on tasks that have to be learned from the support set.
The table says what share of the way from plain MAML to MAML on mutually exclusive tasks each regulariser covers.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from quickstudy import datasets
from quickstudy.datasets.class_index import ClassIndex
from quickstudy.evaluation.evaluate import evaluate
from quickstudy.learner import Learner
from quickstudy.learners.optimization.anil import ANIL
from quickstudy.learners.optimization.maml import MAML
from quickstudy.learners.wrappers.meta_regularised import MetaRegularised
from quickstudy.likelihood import Categorical, Gaussian, Likelihood
from quickstudy.nn.meta_dropout import MetaDropout
from quickstudy.nn.mixing import Mixing
from quickstudy.nn.variational import GaussianCode, GaussianWeights
from quickstudy.reports.intervals import interval_by_bootstrap, interval_over_tasks
from quickstudy.storage.files import write_whole
from quickstudy.tasks.few_shot import FewShot
from quickstudy.tasks.fixed_columns import FixedColumns
from quickstudy.tasks.meta_aug import MetaAug, Scaled, Shifted
from quickstudy.tasks.one_hot_sinusoid import OneHotSinusoid
from quickstudy.tasks.source import TaskSource
from quickstudy.tasks.task_mixing import MLTI, MetaMix
from quickstudy.train import train


@dataclass(frozen=True)
class World:
    """Tasks that can be memorised, the same made mutually exclusive, those that are evaluated, and MAML's settings for them."""

    easy: TaskSource[Any]
    exclusive: TaskSource[Any]
    test: TaskSource[Any]
    inputs: int
    hidden: tuple[int, ...]
    outputs: int
    likelihood: Likelihood
    inner_lr: float
    inner_steps: int
    test_steps: int
    batch: int
    steps: int
    codes: int
    strengths: tuple[float, float]
    """β of random activations and of random weights."""


@dataclass(frozen=True)
class Arm:
    """How a learner is built, on which tasks it is meta-trained, and with which weight decay."""

    learner: Callable[[World], Learner[Any]]
    source: Callable[[World], TaskSource[Any]] = lambda world: world.easy
    weight_decay: float = 0.0


@dataclass(frozen=True)
class Row:
    """Scores of each seed's tasks, and the seconds of its training."""

    arm: str
    seed: int
    scores: tuple[float, ...]
    loss: float
    seconds: float


def layers(
    world: World,
    inputs: int,
    wrap: Callable[[nn.Module], nn.Module] = lambda layer: layer,
    after: Callable[[], nn.Module] = nn.Identity,
) -> list[nn.Module]:
    """Blocks of a perceptron: ``wrap`` of each hidden layer, ReLU, what comes ``after``; the last layer plain."""
    widths = [inputs, *world.hidden]
    hidden = [nn.Sequential(wrap(nn.Linear(a, b)), nn.ReLU(), after()) for a, b in pairwise(widths)]
    return [*hidden, nn.Linear(widths[-1], world.outputs)]


def maml(world: World, network: nn.Module) -> MAML:
    return MAML(
        network,
        inner_lr=world.inner_lr,
        inner_steps=world.inner_steps,
        test_steps=world.test_steps,
        likelihood=world.likelihood,
    )


def plain(world: World) -> Learner[Any]:
    return maml(world, nn.Sequential(*layers(world, world.inputs)))


def with_dropout(world: World) -> Learner[Any]:
    return maml(world, nn.Sequential(*layers(world, world.inputs, after=lambda: nn.Dropout(0.2))))


def with_meta_dropout(world: World) -> Learner[Any]:
    return maml(world, nn.Sequential(*layers(world, world.inputs, wrap=MetaDropout)))


def mixing(world: World) -> Learner[Any]:
    return maml(world, Mixing(layers(world, world.inputs)))


def encoding(world: World) -> Learner[Any]:
    """What meta-regularisation alone does not explain: the same encoder without noise and price, the same network behind it."""
    encoder = nn.Sequential(nn.Linear(world.inputs, 100), nn.ReLU(), nn.Linear(100, world.codes))
    network = nn.Sequential(*layers(world, world.codes))
    return ANIL(
        encoder,
        network,
        inner_lr=world.inner_lr,
        inner_steps=world.inner_steps,
        test_steps=world.test_steps,
        likelihood=world.likelihood,
    )


def paying_for_activations(world: World) -> Learner[Any]:
    encoder = nn.Sequential(nn.Linear(world.inputs, 100), nn.ReLU(), GaussianCode(100, world.codes))
    inside = maml(world, nn.Sequential(*layers(world, world.codes)))
    return MetaRegularised(encoder, inside, strength=world.strengths[0])


def paying_for_weights(world: World) -> Learner[Any]:
    first, last = GaussianWeights(nn.Linear(world.inputs, 100)), GaussianWeights(nn.Linear(100, world.codes))
    inside = maml(world, nn.Sequential(*layers(world, world.codes)))
    return MetaRegularised(nn.Sequential(first, nn.ReLU(), last), inside, strength=world.strengths[1])


def augmented(world: World) -> TaskSource[Any]:
    values = isinstance(world.likelihood, Gaussian)
    return MetaAug(world.easy, Scaled(0.0, 2.0)) if values else MetaAug(world.easy)


LEVELS = 3

ARMS: dict[str, Arm] = {
    "plain MAML": Arm(plain),
    "MAML, exclusive tasks": Arm(plain, lambda world: world.exclusive),
    "weight decay": Arm(plain, weight_decay=0.1),
    "dropout": Arm(with_dropout),
    "meta-dropout": Arm(with_meta_dropout),
    "encoder, no price": Arm(encoding),
    "MR-MAML (A)": Arm(paying_for_activations),
    "MR-MAML (W)": Arm(paying_for_weights),
    "Meta-Aug": Arm(plain, augmented),
    "Meta-Aug, shift": Arm(plain, lambda world: MetaAug(world.easy, Shifted(2.0))),
    "MetaMix": Arm(mixing, lambda world: MetaMix(world.easy, levels=LEVELS)),
    "MLTI": Arm(mixing, lambda world: MLTI(world.easy, levels=LEVELS)),
}
FLOOR, CEILING = "plain MAML", "MAML, exclusive tasks"
VALUES_ONLY = {"Meta-Aug, shift"}


def sinusoid() -> World:
    """Waves whose one-hot code tells the amplitude; evaluated with a code that tells nothing."""
    return World(
        easy=OneHotSinusoid(5),
        exclusive=OneHotSinusoid(5, told=False),
        test=OneHotSinusoid(5, 100, told=False),
        inputs=21,
        hidden=(40, 40),
        outputs=1,
        likelihood=Gaussian(),
        inner_lr=0.01,
        inner_steps=1,
        test_steps=10,
        batch=10,
        steps=2000,
        codes=5,
        strengths=(1.0, 5e-5),
    )


def halved(index: ClassIndex, classes: Sequence[int] | None = None) -> ClassIndex:
    """Glyphs at half size, 196 numbers each; some of the classes, or all."""
    part = index if classes is None else index.select(classes)
    assert isinstance(part.x, torch.Tensor)
    x = torch.nn.functional.avg_pool2d(part.x.float() / 255, 2).flatten(1)
    return ClassIndex(x, part.labels, part.classes, f"{part.name} 14x14", part.groups, part.group_names)


def glyphs() -> World:
    """Ten characters of a hundred, each always in its column; evaluated on other writing systems in columns drawn anew."""
    data = datasets.glyphs()
    chosen = torch.randperm(len(data.train.classes), generator=torch.Generator().manual_seed(0))[:100].tolist()
    some = FewShot(halved(data.train, chosen), 10, 1, 5)
    return World(
        easy=FixedColumns(some),
        exclusive=some,
        test=FewShot(halved(data.test), 10, 1, 10),
        inputs=196,
        hidden=(64, 64),
        outputs=10,
        likelihood=Categorical(),
        inner_lr=0.5,
        inner_steps=1,
        test_steps=1,
        batch=8,
        steps=1500,
        codes=32,
        strengths=(1e-2, 1e-5),
    )


WORLDS: dict[str, Callable[[], World]] = {"sinusoid": sinusoid, "glyphs": glyphs}


def measured(name: str, world: World, seed: int, steps: int, tasks: int) -> Row:
    """Meta-trains one arm from one seed and evaluates it."""
    arm, began = ARMS[name], time.perf_counter()
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        learner = arm.learner(world)
    optimizer = torch.optim.AdamW(learner.parameters(), 1e-3, weight_decay=arm.weight_decay)
    losses = [
        record.loss
        for record in train(learner, arm.source(world), steps=steps, batch=world.batch, optimizer=optimizer, clip=10.0, seed=seed)
    ]
    seconds = time.perf_counter() - began
    report = evaluate(learner, world.test, tasks=tasks, seed=1)
    return Row(name, seed, report.scores, statistics.fmean(losses[-200:]), seconds)


def mean_scores(rows: Sequence[Row]) -> NDArray[np.float64]:
    """Each task's score, averaged over seeds."""
    return np.asarray(np.mean([row.scores for row in rows], axis=0))


def recovered(
    scores: NDArray[np.float64], floor: NDArray[np.float64], ceiling: NDArray[np.float64]
) -> tuple[float, float, float]:
    """``(score − plain) / (exclusive − plain)`` of the means over the same tasks, and its 95 % interval over tasks."""

    def share(places: NDArray[np.int64]) -> float:
        mine, low, high = (float(column[places].mean()) for column in (scores, floor, ceiling))
        return (mine - low) / (high - low)

    return share(np.arange(len(scores))), *interval_by_bootstrap(share, len(scores), resamples=1000)


def table(rows: Sequence[Row]) -> str:
    """One line for each arm: its score with interval, and the share recovered with its interval and of each seed alone."""
    by_arm = {name: [row for row in rows if row.arm == name] for name in ARMS}
    floor, ceiling = by_arm[FLOOR], by_arm[CEILING]
    lines = ["| meta-trained | score | share recovered | of each seed | loss | seconds |", "|---|---|---|---|---|---|"]
    for name, mine in by_arm.items():
        seeds = {row.seed for row in mine}
        low = [row for row in floor if row.seed in seeds]
        high = [row for row in ceiling if row.seed in seeds]
        if not mine or not len(mine) == len(low) == len(high):
            continue
        scores = mean_scores(mine)
        ends = interval_over_tasks(scores.tolist())
        cells = [name, f"{scores.mean():.3f} ({ends[0]:.3f} to {ends[1]:.3f})"]
        if name in (FLOOR, CEILING):
            cells += ["", ""]
        else:
            share, least, most = recovered(scores, mean_scores(low), mean_scores(high))
            alone = [recovered(*[np.asarray(row.scores) for row in three])[0] for three in zip(mine, low, high, strict=True)]
            cells += [f"{share:.0%} ({least:.0%} to {most:.0%})", " · ".join(f"{each:.0%}" for each in alone)]
        cells += [f"{statistics.fmean(row.loss for row in mine):.3f}", f"{statistics.fmean(row.seconds for row in mine):.0f}"]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def kept(path: Path | None) -> list[Row]:
    """Rows of an earlier call."""
    if path is None or not path.exists():
        return []
    return [Row(**row | {"scores": tuple(row["scores"])}) for row in json.loads(path.read_text())["rows"]]


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("world", choices=WORLDS)
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=list(ARMS), metavar="ARM", help=", ".join(ARMS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--steps", type=int, default=None, help="outer steps; the world's own by default")
    parser.add_argument("--tasks", type=int, default=600, help="meta-test tasks")
    parser.add_argument("--json", type=Path, default=None, help="file to keep scores in; what it holds is not trained again")
    asked = parser.parse_args(arguments)
    torch.set_num_threads(1)
    world, rows = WORLDS[asked.world](), kept(asked.json)
    done = {(row.arm, row.seed) for row in rows}
    for seed in asked.seeds:
        for name in asked.arms:
            if (name, seed) in done or (name in VALUES_ONLY and not isinstance(world.likelihood, Gaussian)):
                continue
            rows.append(measured(name, world, seed, asked.steps or world.steps, asked.tasks))
            row = rows[-1]
            print(f"{name}, seed {seed}: {statistics.fmean(row.scores):.3f} in {row.seconds:.0f} s", file=sys.stderr, flush=True)
            if asked.json is not None:
                content = {"world": asked.world, "torch": torch.__version__, "rows": [asdict(row) for row in rows]}
                write_whole(asked.json, json.dumps(content, indent=1).encode())
    print(f"{world.test.name}: {world.likelihood.metric} over {asked.tasks} tasks after {asked.steps or world.steps} outer steps")
    print(table(rows))


if __name__ == "__main__":
    main()
