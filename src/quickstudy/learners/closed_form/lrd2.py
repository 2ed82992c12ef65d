"""LR-D2: the head of each task is a logistic regression, fitted by Newton's method to its optimum and differentiated there.

Source: Bertinetto, Henriques, Torr & Vedaldi, 2019, Meta-learning with differentiable closed-form solvers.
"""

from dataclasses import replace

import torch
from torch import Tensor, nn

from quickstudy.errors import LearnerError
from quickstudy.functional.closed_form import LinearModel, Start, answered, balanced, started
from quickstudy.functional.logistic import logistic, logistic_labels
from quickstudy.learner import ITERATES, Facts, Learner
from quickstudy.likelihood import Categorical, Labels
from quickstudy.task import Examples, Inputs

__all__ = ["LRD2"]


class LRD2(Learner[LinearModel]):
    """Multinomial logistic regression on learned features, by Newton's method (iteratively reweighted least squares).

        ``W = argmin Σ_s c_s (−log softmax(m_s + x_s W)[y_s]) + ½ λ ‖W‖²``,    ``logits = t (m(f(x)) + f(x) W)``

    with a feature of one in x_s = f. The encoder and the penalty λ are meta-trained. On features of a frozen encoder it is the
    head of Tian et al., 2020 (Rethinking few-shot image classification), many tasks at once: `LogisticRegression` asks
    scikit-learn, task by task, and does not penalise the bias.

    With ``likelihood=Labels()`` each label has a logistic regression of its own, of two classes.

    With a ``prior`` m, a network from features to a logit of each class, the weights of a task start at and shrink to
    meta-trained ones: without any example the answer is the prior's. The columns of the classes then have a fixed meaning in all
    tasks. With ``balanced`` the weights c make each class count the same, whatever its number of rows; with a ``scale`` t is
    learned, so that probabilities are as sure as they are right (Guo et al., 2017).

    Deviations: the paper's LR-D2 tells two classes apart; this is Newton's method for any number, and for two the same optimum
    at twice the penalty, because both classes have weights. The paper takes five steps and differentiates through them; here
    a task is done when its slope is 1e-10 of that at the start, which takes five to ten steps (five alone were off by up to
    0.13 in probability at λ = 0.01), and the gradient is that of the optimum. A step that would raise the objective is
    shortened.

    Args:
        encoder: any network from inputs to features (D,).
        penalty: λ at the start, scikit-learn's ``1 / C`` (``2 / C`` for two classes).
        steps: of Newton's method at most; a task that is done earlier takes no more.
        likelihood: `Labels()` for rows of several labels.
        prior: a network from features (D,) to logits (N,), in the order of the classes; zeros by default.
        balanced: weights of rows as scikit-learn's ``class_weight="balanced"``; for classes.
        scale: t at the start; 1, and not learned, by default.

    Raises:
        LearnerError: a penalty or a scale that is not positive, no steps, or balanced labels.

    >>> learner = LRD2(nn.Flatten())
    >>> support = Examples.of(torch.tensor([[0.0], [1.0]]), torch.tensor([0, 1]))
    >>> learner(support).probabilities(torch.tensor([[0.8]]))
    tensor([[0.4000, 0.6000]])
    """

    facts = Facts(norm="running", unexportable_adaptation=ITERATES)

    def __init__(
        self,
        encoder: nn.Module,
        *,
        penalty: float = 1.0,
        steps: int = 50,
        likelihood: Categorical | Labels = Categorical(),  # noqa: B008  a frozen record
        prior: nn.Module | None = None,
        balanced: bool = False,
        scale: float | None = None,
    ) -> None:
        super().__init__()
        if not penalty > 0 or steps < 1 or (scale is not None and not scale > 0):
            raise LearnerError(f"penalty={penalty} and scale={scale} must be positive, and steps={steps} at least 1.")
        if balanced and isinstance(likelihood, Labels):
            raise LearnerError("balanced=True needs classes, not labels. Leave it out, or choose Categorical().")
        self.encoder, self.prior = encoder, prior
        self.steps, self.likelihood, self.balanced = steps, likelihood, balanced
        if prior is not None:
            self.facts = replace(self.facts, label_order=True)
        self.log_penalty = nn.Parameter(torch.tensor(float(penalty)).log())
        self.log_scale = None if scale is None else nn.Parameter(torch.tensor(float(scale)).log())

    def encode(self, x: Inputs) -> Tensor | Start:
        return started(self.encoder(x).flatten(1), self.prior)

    def adapt(self, support: Examples) -> LinearModel:
        x, y, penalty = support.x, support.y, self.log_penalty.exp()
        present, offset = self.likelihood.present(y, support.mask), None
        if isinstance(x, Start):
            present = answered(present, support.mask)
            offset = self.likelihood.restrict(x.outputs, present)
            x = x.features
        rows = balanced(y, support.mask) if self.balanced else support.mask
        fitted = logistic_labels if isinstance(self.likelihood, Labels) else logistic
        weight, bias = fitted(x, y, rows, penalty, self.steps, offset_SN=offset)
        return LinearModel(weight, bias, present)

    def predict(self, state: LinearModel, x: Inputs) -> Tensor:
        outputs = state(x.features) + x.outputs[:, : len(state.present)] if isinstance(x, Start) else state(x)
        if self.log_scale is not None:
            outputs = outputs * self.log_scale.exp()
        return self.likelihood.restrict(outputs, state.present)
