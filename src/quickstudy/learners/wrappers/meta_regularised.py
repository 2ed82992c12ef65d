"""Meta-regularisation: the information that an encoder passes on is penalised, so that tasks are learned, not memorised.

Source: Yin, Tucker, Zhou, Levine & Finn, 2020, Meta-learning without memorization (MR-MAML).
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from quickstudy.errors import LearnerError
from quickstudy.learner import Learner
from quickstudy.nn.variational import GaussianCode, GaussianWeights, measuring, weight_information
from quickstudy.task import Inputs, Task
from quickstudy.wrapper import LearnerWrapper

__all__ = ["Coded", "MetaRegularised"]


class Coded(NamedTuple):
    """Encoded inputs and what each row's code cost, (R,) in nats."""

    features: Inputs
    nats: Tensor


class MetaRegularised(LearnerWrapper):
    """Any learner on the codes of an encoder that no task adapts, with a penalty on the encoder's information.

        ``L_Q + β (mean over queries of KL(q(z | x) ‖ N(0, I)) + KL(q(θ) ‖ N(0, I)))``

    The first divergence is that of `nn.GaussianCode` layers in the encoder (MR-MAML (A), a bottleneck of activations), the
    second that of `nn.GaussianWeights` (MR-MAML (W)). With the penalty, what an input reveals of its task is cheaper to read
    from the support set than to keep in the encoder. Inside of `MAML` nothing of it changes: its network reads codes. In
    eval mode codes and weights are their means.

    Deviations: the divergence is the sum over the code's numbers (the published sinusoid code takes their mean); one draw
    of random weights serves all tasks of an outer step.

    Args:
        encoder: from inputs to features, with random layers in it. It is meta-trained in place.
        learner: on those features, for example ``MAML(network)``.
        strength: β. The paper's sinusoids took 5 for activations, 5e-5 for weights.

    Raises:
        LearnerError: the encoder has no random layer, or a negative strength.

    >>> from quickstudy.learners.optimization.maml import MAML
    >>> encoder = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), GaussianCode(16, 2))
    >>> learner = MetaRegularised(encoder, MAML(nn.Linear(2, 3)), strength=0.01)
    >>> learner.encode(torch.zeros(7, 4)).nats.shape
    torch.Size([7])
    """

    def __init__(self, encoder: nn.Module, learner: Learner[Any], *, strength: float = 1e-3) -> None:
        super().__init__(learner)
        if not any(isinstance(part, GaussianCode | GaussianWeights) for part in encoder.modules()):
            raise LearnerError(
                "the encoder has no random layer, so there is no information to penalise. End it in nn.GaussianCode, or wrap "
                "its layers in nn.GaussianWeights."
            )
        if not strength >= 0:
            raise LearnerError(f"strength={strength} would reward memorising. Give 0 or more.")
        self.encoder, self.strength = encoder, strength

    def encode(self, x: Inputs) -> Coded:
        with measuring() as found:
            codes: Tensor = self.encoder(x)
        nats = torch.stack(found).sum(0) if found else codes.new_zeros(codes.shape[0])
        return Coded(self.learner.encode(codes), nats)

    def features(self, x: Coded) -> Inputs:
        return x.features

    @property
    def encodes(self) -> bool:
        return True

    def objective(self, task: Task) -> Tensor:
        mask = task.query.mask
        nats = (task.query.x.nats * mask).sum() / mask.sum().clamp(min=1)
        weights = weight_information(self.encoder)
        price: Tensor = self.strength * (nats if weights is None else nats + weights)
        return super().objective(task) + price
