"""An evaluation in worlds: what is evaluated acts, learns from what it met, and acts again; its last action is scored."""

import time
from collections.abc import Callable, Sequence
from typing import Any

from quickstudy.borders.arguments import whole
from quickstudy.errors import TaskError
from quickstudy.evaluation.outside import as_baseline, name_of
from quickstudy.evaluation.scoring import seeded
from quickstudy.evaluation.soundness import require_numbers
from quickstudy.execution.acting import Acting, ActingFunction
from quickstudy.execution.batching import Strategy
from quickstudy.learner import Learner
from quickstudy.reports.report import Report
from quickstudy.tasks.interactive import Interactive
from quickstudy.tasks.source import Plan, generator_of

__all__ = ["interact", "interacted"]


def interacted(
    model: Any,
    source: Interactive[Any],
    plan: Plan,
    *,
    seed: int,
    limit: int | None = None,
    batch: int = 25,
    strategy: Strategy = "auto",
    progress: Callable[[int, int], None] | None = None,
) -> Report:
    """The report of a model on planned worlds; `evaluate` calls this where a source is interactive.

    Args:
        model: a learner; or a function from a support set to a function from possible actions to how well they end. If tries are
            made otherwise than the last action, it has such a function as its attribute ``trying``.
        source: of the worlds.
        plan: the tasks.
        seed: of the list.
        limit: only so many of them.
        batch: tasks that are acted in at once.
        strategy: "loop" for a learner that draws random numbers.
        progress: called with (tasks done, tasks).
    """
    learns = isinstance(model, Learner)
    act = Acting(model, strategy) if learns else ActingFunction(as_baseline(model, source.likelihood))
    evaluated: Any = plan[:limit]
    scores: list[float] = []
    name = model.title if learns else name_of(model)
    began = time.perf_counter()
    for low in range(0, len(evaluated), batch):
        found, _ = source.interact(evaluated[low : low + batch], act)
        require_numbers(found, name, low)
        scores += found.tolist()
        if progress is not None:
            progress(len(scores), len(evaluated))
    return Report(
        model=name,
        source=source.name,
        metric=source.metric,
        higher_is_better=source.higher_is_better,
        scores=tuple(scores),
        digest=source.digest(plan),
        seed=seed,
        transductive=model.facts.transductive if learns else False,
        norm=model.facts.norm if learns else "none",
        seconds=(time.perf_counter() - began) / max(len(scores), 1),
        state_bytes=None,
        planned=len(plan),
    )


def interact(
    model: Any, rounds: Sequence[Interactive[Any]], *, tasks: int = 300, seed: int = 0, strategy: Strategy = "auto"
) -> list[Report]:
    """A report for each number of tries, in the same worlds: how fast a model learns what it finds out itself.

    Args:
        model: as of `interacted`.
        rounds: the source with each number of tries, the largest last: its list of worlds is that of all.
        tasks: how many worlds.
        seed: of the list.
        strategy: see `interacted`.

    Raises:
        TaskError: no rounds.
    """
    whole(TaskError, tasks=tasks)
    if not rounds:
        raise TaskError("there are no rounds. Give the source with one number of tries at least.")
    with seeded(seed, 0):
        plan = rounds[-1].plan(tasks, generator_of(seed))
        return [interacted(model, source, plan, seed=seed, strategy=strategy) for source in rounds]
