"""Logistic regression on the support set, by scikit-learn."""

from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from quickstudy.functional.closed_form import LinearModel
from quickstudy.learner import ITERATES, Facts, Learner
from quickstudy.likelihood import Categorical, Labels
from quickstudy.task import Examples, Inputs

__all__ = ["LogisticRegression"]


@cache
def _threads() -> Any:
    """The pools that NumPy and SciPy compute in: on a support set, several threads only wait for each other (15 times slower)."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


class LogisticRegression(Learner[LinearModel]):
    """``p(n | x) = softmax(W x + b)`` with an L2 penalty, fitted to each support set without any meta-training.

    Args:
        C: inverse strength of the penalty, as in scikit-learn.
        encoder: features to work on; the flattened inputs themselves by default. Tian et al., 2020, Rethinking few-shot
            image classification, found this on pre-trained features a strong baseline.
        likelihood: `Labels()` for rows of several labels, each with a regression of its own.

    >>> learner = LogisticRegression()
    >>> learner(Examples.of(torch.tensor([[0.0], [1.0]]), torch.tensor([0, 1]))).names(torch.tensor([[0.8]]))
    ['1']
    """

    facts = Facts(gradient="none", norm="none", batchable=False, unexportable_adaptation=ITERATES)

    def __init__(
        self,
        C: float = 1.0,
        encoder: nn.Module | None = None,
        *,
        likelihood: Categorical | Labels = Categorical(),  # noqa: B008  a frozen record
    ) -> None:
        super().__init__()
        self.C, self.likelihood = C, likelihood
        self.encoder = nn.Flatten() if encoder is None else encoder

    def encode(self, x: Inputs) -> Tensor:
        features: Tensor = self.encoder(x).flatten(1)
        return features

    def adapt(self, support: Examples) -> LinearModel:
        present = self.likelihood.present(support.y, support.mask)
        real = support.trim()
        weight = real.x.new_zeros(real.y.shape[1], real.x.shape[1])
        bias = real.x.new_zeros(real.y.shape[1])
        if isinstance(self.likelihood, Labels):
            for label, y in enumerate(real.y.unbind(1)):
                weight[label], bias[label] = self._of_label(real.x, y)
        elif int(present.sum()) > 1:
            fitted = self._fitted(real.x, real.labels)
            coefficients, offsets = torch.as_tensor(fitted.coef_), torch.as_tensor(fitted.intercept_)
            if len(offsets) == 1:  # two classes: scikit-learn keeps their log-odds only
                coefficients, offsets = torch.cat([-coefficients, coefficients]) / 2, torch.cat([-offsets, offsets]) / 2
            weight[fitted.classes_] = coefficients.to(weight)
            bias[fitted.classes_] = offsets.to(bias)
        return LinearModel(weight, bias, present)

    def _fitted(self, x: Tensor, y: Tensor) -> Any:
        from sklearn import linear_model

        fitted = linear_model.LogisticRegression(C=self.C, max_iter=1000)
        with _threads().limit(limits=1):
            return fitted.fit(x.detach().cpu().double().numpy(), y.cpu().numpy())

    def _of_label(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Weights and bias of the log-odds of one label; those of the rule of succession where all rows have it, or none."""
        have = float(y.sum())
        if not 0 < have < y.shape[0]:
            return x.new_zeros(x.shape[1]), x.new_tensor((have + 1) / (y.shape[0] - have + 1)).log()
        fitted = self._fitted(x, y)
        return torch.as_tensor(fitted.coef_[0]).to(x), torch.as_tensor(fitted.intercept_[0]).to(x)

    def predict(self, state: LinearModel, x: Tensor) -> Tensor:
        return self.likelihood.restrict(state(x), state.present)
