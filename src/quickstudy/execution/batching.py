"""Many tasks at once: a function of one task is mapped over a batch, by vmap or by a loop.

Both give the same numbers. On a CPU small networks are faster under vmap and wide convolutions in a loop; `auto` follows
that measurement, and takes the loop wherever a layer is not safe under vmap.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.backends import mha

from quickstudy.errors import LearnerError
from quickstudy.execution.compiling import program
from quickstudy.execution.conversion import compare_converted
from quickstudy.execution.vmap_safety import Objectives, inside, trial, unsafe_layer, warn_once
from quickstudy.functional.attention import plain_attention
from quickstudy.functional.checkpointing import checkpointing
from quickstudy.functional.tree import leaves, map_leaves, stack, unstack
from quickstudy.functional.unroll import mapped
from quickstudy.learner import Learner
from quickstudy.nn import norm
from quickstudy.task import Task

__all__ = ["Precision", "Strategy", "choose", "encode_tasks", "meta_gradient", "over_tasks", "trimmed"]

Strategy = Literal["auto", "vmap", "loop"]

Precision = Callable[[], AbstractContextManager[Any]]
"""Makes the context that an encoder computes in, automatic mixed precision for example."""

_HALF = (torch.bfloat16, torch.float16)
_WIDE = 20_000
"""Numbers in one example's widest feature map above which a loop beats vmap on a CPU (measured between 12k and 50k)."""


def over_tasks(
    fn: Callable[..., Any],
    tasks: Any,
    strategy: Literal["vmap", "loop"] = "loop",
    chunk: int | None = None,
    *,
    rewind: Callable[[], None] | None = None,
) -> Any:
    """``fn`` of each task in a batch (the first axis of every tensor of ``tasks``), results stacked.

    Each task draws random numbers of its own; with ``rewind``, which sets the generators back, all draw the same ones.

    >>> over_tasks(lambda x: x.sum(), torch.ones(3, 2), "vmap"), over_tasks(lambda x: x.sum(), torch.ones(3, 2))
    (tensor([2., 2., 2.]), tensor([2., 2., 2.]))
    """
    with mapped(strategy == "vmap"):
        if strategy == "vmap":
            with _mappable_attention():
                if rewind is not None:
                    rewind()
                return torch.func.vmap(fn, randomness="same" if rewind else "different", chunk_size=chunk)(tasks)
        results = []
        for task in unstack(tasks):
            if rewind is not None:
                rewind()
            results.append(fn(task))
        return stack(results)


@contextmanager
def _mappable_attention() -> Iterator[None]:
    """Without the fused kernels of attention, which have no vmap rule."""
    before = mha.get_fastpath_enabled()
    mha.set_fastpath_enabled(False)
    try:
        with plain_attention():
            yield
    finally:
        mha.set_fastpath_enabled(before)


def choose(learner: Learner[Any], tasks: Task, strategy: Strategy = "auto") -> Literal["vmap", "loop"]:
    """Which way of mapping ``learner`` over encoded ``tasks`` is correct, and then which is faster.

    What cannot be mapped by vmap is named once, with the remedy, in the log of the name ``quickstudy``.

    Raises:
        LearnerError: a converted network computes something else than the original, see `compare_converted`.
    """
    compare_converted(learner, tasks)
    if strategy != "auto":
        return strategy
    if not learner.facts.batchable or (learner.facts.transductive and not bool(tasks.query.mask.all())):
        return "loop"
    on_cpu = tasks.query.mask.device.type == "cpu"
    if len(tasks) < 2 or (on_cpu and _widest(learner, tasks) > _WIDE):
        return "loop"
    reason = unsafe_layer(learner) or _single_row(learner, tasks) or trial(learner, _few(tasks))
    if reason is None:
        return "vmap"
    warn_once(f"{type(learner).__name__}: tasks run one after another, because {reason}")
    return "loop"


def _single_row(learner: Learner[Any], tasks: Task) -> str | None:
    """Whether a batch norm may meet one support row, which it refuses in a loop alone: vmap cannot branch on a mask."""
    if any(isinstance(part, norm.BatchNorm) for _, part in inside(learner)) and bool((tasks.support.mask.sum(-1) <= 1).any()):
        return "a support set has one row, and batch norms need more numbers than one in a channel."
    return None


def _few(tasks: Task) -> Objectives:
    """Objectives (in eval mode: losses of predictions) of the first two tasks, in double precision."""
    device = torch.device("cpu") if tasks.query.mask.device.type == "mps" else None  # Apple's GPUs have no double precision

    def objectives(learner: Learner[Any], way: str, rewind: Callable[[], None] | None) -> Tensor:
        two = map_leaves(lambda leaf: leaf.detach().to(device, torch.float64 if leaf.is_floating_point() else None), tasks[:2])

        def predicted(task: Task) -> Tensor:
            outputs = learner.predict(learner.adapt(task.support), task.query.x)
            return learner.likelihood.nll(outputs, task.query.y, task.query.mask)

        losses: Tensor = over_tasks(
            learner.objective if learner.training else predicted, two, "vmap" if way == "vmap" else "loop", rewind=rewind
        )
        return losses

    return objectives


def _widest(learner: Learner[Any], tasks: Any) -> int:
    """A rough size of the widest feature map that tasks pass through inside `adapt`."""
    spatial = [leaf.shape[-2:].numel() for leaf in leaves(tasks) if leaf.ndim >= 5]
    convolutions = [m for _, m in inside(learner) if isinstance(m, nn.Conv2d)] if spatial else []
    if not convolutions:
        return 0
    first = convolutions[0]
    return int(max(spatial)) * first.out_channels // (first.stride[0] * int(first.stride[-1]))


def encode_tasks(learner: Learner[Any], tasks: Task, precision: Precision = nullcontext) -> Task:
    """A batch of tasks with features for inputs: one call of the encoder for all real rows, padding left out.

    The encoder computes within ``precision()``; features of mixed precision become float32, in which adapting computes.
    """
    if not learner.encodes:
        return tasks
    masks = [tasks.support.mask.bool(), tasks.query.mask.bool()]
    real = map_leaves(lambda s, q: torch.cat([s[masks[0]], q[masks[1]]]), tasks.support.x, tasks.query.x)
    with precision():
        features, mixed = learner.encode(real), torch.is_autocast_enabled(masks[0].device.type)
    if mixed:
        features = map_leaves(lambda z: z.float() if z.dtype in _HALF else z, features)
    cut = int(masks[0].sum())
    support = map_leaves(lambda z: _scatter(z[:cut], masks[0]), features)
    query = map_leaves(lambda z: _scatter(z[cut:], masks[1]), features)
    return Task(tasks.support.replace(support), tasks.query.replace(query))


def _scatter(rows: Tensor, mask: Tensor) -> Tensor:
    if rows.shape[0] == mask.numel():
        return rows.reshape(*mask.shape, *rows.shape[1:])
    return rows.new_zeros(*mask.shape, *rows.shape[1:]).index_put(torch.where(mask), rows)


def trimmed(fn: Callable[[Task], Any]) -> Callable[[Task], Any]:
    """``fn`` of a task whose padded queries were cut off, so that a transductive learner does not see them."""
    return lambda task: fn(Task(task.support, task.query.trim()))


def meta_gradient(
    learner: Learner[Any],
    tasks: Task,
    *,
    strategy: Strategy = "auto",
    chunk: int | None = None,
    precision: Precision = nullcontext,
    compile: bool = False,
    checkpoint: bool = False,
) -> Tensor:
    """Adds the gradient of the mean objective over a batch of tasks to ``.grad``; returns each task's objective (B,).

    The backward pass runs chunk by chunk (``chunk`` tasks; in a loop by default one, under vmap by default all), which
    bounds the memory; gradients gather at the encoded features, and then the encoder's own backward pass runs once.
    With ``compile`` a chunk's objectives and their gradient are one compiled program (see `quickstudy.execution.compiling`). With
    ``checkpoint`` inner steps are computed twice, in a loop over tasks, and memory grows with the root of their number.

    Raises:
        LearnerError: a layer inside `adapt` has no second derivative, or ``checkpoint`` together with vmap or ``compile``.
    """
    if checkpoint and (strategy == "vmap" or compile):
        raise LearnerError("checkpoint=True runs tasks in a loop, uncompiled: leave out compile, strategy and chunk.")
    encoded = encode_tasks(learner, tasks, precision)
    way = choose(learner, encoded, "loop" if checkpoint else strategy)
    shared = [leaf for leaf in leaves([encoded.support.x, encoded.query.x]) if leaf.requires_grad]
    if shared:
        cut = map_leaves(lambda z: z.detach().requires_grad_(z.requires_grad), [encoded.support.x, encoded.query.x])
        inner = Task(encoded.support.replace(cut[0]), encoded.query.replace(cut[1]))
    else:
        inner = encoded
    count = len(tasks)
    size = chunk or (count if way == "vmap" else 1)
    objective = trimmed(learner.objective) if way == "loop" else learner.objective
    objectives = []
    for low in range(0, count, size):
        part = inner[low : low + size] if size < count else inner
        made = program(learner, objective, part, lambda fn, tasks: over_tasks(fn, tasks, way)) if compile else None
        if made is not None:
            objectives.append(made(part, 1 / count))
            continue
        with checkpointing(checkpoint):
            losses = over_tasks(objective, part, way)
        if losses.requires_grad:
            _backward(losses.sum() / count)
        objectives.append(losses.detach())
    if shared:
        grads = [leaf.grad for leaf in leaves(cut) if leaf.requires_grad]
        live = [(z, g) for z, g in zip(shared, grads, strict=True) if g is not None]
        if live:
            torch.autograd.backward([z for z, _ in live], [g for _, g in live])
    return torch.cat(objectives)


def _backward(loss: Tensor) -> None:
    try:
        loss.backward()  # type: ignore[no-untyped-call]
    except RuntimeError as error:
        missing = "derivative" in str(error) and "not implemented" in str(error)
        if not missing and "once_differentiable" not in str(error):
            raise
        raise LearnerError(
            f"a layer of the network has no second derivative in PyTorch ({str(error).splitlines()[0]}). "
            "Put another layer in its place, or treat inner gradients as constants (first_order=True)."
        ) from error
