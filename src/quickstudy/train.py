"""The one outer loop: meta-training as a generator of records."""

import inspect
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from quickstudy.borders.arguments import choice, number, whole
from quickstudy.errors import LearnerError, TaskError
from quickstudy.execution.acting import Acting
from quickstudy.execution.agreement import agree, hand_reads
from quickstudy.execution.batching import Strategy, meta_gradient
from quickstudy.execution.processes import Fabric, Processes
from quickstudy.execution.seeding import seed_generators
from quickstudy.functional.tree import to
from quickstudy.inputs.explained import explained, first_rows
from quickstudy.learner import Learner
from quickstudy.tasks.interactive import Interactive
from quickstudy.tasks.source import TaskSource, generator_of

__all__ = ["Record", "before_training", "prepare", "train"]


@dataclass(frozen=True)
class Record:
    """One outer step: its number (1 = first), mean objective, gradient norm before clipping, step size, seconds."""

    step: int
    loss: float
    gradient_norm: float
    lr: float
    seconds: float


def prepare(learner: Learner[Any], source: TaskSource[Any], seed: int = 0) -> None:
    """Statistics of meta-training tasks enter a learner's buffers, as `train` does before the first outer step.

    Args:
        learner: that has such buffers, see `Learner.prepare`.
        source: of meta-training.
        seed: of the run.
    """
    with before_training(seed) as generator:
        learner.prepare(source, generator)


@contextmanager
def before_training(seed: int = 0) -> Iterator[torch.Generator]:
    """Inside, random numbers are those that a run has before its first outer step, and no gradients are recorded.

    Args:
        seed: of the run.

    Yields:
        The generator of tasks.
    """
    with torch.no_grad(), torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        generator = generator_of(seed, -1)
        seed_generators(int(torch.randint(2**62, (), generator=generator)))
        yield generator


def train(
    learner: Learner[Any],
    source: TaskSource[Any],
    *,
    steps: int,
    batch: int,
    optimizer: Optimizer,
    schedule: LRScheduler | None = None,
    clip: float | None = None,
    seed: int = 0,
    start: int = 0,
    strategy: Strategy = "auto",
    chunk: int | None = None,
    fabric: Fabric | None = None,
    compile: bool = False,
    checkpoint: bool = False,
    prepared: bool = False,
) -> Iterator[Record]:
    """Meta-trains ``learner`` in place, one record a step: log, validate, save or stop in a plain ``for``.

    The tasks of step t and all random numbers inside depend on ``(seed, t)`` alone, so a run that was stopped goes on bit
    for bit with ``start`` = steps already done (after learner, optimizer and schedule were restored). A source that learns from
    losses (for example `tasks.Hard`) depends on those before, too: restore it by its ``state_dict``. Tasks of an interactive
    source (`tasks.Grasping`) hold tries of the learner as it is: they depend on (seed, t) and on its weights.

    Args:
        learner: what to train.
        source: where its tasks come from.
        steps: at which step to end.
        batch: tasks in a step.
        optimizer: any torch optimizer over the learner's parameters.
        schedule: any torch schedule of it, stepped once a step.
        clip: largest norm of the outer gradient.
        seed: of tasks and inner randomness.
        start: steps done before.
        strategy, chunk: see `quickstudy.execution.batching`.
        compile: turn the inner loop and its gradients into machine code first, which takes a minute or two once and then pays
            for small networks (see `quickstudy.execution.compiling`).
        checkpoint: keep the tensors of about √T of an inner loop's T steps and compute the others twice: less memory, about
            half as much time again (see `quickstudy.functional.checkpointing`).
        prepared: the learner was prepared already, see `prepare`.
        fabric: a launched Lightning Fabric: its device, its processes, each with a share of the step's tasks, and its
            precision, for the encoder alone. Several processes draw the tasks that one would, and end with the weights that
            one would, but for batch statistics and inner randomness, which are each process's own.

    A learner without an input kind takes that of the source (``learner.reads = source.reads``).

    Raises:
        LearnerError: nothing to train, targets of another kind than the learner's, an optimizer of other weights or one that
            wants the loss again (LBFGS), a schedule that wants a score (ReduceLROnPlateau), or a loss that became NaN or
            infinite (the learner stays as it was before that step).
        TaskError: no source of tasks, no tasks in a step, or fewer than processes.
        RunError: another process has ended.

    >>> from quickstudy.learners.optimization.maml import MAML
    >>> from quickstudy.likelihood import Gaussian
    >>> from quickstudy.nn.mlp import MLP
    >>> from quickstudy.tasks.sinusoid import Sinusoid
    >>> learner = MAML(MLP(1, outputs=1), inner_lr=0.01, likelihood=Gaussian())
    >>> optimizer = torch.optim.Adam(learner.parameters(), 1e-3)
    >>> [record.step for record in train(learner, Sinusoid(), steps=3, batch=4, optimizer=optimizer)]
    [1, 2, 3]
    """
    agree(learner, source)
    whole(TaskError, batch=batch)
    whole(LearnerError, steps=steps)
    whole(LearnerError, least=0, most=steps, start=start)
    whole(LearnerError, least=-(2**63), seed=seed)
    if chunk is not None:
        whole(LearnerError, chunk=chunk)
    if clip is not None:
        number(LearnerError, clip=clip, above=True)
    choice(LearnerError, Strategy, strategy=strategy)
    _require_optimizer(learner, optimizer, schedule)
    hand_reads(learner, source)
    processes = Processes(fabric)
    mine = processes.share(batch)
    if start == 0 and not prepared:
        prepare(learner, source, seed)
    processes.begin(learner, optimizer)
    weights = list(learner.parameters())  # also those that the optimizer does not hold, whose gradients would pile up
    device = weights[0].device
    for step in range(start, steps):
        began = time.perf_counter()
        learner.train()
        generator = generator_of(seed, step)
        now = source.at(step)
        plan = now.plan(batch, generator)
        if isinstance(now, Interactive):  # its tasks hold tries of the learner as it is, by random numbers of the step
            with _drawing(processes, generator, device):
                gathered = now.gather(plan[mine], Acting(learner))
        else:
            gathered = now.gather(plan[mine])
        tasks = to(gathered, device)
        held = [p for group in optimizer.param_groups for p in group["params"]]
        for weight in (*weights, *held):
            weight.grad = None
        before = [buffer.clone() for buffer in learner.buffers()]
        with explained(learner, first_rows(tasks)), _drawing(processes, generator, device):
            losses = meta_gradient(
                learner,
                tasks,
                strategy=strategy,
                chunk=chunk,
                precision=processes.autocast,
                compile=compile,
                checkpoint=checkpoint,
            )
        each = processes.combine(learner, before, losses, mine, batch)
        loss = float(each.mean())
        norm = _norm(held, clip)
        if not math.isfinite(loss) or not math.isfinite(norm):
            _undo(learner, before)
            raise LearnerError(
                f"step {step + 1}: the loss is {loss} and the gradient's norm {norm}. "
                "Lower the learning rates (inner_lr first), pass clip=, or check the data for extreme values."
            )
        optimizer.step()
        learner.advance()
        now.observe(plan, each)
        lr = float(optimizer.param_groups[0]["lr"])
        if schedule is not None:
            schedule.step()
        learner.eval()
        yield Record(step + 1, loss, norm, lr, time.perf_counter() - began)


@contextmanager
def _drawing(processes: Processes, generator: torch.Generator, device: torch.device) -> Iterator[None]:
    """The global generators begin at the next number of the step's own, and are set back afterwards."""
    with torch.random.fork_rng(devices=_devices(device)):
        seed_generators(processes.seed(int(torch.randint(2**62, (), generator=generator))), device.type != "cpu")
        yield


def _undo(learner: Learner[Any], buffers: list[torch.Tensor]) -> None:
    """Leaves the learner as it was before a step that failed: norm statistics included, no gradients."""
    for buffer, before in zip(learner.buffers(), buffers, strict=True):
        buffer.copy_(before)
    learner.zero_grad(set_to_none=True)
    learner.eval()


def _norm(parameters: list[torch.nn.Parameter], clip: float | None) -> float:
    if clip is not None:
        return float(torch.nn.utils.clip_grad_norm_(parameters, clip))
    return float(torch.nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None]))


def _devices(device: torch.device) -> list[int]:
    return [device.index or 0] if device.type == "cuda" else []


def _require_optimizer(learner: Learner[Any], optimizer: Any, schedule: Any) -> None:
    """An optimizer of this learner's weights that takes a step by itself, and a schedule of it."""
    name = type(learner).__name__
    trained = {id(p) for p in learner.parameters() if p.requires_grad}
    if not trained or (learner.facts.gradient == "none" and type(learner).objective is Learner.objective):
        raise LearnerError(f"{name} has nothing to meta-train: use it as it is, in evaluate().")
    if not isinstance(optimizer, Optimizer):
        raise LearnerError(
            f"optimizer={optimizer!r} is no torch optimizer. Give one: torch.optim.Adam(learner.parameters(), 1e-3)."
        )
    if _requires(optimizer.step, "closure"):
        raise LearnerError(
            f"{type(optimizer).__name__} computes the loss several times in a step, which train() does not. "
            "Choose an optimizer that takes its step from one gradient: torch.optim.Adam, AdamW or SGD."
        )
    if trained.isdisjoint(id(p) for group in optimizer.param_groups for p in group["params"]):
        raise LearnerError(
            f"the optimizer holds no weight of this {name}, which may train a copy of the network it was "
            "given. Build the optimizer on learner.parameters()."
        )
    for group in optimizer.param_groups:
        number(LearnerError, lr=float(group["lr"]))
    if schedule is None:
        return
    if not hasattr(schedule, "step"):
        raise LearnerError(f"schedule={schedule!r} is no schedule of step sizes. Give one of torch.optim.lr_scheduler, or None.")
    if _requires(schedule.step, "metrics"):
        raise LearnerError(
            f"{type(schedule).__name__} needs a score at each step, which train() does not have. Step it yourself in the loop: "
            "schedule.step(evaluate(learner, source).mean) after some records of train(...)."
        )
    if getattr(schedule, "optimizer", optimizer) is not optimizer:
        raise LearnerError("the schedule changes the step size of another optimizer. Build it on the one that train() is given.")


def _requires(step: Any, argument: str) -> bool:
    found = inspect.signature(step).parameters.get(argument)
    return found is not None and found.default is found.empty
