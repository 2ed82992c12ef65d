"""The policy gradient: a loss of actions weighed by their advantages, and advantages by a baseline that is linear in features.

Source: Williams, 1992, Simple statistical gradient-following algorithms for connectionist reinforcement learning; Duan, Chen,
Houthooft, Schulman & Abbeel, 2016, Benchmarking deep reinforcement learning for continuous control (the baseline).
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, Normal

from quickstudy.errors import ShapeError
from quickstudy.likelihood import Gaussian

__all__ = ["PolicyGradient", "advantages"]

_RIDGE = 1e-3


@dataclass(frozen=True)
class PolicyGradient(Gaussian):
    """Actions of a policy with normal noise: outputs (Q, P) are its means, targets (Q, P + …) actions, then their advantages.

        ``L = −A log π(a | x)`` but for what no output changes: ``A ‖a − f(x)‖² / (2 d²)``

    Its gradient over what a policy did itself is that of the expected return. A row of advantage 1 is an action to be imitated.
    Columns after the advantage, for example the reward, are for learners that read them. The score is the mean squared error of
    the actions, weighed alike.

    Args:
        deviation: d, of the noise.

    >>> PolicyGradient(deviation=1.0).each(torch.zeros(2, 1), torch.tensor([[2.0, 1.0], [2.0, -0.5]]))
    tensor([ 2., -1.])
    """

    deviation: float = 0.5
    metric: ClassVar[str] = "mse"

    def each(self, outputs: Tensor, y: Tensor) -> Tensor:
        wide = outputs.shape[-1]
        if y.shape[-1] <= wide:
            raise ShapeError(
                f"the network has {wide} outputs, one for each number of an action, and targets have {y.shape[-1]} columns. "
                "Give the action, then its advantage."
            )
        return (y[..., :wide] - outputs).square().sum(-1) * y[..., wide] / (2 * self.deviation**2)

    def distribution(self, outputs: Tensor) -> Distribution:
        return Independent(Normal(outputs, self.deviation), 1)

    def rate(self, outputs: Tensor, y: Tensor) -> Tensor:
        return (y[..., : outputs.shape[-1]] - outputs).square().mean(-1)


def advantages(reward: Tensor, seen: Tensor, real: Tensor, discount: float = 0.99) -> Tensor:
    """How much better a run went on than runs did from places like it, of mean 0 and deviation 1 in each task, (B, E, T).

    What is left to come, ``R_t = r_t + γ R_{t+1}``, less a baseline fitted to all runs of the task by least squares: linear in
    what is seen, its squares, and the time up to its cube.

    Args:
        reward: of each step of each run, (B, E, T).
        seen: by the policy there, (B, E, T, D).
        real: 1 for steps that were made, 0 after the end of a run, (B, E, T).
        discount: γ.

    >>> found = advantages(torch.tensor([[[1.0], [3.0]]]), torch.zeros(1, 2, 1, 1), torch.ones(1, 2, 1))
    >>> found.sign()
    tensor([[[-1.],
             [ 1.]]])
    """
    left, ahead = torch.zeros_like(reward), torch.zeros_like(reward[..., 0])
    steps = reward.shape[-1]
    for t in reversed(range(steps)):
        ahead = reward[..., t] + discount * ahead
        left[..., t] = ahead
    time = torch.linspace(0, 1, steps, dtype=reward.dtype, device=reward.device)[:, None] ** torch.arange(4, device=reward.device)
    features = torch.cat([seen, seen.square(), time.expand(*reward.shape[:2], -1, -1)], -1).flatten(1, 2)
    features, target, count = features * real.flatten(1)[..., None], left.flatten(1)[..., None], real.flatten(1)
    within = features.mT @ features + _RIDGE * torch.eye(features.shape[-1], dtype=reward.dtype, device=reward.device)
    found = (target - features @ torch.linalg.solve(within, features.mT @ target))[..., 0] * count
    many = count.sum(1, keepdim=True).clamp(min=1)
    centred = (found - found.sum(1, keepdim=True) / many) * count
    spread = (centred.square().sum(1, keepdim=True) / many).sqrt()
    scaled: Tensor = centred / (spread + 1e-6)
    return scaled.view_as(reward)
