"""ANIL, almost no inner loop: the encoder is meta-trained and shared by all tasks, only the head takes gradient steps.

Source: Raghu, Raghu, Bengio & Vinyals, 2020, Rapid learning or feature reuse? Towards understanding the effectiveness of MAML.
"""

from torch import Tensor, nn

from quickstudy.errors import LearnerError
from quickstudy.functional.unroll import SGD
from quickstudy.learner import INNER_GRADIENTS, Facts, Learner
from quickstudy.likelihood import Categorical, Likelihood
from quickstudy.nn.fast import FastWeights, apply, fit
from quickstudy.nn.norm import convert
from quickstudy.task import Examples, Inputs

__all__ = ["ANIL"]


class ANIL(Learner[FastWeights]):
    """MAML whose inner loop adapts the head alone, on features that no task changes.

        ``w_0 = w``,    ``w_{t+1} = w_t − α ∇_w L_S(w_t, f(x))``,    meta-training minimises ``L_Q(w_T, f(x))`` in f and w

    The outer gradient is MAML's with the encoder's step size at 0. Features are computed once for all tasks, so that inner
    steps cost almost nothing. Unlike the paper, which normalises each task by its own batch, the encoder's batch norms use
    the whole batch of tasks in meta-training and running averages in eval mode: predictions are inductive.

    Args:
        encoder: any network from inputs to features, the body of MAML's network. It is meta-trained in place.
        head: from features to at least as many outputs as the tasks have ways, for example ``nn.Linear(64, 5)``, or
            `quickstudy.nn.MLP` without hidden layers, which can be saved and loaded. A copy of it is meta-trained.
        inner_lr: α.
        inner_steps: T in meta-training; 0 is the network itself.
        test_steps: T in eval mode; as in training by default.
        likelihood: of the outputs.

    Raises:
        LearnerError: a negative step size or number of steps.
        ShapeError: (at adaptation) fewer outputs than ways.

    >>> import torch
    >>> learner = ANIL(nn.Flatten(), nn.Linear(4, 3), inner_lr=0.1, inner_steps=5)
    >>> learner(Examples.of(torch.eye(4).reshape(4, 2, 2), torch.tensor([0, 1, 0, 1])))(torch.ones(1, 2, 2)).shape
    torch.Size([1, 2])
    """

    facts = Facts(label_order=True, norm="running", unexportable_adaptation=INNER_GRADIENTS)

    def __init__(
        self,
        encoder: nn.Module,
        head: nn.Module,
        *,
        inner_lr: float = 0.4,
        inner_steps: int = 1,
        test_steps: int | None = None,
        likelihood: Likelihood = Categorical(),  # noqa: B008  a frozen record
    ) -> None:
        super().__init__()
        if inner_steps < 0 or (test_steps or 0) < 0 or not inner_lr >= 0:
            raise LearnerError("inner_lr, inner_steps and test_steps must be 0 or more.")
        self.encoder, self.head = encoder, convert(head)
        self.inner_lr, self.inner_steps = inner_lr, inner_steps
        self.test_steps = inner_steps if test_steps is None else test_steps
        self.likelihood = likelihood

    def encode(self, x: Inputs) -> Inputs:
        return self.encoder(x)

    def adapt(self, support: Examples) -> FastWeights:
        steps = self.inner_steps if self.training else self.test_steps
        return fit(self.head, support, self.likelihood, rule=SGD(self.inner_lr), steps=steps, first_order=False)

    def predict(self, state: FastWeights, x: Inputs) -> Tensor:
        return self.likelihood.restrict(apply(self.head, state.weights, x, state.statistics), state.present)
