"""Machine translation, its smallest unit: the inflected form of a word in a new language, from 10, 30 or 100 pairs."""

from collections.abc import Mapping
from typing import Any

from torch.optim import Adam

from quickstudy.apps.application import Application, Setting
from quickstudy.apps.parts.inflection_methods import INFLECTION_METHODS
from quickstudy.apps.parts.language_sizes import by_pairs, fitting, left
from quickstudy.datasets.task_table import Table, TableSplits
from quickstudy.datasets.word_forms import inflections, own_inflections
from quickstudy.learners.metric.edit_rule_ranker import EditRuleRanker
from quickstudy.metrics.texts import chrf, edit_distance
from quickstudy.recipes.parts.recipe import Recipe, one_cycle
from quickstudy.reports.promise import Promise
from quickstudy.tasks.mixture import Mixture
from quickstudy.tasks.spelled_forms import SpelledForms

__all__ = ["machine_translation"]

_QUERIES, _FEWEST = 80, 5
_PRACTICE = 32
"""Words to be inflected in a task of meta-training."""

_PROMISES: Mapping[int, tuple[Promise, ...]] = {10: (), 30: (Promise(0.01),), 100: (Promise(0.01),)}


def _recipe(
    *,
    data: Any = "",
    encoding: str = "utf-8",
    steps: int = 300,
    batch: int = 4,
    lr: float = 5e-3,
    width: int = 32,
    kernels: int = 4,
) -> Recipe:
    """Edit rules of the known pairs, ranked by a network that is meta-trained on 74 languages.

    Args:
        data: a table with the columns language, lemma, tags and form; languages are parted at random.
        encoding: of a text file.
        steps: outer steps.
        batch: languages in an outer step.
        lr: step size of the outer loop, at its peak.
        width: units of the networks.
        kernels: kinds of nearness by which pairs speak for or against a rule.
    """
    given = isinstance(data, TableSplits)
    tables: TableSplits = data if given else own_inflections(data, encoding=encoding) if data else inflections()
    learner = EditRuleRanker(width=width, kernels=kernels)
    optimizer = Adam(learner.parameters(), lr)
    return Recipe(
        learner=learner,
        train=Mixture([_tasks(tables.train, shots, _PRACTICE) for shots in fitting(tables.train, _FEWEST)]),
        val=Mixture([_tasks(tables.val, shots) for shots in fitting(tables.val, _FEWEST)]),
        test=_tasks(tables.test, fitting(tables.test, _FEWEST)[0]),
        optimizer=optimizer,
        schedule=one_cycle(optimizer, steps),
        clip=5.0,
        steps=steps,
        batch=batch,
        validate_every=max(1, steps // 3),
        val_tasks=27,
        reads=tables.train.reads,
        read=tables,
    )


def _tasks(part: Table, shots: int, queries: int = _QUERIES) -> SpelledForms:
    """Languages with rows enough for so many queries."""
    asked = left(part, shots, queries, _FEWEST)
    return SpelledForms(part.at_least(shots + asked), shots, asked)


def _settings(recipe: Recipe) -> Mapping[str, Setting]:
    """Every meta-test language with enough rows, three times over: some at random are known, eighty others are inflected."""
    return by_pairs(recipe.read, _FEWEST, _tasks, _PROMISES)


machine_translation = Application(
    name="machine-translation",
    title="Inflected words of a new language, from 10, 30 and 100 pairs of a lemma and a form",
    who="You describe a language with few resources, or build tools for it, and have some inflected forms, not thousands.",
    bring=(
        "A table (CSV, TSV, JSON lines) with the columns lemma, tags and form: machen, V;PST;3;SG, machte. Tags are those of "
        "UniMorph, the part of speech first; others work where they are used alike. Ten rows are a start. To meta-train on your "
        "own: also a column language, five languages or more, with 15 rows each."
    ),
    limits=(
        "It changes prefixes and suffixes as a known pair does, and writes no form that no known pair's rule makes: vowels that "
        "change inside a word and irregular words stay wrong. It reads letters, not sounds, up to 40 of them, and translates no "
        "sentences."
    ),
    data=(
        "103 languages of UniMorph as the CoNLL-SIGMORPHON shared task of 2018 gave them (Wiktionary, CC BY-SA 3.0): 34,849 "
        "forms, parted by language into 74, 9 and 20."
    ),
    recipe=_recipe,
    settings=_settings,
    baselines=INFLECTION_METHODS,
    unit="languages",
    metrics=(edit_distance, chrf),
    empty_support=True,
    quick={"steps": 6},
)
