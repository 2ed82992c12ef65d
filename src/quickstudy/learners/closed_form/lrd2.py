"""LR-D2: the head of each task is a logistic regression, fitted by Newton's method to its optimum and differentiated there.

Source: Bertinetto, Henriques, Torr & Vedaldi, 2019, Meta-learning with differentiable closed-form solvers.
"""

import torch
from torch import Tensor, nn

from quickstudy.errors import LearnerError
from quickstudy.functional.closed_form import LinearModel
from quickstudy.functional.logistic import logistic, logistic_labels
from quickstudy.learner import Facts, Learner
from quickstudy.likelihood import Categorical, Labels
from quickstudy.task import Examples, Inputs

__all__ = ["LRD2"]


class LRD2(Learner[LinearModel]):
    """Multinomial logistic regression on learned features, by Newton's method (iteratively reweighted least squares).

        ``W = argmin Σ_s −log softmax(x_s W)[y_s] + ½ λ ‖W‖²``,    ``logits = f(x) W``,    x_s = f with a feature of one

    The encoder and the penalty λ are meta-trained. On features of a frozen encoder it is the head of Tian et al., 2020
    (Rethinking few-shot image classification), many tasks at once: `LogisticRegression` asks scikit-learn, task by task,
    and does not penalise the bias.

    With ``likelihood=Labels()`` each label has a logistic regression of its own, of two classes.

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

    Raises:
        LearnerError: a penalty that is not positive, or no steps.

    >>> learner = LRD2(nn.Flatten())
    >>> support = Examples.of(torch.tensor([[0.0], [1.0]]), torch.tensor([0, 1]))
    >>> learner(support).probabilities(torch.tensor([[0.8]]))
    tensor([[0.4000, 0.6000]])
    """

    facts = Facts(norm="running")

    def __init__(
        self,
        encoder: nn.Module,
        *,
        penalty: float = 1.0,
        steps: int = 50,
        likelihood: Categorical | Labels = Categorical(),  # noqa: B008  a frozen record
    ) -> None:
        super().__init__()
        if not penalty > 0 or steps < 1:
            raise LearnerError(f"penalty={penalty} must be positive, and steps={steps} at least 1.")
        self.encoder = encoder
        self.steps, self.likelihood = steps, likelihood
        self.log_penalty = nn.Parameter(torch.tensor(float(penalty)).log())

    def encode(self, x: Inputs) -> Tensor:
        features: Tensor = self.encoder(x).flatten(1)
        return features

    def adapt(self, support: Examples) -> LinearModel:
        present, penalty = self.likelihood.present(support.y, support.mask), self.log_penalty.exp()
        if isinstance(self.likelihood, Labels):
            weight, bias = logistic_labels(support.x, support.y, support.mask, penalty, self.steps)
        else:
            weight, bias = logistic(support.x, support.y, support.mask, penalty, self.steps)
        return LinearModel(weight, bias, present)

    def predict(self, state: LinearModel, x: Tensor) -> Tensor:
        return self.likelihood.restrict(state(x), state.present)
