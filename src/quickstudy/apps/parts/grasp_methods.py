"""Methods that choose where and how firmly to grasp: they score all grasps that are offered, after the tries made so far."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from quickstudy.task import Examples
from quickstudy.tasks.source import generator_of
from quickstudy.tasks.worlds.gripper import OUTCOMES, Bars, chances, luck_of, reset

__all__ = ["best_fixed", "bisection", "gaussian_process", "population_map", "repeated", "simulator_known"]

_Scores = Callable[[Tensor], Tensor]
"""From what is seen and the grasps offered (C, 5) to a score of each (C,)."""

_BARS = 3000
_LIFTED, _LEFT, _RIGHT, _SLIPS, _CRUSHED = range(len(OUTCOMES))


def _bars(count: int, seed: int) -> Bars:
    return reset(luck_of(count, generator_of(seed)))


def population_map() -> _Scores:
    """The mean probability of lifting over many bars of meta-training, with their true statics: as if tried without end."""
    bars = _bars(_BARS, 5)
    return lambda x: chances(bars, x[:, 3:].expand(_BARS, -1, -1))[..., 0].mean(0)


def _kept(mean: _Scores) -> _Scores:
    """The scores of a map that looks at grasps alone, computed once: the same ones are offered for each bar."""
    known: dict[int, Tensor] = {}

    def scores(x: Tensor) -> Tensor:
        if len(x) not in known:
            known[len(x)] = mean(x)
        return known[len(x)]

    return scores


def best_fixed(mean: _Scores) -> Callable[[Examples], _Scores]:
    """The grasp that is best on average, whatever was tried."""
    averaged = _kept(mean)
    return lambda support: averaged


def repeated(mean: _Scores) -> Callable[[Examples], _Scores]:
    """A grasp that lifted is repeated; else the best on average that is far from those that failed."""
    averaged = _kept(mean)

    def fitted(support: Examples) -> _Scores:
        def scores(x: Tensor) -> Tensor:
            again = _last_lift(support)
            if again is not None:
                return -(x[:, 3:] - again).square().sum(1)
            found = averaged(x)
            for tried in support.x[:, 3:]:
                found = found * (1 - torch.exp(-(x[:, 3:] - tried).square().sum(1) / 0.02))
            return found

        return scores

    return fitted


def _last_lift(support: Examples) -> Tensor | None:
    lifted = support.x[support.y[:, _LIFTED] > 0, 3:]
    return lifted[-1] if len(lifted) else None


class gaussian_process:  # noqa: N801  a method, named as one
    """Bayesian optimisation of this bar alone: an RBF kernel around the map of all bars; tries by UCB or Thompson sampling.

    Args:
        mean: the map.
        place, force: length scales.
        noise: variance of an outcome.
        by: "ucb" or "thompson".
    """

    def __init__(self, mean: _Scores, *, place: float, force: float, noise: float, by: str) -> None:
        self.averaged = _kept(mean)
        self.scale, self.noise, self.by = torch.tensor([place, force]), noise, by
        self.known: tuple[Tensor, Tensor] | None = None

    def __call__(self, support: Examples) -> _Scores:
        return lambda x: self._posterior(support, x)[0]

    def trying(self, support: Examples) -> _Scores:
        """_Scores by which tries are chosen."""

        def scores(x: Tensor) -> Tensor:
            mean, covariance = self._posterior(support, x)
            if self.by == "ucb":
                return mean + covariance.diagonal().clamp(min=0).sqrt()
            lower: Tensor = torch.linalg.cholesky(covariance + 1e-3 * torch.eye(len(x)))
            return mean + lower @ torch.randn(len(x), generator=generator_of(4, len(support), int(support.x.abs().sum() * 1e4)))

        return scores

    def _kernel(self, a: Tensor, b: Tensor) -> Tensor:
        far = (a / self.scale)[:, None] - (b / self.scale)[None]
        return 0.2 * torch.exp(-0.5 * far.square().sum(-1))

    def _posterior(self, support: Examples, x: Tensor) -> tuple[Tensor, Tensor]:
        grasps, tried = x[:, 3:], support.x[:, 3:]
        if self.known is None or not self.known[0].equal(grasps):
            self.known = grasps, self._kernel(grasps, grasps)
        prior, covariance = self.averaged(x), self.known[1]
        if not len(tried):
            return prior, covariance
        across = self._kernel(tried, grasps)
        among = self._kernel(tried, tried) + self.noise * torch.eye(len(tried))
        solved = torch.linalg.solve(among, across)
        expected = prior[torch.cdist(grasps, tried).argmin(0)]
        return prior + solved.mT @ (support.y[:, _LIFTED] - expected), covariance - across.mT @ solved


def bisection(mean: _Scores) -> Callable[[Examples], _Scores]:
    """Reads how a try failed: tilts halve the places left, slips and crushing the forces; it begins at the outline's middle."""
    averaged = _kept(mean)

    def fitted(support: Examples) -> _Scores:
        def scores(x: Tensor) -> Tensor:
            wanted = _last_lift(support)
            if wanted is None:
                wanted = _bisected(support, float(x[0, 1]) / 2, float(x[averaged(x).argmax(), 4]))
            return -(x[:, 3:] - wanted).square().sum(1)

        return scores

    return fitted


def _bisected(support: Examples, middle: float, force: float) -> Tensor:
    """The next grasp (2,)."""
    low, high, weak, strong, place = max(middle - 0.5, -0.9), min(middle + 0.5, 0.9), 0.0, 1.0, middle
    for (at, firm), ended in zip(support.x[:, 3:].tolist(), support.y.argmax(1).tolist(), strict=True):
        high = min(high, at) if ended == _LEFT else high
        low = max(low, at) if ended == _RIGHT else low
        weak = max(weak, firm) if ended == _SLIPS else weak
        strong = min(strong, firm) if ended == _CRUSHED else strong
        if ended in (_LEFT, _RIGHT):
            place, force = (low + high) / 2, min(force + 0.05, (force + strong) / 2)
        if ended in (_SLIPS, _CRUSHED):
            force = (weak + strong) / 2
    return torch.tensor([place, force]).clamp(torch.tensor([-1.0, 0.0]), torch.tensor([1.0, 1.0]))


def simulator_known(count: int = 30_000, kept: int = 300) -> Callable[[Examples], Any]:
    """Bayes' rule over many bars with the true simulator: no learning, and a bound for methods that act greedily.

    Args:
        count: bars drawn from the prior.
        kept: of which the most probable are averaged.
    """
    bars = _bars(count, 9)
    spread = torch.tensor([0.05, 0.05, 0.3])

    def fitted(support: Examples) -> _Scores:
        def scores(x: Tensor) -> Tensor:
            seen = x[0, :3]
            fit = -((bars.seen - seen) / spread).square().sum(1) / 2
            alike = bars._replace(length=((seen[0] + 1.25) / 5).expand(count))
            for row, ended in zip(support.x[:, 3:], support.y, strict=True):
                fit = fit + (chances(alike, row.expand(count, 2)).clamp(min=1e-4) * ended).sum(1).log()
            best = fit.topk(kept).indices
            few = Bars(*[part[best] for part in alike])
            return fit[best].softmax(0) @ chances(few, x[:, 3:].expand(kept, -1, -1))[..., 0]

        return scores

    return fitted
