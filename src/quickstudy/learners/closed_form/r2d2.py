"""R2-D2: the head of each task is a ridge regression, solved in closed form and differentiated through.

Source: Bertinetto, Henriques, Torr & Vedaldi, 2019, Meta-learning with differentiable closed-form solvers.
"""

import torch
from torch import Tensor, nn

from quickstudy.errors import LearnerError
from quickstudy.functional.closed_form import LinearModel, ridge
from quickstudy.learner import Facts, Learner
from quickstudy.likelihood import Categorical, Labels, Likelihood
from quickstudy.task import Examples, Inputs

__all__ = ["R2D2"]


class R2D2(Learner[LinearModel]):
    """Ridge regression on learned features: for classes (towards columns of 0 and 1), values, and labels (towards −1 and 1).

        ``W = Xᵀ (X Xᵀ + λ I)^{-1} Y``,    ``outputs = a · f(x) W + c``,    X the support features f(x) with a column of ones

    The encoder, the penalty λ, the scale a and the offset c are meta-trained: the encoder learns features on which that
    solution generalises. Logits of classes need the scale, for regression targets lie between 0 and 1.

    Deviation: the authors' code divides the S support features by √S before it solves. Its λ acts as λ S here, and its
    outputs are √S times as large, so the same 50 and 10 are other settings: at 5 ways and 1 shot its penalty would be 250
    here and its scale 22. Both are learned, so this matters to the start, and where support sets differ in size.

    Args:
        encoder: any network from inputs to features (D,); one that ends without an activation does better.
        penalty: λ at the start, 50 in the paper (see above).
        scale: a at the start; by default the paper's 10 for classes and labels, 1 for values.
        likelihood: what outputs mean; `Gaussian()` for values, `Labels()` for rows of several labels.

    Raises:
        LearnerError: a penalty or a scale that is not positive.

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
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.likelihood = Categorical() if likelihood is None else likelihood
        scale = (10.0 if isinstance(self.likelihood, Categorical | Labels) else 1.0) if scale is None else scale
        if not penalty > 0 or not scale > 0:
            raise LearnerError(f"penalty={penalty} and scale={scale} must be positive. The paper starts at 50 and 10.")
        self.log_penalty = nn.Parameter(torch.tensor(float(penalty)).log())
        self.log_scale = nn.Parameter(torch.tensor(float(scale)).log())
        self.offset = nn.Parameter(torch.zeros(()))

    def encode(self, x: Inputs) -> Tensor:
        features: Tensor = self.encoder(x).flatten(1)
        return features

    def adapt(self, support: Examples) -> LinearModel:
        y = 2 * support.y - 1 if isinstance(self.likelihood, Labels) else support.y
        weight, bias = ridge(support.x, y, support.mask, self.log_penalty.exp())
        scale = self.log_scale.exp()
        return LinearModel(scale * weight, scale * bias + self.offset, self.likelihood.present(support.y, support.mask))

    def predict(self, state: LinearModel, x: Tensor) -> Tensor:
        return self.likelihood.restrict(state(x), state.present)
