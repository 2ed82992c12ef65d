"""Whether tasks can be answered without their support sets; a learner then need not adapt.

Source: Yin, Tucker, Zhou, Levine & Finn, 2020, Meta-learning without memorization.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from quickstudy.checks.finding import Finding, Observation, Severity, skipped
from quickstudy.checks.sources import one_hot_rows
from quickstudy.functional.plain_numbers import plain_numbers
from quickstudy.functional.tree import leaves, map_leaves
from quickstudy.nn.mlp import MLP
from quickstudy.reports.intervals import interval_over_tasks
from quickstudy.task import Task
from quickstudy.tasks.source import TaskSource, generator_of

__all__ = ["answered_without_support"]

_LEVEL = 0.999


def answered_without_support(
    source: TaskSource[Any],
    *,
    steps: int = 400,
    batch: int = 16,
    tasks: int = 200,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Observation:
    """Trains a small network to answer from a query alone, and measures whether it beats the best constant answer.

    Tasks are mutually exclusive if no single function can solve them all. In few-shot classification with columns drawn
    anew, a network without the support set stays at chance; whatever it gains above is memorised. The gain is paired over
    fresh tasks (99.9 % interval) and given as a share of the most it could be: for classes ``(accuracy − constant) /
    (1 − constant)``, for values ``1 − error / error of the constant``. For values some gain is usual: the best
    function of x alone answers 29 % of the sine waves. It is a lower bound: a larger network might memorise more.

    Args:
        source: any source.
        steps: of Adam.
        batch: tasks in a step.
        tasks: fresh ones, on which the gain is measured.
        seed: of tasks and weights.
        progress: called with (steps done, steps).

    >>> from quickstudy.tasks.sinusoid import Sinusoid
    >>> answered_without_support(Sinusoid(), steps=100).verdict
    'note'
    """
    first = source.sample(4, generator_of(seed))
    if not bool(first.support.mask.any()):
        return skipped("support sets are empty: there is one task only")
    if sum(leaf.shape[2:].numel() for leaf in leaves(first.query.x)) == 0:
        return skipped("queries hold no numbers")
    classes = one_hot_rows(first.query[first.query.mask.bool()])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        guess = _trained(source, first, classes, steps, batch, seed, progress)
    gains, constants = [], []
    for start in range(0, tasks, 50):
        drawn = source.sample(min(50, tasks - start), generator_of(seed, 10**6 + start))
        gain, constant = guess.gain(drawn)
        gains += gain.tolist()
        constants += constant.tolist()
    low, high = interval_over_tasks(gains, _LEVEL)
    base = sum(constants) / len(constants)
    room = max(1 - base if classes else base, 1e-9)
    return _evaluated(classes, (low / room, high / room), tasks)


def _evaluated(classes: bool, share: tuple[float, float], tasks: int) -> Observation:
    low, high = share
    middle = (low + high) / 2
    note = f"without the support set {middle:.1%} ({low:.1%} to {high:.1%}) of the gap from constant to perfect answers is closed"
    limits = (0.01, 0.02, 0.3) if classes else (0.05, 1 / 3, 2 / 3)
    if low <= limits[0]:
        return Observation(f"{note}, {tasks} tasks")
    finding = Finding(
        "Tasks are not mutually exclusive: a small network that never sees a support set closes at least "
        f"{low:.0%} of the gap between the best constant answer and perfect answers.",
        Severity(sum(low > limit for limit in limits)),
        "Remove from the inputs what identifies the task, or train on tasks.MetaAug(source), which assigns classes to columns "
        "anew in each task (for values: MetaAug(source, Scaled())). learners.MetaRegularised penalises what an encoder memorises."
        " Otherwise a learner may memorise instead of adapting.",
        {"share": middle, "low": low, "high": high},
    )
    return Observation(f"{note}, {tasks} tasks", (finding,))


@dataclass(frozen=True)
class _Guess:
    """A function from one query to an answer, the best constant answer (P,), and how inputs are brought to one scale."""

    network: nn.Module
    constant: Tensor
    scale: tuple[Tensor, Tensor]
    classes: bool

    def answers(self, tasks: Task) -> Tensor:
        """Answers to the queries (B, Q, P), each from its own inputs alone."""
        x = (_flat(tasks) - self.scale[0]) / self.scale[1]
        found: Tensor = self.network(x.flatten(0, 1))
        return found.reshape(*x.shape[:2], -1)[..., : tasks.query.y.shape[-1]]

    def gain(self, tasks: Task) -> tuple[Tensor, Tensor]:
        """How much better than the constant each task is answered (B,), and the constant's own score (B,)."""
        with torch.no_grad():
            outputs = self.answers(tasks)
        mask, y = tasks.query.mask, tasks.query.y
        constant = self.constant[: y.shape[-1]].expand_as(y)
        scores = [(_rate(y, answer, self.classes) * mask).sum(1) / mask.sum(1) for answer in (outputs, constant)]
        return scores[0] - scores[1] if self.classes else scores[1] - scores[0], scores[1]


def _rate(y: Tensor, answer: Tensor, classes: bool) -> Tensor:
    """Accuracy, or squared error, of each query (B, Q)."""
    if classes:
        return (answer.argmax(-1) == y.argmax(-1)).to(y.dtype)
    return (answer - y).pow(2).mean(-1)


def _flat(tasks: Task) -> Tensor:
    """Inputs of the queries as numbers (B, Q, D)."""
    shape = tasks.query.mask.shape
    rows = plain_numbers(map_leaves(lambda leaf: leaf.flatten(0, 1), tasks.query.x))
    return rows.reshape(*shape, rows.shape[1])


def _trained(
    source: TaskSource[Any],
    first: Task,
    classes: bool,
    steps: int,
    batch: int,
    seed: int,
    progress: Callable[[int, int], None] | None,
) -> _Guess:
    seen = _flat(first)[first.query.mask.bool()]
    scale = (seen.mean(0), seen.std(0) + 0.1 * seen.std() + 1e-6)
    outputs = _ways(source, seed)
    network = MLP(seen.shape[1], (128, 64), outputs=outputs)
    optimizer = torch.optim.Adam(network.parameters(), 3e-3)
    answers, count = torch.zeros(outputs), torch.zeros(())
    guess = _Guess(network, answers, scale, classes)
    for step in range(steps):
        tasks = source.sample(batch, generator_of(seed, 1 + step))
        y, mask = tasks.query.y, tasks.query.mask
        answers[: y.shape[-1]] += (y * mask[..., None]).sum((0, 1))
        count += mask.sum()
        found = guess.answers(tasks)
        each = -(found.log_softmax(-1) * y).sum(-1) if classes else (found - y).pow(2).mean(-1)
        optimizer.zero_grad()
        torch.autograd.backward((each * mask).sum() / mask.sum())
        optimizer.step()
        if progress is not None:
            progress(step + 1, steps)
    return _Guess(network, answers / count.clamp(min=1), scale, classes)


def _ways(source: TaskSource[Any], seed: int) -> int:
    """The most target columns; with a range of ways a few hundred tasks show them."""
    most: tuple[int, int] | None = getattr(source, "ways", None)
    return most[1] if most is not None else source.sample(100, generator_of(seed)).query.y.shape[-1]
