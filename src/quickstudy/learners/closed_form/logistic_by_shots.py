"""Logistic regression whose penalty and scale follow the number of shots and ways, by six meta-learned numbers.

Source of the scale: Guo, Pleiss, Sun & Weinberger, 2017, On calibration of modern neural networks.
"""

import torch
from torch import Tensor, nn

from quickstudy.errors import LearnerError
from quickstudy.functional.closed_form import LinearModel, balanced
from quickstudy.functional.logistic import logistic
from quickstudy.learner import ITERATES, Facts, Learner
from quickstudy.task import Examples, Inputs

__all__ = ["LogisticByShots"]


class LogisticByShots(Learner[LinearModel]):
    """A linear classifier that is nearly a nearest centroid at one shot and a logistic regression at many.

        ``W = argmin Σ_s −log softmax(x_s W)[y_s] + ½ λ_k ‖W‖²``,    ``λ_k = λ k^a N^b``,    ``logits = t k^c N^d · f(x) W``

    with N classes of k examples each on average, x_s = f with a feature of one. Rows weigh the same, or ``c_s^β`` with weights c
    of `functional.closed_form.balanced`, which make each class count the same: most words are outside of all entities, say. For a
    large penalty on features of unit length W points to the class means; for a small one it is the classifier of `LRD2`. The
    scale makes probabilities as sure as they are right, at any number of shots. All six numbers are meta-trained, and so is the
    encoder; a to d start at 0.

    Args:
        encoder: any network from inputs to features (D,), best of unit length.
        penalty: λ at the start.
        scale: t at the start.
        balance: β; 0 weighs all rows alike, 1 is scikit-learn's ``class_weight="balanced"``.
        steps: of Newton's method at most.

    Raises:
        LearnerError: a penalty or a scale that is not positive, a balance outside of 0 to 1, or no steps.

    >>> learner = LogisticByShots(nn.Flatten(), penalty=1.0, scale=2.0)
    >>> support = Examples.of(torch.tensor([[0.0], [1.0]]), torch.tensor([0, 1]))
    >>> learner(support)(torch.tensor([[0.8]])) / 2  # the logits of LRD2(nn.Flatten())
    tensor([[-0.2027,  0.2027]])
    """

    facts = Facts(norm="running", unexportable_adaptation=ITERATES)

    def __init__(
        self, encoder: nn.Module, *, penalty: float = 0.3, scale: float = 5.0, balance: float = 0.0, steps: int = 50
    ) -> None:
        super().__init__()
        if not (penalty > 0 and scale > 0) or steps < 1:
            raise LearnerError(f"penalty={penalty} and scale={scale} must be positive, and steps={steps} at least 1.")
        if not 0 <= balance <= 1:
            raise LearnerError(f"balance={balance} lies from 0 (all rows weigh the same) to 1 (all classes do).")
        self.encoder, self.balance = encoder, balance
        self.steps = steps
        self.log_penalty = nn.Parameter(torch.tensor(float(penalty)).log())
        self.log_scale = nn.Parameter(torch.tensor(float(scale)).log())
        self.penalty_by_shots, self.penalty_by_ways = (nn.Parameter(torch.zeros(())) for _ in range(2))
        self.scale_by_shots, self.scale_by_ways = (nn.Parameter(torch.zeros(())) for _ in range(2))

    def encode(self, x: Inputs) -> Tensor:
        features: Tensor = self.encoder(x).flatten(1)
        return features

    def adapt(self, support: Examples) -> LinearModel:
        present = self.likelihood.present(support.y, support.mask)
        ways = present.sum().clamp(min=1)
        shots = (support.mask.sum() / ways).clamp(min=1)
        k, n = shots.log(), ways.log()
        penalty = (self.log_penalty + self.penalty_by_shots * k + self.penalty_by_ways * n).exp()
        scale = (self.log_scale + self.scale_by_shots * k + self.scale_by_ways * n).exp()
        rows = support.mask if not self.balance else support.mask * balanced(support.y, support.mask) ** self.balance
        weight, bias = logistic(support.x, support.y, rows, penalty, self.steps)
        return LinearModel(scale * weight, scale * bias, present)

    def predict(self, state: LinearModel, x: Tensor) -> Tensor:
        return self.likelihood.restrict(state(x), state.present)
