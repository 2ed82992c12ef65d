"""What people use to mark entities from a few sentences otherwise: simple methods on the same frozen states of words."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from quickstudy.apps.application import Baseline
from quickstudy.apps.parts.choices import choices
from quickstudy.datasets.tagged_words import TaggedWords
from quickstudy.functional.distances import class_means, cosine_distance
from quickstudy.functional.linear_chain import chain_nll
from quickstudy.functional.spans import viterbi
from quickstudy.recipes.parts.recipe import Recipe
from quickstudy.task import Examples
from quickstudy.tasks.mixture import Mixture

__all__ = ["ENTITY_METHODS", "trained_words"]

_LAYERS = {"6": slice(0, 384), "6 and 3": slice(0, 768)}
"""Which numbers of a state are of which layers of MiniLM."""

_SHARP = 20.0
_STEPS = 40

_Method = Callable[[Examples], Callable[[Any], Tensor]]


def trained_words(recipe: Recipe) -> TaggedWords:
    """The words of meta-training; those of the first source of several."""
    source: Any = recipe.train.sources[0] if isinstance(recipe.train, Mixture) else recipe.train
    found: TaggedWords = source.words
    return found


@functools.lru_cache(maxsize=4)
def _mean(words: TaggedWords) -> Tensor:
    """Of the states of meta-training words, every tenth."""
    return words.states[::10].float().mean(0)


def _centred(recipe: Recipe, layers: str) -> Callable[[Any], Tensor]:
    """From a task's inputs to states of some layers, less the mean of meta-training words."""
    chosen = _LAYERS[layers]
    mean = _mean(trained_words(recipe))[chosen]
    return lambda x: x["states"][:, chosen] - mean


def _centroid(recipe: Recipe, *, layers: str) -> _Method:
    """The type (or outside) whose mean state is nearest by the cosine."""
    states = _centred(recipe, layers)

    def fitted(support: Examples) -> Callable[[Any], Tensor]:
        means = class_means(states(support.x), support.y, support.mask)
        return lambda x: -_SHARP * cosine_distance(states(x), means)

    return fitted


def _neighbour(recipe: Recipe, *, layers: str, k: int) -> _Method:
    """The type of the k words of the support set whose states are nearest by the cosine, weighted by it."""
    states = _centred(recipe, layers)

    def fitted(support: Examples) -> Callable[[Any], Tensor]:
        known = states(support.x)

        def said(x: Any) -> Tensor:
            near = (-_SHARP * cosine_distance(states(x), known)).topk(min(k, len(known)), 1)
            return torch.einsum("qk,qkn->qn", near.values.softmax(1), support.y[near.indices])

        return said

    return fitted


def _logistic(recipe: Recipe, *, C: float, balanced: bool) -> _Method:
    """Logistic regression (scikit-learn) of each word by itself."""
    from sklearn.linear_model import LogisticRegression

    states = _centred(recipe, "6 and 3")

    def fitted(support: Examples) -> Callable[[Any], Tensor]:
        model = LogisticRegression(C=C, class_weight="balanced" if balanced else None, max_iter=100)
        model.fit(states(support.x).numpy(), support.labels.numpy())

        def said(x: Any) -> Tensor:
            found = torch.zeros(len(x["unit"]), support.y.shape[1])
            found[:, torch.from_numpy(model.classes_)] = torch.from_numpy(model.predict_proba(states(x).numpy())).float()
            return found

        return said

    return fitted


def _field(recipe: Recipe, *, penalty: float) -> _Method:
    """A linear-chain conditional random field: weights of states, of tags at the start and of tags one after another."""
    states = _centred(recipe, "6 and 3")

    def fitted(support: Examples) -> Callable[[Any], Tensor]:
        sentences = _sentences(support.x["unit"])
        x = pad_sequence(list(torch.split(states(support.x), sentences)), batch_first=True)
        tags = pad_sequence(list(torch.split(support.labels, sentences)), batch_first=True)
        real = pad_sequence([torch.ones(size) for size in sentences], batch_first=True)
        ways = support.y.shape[1]
        weights = [torch.zeros(x.shape[2], ways), torch.zeros(ways), torch.zeros(ways), torch.zeros(ways, ways)]
        weights = [each.requires_grad_() for each in weights]
        optimizer = torch.optim.LBFGS(weights, max_iter=_STEPS, history_size=10, line_search_fn="strong_wolfe")

        def loss() -> Tensor:
            optimizer.zero_grad()
            matrix, bias, start, follows = weights
            found: Tensor = chain_nll(x @ matrix + bias, tags, real, start, follows).sum()
            found = found + penalty / 2 * (matrix.square().sum() + start.square().sum() + follows.square().sum())
            found.backward()  # type: ignore[no-untyped-call]
            return found

        with torch.enable_grad():
            optimizer.step(loss)  # type: ignore[no-untyped-call]
        matrix, bias, start, follows = (each.detach() for each in weights)

        def said(x: Any) -> Tensor:
            parts = torch.split(states(x) @ matrix + bias, _sentences(x["unit"]))
            return torch.nn.functional.one_hot(torch.cat([viterbi(part, start, follows) for part in parts]), ways).float()

        return said

    return fitted


def _sentences(unit: Tensor) -> list[int]:
    """How many words each sentence has; words of one stand side by side."""
    sizes: list[int] = torch.unique_consecutive(unit, return_counts=True)[1].tolist()
    return sizes


ENTITY_METHODS: Mapping[str, Baseline] = {
    "nearest mean state": Baseline(_centroid, choices(layers=tuple(_LAYERS))),
    "nearest word": Baseline(_neighbour, choices(layers=tuple(_LAYERS), k=(1, 5))),
    "logistic regression": Baseline(_logistic, choices(C=(0.1, 1.0), balanced=(False, True)), tasks=80, val_tasks=10),
    "conditional random field": Baseline(_field, choices(penalty=(0.3, 1.0)), tasks=40, val_tasks=6),
}
"""Each with its settings chosen on meta-validation tasks of the same size."""
