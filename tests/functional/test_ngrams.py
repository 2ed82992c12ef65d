"""Hashed n-grams against scikit-learn's counts."""

import pytest
import torch
from sklearn.feature_extraction.text import CountVectorizer

from quickstudy.functional.ngrams import WORDS, hashed, hashed_counts
from quickstudy.functional.spelling import codes_of

TEXTS = ["Der Hund sieht den Hund.", "A dog!", "ÉTÉ, été", "мой дом", "x"]


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_products_of_counts_are_those_of_n_grams(size: int) -> None:
    found = hashed_counts(codes_of(TEXTS, 40), (size,), 1 << 16)[:, 0]
    plain = CountVectorizer(analyzer="char", ngram_range=(size, size)).fit_transform([f" {text} " for text in TEXTS])
    assert torch.equal(found @ found.mT, torch.from_numpy((plain @ plain.T).toarray()).float())


def test_words_are_those_between_other_signs() -> None:
    found = hashed_counts(codes_of(TEXTS, 40), (WORDS,), 1 << 16)[:, 0]
    plain = CountVectorizer(token_pattern=r"\w+").fit_transform(TEXTS)
    assert torch.equal(found @ found.mT, torch.from_numpy((plain @ plain.T).toarray()).float())


def test_the_room_behind_a_text_changes_nothing() -> None:
    for size in (WORDS, 1, 4):
        short, long = (hashed_counts(codes_of(["a bc", "d"], length), (size,), 512) for length in (4, 30))
        assert torch.equal(short, long)
    places, real = hashed(codes_of(["ab"], 2), 9, 64)
    assert places.shape == real.shape and not real.any() and bool((places < 64).all())
    assert hashed_counts(codes_of(["ab"], 2), (2,), 64, torch.float64).dtype == torch.float64
