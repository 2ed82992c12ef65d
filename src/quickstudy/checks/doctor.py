"""The doctor: all checks that suit a data set, a source of tasks, a learner or a run."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from torch.optim import Optimizer

from quickstudy.checks.columns import fixed_columns, revealing_positions
from quickstudy.checks.cost import costs_too_much
from quickstudy.checks.diversity import differ_too_little
from quickstudy.checks.finding import Diagnosis, Finding, Observation, Severity, skipped
from quickstudy.checks.gradient import check_metagradient
from quickstudy.checks.memorisation import answered_without_support
from quickstudy.checks.other_queries import moved_by_names, moved_by_order, moved_by_other_queries
from quickstudy.checks.progress import meta_overfitting, meta_train_gap
from quickstudy.checks.record import Checks
from quickstudy.checks.second_order import unsafe_second_order
from quickstudy.checks.sources import check_source
from quickstudy.checks.splits import copies_inside_classes, repeated_examples, shared_classes
from quickstudy.datasets.class_index import ClassIndex, Splits
from quickstudy.datasets.task_table import Table, TableSplits
from quickstudy.errors import ContractError, TaskError, UserError
from quickstudy.execution.agreement import disagreement
from quickstudy.learner import Learner
from quickstudy.tasks.by_task import ByTask
from quickstudy.tasks.few_shot import FewShot
from quickstudy.tasks.named_data import Sources
from quickstudy.tasks.source import TaskSource
from quickstudy.tasks.supervised import Supervised

__all__ = ["CHECKS", "Subject", "examine", "subject_of_data"]


@dataclass(frozen=True)
class Subject:
    """What the doctor examines; leave out what you do not have, and the checks that need it are skipped.

    Args:
        name: of the whole, for the report.
        train, val, test: sources of meta-training, meta-validation and meta-test tasks.
        learner: any learner; copies of it are used.
        optimizer, batch, steps: of its meta-training, for what that will cost.
        history: lines of a run's log, see `meta_overfitting`.
        trained: whether the learner was trained on ``train``; its gap to ``val`` is then measured.
        splits: classes by name of the split; those of the sources by default.
        troubles: why a source could not be made.
    """

    name: str
    train: TaskSource[Any] | None = None
    val: TaskSource[Any] | None = None
    test: TaskSource[Any] | None = None
    learner: Learner[Any] | None = None
    optimizer: Optimizer | None = None
    batch: int = 1
    steps: int = 0
    history: Sequence[Mapping[str, Any]] = ()
    trained: bool = False
    splits: Mapping[str, ClassIndex] = field(default_factory=dict)
    troubles: tuple[str, ...] = ()

    @property
    def sources(self) -> dict[str, TaskSource[Any]]:
        """The sources there are, by name of the split."""
        parts = {"train": self.train, "val": self.val, "test": self.test}
        return {name: source for name, source in parts.items() if source is not None}

    @property
    def indices(self) -> Mapping[str, ClassIndex]:
        """The classes of each split."""
        found = {name: getattr(source, "index", None) for name, source in self.sources.items()}
        return self.splits or {name: index for name, index in found.items() if isinstance(index, ClassIndex)}

    @property
    def small_tasks(self) -> TaskSource[Any] | None:
        """Small tasks as the learner is evaluated on."""
        source = self.val or self.test or self.train
        return None if source is None else _lighter(source)


def subject_of_data(
    data: Splits | ClassIndex | TableSplits | Table | Sources,
    name: str = "",
    *,
    ways: int = 5,
    shots: int = 1,
    queries: int = 5,
) -> Subject:
    """A data set as few-shot tasks; sizes that do not fit a split are lowered.

    Args:
        data: three splits, or one index of classes; the same of tables of tasks; or three sources.
        name: of the data.
        ways, shots, queries: of a task; sources have their own, a table's tasks the classes that they have.

    >>> import torch
    >>> from quickstudy.datasets.arrays import from_arrays
    >>> subject = subject_of_data(from_arrays(torch.randn(12, 4), torch.arange(12) % 3))
    >>> subject.train.name
    'data 3-way 1-shot 3 queries'
    """
    if isinstance(data, Sources):
        return Subject(name or data.train.name, data.train, data.val, data.test)
    parts: dict[str, Any] = data._asdict() if isinstance(data, Splits | TableSplits) else {"train": data}
    made: dict[str, TaskSource[Any]] = {}
    troubles = []
    for part, held in parts.items():
        try:
            if isinstance(held, Table):
                made[part] = ByTask(held, shots, too_small="skip")
            else:
                fits = max(1, min(queries, int(held.counts.min()) - shots))
                made[part] = FewShot(held, min(ways, len(held.classes)), shots, fits)
        except TaskError as error:
            troubles.append(str(error))
    splits = {part: held for part, held in parts.items() if isinstance(held, ClassIndex)}
    found = Subject(name or parts["train"].name, splits=splits, troubles=tuple(troubles))
    return replace(found, **made)  # type: ignore[arg-type]


def examine(
    subject: Subject,
    *,
    tasks: int = 200,
    seed: int = 0,
    only: Sequence[str] | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> Diagnosis:
    """Runs every check of `CHECKS` that suits the subject.

    Args:
        subject: see `Subject` and `subject_of_data`.
        tasks: on which shares and gaps are measured.
        seed: of all tasks and random numbers.
        only: names of checks; all by default.
        progress: called with (the check that begins, checks done, checks).

    Raises:
        TaskError: no check of such a name.

    >>> from quickstudy.tasks.sinusoid import Sinusoid
    >>> found = examine(Subject("waves", train=Sinusoid()), only=["positions", "diversity"])
    >>> found.worst is None, found.observations["diversity"].verdict
    (True, 'ok')
    """
    unknown = sorted(set(only or ()) - set(CHECKS))
    if unknown:
        raise TaskError(f"there is no check {', '.join(map(repr, unknown))}. Checks: {', '.join(CHECKS)}.")
    chosen = {name: check for name, check in CHECKS.items() if only is None or name in only}
    observations = {}
    for number, (name, check) in enumerate(chosen.items()):
        if progress is not None:
            progress(name, number, len(chosen))
        try:
            observations[name] = check(subject, tasks, seed)
        except UserError as error:
            observations[name] = Observation(
                "stopped", (Finding(f"{name}: {error}", Severity.SEVERE, "Repair this first, then run the check again."),)
            )
    return Diagnosis(subject.name, observations)


def _lighter(source: TaskSource[Any]) -> TaskSource[Any]:
    """Tasks of the same kind with few rows, for checks that adapt many times in double precision."""
    if isinstance(source, FewShot) and source.sizes is None:
        ways, shots = (min(source.ways[0], 5), min(source.ways[1], 5)), source.shots
        return FewShot(source.index, ways, shots, min(source.queries, 2), balanced=source.balanced)
    return Supervised(source.index, min(source.examples, 16)) if isinstance(source, Supervised) else source


def _of_train(check: Callable[..., Observation]) -> Callable[[Subject, int, int], Observation]:
    def ask(subject: Subject, tasks: int, seed: int) -> Observation:
        return skipped("there are no meta-training tasks") if subject.train is None else check(subject.train, seed=seed)

    return ask


def _of_learner(check: Callable[..., Observation]) -> Callable[[Subject, int, int], Observation]:
    def ask(subject: Subject, tasks: int, seed: int) -> Observation:
        if subject.learner is None or subject.small_tasks is None:
            return skipped("there is no learner with tasks")
        return check(subject.learner, subject.small_tasks, seed=seed)

    return ask


def _promises(subject: Subject, tasks: int, seed: int) -> Observation:
    """The promises of `check_source`."""
    found = [
        Finding(trouble, Severity.SEVERE, "Give each class enough examples for a support set and a query.")
        for trouble in subject.troubles
    ]
    for name, source in subject.sources.items():
        found += _contract(partial(check_source, source, seed=seed), name)
    return Observation(f"{len(subject.sources)} sources checked", tuple(found))


def _contract(ask: Callable[[], Checks], name: str) -> list[Finding]:
    try:
        ask()
    except ContractError as error:
        head, _, rest = str(error).partition(". Found: ")
        what, _, remedy = rest.partition(". ")
        return [Finding(f"{name}: {head}. Found: {what}.", Severity.SEVERE, remedy)]
    return []


def _meaning(subject: Subject, tasks: int, seed: int) -> Observation:
    """Whether learner and sources agree on what targets mean and how images are read."""
    if subject.learner is None or not subject.sources:
        return skipped("there is no learner with tasks")
    found = [(name, disagreement(subject.learner, source)) for name, source in subject.sources.items()]
    findings = tuple(Finding(f"{name}: {what}", Severity.SEVERE, "See above.") for name, what in found if what is not None)
    likelihood = type(subject.learner.likelihood).__name__
    return Observation(f"{subject.learner.likelihood.targets} by {likelihood}, in the learner and its sources", findings)


def _memorised(subject: Subject, tasks: int, seed: int) -> Observation:
    if subject.train is None:
        return skipped("there are no meta-training tasks")
    return answered_without_support(subject.train, tasks=tasks, seed=seed)


def _gradient(subject: Subject, tasks: int, seed: int) -> Observation:
    learner, source = subject.learner, subject.train
    if learner is None or source is None:
        return skipped("there is no learner with tasks")
    notes: list[str] = []

    def ask() -> Checks:
        found = check_metagradient(learner, _lighter(source), seed=seed)
        notes.extend(point.note for point in found.points)
        return found

    found = _contract(ask, type(learner).__name__)
    return Observation("; ".join(notes) or "wrong", tuple(found))


def _second_order(subject: Subject, tasks: int, seed: int) -> Observation:
    if subject.learner is None or subject.train is None:
        return skipped("there is no learner with tasks")
    return unsafe_second_order(subject.learner, _lighter(subject.train), seed=seed)


def _overfitting(subject: Subject, tasks: int, seed: int) -> Observation:
    if subject.learner is None or not subject.history:
        return skipped("there is no log of a run")
    return meta_overfitting(subject.history, higher_is_better=subject.learner.likelihood.higher_is_better)


def _gap(subject: Subject, tasks: int, seed: int) -> Observation:
    if subject.learner is None or not subject.trained or subject.train is None or subject.val is None:
        return skipped("there is no trained learner with validation tasks")
    return meta_train_gap(subject.learner, subject.train, subject.val, tasks=tasks, seed=seed)


def _cost(subject: Subject, tasks: int, seed: int) -> Observation:
    if subject.learner is None or subject.train is None or not subject.steps:
        return skipped("there is no meta-training")
    return costs_too_much(
        subject.learner, subject.train, batch=subject.batch, steps=subject.steps, optimizer=subject.optimizer, seed=seed
    )


CHECKS: Mapping[str, Callable[[Subject, int, int], Observation]] = {
    "sources": _promises,
    "targets": _meaning,
    "class names": lambda subject, tasks, seed: shared_classes(subject.indices),
    "examples": lambda subject, tasks, seed: repeated_examples(subject.indices),
    "copies": lambda subject, tasks, seed: copies_inside_classes(subject.indices),
    "class columns": _of_train(fixed_columns),
    "positions": _of_train(revealing_positions),
    "memorisation": _memorised,
    "diversity": _of_train(differ_too_little),
    "other queries": _of_learner(moved_by_other_queries),
    "support order": _of_learner(moved_by_order),
    "column order": _of_learner(moved_by_names),
    "meta-gradient": _gradient,
    "second order": _second_order,
    "meta-overfitting": _overfitting,
    "gap": _gap,
    "cost": _cost,
}
"""Every check by name, cheap ones first: a function of a subject, a number of tasks and a seed."""
