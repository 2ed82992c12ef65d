"""Methods that find the way to a goal after rounds of tries: policies that take gradient steps, and rules made by hand."""

import math
from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor
from torch.optim import Adam

from quickstudy.learners.optimization.policy_maml import PolicyMAML
from quickstudy.nn.mlp import MLP
from quickstudy.recipes.parts.recipe import one_cycle
from quickstudy.task import Examples
from quickstudy.tasks.worlds.navigation import Navigation
from quickstudy.tasks.worlds.points import STEP
from quickstudy.train import train

__all__ = ["best_try", "from_distances", "meta_policy", "pooled_policy", "random_policy", "sweep"]

_Steers = Callable[[Tensor], Tensor]
"""From places (E, 2) to actions (E, 2)."""

_WIDTH = 64
_STAR, _CLOSER = 0.1, 0.06


def _policy(inner_lr: tuple[float, ...], *, learn_rates: bool = False) -> PolicyMAML:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return PolicyMAML(MLP(2, (_WIDTH, _WIDTH), outputs=2), inner_lr=inner_lr, learn_rates=learn_rates)


def _rewarded(source: Navigation, rounds: int = 0) -> Navigation:
    """The same worlds with so many rounds: a policy's own tries and their rewards are all that there is to learn from."""
    return Navigation(rounds, tries=source.tries, horizon=source.horizon, cells=source.cells, shown=False, least=rounds)


def _trained(policy: PolicyMAML, source: Navigation, steps: int, batch: int, lr: float) -> PolicyMAML:
    optimizer = Adam(policy.parameters(), lr)
    schedule = one_cycle(optimizer, steps)
    for _ in train(policy, source, steps=steps, batch=batch, optimizer=optimizer, schedule=schedule, clip=10.0):
        pass
    return policy.eval()


@lru_cache(maxsize=4)
def _pooled(source: Navigation, steps: int) -> PolicyMAML:
    return _trained(_policy((1.0,)), _rewarded(source), steps, 20, 3e-3)


def _stepping(policy: PolicyMAML, first: float, later: float, rounds: int) -> PolicyMAML:
    """The policy with step sizes after the first round and after later ones."""
    made = _policy((first, *[first * later] * (rounds - 1)))
    made.network.load_state_dict(policy.network.state_dict())
    return made.eval()


def pooled_policy(source: Navigation, first: float, later: float, steps: int = 300) -> PolicyMAML:
    """A policy that policy gradients trained on all goals, which takes a gradient step after each round."""
    return _stepping(_pooled(source, steps), first, later, source.rounds)


@lru_cache(maxsize=4)
def _meta_trained(source: Navigation, steps: int) -> PolicyMAML:
    return _trained(_policy((0.1,), learn_rates=True), _rewarded(source, 1), steps, 20, 3e-3)


def meta_policy(source: Navigation, later: float, steps: int = 300) -> PolicyMAML:
    """MAML with policy gradients: meta-trained for the return after one step, whose size it learns; later ones are smaller."""
    policy = _meta_trained(source, steps)
    return _stepping(policy, float(policy.log_rates.detach().exp()), later, source.rounds)


def random_policy(source: Navigation, first: float, later: float) -> PolicyMAML:
    """The same from random weights."""
    return _stepping(_policy((1.0,)), first, later, source.rounds)


def _towards(aim: Tensor, place: Tensor) -> Tensor:
    """The action that goes straight to an aim, as fast as can be."""
    ahead = (aim - place) / STEP
    action: Tensor = ahead / ahead.abs().amax(-1, keepdim=True).clamp(min=1)
    return action


def _after(support: Examples) -> Tensor:
    """Where each step in the plane led to."""
    place: Tensor = support.x + STEP * support.y[:, :2].clamp(-1, 1)
    return place


def _best_place(support: Examples) -> Tensor:
    return _after(support)[support.y[:, 3].argmax()]


def _headings(count: int) -> Tensor:
    angle = torch.arange(count) * (2 * math.pi / count)
    return torch.stack([angle.cos(), angle.sin()], -1)


class sweep:  # noqa: N801  a method, named as one
    """Searches in all directions, remembers the place that brought most, searches around it, and in the end goes there."""

    def __call__(self, support: Examples) -> _Steers:
        aim = _best_place(support) if len(support) else torch.zeros(2)
        return lambda place: _towards(aim, place)

    def trying(self, support: Examples) -> _Steers:
        """The first round is a star; a later one goes to places around the best."""
        if not len(support):
            return lambda place: _towards(place + _headings(len(place)), place)
        aim, closer = _best_place(support), _STAR / (1 + float(support.y[:, -1].max()))
        return lambda place: _towards(aim + closer * _headings(len(place)), place)


class best_try:  # noqa: N801  a method, named as one
    """Goes the way of the try that came nearest, as far as it came, and tries on from there by chance."""

    def __call__(self, support: Examples) -> _Steers:
        if not len(support):
            return torch.zeros_like
        path = _nearest_way(support)

        def steered(place: Tensor) -> Tensor:
            far = torch.cdist(place, path)
            number = torch.arange(len(path))
            near = torch.where(far < _CLOSER, number, -1).amax(1)
            at = torch.where(near >= 0, near, far.argmin(1))
            return _towards(path[(at + 1).clamp(max=len(path) - 1)], place)

        return steered


def _nearest_way(support: Examples) -> Tensor:
    """Places of the best try up to its best step, and where that led."""
    best = int(support.y[:, 3].argmax())
    begins = int((support.x[: best + 1] == 0).all(1).nonzero()[-1, 0])
    rows = support[torch.arange(begins, best + 1)]
    return torch.cat([rows.x, _after(rows)[-1:]])


def from_distances(support: Examples) -> _Steers:
    """Computes the goal from the rewards, by least squares: who knows that they are distances in the plane needs no learner."""
    if not len(support):
        return torch.zeros_like
    place = _after(support).double()
    squares = place.square().sum(1) - support.y[:, 3].double().square()
    system = torch.cat([2 * place, -torch.ones(len(place), 1, dtype=torch.float64)], 1)
    goal = torch.linalg.lstsq(system, squares[:, None], driver="gelsd").solution[:2, 0].float()
    return lambda at: _towards(goal, at)
