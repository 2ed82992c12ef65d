"""Genomics: the types of single cells in a new donor set, from one to five labelled cells of each type."""

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from torch.optim import AdamW

from quickstudy.apps.application import Application, Baseline, Setting
from quickstudy.apps.parts.choices import choices
from quickstudy.apps.parts.gene_functions import SIZES, function_scores, function_settings, function_tables, function_tasks
from quickstudy.datasets.arrays import from_arrays
from quickstudy.datasets.cells import Cells, check_within_sets, read_cells, within_set
from quickstudy.datasets.class_index import ClassIndex, Splits
from quickstudy.datasets.shipped import shipped
from quickstudy.datasets.stray_words import check_no_stray_words
from quickstudy.datasets.table import table
from quickstudy.datasets.table_file import read_table_file
from quickstudy.datasets.task_table import TableSplits
from quickstudy.functional.distances import class_means
from quickstudy.inputs.column import Column
from quickstudy.inputs.columns import Columns
from quickstudy.learners.closed_form.lrd2 import LRD2
from quickstudy.metrics.classes import log_loss
from quickstudy.nn.beside_inputs import BesideInputs
from quickstudy.nn.mlp import MLP
from quickstudy.recipes.parts.recipe import Recipe, one_cycle
from quickstudy.reports.promise import Promise
from quickstudy.task import Examples
from quickstudy.tasks.few_shot import FewShot
from quickstudy.tasks.mixture import Mixture
from quickstudy.tasks.source import TaskSource

__all__ = ["genomics"]

_WAYS, _SHOTS, _QUERIES, _TRAIN_QUERIES = 5, (1, 2, 3, 5), 10, 9
_SMALLEST = 15
_TRAINED = ("Naive CD4 T", "CD14+ Mono", "B", "CD8 T", "Platelet")
_PROMISED = {shots: (Promise(0.01),) for shots in (1, 2, 3)}


def _recipe(
    *,
    data: Any = "",
    problem: Literal["cells", "functions"] = "cells",
    steps: int = 300,
    batch: int = 8,
    lr: float = 2e-3,
    decay: float = 0.05,
    dropout: float = 0.6,
    new_types: bool = False,
) -> Recipe:
    """Logistic regression on a network's features beside the scaled genes; the scale of its logits is learned.

    Args:
        data: a table with the columns cell_type, split (train, val, test) and a column for each gene.
        problem: what is read where data name nothing: types of cells, or functions of genes of yeast.
        steps: outer steps.
        batch: tasks in an outer step.
        lr: step size of the outer loop, at its peak.
        decay: of weights.
        dropout: share of genes that are left out in meta-training.
        new_types: meta-train on five types of one donor, and evaluate on the four others of the same donor.
    """
    parts = _parts(data, problem, new_types)
    kind = parts.train.reads
    assert isinstance(kind, Columns)
    features = BesideInputs(MLP(kind.width, (128,), outputs=64, dropout=dropout), kind.width, weight=0.6)
    learner = LRD2(features, penalty=1.0, scale=1.0)
    optimizer = AdamW(learner.parameters(), lr, weight_decay=decay)
    return Recipe(
        learner=learner,
        train=_practice(parts),
        val=None,
        test=function_tasks(parts.test, SIZES[0]) if isinstance(parts, TableSplits) else _source(parts.test, 1),
        optimizer=optimizer,
        schedule=one_cycle(optimizer, steps),
        clip=1.0,
        steps=steps,
        batch=batch,
        reads=kind,
        read=parts,
    )


def _parts(data: Any, problem: str, new_types: bool) -> Splits | TableSplits:
    if isinstance(data, Splits | TableSplits):
        return data
    return _own(data) if data else function_tables() if problem == "functions" else _donors(new_types)


def _practice(parts: Splits | TableSplits) -> TaskSource[Any]:
    """Tasks of meta-training."""
    if isinstance(parts, TableSplits):
        return Mixture([function_tasks(parts.train, genes) for genes in SIZES])
    return FewShot(parts.train, min(_WAYS, len(parts.train.classes)), (1, 5), _TRAIN_QUERIES)


def _donors(new_types: bool) -> Splits:
    """Of the genes in both data sets: types of one donor to train on, types of the other set that are large enough to test."""
    known, new = (read_cells(shipped(f"cells/{name}.npz")) for name in ("pbmc3k", "pbmc68k_reduced"))
    genes = tuple(gene for gene in known.genes if gene in new.genes)
    train = _index(known.of_genes(genes), "pbmc3k")
    if new_types:
        number = [train.classes.index(name) for name in _TRAINED]
        rest = [place for place in range(len(train.classes)) if place not in number]
        return Splits(train.select(number), train.select(rest), train.select(rest))
    test = _index(new.of_genes(genes), "pbmc68k")
    enough = [place for place, count in enumerate(test.counts.tolist()) if count >= max(_SHOTS) + 2 * _QUERIES]
    return Splits(train, train, test.select(enough))


def _index(cells: Cells, name: str) -> ClassIndex:
    kind = Columns(tuple(Column(gene) for gene in cells.genes))
    return from_arrays(within_set(cells.values), np.array(cells.types), name=name, reads=kind)


def _own(path: str) -> Splits:
    columns = read_table_file(path, as_written=("cell_type", "split"))
    check_no_stray_words({name: values for name, values in columns.items() if name not in ("cell_type", "split")}, path)
    parts: Splits = table(path, label="cell_type", split="split" if "split" in columns else "cell_type", smallest=_SMALLEST)
    check_within_sets(parts)
    return parts


def _source(index: ClassIndex, shots: int) -> FewShot:
    return FewShot(index, min(_WAYS, len(index.classes)), shots, _QUERIES)


def _settings(recipe: Recipe) -> dict[str, Setting]:
    parts: Splits | TableSplits = recipe.read
    if isinstance(parts, TableSplits):
        return dict(function_settings(parts))
    found = {}
    for shots in _SHOTS:
        test, val = _source(parts.test, shots), FewShot(parts.val, min(_WAYS, len(parts.val.classes)), shots, _TRAIN_QUERIES)
        found[f"{test.ways[1]}-way {shots}-shot"] = Setting(test, val, shots, promises=_PROMISED.get(shots, ()))
    return found


_Predict = Callable[[Tensor], Any]


def _centroid(recipe: Recipe, cosine: bool, sharpness: float) -> Callable[[Examples], _Predict]:
    del recipe

    def placed(x: Tensor) -> Tensor:
        return torch.nn.functional.normalize(x, dim=1) if cosine else x

    def fitted(support: Examples) -> _Predict:
        means = placed(class_means(placed(support.x), support.y, support.mask))
        return lambda x: (-sharpness * torch.cdist(placed(x), means) ** 2).softmax(1)

    return fitted


def _logistic(recipe: Recipe, C: float) -> Any:
    from sklearn.linear_model import LogisticRegression

    del recipe
    return LogisticRegression(C=C, max_iter=300)


def _neighbours(recipe: Recipe, count: int) -> Callable[[Examples], _Predict]:
    from sklearn.neighbors import KNeighborsClassifier

    del recipe

    def fitted(support: Examples) -> _Predict:
        model = KNeighborsClassifier(min(count, len(support)), weights="distance").fit(support.x.numpy(), support.labels.numpy())
        return lambda x: model.predict_proba(x.numpy())

    return fitted


def _forest(recipe: Recipe, leaf: int) -> Any:
    from sklearn.ensemble import RandomForestClassifier

    del recipe
    return RandomForestClassifier(50, min_samples_leaf=leaf, random_state=0)


def _known_types(recipe: Recipe, C: float) -> Callable[[Examples], _Predict]:
    """Logistic regression on the scores of the known types, by a model of all meta-training cells; or of known functions."""
    from sklearn.linear_model import LogisticRegression

    parts: Splits | TableSplits = recipe.read
    scores = function_scores(parts.train) if isinstance(parts, TableSplits) else _type_scores(parts.train)

    def fitted(support: Examples) -> _Predict:
        model = LogisticRegression(C=C, max_iter=300).fit(scores(support.x), support.labels.numpy())
        return lambda x: model.predict_proba(scores(x))

    return fitted


def _type_scores(index: ClassIndex) -> _Predict:
    """How much cells are like those of each known type."""
    from sklearn.linear_model import LogisticRegression

    rows = index.gather(torch.arange(len(index))).numpy()
    known = LogisticRegression(C=0.05, max_iter=300).fit(rows, index.labels.numpy())
    return lambda x: known.decision_function(x.numpy())


genomics = Application(
    name="genomics",
    title="The types of single cells in a new donor set, from one to five labelled cells of each type",
    who="Biologists who annotate the cells of a new donor, tissue or platform, and can name a few cells of each type by hand.",
    bring=(
        "Expression of genes as z-scores within each data set: log-normalise, then (value - mean) / deviation of each gene over "
        "the cells of that set. To meta-train on your own sets, a CSV file with the columns cell_type, split (train, val, test: "
        "one data set each) and one for each gene: --data cells.csv. For a new set, a CSV file with cell_type and the genes: "
        "quickstudy adapt RUN cells.csv --label cell_type."
    ),
    limits=(
        "It tells apart types of which you have labelled a cell, also types that meta-training never met; it does not find "
        "types by itself, and cells of none of these types get the nearest one's name. Levels of genes must be z-scores within "
        "their own data set. One new donor set was tested; most of its types have relatives among the known ones."
    ),
    data=(
        "10x Genomics: 2,638 cells of one donor (3k PBMCs, types of the Seurat tutorial, as in clustifyr, MIT) for "
        "meta-training; 700 cells of other donors on another platform (68k PBMCs, Zheng et al. 2017, as in scanpy, "
        "BSD-3-Clause) for meta-test. CC BY 4.0 as 10x Genomics states. 186 genes that both have."
    ),
    recipe=_recipe,
    settings=_settings,
    baselines={
        "centroids": Baseline(
            _centroid,
            (
                {"cosine": True, "sharpness": 5.0},
                {"cosine": True, "sharpness": 20.0},
                {"cosine": False, "sharpness": 0.02},
            ),
        ),
        "logistic regression": Baseline(_logistic, choices(C=(0.001, 0.01, 0.1))),
        "nearest neighbours": Baseline(_neighbours, choices(count=(1, 3, 5))),
        "random forest": Baseline(_forest, choices(leaf=(1, 2)), tasks=100, val_tasks=20),
        "scores of known types": Baseline(_known_types, choices(C=(0.1, 1.0, 10.0))),
    },
    unit="classes",
    metrics=(log_loss,),
    quick={"steps": 30},
)
