"""What people do to find translations with a few pairs: letters in common, a lexicon of the pairs, both, a regression."""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from quickstudy.apps.application import Baseline
from quickstudy.apps.parts.choices import choices
from quickstudy.functional.spelled import candidates
from quickstudy.functional.spelling import texts_of
from quickstudy.recipes.parts.recipe import Recipe
from quickstudy.task import Examples

__all__ = ["RETRIEVAL_METHODS"]

_Method = Callable[[Examples], Callable[[Any], Tensor]]
_Numbers = NDArray[np.float64]
_Scorer = Callable[[Sequence[str], Sequence[str]], _Numbers]
"""From Q sentences and U texts to scores (Q, U)."""

_ROUNDS = 5
"""Of expectation and maximisation, as is usual for model 1."""
_UNKNOWN = 0.1
"""Occurrences of a word that no pair has, and the share of words that come from nowhere."""


def _ranked(made: Callable[[Sequence[str], Sequence[str]], _Scorer]) -> _Method:
    """A method of texts as one of examples."""

    def fitted(support: Examples) -> Callable[[Any], Tensor]:
        score = made(texts_of(support.x["source"]), texts_of(support.y))

        def said(x: Any) -> Tensor:
            listed = x["candidates"]
            rows = [texts_of(row) for row in listed]
            texts = list(dict.fromkeys(text for row in rows for text in row))
            number = {text: place for place, text in enumerate(texts)}
            places = np.array([[number[text] for text in row] for row in rows])
            found = np.take_along_axis(score(texts_of(x["source"]), texts), places, 1)
            return candidates(torch.from_numpy(found).to(torch.get_default_dtype()), listed)

        return said

    return fitted


def _overlap(known: Sequence[str], answers: Sequence[str], *, low: int, high: int) -> _Scorer:
    """Cosine of TF-IDF weighted n-grams within words; rarity is that among the pairs and all sentences at hand."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    def score(asked: Sequence[str], texts: Sequence[str]) -> _Numbers:
        grams = TfidfVectorizer(analyzer="char_wb", ngram_range=(low, high), sublinear_tf=True)
        grams.fit([*known, *answers, *asked, *texts])
        near: _Numbers = (grams.transform(asked) @ grams.transform(texts).T).toarray()
        return near

    return score


def _lexicon(known: Sequence[str], answers: Sequence[str]) -> _Scorer:
    """IBM model 1 of the pairs: how much more probable the words of a candidate are beside the sentence than alone, on average.

    Source: Brown et al., 1993, The mathematics of statistical machine translation: parameter estimation.
    """
    pairs = [(["", *_words(one)], _words(other)) for one, other in zip(known, answers, strict=True)]
    chance: Mapping[tuple[str, str], float] = defaultdict(lambda: 1.0)
    for _ in range(_ROUNDS):
        counts: dict[tuple[str, str], float] = defaultdict(float)
        totals: dict[str, float] = defaultdict(float)
        for ours, theirs in pairs:
            for word in theirs:
                shares = [chance[word, other] for other in ours]
                for other, share in zip(ours, shares, strict=True):
                    counts[word, other] += share / sum(shares)
                    totals[other] += share / sum(shares)
        chance = {pair: count / totals[pair[1]] for pair, count in counts.items()}
    seen = Counter(word for _, theirs in pairs for word in theirs)
    alone = defaultdict(lambda: _UNKNOWN / (seen.total() + 100)) | {
        word: (count + _UNKNOWN) / (seen.total() + 100) for word, count in seen.items()
    }
    beside: dict[str, dict[str, float]] = defaultdict(dict)
    for (word, other), share in chance.items():
        beside[other][word] = share

    def score(asked: Sequence[str], texts: Sequence[str]) -> _Numbers:
        words = [_words(text) for text in texts]
        found = np.zeros((len(asked), len(texts)))
        for row, sentence in enumerate(asked):
            ours = ["", *_words(sentence)]
            given: Counter[str] = Counter()
            for other in ours:
                given.update(beside.get(other, {}))
            more = {word: math.log((1 - _UNKNOWN) * share / len(ours) / alone[word] + _UNKNOWN) for word, share in given.items()}
            missing = math.log(_UNKNOWN)
            found[row] = [np.mean([more.get(word, missing) for word in each]) if each else missing for each in words]
        return found

    return score


def _words(text: str) -> list[str]:
    return re.findall(r"\w+|[?!]", text.lower())


def _regression(known: Sequence[str], answers: Sequence[str], *, alpha: float) -> _Scorer:
    """Ridge regression of the n-grams and words of a translation on those of its sentence; cosine of what is predicted."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.kernel_ridge import KernelRidge

    ours, theirs = (TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True) for _ in range(2))
    model = KernelRidge(alpha=alpha, kernel="linear")
    model.fit(ours.fit_transform(known), theirs.fit_transform(answers).toarray())

    def score(asked: Sequence[str], texts: Sequence[str]) -> _Numbers:
        meant = model.predict(ours.transform(asked))
        meant /= np.linalg.norm(meant, axis=1, keepdims=True) + 1e-9
        near: _Numbers = np.asarray(theirs.transform(texts) @ meant.T).T
        return near

    return score


def _sum(first: _Scorer, second: _Scorer, weight: float) -> _Scorer:
    return lambda asked, texts: first(asked, texts) + weight * second(asked, texts)


def _by_overlap(recipe: Recipe, *, low: int, high: int) -> _Method:
    return _ranked(lambda known, answers: _overlap(known, answers, low=low, high=high))


def _by_lexicon(recipe: Recipe) -> _Method:
    return _ranked(_lexicon)


def _by_both(recipe: Recipe, *, weight: float) -> _Method:
    return _ranked(
        lambda known, answers: _sum(_overlap(known, answers, low=1, high=4), _lexicon(known, answers), weight),
    )


def _by_regression(recipe: Recipe, *, alpha: float, weight: float) -> _Method:
    return _ranked(
        lambda known, answers: _sum(_overlap(known, answers, low=1, high=4), _regression(known, answers, alpha=alpha), weight),
    )


RETRIEVAL_METHODS: Mapping[str, Baseline] = {
    "n-gram overlap": Baseline(_by_overlap, choices(low=(1, 2), high=(3, 4)), val_tasks=12),
    "lexicon of the pairs": Baseline(_by_lexicon),
    "overlap and lexicon": Baseline(_by_both, choices(weight=(0.03, 0.06, 0.1, 0.2)), val_tasks=12),
    "overlap and ridge regression": Baseline(_by_regression, choices(alpha=(0.1, 0.5), weight=(0.6, 1.2, 2.4)), val_tasks=12),
}
