"""What people do to inflect words of a new language from a few pairs: copy, edit rules by rank, neighbours, a classifier."""

import warnings
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import torch
from torch import Tensor

from quickstudy.apps.application import Baseline
from quickstudy.apps.parts.choices import choices
from quickstudy.functional.edit_rules import EditRules, applied, common_ends, edit_rules
from quickstudy.functional.spelling import marks, texts_of
from quickstudy.recipes.parts.recipe import Recipe
from quickstudy.task import Examples
from quickstudy.tasks.by_task import ByTask
from quickstudy.tasks.mixture import Mixture

__all__ = ["INFLECTION_METHODS"]

_Method = Callable[[Examples], Callable[[Any], Tensor]]
_MOST_POOLED = 3000


class _Met(NamedTuple):
    """What words have in common with pairs: what each rule makes (Q, S, L), whether it fits (Q, S), the letters shared at the
    end (Q, S), the share of common features (Q, S)."""

    made: Tensor
    fits: Tensor
    end: Tensor
    common: Tensor


def _met(support: Examples, x: Any) -> _Met:
    rules = edit_rules(support.x["lemma"], support.y.long())
    made, fits = applied(rules, x["lemma"])
    ours, theirs = x["tags"], support.x["tags"]
    both = ((ours[:, None, :, None] == theirs[None, :, None, :]) & (theirs > 0)[None, :, None]).any(-1).sum(-1)
    union = (ours > 0).sum(-1)[:, None] + (theirs > 0).sum(-1)[None] - both
    return _Met(made, fits, common_ends(x["lemma"], rules.source)[1], both / union)


def _best(met: _Met, score: Tensor, votes: Tensor, lemma: Tensor, copied: float) -> Tensor:
    """The word of the pair with the highest score; ties go to the word that most pairs of ``votes`` make.

    Args:
        met: words and pairs.
        score: (Q, S).
        votes: which pairs count (Q, S).
        lemma: the words (Q, L), which copying gives.
        copied: the score of copying.
    """
    codes = torch.cat([met.made, lemma[:, None]], 1)
    score = torch.cat([torch.where(met.fits, score, -1e4), torch.full_like(score[:, :1], copied)], 1)
    texts = marks(codes)
    counted = torch.nn.functional.pad((votes & met.fits).to(score.dtype), (0, 1))
    same = (texts[:, :, None] == texts[:, None]).to(score.dtype)
    score = score + 1e-3 * torch.einsum("qij,qj->qi", same, counted)
    return codes[torch.arange(len(codes)), score.argmax(1)]


def _copy(recipe: Recipe) -> _Method:
    """The lemma itself."""
    return lambda support: lambda x: x["lemma"]


def _frequent(recipe: Recipe) -> _Method:
    """The edit rule that most pairs with the same features have, else most pairs with some of them."""

    def fitted(support: Examples) -> Callable[[Any], Tensor]:
        def said(x: Any) -> Tensor:
            met = _met(support, x)
            texts = marks(met.made)
            same = ((texts[:, :, None] == texts[:, None]) & met.fits[:, None]).float()
            counts = torch.einsum("qij,qj->qi", same, met.common + 100.0 * (met.common == 1))
            return _best(met, counts, met.fits, x["lemma"], 0.0)

        return said

    return fitted


def _shared_task(recipe: Recipe) -> _Method:
    """Of the pairs with the same features the one whose lemma ends most alike; without any the lemma is copied."""

    def fitted(support: Examples) -> Callable[[Any], Tensor]:
        def said(x: Any) -> Tensor:
            met = _met(support, x)
            equal = met.common == 1
            return _best(met, equal * (1.0 + met.end), equal, x["lemma"], 0.5)

        return said

    return fitted


def _neighbour(recipe: Recipe, *, features: float, letters: int, copied: float) -> _Method:
    """The rule of the nearest pair: features in common, and up to so many letters at the end of the lemma.

    Pairs of equal features count where several are as near; the lemma is copied where none has more than a share of features.
    """

    def fitted(support: Examples) -> Callable[[Any], Tensor]:
        def said(x: Any) -> Tensor:
            met = _met(support, x)
            score = features * met.common + met.end.clamp(max=letters)
            return _best(met, score, met.common > 0.99, x["lemma"], copied * features)

        return said

    return fitted


def _classifier(recipe: Recipe, *, C: float) -> _Method:
    """Logistic regression of the edit rule on letters of the lemma and features; the most probable rule that fits."""
    from sklearn.feature_extraction import DictVectorizer
    from sklearn.linear_model import LogisticRegression

    def fitted(support: Examples) -> Callable[[Any], Tensor]:
        rules = edit_rules(support.x["lemma"], support.y.long())
        names = _names(rules)
        known = sorted(set(names))
        first = [names.index(name) for name in known]
        columns = DictVectorizer()
        x_known = columns.fit_transform(_letters(support.x))
        model = LogisticRegression(C=C, max_iter=60, tol=1e-3)
        if len(known) > 1:
            with warnings.catch_warnings():  # that there are about as many rules as pairs is the point
                warnings.simplefilter("ignore")
                model.fit(x_known, [known.index(name) for name in names])

        def said(x: Any) -> Tensor:
            made, fits = applied(EditRules(*[part[first] for part in rules]), x["lemma"])
            chance = torch.ones(fits.shape)
            if len(known) > 1:
                chance = torch.from_numpy(model.predict_proba(columns.transform(_letters(x)))).float()
            codes = torch.cat([made, x["lemma"][:, None]], 1)
            best = torch.nn.functional.pad(torch.where(fits, chance, -1.0), (0, 1)).argmax(1)
            return codes[torch.arange(len(codes)), best]

        return said

    return fitted


def _names(rules: EditRules) -> list[tuple[str, ...]]:
    """What each rule takes away and adds: prefix, new prefix, suffix, new suffix."""
    found: list[tuple[str, ...]] = []
    cuts = zip(*[part.tolist() for part in rules[2:]], strict=True)
    for source, target, (p, s, q, t) in zip(texts_of(rules.source), texts_of(rules.target), cuts, strict=True):
        found.append((source[:p], target[:q], source[len(source) - s :], target[len(target) - t :]))
    return found


def _letters(x: Any) -> list[dict[str, int]]:
    """Features of words for a classifier: first and last letters, grammatical features, and all of these together."""
    found = []
    for lemma, tags in zip(texts_of(x["lemma"]), x["tags"].tolist(), strict=True):
        names = [str(tag) for tag in tags if tag]
        ends = [f"end {lemma[-n:]}" for n in (1, 2, 3)] + [f"begin {lemma[:n]}" for n in (1, 2)]
        found.append(dict.fromkeys([*ends, *names, " ".join(sorted(names)), f"{names[0]} {lemma[-1]}"], 1))
    return found


class _Pooled(NamedTuple):
    """Rows of all meta-training languages, by their features."""

    rules: EditRules
    by_tags: Mapping[tuple[int, ...], Sequence[int]]


@lru_cache(maxsize=2)
def _everything(source: Any) -> _Pooled:
    first: Any = source.sources[0] if isinstance(source, Mixture) else source
    assert isinstance(first, ByTask)
    table = first.table
    x: Any = table.gather(torch.arange(len(table)))
    by_tags: dict[tuple[int, ...], list[int]] = {}
    for row, tags in enumerate(x["tags"].tolist()):
        by_tags.setdefault(tuple(sorted(tags)), []).append(row)
    return _Pooled(edit_rules(x["lemma"], table.y.long()), by_tags)


def _pooled(recipe: Recipe) -> _Method:
    """Of the words of all meta-training languages with the same features, the rule that most of those that end alike have."""
    pooled = _everything(recipe.train)

    def said(x: Any) -> Tensor:
        answers: Tensor = x["lemma"].clone()
        for row, tags in enumerate(x["tags"].tolist()):
            rows = pooled.by_tags.get(tuple(sorted(tags)), [])[:_MOST_POOLED]
            if not rows:
                continue
            word = x["lemma"][row : row + 1]
            rules = EditRules(*[part[list(rows)] for part in pooled.rules])
            made, fits = applied(rules, word)
            end = common_ends(word, rules.source)[1][0]
            usable = fits[0] & (end == torch.where(fits[0], end, -1).max())
            if bool(usable.any()):
                texts = Counter(marks(made[0][usable]).tolist())
                best = texts.most_common(1)[0][0]
                answers[row] = made[0][marks(made[0]) == best][0]
        return answers

    return lambda support: said


INFLECTION_METHODS: Mapping[str, Baseline] = {
    "nearest neighbour": Baseline(
        _neighbour, choices(features=(5.0, 10.0, 20.0), letters=(3, 10), copied=(0.0, 0.6)), val_tasks=27
    ),
    "the shared task's rule": Baseline(_shared_task),
    "most frequent rule": Baseline(_frequent),
    "classifier of rules": Baseline(_classifier, choices(C=(1.0, 10.0, 100.0)), val_tasks=18),
    "copy": Baseline(_copy),
    "neighbour in all other languages": Baseline(_pooled, control=True, tasks=20),
}
