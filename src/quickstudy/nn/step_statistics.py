"""Running averages of batch norms, apart for each step of an inner loop.

Source: Antoniou, Edwards & Storkey, 2019, How to train your MAML.
"""

import torch
from torch import Tensor, nn

from quickstudy.functional.gathering import gather_sum
from quickstudy.nn import norm

__all__ = ["StepStatistics"]


class StepStatistics(nn.Module):
    """Means and variances of every batch norm of a network at each of several inner steps, averaged over meta-training.

    What tasks show is first gathered, then folded into the averages once for all tasks of an outer step, so that their
    order, and whether they were mapped or looped, makes no difference.

    Args:
        network: converted by `quickstudy.nn.norm.convert`.
        steps: how many sets of averages.
        momentum: weight of the newest outer step.

    >>> statistics = StepStatistics(norm.convert(nn.Sequential(nn.BatchNorm1d(2))), steps=3)
    >>> statistics.gather(1, {"0": (torch.tensor([1.0, 2.0]), torch.ones(2))})
    >>> statistics.fold()
    >>> statistics.at(1)["0"][0], statistics.at(0)["0"][0]
    (tensor([0.1000, 0.2000]), tensor([0., 0.]))
    """

    mean: Tensor
    variance: Tensor
    total: Tensor
    count: Tensor

    def __init__(self, network: nn.Module, *, steps: int, momentum: float = 0.1) -> None:
        super().__init__()
        self.channels = {part.name: part.features for part in network.modules() if isinstance(part, norm.BatchNorm)}
        self.momentum = momentum
        example = next(network.parameters(), torch.zeros(()))
        width = sum(self.channels.values())
        self.register_buffer("mean", example.new_zeros(steps, width))
        self.register_buffer("variance", example.new_ones(steps, width))
        self.register_buffer("total", example.new_zeros(2, steps, width), persistent=False)
        self.register_buffer("count", example.new_zeros(steps), persistent=False)

    def at(self, step: int) -> norm.Statistics:
        """The averages of a step, the last one's for all that come after."""
        step = min(step, len(self.count) - 1)
        sizes = list(self.channels.values())
        means, variances = self.mean[step].split_with_sizes(sizes), self.variance[step].split_with_sizes(sizes)
        return dict(zip(self.channels, zip(means, variances, strict=True), strict=True))

    def gather(self, step: int, seen: norm.Statistics) -> None:
        """Adds what one task showed; a layer that was called several times counts by its mean."""
        moments = []
        for name in self.channels:
            calls = [torch.stack(pair) for key, pair in seen.items() if key == name or key.startswith(f"{name}#")]
            moments.append(torch.stack(calls).mean(0))

        def add(value: Tensor, tasks: int) -> None:
            self.total[:, step] += value
            self.count[step] += tasks

        gather_sum(torch.cat(moments, 1), add)

    def fold(self) -> None:
        """Moves the averages toward what was gathered, and forgets it."""
        seen = (self.count > 0)[:, None]
        new = self.total / self.count.clamp(min=1)[:, None]
        for average, latest in zip((self.mean, self.variance), new, strict=True):
            average.copy_(torch.where(seen, (1 - self.momentum) * average + self.momentum * latest, average))
        self.total.zero_()
        self.count.zero_()
