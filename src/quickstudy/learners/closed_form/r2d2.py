"""R2-D2: the head of each task is a ridge regression, solved in closed form and differentiated through.

Source: Bertinetto, Henriques, Torr & Vedaldi, 2019, Meta-learning with differentiable closed-form solvers.
"""

from dataclasses import replace

import torch
from torch import Tensor, nn

from quickstudy.errors import LearnerError
from quickstudy.functional.closed_form import LinearModel, Start, answered, balanced, ridge, started
from quickstudy.learner import Facts, Learner
from quickstudy.likelihood import Categorical, Labels, Likelihood
from quickstudy.task import Examples, Inputs

__all__ = ["R2D2"]


class R2D2(Learner[LinearModel]):
    """Ridge regression on learned features: for classes (towards columns of 0 and 1), values, and labels (towards −1 and 1).

        ``W = argmin Σ_s c_s ‖m_s + x_s W − y_s‖² + λ ‖W‖²``,    ``outputs = a (m(f(x)) + f(x) W) + c``

    with a feature of one in x_s = f; without weights c and prior m that is ``W = Xᵀ (X Xᵀ + λ I)^{-1} Y``, X the rows x_s.

    The encoder, the penalty λ, the scale a and the offset c are meta-trained: the encoder learns features on which that
    solution generalises. Logits of classes need the scale, for regression targets lie between 0 and 1.

    With a ``prior`` m, a network from features to targets, the weights of a task start at and shrink to meta-trained ones:
    without any example the answer is the prior's. The columns then have a fixed meaning in all tasks. With ``balanced`` the
    weights c make each class count the same, whatever its number of rows.

    Deviation: the authors' code divides the S support features by √S before it solves. Its λ acts as λ S here, and its
    outputs are √S times as large, so the same 50 and 10 are other settings: at 5 ways and 1 shot its penalty would be 250
    here and its scale 22. Both are learned, so this matters to the start, and where support sets differ in size.

    Args:
        encoder: any network from inputs to features (D,); one that ends without an activation does better.
        penalty: λ at the start, 50 in the paper (see above).
        scale: a at the start; by default the paper's 10 for classes and labels, 1 for values.
        likelihood: what outputs mean; `Gaussian()` for values, `Labels()` for rows of several labels.
        prior: a network from features (D,) to targets (P,), in the order of the columns; zeros by default.
        balanced: weights of rows as scikit-learn's ``class_weight="balanced"``; for classes.

    Raises:
        LearnerError: a penalty or a scale that is not positive, or balanced values or labels.

    >>> learner = R2D2(nn.Flatten(), penalty=1.0)
    >>> learner(Examples.of(torch.tensor([[0.0], [1.0]]), torch.tensor([0, 1]))).names(torch.tensor([[0.8]]))
    ['1']
    """

    facts = Facts(norm="running")

    def __init__(
        self,
        encoder: nn.Module,
        *,
        penalty: float = 50.0,
        scale: float | None = None,
        likelihood: Likelihood | None = None,
        prior: nn.Module | None = None,
        balanced: bool = False,
    ) -> None:
        super().__init__()
        self.encoder, self.prior, self.balanced = encoder, prior, balanced
        self.likelihood = Categorical() if likelihood is None else likelihood
        scale = (10.0 if isinstance(self.likelihood, Categorical | Labels) else 1.0) if scale is None else scale
        if not penalty > 0 or not scale > 0:
            raise LearnerError(f"penalty={penalty} and scale={scale} must be positive. The paper starts at 50 and 10.")
        if balanced and not isinstance(self.likelihood, Categorical):
            raise LearnerError(f"balanced=True needs classes, not {self.likelihood.targets}. Leave it out.")
        if prior is not None:
            self.facts = replace(self.facts, label_order=True)
        self.log_penalty = nn.Parameter(torch.tensor(float(penalty)).log())
        self.log_scale = nn.Parameter(torch.tensor(float(scale)).log())
        self.offset = nn.Parameter(torch.zeros(()))

    def encode(self, x: Inputs) -> Tensor | Start:
        return started(self.encoder(x).flatten(1), self.prior)

    def adapt(self, support: Examples) -> LinearModel:
        x, y = support.x, support.y
        present = self.likelihood.present(y, support.mask)
        rows = balanced(y, support.mask) if self.balanced else support.mask
        y = 2 * y - 1 if isinstance(self.likelihood, Labels) else y
        if isinstance(x, Start):
            present = answered(present, support.mask)
            y = torch.where(present > 0, y - self.likelihood.restrict(x.outputs, present), y)
            x = x.features
        weight, bias = ridge(x, y, rows, self.log_penalty.exp())
        scale = self.log_scale.exp()
        return LinearModel(scale * weight, scale * bias + self.offset, present)

    def predict(self, state: LinearModel, x: Inputs) -> Tensor:
        if isinstance(x, Start):
            outputs = state(x.features) + self.log_scale.exp() * x.outputs[:, : len(state.present)]
        else:
            outputs = state(x)
        return self.likelihood.restrict(outputs, state.present)
