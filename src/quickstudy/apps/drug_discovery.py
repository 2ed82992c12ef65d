"""Drug discovery: which compounds are active in a new assay, from the first 16, 32 or 64 that were measured."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.optim import AdamW

from quickstudy.apps.application import Application, Baseline, Setting
from quickstudy.apps.parts.choices import choices
from quickstudy.datasets.molecules import molecules
from quickstudy.datasets.shipped import shipped
from quickstudy.datasets.table_file import read_table_file
from quickstudy.datasets.task_table import Table, TableSplits
from quickstudy.errors import TaskError
from quickstudy.inputs.molecules import Molecules
from quickstudy.learners.bayesian.deep_kernel_transfer import DeepKernelTransfer
from quickstudy.metrics.classes import auroc, delta_auprc, log_loss
from quickstudy.nn.kernels import CosineKernel, MixtureKernel, RBFKernel, TanimotoKernel
from quickstudy.nn.mlp import MLP
from quickstudy.nn.side_by_side import ColumnRange, SideBySide
from quickstudy.recipes.parts.recipe import Recipe, one_cycle
from quickstudy.reports.promise import Promise
from quickstudy.task import Examples
from quickstudy.tasks.by_task import ByTask
from quickstudy.tasks.mixture import Mixture
from quickstudy.tasks.source import generator_of

__all__ = ["drug_discovery"]

_SIZES = (16, 32, 64)
_TRAINED = (16, 32, 48, 64)
_QUERIES = 32
_DRAWS, _VAL_DRAWS = 10, 3
_PROMISED = (Promise(0.02),)
_LIST = 1000
"""The seed of the list of meta-test tasks."""


def _recipe(
    *,
    data: Any = "",
    steps: int = 400,
    batch: int = 8,
    lr: float = 1e-3,
    width: int = 256,
    features: int = 128,
    dropout: float = 0.4,
    decay: float = 3.0,
    assays: int = 0,
) -> Recipe:
    """A Gaussian process with three kernels, of fragments, of descriptors and of learned features; their weights are learned too.

    Args:
        data: a table with the columns smiles, active (1 or 0) and assay, and, if it says so itself, split (train, val, test).
        steps: outer steps.
        batch: assays in an outer step.
        lr: step size of the outer loop, at its peak.
        width: units of the network's hidden layer.
        features: learned features.
        dropout: share of inputs that are left out in meta-training.
        decay: of weights.
        assays: meta-train on so many assays alone; 0 takes all.
    """
    tables = _tables(data)
    train = tables.train.select(tables.train.task_names[:assays]) if assays else tables.train
    learner = _learner(train, width, features, dropout)
    optimizer = AdamW(learner.parameters(), lr, weight_decay=decay)
    sizes = [size for size in _TRAINED if _fits(train, size, _QUERIES)]
    if not sizes:
        raise TaskError(
            f"no assay of {tables.train.name} has {_TRAINED[0] + _QUERIES} molecules, two of each class or more. Give larger "
            "assays."
        )
    return Recipe(
        learner=learner,
        train=Mixture([_source(train, size, _QUERIES) for size in sizes]),
        val=_source(tables.val, 32) if _fits(tables.val, 32) else None,
        test=_source(tables.test, sizes[0]),
        optimizer=optimizer,
        schedule=one_cycle(optimizer, steps),
        clip=1.0,
        steps=steps,
        batch=batch,
        validate_every=max(1, steps // 4),
        val_tasks=117,
        reads=tables.train.reads,
        read=tables,
    )


def _tables(data: Any) -> TableSplits:
    """The user's own assays, or those of FS-Mol in FS-Mol's own parts; what a run has read stays as it is."""
    if isinstance(data, TableSplits):
        return data
    if data:
        columns = read_table_file(data, as_written=("smiles", "active", "assay", "split"))
        return molecules(Path(data), split="split" if "split" in columns else None)
    rows = read_table_file(shipped("molecules/fsmol_mini.csv.gz"), as_written=("task", "smiles", "active"))
    parts = read_table_file(shipped("molecules/fsmol_tasks.csv.gz"), as_written=("task", "split"))
    part_of = dict(zip(parts["task"], parts["split"], strict=True))
    return molecules(rows | {"split": [part_of[task] for task in rows["task"]]}, assay="task", split="split")


def _learner(table: Table, width: int, features: int, dropout: float) -> DeepKernelTransfer:
    kind = table.reads
    assert isinstance(kind, Molecules)
    encoder = SideBySide(
        {
            "fragments": ColumnRange(kind.descriptors, kind.width),
            "descriptors": ColumnRange(0, kind.descriptors),
            "learned": MLP(kind.width, (width,), outputs=features, dropout=dropout),
        }
    )
    kernels = {"fragments": TanimotoKernel(), "descriptors": RBFKernel(kind.descriptors, length=8.0), "learned": CosineKernel()}
    return DeepKernelTransfer(encoder, MixtureKernel(kernels, weights=(1.0, 0.37, 0.37)), noise=0.5, scale=3.0, marginal=False)


def _source(table: Table, size: int, queries: int | None = None) -> ByTask:
    return ByTask(table, size, queries, shares=True, too_small="skip")


def _fits(table: Table, size: int, queries: int = 1) -> bool:
    return int(table.counts.max()) >= size + queries


def _settings(recipe: Recipe) -> dict[str, Setting]:
    """Every assay that has enough molecules, ten times over, as FS-Mol does: the support set by share, all others as queries."""
    tables: TableSplits = recipe.read
    found = {}
    for size in _SIZES:
        if not _fits(tables.test, size):
            continue
        test = _source(tables.test, size)
        val = _source(tables.val, size) if _fits(tables.val, size) else None
        plan = test.each(generator_of(_LIST, size), _DRAWS)
        found[f"{size} compounds"] = Setting(test, val, size, len(plan), plan, promises=_PROMISED)
    return found


_Predict = Callable[[Tensor], Any]


def _forest(recipe: Recipe, leaf: int) -> Any:
    from sklearn.ensemble import RandomForestClassifier

    del recipe
    return RandomForestClassifier(100, min_samples_leaf=leaf, random_state=0)


def _logistic(recipe: Recipe, penalty: float) -> Any:
    from sklearn.linear_model import LogisticRegression

    del recipe
    return LogisticRegression(C=1 / penalty, max_iter=200)


def _fragments(recipe: Recipe) -> ColumnRange:
    kind = recipe.reads
    assert isinstance(kind, Molecules)
    return ColumnRange(kind.descriptors, kind.width)


def _neighbours(recipe: Recipe, count: int) -> Callable[[Examples], _Predict]:
    """The most similar molecules by Tanimoto, weighted by their similarity."""
    part, kernel = _fragments(recipe), TanimotoKernel()

    def fitted(support: Examples) -> _Predict:
        def predict(x: Tensor) -> Tensor:
            near, rows = kernel(part(x), part(support.x)).topk(min(count, len(support)), 1)
            weight = near.clamp(min=1e-3)[..., None]
            shares: Tensor = (support.y[rows] * weight).sum(1) / weight.sum(1)
            return shares

        return predict

    return fitted


def _process(recipe: Recipe, noise: float, scale: float) -> DeepKernelTransfer:
    """A Gaussian process with the Tanimoto kernel, which no other assay has trained."""
    return DeepKernelTransfer(_fragments(recipe), TanimotoKernel(), noise=noise, scale=scale).eval()


def _pooled(recipe: Recipe) -> Callable[[Examples], _Predict]:
    """One logistic regression of all meta-training assays: what makes a molecule active anywhere."""
    from sklearn.linear_model import LogisticRegression

    table: Table = recipe.read.train
    x, y = table.gather(torch.arange(len(table))), table.y
    model = LogisticRegression(C=0.01, max_iter=50, tol=1e-2).fit(x.numpy(), y.numpy())
    return lambda support: lambda rows: model.predict_proba(rows.numpy())


drug_discovery = Application(
    name="drug-discovery",
    title="Which compounds are active in a new assay, from the first 16, 32 or 64 that were measured",
    who="Chemists who have begun to measure compounds in a new assay and choose which to measure next.",
    bring=(
        "A table of your own assays with the columns smiles, active (1 or 0) and assay, and if you like split (train, val, "
        "test): --data assays.csv. Without it FS-Mol's assays are used. For a new assay, a CSV file with the columns smiles and "
        "active: quickstudy adapt RUN assay.csv --label active --text-column smiles."
    ),
    limits=(
        "It ranks compounds of one assay by how probably they are active, relative to the compounds that were measured there. It "
        "does not predict potency, and says nothing of synthesis or toxicity. Compounds unlike all measured ones are ranked by "
        "what other assays have taught, which is less."
    ),
    data=(
        "FS-Mol (Stanley et al. 2021), derived from ChEMBL 27, CC BY-SA 3.0 Unported: 772 assays of 31 to 100 molecules, "
        "FS-Mol's own split into 576, 39 and 157 assays, at most 100 molecules sampled from each."
    ),
    recipe=_recipe,
    settings=_settings,
    baselines={
        "random forest": Baseline(_forest, choices(leaf=(1, 2, 4)), tasks=157, val_tasks=39),
        "logistic regression": Baseline(_logistic, choices(penalty=(3.0, 10.0, 30.0, 100.0))),
        "nearest neighbours": Baseline(_neighbours, choices(count=(3, 5, 9, 15))),
        "Tanimoto Gaussian process": Baseline(_process, choices(noise=(0.05, 0.1, 0.2, 0.4, 0.8, 1.6), scale=(3.0,))),
        "all assays pooled": Baseline(_pooled, control=True),
    },
    unit="assays",
    metric=delta_auprc,
    metrics=(auroc, log_loss),
    quick={"steps": 40, "assays": 100},
)
