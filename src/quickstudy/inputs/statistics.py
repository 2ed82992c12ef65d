"""Statistics of the images of meta-training, to notice images that are unlike them."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from quickstudy.errors import DataError

__all__ = ["ImageStatistics", "image_statistics", "measured"]

_NEAR = 0.1
_POINTS = 201
_MARGIN, _ROUNDING, _SAME = 0.25, 0.01, 1e-3
_MANY = 0.5
_FEW = 5
_END, _END_OF_MANY = 0.47, 0.45
"""Distance of the mean rank from the middle: own meta-test classes stay below in 400 of 400 tasks (design log, 2026-11-29)."""
_WORDS = {
    "brightness": "brightness",
    "contrast": "contrast",
    "background": "share of background",
    "edges": "edges",
    "extremes": "share of black and white",
    "colour": "colourfulness",
}


def measured(x: Tensor) -> dict[str, Tensor]:
    """Simple numbers of each image (Q, C, H, W) with values in [0, 1], each (Q,).

    Brightness and contrast are mean and deviation of the grey values; background, the share of pixels within 0.1 of the border's
    median; edges, the mean difference of neighbours; extremes, the share of pixels below 0.1 or above 0.9; colour, the mean
    difference of the largest and the smallest channel.

    >>> {name: float(value) for name, value in measured(torch.zeros(1, 1, 8, 8)).items()}["background"]
    1.0
    """
    grey = x.float().mean(1)
    border = torch.cat([grey[:, 0], grey[:, -1], grey[:, :, 0], grey[:, :, -1]], 1).median(1).values
    across, down = (grey[:, :, 1:] - grey[:, :, :-1]).abs(), (grey[:, 1:] - grey[:, :-1]).abs()
    return {
        "brightness": grey.mean((1, 2)),
        "contrast": grey.flatten(1).std(1, unbiased=False),
        "background": ((grey - border[:, None, None]).abs() < _NEAR).float().mean((1, 2)),
        "edges": (across.flatten(1).sum(1) + down.flatten(1).sum(1)) / (across[0].numel() + down[0].numel()),
        "extremes": ((grey < _NEAR) | (grey > 1 - _NEAR)).float().mean((1, 2)),
        "colour": (x.amax(1) - x.amin(1)).float().mean((1, 2)),
    }


@dataclass(frozen=True)
class ImageStatistics:
    """How the numbers of `measured` are spread over the images of meta-training; JSON-able.

    Args:
        quantiles: 201 for each number, from the least to the largest.
        images: how many were measured.

    Raises:
        DataError: quantiles that are none.
    """

    quantiles: Mapping[str, tuple[float, ...]]
    images: int

    def __post_init__(self) -> None:
        whole = isinstance(self.quantiles, Mapping) and set(self.quantiles) == set(_WORDS)
        if not whole or any(len(row) != _POINTS or list(row) != sorted(row) for row in self.quantiles.values()):
            raise DataError(
                f"these statistics of images are none: {_POINTS} rising numbers are needed for each of {list(_WORDS)}."
            )
        object.__setattr__(self, "quantiles", {name: tuple(map(float, row)) for name, row in self.quantiles.items()})

    def warning(self, x: Tensor) -> str | None:
        """One sentence where images (Q, C, H, W) are unlike those of meta-training, None where they are not.

        They are unlike if more than half lie beyond the usual range of some number, the middle 99 % and a quarter of it on each
        side; or if on average they stand at an end of the order of some number: below 3 of 100 images of meta-training or above
        97 of 100 (5 and 95 for ten images or more; with fewer than five, which may be one class by chance, this is skipped).

        >>> strokes = image_statistics((torch.rand(200, 1, 8, 8) > 0.8).float())
        >>> strokes.warning((torch.rand(20, 1, 8, 8) > 0.8).float()) is None
        True
        >>> print(strokes.warning(torch.full((20, 1, 8, 8), 0.5))[:46])
        These images are unlike those of meta-training
        """
        if not len(x):
            return None
        found = measured(x)
        beyond, ends = {}, {}
        for name, row in self.quantiles.items():
            low, high = self._limits(name)
            beyond[name] = (found[name] < low) | (found[name] > high)
            table, values = torch.tensor(row), found[name].contiguous()
            rank = torch.searchsorted(table, values - _SAME) + torch.searchsorted(table, values + _SAME, right=True)
            ends[name] = abs(float(rank.float().mean()) / (2 * _POINTS) - 0.5)
        end = 1.0 if len(x) < _FEW else _END if len(x) < 2 * _FEW else _END_OF_MANY
        if float(torch.stack(list(beyond.values())).any(0).float().mean()) <= _MANY and max(ends.values()) <= end:
            return None
        worst = sorted(_WORDS, key=lambda name: (float(beyond[name].float().mean()), ends[name]), reverse=True)[:2]
        told = [f"{_WORDS[name]} {float(found[name].median()):.2f} (usually {self._usual(name)})" for name in worst]
        return (
            f"These images are unlike those of meta-training: {', '.join(told)}. Predictions may be no better than chance: try "
            "some images of known classes first, or train on images of this kind."
        )

    def _limits(self, name: str) -> tuple[float, float]:
        low, high = self.quantiles[name][1], self.quantiles[name][-2]
        margin = _MARGIN * (high - low) + _ROUNDING
        return low - margin, high + margin

    def _usual(self, name: str) -> str:
        return f"{self.quantiles[name][10]:.2f} to {self.quantiles[name][-11]:.2f}"


def image_statistics(x: Tensor) -> ImageStatistics:
    """Of images of meta-training (Q, C, H, W) with values in [0, 1].

    >>> image_statistics(torch.rand(50, 3, 8, 8)).images
    50
    """
    steps = torch.linspace(0, 1, _POINTS, dtype=torch.double)
    found = {name: values.double().quantile(steps) for name, values in measured(x).items()}
    return ImageStatistics({name: tuple(round(value, 4) for value in row.tolist()) for name, row in found.items()}, len(x))
