"""What people use for texts otherwise: TF-IDF with logistic regression, and simple heads on the same frozen features."""

import functools
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from quickstudy.apps.application import Baseline
from quickstudy.datasets.text_rows import as_texts, raw_texts, texts_of
from quickstudy.functional.distances import cosine_distance
from quickstudy.learners.baselines.logistic_regression import LogisticRegression
from quickstudy.learners.metric.proto import ProtoNet
from quickstudy.nn.standardised import UnitLength
from quickstudy.recipes.parts.recipe import Recipe
from quickstudy.task import Examples
from quickstudy.tasks.mixture import Mixture
from quickstudy.tasks.other_inputs import other_inputs

__all__ = ["TEXT_METHODS", "known_texts", "tf_idf", "vectoriser"]

_ANALYSERS: Mapping[str, Mapping[str, Any]] = {
    "words": {"analyzer": "word", "ngram_range": (1, 2)},
    "characters": {"analyzer": "char_wb", "ngram_range": (2, 4)},
}


def known_texts(recipe: Recipe) -> tuple[str, ...]:
    """The texts of meta-training, without their classes."""
    sources: Sequence[Any] = recipe.train.sources if isinstance(recipe.train, Mixture) else (recipe.train,)
    return tuple(text for source in sources for text in texts_of(source.data))


@functools.lru_cache(maxsize=4)
def vectoriser(texts: tuple[str, ...], of: str) -> Any:
    """TF-IDF fitted on texts, of "words" (one and two) or "characters" (n-grams of 2 to 4 within words)."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    return TfidfVectorizer(min_df=2, sublinear_tf=True, **_ANALYSERS[of]).fit(texts)


def tf_idf(recipe: Recipe, *, of: str, C: float) -> Callable[[Examples], Callable[[Tensor], Any]]:
    """Logistic regression on TF-IDF, whose document frequencies are those of the texts of meta-training."""
    from sklearn.linear_model import LogisticRegression as Regression

    vectors = vectoriser(known_texts(recipe), of)

    def fitted(support: Examples) -> Callable[[Tensor], Any]:
        model = Regression(C=C, max_iter=300).fit(vectors.transform(as_texts(support.x)), support.labels.numpy())
        return lambda x: torch.from_numpy(model.predict_proba(vectors.transform(as_texts(x)))).float()

    return fitted


def _centroid(recipe: Recipe) -> ProtoNet:
    return ProtoNet(UnitLength(), distance=cosine_distance, scale=10.0)


def _logistic(recipe: Recipe, *, C: float) -> LogisticRegression:
    return LogisticRegression(C, UnitLength())


def _with_texts(source: Any) -> Any:
    return other_inputs(source, raw_texts)


def _tf_idf(of: str) -> Baseline:
    """Far below the others and slow, so that fifty tasks are enough."""
    penalties = tuple({"C": C} for C in (3.0, 30.0))
    return Baseline(partial(tf_idf, of=of), penalties, inputs=_with_texts, tasks=50, val_tasks=10)


TEXT_METHODS: Mapping[str, Baseline] = {
    "TF-IDF of words, logistic regression": _tf_idf("words"),
    "TF-IDF of characters, logistic regression": _tf_idf("characters"),
    "centroid on the same features": Baseline(_centroid),
    "logistic regression on the same features": Baseline(_logistic, tuple({"C": C} for C in (1.0, 10.0, 100.0))),
}
"""Each with its penalty chosen on meta-validation tasks of the same size."""
