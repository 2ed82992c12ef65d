"""What the applications of few cases and many normal rows share: their tasks, their learner, and the methods beside it."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.optim import AdamW

from quickstudy.apps.application import Setting
from quickstudy.apps.parts.known_kinds import known_kinds
from quickstudy.datasets.against_normal import CASE, NORMAL
from quickstudy.datasets.task_table import Table, TableSplits
from quickstudy.errors import TaskError
from quickstudy.inputs.columns import Columns
from quickstudy.learners.closed_form.kernel_ridge import KernelRidge
from quickstudy.learners.wrappers.on_features import OnFeatures
from quickstudy.nn.column_kernels import LaplaceKernel, LinearKernel
from quickstudy.nn.kernels import MixtureKernel
from quickstudy.nn.side_by_side import ColumnRange, SideBySide
from quickstudy.recipes.parts.recipe import Recipe, one_cycle
from quickstudy.reports.promise import Promise
from quickstudy.task import Examples
from quickstudy.tasks.by_task import ByTask
from quickstudy.tasks.mixture import Mixture
from quickstudy.tasks.source import generator_of

__all__ = ["BASELINE_MAKERS", "NORMALS", "few_cases", "settings_of_cases", "sizes_of", "tasks_of"]

NORMALS = 100
_CASES, _TASKS, _LIST = (1, 2, 5, 10), 300, 1000
_OF_SCORE = 0.3
_TRAIN_CASES, _TRAIN_QUERIES, _LEFT = (1, 2, 3, 5, 10), 60, 4


def tasks_of(table: Table, cases: int, *, queries: Mapping[str, int] | None = None) -> ByTask:
    """Support sets of so many cases and 100 normal rows; all other rows are queries, or so many of each, four cases or more.

    Raises:
        TaskError: no kind of case has so many.
    """
    counts = _counts(table)
    enough = ((counts[:, 0] > NORMALS) & (counts[:, 1] >= cases + _LEFT)).tolist()
    names = [name for name, fits in zip(table.task_names, enough, strict=True) if fits]
    if not names:
        raise TaskError(
            f"{table.name}: no kind of case has {cases + _LEFT} rows beside {NORMALS + 1} normal ones. Give more of either."
        )
    return ByTask(table.select(names, table.name), {NORMAL: NORMALS, CASE: cases}, queries, too_small="skip")


def sizes_of(table: Table, sizes: Sequence[int]) -> list[int]:
    """The numbers of cases of which there are tasks."""
    counts = _counts(table)
    return [size for size in sizes if bool(((counts[:, 0] > NORMALS) & (counts[:, 1] >= size + _LEFT)).any())]


def _counts(table: Table) -> Tensor:
    """Normal rows and cases of each task, (T, 2)."""
    return torch.bincount(table.tasks * 2 + table.y, minlength=2 * len(table.task_names)).view(-1, 2)


def few_cases(
    tables: TableSplits, *, steps: int, batch: int, lr: float, test_cases: int, linear: float = 0.15, known: bool = True
) -> Recipe:
    """Ridge regression with a learned kernel, on a row's columns and how much it is like cases of known kinds.

    The kernel is the sum of Laplace's and a linear one. Weights of columns are not meta-trained: those that suit known kinds
    do harm on kinds of another family. What all kinds share is: the weights of the two kernels, the penalty, and how sure the
    answers are.

    Args:
        tables: of cases against normal rows.
        steps, batch, lr: of the outer loop.
        test_cases: of the recipe's meta-test tasks.
        linear: weight of the linear kernel at the start, beside 1 of Laplace's.
        known: whether a row's likeness to known kinds is a column of it; where new kinds have nothing in common with known ones,
            it misleads.

    Raises:
        TaskError: too few rows.
    """
    kind = tables.train.reads
    assert isinstance(kind, Columns)
    queries = {NORMAL: _TRAIN_QUERIES, CASE: _TRAIN_QUERIES}
    backbone, table = known_kinds(tables.train) if known else (None, tables.train)
    sizes = sizes_of(table, _TRAIN_CASES) or [1]
    kernel, encoder = _kernel(kind.width, linear, known)
    learner = KernelRidge(encoder, kernel, penalty=0.3, scale=3.0, balanced=True)
    optimizer = AdamW([weight for weight in learner.parameters() if weight.requires_grad], lr, weight_decay=0.0)
    return Recipe(
        learner=learner if backbone is None else OnFeatures(backbone, learner),
        train=Mixture([tasks_of(table, cases, queries=queries) for cases in sizes]),
        val=None,
        test=tasks_of(tables.test, test_cases),
        optimizer=optimizer,
        schedule=one_cycle(optimizer, steps),
        clip=1.0,
        steps=steps,
        batch=batch,
        reads=kind,
        raw=Mixture([tasks_of(tables.train, cases, queries=queries) for cases in sizes]) if known else None,
        read=tables,
    )


def _kernel(width: int, linear: float, known: bool) -> tuple[MixtureKernel, SideBySide]:
    """Laplace's and a linear kernel with weights of columns that stay, and the columns that each of them takes."""
    near = LaplaceKernel(width + known, weight=0.1)
    if known:
        with torch.no_grad():
            near.log_weight[-1] = math.log(_OF_SCORE)
    kernel = MixtureKernel({"near": near, "along": LinearKernel(width, weight=0.05)}, weights=(1.0, linear))
    kernel.kernels.requires_grad_(False)
    return kernel, SideBySide({"near": ColumnRange(0, width + known), "along": ColumnRange(0, width)})


def settings_of_cases(
    tables: TableSplits, promises: Mapping[int, tuple[Promise, ...]], *, queries: Mapping[str, int] | None = None
) -> dict[str, Setting]:
    """Tasks of 1, 2, 5 and 10 cases: every new kind of case that has enough, equally often, in about 300 tasks.

    Args:
        tables: of cases against normal rows.
        promises: by the number of cases.
        queries: as of `tasks_of`.
    """
    found = {}
    for cases in sizes_of(tables.test, _CASES):
        test = tasks_of(tables.test, cases, queries=queries)
        plan = test.each(generator_of(_LIST, cases), math.ceil(_TASKS / len(test)))
        val = tasks_of(tables.val, cases, queries=queries) if sizes_of(tables.val, [cases]) else None
        name = f"{cases} case{'s' * (cases > 1)}"
        found[name] = Setting(test, val, cases, len(plan), plan, promises=promises.get(cases, ()))
    return found


_Predict = Callable[[Tensor], Any]
_Fitted = Callable[[Examples], _Predict]


def _logistic(recipe: Recipe, C: float, balanced: bool) -> Any:
    from sklearn.linear_model import LogisticRegression

    del recipe
    return LogisticRegression(C=C, class_weight="balanced" if balanced else None, max_iter=300)


def _forest(recipe: Recipe, leaf: int) -> Any:
    from sklearn.ensemble import RandomForestClassifier

    del recipe
    return RandomForestClassifier(100, min_samples_leaf=leaf, random_state=0)


def _boosting(recipe: Recipe, leaf: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    del recipe
    return HistGradientBoostingClassifier(max_iter=40, min_samples_leaf=leaf, class_weight="balanced", random_state=0)


def _nearest(recipe: Recipe) -> _Fitted:
    """How much nearer the nearest case is than the nearest normal row."""
    del recipe

    def fitted(support: Examples) -> _Predict:
        rows = [support.x[support.labels == label] for label in (0, 1)]

        def predict(x: Tensor) -> Tensor:
            near = [torch.cdist(x, part).amin(1) for part in rows]
            return torch.stack([-near[0], -near[1]], 1).softmax(1)

        return predict

    return fitted


def _isolation(recipe: Recipe) -> _Fitted:
    from sklearn.ensemble import IsolationForest

    del recipe

    def fitted(support: Examples) -> _Predict:
        model = IsolationForest(n_estimators=50, random_state=0).fit(support.x[support.labels == 0].numpy())
        return lambda x: _two(torch.from_numpy(-model.score_samples(x.numpy())) - 0.5)

    return fitted


def _one_class(recipe: Recipe, nu: float) -> _Fitted:
    from sklearn.svm import OneClassSVM

    del recipe

    def fitted(support: Examples) -> _Predict:
        model = OneClassSVM(gamma="scale", nu=nu).fit(support.x[support.labels == 0].numpy())
        return lambda x: _two(torch.from_numpy(-model.decision_function(x.numpy())))

    return fitted


def _two(score: Tensor) -> Tensor:
    """Probabilities of two classes that rank as a score does."""
    return torch.stack([-score, score], 1).double().softmax(1)


def _pooled(recipe: Recipe) -> _Fitted:
    """One forest of all known kinds of cases against normal rows; it never sees the new ones."""
    from sklearn.ensemble import RandomForestClassifier

    table: Table = recipe.read.train
    first = table.tasks == 0
    rows = (first | (table.y == 1)).nonzero()[:, 0]  # normal rows are those of every task
    model = RandomForestClassifier(100, min_samples_leaf=2, class_weight="balanced", random_state=0)
    model.fit(table.gather(rows).numpy(), table.y[rows].numpy())
    return lambda support: lambda x: model.predict_proba(x.numpy()).clip(1e-9, 1)


BASELINE_MAKERS: Mapping[str, Callable[..., Any]] = {
    "random forest": _forest,
    "logistic regression": _logistic,
    "gradient boosting": _boosting,
    "nearest neighbour": _nearest,
    "isolation forest": _isolation,
    "one-class SVM": _one_class,
    "known kinds pooled": _pooled,
}
"""By name, see `Baseline.make`."""
