"""A planar gripper and bars that look alike and are not: where their centre of mass is, how they slip, and what crushes them.

Statics with friction at the pads: a grasp holds the weight, holds it level, and stays below the crushing force, or it fails in a
way that can be seen.
"""

from typing import NamedTuple, Protocol

import torch
from torch import Tensor

__all__ = ["FORCES", "OUTCOMES", "Bars", "Gripper", "PlanarGripper", "chances", "luck_of", "reset", "step"]

OUTCOMES = ("lifted", "tilts left", "tilts right", "slips", "crushed")

FORCES = (3.0, 30.0)
"""Of the weakest grasp and of the firmest, in newtons."""

_PAD, _GRAVITY, _STEEP = 0.02, 9.81, 12.0


class Bars(NamedTuple):
    """Bars, each field (B,): length (m), outline, centre of mass, friction, mass (kg), crushing force (N), hint."""

    length: Tensor
    outline: Tensor
    centre: Tensor
    friction: Tensor
    mass: Tensor
    crush: Tensor
    hint: Tensor

    @property
    def seen(self) -> Tensor:
        """What a camera shows (B, 3): length, outline, and a hint of the surface, scaled."""
        return torch.stack([self.length * 5 - 1.25, self.outline * 2, self.hint * 2 - 1.1], -1)


def luck_of(count: int, generator: torch.Generator | None) -> Tensor:
    """The luck of so many bars, (count, 7), see `reset`."""
    return torch.cat([torch.rand(count, 6, generator=generator), torch.randn(count, 1, generator=generator)], 1)


def reset(luck: Tensor) -> Bars:
    """Bars of luck (B, 7): six uniform numbers in [0, 1], and a standard normal one for how misleading the surface is.

    The length is 0.1 to 0.4 m; the centre of mass is that of the outline (±0.4 of the half length) and of a hidden lump (±0.45);
    friction 0.25 to 0.9, of which the hint is off by 0.15; mass 0.2 to 1 kg; crushing force 8 to 30 N.
    """
    length, outline, lump, friction, mass, crush, off = luck.unbind(-1)
    middle, rough = 0.8 * outline - 0.4, 0.25 + 0.65 * friction
    centre = (middle + 0.9 * lump - 0.45).clamp(-0.8, 0.8)
    return Bars(0.1 + 0.3 * length, middle, centre, rough, 0.2 + 0.8 * mass, 8 + 22 * crush, rough + 0.15 * off)


def chances(bars: Bars, grasp: Tensor) -> Tensor:
    """Probabilities (B, ..., 5) of `OUTCOMES` for grasps (B, ..., 2): place along the bar in −1 … 1, force 0 (3 N) to 1 (30 N).

    ``slips`` with ``σ(12 (m g / 2 μ f − 1))``, tilts with ``σ(12 (|arm| m g / 2 μ f pad − 1))``, is crushed with
    ``σ(12 (f / crush − 1))``; a crushed bar does nothing else, and one that slips does not tilt.
    """
    shape = (-1, *[1] * (grasp.ndim - 2))
    length, centre, friction, mass, crush = (
        part.view(shape) for part in (bars.length, bars.centre, bars.friction, bars.mass, bars.crush)
    )
    place, force = grasp[..., 0], FORCES[0] + (FORCES[1] - FORCES[0]) * grasp[..., 1]
    arm = (place - centre) * length / 2
    load = mass * _GRAVITY / (2 * friction * force)
    slips, tilts = (_STEEP * (load - 1)).sigmoid(), (_STEEP * (arm.abs() * load / _PAD - 1)).sigmoid()
    crushed = (_STEEP * (force / crush - 1)).sigmoid()
    left, held = (arm > 0).to(arm.dtype), (1 - crushed) * (1 - slips)
    return torch.stack([held * (1 - tilts), held * tilts * left, held * tilts * (1 - left), (1 - crushed) * slips, crushed], -1)


def step(bars: Bars, grasp: Tensor, luck: Tensor) -> tuple[Bars, Tensor]:
    """The bars as they were (each try is made with an equal one), and what happened: a bit of `OUTCOMES` (B, ..., 5).

    Args:
        bars: of the tasks.
        grasp: place and force, (B, ..., 2).
        luck: uniform numbers (B, ...), which decide between the outcomes.
    """
    which = (luck[..., None] > chances(bars, grasp).cumsum(-1)).sum(-1).clamp(max=len(OUTCOMES) - 1)
    return bars, torch.nn.functional.one_hot(which, len(OUTCOMES)).to(grasp.dtype)


class Gripper(Protocol):
    """What grasps bars: how grasps end, and how one of them did."""

    name: str

    def chances(self, bars: Bars, grasp: Tensor) -> Tensor:
        """Probabilities (B, …, 5) of `OUTCOMES` for grasps (B, …, 2)."""

    def step(self, bars: Bars, grasp: Tensor, luck: Tensor) -> tuple[Bars, Tensor]:
        """The bars after a grasp, and what happened: a bit of `OUTCOMES` (B, …, 5)."""


class PlanarGripper:
    """The statics of `chances` and `step`."""

    name = "planar"

    def chances(self, bars: Bars, grasp: Tensor) -> Tensor:
        return chances(bars, grasp)

    def step(self, bars: Bars, grasp: Tensor, luck: Tensor) -> tuple[Bars, Tensor]:
        return step(bars, grasp, luck)
