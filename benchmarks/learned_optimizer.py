"""A learned optimizer beside the best-tuned Adam, SGD and Nesterov momentum, on held-out problems, all from the same starts.

    quickstudy train learned_optimizer --out runs/quadratics
    python benchmarks/learned_optimizer.py runs/quadratics --figure curves.png

Step sizes of the baselines are tuned on meta-validation problems, by the mean loss at the end; the table's problems and starts
are others.
"""

import argparse
import math
import statistics
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from quickstudy.execution.batching import over_tasks
from quickstudy.functional.unroll import SGD, Adam, Rule, Weights, gradient_and_value
from quickstudy.learners.optimization.learned_optimizer import LearnedOptimizer
from quickstudy.likelihood import Likelihood
from quickstudy.nn.fast import support_loss
from quickstudy.nn.mlp import MLP
from quickstudy.plots.style import PALETTE, TEXT, axes_in, blank
from quickstudy.reports.intervals import interval_over_tasks
from quickstudy.runs.run import Run
from quickstudy.saving.checkpoint import altered
from quickstudy.task import Task
from quickstudy.tasks.source import TaskSource, generator_of

GRID = tuple(round(base * 10.0**power, 6) for power in (-2, -1, 0) for base in (1, 2, 3, 5, 7))
CHUNK = 500


@dataclass(frozen=True)
class Nesterov:
    """``v ← µ v + g``, step ``lr (g + µ v)``: as `torch.optim.SGD` with ``nesterov=True``."""

    lr: float
    momentum: float = 0.9

    def init(self, weights: Weights) -> Weights:
        return {name: torch.zeros_like(w) for name, w in weights.items()}

    def __call__(self, grads: Weights, memory: Weights) -> tuple[Weights, Weights]:
        velocity = {name: self.momentum * memory[name] + g for name, g in grads.items()}
        return {name: self.lr * (g + self.momentum * velocity[name]) for name, g in grads.items()}, velocity


RIVALS: dict[str, Callable[[float], Rule]] = {"Adam": Adam, "SGD": SGD, "Nesterov momentum": Nesterov}


def curves(network: nn.Module, rule: Rule, problems: Task, likelihood: Likelihood, steps: int) -> Tensor:
    """The loss of each problem before the first and after each step, (B, steps + 1); constants of the likelihood left out."""
    start = {name: w.detach() for name, w in network.named_parameters()}

    def one(task: Task) -> Tensor:
        present = likelihood.present(task.support.y, task.support.mask)
        least = likelihood.nll(task.support.y, task.support.y, task.support.mask) if likelihood.metric == "mse" else 0.0

        def loss(weights: Weights) -> Tensor:
            return support_loss(network, weights, task.support, likelihood, present) - least

        weights, memory, losses = start, rule.init(start), []
        for _ in range(steps):
            grads, value = gradient_and_value(loss, weights, first_order=True)
            change, memory = rule(grads, memory)
            weights = {name: w - change[name] for name, w in weights.items()}
            losses.append(value)
        return torch.stack([*losses, loss(weights)])

    with torch.no_grad():
        found: Tensor = over_tasks(one, problems, "vmap", chunk=CHUNK)
    return found


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield


def widened(learner: LearnedOptimizer, hidden: int) -> LearnedOptimizer:
    """The same rule for a network of another width than it was trained on."""
    old = learner.network
    if not isinstance(old, MLP) or not isinstance(old.head, nn.Linear):
        raise SystemExit("--hidden is for the classifier's network.")
    first = old.layers[0]
    assert isinstance(first, nn.Linear)
    other = altered(learner, network=MLP(first.in_features, (hidden,), outputs=old.head.out_features))
    assert isinstance(other, LearnedOptimizer)
    other.rule.load_state_dict(learner.rule.state_dict())
    return other


def starts(learner: LearnedOptimizer, seeds: range) -> list[nn.Module]:
    """Fresh networks of the learner's kind."""
    made = []
    for seed in seeds:
        with seeded(seed):
            fresh = altered(learner)
        assert isinstance(fresh, LearnedOptimizer)
        made.append(fresh.network)
    return made


def evaluated(learner: LearnedOptimizer, rule: Rule, networks: list[nn.Module], problems: list[Task], steps: int) -> Tensor:
    """Curves of all problems, each list from its own start, (problems, steps + 1)."""
    pairs = zip(networks, problems, strict=True)
    return torch.cat([curves(network, rule, part, learner.likelihood, steps) for network, part in pairs])


def drawn(source: TaskSource[Any], tasks: int, seeds: range) -> list[Task]:
    return [source.sample(tasks, generator_of(seed)) for seed in seeds]


def tuned(learner: LearnedOptimizer, source: TaskSource[Any], tasks: int, steps: int) -> dict[str, tuple[float, Rule]]:
    """Of each baseline the step size whose mean loss at the end is least, on problems and starts that the table does not use."""
    seeds = range(1000, 1003)
    networks, problems = starts(learner, seeds), drawn(source, tasks, seeds)
    best = {}
    for name, make in RIVALS.items():
        ends = {lr: float(evaluated(learner, make(lr), networks, problems, steps)[:, -1].mean()) for lr in GRID}
        finite = {lr: end for lr, end in ends.items() if math.isfinite(end)}
        lr = min(finite, key=finite.__getitem__)
        if lr in (GRID[0], GRID[-1]):
            raise SystemExit(f"the best step size of {name}, {lr}, lies at the edge of the grid: widen it.")
        best[name] = (lr, make(lr))
    return best


def table(found: dict[str, Tensor]) -> str:
    """Means with intervals, medians, and the paired difference to the learned rule, problem by problem."""
    ours, *_ = found
    lines = ["| optimizer | final loss | median | learned − this, paired | learned is lower on |", "|---|---|---|---|---|"]
    for name, losses in found.items():
        ends, mine = losses[:, -1].tolist(), found[ours][:, -1].tolist()
        low, high = interval_over_tasks(ends)
        cells = [name, f"{statistics.fmean(ends):.3g} ({low:.3g} to {high:.3g})", f"{statistics.median(ends):.3g}"]
        if name == ours:
            cells += ["", ""]
        else:
            gaps = [a - b for a, b in zip(mine, ends, strict=True)]
            low, high = interval_over_tasks(gaps)
            won = sum(gap < 0 for gap in gaps) / len(gaps)
            cells += [f"{statistics.fmean(gaps):+.3g} ({low:+.3g} to {high:+.3g})", f"{won:.0%} of {len(gaps):,} problems"]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def figure(found: dict[str, Tensor], path: str) -> None:
    """The median loss by step, the middle half of the problems shaded."""
    figure = blank(6.4, 3.8)
    axes = axes_in(figure, grid="y")
    for number, (name, losses) in enumerate(found.items()):
        low, middle, high = losses.clamp(min=1e-12).quantile(torch.tensor([0.25, 0.5, 0.75]), 0)
        at = range(losses.shape[1])
        axes.fill_between(at, low, high, color=PALETTE[number], alpha=0.15, linewidth=0)
        axes.plot(at, middle, color=PALETTE[number], linewidth=1.8, label=name)
    axes.set_yscale("log")
    axes.set_xlabel("step", color=TEXT)
    axes.set_ylabel("loss: median and middle half of the problems", color=TEXT)
    axes.legend(frameon=False, labelcolor=TEXT, fontsize=9)
    figure.savefig(path, dpi=150)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", help="folder of a run of the recipe learned_optimizer")
    parser.add_argument("--tasks", type=int, default=100, help="held-out problems from each start")
    parser.add_argument("--tuning", type=int, default=None, help="problems from each of 3 starts to tune on; as many as --tasks")
    parser.add_argument("--starts", type=int, default=5, help="fresh networks to start from")
    parser.add_argument("--steps", type=int, default=None, help="of each trajectory; by default as many as were trained for")
    parser.add_argument("--hidden", type=int, default=None, help="units of a classifier that the rule was not trained on")
    parser.add_argument("--figure", default=None, help="file for an image of the loss curves")
    asked = parser.parse_args(arguments)
    run = Run(asked.run)
    learner, recipe = run.learner(), run.recipe()
    assert isinstance(learner, LearnedOptimizer)
    learner = widened(learner, asked.hidden) if asked.hidden else learner
    steps, seeds = asked.steps or learner.steps, range(2000, 2000 + asked.starts)
    baselines = tuned(learner, recipe.val, asked.tuning or asked.tasks, steps)
    networks, problems = starts(learner, seeds), drawn(recipe.test, asked.tasks, seeds)
    rules = {"learned": learner.rule} | {f"{name}, step size {lr:g}": rule for name, (lr, rule) in baselines.items()}
    found = {name: evaluated(learner, rule, networks, problems, steps) for name, rule in rules.items()}
    print(f"{recipe.test.name}: loss after {steps} steps, {asked.tasks} problems from each of {asked.starts} starts")
    print(table(found))
    if asked.figure:
        figure(found, asked.figure)


if __name__ == "__main__":
    main()
