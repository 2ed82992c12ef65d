"""What people use to guess a reply otherwise: likeness to what was said before, to the speaker's own words, a regression."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from quickstudy.apps.application import Baseline
from quickstudy.apps.parts.choices import choices
from quickstudy.recipes.parts.recipe import Recipe
from quickstudy.task import Examples

__all__ = ["DIALOGUE_METHODS"]

_Method = Callable[[Examples], Callable[[Any], Tensor]]


def _said(support: Examples) -> Tensor:
    """What the speaker said, (S, D), as unit vectors."""
    return _unit((support.x["candidates"] * support.y[..., None]).sum(1))


def _unit(x: Tensor) -> Tensor:
    return torch.nn.functional.normalize(x, dim=-1)


def _answers(x: Any) -> Tensor:
    """How like what was said before each candidate is, (Q, M)."""
    return (_unit(x["candidates"]) @ _unit(x["asked"])[..., None])[..., 0]


def _context(recipe: Recipe) -> _Method:
    """The candidate that is most like what was said before."""
    return lambda support: _answers


def _profile(recipe: Recipe, *, share: float, nearest: bool) -> _Method:
    """Likeness to what was said before, and to what the speaker said: its mean, or the nearest of it."""

    def fitted(support: Examples) -> Callable[[Any], Tensor]:
        known = _said(support)
        known = known if nearest else _unit(known.mean(0, keepdim=True))
        return lambda x: (1 - share) * _answers(x) + share * (_unit(x["candidates"]) @ known.mT).amax(-1)

    return fitted


def _regression(recipe: Recipe, *, C: float, share: float) -> _Method:
    """Logistic regression of the speaker's utterances against the other candidates, beside likeness to what was said before."""
    from sklearn.linear_model import LogisticRegression

    def fitted(support: Examples) -> Callable[[Any], Tensor]:
        rows, own = _unit(support.x["candidates"]).flatten(0, 1), support.y.flatten()
        model = LogisticRegression(C=C, class_weight="balanced", max_iter=100).fit(rows.numpy(), own.numpy())
        weight = torch.from_numpy(model.coef_[0]).to(rows.dtype)
        return lambda x: _answers(x) + share * (_unit(x["candidates"]) @ weight)

    return fitted


DIALOGUE_METHODS: Mapping[str, Baseline] = {
    "likeness to both": Baseline(_profile, choices(share=(0.1, 0.2, 0.3, 0.5), nearest=(False, True)), val_tasks=200),
    "regression of the speaker": Baseline(_regression, choices(C=(0.1, 1.0, 10.0), share=(0.03, 0.1, 0.3)), val_tasks=100),
    "likeness to what was said before": Baseline(_context, control=True),
}
