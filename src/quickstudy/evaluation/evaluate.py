"""The one evaluation loop: any learner, and any function from a support set to a predictor, on a list of unseen tasks."""

import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeVar

import torch
from torch import Tensor

from quickstudy.borders.arguments import choice, whole
from quickstudy.errors import LearnerError, TaskError
from quickstudy.evaluation.answers import Answers
from quickstudy.evaluation.columns import cut, query_units, said_of, task_columns
from quickstudy.evaluation.encoded_batches import encoded_batches
from quickstudy.evaluation.interact import interacted
from quickstudy.evaluation.outside import as_baseline, name_of
from quickstudy.evaluation.scoring import Outside, score_batch, score_task, seeded, timed
from quickstudy.evaluation.soundness import require_numbers, require_queries
from quickstudy.execution.agreement import agree, require_source
from quickstudy.execution.batching import Strategy, choose
from quickstudy.execution.jobs import jobs_of, spread
from quickstudy.functional.tree import bytes_of, to
from quickstudy.inputs.explained import explained, first_rows
from quickstudy.learner import Learner, evaluating
from quickstudy.likelihood import Likelihood
from quickstudy.metrics.measure import Metric, Tally
from quickstudy.metrics.predicted import Predicted
from quickstudy.reports.report import Report
from quickstudy.task import Examples, Task, unstack_tasks
from quickstudy.tasks.interactive import Interactive
from quickstudy.tasks.row_plan import RowPlan
from quickstudy.tasks.source import Plan, TaskSource, generator_of

__all__ = ["Watcher", "evaluate", "evaluate_each"]

Key = TypeVar("Key")

Watcher = Callable[[Predicted, Tensor], None]
"""Receives the outputs for a task's real queries, and their targets (Q, …)."""

_TIMED = 10
_AHEAD = 16
"""Tasks of an outside model that are gathered for each process before the results are waited for."""


def evaluate(
    model: Any,
    source: TaskSource[Any],
    *,
    tasks: int = 1000,
    plan: Plan | None = None,
    limit: int | None = None,
    seed: int = 0,
    batch: int = 25,
    strategy: Strategy = "auto",
    metrics: Sequence[Metric] = (),
    watch: Watcher | None = None,
    progress: Callable[[int, int], None] | None = None,
    jobs: int | None = None,
) -> Report:
    """Evaluates ``model`` on ``tasks`` tasks that ``seed`` alone decides; queries of a task are never trained on.

    In an interactive source the model acts, and what its last action brought is its score, see `evaluation.interact`.
    A learner's encoder processes each row of a data set once, not once for each task. Baselines are evaluated one task after
    another: an estimator of scikit-learn in one word, ``evaluate(KNeighborsClassifier(1), source)``, or any function,
    ``evaluate(lambda s: KNeighborsClassifier(1).fit(s.x, s.labels).predict, source)``.

    Args:
        model: a learner; an estimator with ``fit`` and ``predict`` (or its class), copied and fitted for each task; or a function
            from a support set (its real rows and columns) to a function from inputs to outputs.
        source: the tasks.
        tasks: how many.
        plan: evaluate this list (for example from `tasks.load_tasks`) instead of drawing one; ``tasks`` is not used then.
        limit: evaluate only the first so many of them, where adapting is slow; the list, and so its digest, stays the same.
        seed: of the task list.
        batch: tasks held in memory at once.
        strategy: see `quickstudy.execution.batching`.
        metrics: more numbers for the report, functions of `quickstudy.metrics` or of your own.
        watch: receives each task's predictions and targets, for example to store them.
        progress: called with (tasks done, tasks) now and then.
        jobs: processes that share the tasks, -1 for all cores; None: as many as ``joblib.parallel_config`` says, otherwise one.
            Scores are those of one process: features are encoded once, here, and what is drawn depends on the seed and the
            number of the task.

    Raises:
        LearnerError: no model, one of another kind of targets than the source's, the encoder has a batch norm without running
            averages, outputs are NaN, a metric wants what the model does not give, or other processes cannot have the model.
        TaskError: no source, no tasks, a limit below 1, or a task without queries.
        ShapeError: a baseline's outputs do not fit the targets.
    """
    whole(TaskError, tasks=tasks, batch=batch)
    if limit is not None:
        whole(TaskError, limit=limit)
    choice(LearnerError, Strategy, strategy=strategy)
    jobs_of(jobs)
    if isinstance(model, Learner):
        agree(model, source)
    else:
        require_source(source)
    likelihood = model.stated if isinstance(model, Learner) else source.likelihood
    if not isinstance(model, Learner):
        as_baseline(model, likelihood)  # refuses what is none
    tally = Tally(metrics)
    answers: Answers | None = None

    def look(predicted: Predicted, y: Tensor) -> None:
        tally.add(predicted, y)
        if watch is not None:
            watch(predicted, y)

    with seeded(seed, 0):
        plan = source.plan(tasks, generator_of(seed)) if plan is None else plan
        if not len(plan):
            raise TaskError("the list holds no tasks. Evaluate at least one.")
        if isinstance(source, Interactive):
            return interacted(model, source, plan, seed=seed, limit=limit, batch=batch, strategy=strategy, progress=progress)
        evaluated = plan[:limit]
        answers = Answers.of(source, evaluated, likelihood)
        setting = _Setting(source, evaluated, seed, batch, strategy, jobs, progress)
        if isinstance(model, Learner):
            looking = look if metrics or watch is not None else None
            scores, seconds, size = _evaluate_learner(model, setting, looking, answers)
        else:
            scores, seconds, size = _evaluate_outside(model, likelihood, setting, look, answers)
    facts = model.facts if isinstance(model, Learner) else None
    clusters = evaluated.clusters if isinstance(evaluated, RowPlan) else None
    classes = None if clusters is None else tuple(map(tuple, clusters.tolist()))
    report = Report(
        model=model.title if isinstance(model, Learner) else name_of(model),
        source=source.name,
        metric=likelihood.metric,
        higher_is_better=likelihood.higher_is_better,
        scores=tuple(scores),
        digest=source.digest(plan),
        seed=seed,
        transductive=facts.transductive if facts else False,
        norm=facts.norm if facts else "none",
        seconds=seconds,
        state_bytes=size,
        planned=len(plan),
        classes=classes,
        by_class=None if answers is None else answers.result(),
        apart=evaluated.apart,
    )
    return replace(report, others=tally.scores(report.for_world(next(iter(report.intervals)))))


def evaluate_each(
    model: Any,
    sources: Mapping[Key, TaskSource[Any]],
    *,
    tasks: int = 1000,
    seed: int = 0,
    metrics: Sequence[Metric] = (),
    progress: Callable[[int, int], None] | None = None,
    jobs: int | None = None,
) -> dict[Key, Report]:
    """One model on several sources: by the number of shots or ways, or on other data than it was trained on.

    Args:
        model: a learner, an estimator or a function, as for `evaluate`.
        sources: by what sets them apart: ``{k: source.resized(shots=k) for k in (1, 5, 20)}``.
        tasks: of each source.
        seed: of each task list.
        metrics: more numbers for each report.
        progress: called with (tasks done, tasks in all) now and then.
        jobs: as for `evaluate`.

    Raises:
        UserError: as `evaluate`.

    >>> from quickstudy.tasks.sinusoid import Sinusoid
    >>> found = evaluate_each(Sinusoid.oracle, {k: Sinusoid(shots=k) for k in (2, 10)}, tasks=3)
    >>> found[2].source
    'sinusoid 2-shot 10 queries'
    """
    found: dict[Key, Report] = {}
    for key, source in sources.items():
        before = tasks * len(found)

        def told(done: int, _: int, before: int = before) -> None:
            if progress is not None:
                progress(before + done, tasks * len(sources))

        found[key] = evaluate(model, source, tasks=tasks, seed=seed, metrics=metrics, progress=told, jobs=jobs)
    return found


@dataclass(frozen=True)
class _Setting:
    """How a list of tasks is evaluated; arguments as of `evaluate`."""

    source: TaskSource[Any]
    plan: Plan
    seed: int
    batch: int
    strategy: Strategy
    jobs: int | None
    progress: Callable[[int, int], None] | None

    def told(self, done: int) -> None:
        if self.progress is not None:
            self.progress(done, len(self.plan))


def _evaluate_learner(
    learner: Learner[Any], setting: _Setting, look: Watcher | None, answers: Answers | None
) -> tuple[list[float], float, int | None]:
    device = next((p.device for p in learner.parameters()), torch.device("cpu"))
    likelihood, source, plan = learner.stated, setting.source, setting.plan

    def calls() -> Iterator[tuple[Task, Literal["vmap", "loop"], int, int]]:
        first = 0
        for encoded in encoded_batches(learner, source, plan, setting.batch, device):
            require_queries(encoded, likelihood, first)
            with explained(learner, first_rows(encoded)):
                way = choose(learner, encoded, setting.strategy)
            yield encoded, way, setting.seed, first
            first += len(encoded)

    scores: list[float] = []
    with torch.no_grad(), evaluating(learner):
        together = look is not None and query_units(source, plan[:1]) is not None
        for (encoded, _, _, first), (found, said) in spread(score_batch, learner, calls(), setting.jobs, called=learner.title):
            require_numbers(found, type(learner).__name__, first)
            if answers is not None:
                answers.add(said, encoded.query.y, encoded.query.mask, first)
            scores += found.tolist()
            if look is not None:
                units = query_units(source, plan[first : len(scores)]) if together else None
                for number, outputs in enumerate(said):
                    look(*said_of(outputs, encoded[number], likelihood, None if units is None else units[number]))
            setting.told(len(scores))
        supports = [task.support.trim() for task in unstack_tasks(to(source.gather(plan[:_TIMED]), device))]
        states = [timed(lambda s: learner.adapt(s.replace(learner.encode(s.x))), support) for support in supports]
    return scores, statistics.median(seconds for seconds, _ in states), bytes_of(states[0][1])


def _evaluate_outside(
    model: Any, likelihood: Likelihood, setting: _Setting, look: Watcher, answers: Answers | None
) -> tuple[list[float], float, int | None]:
    name, source, plan = name_of(model), setting.source, setting.plan

    def calls() -> Iterator[tuple[Examples, Examples, int]]:
        for number in range(len(plan)):
            tasks = source.gather(plan[number : number + 1])
            require_queries(tasks, likelihood, number)
            columns = task_columns(tasks[0].support, tasks[0].query, likelihood)
            listed.append(columns)
            yield cut(tasks[0].support.trim(), columns), cut(tasks[0].query.trim(), columns), number

    listed: list[Tensor] = []
    scores, seconds = [], []
    shared = Outside(model, likelihood, source.name, setting.seed)
    results = spread(score_task, shared, calls(), setting.jobs, ahead=_AHEAD, called=name)
    for (_, query, number), (score, predicted, took) in results:
        require_numbers(torch.tensor([score]), name, number)
        if answers is not None:
            answers.add(predicted.outputs[None], query.y[None], query.mask[None], number, listed[number])
        scores.append(score)
        look(predicted, query.y)
        seconds.append(took)
        setting.told(number + 1)
    return scores, statistics.median(seconds), None
