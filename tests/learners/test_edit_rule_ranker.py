"""The ranker of edit rules against texts: which rule is right for which pair, and shares of equal rules."""

from collections import Counter
from typing import Any

import pytest
import torch

from apps.languages import rows
from quickstudy import learners
from quickstudy.errors import LearnerError
from quickstudy.functional.spelling import codes_of, texts_of
from quickstudy.inputs import WordForms
from quickstudy.task import Examples

KIND = WordForms(length=12, tags=4)


def support(count: int) -> tuple[Examples, list[str], list[str]]:
    found = [row[1:] for row in rows(1, count, seed=3)]
    forms = [form for _, _, form in found]
    x = KIND.batch([f"{lemma} {tags}" for lemma, tags, _ in found])
    return Examples(x, codes_of(forms, 12).float(), torch.ones(count)), [lemma for lemma, _, _ in found], forms


def made(pair: tuple[str, str], word: str) -> str | None:
    """These pairs have one stem and an ending each, so that the rule is an ending for an ending."""
    lemma, form = pair
    stem = max(n for n in range(len(lemma) + 1) if form.startswith(lemma[:n]))
    return word[: len(word) - (len(lemma) - stem)] + form[stem:] if word.endswith(lemma[stem:]) else None


def test_a_learner_of_zeros_believes_each_rule_that_fits_alike() -> None:
    known, lemmas, forms = support(15)
    learner = learners.EditRuleRanker(answers=40)
    with torch.no_grad():
        for part in learner.parameters():
            part.zero_()
    asked = ["bamta N;PL", "gokle N;SG"]
    found = learner(known)(KIND.batch(asked))
    for row, word in enumerate(["bamta", "gokle"]):
        wanted = Counter([word, *(each for pair in zip(lemmas, forms, strict=True) if (each := made(pair, word)) is not None)])
        named = learner.likelihood.named(found, 40)[row]
        total = sum(wanted.values())
        assert named == pytest.approx({text: count / total for text, count in wanted.items()}, abs=1e-5)
    assert found.shape == (2, 40, 13)


def test_which_rule_is_right_for_which_pair() -> None:
    known, lemmas, forms = support(12)
    book = learners.EditRuleRanker().adapt(known)
    pairs = list(zip(lemmas, forms, strict=True))
    for s, pair in enumerate([*pairs, ("", "")]):
        wanted = [made(pair, lemma) if s < 12 else lemma for lemma in lemmas]
        assert book.fits[s].tolist() == [float(each is not None) for each in wanted]
        assert book.right[s].tolist() == [float(each == form) for each, form in zip(wanted, forms, strict=True)]


def test_votes_count_the_pairs_for_and_against_a_rule() -> None:
    """With a kernel of 1 everywhere and a score of one vote alone the rule that is right most often wins."""
    known, _, _ = support(20)
    learner: Any = learners.EditRuleRanker(kernels=1)
    with torch.no_grad():
        for part in learner.parameters():
            part.zero_()
        learner.kernel_linear.bias.fill_(50.0)
        learner.score_linear.weight[0, -3] = 100.0  # log (1 + yes)
    book = learner.adapt(known)
    best = book.right.sum(1)[:20]
    x = KIND.batch("zzzza N;SG")
    fits = learner.likelihood.named(learner(known)(x), 40)[0]
    chosen = {texts_of(book.rules.target[row : row + 1])[0][-2:] for row in (best == best.max()).nonzero()[:, 0]}
    assert max(fits, key=fits.__getitem__)[-2:] in chosen or max(fits, key=fits.__getitem__) == "zzzza"


def test_a_prefix_that_all_pairs_have_meets_a_suffix_of_a_pair_without_it() -> None:
    """gemacht and gelebt begin with ge-, and only Haus becomes Hauses; so gebises, which no pair makes of bis, is a candidate."""
    words, forms = ["machen V;PTCP", "leben V;PTCP", "haus V;PTCP"], codes_of(["gemacht", "gelebt", "hauses"], 12)
    known = Examples(KIND.batch(words), forms.float(), torch.ones(3))
    found = learners.EditRuleRanker()(known)
    assert "gebises" in learners.EditRuleRanker().likelihood.named(found(KIND.batch("bis V;PTCP")), 40)[0]


def test_without_pairs_the_lemma_is_copied_and_sizes_are_checked() -> None:
    known, _, _ = support(3)
    nothing = Examples(known.x, torch.zeros_like(known.y), torch.zeros(3))
    assert texts_of(learners.EditRuleRanker().likelihood.mean(learners.EditRuleRanker()(nothing)(KIND.batch("bamta N")))) == [
        "bamta"
    ]
    with pytest.raises(LearnerError, match="kernels=0"):
        learners.EditRuleRanker(kernels=0)
