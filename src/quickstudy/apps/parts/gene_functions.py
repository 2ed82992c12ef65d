"""New functions of yeast genes, for genomics: each function is a task, of genes that have it against others.

Source: Elisseeff & Weston, 2001, A kernel method for multi-labelled classification (the data).
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from quickstudy.apps.application import Setting
from quickstudy.datasets.shipped import shipped
from quickstudy.datasets.task_table import Table, TableSplits
from quickstudy.inputs.columns import Columns
from quickstudy.tasks.by_task import ByTask
from quickstudy.tasks.source import generator_of

__all__ = ["SIZES", "function_scores", "function_settings", "function_tables", "function_tasks"]

SIZES = (5, 10, 20)
"""Genes of each class in a support set."""

_FUNCTIONS = {"train": range(8), "val": range(8, 10), "test": range(10, 14)}
_GENES = {"train": (0, 1200), "val": (1200, 1500), "test": (1500, 2417)}
_CLASSES = ("other", "has it")
_QUERIES, _DRAWS, _LIST = 30, 75, 1000


@lru_cache(maxsize=1)
def function_tables() -> TableSplits:
    """Functions and genes of meta-training, meta-validation and meta-test: neither is in two parts.

    Raises:
        DataError: the file is not there. It does not come with the package, because its licence is not stated.
    """
    with np.load(shipped("cells/yeast_function.npz")) as found:
        values, has = found["X"].astype(np.float32) / float(found["x_scale"]), found["Y"].astype(np.int64)
    order = np.random.default_rng(0).permutation(len(values))
    low, high = _GENES["train"]
    named = {f"x{number}": values[:, number] for number in range(values.shape[1])}
    kind = Columns.fitted({name: column[order[low:high]] for name, column in named.items()})
    x = kind.batch(named)
    return TableSplits(*[_part(x, has, order, part, kind) for part in TableSplits._fields])


def _part(x: Tensor, has: Any, order: Any, part: str, kind: Columns) -> Table:
    rows, functions = order[slice(*_GENES[part])], list(_FUNCTIONS[part])
    y = torch.from_numpy(np.concatenate([has[rows, number] for number in functions]))
    tasks = torch.arange(len(functions)).repeat_interleave(len(rows))
    names = tuple(f"function {number + 1}" for number in functions)
    return Table(x[rows].repeat(len(functions), 1), y, tasks, names, _CLASSES, f"yeast/{part}", reads=kind)


def function_tasks(table: Table, genes: int) -> ByTask:
    """So many genes that have a function, and as many that do not; thirty more of each are queries."""
    return ByTask(table, dict.fromkeys(_CLASSES, genes), dict.fromkeys(_CLASSES, _QUERIES), too_small="skip")


def function_settings(tables: TableSplits) -> Mapping[str, Setting]:
    """Every new function, equally often."""
    found = {}
    for genes in SIZES:
        test = function_tasks(tables.test, genes)
        plan = test.each(generator_of(_LIST, genes), _DRAWS)
        found[f"functions, {genes} genes of each"] = Setting(test, function_tasks(tables.val, genes), genes, len(plan), plan)
    return found


def function_scores(table: Table) -> Callable[[Tensor], Any]:
    """How much genes are like those of each known function, by a logistic regression of each."""
    from sklearn.linear_model import LogisticRegression

    x: Any = table.gather(torch.arange(len(table)))
    models = []
    for number in range(len(table.task_names)):
        rows = table.tasks == number
        models.append(LogisticRegression(C=0.01, max_iter=300).fit(x[rows].numpy(), table.y[rows].numpy()))
    return lambda rows: np.stack([model.decision_function(rows.numpy()) for model in models], 1)
