"""Translation retrieval: the translation of a sentence among a hundred, in a new language, from 10, 30 or 100 pairs."""

import random
from collections.abc import Mapping
from typing import Any

from torch.optim import Adam
from torch.optim.lr_scheduler import OneCycleLR

from quickstudy.apps.application import Application, Setting
from quickstudy.apps.parts.language_sizes import SHOTS, by_pairs, fitting, left
from quickstudy.apps.parts.retrieval_methods import RETRIEVAL_METHODS
from quickstudy.datasets.sentence_pairs import own_translations, translations
from quickstudy.datasets.task_table import Table, TableSplits
from quickstudy.learners.metric.translation_ranker import TranslationRanker
from quickstudy.metrics.candidates import hits_5, hits_10, mrr, rank_ndcg
from quickstudy.recipes.parts.recipe import Recipe
from quickstudy.reports.promise import Promise
from quickstudy.tasks.mixture import Mixture
from quickstudy.tasks.retrievals import Retrievals

__all__ = ["translation_retrieval"]

_CANDIDATES, _QUERIES, _FEWEST = 100, 50, 8
_PRACTICE = 64
"""Candidates in a task of meta-training."""
_LEARNT = 2 / 3
"""Share of the meta-training languages that teach what sentences of any language mean; to the others it learns to adapt."""


def _recipe(
    *,
    data: Any = "",
    encoding: str = "utf-8",
    steps: int = 200,
    batch: int = 4,
    lr: float = 5e-3,
    width: int = 256,
) -> Recipe:
    """What letters and words mean in many languages, what those of the known pairs mean, and what sentences share.

    Args:
        data: a table with the columns language, source and translation; languages are parted at random.
        encoding: of a text file.
        steps: outer steps.
        batch: languages in an outer step.
        lr: step size of the outer loop, at its peak; six times as large for single numbers.
        width: numbers of an embedding.
    """
    given = isinstance(data, TableSplits)
    tables: TableSplits = data if given else own_translations(data, encoding=encoding) if data else translations()
    learner = TranslationRanker(width=width)
    vectors, numbers = ([p for p in learner.parameters() if (p.ndim == 2) is large] for large in (True, False))
    optimizer = Adam([{"params": vectors, "lr": lr}, {"params": numbers, "lr": 6 * lr}])
    names = list(tables.train.task_names)
    random.Random(0).shuffle(names)
    cut = max(1, round(_LEARNT * len(names)))
    learnt, adapted = tables.train.select(names[:cut]), tables.train.select(names[cut:] or names)
    first = fitting(learnt, _FEWEST)[0]
    least = min(left(learnt, first, _PRACTICE, _FEWEST), _least(adapted, _PRACTICE))
    few = [_tasks(adapted, shots, least) for shots in fitting(adapted, _FEWEST)]
    alone = _tasks(learnt, first, least, known=False)
    return Recipe(
        learner=learner,
        train=Mixture([*few, *[alone] * len(few)]),
        val=Mixture([_tasks(tables.val, shots, _least(tables.val, _CANDIDATES)) for shots in fitting(tables.val, _FEWEST)]),
        test=_tasks(tables.test, fitting(tables.test, _FEWEST)[0]),
        optimizer=optimizer,
        schedule=OneCycleLR(optimizer, [lr, 6 * lr], total_steps=max(2, steps)),
        clip=10.0,
        steps=steps,
        batch=batch,
        validate_every=max(1, steps // 3),
        val_tasks=18,
        reads=tables.train.reads,
        read=tables,
    )


def _tasks(part: Table, shots: int, candidates: int = _CANDIDATES, *, known: bool = True) -> Retrievals:
    """Languages with rows enough for so many candidates."""
    asked = left(part, shots, candidates, _FEWEST)
    return Retrievals(part.at_least(shots + asked), shots, min(_QUERIES, asked), asked, known=known)


def _least(part: Table, candidates: int) -> int:
    """Candidates that there are at each number of pairs."""
    return min(left(part, shots, candidates, _FEWEST) for shots in fitting(part, _FEWEST))


def _settings(recipe: Recipe) -> Mapping[str, Setting]:
    """Every meta-test language with enough rows, three times over: some pairs at random are known, 50 others are looked for."""
    promises = (Promise(over=("n-gram overlap",)), Promise())
    return by_pairs(recipe.read, _FEWEST, _tasks, dict.fromkeys(SHOTS, promises))


translation_retrieval = Application(
    name="translation-retrieval",
    title="The English translation of a sentence in a new language among a hundred, from 10, 30 and 100 pairs",
    who=(
        "You have sentences in a language with few resources and a heap of English ones among which their translations are: the "
        "two sides of a document, subtitles, a web site in two languages."
    ),
    bring=(
        "A table (CSV, TSV, JSON lines) with the columns source and translation. Ten rows are a start. To find translations: "
        "source and candidates, up to 100 of them, a tab or a line break between them, or a list in JSON lines. To meta-train on "
        "your own: also a column language, five languages or more, with 20 rows each."
    ),
    limits=(
        "It chooses among given sentences, and writes none. It was trained with English as the other side. The fewer relatives a "
        "language has among those it knows, the more often it is wrong: look at the first five."
    ),
    data=(
        "59 languages with English from Tatoeba (tatoeba.org and its contributors, CC BY 2.0 FR), as packed in LASER: 19,586 "
        "pairs, parted by language into 39, 6 and 14."
    ),
    recipe=_recipe,
    settings=_settings,
    baselines=RETRIEVAL_METHODS,
    unit="languages",
    metrics=(hits_5, hits_10, mrr, rank_ndcg),
    empty_support=True,
    quick={"steps": 4, "width": 32},
)
