"""Sentiment: whether a sentence about a new product is positive or negative, from a few labelled sentences of it."""

import functools
import logging
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch.optim import Adam
from torch.optim.lr_scheduler import OneCycleLR

from quickstudy.apps.application import Application, Baseline, Setting
from quickstudy.apps.parts.linear_prior import linear_prior
from quickstudy.apps.parts.pooled_methods import POOLED_METHODS, pooled_regression
from quickstudy.apps.parts.texts import Backbone, TextEncoder, json_lines, own_tasks, rows_of, text_encoder
from quickstudy.datasets.manifest import digest_of_files
from quickstudy.datasets.task_table import Table, TableSplits
from quickstudy.errors import DataError
from quickstudy.learners.baselines.logistic_regression import LogisticRegression
from quickstudy.learners.closed_form.lrd2 import LRD2
from quickstudy.metrics.classes import log_loss
from quickstudy.nn.standardised import Standardised, UnitLength
from quickstudy.recipes.parts.recipe import Recipe
from quickstudy.reports.promise import Promise
from quickstudy.tasks.by_task import ByTask
from quickstudy.tasks.mixture import Mixture

__all__ = ["sentiment"]

_log = logging.getLogger(__name__)

_CLASSES = ("negative", "positive")
_SHOTS, _QUERIES, _MOST = (1, 5, 10, 20), 10, 150
_TASKS = 100
"""Of each part of the products."""

_C, _PENALTY, _FASTER = 1 / 384, 250.0, 100.0

_FOLDS = (
    ("diaper_champ", "power_tool_hitachi_router", "security_software_norton", "uci_movies", "uci_restaurants"),
    ("camera_canon_g3", "camera_nikon_4300", "camera_canon_s100", "camera_canon_sd500"),
    ("mp3_player_nomad", "mp3_player_ipod", "mp3_player_micromp3", "dvd_player_apex"),
    ("phone_nokia_6610", "phone_nokia_6600", "uci_cell_phone_accessories", "network_router_linksys"),
)
"""Products that are meta-tested together; those of a kind are never in meta-training at the same time."""

_VALIDATION = (("network_router_linksys", "uci_cell_phone_accessories"), ("dvd_player_apex", "diaper_champ"))
"""Products of meta-validation: of the first and the third part, and of the others."""


@functools.cache
def _sentences(backbone: Backbone) -> Table:
    """Positive and negative sentences of all products; those of the UCI set where they are there."""
    rows = json_lines("sentiment/product_sentences.jsonl.gz")
    try:
        rows += json_lines("sentiment/uci_sentences.jsonl.gz")
    except DataError as missing:
        _log.warning("without the sentences of UCI: %s", missing)
    rows = _balanced(rows)
    products = sorted({row["domain"] for row in rows})
    encoder = text_encoder(backbone)
    return Table(
        rows_of("sentiment", [row["text"] for row in rows], encoder),
        torch.tensor([_CLASSES.index(row["label"]) for row in rows]),
        torch.tensor([products.index(row["domain"]) for row in rows]),
        tuple(products),
        _CLASSES,
        "sentiment",
        reads=None if encoder.network is not None else encoder.reads,
    )


def _balanced(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """As many sentences of both classes of each product, drawn at random, and no more than of the other products."""
    held: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for row in rows:
        if row["label"] in _CLASSES:
            held.setdefault(row["domain"], {name: [] for name in _CLASSES})[row["label"]].append(row)
    draw = random.Random(0)
    return [
        row
        for by_class in held.values()
        for each in by_class.values()
        for row in draw.sample(each, min(_MOST, *map(len, by_class.values())))
    ]


@functools.cache
def _parts(backbone: Backbone, fold: int) -> TableSplits:
    whole = _sentences(backbone)
    test, val = set(_FOLDS[fold]), set(_VALIDATION[fold % 2])
    named = {"test": test, "val": val, "train": set(whole.task_names) - test - val}
    return TableSplits(
        *[
            whole.select([name for name in whole.task_names if name in named[part]], f"sentiment/{part} {fold}")
            for part in TableSplits._fields
        ]
    )


def _sizes(table: Table, sizes: Sequence[int]) -> list[int]:
    """Numbers of examples of each class for which some product has enough sentences.

    Raises:
        DataError: none does.
    """
    counts = torch.stack([torch.bincount(table.tasks[table.y == label], minlength=len(table.task_names)) for label in (0, 1)])
    fits = [k for k in sizes if bool(((counts.amin(0) >= k) & (counts.sum(0) - 2 * k >= _QUERIES)).any())]
    if not fits:
        raise DataError(
            f"{table.name}: no product has a sentence of both classes and {_QUERIES} more. Label more, or join small products."
        )
    return fits


def _tasks(table: Table, shots: int) -> ByTask:
    return ByTask(table, dict.fromkeys(_CLASSES, shots), _QUERIES, columns="fixed", too_small="skip")


def _recipe(
    *,
    data: str = "",
    text: str = "text",
    label: str = "label",
    product: str = "product",
    encoding: str = "utf-8",
    backbone: Backbone = "auto",
    fold: int = 0,
    steps: int = 100,
    lr: float = 5e-5,
) -> Recipe:
    """A logistic regression of each product that starts at the one of all products, and shrinks to it.

    Args:
        data: a table of your own (CSV, TSV, JSON lines, Parquet); its products are parted into meta-training, meta-validation and
            meta-test.
        text: the column of sentences in it.
        label: the column of "negative" and "positive" in it.
        product: the column of products, shops or sites in it.
        encoding: of the file.
        backbone: MiniLM (extra "text"), hashed n-grams of characters, or MiniLM where it is installed.
        fold: the part of the products that is meta-tested.
        steps: outer steps.
        lr: step size of the outer loop, at its peak.
    """
    encoder, digest = text_encoder(backbone), ""
    parts = _parts(encoder.name, fold)
    if data:
        parts = own_tasks(data, (text, label, product), _CLASSES, encoder, least=1 + _QUERIES, encoding=encoding)
        digest = digest_of_files([Path(data)], Path(data).parent)
    learner = _learner(encoder, parts.train)
    assert learner.prior is not None and learner.log_scale is not None
    numbers = [learner.log_penalty, learner.log_scale]
    optimizer = Adam([{"params": list(learner.prior.parameters()), "lr": lr}, {"params": numbers, "lr": _FASTER * lr}])
    return Recipe(
        encoder.of(learner),
        Mixture([_tasks(parts.train, shots) for shots in _sizes(parts.train, (1, 2, 5, 10, 20))]),
        Mixture([_tasks(parts.val, shots) for shots in _sizes(parts.val, (1, 5))]),
        _tasks(parts.test, _sizes(parts.test, (1,))[0]),
        optimizer,
        steps,
        batch=8,
        schedule=OneCycleLR(optimizer, [lr, _FASTER * lr], total_steps=steps),
        clip=10.0,
        validate_every=max(1, steps // 2),
        val_tasks=100,
        from_start=True,
        reads=encoder.reads,
        became={"backbone": encoder.name},
        digest=digest,
    )


def _learner(encoder: TextEncoder, table: Table) -> LRD2:
    """A logistic regression around the pooled one, which is fitted to all meta-training sentences."""
    prior = linear_prior(pooled_regression(table, _C))
    return LRD2(Standardised(UnitLength()), prior=prior, penalty=_PENALTY, scale=1.0)


_NETWORK = ("pooled network, no target",)


def _settings(recipe: Recipe) -> Mapping[str, Setting]:
    """Products that meta-training has not met, and no other of their kind."""
    assert isinstance(recipe.test, ByTask) and isinstance(recipe.val, Mixture) and isinstance(recipe.val.sources[0], ByTask)
    test, val = recipe.test.table, recipe.val.sources[0].table
    promised = {5: (Promise(0.0, _NETWORK),), 10: (Promise(0.005, _NETWORK),)} if test.name.startswith("sentiment/") else {}
    return {
        f"{shots} of each": Setting(
            _tasks(test, shots), _tasks(val, shots), shots, tasks=_TASKS, promises=promised.get(shots, ())
        )
        for shots in _sizes(test, _sizes(val, _SHOTS))
    }


sentiment = Application(
    name="sentiment",
    title="Positive or negative, for sentences about a product of a new kind, from a few labelled ones",
    who="You follow what people write about a product or a site without labelled data yet, and can label a few sentences.",
    bring=(
        "A table (CSV, TSV, JSON lines, Parquet) with a column of sentences, one of negative and positive, and one of products, "
        "called text, label and product, or as --recipe-arg text=COLUMN and the like say. It needs 5 products or more; to use "
        "the learner on one product, a few sentences of both classes are enough (quickstudy adapt)."
    ),
    limits=(
        "Single English sentences that are positive or negative; neutral and mixed ones get one of the two answers. Most of what "
        "it knows comes from other products: without any example it answers nearly as well as with one. Over a logistic "
        "regression of all products to which the target's sentences are added with a well-chosen weight its gain is small."
    ),
    data=(
        "Review sentences of 14 products (Hu & Liu, 2004; Ding, Liu & Yu, 2008; CC BY 4.0) come with the package. The 3 domains "
        "of UCI's Sentiment Labelled Sentences (Kotzias et al., 2015) do not, because the licence of the copy is not stated."
    ),
    recipe=_recipe,
    settings=_settings,
    baselines={
        **POOLED_METHODS,
        "logistic regression of the target alone": Baseline(
            lambda recipe, C: LogisticRegression(C, UnitLength()), tuple({"C": C} for C in (1.0, 10.0, 100.0))
        ),
    },
    unit="products",
    metrics=(log_loss,),
    empty_support=True,
    folds=len(_FOLDS),
    quick={"steps": 4},
)
